/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compress.h - whether what a move sends again is compressed
 *
 * By the rule of vmferry migrate, policy/compression.h. It goes by what the link
 * carries, and that is what the configuration says: what is assumed where it says
 * nothing is no knowledge, and a link that is faster would be held up.
 */
#ifndef CONSOLIDATE_COMPRESS_H
#define CONSOLIDATE_COMPRESS_H

#include "consolidate/settings.h"
#include "policy/compression.h"
#include "virt/migration.h"

/** compress_link() - What the narrower of two hosts' links carries, bytes per
 * second, as far as was said; 0: it was not */
uint64_t compress_link(const ConsSettings *settings, const char *from,
                       const char *to);

/**
 * compress_request() - Choose, and add it to the request
 * @spec: Complete otherwise
 * @source: Where the guest is
 * @link_bytes_s: 0: not known
 * @free_bytes: Of the source's memory
 * @choice: Gets what was chosen, with the reason
 */
void compress_request(VirtMigrateSpec *spec, const VirtGuestInfo *guest,
                      const VirtHostInfo *source, uint64_t link_bytes_s,
                      Known free_bytes, Compression *choice);

#endif
