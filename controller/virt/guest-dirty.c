/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-dirty.c - page sampling, by libvirt's own call or QEMU's monitor
 *
 *   start ── job check ──> libvirt: StartDirtyRateCalc ──┐   (window)
 *                     └──> monitor: calc-dirty-rate ─────┴── ... ask ──> done
 *                                                             └── not yet:
 *                                                                 ask again
 *
 * Neither side sends an event when the window is over: it is asked for, first
 * at the window's end, then ten times a second. That nothing migrates is
 * checked before, and at each question: libvirt would keep the start waiting
 * behind a migration's job, the monitor would measure in the middle of one.
 */
#include "virt/guest-dirty.h"

#include <string.h>

#include "base/json.h"
#include "virt/guest-dirty-priv.h"

#define MIB 1048576.0
#define PAGE_BYTES 4096.0
#define ASK_AGAIN_MS 100
#define PATIENCE_MS 15000    /* after the window; a busy host hashes slowly */
#define BEFORE_FRACTIONS 802 /* QEMU 8.2 */

typedef struct Sampling {
    VirtGuest *guest;
    virDomainPtr domain;
    unsigned window_ms;
    unsigned waited_ms; /* since the window's end */
    VirtDirtyAnswer answer;
    VirtDirtySample sample;
    GError *error;
    VirtDirtySampled done;
    gpointer user;
    /* several windows in one measurement */
    VirtCurveSampled curve_done; /* NULL: just one */
    unsigned inside_ms[VIRT_DIRTY_MOST_WINDOWS];
    size_t n_inside;
    VirtDirtySample curve[VIRT_DIRTY_MOST_WINDOWS + 1];
    size_t n_curve;
} Sampling;

static void wait_for_window(Sampling *sampling, unsigned delay_ms);

static void
sampling_end(Sampling *sampling)
{
    if (sampling->curve_done) {
        sampling->curve_done(
            sampling->guest, sampling->error ? NULL : sampling->curve,
            sampling->n_curve, sampling->error, sampling->user);
    } else {
        sampling->done(sampling->guest,
                       sampling->error ? NULL : &sampling->sample,
                       sampling->error, sampling->user);
    }
    g_clear_error(&sampling->error);
    virt_guest_unref(sampling->guest);
    g_free(sampling);
}

static VirtPool *
pool_of(Sampling *sampling)
{
    return virt_host_pool(virt_guest_host(sampling->guest));
}

/* --- pure --- */

unsigned
virt_version_number(const char *version)
{
    char *end = NULL;
    guint64 major, minor;

    if (!version || !g_ascii_isdigit(*version)) {
        return 0;
    }
    major = g_ascii_strtoull(version, &end, 10);
    if (*end != '.' || !g_ascii_isdigit(end[1])) {
        return 0;
    }
    minor = g_ascii_strtoull(end + 1, NULL, 10);
    return major > 999 || minor > 99 ? 0 : (unsigned)(major * 100 + minor);
}

char *
virt_dirty_command(unsigned window_ms, const unsigned *inside_ms,
                   size_t n_inside)
{
    GString *text = g_string_new("{\"execute\":\"calc-dirty-rate\","
                                 "\"arguments\":{");

    /* QEMU before 8.2 knows neither the unit nor parts of a second. */
    if (window_ms % 1000 == 0) {
        g_string_append_printf(text, "\"calc-time\":%u,", window_ms / 1000);
    } else {
        g_string_append_printf(text,
                               "\"calc-time\":%u,"
                               "\"calc-time-unit\":\"millisecond\",",
                               window_ms);
    }
    for (size_t i = 0; i < n_inside; i++) {
        g_string_append_printf(text, "%s%u%s", i == 0 ? "\"windows\":[" : ",",
                               inside_ms[i], i + 1 == n_inside ? "]," : "");
    }
    g_string_append_printf(text,
                           "\"sample-pages\":%d,"
                           "\"mode\":\"page-sampling\"}}",
                           VIRT_DIRTY_MOST_SAMPLES);
    return g_string_free(text, FALSE);
}

static bool
read_windows(JsonObject *list, VirtDirtyAnswer *answer)
{
    size_t n = json_object_array_length(list);

    if (n > G_N_ELEMENTS(answer->windows)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        JsonObject *object = json_object_array_get_idx(list, i);
        uint64_t time_ms, pages, dirty, samples;

        if (!jobj_get_u64(object, "time", &time_ms) ||
            !jobj_get_u64(object, "dirty-pages", &pages) ||
            !jobj_get_u64(object, "dirty-samples", &dirty) ||
            !jobj_get_u64(object, "samples", &samples) || time_ms == 0 ||
            dirty > samples) {
            return false;
        }
        answer->windows[i] =
            (VirtDirtyWindow){ (double)time_ms / 1000, (double)pages,
                               (double)dirty, (double)samples };
    }
    answer->n_windows = n;
    return true;
}

bool
virt_dirty_reply_read(const char *reply, VirtDirtyAnswer *answer,
                      GError **error)
{
    g_autoptr(JsonObject) object = jobj_parse(reply, strlen(reply), error);
    const char *status = NULL, *why = NULL;
    JsonObject *windows;

    if (!object) {
        g_prefix_error(error, "QEMU's answer: ");
        return false;
    }
    if (jobj_get(object, "error")) {
        jobj_get_string(object, "error.desc", &why);
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_FAILED, "QEMU refuses: %s",
                    why ? why : reply);
        return false;
    }
    if (!jobj_get_string(object, "return.status", &status)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_FAILED,
                    "QEMU's answer makes no sense: %s", reply);
        return false;
    }
    *answer = (VirtDirtyAnswer){ .measured = g_str_equal(status, "measured") };
    windows = jobj_get(object, "return.windows");
    if (answer->measured && json_object_is_type(windows, json_type_array) &&
        !read_windows(windows, answer)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_FAILED,
                    "QEMU's answer has windows that make no sense: %s", reply);
        return false;
    }
    if (answer->measured &&
        !jobj_get_i64(object, "return.dirty-rate", &answer->mib_s)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_FAILED,
                    "QEMU's answer has no dirty-rate: %s", reply);
        return false;
    }
    return true;
}

void
virt_dirty_sample_of(int64_t mib_s, unsigned window_ms, uint64_t memory_bytes,
                     bool monitor, VirtDirtySample *sample)
{
    double window_s = window_ms / 1000.0;
    double of_one = MIB / PAGE_BYTES * window_s; /* pages at 1 MiB/s */
    double all = (double)memory_bytes / PAGE_BYTES;
    double rate = (double)MAX(mib_s, 0);

    *sample = (VirtDirtySample){
        .window_s = window_s,
        .low_pages = MIN(rate * of_one, all),
        .high_pages = MIN((rate + 1) * of_one, all),
        .samples = (double)memory_bytes / (1024 * MIB) *
                   (monitor ? VIRT_DIRTY_MOST_SAMPLES : VIRT_DIRTY_SAMPLES),
        .monitor = monitor,
    };
    sample->pages = mib_s > 0 ? (sample->low_pages + sample->high_pages) / 2
                              : sample->high_pages / 4;
}

void
virt_dirty_sample_of_window(const VirtDirtyWindow *window,
                            uint64_t memory_bytes, VirtDirtySample *sample)
{
    *sample = (VirtDirtySample){
        .window_s = window->window_s,
        .pages = window->pages,
        .low_pages = window->pages,
        .high_pages = window->pages,
        .samples = window->samples,
        .monitor = true,
        .curve = true,
    };
    if (window->dirty_samples <= 0 || window->pages <= 0) {
        /* less than what one sample stands for */
        sample->low_pages = 0;
        sample->high_pages =
            (double)memory_bytes / PAGE_BYTES / MAX(window->samples, 1);
        sample->pages = sample->high_pages / 4;
    }
}

/* --- asking --- */

/* Also what the monitor's answer goes through. */
static void
take_answer(Sampling *sampling)
{
    const VirtGuestInfo *info = virt_guest_info(sampling->guest);

    if (!sampling->error && !sampling->answer.measured) {
        if (sampling->waited_ms < PATIENCE_MS) {
            sampling->waited_ms += ASK_AGAIN_MS;
            wait_for_window(sampling, ASK_AGAIN_MS);
            return;
        }
        g_set_error(&sampling->error, VIRT_ERROR, VIRT_ERROR_TIMEOUT,
                    "guest '%s': QEMU has not measured its dirty pages %d s "
                    "after the window of %g s",
                    info->name, PATIENCE_MS / 1000,
                    sampling->window_ms / 1000.0);
    }
    if (!sampling->error && sampling->curve_done) {
        const VirtDirtyAnswer *answer = &sampling->answer;

        if (answer->n_windows == 0) {
            g_set_error(&sampling->error, VIRT_ERROR, VIRT_ERROR_FAILED,
                        "guest '%s': QEMU tells of no window within its "
                        "measurement",
                        info->name);
        }
        for (size_t i = 0; i < answer->n_windows; i++) {
            virt_dirty_sample_of_window(&answer->windows[i], info->memory_bytes,
                                        &sampling->curve[sampling->n_curve++]);
        }
    } else if (!sampling->error) {
        virt_dirty_sample_of(sampling->answer.mib_s, sampling->window_ms,
                             info->memory_bytes, sampling->sample.monitor,
                             &sampling->sample);
    }
    sampling_end(sampling);
}

static bool
nothing_migrates(Sampling *sampling)
{
    if (virt_has_job(sampling->domain)) {
        g_set_error(&sampling->error, VIRT_ERROR, VIRT_ERROR_BUSY,
                    "guest '%s': it migrates, is saved or backed up at the "
                    "moment, and its dirty pages are not sampled then; try "
                    "again afterwards",
                    virDomainGetName(sampling->domain));
        return false;
    }
    return true;
}

static void
ask_work(gpointer data)
{
    Sampling *sampling = data;
    virDomainPtr domains[] = { sampling->domain, NULL };
    virDomainStatsRecordPtr *records = NULL;
    int n, status = -1;
    long long rate = 0;

    if (!nothing_migrates(sampling) || sampling->sample.monitor) {
        return;
    }
    n = virDomainListGetStats(domains, VIR_DOMAIN_STATS_DIRTYRATE, &records, 0);
    if (n < 0) {
        virt_error_take_guest(&sampling->error, sampling->domain,
                              "reading the pages it wrote to");
        return;
    }
    if (n == 0 || virTypedParamsGetInt(records[0]->params, records[0]->nparams,
                                       "dirtyrate.calc_status", &status) != 1) {
        g_set_error(&sampling->error, VIRT_ERROR, VIRT_ERROR_NOT_RUNNING,
                    "guest '%s' tells nothing about the pages it writes to: "
                    "does it still run?",
                    virDomainGetName(sampling->domain));
    }
    sampling->answer.measured =
        status == VIR_DOMAIN_DIRTYRATE_MEASURED &&
        virTypedParamsGetLLong(records[0]->params, records[0]->nparams,
                               "dirtyrate.megabytes_per_second", &rate) == 1;
    sampling->answer.mib_s = rate;
    virDomainStatsRecordListFree(records);
}

static void
on_reply(VirtGuest *guest, const char *reply, const GError *error,
         gpointer user)
{
    Sampling *sampling = user;

    if (error) {
        sampling->error = g_error_copy(error);
    } else if (!virt_dirty_reply_read(reply, &sampling->answer,
                                      &sampling->error)) {
        g_prefix_error(&sampling->error,
                       "guest '%s': ", virt_guest_info(guest)->name);
    }
    take_answer(sampling);
}

static void
ask_deliver(gpointer data)
{
    Sampling *sampling = data;

    if (!sampling->error && sampling->sample.monitor) {
        virt_guest_monitor(sampling->guest,
                           "{\"execute\":\"query-dirty-rate\"}", on_reply,
                           sampling);
        return;
    }
    take_answer(sampling);
}

static void
wait_for_window(Sampling *sampling, unsigned delay_ms)
{
    virt_pool_call_later(pool_of(sampling), delay_ms, ask_work, ask_deliver,
                         sampling);
}

/* --- starting --- */

static void
start_work(gpointer data)
{
    Sampling *sampling = data;

    if (!sampling->error && nothing_migrates(sampling) &&
        !sampling->sample.monitor &&
        virDomainStartDirtyRateCalc(
            sampling->domain, (int)(sampling->window_ms / 1000),
            VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING) < 0) {
        virt_error_take_guest(&sampling->error, sampling->domain,
                              "sampling the pages it writes to");
    }
}

static void
on_started(VirtGuest *guest, const char *reply, const GError *error,
           gpointer user)
{
    Sampling *sampling = user;

    if (error) {
        sampling->error = g_error_copy(error);
    } else if (strstr(reply, "\"error\"")) {
        VirtDirtyAnswer none;

        virt_dirty_reply_read(reply, &none, &sampling->error);
        g_prefix_error(&sampling->error,
                       "guest '%s': sampling the pages it writes to: ",
                       virt_guest_info(guest)->name);
    }
    if (sampling->error) {
        sampling_end(sampling);
        return;
    }
    wait_for_window(sampling, sampling->window_ms);
}

static void
start_deliver(gpointer data)
{
    Sampling *sampling = data;

    if (sampling->error) {
        sampling_end(sampling);
    } else if (sampling->sample.monitor) {
        g_autofree char *command = virt_dirty_command(
            sampling->window_ms, sampling->inside_ms, sampling->n_inside);

        virt_guest_monitor(sampling->guest, command, on_started, sampling);
    } else {
        wait_for_window(sampling, sampling->window_ms);
    }
}

static void
check_window(const Sampling *sampling, GError **error)
{
    unsigned window_ms = sampling->window_ms;
    bool fraction = window_ms % 1000 != 0;
    const char *version =
        virt_host_info(virt_guest_host(sampling->guest))->hypervisor_version;

    if (window_ms > 60000 || window_ms < (fraction ? 50 : 1000)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_INVALID,
                    "QEMU samples dirty pages in windows of up to 60 s, not "
                    "of %g s",
                    window_ms / 1000.0);
    } else if (fraction && (!sampling->sample.monitor ||
                            virt_version_number(version) < BEFORE_FRACTIONS)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_INVALID,
                    "a window of %g s needs the monitor of QEMU 8.2 or later; "
                    "give whole seconds",
                    window_ms / 1000.0);
    }
}

void
virt_guest_sample_dirty(VirtGuest *guest, unsigned window_ms, bool monitor,
                        VirtDirtySampled done, gpointer user)
{
    Sampling *sampling = g_new0(Sampling, 1);

    sampling->guest = virt_guest_ref(guest);
    sampling->domain = virt_guest_domain(guest);
    sampling->window_ms = window_ms;
    sampling->sample.monitor = monitor;
    sampling->done = done;
    sampling->user = user;
    check_window(sampling, &sampling->error);
    virt_pool_call(pool_of(sampling), start_work, start_deliver, sampling);
}

void
virt_guest_sample_curve(VirtGuest *guest, unsigned window_ms,
                        const unsigned *inside_ms, size_t n_inside,
                        VirtCurveSampled done, gpointer user)
{
    Sampling *sampling = g_new0(Sampling, 1);

    sampling->guest = virt_guest_ref(guest);
    sampling->domain = virt_guest_domain(guest);
    sampling->window_ms = window_ms;
    sampling->sample.monitor = true;
    sampling->curve_done = done;
    sampling->user = user;
    check_window(sampling, &sampling->error);
    if (!sampling->error && n_inside > VIRT_DIRTY_MOST_WINDOWS) {
        g_set_error(&sampling->error, VIRT_ERROR, VIRT_ERROR_INVALID,
                    "QEMU looks %d times within a measurement at most, not "
                    "%zu times",
                    VIRT_DIRTY_MOST_WINDOWS, n_inside);
    } else {
        memcpy(sampling->inside_ms, inside_ms, n_inside * sizeof(*inside_ms));
        sampling->n_inside = n_inside;
    }
    virt_pool_call(pool_of(sampling), start_work, start_deliver, sampling);
}
