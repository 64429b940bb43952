/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * real-adopt.c - moves that an earlier manager began
 *
 *   it runs there ──────────────────────────────┐
 *   it migrates ──> looked at, once a second ───┴──> what did it take?  done
 *                          └── it is where it was                      failed
 *
 * There is no request of ours that could be answered, so both hosts are asked
 * where the guest is; likewise of a move of ours whose libvirt was lost. One that is on neither for a moment is being switched
 * over. If it was being held when that manager died, it is let go. Of the last
 * migration that came to it, the destination's libvirt knows time, downtime and
 * bytes for as long as the guest runs there.
 */
#include <string.h>

#include "base/clock.h"
#include "tools/consolidate/real-priv.h"

#define LOOK_MS 1000
#define NOWHERE_MOST_US (20 * G_USEC_PER_SEC)

/* --- what it took --- */

static void
on_figures(VirtGuest *guest, const VirtReading *reading, const GError *error,
           gpointer user)
{
    RealStep *step = user;
    const VirtJob *job = &reading->job;
    bool told = !error && (reading->what & VIRT_READ_JOB) &&
                job->state == VIRT_JOB_COMPLETED;
    double took_s = told && job->elapsed_ms.known ? job->elapsed_ms.value / 1e3
                    : step->looks > 1
                        ? (double)(clock_mono_us() - step->begun_us) / 1e6
                        : -1;
    double downtime_s =
        told && job->downtime_ms.known ? job->downtime_ms.value / 1e3 : -1;

    if (told && job->sampled) {
        step->bytes = MAX(step->bytes, job->poll.sent_bytes);
    }
    if (!step->gone) {
        real_step_end(step, NULL, took_s, downtime_s, step->bytes);
    }
    real_step_unref(step);
}

static void
on_there(VirtGuest *guest, const GError *error, gpointer user)
{
    RealStep *step = user;

    if (step->gone) {
        /* nobody waits for it any more */
    } else if (guest && (!step->unsure ||
                         virt_guest_info(guest)->state == VIRT_STATE_RUNNING)) {
        virt_guest_completed_job(guest, on_figures, real_step_ref(step));
    } else {
        real_step_end(step, step->unsure, -1, -1, step->bytes);
    }
    real_step_unref(step);
}

static void
on_there_host(VirtHost *host, const GError *error, gpointer user)
{
    RealStep *step = user;

    if (step->gone) {
        /* nobody waits for it any more */
    } else if (host) {
        virt_guest_lookup(host, step->uuid, on_there, real_step_ref(step));
    } else {
        real_step_end(step, step->unsure, -1, -1, step->bytes);
    }
    real_step_unref(step);
}

/* It is there; or, if @unsure, that is to be found out, for nobody else can
 * tell. */
static void
ask_there(RealStep *step, const char *unsure)
{
    g_clear_handle_id(&step->look_source, g_source_remove);
    step->unsure = g_strdup(unsure);
    virt_host_open(step->real->spec.pool, step->to_uri, VIRT_OPEN_READ_ONLY,
                   on_there_host, real_step_ref(step));
}

/* --- under way --- */

static void
on_lifted(const GError *error, gpointer user)
{
    RealStep *step = user;

    step->lifting = false;
    step->lifted = !error;
    real_step_unref(step);
}

static void
on_read(VirtGuest *guest, const VirtReading *reading, const GError *error,
        gpointer user)
{
    RealStep *step = user;
    const VirtJob *job = &reading->job;

    if (!step->gone && !error && (reading->what & VIRT_READ_JOB) &&
        job->state == VIRT_JOB_ACTIVE && job->outgoing) {
        double total = known_or(job->total_bytes, 0);
        double left = known_or(job->remaining_bytes, total);
        double rate_bytes_s = known_or(job->rate_bytes_s, 0);

        if (job->sampled) {
            step->bytes = job->poll.sent_bytes;
        }
        if (!step->lifted && !step->lifting) {
            step->lifting = true;
            virt_guest_lift_speed(guest,
                                  real_hold_bytes_s(step->real, step->from), 0,
                                  on_lifted, real_step_ref(step));
        }
        real_step_progress(
            step, total > 0 ? CLAMP(1 - left / total, 0, 1) : 0, step->bytes,
            total > 0 && rate_bytes_s > 0 ? left / rate_bytes_s : -1);
    }
    real_step_unref(step);
}

static void
on_here(VirtGuest *guest, const GError *error, gpointer user)
{
    RealStep *step = user;

    step->opening = false;
    if (guest && !step->gone && !step->virt) {
        step->virt = virt_guest_ref(guest);
    }
    real_step_unref(step);
}

static void
on_here_host(VirtHost *host, const GError *error, gpointer user)
{
    RealStep *step = user;

    step->opening = false;
    if (host && !step->gone) {
        step->opening = true;
        virt_guest_lookup(host, step->uuid, on_here, real_step_ref(step));
    }
    real_step_unref(step);
}

static void
read_progress(RealStep *step)
{
    if (step->virt) {
        real_step_ref(step);
        if (!virt_guest_poll(step->virt, VIRT_READ_JOB, on_read, step)) {
            real_step_unref(step);
        }
    } else if (!step->opening) {
        step->opening = true;
        virt_host_open(step->real->spec.pool, step->from_uri, 0, on_here_host,
                       real_step_ref(step));
    }
}

/* Has nobody told for long where it is? A libvirtd that is restarted takes a
 * while, and so does a host that does not answer. */
static bool
is_nowhere(RealStep *step)
{
    int64_t now_us = clock_mono_us();

    if (step->nowhere_us == 0) {
        step->nowhere_us = now_us;
    }
    return now_us - step->nowhere_us > NOWHERE_MOST_US;
}

static void
came_to_nothing(RealStep *step)
{
    g_autofree char *why = g_strdup_printf(
        "the migration that was begun did not end well, and the guest is where "
        "it was%s%s",
        step->lost ? ": " : "", step->lost ? step->lost : "");

    real_step_end(step, why, -1, -1, 0);
}

static void
on_found(const VirtMoveCheck *check, const GError *error, gpointer user)
{
    RealStep *step = user;

    step->asking = false;
    if (step->gone) {
        /* nobody waits for it any more */
    } else if (error) {
        if (is_nowhere(step)) {
            ask_there(step, error->message);
        }
    } else if (check->gone && check->arrived) {
        ask_there(step, NULL);
    } else if (check->gone) {
        if (is_nowhere(step)) {
            real_step_end(step, "it runs on neither of its hosts", -1, -1, 0);
        }
    } else if (!check->job && !check->arrived) {
        came_to_nothing(step);
    } else {
        step->nowhere_us = 0;
        if (check->job) {
            read_progress(step);
        }
    }
    real_step_unref(step);
}

static gboolean
on_look(gpointer user)
{
    RealStep *step = user;

    if (!step->asking) {
        step->asking = true;
        step->looks++;
        virt_inventory_check(step->real->inventory, step->uuid, step->from_uri,
                             step->to_uri, 0, on_found, real_step_ref(step));
    }
    return G_SOURCE_CONTINUE;
}

static void
look_from_now_on(RealStep *step)
{
    step->way.sends = true;
    step->look_source = g_timeout_add(LOOK_MS, on_look, step);
    on_look(step);
}

void
real_step_lost(RealStep *step, const char *why)
{
    real_note(step->real, step->guest, why);
    g_clear_pointer(&step->move, move_free);
    step->way.held = false;
    step->lost = g_strdup(why);
    look_from_now_on(step);
}

void
real_adopt(void *data, const char *plan, size_t number, const ConsMove *move)
{
    Real *real = data;
    RealStep *step = real_step_new(real, plan, number, move);
    const char *why = real_step_unknown(step);

    if (why) {
        real_step_end(step, why, -1, -1, 0);
        return;
    }
    real_step_started(step, NULL);
    look_from_now_on(step);
}
