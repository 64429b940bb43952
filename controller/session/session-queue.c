/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-queue.c - little waits in the stream's socket
 *
 * What QEMU has written and what has not left yet is sent while the guest
 * stands. The kernel lets it grow to megabytes; with what the link carries in
 * 16 ms it is kept as busy, for QEMU writes more before that is gone. Of
 * migrations that are ours, and of others' while they are steered by the default
 * policy, where QEMU's process is to be seen. What was bounded is in the record,
 * under extra.unsent_bound.
 */
#include <math.h>

#include "session/session-priv.h"

#define UNSENT_S 0.016 /* the kernel wakes the writer at half of it */
#define UNSENT_LEAST_BYTES (64 * 1024)
#define UNSENT_MOST_BYTES (4 * 1024 * 1024)
/* A process that cannot be found now may be seen later, or never; one that may
 * not be touched, as AppArmor can have it, stays so. */
#define MOST_TRIES 5

static uint32_t
bound_of(double link_bytes_s)
{
    return (uint32_t)fmin(fmax(UNSENT_S * link_bytes_s, UNSENT_LEAST_BYTES),
                          UNSENT_MOST_BYTES);
}

static void
note_bound(Session *session, uint32_t bytes, guint streams, const GError *error)
{
    RunRecord *record = session->record;
    JsonObject *entry = json_object_new_object();

    if (!record->extra) {
        record->extra = json_object_new_object();
    }
    jobj_add_double(entry, "t_s", session_seconds(session));
    jobj_add_u64(entry, "bytes", bytes);
    jobj_add_u64(entry, "streams", streams);
    jobj_add_bool(entry, "done", !error);
    if (error) {
        jobj_add_string(entry, "error", error->message);
    }
    jobj_add(record->extra, "unsent_bound", entry);
}

/* Who has started an adopted one asked for nothing: it has to be steered. */
static bool
may_bound(const Session *session)
{
    const SessionSpec *spec = &session->spec;

    return spec->bounds_unsent && !spec->advisory && spec->link &&
           spec->link->rate_bytes_s > 0 && session->attribution &&
           session->unsent_tries < MOST_TRIES &&
           (!session->adopted ||
            job_settings(session->job)->kind == POLICY_DEFAULT);
}

void
session_bound_unsent(Session *session)
{
    g_autoptr(GArray) inodes = NULL;
    g_autoptr(GError) error = NULL;
    uint32_t bytes;

    if (!may_bound(session)) {
        return;
    }
    inodes = attribution_inodes(session->attribution);
    if (inodes->len <= session->unsent_streams) {
        return;
    }
    if (session->adopted && session->unsent_pid == 0) {
        /* rather than looking through all processes of the host */
        session->unsent_pid = virt_guest_pid(session->spec.guest);
    }
    bytes = bound_of((double)session->spec.link->rate_bytes_s);
    for (guint i = 0; i < inodes->len && !error; i++) {
        streams_bound_unsent(&session->unsent_pid,
                             g_array_index(inodes, uint64_t, i), bytes, &error);
    }
    if (g_error_matches(error, RESERVATION_ERROR,
                        RESERVATION_ERROR_PERMISSION)) {
        session->unsent_tries = MOST_TRIES; /* each is one in an audit log */
    } else if (error) {
        session->unsent_tries++;
    } else {
        session->unsent_streams = inodes->len;
    }
    note_bound(session, bytes, inodes->len, error);
}
