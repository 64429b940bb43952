/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page-cluster.h - pictures of a cluster: who is where, who talks to whom
 */
#ifndef CONSOLIDATE_PAGE_CLUSTER_H
#define CONSOLIDATE_PAGE_CLUSTER_H

#include "consolidate/decide.h"

/* More guests than that are not kept with a decision, and not drawn. */
#define PAGE_MOST_GUESTS 1000

/** page_cluster_style - CSS of these pictures */
extern const char page_cluster_style[];

/**
 * page_add_cluster() - Hosts and their guests before and after, and the traffic
 * @before: The cluster that was decided about, cluster_to_json(); NULL: nothing
 *          is drawn
 * @after: As it was seen when the plan was over; NULL: as the moves would have
 *         it
 *
 * A document that is no cluster is left out.
 */
void page_add_cluster(GString *out, const ConsDecision *decision,
                      JsonObject *before, JsonObject *after);

#endif
