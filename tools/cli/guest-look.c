/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-look.c - see guest-look.h
 *
 * A request that is under way holds a reference, so that whoever is tired of
 * waiting may go.
 */
#include "tools/cli/guest-look.h"

#include <math.h>
#include <string.h>

#define MOST_RUNS 8       /* of history; before that the guest was another */
#define LEAST_LOG_SD 0.05 /* no window is better than that */
#define MOST_WINDOWS (VIRT_DIRTY_MOST_WINDOWS + 1)
/* Within one measurement: this far apart, from here on. Hashing the samples of
 * a small guest takes some tens of milliseconds. */
#define CURVE_STEP 0.63
#define CURVE_FROM_MS 100

struct GuestLook {
    unsigned refs;
    VirtGuest *guest;
    GuestLookSpec spec;
    GPtrArray *history; /* StoreRun *, latest first; NULL: none */
    VirtMemory memory;
    bool has_memory;
    ForecastWindow windows[MOST_WINDOWS];
    size_t n_windows;
    size_t next_window;
    unsigned awaited; /* in a hurry: answers before it is ready */
    bool cancelled;
};

static void next_window(GuestLook *look);

GuestLook *
guest_look_new(VirtGuest *guest, const GuestLookSpec *spec)
{
    GuestLook *look = g_new0(GuestLook, 1);

    look->refs = 1;
    look->guest = virt_guest_ref(guest);
    look->spec = *spec;
    return look;
}

void
guest_look_unref(GuestLook *look)
{
    if (!look || --look->refs > 0) {
        return;
    }
    virt_guest_unref(look->guest);
    g_clear_pointer(&look->history, g_ptr_array_unref);
    g_free(look);
}

static GuestLook *
guest_look_ref(GuestLook *look)
{
    look->refs++;
    return look;
}

static void note(const GuestLook *look, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

static void
note(const GuestLook *look, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    if (!look->spec.note) {
        return;
    }
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    look->spec.note(text, look->spec.user);
}

void
guest_look_read_history(GuestLook *look, const char *path, bool named)
{
    const char *uuid = virt_guest_info(look->guest)->uuid;
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = NULL;

    if (!path || !uuid) {
        return;
    }
    store = store_open_to_read(path, &error);
    look->history = store ? store_runs(store, uuid, MOST_RUNS, &error) : NULL;
    /* Before the first migration there is no history: as it should be. */
    if (error && !(g_error_matches(error, STORE_ERROR, STORE_ERROR_NONE_YET) &&
                   !named)) {
        note(look, "earlier migrations are not considered: %s", error->message);
    }
}

/* --- what takes its time --- */

static double
window_log_sd(const VirtDirtySample *sample, double total_pages)
{
    double hits = sample->pages / total_pages * sample->samples;
    double width;

    if (sample->low_pages <= 0) {
        return 1.0; /* below what QEMU's whole MiB/s can tell */
    }
    width = log(sample->high_pages / sample->low_pages);
    return sqrt(LEAST_LOG_SD * LEAST_LOG_SD + 1.0 / (hits + 0.5) +
                width * width / 12);
}

static void
look_done(GuestLook *look)
{
    look->spec.done(look->spec.user);
}

/* Return: whether it was one of the answers that .ready waits for */
static bool
look_ready(GuestLook *look)
{
    if (look->awaited == 0) {
        return false;
    }
    if (--look->awaited == 0) {
        look->spec.ready(look->spec.user);
    }
    return true;
}

static void
add_window(GuestLook *look, const VirtDirtySample *sample)
{
    const VirtGuestInfo *guest = virt_guest_info(look->guest);

    look->windows[look->n_windows++] = (ForecastWindow){
        .window_s = sample->window_s,
        .pages = sample->pages,
        .low_pages = sample->low_pages,
        .high_pages = sample->high_pages,
        .log_sd = window_log_sd(sample, (double)guest->memory_bytes / 4096),
        .source = sample->curve     ? FORECAST_WINDOW_CURVE
                  : sample->monitor ? FORECAST_WINDOW_MONITOR
                                    : FORECAST_WINDOW_LIBVIRT,
    };
}

static void
on_sampled(VirtGuest *guest, const VirtDirtySample *sample, const GError *error,
           gpointer user)
{
    g_autoptr(GuestLook) look = user;

    if (look->cancelled) {
        return;
    }
    if (error) {
        note(look, "%s", error->message);
        look->next_window = look->spec.n_windows;
    } else {
        add_window(look, sample);
    }
    if (!look_ready(look)) {
        next_window(look);
    }
}

static void
next_window(GuestLook *look)
{
    unsigned window_ms;

    if (look->next_window >= look->spec.n_windows) {
        look_done(look);
        return;
    }
    window_ms = look->spec.windows_ms[look->next_window++];
    if (look->spec.sampling) {
        look->spec.sampling(window_ms, look->spec.user);
    }
    virt_guest_sample_dirty(look->guest, window_ms, look->spec.monitor,
                            on_sampled, guest_look_ref(look));
}

/* --- all windows at once, where QEMU can --- */

static void
on_curve(VirtGuest *guest, const VirtDirtySample *samples, size_t n_samples,
         const GError *error, gpointer user)
{
    g_autoptr(GuestLook) look = user;

    if (look->cancelled) {
        return;
    }
    if (error) {
        note(look, "%s", error->message);
    }
    for (size_t i = 0; !error && i < n_samples; i++) {
        add_window(look, &samples[i]);
    }
    look_done(look);
}

/* Those that were asked for, and between them as many as there may be. */
static size_t
windows_within(const GuestLookSpec *spec, unsigned whole_ms,
               unsigned *inside_ms)
{
    double ms = whole_ms;
    size_t n = 0;

    for (size_t i = 0; i < spec->n_windows; i++) {
        if (spec->windows_ms[i] < whole_ms &&
            (n == 0 || spec->windows_ms[i] > inside_ms[n - 1])) {
            inside_ms[n++] = spec->windows_ms[i];
        }
    }
    while ((ms *= CURVE_STEP) >= CURVE_FROM_MS && n < VIRT_DIRTY_MOST_WINDOWS) {
        size_t i = 0;

        while (i < n && inside_ms[i] < (unsigned)ms) {
            i++;
        }
        if ((i < n && ms > inside_ms[i] * sqrt(CURVE_STEP)) ||
            (i > 0 && inside_ms[i - 1] > ms * sqrt(CURVE_STEP))) {
            continue; /* there is one nearby */
        }
        memmove(&inside_ms[i + 1], &inside_ms[i], (n - i) * sizeof(*inside_ms));
        inside_ms[i] = (unsigned)ms;
        n++;
    }
    return n;
}

static void
on_can_sample(VirtGuest *guest, bool can, const GError *error, gpointer user)
{
    g_autoptr(GuestLook) look = user;
    const GuestLookSpec *spec = &look->spec;
    unsigned inside_ms[VIRT_DIRTY_MOST_WINDOWS], whole_ms;
    size_t n;

    if (look->cancelled) {
        return;
    }
    if (error || !can) {
        next_window(look); /* which finds out what is wrong, if anything */
        return;
    }
    whole_ms = (spec->windows_ms[spec->n_windows - 1] + 999) / 1000 * 1000;
    n = windows_within(spec, whole_ms, inside_ms);
    if (spec->sampling) {
        spec->sampling(whole_ms, spec->user);
    }
    virt_guest_sample_curve(look->guest, whole_ms, inside_ms, n, on_curve,
                            guest_look_ref(look));
}

static void
first_window(GuestLook *look)
{
    if (look->spec.monitor && !look->spec.one_by_one &&
        look->spec.n_windows > 0) {
        virt_guest_can_sample_curve(look->guest, on_can_sample,
                                    guest_look_ref(look));
    } else {
        next_window(look);
    }
}

static void
on_memory(VirtGuest *guest, const VirtMemory *memory, const GError *error,
          gpointer user)
{
    g_autoptr(GuestLook) look = user;

    if (look->cancelled) {
        return;
    }
    if (error) {
        note(look, "%s", error->message);
    } else {
        look->memory = *memory;
        look->has_memory = true;
    }
    if (!look_ready(look)) {
        first_window(look);
    }
}

bool
guest_look_has_history(const GuestLook *look)
{
    for (guint i = 0; look->history && i < look->history->len; i++) {
        if (((const StoreRun *)g_ptr_array_index(look->history, i))
                ->points->len > 0) {
            return true;
        }
    }
    return false;
}

void
guest_look_start(GuestLook *look)
{
    if (look->spec.hurry_ms > 0) {
        look->awaited = 1;
        if (look->spec.n_windows > 0 && !guest_look_has_history(look)) {
            look->awaited++;
            next_window(look);
        }
    }
    virt_guest_read_memory(look->guest, look->spec.hurry_ms, on_memory,
                           guest_look_ref(look));
}

void
guest_look_go_on(GuestLook *look)
{
    if (!look->cancelled) {
        next_window(look);
    }
}

void
guest_look_cancel(GuestLook *look)
{
    look->cancelled = true;
}

/* --- what was seen --- */

static void
fill_nonzero(const GuestLook *look, ForecastInput *input)
{
    const VirtMemory *memory = &look->memory;
    double total = (double)input->memory_bytes;

    if (look->has_memory && memory->nonzero_share.known) {
        input->nonzero_bytes = known(memory->nonzero_share.value * total);
        input->nonzero_source = "sampled";
        return;
    }
    for (guint i = 0; look->history && i < look->history->len; i++) {
        const StoreRun *run = g_ptr_array_index(look->history, i);

        if (run->first_pass_bytes.known) {
            input->nonzero_bytes =
                known(fmin(run->first_pass_bytes.value, total));
            input->nonzero_source = "as the last time";
            return;
        }
    }
    if (look->has_memory && memory->used_bytes.known) {
        input->nonzero_bytes = known(fmin(memory->used_bytes.value, total));
        input->nonzero_source = "in use, says its balloon driver";
        return;
    }
    input->nonzero_bytes = known(total);
    input->nonzero_source = "all, for nothing is known of it";
}

/* Oldest first, as before_fit() has it. */
static BeforeRun *
runs_of(const GuestLook *look, size_t *n_runs)
{
    guint n = look->history ? look->history->len : 0;
    BeforeRun *runs = g_new0(BeforeRun, n + 1);

    *n_runs = 0;
    for (guint i = n; i > 0; i--) {
        const StoreRun *run = g_ptr_array_index(look->history, i - 1);

        G_STATIC_ASSERT(sizeof(StorePoint) == sizeof(ForecastPoint));
        if (run->points->len > 0) {
            runs[(*n_runs)++] = (BeforeRun){
                (const ForecastPoint *)(const void *)run->points->data,
                run->points->len,
            };
        }
    }
    return runs;
}

void
guest_look_fill(const GuestLook *look, ForecastInput *input, BeforeRun **runs)
{
    const VirtGuestInfo *guest = virt_guest_info(look->guest);

    input->guest_name = guest->name;
    input->guest_uuid = guest->uuid;
    input->memory_bytes = guest->memory_bytes;
    input->windows = look->windows;
    input->n_windows = look->n_windows;
    *runs = runs_of(look, &input->n_runs);
    input->runs = *runs;
    fill_nonzero(look, input);
}
