/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fixture.h - small clusters for the tests of the consolidation manager
 */
#ifndef TESTS_CONSOLIDATE_FIXTURE_H
#define TESTS_CONSOLIDATE_FIXTURE_H

#include "consolidate/simulator.h"

#define GIB ((uint64_t)1 << 30)
#define START_US INT64_C(1772323200000000) /* 2026-03-01, midnight */
#define SECOND_US INT64_C(1000000)

/** fixture_settings() - Parsed; a mistake fails the test */
ConsSettings *fixture_settings(const char *text);

/** fixture_hosts() - "[host h1]" ... with @more in each section; g_free() it */
char *fixture_hosts(const char *head, size_t n, const char *more);

/** fixture_cluster() - All hosts of @settings up, with so many cores and GiB */
Cluster *fixture_cluster(const ConsSettings *settings, int64_t cores,
                         uint64_t gib);

/** fixture_guest() - Of two vcpus; borrowed */
ClusterGuest *fixture_guest(Cluster *cluster, const char *name,
                            const char *host, int64_t cpu_milli, uint64_t gib);

/** fixture_decide() - With one trigger, and a watch that saw nothing else */
ConsDecision *fixture_decide(const ConsSettings *settings,
                             const Cluster *cluster, ConsTriggerKind kind,
                             const char *host);

const ConsMove *fixture_move(const ConsDecision *decision, const char *guest);

/** fixture_apply() - The cluster as the decision wants it; cluster_free() it */
Cluster *fixture_apply(const Cluster *cluster, const ConsDecision *decision);

/** fixture_text() - The whole decision, for messages; borrowed */
const char *fixture_text(const ConsDecision *decision);

/** fixture_where() - The host of a guest, as it is; borrowed */
const char *fixture_where(const Cluster *cluster, const char *guest);

#endif
