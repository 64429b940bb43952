/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * real-priv.h - the inside of the real back end
 */
#ifndef CONSOLIDATE_REAL_PRIV_H
#define CONSOLIDATE_REAL_PRIV_H

#include "tools/consolidate/fetch.h"
#include "tools/consolidate/flows.h"
#include "tools/consolidate/hold.h"
#include "tools/consolidate/look.h"
#include "tools/consolidate/move.h"
#include "tools/consolidate/power.h"
#include "tools/consolidate/real.h"
#include "virt/inventory.h"

struct Real {
    RealSpec spec;
    const RealListener *listener;
    gpointer user;
    ConsManager *manager;
    VirtInventory *inventory;
    Look *look;
    Fetch *fetch;
    Flows *flows;
    Cluster *waits; /* the first look, until traffic has come; else NULL */
    guint wait_source;
    bool fetched;     /* it was waited for once */
    GPtrArray *steps; /* RealStep, under way */
    GQueue events;    /* ConsEvent, to be delivered */
    guint event_source, time_source;
    int64_t wake_us;
    bool snapshot_wanted, warming;
    GHashTable *told_notes; /* texts that were told once */
};

/* A call that has not been answered for the last time. */
typedef struct RealStep {
    Real *real;
    char *plan;
    size_t step;
    char *guest, *from, *to; /* names */
    HoldMove way;            /* which link it takes, and whether it is held */
    Move *move;
    Power *power;
    /* one that an earlier manager began, or a host that wakes */
    char *uuid, *from_uri, *to_uri;
    guint look_source;
    unsigned looks;
    int64_t nowhere_us; /* since then nobody tells where it is; 0: they do */
    VirtGuest *virt;    /* adopted: at its source; NULL: not known yet */
    bool opening, lifting, lifted;
    uint64_t bytes; /* adopted: sent so far */
    char *unsure;   /* adopted: why it may have failed; NULL: it is there */
    char *lost;     /* adopted from ourselves: how its libvirt was lost */
    int64_t begun_us, until_us; /* monotonic */
    bool asking, cancelled, gone;
} RealStep;

/** real_event() - To be delivered from the loop; @event is taken */
void real_event(Real *real, ConsEvent *event);
void real_note(Real *real, const char *guest, const char *text);

RealStep *real_step_new(Real *real, const char *plan, size_t step,
                        const ConsMove *move);
RealStep *real_step_find(const Real *real, const char *plan, size_t step);

RealStep *real_step_ref(RealStep *step);
void real_step_unref(RealStep *step);

/** real_step_drop() - For the array; late answers find .gone */
void real_step_drop(gpointer step);

/** real_step_end() - Answer it for the last time; @why NULL: it is done */
void real_step_end(RealStep *step, const char *why, double took_s,
                   double downtime_s, uint64_t bytes);

void real_step_started(RealStep *step, const char *via);
void real_step_progress(RealStep *step, double share, uint64_t bytes,
                        double left_s);

/** real_step_unknown() - Why its hosts cannot be asked about it; NULL: they
 * can */
const char *real_step_unknown(const RealStep *step);

const char *real_uri(const Real *real, const char *host);

/** real_hold_bytes_s() - What a migration that is held may send, from @host */
uint64_t real_hold_bytes_s(const Real *real, const char *host);

/** real_step_lost() - Of its migration nothing is heard any more; find out from
 * the hosts. Its move is freed */
void real_step_lost(RealStep *step, const char *why);

/* real-steps.c, real-adopt.c: the calls of ConsBackend that take a while */
void real_check(void *data, const char *plan, size_t step,
                const ConsMove *move);
void real_start(void *data, const char *plan, size_t step,
                const ConsMove *move);
void real_adopt(void *data, const char *plan, size_t step,
                const ConsMove *move);
void real_cancel(void *data, const char *plan, size_t step,
                 const ConsMove *move);
void real_power(void *data, const char *plan, size_t step, const char *host,
                bool on);

#endif
