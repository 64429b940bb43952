/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-compress.c - pages that are sent again are compressed, or not
 *
 * Chosen before libvirt is asked, for QEMU takes it then only. What was chosen is
 * in the record, under extra.compression.
 */
#include <stdlib.h>
#include <string.h>

#include "session/session-priv.h"

#define MEMINFO "/proc/meminfo"
#define AVAILABLE "\nMemAvailable:"

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

const char *
session_rules_out_compression(const SessionSpec *spec,
                              const VirtGuestInfo *guest,
                              const VirtHostInfo *host)
{
    if (!spec->compresses) {
        return "it was not asked for";
    }
    if (spec->postcopy_after_precopy) {
        return "none is sent twice";
    }
    return virt_migrate_spec_bars_compression(spec->migrate, guest, host);
}

void
session_compression(const SessionSpec *spec, Compression *compression)
{
    const VirtGuestInfo *guest = virt_guest_info(spec->guest);
    const VirtHostInfo *host = virt_host_info(virt_guest_host(spec->guest));
    CompressionInput input = {
        .ruled_out = session_rules_out_compression(spec, guest, host),
        .link_bytes_s =
            known_or(spec->told_link_bytes_s,
                     spec->link ? (double)spec->link->rate_bytes_s : 0.0),
        .guest_bytes = guest->memory_bytes,
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
session_apply_compression(Session *session, const Compression *compression)
{
    note_compression(session, compression);
    if (!compression->on) {
        return;
    }
    session->request = virt_migrate_spec_copy(session->spec.migrate);
    virt_migrate_spec_compress(session->request, compression->cache_bytes);
    session->spec.migrate = session->request;
    if (session->callbacks.compressed) {
        session->callbacks.compressed(session, compression, session->user);
    }
}

void
session_compress(Session *session)
{
    Compression compression;

    if (session->spec.compresses) {
        session_compression(&session->spec, &compression);
        session_apply_compression(session, &compression);
    }
}

/* It was not asked for: whoever is refused for its sake is told how to go. */
void
session_explain_refusal(const Session *session, GError *error)
{
    if (session->request && session->sent_bytes == 0 &&
        (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NO_SUPPORT) ||
         g_error_matches(error, VIRT_ERROR, VIRT_ERROR_INVALID))) {
        g_autofree char *told = error->message;

        error->message = g_strdup_printf("%s (compression was vmferry's "
                                         "choice: --no-compression goes "
                                         "without)",
                                         told);
    }
}
