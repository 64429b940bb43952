/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-compression.c - when pages that are sent again are compressed
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib.h>
#include <math.h>
#include <string.h>

#include "policy/compression.h"

#define MIB (1.0 * (1 << 20))
#define MBIT (1e6 / 8)

typedef struct ChooseCase {
    char what[48];
    double link_bytes_s, guest_mib, free_mib; /* free: -1 not known */
    char ruled_out[24];
    unsigned want_mib; /* 0: off */
    char words[32];    /* in the reason */
} ChooseCase;

ParameterizedTestParameters(compression, choose)
{
    static ChooseCase cases[] = {
        { "a quarter of the guest", 50 * MBIT, 256, 16384, "", 64,
          "cache 64 MiB" },
        { "a power of two", 50 * MBIT, 3000, 16384, "", 512, "50 Mbit/s" },
        { "never more than 1 GiB", 50 * MBIT, 65536, 131072, "", 1024, "" },
        { "a host that has little", 50 * MBIT, 4096, 300, "", 32, "" },
        { "a host that has next to nothing", 50 * MBIT, 4096, 20, "", 0,
          "no room for a cache" },
        { "free memory not known", 50 * MBIT, 65536, -1, "", 64, "" },
        { "a small guest", 50 * MBIT, 16, 16384, "", 0, "no room" },
        { "1 Gbit/s", 1000 * MBIT, 256, 16384, "", 64, "1000 Mbit/s" },
        { "more than that", 1001 * MBIT, 256, 16384, "", 0, "as they are" },
        { "a link without a rate", 0, 256, 16384, "", 0, "not known" },
        { "not a number", NAN, 256, 16384, "", 0, "not known" },
        { "ruled out", 50 * MBIT, 256, 16384, "zero copy", 0, "zero copy" },
    };

    return cr_make_param_array(ChooseCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(ChooseCase *c, compression, choose)
{
    CompressionInput input = {
        .ruled_out = *c->ruled_out ? c->ruled_out : NULL,
        .link_bytes_s = c->link_bytes_s,
        .guest_bytes = (uint64_t)(c->guest_mib * MIB),
        .free_bytes = c->free_mib < 0 ? unknown() : known(c->free_mib * MIB),
    };
    Compression compression;

    compression_choose(&input, &compression);
    cr_expect_eq(compression.cache_bytes, (uint64_t)(c->want_mib * MIB),
                 "%s: %lu", c->what, (unsigned long)compression.cache_bytes);
    cr_expect_eq(compression.on, c->want_mib > 0, "%s", c->what);
    cr_expect_not_null(strstr(compression.reason, c->words), "%s: %s", c->what,
                       compression.reason);
    /* A sentence that was cut off would end in the middle. */
    cr_expect_lt(strlen(compression.reason), sizeof(compression.reason) - 1,
                 "%s", c->what);
}
