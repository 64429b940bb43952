/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-turn.c - whose turn it is: by the plan, or as a daemon says
 */
#include "base/clock.h"
#include "tools/cli/drain-daemon.h"
#include "tools/cli/drain-priv.h"

/* A migration that has not connected by then does not keep others waiting. */
#define CONNECT_US (5 * G_USEC_PER_SEC)
/* Of a daemon, for their turn: what it plans for all of them takes time. */
#define MOST_ASKED 32

static void
count_waits(DrainRun *run)
{
    int64_t now_us = clock_mono_us();
    double more_s = (double)(now_us - run->ordered_us) / G_USEC_PER_SEC;

    run->ordered_us = now_us;
    for (guint i = 0; i < run->units->len; i++) {
        DrainGuest *guest = ((DrainUnit *)run->units->pdata[i])->guest;

        if (guest->status == DRAIN_WAITS) {
            guest->waited_s += more_s;
        }
    }
}

/* Two streams that begin in the same moment are hard to tell apart: the next
 * one waits until the connection of the last one is known. */
static bool
somebody_connects(const DrainRun *run)
{
    int64_t since_us = clock_mono_us() - CONNECT_US;

    for (guint i = 0; i < run->units->len; i++) {
        const DrainUnit *unit = run->units->pdata[i];

        if (unit->guest->status == DRAIN_RUNS && !unit->connected &&
            unit->begun_us > since_us) {
            return true;
        }
    }
    return false;
}

static bool
comes_before(const DrainUnit *unit, const DrainUnit *other)
{
    return !other || unit->guest->slot.position < other->guest->slot.position;
}

/* --- where a daemon knows whose turn it is --- */

static bool
is_asked(const DrainUnit *unit)
{
    return unit->announcing || unit->ticket;
}

static void
on_admitted(DrainUnit *unit)
{
    if (unit->run->stopping) {
        drain_daemon_withdraw(unit->run->daemon, unit);
        drain_later(unit->run);
    } else {
        drain_unit_begin(unit);
    }
}

static void
on_refused(DrainUnit *unit, const char *why)
{
    unit->alone = why == NULL;
    if (why) {
        unit->run->busy++; /* as of one that was begun */
        drain_unit_failed(unit, why);
    } else {
        drain_later(unit->run);
    }
}

static void
on_note(DrainUnit *unit, const char *kind, const char *text)
{
    drain_view_note(unit->run->view, drain_seconds(unit->run), unit->guest,
                    kind, text);
}

static void
on_gone(DrainRun *run, const char *why)
{
    g_autofree char *text = g_strdup_printf(
        "vmferryd is gone (%s): those on their way go on without a "
        "reservation, the others in the drain's own order",
        why);

    drain_view_note(run->view, drain_seconds(run), NULL, "warning", text);
    g_clear_pointer(&run->daemon, drain_daemon_free);
}

void
drain_turn_ask_daemon(DrainRun *run)
{
    static const DrainDaemonCallbacks callbacks = { on_admitted, on_refused,
                                                    on_note, on_gone };
    g_autofree char *why_not = NULL;

    run->daemon = drain_daemon_new(run, &callbacks, &why_not);
    if (run->daemon) {
        drain_view_note(run->view, 0, NULL, "note",
                        "vmferryd reserves, and says whose turn it is");
    } else if (why_not) {
        drain_view_note(run->view, 0, NULL, "warning", why_not);
    }
}

/* At once on its link, as far as the user limits that; the next is announced
 * when one of them goes. */
static bool
has_room(const DrainRun *run, const DrainUnit *unit)
{
    const GPtrArray *hosts = run->drain->hosts;
    int link = ((DrainHost *)hosts->pdata[unit->guest->host])->link;
    unsigned n = 0, asked = 0;

    for (guint i = 0; i < run->units->len; i++) {
        const DrainUnit *other = run->units->pdata[i];

        asked += other->guest->status == DRAIN_WAITS && is_asked(other);
        n += (other->guest->status == DRAIN_RUNS ||
              (other->guest->status == DRAIN_WAITS && is_asked(other))) &&
             ((DrainHost *)hosts->pdata[other->guest->host])->link == link;
    }
    return asked < MOST_ASKED &&
           (run->options->parallel == 0 || n < run->options->parallel);
}

static void
announce(DrainRun *run, DrainUnit *unit)
{
    const DrainHost *host = run->drain->hosts->pdata[unit->guest->host];
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&unit->migrate, migrate_options_free);
    unit->migrate =
        drain_options_migrate(run->options, unit->guest->uuid, host->uri,
                              unit->guest->persistent, &error);
    if (unit->migrate) {
        drain_daemon_announce(run->daemon, unit,
                              drain_deadline(run, unit->guest));
    } else {
        run->busy++;
        drain_unit_failed(unit, error->message);
    }
}

/* The daemon's queue has all of them, in the plan's order; what it does not
 * steer is ours. */
static void
announce_next(DrainRun *run)
{
    DrainUnit *next;

    do {
        next = NULL;
        for (guint i = 0; run->daemon && i < run->units->len; i++) {
            DrainUnit *unit = run->units->pdata[i];

            if (unit->guest->status == DRAIN_WAITS && !is_asked(unit) &&
                !unit->alone && has_room(run, unit) &&
                comes_before(unit, next)) {
                next = unit;
            }
        }
        if (next) {
            announce(run, next);
        }
    } while (next);
}

bool
drain_turn_anybody_asked(const DrainRun *run)
{
    for (guint i = 0; i < run->units->len; i++) {
        const DrainUnit *unit = run->units->pdata[i];

        if (unit->guest->status == DRAIN_WAITS && is_asked(unit)) {
            return true;
        }
    }
    return false;
}

void
drain_turn_next(DrainRun *run)
{
    DrainUnit *first = NULL;
    DrainUnit *next = NULL;

    count_waits(run);
    drain_order(run->drain, DRAIN_ROOT_SHARE, run->protected_bytes_s,
                run->parallel);
    announce_next(run);
    for (guint i = 0; i < run->units->len; i++) {
        DrainUnit *unit = run->units->pdata[i];

        if (unit->guest->status != DRAIN_WAITS ||
            (run->daemon && !unit->alone)) {
            continue;
        }
        if (comes_before(unit, first)) {
            first = unit;
        }
        if (unit->guest->slot.admit && comes_before(unit, next)) {
            next = unit;
        }
    }
    /* Whatever the forecast says: where nobody runs, one may. */
    if (!next && run->busy == 0 && !drain_turn_anybody_asked(run)) {
        next = first;
    }
    if (next && !somebody_connects(run)) {
        drain_unit_begin(next);
        drain_later(run);
    }
}
