/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/consolidate/compress.h"

static uint64_t
said_link(const ConsSettings *settings, const char *host)
{
    const ConsHostSettings *said = cons_settings_host(settings, host);

    return said && said->link_bytes_s ? said->link_bytes_s
           : settings->link_said      ? settings->link_bytes_s
                                      : 0;
}

uint64_t
compress_link(const ConsSettings *settings, const char *from, const char *to)
{
    uint64_t out = said_link(settings, from), in = said_link(settings, to);

    return out && in ? MIN(out, in) : MAX(out, in);
}

void
compress_request(VirtMigrateSpec *spec, const VirtGuestInfo *guest,
                 const VirtHostInfo *source, uint64_t link_bytes_s,
                 Known free_bytes, Compression *choice)
{
    CompressionInput input = {
        .ruled_out = virt_migrate_spec_bars_compression(spec, guest, source),
        .link_bytes_s = (double)link_bytes_s,
        .guest_bytes = guest->memory_bytes,
        .free_bytes = free_bytes,
    };

    compression_choose(&input, choice);
    if (choice->on) {
        virt_migrate_spec_compress(spec, choice->cache_bytes);
    }
}
