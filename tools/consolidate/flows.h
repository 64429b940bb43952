/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flows.h - who talks to whom, out of what vmferry-traffic has kept
 */
#ifndef CONSOLIDATE_FLOWS_H
#define CONSOLIDATE_FLOWS_H

#include "consolidate/cluster.h"

/**
 * flows_add() - Give @cluster the traffic between its guests
 * @files: Of "vmferry-traffic live --history", one a host or uplink
 * @from_us: Wall clock; what began earlier does not count
 *
 * What two files saw in the same period is the same traffic: the larger figure
 * counts. Guests are known by their names. A file that is not there yet, or
 * cannot be read, is told in @notes (char *, added) and left out.
 */
void flows_add(Cluster *cluster, const char *const *files, int64_t from_us,
               GPtrArray *notes);

#endif
