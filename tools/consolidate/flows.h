/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flows.h - who talks to whom, out of what vmferry-traffic has kept
 */
#ifndef CONSOLIDATE_FLOWS_H
#define CONSOLIDATE_FLOWS_H

#include "consolidate/cluster.h"
#include "tools/consolidate/look.h"

typedef struct Flows Flows;

/**
 * flows_new() - Nothing was read yet
 * @most_us: How long flows_add() may read; 0: as long as it takes
 */
Flows *flows_new(int64_t most_us);
void flows_free(Flows *flows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Flows, flows_free)

/**
 * flows_add() - Give @cluster the traffic between its guests
 * @flows: What was read so far: only what came since is read, once a period has
 *         passed
 * @look: What libvirt tells of them; NULL: nothing
 * @files: Of "vmferry-traffic live --history", one a host or uplink
 * @from_us: Wall clock; what began earlier does not count
 *
 * What two files saw in the same period is the same traffic: the larger figure
 * counts. Guests are known by their names, or by the MAC addresses that libvirt
 * tells: a host knows the names of its own only. A file that is not there yet, or
 * cannot be read, is told in @notes (char *, added) and left out. If there
 * is more to read than there is time for, the cluster gets what was complete
 * before, at first nothing, and the next call goes on.
 */
void flows_add(Flows *flows, Cluster *cluster, const Look *look,
               const char *const *files, int64_t from_us, GPtrArray *notes);

/** flows_forget() - There is news: read anew the next time */
void flows_forget(Flows *flows);

#endif
