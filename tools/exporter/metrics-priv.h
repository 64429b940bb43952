/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics-priv.h - what the files that write metrics share
 *
 * metrics.c has the exporter, the daemon and the sessions, metrics-links.c
 * links and queues, metrics-counters.c what the daemon counts.
 */
#ifndef EXPORTER_METRICS_PRIV_H
#define EXPORTER_METRICS_PRIV_H

#include "tools/exporter/picture-priv.h"

/* Reading of the daemon's documents, which may be NULL. */

static inline JsonObject *
list_of(JsonObject *object, const char *path)
{
    return object ? jobj_get(object, path) : NULL;
}

static inline Known
number_of(JsonObject *object, const char *path)
{
    return object ? jobj_get_known(object, path) : unknown();
}

static inline Known
truth_of(JsonObject *object, const char *path)
{
    bool value;

    return object && jobj_get_bool(object, path, &value) ? known(value)
                                                         : unknown();
}

/* A counter is never below zero. */
static inline Known
count_of(JsonObject *object, const char *path)
{
    Known count = number_of(object, path);

    return count.known && count.value >= 0 ? count : unknown();
}

/* A family of one sample without labels. */
static inline void
single(Prom *prom, PromType type, const char *name, const char *help,
       Known value)
{
    prom_family(prom, type, name, help);
    prom_known(prom, value, NULL);
}

/* The parts of picture_metrics(), by file. */
void metrics_add_links(const Picture *picture, Prom *prom);
void metrics_add_counters(const Picture *picture, Prom *prom);

#endif
