/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulator-priv.h - the simulator's state
 */
#ifndef CONSOLIDATE_SIMULATOR_PRIV_H
#define CONSOLIDATE_SIMULATOR_PRIV_H

#include "consolidate/simulator.h"

typedef enum {
    SIM_DELIVER,  /* the event goes to the manager */
    SIM_SNAPSHOT, /* the manager gets a look at how it is then */
    SIM_END,      /* a migration is over */
    SIM_AWAKE,    /* a host has booted */
    SIM_OFF,      /* a host is off */
    SIM_ARRIVE,   /* request of number id */
    SIM_LEAVE,    /* ... has ended */
    SIM_TIME,     /* of wake_at(), if it is still the newest */
} SimKind;

typedef struct SimEvent {
    int64_t at_us;
    uint64_t number; /* of equal times the earlier asked for comes first */
    SimKind kind;
    ConsEvent *event;
    uint64_t id; /* migration; newest wake_at() */
    char *host;
} SimEvent;

typedef struct SimMove {
    uint64_t id;
    char *guest, *from, *to;
    char *plan; /* who wants to know; NULL: nobody */
    size_t step;
    int64_t start_us;
    PlanDuration duration;
    double took_s;
    char *fails; /* why it will; NULL: it will not */
} SimMove;

struct ConsSimulator {
    const ConsSettings *settings;
    Cluster *cluster; /* as it is; cpu_milli is what a guest asks for */
    ConsManager *manager;
    int64_t now_us, start_us;
    uint64_t random;
    uint64_t numbers;
    GPtrArray *queue; /* SimEvent *, a heap by time */
    GPtrArray *moves; /* SimMove *, running */
    uint64_t newest_time;
    double noise, slow;
    const PlanTraces *traces;
    GHashTable *trace_of; /* guest: index in traces + 1 */
    const int64_t *peak_milli;
    double step_s;
    int64_t followed; /* step that the guests' loads are of; -1: none */
    bool ends;
    const ConsRequest *requests;
    GHashTable *groups_of; /* guest: of ConsGroupSettings; all borrowed */
    int64_t count_from_us, count_until_us;
    const double **curves;     /* [host] or NULL */
    GHashTable *fail, *refuse; /* guest: why */
    GString *journal;
    GPtrArray *past;      /* ConsPast * */
    GPtrArray *decisions; /* JsonObject * */
    GPtrArray *told;      /* JsonObject *: what became of steps and plans */
    ConsSimulatorFigures figures;
    double joules, active_s, overloaded_s, host_s, asked, lost;
};

void sim_push(ConsSimulator *s, SimEvent *event);
SimEvent *sim_pop(ConsSimulator *s);
void sim_event_free(gpointer event);
void sim_move_free(gpointer move);

/** sim_advance() - The clock goes on, and what runs meanwhile is counted */
void sim_advance(ConsSimulator *s, int64_t to_us);

/** sim_arrive() - Request @index is placed, or refused */
void sim_arrive(ConsSimulator *s, size_t index);

/** sim_leave() - Its guest ends, or a little later if it migrates */
void sim_leave(ConsSimulator *s, size_t index);

/** sim_follow() - Loads as the traces have them now */
void sim_follow(ConsSimulator *s);

/** sim_next_step_us() - When loads change next; INT64_MAX: never */
int64_t sim_next_step_us(const ConsSimulator *s);

/** sim_uniform() - 0 to 1 */
double sim_uniform(ConsSimulator *s);

#endif
