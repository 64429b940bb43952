/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-sample.c - how guests write and send, into a forecast of each
 *
 *   counters ─┬─> memory ───┬─> counters ──> plan ──> the first one goes
 *             └─> window 1 ─┘                         └─> window 2 of those that
 *                                                         wait ──> order anew
 *
 * All guests at the same time: sampling is QEMU's work, some thousand hashes.
 * The link idles meanwhile, so that no more is looked at before the first one
 * goes than an order takes; how those write that wait for long, it has time to
 * find out. Who has migrated before needs no window. A plan alone takes all the
 * time. What a guest cannot tell is a note, and its forecast a guess by its
 * memory.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/drain-priv.h"
#include "tools/cli/history.h"

/* Windows far apart tell a set that is written all over from a guest that
 * writes wide. */
static const unsigned windows_ms[] = { 1000, 4000 };

#define THRESHOLD_LEAST_S 0.5 /* of time between two looks at counters */
/* Memory of all guests together, by the threads that there are for it. */
#define HURRY_MS 6000
#define HURRY_LEAST_MS 150
#define HURRY_MOST_MS 1000

typedef struct Sampling {
    DrainRun *run;
    unsigned looking;
    unsigned hurry_ms;
    bool interrupted;
} Sampling;

static void
on_note(const char *text, gpointer user)
{
    const DrainUnit *unit = user;

    drain_view_note(unit->run->view, 0, unit->guest, "note", text);
}

/* --- the forecast --- */

static double
link_rate(const DrainRun *run, const DrainGuest *guest)
{
    const DrainHost *host = run->drain->hosts->pdata[guest->host];

    return host->link >= 0 ? ((DrainLink *)run->drain->links->pdata[host->link])
                                 ->rate_bytes_s
                           : 125e6;
}

static void
fill_curve(DrainUnit *unit)
{
    DrainRun *run = unit->run;
    DrainGuest *guest = unit->guest;
    ForecastInput input = { 0 };
    g_autofree BeforeRun *runs = NULL;
    g_autoptr(Forecaster) forecaster = NULL;
    BeforeCurve curve;
    double total_pages, zero_pages;

    guest_look_fill(unit->look, &input, &runs);
    forecaster = forecast_input_forecaster(&input, &curve);
    total_pages = (double)input.memory_bytes / 4096;
    zero_pages =
        total_pages -
        known_or(input.nonzero_bytes, (double)input.memory_bytes) / 4096;
    queue_curve_forecast(&guest->curve, forecaster, (uint64_t)total_pages,
                         (uint64_t)MAX(zero_pages, 0), 4096,
                         run->downtime_limit_s,
                         link_rate(run, guest) * DRAIN_ROOT_SHARE);
    guest->first_pass_bytes = MAX(total_pages - zero_pages, 0) * 4096;
}

/* --- looking --- */

static void
unit_looked(DrainUnit *unit)
{
    DrainRun *run = unit->run;

    unit->looking = false;
    for (guint i = 0; i < run->units->len; i++) {
        if (((DrainUnit *)run->units->pdata[i])->looking) {
            return;
        }
    }
    g_main_loop_quit(run->loop);
}

static void
take_need(DrainUnit *unit, const VirtReading *reading)
{
    DrainGuest *guest = unit->guest;
    PolicySettings settings;
    double seconds, sent;

    if (!reading || !(reading->what & VIRT_READ_COUNTERS) ||
        !reading->counters.guest_tx_bytes.known || !unit->sent_bytes.known) {
        return;
    }
    policy_settings_init(&settings, POLICY_DEFAULT);
    seconds =
        (double)(reading->counters.at_us - unit->sent_at_us) / G_USEC_PER_SEC;
    sent = reading->counters.guest_tx_bytes.value - unit->sent_bytes.value;
    if (seconds >= THRESHOLD_LEAST_S && sent >= 0) {
        guest->need_bytes_s = sent / seconds;
        /* what it sends beside others' migrations is no more than it needs */
        unit->seen.mean_bytes_s = unit->seen.need_bytes_s = known(
            MAX(known_or(unit->seen.mean_bytes_s, 0), guest->need_bytes_s));
        guest->intensive =
            guest->need_bytes_s >
            settings.threshold_fraction * link_rate(unit->run, guest);
    }
    if (!guest->intensive) {
        guest->need_bytes_s = 0;
    }
}

static void
on_second_counters(VirtGuest *virt, const VirtReading *reading,
                   const GError *error, gpointer user)
{
    DrainUnit *unit = user;

    if (unit->looking) { /* not interrupted */
        take_need(unit, reading);
        unit_looked(unit);
    }
}

static gboolean
on_time_for_counters(gpointer user)
{
    DrainUnit *unit = user;

    unit->counters_source = 0;
    if (unit->looking && !virt_guest_poll(unit->virt, VIRT_READ_COUNTERS,
                                          on_second_counters, unit)) {
        unit_looked(unit);
    }
    return G_SOURCE_REMOVE;
}

/* There may have been little to look at. */
static void
on_looked(gpointer user)
{
    DrainUnit *unit = user;
    int64_t rest_us = unit->sent_at_us +
                      (int64_t)(THRESHOLD_LEAST_S * G_USEC_PER_SEC) -
                      clock_mono_us();

    if (unit->sent_bytes.known && rest_us > 0) {
        unit->counters_source = g_timeout_add((guint)(rest_us / 1000) + 10,
                                              on_time_for_counters, unit);
    } else {
        on_time_for_counters(unit);
    }
}

/* --- those that wait, while others move --- */

static void
tell_refined(const DrainUnit *unit, double before_s)
{
    double now_s =
        queue_curve_time(&unit->guest->curve,
                         link_rate(unit->run, unit->guest) * DRAIN_ROOT_SHARE);
    g_autofree char *before = units_format_seconds(before_s);
    g_autofree char *now = units_format_seconds(now_s);
    g_autofree char *text = g_strdup_printf(
        "looked at for longer: would take %s alone (%s before)", now, before);

    drain_view_note(unit->run->view, drain_seconds(unit->run), unit->guest,
                    "note", text);
}

static void
on_third_counters(VirtGuest *virt, const VirtReading *reading,
                  const GError *error, gpointer user)
{
    DrainUnit *unit = user;
    double before_s;

    if (!unit->look || unit->guest->status != DRAIN_WAITS) {
        return;
    }
    before_s =
        queue_curve_time(&unit->guest->curve,
                         link_rate(unit->run, unit->guest) * DRAIN_ROOT_SHARE);
    take_need(unit, reading);
    fill_curve(unit);
    g_clear_pointer(&unit->look, guest_look_unref);
    tell_refined(unit, before_s);
    drain_later(unit->run);
}

static void
on_refined(DrainUnit *unit)
{
    if (!virt_guest_poll(unit->virt, VIRT_READ_COUNTERS, on_third_counters,
                         unit)) {
        on_third_counters(unit->virt, NULL, NULL, unit);
    }
}

void
drain_look_further(DrainRun *run)
{
    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        if (unit->look && !unit->refining &&
            unit->guest->status == DRAIN_WAITS) {
            unit->refining = true;
            guest_look_go_on(unit->look);
        }
    }
}

void
drain_look_no_further(DrainUnit *unit)
{
    unit->looking = false;
    g_clear_handle_id(&unit->counters_source, g_source_remove);
    if (unit->look) {
        guest_look_cancel(unit->look);
        g_clear_pointer(&unit->look, guest_look_unref);
    }
}

/* --- its beginning --- */

static void
on_first_counters(VirtGuest *virt, const VirtReading *reading,
                  const GError *error, gpointer user)
{
    DrainUnit *unit = user;

    if (reading && reading->what & VIRT_READ_COUNTERS) {
        unit->sent_bytes = reading->counters.guest_tx_bytes;
        unit->sent_at_us = reading->counters.at_us;
    }
    if (unit->looking) {
        guest_look_start(unit->look);
    }
}

static void
on_done(gpointer user)
{
    DrainUnit *unit = user;

    if (unit->refining) {
        on_refined(unit);
    } else {
        on_looked(unit);
    }
}

static void
begin_look(DrainRun *run, DrainUnit *unit, const char *history,
           unsigned hurry_ms)
{
    GuestLookSpec spec = {
        .hurry_ms = hurry_ms,
        .note = on_note,
        .ready = on_looked,
        .done = on_done,
        .user = unit,
    };

    if (run->options->sample && !run->options->global.readonly) {
        memcpy(spec.windows_ms, windows_ms, sizeof(windows_ms));
        spec.n_windows = G_N_ELEMENTS(windows_ms);
    }
    unit->look = guest_look_new(unit->virt, &spec);
    guest_look_read_history(unit->look, history, run->options->history != NULL);
    unit->looking = virt_guest_poll(unit->virt, VIRT_READ_COUNTERS,
                                    on_first_counters, unit);
}

static gboolean
on_interrupt(gpointer user)
{
    Sampling *sampling = user;

    sampling->interrupted = true;
    g_main_loop_quit(sampling->run->loop);
    return G_SOURCE_CONTINUE;
}

static void
wait_for_looks(Sampling *sampling)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    guint sources[G_N_ELEMENTS(signals)];

    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        sources[i] = g_unix_signal_add(signals[i], on_interrupt, sampling);
    }
    g_main_loop_run(sampling->run->loop);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_source_remove(sources[i]);
    }
}

bool
drain_sample(DrainRun *run, GError **error)
{
    g_autofree char *history = history_path(run->options->history);
    unsigned n = drain_count(run->drain, DRAIN_WAITS);
    Sampling sampling = { .run = run };

    if (!run->options->plan_only) {
        sampling.hurry_ms =
            CLAMP(HURRY_MS / MAX(n, 1), HURRY_LEAST_MS, HURRY_MOST_MS);
    }
    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        if (unit->guest->status == DRAIN_WAITS) {
            begin_look(run, unit, history, sampling.hurry_ms);
            sampling.looking += unit->looking;
        }
    }
    if (sampling.looking > 0) {
        if (run->options->sample && !run->options->json &&
            !run->options->global.quiet) {
            fprintf(stderr, "looking at %u guest%s for %s ...\n",
                    sampling.looking, sampling.looking == 1 ? "" : "s",
                    sampling.hurry_ms > 0 ? "a moment" : "some seconds");
        }
        wait_for_looks(&sampling);
    }
    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        if (!unit->look) {
            continue;
        }
        fill_curve(unit);
        if (sampling.hurry_ms == 0 || sampling.interrupted || unit->looking ||
            !run->options->sample || run->options->global.readonly) {
            drain_look_no_further(unit); /* or there is no more to see */
        }
    }
    if (sampling.interrupted) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_ABORTED,
                    "interrupted; nothing was changed, and what QEMU samples "
                    "at the moment ends by itself");
        return false;
    }
    return true;
}
