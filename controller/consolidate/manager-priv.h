/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager-priv.h - the manager's state, and what its files share
 */
#ifndef CONSOLIDATE_MANAGER_PRIV_H
#define CONSOLIDATE_MANAGER_PRIV_H

#include "consolidate/manager.h"

struct ConsManager {
    const ConsSettings *settings;
    const ConsBackend *backend;
    void *data;
    ConsWatch *watch;
    Cluster *cluster;       /* newest snapshot */
    GPtrArray *evacuated;   /* names of hosts */
    GHashTable *asleep;     /* names of hosts that we sent to sleep */
    GPtrArray *past;        /* ConsPast * */
    ConsDecision *decision; /* newest that said something */
    ConsCarry *carry;       /* on its way, or the last one */
    double cost_w_before;   /* of the plan on its way */
    bool started;
    int64_t started_us;
    bool paused;
    bool looking;    /* a snapshot was asked for */
    bool look_again; /* ... and another is wanted after it */
    bool requested;  /* an operator wants a decision */
    bool reconcile;  /* the plan was rebuilt */
    bool measure;    /* a plan is over: what did it bring? */
    char *broken;    /* nothing is done any more: why */
};

#define CONS_PAST_MOST 100000

ConsPast *manager_past_new(const char *guest, const char *from, const char *to,
                           int64_t at_us, bool ours);
void manager_past_free(gpointer past);

/** manager_add_past() - And forget what no rule asks for any more */
void manager_add_past(ConsManager *m, ConsPast *past);

/** manager_write() - A record into the journal; false: broken from now on. Takes
 * @json */
bool manager_write(ConsManager *m, JsonObject *json);

/** manager_record() - A record of a manager's own, "what" and time set */
JsonObject *manager_record(const char *what, int64_t at_us);

/** manager_took_effect() - A step was done: what a manager has to remember */
void manager_took_effect(ConsManager *m, const ConsCarry *carry, size_t step);

/* manager.c: the time, whether a plan is on
 * its way, a look at the hosts as soon as one is possible, what is told (@json is
 * taken), records and then actions of the plan, a plan begun (@decision is taken) */
int64_t manager_now(const ConsManager *m);
bool manager_is_under_way(const ConsManager *m);
void manager_look(ConsManager *m);
void manager_tell(ConsManager *m, ConsTold what, const Cluster *cluster,
                  JsonObject *json);
void manager_flush(ConsManager *m);
void manager_begin(ConsManager *m, ConsDecision *decision);

/* manager-decide.c */

/** manager_decide() - Is something the matter, and what is done about it? */
void manager_decide(ConsManager *m);

/** manager_copy_decision() - All of it; cons_decision_free() it */
ConsDecision *manager_copy_decision(const ConsDecision *decision);

/** manager_give_way() - A plan that only saves ends if something has to be
 * mended */
void manager_give_way(ConsManager *m);

/** manager_tell_over() - What the plan brought, by the newest look */
void manager_tell_over(ConsManager *m);

#endif
