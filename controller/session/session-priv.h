/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-priv.h - inside of a session
 *
 * session.c          its life: what is done in which order, and the end
 * session-observe.c  what happens becomes events of the job
 * session-act.c      what the job answers is carried out and recorded
 * session-keep.c     what is kept of it all for the record, and how much
 * session-steps.c    steps of the convergence ladder
 * session-hold.c     at its floor for a moment, for the sake of another
 * session-look.c     what the guest sends, before libvirt is asked
 * session-aim.c      QEMU's downtime limit, so that the user's is kept
 * session-compress.c pages that are sent again are compressed, or not
 * session-queue.c    little waits in the stream's socket
 * session-adopt.c    a migration of somebody else's: its beginning and end
 */
#ifndef SESSION_PRIV_H
#define SESSION_PRIV_H

#include "session/session.h"
#include "tc/attribution.h"

struct Session {
    unsigned refs;    /* the owner's, and one of each request under way */
    bool over;        /* .ended was called, or the owner let go of it */
    SessionSpec spec; /* pointers inside are the caller's */
    SessionCallbacks callbacks;
    gpointer user;

    Job *job;
    int64_t started_us; /* monotonic: zero of the job's time */
    GByteArray *events; /* what the job was fed, packed: session-keep.c */
    uint64_t dropped_events, dropped_rows, dropped_warnings;
    uint64_t points_seen;
    uint64_t point_stride; /* one of so many is kept */
    GQueue *waiting;       /* JobEvent *, raised while one is being fed */
    bool feeding;

    VirtMigration *migration;
    Reservation *reservation;
    Attribution *attribution;
    uint16_t first_port, last_port;
    bool stream_warned;
    bool balloon_seen;   /* its driver has told of the guest's memory */
    bool balloon_warned; /* that it does not */
    Known foreign_bytes; /* in our class, not of the stream */
    Known foreign_base;  /* what they differed by when first compared */

    guint tick_source;   /* statistics */
    bool tick_odd;       /* between those of others */
    int64_t looked_us;   /* at its streams and its link, monotonic */
    Known egress_bytes;  /* of its link, as last counted */
    guint search_source; /* looking for the stream, faster */
    guint timeout_source, cut_off_source;
    bool ask_again; /* a pass began while a question was under way */
    bool aborting;
    bool cut_off;
    bool postcopy_asked;
    bool postcopy_paused;  /* its guest waits for pages that do not come */
    char *destination_uri; /* as far as was told; NULL */
    bool working_set_on;   /* by us, to be turned off */
    uint64_t sent_bytes;   /* last that libvirt told */
    int64_t sent_at_us;    /* then, monotonic; 0: not yet */

    bool adopted;             /* somebody else's: .migration stays NULL */
    bool ending;              /* its end is settled */
    bool stop_told;           /* the guest was stopped here, "migrated" */
    bool lost;                /* no connection to its libvirtd */
    VirtMigrateSpec *request; /* the user's and what was chosen; NULL: as is */
    VirtMigrateSpec *no_request;
    VirtMigrationResult final; /* of an adopted one; .job as it was told */
    guint judge_source;        /* its job is gone: what became of it? */
    VirtLimits limits;         /* as last read */
    int64_t limits_at_us;
    double own_downtimes_s[8]; /* that we set, the latest; 0: none */
    unsigned n_own_downtimes;
    bool downtime_is_theirs;
    bool limits_asked;

    bool held;             /* at its floor, because of */
    char *held_why;        /* ... this */
    PolicyDecision wanted; /* what would be in force else */
    int64_t all_sent_us;   /* QEMU said that it has written its last byte, on
                              the job's clock; 0: not yet */

    double look_sent[8];   /* the guest's counter, before libvirt is asked */
    int64_t look_at_us[8]; /* ... monotonic */
    unsigned n_looks;
    guint look_source;

    Known aim_limit_s; /* downtime that is to be kept: as QEMU had it first */
    int64_t aim_at_us; /* not before, on the job's clock */
    int64_t aim_lower_at_us; /* ... to a lower one */
    bool aiming;             /* libvirt was asked */
    bool aim_refused;        /* there is no more of it */

    int64_t unsent_pid;   /* holds the stream's sockets; 0: not known */
    guint unsent_streams; /* whose unsent bytes are bounded */
    guint unsent_tries;   /* that failed */

    bool throttled;         /* by us, through the monitor */
    Known first_downtime_s; /* before the ladder raised it */
    Known class_bytes;      /* of a reservation that has gone before the end */
    char *given_up;         /* why the ladder aborted it */
    char *refusal;          /* of the last change of its class; NULL: taken */

    RunRecord *record;
    GArray *decision_us; /* double: cost of each decision */
    GArray *change_us;   /* double: cost of each change of classes */
    uint64_t n_decisions, n_changes;
    double cpu_ms_before;
    GError *failure; /* why it did not even begin */
};

/* session-act.c */
void session_feed(Session *session, JobEvent event);
void session_warn(Session *session, const char *format, ...)
    G_GNUC_PRINTF(2, 3);
int64_t session_now_us(const Session *session);
JobConfig session_job_config(const Session *session);
void session_record_begin(Session *session);
void session_record_end(Session *session, const VirtMigrationResult *result,
                        const GError *error);

/* session-keep.c */
void session_keep_event(Session *session, const JobEvent *event);
void session_keep_point(Session *session, const RunPoint *point);
void session_keep_warning(Session *session, char *text); /* is taken */
void session_keep_cost(GArray *costs, uint64_t *n, double cost_us);
/* Of iterations or decisions; where there is none the row counts as dropped */
bool session_has_room(Session *session, const GArray *rows);
JsonObject *session_kept_events(const Session *session);
void session_record_dropped(const Session *session, JsonObject *extra);

/* session-observe.c */
bool session_observe_begin(Session *session, GError **error);
void session_observe_start(Session *session);
void session_record_link(Session *session);
void session_poll(Session *session, unsigned what);
void session_observe_stop(Session *session);
void session_check_balloon(Session *session);
void session_on_guest_event(VirtGuest *guest, const VirtEvent *event,
                            gpointer user);

/* session-steps.c */
void session_act_step(Session *session, const JobAction *action);
JobLadder session_ladder(const Session *session);
void session_undo_steps(Session *session, bool completed);
void session_withdraw_steps(Session *session);

/* session-hold.c */
bool session_is_held(const Session *session);
/* Carry out the floor @instead of what was decided */
bool session_hold_decision(Session *session, const PolicyDecision *wanted,
                           PolicyDecision *instead, GError **error);

/* session-look.c */
void session_look_begin(Session *session);
/* Its end, at once or within a second */
void session_look_end(Session *session, void (*then)(Session *session));

/* session-aim.c */
void session_aim(Session *session);
void session_aim_no_more(Session *session); /* and what it was is put back */

/* session-compress.c */
void session_compress(Session *session); /* the request is changed, perhaps */
void session_apply_compression(Session *session,
                               const Compression *compression);
/* NULL: nothing speaks against it */
const char *session_rules_out_compression(const SessionSpec *spec,
                                          const VirtGuestInfo *guest,
                                          const VirtHostInfo *host);
/* What libvirt said of our request is completed */
void session_explain_refusal(const Session *session, GError *error);

/* session-queue.c */
void session_bound_unsent(Session *session);

/* session-adopt.c */
void session_adopted_event(Session *session, const VirtEvent *event);
void session_adopted_reading(Session *session, const VirtReading *reading,
                             const GError *error);
void session_adopted_clear(Session *session);

/* session.c */
Session *session_new(const SessionSpec *spec, const SessionCallbacks *callbacks,
                     gpointer user);
Session *session_ref(Session *session);
void session_unref(Session *session);
void session_finish(Session *session, const VirtMigrationResult *result,
                    const GError *error);
bool session_running(const Session *session);
/* Does anything carry out decisions, or at least measure for them? */
bool session_has_hands(const Session *session);
void session_request_postcopy(Session *session, const char *why);

#endif
