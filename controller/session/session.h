/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session.h - one steered migration, from the request to its record
 *
 * Here the adapters meet: libvirt tells what happens, the job decides, the
 * reservation carries it out, the record keeps all of it. Programs start a
 * session and show what it tells them. It belongs to the thread that runs the
 * main loop and calls back only there.
 *
 *   VirtGuest events, polls ─┐                     ┌─> reservation (tc)
 *   socket table, NIC ───────┴─> JobEvent ─> job ──┤
 *                                                  └─> record, callbacks
 */
#ifndef SESSION_H
#define SESSION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "policy/policy.h"
#include "report/record.h"
#include "tc/reservation.h"
#include "virt/migration.h"

#define SESSION_ERROR (session_error_quark())
GQuark session_error_quark(void);
typedef enum {
    SESSION_ERROR_ADDRESS, /* the destination's data address is not known */
    SESSION_ERROR_CUT_OFF, /* given up after the time set for it */
    SESSION_ERROR_REMOTE,  /* the source is not this host: no tc here */
} SessionError;

typedef enum {
    SESSION_TIMEOUT_NONE,
    SESSION_TIMEOUT_SUSPEND,  /* virsh --timeout: pause, so that it ends */
    SESSION_TIMEOUT_POSTCOPY, /* virsh --timeout-postcopy */
} SessionTimeout;

typedef struct SessionSpec {
    VirtGuest *guest;      /* on its source */
    VirtHost *destination; /* NULL: no connection of ours there */
    const VirtMigrateSpec *migrate;
    PolicySettings policy; /* downtime_limit_s is QEMU's limit, whether set
                                by us or not */
    bool set_downtime;     /* set QEMU's limit to policy.downtime_limit_s */
    const Link *link;      /* NULL: not known; needed unless policy is none */
    const ProtectedSpec *protected_specs;
    size_t n_protected;
    uint32_t parent;    /* see ReservationSpec */
    unsigned timeout_s; /* then take .timeout; 0: never */
    SessionTimeout timeout;
    bool postcopy_after_precopy; /* switch when pass 2 begins */
    Known cut_off_s;             /* abort then, status "cut-off" */
    const GPtrArray *options;    /* words as given, for the record; or NULL */
} SessionSpec;

typedef struct Session Session;

typedef struct SessionCallbacks {
    /* Something happened; @action lives until the call returns. */
    void (*action)(Session *session, const JobAction *action, gpointer user);
    /* Something to tell, one line without a full stop. */
    void (*warning)(Session *session, const char *text, gpointer user);
    /* Where it stands, after each reading, some four times a second. */
    void (*progress)(Session *session, const JobProgress *progress,
                     gpointer user);
    /* It is over, everything is put back. @error is NULL if it completed. The
     * record belongs to the session. */
    void (*ended)(Session *session, const RunRecord *record,
                  const GError *error, gpointer user);
} SessionCallbacks;

/**
 * session_start() - Reserve, subscribe, ask libvirt to migrate
 * @spec: Borrowed until .ended; guest and destination are referenced
 *
 * On failure nothing is left changed and no callback comes.
 * Return: the session, session_free() it after .ended
 */
Session *session_start(const SessionSpec *spec,
                       const SessionCallbacks *callbacks, gpointer user,
                       GError **error);

/** session_free() - Only before anything was started, or after .ended */
void session_free(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

/** session_seconds() - Since the session was started */
double session_seconds(const Session *session);

/** session_abort() - Ask libvirt to give up; .ended tells when it has */
void session_abort(Session *session);

#endif
