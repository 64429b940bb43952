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
#include "policy/compression.h"
#include "policy/policy.h"
#include "report/record.h"
#include "tc/reservation.h"
#include "virt/migration.h"

#define SESSION_ERROR (session_error_quark())
GQuark session_error_quark(void);
typedef enum {
    SESSION_ERROR_ADDRESS,  /* the destination's data address is not known */
    SESSION_ERROR_CUT_OFF,  /* given up after the time set for it */
    SESSION_ERROR_GIVEN_UP, /* by the ladder: it will not converge in time */
    SESSION_ERROR_REMOTE,   /* the source is not this host: no tc here */
    SESSION_ERROR_LEFT,     /* left by session_leave(), and goes on */
} SessionError;

typedef enum {
    SESSION_TIMEOUT_NONE,
    SESSION_TIMEOUT_SUSPEND,  /* virsh --timeout: pause, so that it ends */
    SESSION_TIMEOUT_POSTCOPY, /* virsh --timeout-postcopy */
} SessionTimeout;

typedef struct Session Session;

/*
 * Who carries out what the session decides, where several share a link: a
 * daemon. Without, the session holds a reservation of its own.
 */
typedef struct SessionHands {
    /* The stream's connections as of now, StreamInfo, as far as they are known
     * to be its own beyond doubt; g_array_unref() it. NULL: cannot be listed */
    GArray *(*streams)(Session *session, gpointer user);
    /* As reservation_set() and reservation_stats(). Observers have no class:
     * .migration then is the stream's own count. */
    bool (*set)(Session *session, const PolicyDecision *decision, gpointer user,
                GError **error);
    bool (*stats)(Session *session, ReservationStats *stats, gpointer user,
                  GError **error);
    /* The end: give everything back. What the class has counted, unknown if
     * there was none of its own */
    Known (*release)(Session *session, gpointer user);
} SessionHands;

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
    bool working_set;            /* have a patched QEMU tell hot and cold
                                    pages; TAINTS the guest */
    Known cut_off_s;             /* abort then, status "cut-off" */
    const GPtrArray *options;    /* words as given, for the record; or NULL */
    const SessionHands *hands;   /* NULL: a reservation of its own on .link */
    gpointer hands_user;
    const ForecastCurve *oracle; /* forecasts go by it; NULL: are learnt */
    ApplicationSeen seen; /* what the guest sent before; unknown: it is looked
                             at for a second before libvirt is asked, from
                             .sent_at_us on */
    Known sent_bytes;     /* its counter then; unknown: from now on */
    int64_t sent_at_us;   /* monotonic */
    bool advisory;        /* decides and records, carries out nothing */
    bool climbs;          /* the convergence ladder is asked, with: */
    LadderSettings ladder;
    bool aims; /* of a migration of ours: QEMU's downtime limit is lowered by
                  what it knows nothing of, so that the one it has is kept */
    bool bounds_unsent; /* little may wait unsent in its sockets, where .link
                             tells the rate; of an adopted one only while it is
                             steered by the default policy */
    bool compresses;    /* a migration of ours: where its link is slow, pages
                             that are sent again are compressed, see
                             policy/compression.h */
    Known told_link_bytes_s; /* what that carries, by who steers; unknown: as
                                .link says */
    bool monitor_allowed;    /* auto-converge may be set by QEMU's monitor,
                                which taints the guest */
} SessionSpec;

typedef enum {
    SESSION_FOREIGN_SPEED,    /* maximum speed, bytes per second */
    SESSION_FOREIGN_DOWNTIME, /* maximum downtime, seconds */
} SessionForeign;

typedef struct SessionCallbacks {
    /* Something happened; @action lives until the call returns. */
    void (*action)(Session *session, const JobAction *action, gpointer user);
    /* Something to tell, one line without a full stop. */
    void (*warning)(Session *session, const char *text, gpointer user);
    /* Somebody else changed a value of the guest; was warned of as well. May
     * be NULL. */
    void (*foreign)(Session *session, SessionForeign what, double from,
                    double to, const char *text, gpointer user);
    /* Libvirt is asked to compress pages that are sent again. May be NULL. */
    void (*compressed)(Session *session, const Compression *compression,
                       gpointer user);
    /* QEMU was given another downtime limit. May be NULL. */
    void (*aimed)(Session *session, const Aim *aim, gpointer user);
    /* Where it stands, after each reading, some four times a second. */
    void (*progress)(Session *session, const JobProgress *progress,
                     gpointer user);
    /* It is over, everything is put back. @error is NULL if it completed. The
     * record belongs to the session. */
    void (*ended)(Session *session, const RunRecord *record,
                  const GError *error, gpointer user);
} SessionCallbacks;

/**
 * session_compression() - Whether pages that are sent again will be compressed
 *
 * Of a migration that @spec would start now.
 */
void session_compression(const SessionSpec *spec, Compression *compression);

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

/**
 * session_adopt() - Attach to a migration that somebody else has started
 * @spec: .guest, .policy, .hands, .advisory and .bounds_unsent count; .migrate
 *        may be NULL, and .link is told later by session_set_link()
 *
 * Samples, forecasts, decides, records and shapes as any session does, in the
 * middle of a migration too; the migration itself, its parameters and the
 * guest are left alone, but for the bound of what waits in its sockets. It ends
 * when the migration does, with VIRT_ERROR_FAILED or VIRT_ERROR_ABORTED if the
 * guest stays, or with session_leave().
 * Return: the session, session_free() it after .ended
 */
Session *session_adopt(const SessionSpec *spec,
                       const SessionCallbacks *callbacks, gpointer user);

/** session_set_link() - The way of an adopted stream is known
 * @link: Borrowed until .ended */
void session_set_link(Session *session, const Link *link);

/** session_set_advisory() - Carry decisions out from now on, or no longer */
void session_set_advisory(Session *session, bool advisory);

/** session_grant() - An arbiter has put this into force
 * @decision: Its .reason goes into the record */
void session_grant(Session *session, const PolicyDecision *decision);

/** session_seen() - What its guest sent before the migration took from it */
void session_seen(Session *session, const ApplicationSeen *seen);

/** session_set_policy() - Other settings from now on */
void session_set_policy(Session *session, const PolicySettings *settings);

/** session_set_asks() - POLICY_ASK_ flags from now on */
void session_set_asks(Session *session, unsigned asks);

/** session_expect_downtime() - We are about to change the limit ourselves */
void session_expect_downtime(Session *session, double limit_s);

/** session_downtime_is_theirs() - Somebody else changed it meanwhile */
bool session_downtime_is_theirs(const Session *session);

/** session_vanished() - Its guest was not found on the new connection */
void session_vanished(Session *session);

/** session_reconnect() - Its libvirtd was lost and is back
 * @guest: The same guest on the new connection */
void session_reconnect(Session *session, VirtGuest *guest);

/** session_lost() - Was its connection gone when it was last heard of? */
bool session_lost(const Session *session);

/** session_leave() - Let go of an adopted migration, which goes on; .ended
 * comes with SESSION_ERROR_LEFT and @why */
void session_leave(Session *session, const char *why);

/** session_guest() - As of the last connection; borrowed */
VirtGuest *session_guest(const Session *session);

/** session_job() - For asking its state and progress; borrowed */
Job *session_job(const Session *session);

/** session_record() - As it grows; borrowed */
RunRecord *session_record(const Session *session);

/** session_set_destination() - Where it goes in libvirt's words, as far as is
 * known of an adopted one */
void session_set_destination(Session *session, const char *uri);

/** session_recover() - The command that continues post-copy
 *
 * Return: NULL unless it is paused; g_free() it */
char *session_recover(const Session *session);

/** session_sent() - What QEMU last said it has sent
 * @at_us: When it said so, monotonic
 * Return: false before the first statistics */
bool session_sent(const Session *session, uint64_t *bytes, int64_t *at_us);

/**
 * session_throttle() - Take so much of the guest's CPU time, by QEMU's monitor
 * @share: 0.01 to 0.99
 * @done: Once QEMU has answered
 *
 * TAINTS the guest, which the record says. QEMU does it from its next look on,
 * if the migration was started with auto-converge; max-cpu-throttle stays what
 * it becomes here if the guest stays.
 */
void session_throttle(Session *session, double share, VirtDone done,
                      gpointer user);

/**
 * session_note_step() - A line of extra.ladder in its record, for whoever takes
 *                       the steps himself
 * @iter: Iteration at whose start it was advised
 * Return: the line; borrowed, for "done" and "error" to be added
 */
JsonObject *session_note_step(Session *session, unsigned iter,
                              const LadderAdvice *advice);

/** session_note() - A warning in its record, told to .warning as well */
void session_note(Session *session, const char *text);

/** session_free() - Only before anything was started, or after .ended */
void session_free(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

/** session_seconds() - Since the session was started */
double session_seconds(const Session *session);

/**
 * session_stop_shaping() - Its own reservation goes now, the migration goes on
 * @why: For the record, "vmferry was disabled"
 *
 * From now on it decides and records, and carries nothing out; a downtime limit
 * that the ladder raised is what it was. Nothing to do where hands have it.
 */
void session_stop_shaping(Session *session, const char *why);

/**
 * session_hold() - Keep it at its floor, a hundredth of the link, or no longer
 * @why: "another guest is about to be stopped"; NULL: as it decides itself
 *
 * Only of a session with a reservation of its own; others are left alone.
 * Return: whether it is held now
 */
bool session_hold(Session *session, const char *why);

/** session_all_sent() - Has QEMU said that its last byte was sent? What follows
 * is libvirt's, and needs no bandwidth */
bool session_all_sent(const Session *session);

/** session_abort() - Ask libvirt to give up; .ended tells when it has */
void session_abort(Session *session);

#endif
