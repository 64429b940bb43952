/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * triggers.h - what makes the manager think
 *
 * A watch keeps the samples of hosts and guests that the last snapshots gave, and
 * tells what is the matter. One sample never triggers: k of the newest n have to
 * agree, and the forecast demand with them. A host that was relieved is not
 * looked at again until the samples from before are gone.
 */
#ifndef CONSOLIDATE_TRIGGERS_H
#define CONSOLIDATE_TRIGGERS_H

#include "consolidate/cluster.h"

typedef enum {
    CONS_TRIGGER_OVERLOADED,
    CONS_TRIGGER_UNDERLOADED,
    CONS_TRIGGER_WAKE, /* sleeping hosts are needed soon */
    CONS_TRIGGER_FAR_TRAFFIC,
    CONS_TRIGGER_EVACUATE,
    CONS_TRIGGER_CONSTRAINTS,
    CONS_TRIGGER_REQUEST, /* an operator asked for a plan */
    CONS_N_TRIGGERS,
} ConsTriggerKind;

/** cons_trigger_name() - "overloaded", "underloaded", "wake", "far-traffic",
 * "evacuate", "constraints", "request" */
const char *cons_trigger_name(ConsTriggerKind kind);
bool cons_trigger_parse(const char *text, ConsTriggerKind *kind);

typedef struct ConsTrigger {
    ConsTriggerKind kind;
    int32_t host; /* index in the cluster, -1: none in particular */
    char *text;   /* what was seen, in words and numbers */
} ConsTrigger;

ConsTrigger *cons_trigger_new(ConsTriggerKind kind, int32_t host,
                              const char *text);
void cons_trigger_free(ConsTrigger *trigger);

typedef struct ConsWatch ConsWatch;

/** cons_watch_new() - @settings have to outlive it */
ConsWatch *cons_watch_new(const ConsSettings *settings);
void cons_watch_free(ConsWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsWatch, cons_watch_free)

/* Samples of the past, oldest first, as a history has them; a snapshot's own
 * come with cons_watch_observe(). Those that are not newer are passed over. */
void cons_watch_sample_guest(ConsWatch *watch, const char *name, int64_t at_us,
                             int64_t cpu_milli);
void cons_watch_sample_host(ConsWatch *watch, const char *name, int64_t at_us,
                            double share);

/** cons_watch_observe() - Take the samples of @cluster */
void cons_watch_observe(ConsWatch *watch, const Cluster *cluster);

/** cons_watch_demand() - What @guest will take, in thousandths of a core: the
 * forecast with headroom; its vcpus if nothing was ever seen */
int64_t cons_watch_demand(const ConsWatch *watch, const ClusterGuest *guest);

/** cons_watch_relieved() - A plan dealt with @host: its samples count no more */
void cons_watch_relieved(ConsWatch *watch, const char *host);

/** cons_watch_far_done() - When traffic was last looked at; 0: never */
void cons_watch_far_done(ConsWatch *watch, int64_t at_us);

/**
 * cons_watch_triggers() - What is the matter at the time of @cluster
 *
 * Overloaded, underloaded, wake and far traffic; the other kinds are the
 * manager's. Return: ConsTrigger *, most urgent first, unref it
 */
GPtrArray *cons_watch_triggers(const ConsWatch *watch, const Cluster *cluster);

#endif
