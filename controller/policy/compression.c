/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/compression.h"

#include <glib.h>
#include <math.h>

#include "policy/policy-priv.h"

#define GUEST_SHARE 0.25
#define HOST_SHARE 0.125 /* of what is free: others may begin beside it */

static uint64_t
power_of_two_below(double bytes)
{
    return bytes < 1.0 ? 0 : UINT64_C(1) << (unsigned)floor(log2(bytes));
}

static uint64_t
cache_for(const CompressionInput *input)
{
    double bytes =
        fmin(GUEST_SHARE * (double)input->guest_bytes, COMPRESSION_MOST_CACHE);

    bytes = fmin(bytes, input->free_bytes.known
                            ? HOST_SHARE * input->free_bytes.value
                            : (double)COMPRESSION_USUAL_CACHE);
    return power_of_two_below(bytes);
}

static void G_GNUC_PRINTF(2, 3)
    say(Compression *compression, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_vsnprintf(compression->reason, sizeof(compression->reason), format,
                arguments);
    va_end(arguments);
}

void
compression_choose(const CompressionInput *input, Compression *compression)
{
    uint64_t cache_bytes = cache_for(input);

    *compression = (Compression){ 0 };
    if (input->ruled_out) {
        say(compression, "Pages are sent as they are: %s", input->ruled_out);
    } else if (!(input->link_bytes_s > 0.0)) {
        say(compression, "Pages are sent as they are: it is not known what the "
                         "link carries");
    } else if (input->link_bytes_s > COMPRESSION_MOST_LINK_BYTES_S) {
        say(compression,
            "Pages are sent as they are: the link carries %.0f Mbit/s, more "
            "than the %.0f up to which they are compressed",
            policy_mbit(input->link_bytes_s),
            policy_mbit(COMPRESSION_MOST_LINK_BYTES_S));
    } else if (cache_bytes < COMPRESSION_LEAST_CACHE) {
        say(compression,
            "Pages are sent as they are: there is no room for a cache of %u "
            "MiB",
            COMPRESSION_LEAST_CACHE >> 20);
    } else {
        compression->on = true;
        compression->cache_bytes = cache_bytes;
        say(compression,
            "Pages that are sent again are compressed (xbzrle, cache %u MiB), "
            "for the link carries %.0f Mbit/s",
            (unsigned)(cache_bytes >> 20), policy_mbit(input->link_bytes_s));
    }
}
