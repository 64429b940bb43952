/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compression.h - whether pages that are sent again are compressed
 *
 * The pages that a guest writes all the time, its kernel's above all, change
 * by a few bytes each time, and they are what short passes consist of: what
 * decides whether a migration ends. QEMU's xbzrle keeps what it has sent of a
 * page in a cache at the source and sends the difference. It costs memory there
 * and a core's time per page, which a fast link has not to give away. QEMU
 * takes the capability before a migration only. Pure.
 */
#ifndef POLICY_COMPRESSION_H
#define POLICY_COMPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

/* On faster links encoding would hold up the stream. */
#define COMPRESSION_MOST_LINK_BYTES_S 125e6
/* Less holds too little of what is written again. */
#define COMPRESSION_LEAST_CACHE (8u << 20)
#define COMPRESSION_MOST_CACHE (1u << 30)
/* Where the host's free memory is not known: QEMU's own default. */
#define COMPRESSION_USUAL_CACHE (64u << 20)

typedef struct CompressionInput {
    const char *ruled_out; /* why it cannot be, one word or more; NULL */
    double link_bytes_s;   /* what the link carries, 0: not known */
    uint64_t guest_bytes;  /* its memory */
    Known free_bytes;      /* of the source host's memory */
} CompressionInput;

typedef struct Compression {
    bool on;
    uint64_t cache_bytes; /* a power of two, as QEMU wants it; 0: off */
    char reason[160];     /* one sentence with its numbers */
} Compression;

/**
 * compression_choose() - Choose
 *
 * The cache is a quarter of the guest, or an eighth of what the host has free if
 * that is less, rounded down, between the limits above.
 */
void compression_choose(const CompressionInput *input,
                        Compression *compression);

#endif
