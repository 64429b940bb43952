/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-resume.c - what has become of a drain whose program is gone
 *
 * What the state file says of a guest is where it was to go and how far it
 * was; where it is now, the hosts say:
 *
 *   runs here         its turn comes, to the same destination
 *   runs there        it has moved; its autostart is put right
 *   is being migrated  libvirt goes on without us (p2p): its end is waited for
 *   neither           it ended by itself, or somebody else moved it
 */
#include <glib-unix.h>
#include <string.h>

#include "tools/cli/drain-priv.h"

#define LOOK_EVERY_MS 500

typedef struct Wait {
    DrainRun *run;
    VirtGuest *virt;
    guint source;
    bool asking; /* an answer is still to come */
    bool over;
    bool interrupted;
} Wait;

static gboolean
on_interrupt(gpointer user)
{
    Wait *wait = user;

    wait->interrupted = true;
    g_main_loop_quit(wait->run->loop);
    return G_SOURCE_CONTINUE;
}

static void
on_reading(VirtGuest *virt, const VirtReading *reading, const GError *error,
           gpointer user)
{
    Wait *wait = user;

    wait->asking = false;
    /* A guest that cannot be asked any more has left. */
    wait->over = error || !(reading->what & VIRT_READ_JOB) ||
                 (reading->job.state != VIRT_JOB_STARTING &&
                  reading->job.state != VIRT_JOB_ACTIVE);
    g_main_loop_quit(wait->run->loop);
}

static gboolean
on_look(gpointer user)
{
    Wait *wait = user;

    wait->source = 0;
    wait->asking = virt_guest_poll(wait->virt, VIRT_READ_JOB, on_reading, wait);
    return G_SOURCE_REMOVE;
}

static bool
wait_for_job(DrainRun *run, VirtGuest *virt, GError **error)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    guint sources[G_N_ELEMENTS(signals)];
    Wait wait = { .run = run, .virt = virt };
    bool told = false;

    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        sources[i] = g_unix_signal_add(signals[i], on_interrupt, &wait);
    }
    while (!wait.over && !wait.interrupted) {
        wait.source = g_timeout_add(told ? LOOK_EVERY_MS : 0, on_look, &wait);
        g_main_loop_run(run->loop);
        if (!wait.over && !told) {
            told = true;
            drain_view_note(run->view, 0, NULL, "note",
                            "a migration of the drain that was interrupted is "
                            "still under way; waiting for its end");
        }
    }
    g_clear_handle_id(&wait.source, g_source_remove);
    while (wait.asking) {
        g_main_context_iteration(NULL, TRUE);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_source_remove(sources[i]);
    }
    if (wait.interrupted) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_ABORTED,
                    "interrupted; guest '%s' is still being migrated by "
                    "libvirt",
                    virt_guest_info(virt)->name);
    }
    return !wait.interrupted;
}

bool
drain_resume_wait(DrainRun *run, const DrainState *state, GError **error)
{
    for (guint i = 0; i < state->guests->len; i++) {
        const DrainStateGuest *was = state->guests->pdata[i];
        g_autoptr(VirtGuest) virt =
            was->status == DRAIN_RUNS
                ? virt_guest_lookup_now(run->source, was->uuid, NULL)
                : NULL;

        if (virt && !wait_for_job(run, virt, error)) {
            return false;
        }
    }
    return true;
}

static int
host_of(const Drain *drain, const char *uri)
{
    for (guint i = 0; uri && i < drain->hosts->len; i++) {
        const DrainHost *host = drain->hosts->pdata[i];

        if (!strcmp(host->uri, uri)) {
            return (int)i;
        }
    }
    return -1;
}

static bool
runs_there(DrainRun *run, const DrainStateGuest *was, int host)
{
    const DrainPlace *place = host >= 0 ? run->places->pdata[host] : NULL;
    g_autoptr(VirtGuest) there =
        place ? virt_guest_lookup_now(place->host, was->uuid, NULL) : NULL;
    VirtState state = there ? virt_guest_info(there)->state : VIRT_STATE_GONE;

    return state == VIRT_STATE_RUNNING || state == VIRT_STATE_PAUSED;
}

/* It is not here any more. */
static void
merge_absent(DrainRun *run, const DrainStateGuest *was)
{
    DrainGuest *guest = drain_guest_new(was->uuid, was->name);

    guest->persistent = was->persistent;
    guest->autostart = was->autostart;
    guest->host = host_of(run->drain, was->destination);
    guest->status = runs_there(run, was, guest->host) ? DRAIN_MOVED
                    : was->status == DRAIN_RUNS       ? DRAIN_FAILED
                                                      : DRAIN_GONE;
    if (guest->status == DRAIN_FAILED) {
        guest->why = g_strdup_printf(
            "its migration was interrupted, and it runs neither here nor on "
            "'%s' (see 'virsh list --all' on both)",
            was->destination);
    }
    for (guint i = 0; i < run->places->len; i++) {
        g_ptr_array_add(guest->refusals, NULL);
    }
    g_ptr_array_add(run->drain->guests, guest);
}

void
drain_resume_merge(DrainRun *run, const DrainState *state)
{
    for (guint i = 0; i < state->guests->len; i++) {
        const DrainStateGuest *was = state->guests->pdata[i];
        DrainGuest *guest = drain_guest_find(run->drain, was->uuid);
        int host = host_of(run->drain, was->destination);

        if (!guest) {
            if (was->status != DRAIN_STAYS) {
                merge_absent(run, was);
            }
        } else if (guest->status == DRAIN_WAITS && host >= 0 &&
                   !guest->refusals->pdata[host]) {
            guest->host = host;
        }
    }
}
