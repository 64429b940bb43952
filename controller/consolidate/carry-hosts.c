/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carry-hosts.c - what the hosts say of steps: after a rebuild, and on the way
 */
#include <string.h>

#include "consolidate/carry-priv.h"

#define MICRO 1e6

/* Does @host, as far as @cluster knows, still answer? */
static bool
is_up(const Cluster *cluster, const char *name)
{
    int32_t host = cluster_find_host(cluster, name);

    return host >= 0 &&
           cluster_host(cluster, (guint)host)->state == CLUSTER_HOST_UP;
}

static void
reconcile_move(ConsCarry *c, size_t i, const Cluster *cluster, int64_t now_us)
{
    const ConsMove *move = carry_move(c, i);
    int32_t index = cluster_find_guest(cluster, move->guest);
    const ClusterGuest *guest =
        index >= 0 ? cluster_guest(cluster, (guint)index) : NULL;
    const char *host =
        guest ? cluster_host(cluster, (guint)guest->host)->name : "";

    if (!guest || guest->gone) {
        carry_enter(c, i, CONS_STEP_FAILED,
                    guest ? "its host does not answer" : "the guest is gone",
                    now_us);
        carry_stop(c, "a guest that was on its way is not to be found", now_us);
    } else if (strcmp(host, move->to) == 0 ||
               (guest->moving && strcmp(host, move->from) == 0)) {
        /* of one that has ended libvirt still knows what it took */
        if (c->steps[i].state == CONS_STEP_STARTING) {
            carry_enter(c, i, CONS_STEP_RUNNING, NULL, now_us);
        }
        carry_act(c, CONS_ACTION_ADOPT, i);
    } else if (strcmp(host, move->from) == 0) {
        /* it had not begun, or came to nothing: the guest stands still */
        carry_enter(c, i, CONS_STEP_WAITING, NULL, now_us);
    } else {
        carry_enter(c, i, CONS_STEP_DROPPED, "somebody else moved the guest",
                    now_us);
    }
}

void
cons_carry_reconcile(ConsCarry *c, const Cluster *cluster, int64_t now_us)
{
    if (!c->unsure) {
        return;
    }
    c->unsure = false;
    for (size_t i = 0; i < c->n_steps; i++) {
        if (c->steps[i].state != CONS_STEP_STARTING &&
            c->steps[i].state != CONS_STEP_RUNNING) {
            continue;
        }
        if (i < c->n_moves) {
            reconcile_move(c, i, cluster, now_us);
        } else if (is_up(cluster, carry_power(c, i)->host) ==
                   carry_power(c, i)->on) {
            carry_enter(c, i, CONS_STEP_DONE, NULL, now_us);
        } else {
            carry_enter(c, i, CONS_STEP_WAITING, NULL, now_us);
        }
    }
    cons_carry_observe(c, cluster, now_us);
}

/* Did a step of this guest end after the snapshot was begun, or is one on its
 * way? Then the snapshot says nothing of where it should be. */
static bool
is_in_flux(const ConsCarry *c, size_t step, const Cluster *cluster)
{
    for (int32_t i = c->leg[step]; i >= 0; i = c->leg[i]) {
        if (c->steps[i].state != CONS_STEP_DONE ||
            c->steps[i].ended_us >= cluster->at_us) {
            return true;
        }
    }
    return false;
}

static void
observe_move(ConsCarry *c, size_t i, const Cluster *cluster, int64_t now_us)
{
    const ConsMove *move = carry_move(c, i);
    int32_t index = cluster_find_guest(cluster, move->guest);
    const ClusterGuest *guest =
        index >= 0 ? cluster_guest(cluster, (guint)index) : NULL;
    const char *host;

    if (is_in_flux(c, i, cluster)) {
        return;
    }
    if (!guest) {
        carry_enter(c, i, CONS_STEP_DROPPED, "the guest is gone", now_us);
        return;
    }
    host = cluster_host(cluster, (guint)guest->host)->name;
    if (!is_up(cluster, move->to) || guest->gone) {
        g_autofree char *why = g_strdup_printf("host %s does not answer",
                                               guest->gone ? host : move->to);

        carry_enter(c, i, CONS_STEP_DROPPED, why, now_us);
        carry_stop(c, why, now_us);
    } else if (strcmp(host, move->to) == 0) {
        carry_enter(c, i, CONS_STEP_DONE, "somebody else moved it there",
                    now_us);
    } else if (strcmp(host, move->from) != 0) {
        carry_enter(c, i, CONS_STEP_DROPPED, "somebody else moved the guest",
                    now_us);
    }
}

void
cons_carry_observe(ConsCarry *c, const Cluster *cluster, int64_t now_us)
{
    if (c->unsure || c->over) {
        return;
    }
    for (size_t i = 0; i < c->n_moves; i++) {
        ConsStep *step = &c->steps[i];

        if (step->state == CONS_STEP_WAITING) {
            observe_move(c, i, cluster, now_us);
        } else if (step->state == CONS_STEP_RUNNING && step->started_us > 0) {
            carry_look_if_late(
                c, i, (double)(now_us - step->started_us) / MICRO, now_us);
        }
    }
    carry_pump(c, now_us);
}
