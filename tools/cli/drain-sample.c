/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-sample.c - how guests write and send, into a forecast of each
 *
 *   counters ──> memory ──> windows of page sampling ──> counters
 *
 * All guests at the same time: sampling is QEMU's work, some thousand hashes.
 * What a guest cannot tell is a note, and its forecast a guess by its memory.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/drain-priv.h"
#include "tools/cli/history.h"

/* Windows far apart tell a set that is written all over from a guest that
 * writes wide. */
static const unsigned windows_ms[] = { 1000, 4000 };

#define THRESHOLD_LEAST_S 0.5 /* of time between two looks at counters */

typedef struct Sampling {
    DrainRun *run;
    unsigned looking;
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
on_second_counters(VirtGuest *virt, const VirtReading *reading,
                   const GError *error, gpointer user)
{
    DrainUnit *unit = user;
    DrainGuest *guest = unit->guest;
    PolicySettings settings;

    if (!unit->looking) {
        return; /* interrupted */
    }
    if (reading && reading->what & VIRT_READ_COUNTERS &&
        reading->counters.guest_tx_bytes.known && unit->sent_bytes.known) {
        double seconds = (double)(reading->counters.at_us - unit->sent_at_us) /
                         G_USEC_PER_SEC;
        double sent =
            reading->counters.guest_tx_bytes.value - unit->sent_bytes.value;

        policy_settings_init(&settings, POLICY_DEFAULT);
        if (seconds >= THRESHOLD_LEAST_S && sent >= 0) {
            guest->need_bytes_s = sent / seconds;
            guest->intensive =
                guest->need_bytes_s >
                settings.threshold_fraction * link_rate(unit->run, guest);
        }
        if (!guest->intensive) {
            guest->need_bytes_s = 0;
        }
    }
    unit_looked(unit);
}

static void
on_looked(gpointer user)
{
    DrainUnit *unit = user;

    if (!virt_guest_poll(unit->virt, VIRT_READ_COUNTERS, on_second_counters,
                         unit)) {
        unit_looked(unit);
    }
}

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
begin_look(DrainRun *run, DrainUnit *unit, const char *history)
{
    GuestLookSpec spec = {
        .note = on_note,
        .done = on_looked,
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
    Sampling sampling = { .run = run };

    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        if (unit->guest->status == DRAIN_WAITS) {
            begin_look(run, unit, history);
            sampling.looking += unit->looking;
        }
    }
    if (sampling.looking > 0) {
        if (run->options->sample && !run->options->json &&
            !run->options->global.quiet) {
            fprintf(stderr, "looking at %u guest%s for some seconds ...\n",
                    sampling.looking, sampling.looking == 1 ? "" : "s");
        }
        wait_for_looks(&sampling);
    }
    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        if (!unit->look) {
            continue;
        }
        unit->looking = false;
        guest_look_cancel(unit->look);
        fill_curve(unit);
        g_clear_pointer(&unit->look, guest_look_unref);
    }
    if (sampling.interrupted) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_ABORTED,
                    "interrupted; nothing was changed, and what QEMU samples "
                    "at the moment ends by itself");
        return false;
    }
    return true;
}
