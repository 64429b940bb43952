/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * look.h - what libvirt tells, as the cluster that decisions look at
 *
 * Keeps what was seen last, for a host that does not answer: its guests stay
 * where they were, as far as anybody knows, and nobody decides about them.
 * Pure but for what it is handed.
 */
#ifndef CONSOLIDATE_LOOK_H
#define CONSOLIDATE_LOOK_H

#include "consolidate/cluster.h"
#include "virt/inventory.h"

typedef struct Look Look;

/** look_new() - @settings have to outlive it */
Look *look_new(const ConsSettings *settings);
void look_free(Look *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Look, look_free)

/**
 * look_take() - One reading of the hosts
 * @hosts: VirtSeenHost *, one for each host of the settings that has a URI, in
 *         their order
 *
 * A guest that is on two hosts, for it migrates, is where it runs. Of two
 * guests with one name the second, by UUID, is called "NAME (UUID)". Own use of
 * a host is what its guests do not account for, unless the settings say what it
 * has: then it may be a part of a machine, and that cannot be told.
 *
 * Return: without flows; cluster_free() it
 */
Cluster *look_take(Look *look, const GPtrArray *hosts, int64_t wall_us);

/** look_guest() - What was seen of it last; NULL: nothing. Lives until the next
 * look_take() */
const VirtSeenGuest *look_guest(const Look *look, const char *name);

/** look_free_bytes() - What a host has free of its memory, as was seen last;
 * unknown if it did not answer then */
Known look_free_bytes(const Look *look, const char *host);

#endif
