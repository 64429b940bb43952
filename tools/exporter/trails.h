/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trails.h - what was, as far as the page shows it
 *
 * Of each link one point a second for ten minutes: how much each role used.
 * Of each session its iterations, predicted and actual. Bounded in every
 * direction. Pure.
 */
#ifndef EXPORTER_TRAILS_H
#define EXPORTER_TRAILS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define TRAILS_SECONDS 600
#define TRAILS_ITERATIONS 300

typedef struct Trails Trails;

Trails *trails_new(void);
void trails_free(Trails *trails);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trails, trails_free)

/**
 * trails_add_status() - A point of each link
 *
 * Links that are no longer told about keep their trail until it is too old;
 * sessions that are not, lose it.
 */
void trails_add_status(Trails *trails, JsonObject *status, int64_t now_us);

/** trails_add_iteration() - As in the run record; borrowed. One that is there
 * already is replaced */
void trails_add_iteration(Trails *trails, const char *session,
                          JsonObject *iteration);

/** trails_want() - A session whose earlier iterations are not known, NULL:
 * none; it is not named again */
const char *trails_want(Trails *trails);

/** trails_forget_sessions() - The daemon is another one now */
void trails_forget_sessions(Trails *trails);

/**
 * trails_links() - {"eth0": [POINT, ...]}; new reference
 * @points: At most so many, the last ones
 *
 * POINT is {"t" (seconds since the epoch), "use", "capacity", "guaranteed",
 * "roles": {"rest": rate}, "migrations": {"owner": rate}}
 */
JsonObject *trails_links(const Trails *trails, size_t points);

/** trails_iterations() - {"17": [ITERATION, ...]}; new reference */
JsonObject *trails_iterations(const Trails *trails, size_t iterations);

#endif
