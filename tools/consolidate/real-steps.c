/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * real-steps.c - checks, moves and power commands of the real back end
 *
 * Who is held back because another one has the link is decided by hold.h.
 */
#include <string.h>

#include "base/clock.h"
#include "tools/consolidate/compress.h"
#include "tools/consolidate/real-priv.h"
#include "virt/migration.h"

#define WAKE_LOOK_MS 2000

static void let_go(Real *real);

/* --- a step's life --- */

RealStep *
real_step_new(Real *real, const char *plan, size_t step, const ConsMove *move)
{
    RealStep *made = g_rc_box_new0(RealStep);

    made->real = real;
    made->plan = g_strdup(plan);
    made->step = step;
    if (move) {
        const VirtSeenGuest *seen = look_guest(real->look, move->guest);

        made->guest = g_strdup(move->guest);
        made->from = g_strdup(move->from);
        made->to = g_strdup(move->to);
        made->uuid = g_strdup(seen ? seen->uuid : NULL);
        made->from_uri = g_strdup(real_uri(real, move->from));
        made->to_uri = g_strdup(real_uri(real, move->to));
        made->way = (HoldMove){ .from = made->from,
                                .to = made->to,
                                .rate_bytes_s = move->rate_bytes_s };
    }
    made->begun_us = clock_mono_us();
    g_ptr_array_add(real->steps, made);
    return made;
}

static void
step_clear(gpointer data)
{
    RealStep *step = data;

    g_free(step->plan);
    g_free(step->guest);
    g_free(step->from);
    g_free(step->to);
    g_free(step->uuid);
    g_free(step->from_uri);
    g_free(step->to_uri);
    g_free(step->unsure);
    g_free(step->lost);
}

RealStep *
real_step_ref(RealStep *step)
{
    return g_rc_box_acquire(step);
}

void
real_step_unref(RealStep *step)
{
    g_rc_box_release_full(step, step_clear);
}

void
real_step_drop(gpointer data)
{
    RealStep *step = data;

    step->gone = true;
    g_clear_handle_id(&step->look_source, g_source_remove);
    g_clear_pointer(&step->move, move_free);
    g_clear_pointer(&step->power, power_free);
    g_clear_pointer(&step->virt, virt_guest_unref);
    real_step_unref(step);
}

RealStep *
real_step_find(const Real *real, const char *plan, size_t step)
{
    for (guint i = 0; i < real->steps->len; i++) {
        RealStep *found = real->steps->pdata[i];

        if (found->step == step && !strcmp(found->plan, plan)) {
            return found;
        }
    }
    return NULL;
}

/* --- who is held back --- */

static uint64_t
link_of(const char *host, gpointer user)
{
    const Real *real = user;
    const ConsHostSettings *said =
        cons_settings_host(real->spec.settings, host);

    return said && said->link_bytes_s ? said->link_bytes_s
                                      : real->spec.settings->link_bytes_s;
}

uint64_t
real_hold_bytes_s(const Real *real, const char *host)
{
    return hold_rate(link_of(host, (gpointer)real));
}

static GPtrArray *
list_ways(const Real *real)
{
    GPtrArray *ways = g_ptr_array_new();

    for (guint i = 0; i < real->steps->len; i++) {
        g_ptr_array_add(ways, &((RealStep *)real->steps->pdata[i])->way);
    }
    return ways;
}

static void
let_go(Real *real)
{
    g_autoptr(GPtrArray) ways = list_ways(real);
    HoldMove *way;

    while ((way = hold_next(ways, link_of, real, clock_mono_us()))) {
        for (guint i = 0; i < real->steps->len; i++) {
            RealStep *step = real->steps->pdata[i];

            if (&step->way == way) {
                move_release(step->move);
            }
        }
    }
}

void
real_step_end(RealStep *step, const char *why, double took_s, double downtime_s,
              uint64_t bytes)
{
    Real *real = step->real;
    ConsEvent *event = cons_event_new(why ? CONS_EVENT_FAILED : CONS_EVENT_DONE,
                                      step->plan, step->step);

    event->text = g_strdup(why);
    event->took_s = took_s;
    event->downtime_s = downtime_s;
    event->bytes = bytes;
    g_ptr_array_remove(real->steps, step);
    real_event(real, event);
    let_go(real);
}

void
real_step_started(RealStep *step, const char *via)
{
    ConsEvent *event =
        cons_event_new(CONS_EVENT_STARTED, step->plan, step->step);

    event->text = g_strdup(via);
    real_event(step->real, event);
}

void
real_step_progress(RealStep *step, double share, uint64_t bytes, double left_s)
{
    ConsEvent *event =
        cons_event_new(CONS_EVENT_PROGRESS, step->plan, step->step);

    event->progress = share;
    event->bytes = bytes;
    event->left_s = left_s;
    real_event(step->real, event);
    if (step->real->listener->progress) {
        step->real->listener->progress(step->guest, share, bytes,
                                       step->real->user);
    }
}

/* --- may it? --- */

static void
on_checked(const VirtMoveCheck *check, const GError *error, gpointer user)
{
    RealStep *step = user;
    ConsEvent *event;

    if (step->gone) {
        real_step_unref(step);
        return;
    }
    event = cons_event_new(CONS_EVENT_CHECKED, step->plan, step->step);
    if (error) {
        event->text = g_strdup(error->message);
    } else if (check->gone) {
        event->text = g_strdup_printf(
            "it does not run on '%s' any more%s", step->from,
            check->arrived ? ", somebody else moved it there already" : "");
    } else if (check->arrived) {
        event->text = g_strdup_printf("it runs on '%s' too", step->to);
    } else if (check->obstacles->len > 0) {
        event->text = g_strdup(check->obstacles->pdata[0]);
    }
    g_ptr_array_remove(step->real->steps, step);
    real_event(step->real, event);
    real_step_unref(step);
}

const char *
real_step_unknown(const RealStep *step)
{
    return !step->uuid       ? "it was not seen when the hosts were looked at"
           : !step->from_uri ? "no uri is known of the host that it is on"
           : !step->to_uri   ? "no uri is known of the host that it goes to"
                             : NULL;
}

void
real_check(void *data, const char *plan, size_t number, const ConsMove *move)
{
    Real *real = data;
    RealStep *step = real_step_new(real, plan, number, move);
    const char *why = real_step_unknown(step);

    if (why) {
        ConsEvent *event = cons_event_new(CONS_EVENT_CHECKED, plan, number);

        event->text = g_strdup(why);
        g_ptr_array_remove(real->steps, step);
        real_event(real, event);
        return;
    }
    virt_inventory_check(real->inventory, step->uuid, step->from_uri,
                         step->to_uri, 0, on_checked, real_step_ref(step));
}

/* --- moving --- */

static void
on_note(Move *move, const char *text, gpointer user)
{
    RealStep *step = user;

    real_note(step->real, step->guest, text);
}

static void
on_started(Move *move, const char *via, gpointer user)
{
    real_step_started(user, via);
}

static void
on_progress(Move *move, double share, uint64_t bytes, double left_s,
            gpointer user)
{
    RealStep *step = user;

    real_step_progress(step, share, bytes, left_s);
    let_go(step->real); /* the one before may not come to its end */
}

static void
on_sent(Move *move, gpointer user)
{
    RealStep *step = user;

    step->way.sends = false;
    let_go(step->real);
}

static void
on_done(Move *move, double took_s, double downtime_s, uint64_t bytes,
        gpointer user)
{
    real_step_end(user, NULL, took_s, downtime_s, bytes);
}

static void
on_failed(Move *move, const char *why, gpointer user)
{
    real_step_end(user, why, -1, -1, 0);
}

static void
on_lost(Move *move, const char *why, gpointer user)
{
    real_step_lost(user, why);
}

void
real_start(void *data, const char *plan, size_t number, const ConsMove *move)
{
    static const MoveCallbacks callbacks = {
        on_note, on_started, on_progress, on_sent, on_done, on_failed, on_lost,
    };
    Real *real = data;
    RealStep *step = real_step_new(real, plan, number, move);
    const ServiceReach *to = service_reach(real->spec.service, move->to);
    const ServiceReach *from = service_reach(real->spec.service, move->from);
    const VirtSeenGuest *seen = look_guest(real->look, move->guest);
    const char *why = real_step_unknown(step);
    g_autoptr(GPtrArray) ways = NULL;
    MoveSpec spec = {
        .guest = move->guest,
        .uuid = step->uuid,
        .from = step->from_uri,
        .to = step->to_uri,
        .migrate_to = to && to->migrate_to ? to->migrate_to : step->to_uri,
        .vmferryd = from ? from->vmferryd : NULL,
        .autostart = seen && seen->autostart,
        .patience_s = real->spec.service->patience_s,
        .compresses = real->spec.service->compresses,
        .link_bytes_s =
            compress_link(real->spec.settings, move->from, move->to),
        .free_bytes = look_free_bytes(real->look, move->from),
    };

    if (why) {
        real_step_end(step, why, -1, -1, 0);
        return;
    }
    ways = list_ways(real);
    hold_begin(ways, &step->way, link_of, real, clock_mono_us());
    spec.hold_bytes_s =
        step->way.held ? real_hold_bytes_s(real, step->from) : 0;
    step->move = move_start(real->spec.pool, &spec, &callbacks, step);
}

/* --- giving it up --- */

static void
on_abort_asked(const GError *error, gpointer user)
{
    RealStep *step = user;

    if (error && !step->gone) {
        real_note(step->real, step->guest, error->message);
    }
    real_step_unref(step);
}

static void
on_abort_guest(VirtGuest *guest, const GError *error, gpointer user)
{
    RealStep *step = user;

    if (guest && !step->gone) {
        virt_guest_abort_job(guest, on_abort_asked, real_step_ref(step));
    }
    real_step_unref(step);
}

static void
on_abort_host(VirtHost *host, const GError *error, gpointer user)
{
    RealStep *step = user;

    if (host && !step->gone) {
        virt_guest_lookup(host, step->uuid, on_abort_guest,
                          real_step_ref(step));
    }
    real_step_unref(step);
}

void
real_cancel(void *data, const char *plan, size_t number, const ConsMove *move)
{
    Real *real = data;
    RealStep *step = real_step_find(real, plan, number);

    if (!step || step->cancelled) {
        return;
    }
    step->cancelled = true;
    if (step->move) {
        move_cancel(step->move);
    } else if (step->look_source) {
        virt_host_open(real->spec.pool, step->from_uri, 0, on_abort_host,
                       real_step_ref(step));
    }
}

/* --- power --- */

static gboolean on_wake_look(gpointer user);

static void
wake_later(RealStep *step)
{
    step->look_source = g_timeout_add(WAKE_LOOK_MS, on_wake_look, step);
}

static void
on_awake(VirtHost *host, const GError *error, gpointer user)
{
    RealStep *step = user;

    if (step->gone) {
        /* nobody waits for it any more */
    } else if (host) {
        real_step_end(step, NULL,
                      (double)(clock_mono_us() - step->begun_us) / 1e6, -1, 0);
    } else if (clock_mono_us() > step->until_us) {
        g_autofree char *why = g_strdup_printf(
            "it was woken, and does not answer: %s", error->message);

        real_step_end(step, why, -1, -1, 0);
    } else {
        wake_later(step);
    }
    real_step_unref(step);
}

static gboolean
on_wake_look(gpointer user)
{
    RealStep *step = user;

    step->look_source = 0;
    virt_host_open(step->real->spec.pool, step->to_uri, VIRT_OPEN_READ_ONLY,
                   on_awake, real_step_ref(step));
    return G_SOURCE_REMOVE;
}

static void
on_powered(Power *power, const char *why, gpointer user)
{
    RealStep *step = user;

    if (why || !step->to_uri) {
        real_step_end(step, why,
                      (double)(clock_mono_us() - step->begun_us) / 1e6, -1, 0);
        return;
    }
    on_wake_look(step);
}

void
real_power(void *data, const char *plan, size_t number, const char *host,
           bool on)
{
    Real *real = data;
    RealStep *step = real_step_new(real, plan, number, NULL);
    const ConsHostSettings *said =
        cons_settings_host(real->spec.settings, host);
    const char *command = !said ? NULL : on ? said->wake : said->power_down;

    if (!command) {
        g_autofree char *why =
            g_strdup_printf("no command is configured to %s '%s'",
                            on ? "wake" : "power down", host);

        real_step_end(step, why, -1, -1, 0);
        return;
    }
    step->guest = g_strdup(host);
    if (on) { /* awake is who answers */
        step->to_uri = g_strdup(said->uri);
        step->until_us =
            clock_mono_us() +
            (int64_t)((2 * said->wake_s + real->spec.service->command_s) * 1e6);
    }
    real_step_started(step, NULL);
    step->power = power_start(command, host, real->spec.service->command_s,
                              on_powered, step);
}
