/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-compress.c - pages that are sent again are compressed, or not
 *
 * Chosen before libvirt is asked, for QEMU takes it then only. Whoever has said
 * a word about compression is left with it. What was chosen is in the record,
 * under extra.compression.
 */
#include <stdlib.h>
#include <string.h>

#include "session/session-priv.h"

#define MEMINFO "/proc/meminfo"
#define AVAILABLE "\nMemAvailable:"
/* Before it counts of pages with xbzrle lack those found unchanged. */
#define FIRST_QEMU 5.2

/* What our host has free, where the guest is on it. */
static Known
free_memory(const VirtHostInfo *host)
{
    g_autofree char *text = NULL;
    const char *at;

    if (host->local != VIRT_LOCAL_YES ||
        !g_file_get_contents(MEMINFO, &text, NULL, NULL) ||
        !(at = strstr(text, AVAILABLE))) {
        return unknown();
    }
    return known(1024.0 *
                 (double)g_ascii_strtoull(at + strlen(AVAILABLE), NULL, 10));
}

static const char *
ruled_out(const SessionSpec *spec, const VirtHostInfo *host)
{
    const VirtMigrateSpec *migrate = spec->migrate;
    const char *uri = virt_migrate_spec_string(migrate, VIRT_MIGRATE_PARAM_URI);
    const char *version = host->hypervisor_version;

    if (!spec->compresses) {
        return "it was not asked for";
    }
    if (migrate->flags & VIRT_MIGRATE_COMPRESSED) {
        return "what was given for it stays";
    }
    if (migrate->flags & VIRT_MIGRATE_PARALLEL) {
        return "several connections do not take it";
    }
    if (migrate->flags & VIRT_MIGRATE_ZEROCOPY) {
        return "zero copy does not take it";
    }
    if (!(migrate->flags & VIRT_MIGRATE_LIVE) ||
        migrate->flags &
            (VIRT_MIGRATE_OFFLINE | VIRT_MIGRATE_POSTCOPY_RESUME)) {
        return "none is sent twice";
    }
    if (uri && g_str_has_prefix(uri, "rdma:")) {
        return "RDMA does not take it";
    }
    if (!version || g_ascii_strtod(version, NULL) < FIRST_QEMU) {
        return "QEMU is older than 5.2, or of an unknown version";
    }
    return NULL;
}

void
session_compression(const SessionSpec *spec, Compression *compression)
{
    const VirtHostInfo *host = virt_host_info(virt_guest_host(spec->guest));
    CompressionInput input = {
        .ruled_out = ruled_out(spec, host),
        .link_bytes_s = spec->link ? (double)spec->link->rate_bytes_s : 0.0,
        .guest_bytes = virt_guest_info(spec->guest)->memory_bytes,
        .free_bytes = free_memory(host),
    };

    compression_choose(&input, compression);
}

static void
note_compression(Session *session, const Compression *compression)
{
    RunRecord *record = session->record;
    JsonObject *entry = json_object_new_object();

    if (!record->extra) {
        record->extra = json_object_new_object();
    }
    jobj_add_bool(entry, "on", compression->on);
    if (compression->on) {
        jobj_add_string(entry, "method", "xbzrle");
        jobj_add_u64(entry, "cache_bytes", compression->cache_bytes);
    }
    jobj_add_string(entry, "reason", compression->reason);
    jobj_add(record->extra, "compression", entry);
}

void
session_compress(Session *session)
{
    Compression compression;

    if (!session->spec.compresses) {
        return;
    }
    session_compression(&session->spec, &compression);
    note_compression(session, &compression);
    if (!compression.on) {
        return;
    }
    session->request = virt_migrate_spec_copy(session->spec.migrate);
    session->request->flags |= VIRT_MIGRATE_COMPRESSED;
    virt_migrate_spec_add_string(session->request,
                                 VIRT_MIGRATE_PARAM_COMPRESSION, "xbzrle");
    virt_migrate_spec_add_u64(session->request,
                              VIRT_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE,
                              compression.cache_bytes);
    session->spec.migrate = session->request;
}
