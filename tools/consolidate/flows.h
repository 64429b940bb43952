/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flows.h - who talks to whom, out of what vmferry-traffic has kept
 */
#ifndef CONSOLIDATE_FLOWS_H
#define CONSOLIDATE_FLOWS_H

#include "consolidate/cluster.h"
#include "tools/consolidate/look.h"

/**
 * flows_add() - Give @cluster the traffic between its guests
 * @look: What libvirt tells of them; NULL: nothing
 * @files: Of "vmferry-traffic live --history", one a host or uplink
 * @from_us: Wall clock; what began earlier does not count
 *
 * What two files saw in the same period is the same traffic: the larger figure
 * counts. Guests are known by their names, or by the MAC addresses that libvirt
 * tells: a host knows the names of its own only. A file that is not there yet, or
 * cannot be read, is told in @notes (char *, added) and left out.
 */
void flows_add(Cluster *cluster, const Look *look, const char *const *files,
               int64_t from_us, GPtrArray *notes);

#endif
