/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-run.c - the migrations of a drain, several at once in one main loop
 *
 *   order ──> those whose turn it is: look again, write down, session
 *     ^                                                  |
 *     +───────── autostart, write down <── ended ────────+
 *
 * A migration that fails is written down and the next one begins. The first
 * Ctrl-C lets those that run come to their end and begins no more, the second
 * aborts them; then there is only waiting, for where a guest is has to be
 * known. Whatever a migration changed is put back by its session.
 */
#include <glib-unix.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/disabled.h"
#include "tools/cli/drain-daemon.h"
#include "tools/cli/drain-priv.h"
#include "tools/cli/history.h"
#include "tools/cli/migrate-prepare.h"

/* The order is looked at that often while something runs: one that nears its
 * end may leave room for the next. */
#define TICK_MS 500
/* ... and who has to wait at its floor: of a blackout each tenth counts. */
#define HOLD_MS 100
#define MOST_BETWEEN_S 10.0
/* Too early costs nothing, for it is held; too late, and the link idles. */
#define EARLY_S 1.0

double
drain_seconds(const DrainRun *run)
{
    return run->begun_us > 0
               ? (double)(clock_mono_us() - run->begun_us) / G_USEC_PER_SEC
               : 0;
}

/* --- the state file --- */

static bool
store_state(DrainRun *run, GError **error)
{
    g_autoptr(DrainState) state = drain_state_of(
        run->drain, (const char *const *)run->options->given->pdata,
        run->begun);

    return drain_state_store(run->options->state_path, state, error);
}

/* Once begun, a file that cannot be written stops nothing. */
static void
keep_state(DrainRun *run)
{
    g_autoptr(GError) error = NULL;

    if (!store_state(run, &error) && !run->state_warned) {
        run->state_warned = true;
        drain_view_note(run->view, drain_seconds(run), NULL, "warning",
                        error->message);
    }
}

/* --- what a session tells --- */

static void
on_action(Session *session, const JobAction *action, gpointer user)
{
    DrainUnit *unit = user;

    if (action->kind == JOB_ACTION_ROW) {
        ViewIteration shown = view_iteration_of(&action->iteration);

        drain_view_iteration(unit->run->view, drain_seconds(unit->run),
                             unit->guest, &shown);
    } else if (action->kind == JOB_ACTION_STEP) {
        const LadderAdvice *advice = &action->advice;

        drain_view_note(unit->run->view, drain_seconds(unit->run), unit->guest,
                        advice->news || advice->step == LADDER_ABORT ? "warning"
                                                                     : "ladder",
                        advice->reason);
    }
}

static void
on_warning(Session *session, const char *text, gpointer user)
{
    DrainUnit *unit = user;

    drain_view_note(unit->run->view, drain_seconds(unit->run), unit->guest,
                    "warning", text);
}

static void
on_compressed(Session *session, const Compression *compression, gpointer user)
{
    DrainUnit *unit = user;

    drain_view_note(unit->run->view, drain_seconds(unit->run), unit->guest,
                    "note", compression->reason);
}

static void
on_aimed(Session *session, const Aim *aim, gpointer user)
{
    DrainUnit *unit = user;

    drain_view_note(unit->run->view, drain_seconds(unit->run), unit->guest,
                    "note", aim->reason);
}

/* Those that wait for the end of another. */
static void
hold_others(DrainRun *run)
{
    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];
        DrainGuest *guest = unit->guest;

        guest->stopped =
            unit->session &&
            job_state(session_job(unit->session)) == JOB_SWITCHOVER;
        guest->sent =
            unit->session && (unit->record || session_all_sent(unit->session));
    }
    drain_hold(run->drain, DRAIN_ROOT_SHARE, drain_seconds(run));
    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        bool held;

        if (!unit->session || unit->record || unit->ticket) {
            continue;
        }
        held = session_hold(unit->session,
                            unit->guest->held
                                ? "the guest before it is about to be stopped"
                                : NULL);
        if (held != unit->held) {
            unit->held = held;
            drain_view_note(run->view, drain_seconds(run), unit->guest, "note",
                            unit->held ? "waits at its floor for the end of "
                                         "the one before"
                                       : "no longer held back");
        }
    }
}

static gboolean
on_hold_tick(gpointer user)
{
    hold_others(user);
    return G_SOURCE_CONTINUE;
}

static void
on_progress(Session *session, const JobProgress *progress, gpointer user)
{
    DrainUnit *unit = user;
    DrainGuest *guest = unit->guest;
    ViewProgress shown = view_progress_of(progress);
    uint64_t sent_bytes;
    int64_t sent_at_us;

    /* Its connection is known: the next one's will not be taken for it. */
    if (!unit->connected && progress->stream_bytes_s.known) {
        unit->connected = true;
        unit->run->drain->between_s =
            MIN((double)(clock_mono_us() - unit->begun_us) / G_USEC_PER_SEC +
                    EARLY_S,
                MOST_BETWEEN_S);
    }
    if (progress->share > guest->done) {
        guest->done = MIN(progress->share, 1);
    }
    guest->iter = progress->iter;
    guest->remaining_bytes = progress->remaining_bytes;
    guest->rate_bytes_s = progress->stream_bytes_s;
    if (unit->ticket) {
        shown.reserved_bytes_s = unit->guarantee_bytes_s;
    }
    guest->end_s = progress->end_s;
    if (session_sent(session, &sent_bytes, &sent_at_us)) {
        guest->sent_bytes = (double)sent_bytes;
    }
    hold_others(unit->run);
    drain_view_progress(unit->run->view, drain_seconds(unit->run), guest,
                        &shown);
}

/* --- its end --- */

static void
unit_over(DrainUnit *unit, DrainStatus status)
{
    DrainRun *run = unit->run;

    unit->guest->status = status;
    run->busy--;
    keep_state(run);
    drain_view_status(run->view, drain_seconds(run), unit->guest);
    drain_later(run);
}

void
drain_unit_failed(DrainUnit *unit, const char *why)
{
    g_free(unit->guest->why);
    unit->guest->why = g_strdup(why);
    unit_over(unit, DRAIN_FAILED);
}

void
drain_autostart(DrainRun *run, DrainGuest *guest, VirtDone done, gpointer user)
{
    const DrainPlace *place = run->places->pdata[guest->host];

    if (guest->autostart && guest->persistent) {
        virt_host_set_autostart(place->host, guest->uuid, done, user);
    } else {
        done(NULL, user);
    }
}

static void
on_autostart(const GError *error, gpointer user)
{
    DrainUnit *unit = user;

    if (error) {
        drain_view_note(unit->run->view, drain_seconds(unit->run), unit->guest,
                        "warning", error->message);
    }
    unit_over(unit, DRAIN_MOVED);
}

static Known
seconds(Known ms)
{
    return ms.known ? known(ms.value / 1000) : unknown();
}

static void
on_ended(Session *session, const RunRecord *record, const GError *error,
         gpointer user)
{
    DrainUnit *unit = user;
    DrainRun *run = unit->run;
    g_autofree char *history = history_path(run->options->history);
    g_autofree char *problem = history_keep(history, record);

    if (unit->ticket) {
        session_record(session)->policy.kind = unit->migrate->policy;
    }
    unit->record = record;
    unit->guest->total_s = seconds(record->total_ms);
    unit->guest->downtime_s = seconds(record->downtime_ms);
    unit->guest->bytes = record->bytes;
    if (problem) {
        drain_view_note(run->view, drain_seconds(run), unit->guest, "note",
                        problem);
    }
    if (!error) {
        unit->guest->done = 1;
        drain_autostart(run, unit->guest, on_autostart, unit);
        return;
    }
    if (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_DISCONNECTED)) {
        unit->guest->lost = true;
        run->keep_state = true;
    }
    if (!virt_host_connected(run->source) && !run->stopping) {
        run->stopping = true;
        drain_view_note(run->view, drain_seconds(run), NULL, "warning",
                        "the source's libvirt daemon was lost; no more guests "
                        "are begun");
    }
    drain_unit_failed(unit, error->message);
}

/* --- its beginning --- */

/* What is left of the drain's time, without what those take that wait. */
Known
drain_deadline(const DrainRun *run, const DrainGuest *guest)
{
    double left_s = known_or(run->options->deadline_s, 0) - drain_seconds(run);

    if (!run->options->deadline_s.known) {
        return unknown();
    }
    if (isfinite(run->drain->total_s) && isfinite(guest->slot.end_s)) {
        left_s -= run->drain->total_s - guest->slot.end_s;
    }
    return left_s > 0 ? known(left_s) : unknown();
}

static bool
unit_migrate(DrainUnit *unit, GError **error)
{
    static const SessionCallbacks callbacks = {
        .action = on_action,
        .warning = on_warning,
        .compressed = on_compressed,
        .aimed = on_aimed,
        .progress = on_progress,
        .ended = on_ended,
    };
    DrainRun *run = unit->run;
    const DrainPlace *place = run->places->pdata[unit->guest->host];
    const DrainHost *host = run->drain->hosts->pdata[unit->guest->host];

    /* it may have become persistent since it was announced */
    g_clear_pointer(&unit->migrate, migrate_options_free);
    unit->migrate =
        drain_options_migrate(run->options, unit->guest->uuid, host->uri,
                              unit->guest->persistent, error);
    if (!unit->migrate) {
        return false;
    }
    migrate_fill_spec(&unit->spec, unit->migrate, unit->virt, place->host,
                      place->has_link ? &place->link : NULL);
    unit->spec.seen = unit->seen;
    if (unit->spec.policy.kind != POLICY_NONE) {
        unit->spec.policy.deadline_s = drain_deadline(run, unit->guest);
    }
    if (unit->ticket) { /* the daemon has its own */
        unit->spec.told_link_bytes_s = unit->told_link_bytes_s;
        unit->spec.policy.kind = POLICY_NONE;
        unit->spec.climbs = false;
        unit->spec.aims = false;
    }
    unit->session = session_start(&unit->spec, &callbacks, unit, error);
    if (unit->session) {
        hold_others(run); /* before its first byte */
    }
    return unit->session != NULL;
}

/* It may have ended, or become persistent, since it was looked at. */
static void
on_refreshed(const GError *error, gpointer user)
{
    DrainUnit *unit = user;
    const VirtGuestInfo *info = virt_guest_info(unit->virt);
    g_autoptr(GError) problem = NULL;

    if (error || (info->state != VIRT_STATE_RUNNING &&
                  info->state != VIRT_STATE_PAUSED)) {
        drain_daemon_withdraw(unit->run->daemon, unit);
    }
    if (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NO_DOMAIN) ||
        (!error && info->state != VIRT_STATE_RUNNING &&
         info->state != VIRT_STATE_PAUSED)) {
        unit_over(unit, DRAIN_GONE);
        return;
    }
    if (error) {
        drain_unit_failed(unit, error->message);
        return;
    }
    if (unit->run->interrupts > 1) {
        drain_daemon_withdraw(unit->run->daemon, unit);
        unit_over(unit, DRAIN_WAITS);
        return;
    }
    unit->guest->persistent = info->persistent;
    drain_view_status(unit->run->view, drain_seconds(unit->run), unit->guest);
    if (!unit_migrate(unit, &problem)) {
        drain_daemon_withdraw(unit->run->daemon, unit);
        drain_unit_failed(unit, problem->message);
    }
}

void
drain_unit_begin(DrainUnit *unit)
{
    drain_look_no_further(unit);
    unit->guest->status = DRAIN_RUNS;
    unit->begun_us = clock_mono_us();
    unit->run->busy++;
    drain_look_further(unit->run);
    keep_state(unit->run);
    virt_guest_refresh(unit->virt, on_refreshed, unit);
}

static gboolean
on_turn(gpointer user)
{
    DrainRun *run = user;

    run->idle_source = 0;
    if (!run->stopping) {
        drain_turn_next(run);
    }
    if (run->busy == 0 && !drain_turn_anybody_asked(run)) {
        g_main_loop_quit(run->loop);
    }
    return G_SOURCE_REMOVE;
}

void
drain_later(DrainRun *run)
{
    if (!run->idle_source) {
        run->idle_source = g_idle_add(on_turn, run);
    }
}

static gboolean
on_tick(gpointer user)
{
    drain_later(user);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_interrupt(gpointer user)
{
    DrainRun *run = user;
    static const char *const words[] = {
        "no more guests are begun; those on their way come to their end "
        "(Ctrl-C again aborts them)",
        "asking libvirt to abort what is under way; guests stay where they "
        "are",
        "still waiting for libvirt to end what is under way",
    };

    run->stopping = true;
    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        if (unit->guest->status == DRAIN_WAITS) {
            drain_daemon_withdraw(run->daemon, unit);
        }
    }
    drain_view_note(run->view, drain_seconds(run), NULL, "interrupt",
                    words[MIN(run->interrupts, G_N_ELEMENTS(words) - 1)]);
    if (++run->interrupts == 2) {
        for (guint i = 0; i < run->units->len; i++) {
            DrainUnit *unit = run->units->pdata[i];

            if (unit->session && !unit->record) {
                session_abort(unit->session);
            }
        }
    }
    drain_later(run);
    return G_SOURCE_CONTINUE;
}

static void
on_late_autostart(const GError *error, gpointer user)
{
    DrainRun *run = user;

    if (error) {
        drain_view_note(run->view, drain_seconds(run), NULL, "warning",
                        error->message);
    }
    run->busy--;
    drain_later(run);
}

/* Guests that moved in a drain that died before it could do this. */
static void
finish_earlier(DrainRun *run)
{
    for (guint i = 0; i < run->drain->guests->len; i++) {
        DrainGuest *guest = run->drain->guests->pdata[i];

        if (guest->status == DRAIN_MOVED && guest->host >= 0) {
            run->busy++;
            drain_autostart(run, guest, on_late_autostart, run);
        }
    }
}

static void
on_disabled(bool disabled, const char *why, gpointer user)
{
    DrainRun *run = user;
    g_autofree char *text = g_strdup_printf(
        "vmferry was disabled on this host%s%s", *why ? ": " : "", why);

    for (guint i = 0; disabled && i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        if (unit->session && !unit->record) {
            session_stop_shaping(unit->session, text);
        }
    }
}

bool
drain_run(DrainRun *run, GError **error)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    guint sources[G_N_ELEMENTS(signals)];
    Disabled *disabled;

    /* What cannot be written down is not begun. */
    if (!store_state(run, error)) {
        return false;
    }
    run->begun_us = run->ordered_us = clock_mono_us();
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        sources[i] = g_unix_signal_add(signals[i], on_interrupt, run);
    }
    finish_earlier(run);
    drain_turn_ask_daemon(run);
    disabled = disabled_watch(NULL, NULL, on_disabled, run);
    run->tick_source = g_timeout_add(TICK_MS, on_tick, run);
    run->hold_source = g_timeout_add(HOLD_MS, on_hold_tick, run);
    drain_later(run);
    g_main_loop_run(run->loop);
    disabled_free(disabled);
    g_clear_handle_id(&run->tick_source, g_source_remove);
    g_clear_handle_id(&run->hold_source, g_source_remove);
    g_clear_handle_id(&run->idle_source, g_source_remove);
    g_clear_pointer(&run->daemon, drain_daemon_free);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_source_remove(sources[i]);
    }
    return true;
}
