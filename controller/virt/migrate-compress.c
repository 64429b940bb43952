/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-compress.c - QEMU's xbzrle, for a migration that nobody asked it for
 *
 * Whoever has said a word about compression is left with it.
 */
#include "virt/migration.h"

/* Before it counts of pages with xbzrle lack those found unchanged. */
#define FIRST_QEMU 5.2

/* By its flag, or by a parameter of it, which libvirt refuses without. */
static bool
says_something(const VirtMigrateSpec *spec)
{
    for (guint i = 0; i < spec->params->len; i++) {
        const VirtParam *param = spec->params->pdata[i];

        if (g_str_has_prefix(param->name, VIRT_MIGRATE_PARAM_COMPRESSION)) {
            return true;
        }
    }
    return spec->flags & VIRT_MIGRATE_COMPRESSED;
}

const char *
virt_migrate_spec_bars_compression(const VirtMigrateSpec *spec,
                                   const VirtGuestInfo *guest,
                                   const VirtHostInfo *source)
{
    const char *uri = virt_migrate_spec_string(spec, VIRT_MIGRATE_PARAM_URI);
    const char *version = source->hypervisor_version;

    if (says_something(spec)) {
        return "what was given for it stays";
    }
    if (spec->flags & VIRT_MIGRATE_PARALLEL) {
        return "several connections do not take it";
    }
    if (spec->flags & VIRT_MIGRATE_ZEROCOPY) {
        return "zero copy does not take it";
    }
    if (!(spec->flags & VIRT_MIGRATE_LIVE) ||
        spec->flags & (VIRT_MIGRATE_OFFLINE | VIRT_MIGRATE_POSTCOPY_RESUME)) {
        return "none is sent twice";
    }
    if (spec->flags & VIRT_MIGRATE_RDMA_PIN_ALL ||
        (uri && g_str_has_prefix(uri, "rdma:"))) {
        return "RDMA does not take it";
    }
    if (!version || g_ascii_strtod(version, NULL) < FIRST_QEMU) {
        return "QEMU is older than 5.2, or of an unknown version";
    }
    if (guest->memory_limit) {
        return "the host kills QEMU if it takes more memory than its "
               "<hard_limit>";
    }
    return NULL;
}

void
virt_migrate_spec_compress(VirtMigrateSpec *spec, uint64_t cache_bytes)
{
    spec->flags |= VIRT_MIGRATE_COMPRESSED;
    virt_migrate_spec_add_string(spec, VIRT_MIGRATE_PARAM_COMPRESSION,
                                 "xbzrle");
    virt_migrate_spec_add_u64(spec, VIRT_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE,
                              cache_bytes);
}
