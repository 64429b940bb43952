/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon-priv.h - inside of vmferryd
 *
 * main.c       words of the command line, signals, the loop
 * lock.c       one daemon a host
 * daemon.c     its life: connection, signs of migrations, the end
 * outgoing.c   one migration that leaves this host, and its session
 * outgoing-tell.c  what the session tells, and who hears of it
 * sockets.c    which connections are whose
 * names.c      which names of the configuration an address has
 * circuit.c    what the last runs of a link allow
 * steps.c      what is done when one will not end in time
 * put-back.c   what of that is still to be put back
 * intensive.c  guests that stay and send, with intensive-share.c
 * force.c      is a reservation in force, and if not, why
 * arbiter.c    several on one link
 * shaping.c    classes of those that are steered; how they are kept
 * records.c    what remains of each
 * disk.c       who writes that down
 * track.c      what was forecast, and what came
 * control-documents.c  what the control socket shows
 * control-metrics.c    what it counts
 * control-commands.c   what it lets others do
 * announce.c   migrations that somebody tells of before they begin
 * waiting.c    ... and whose turn it is
 */
#ifndef DAEMON_PRIV_H
#define DAEMON_PRIV_H

#include "ctl/document.h"
#include "ctl/server.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/disabled.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "policy/breaker.h"
#include "policy/in-force.h"
#include "policy/ladder.h"
#include "policy/share.h"
#include "session/session.h"
#include "store/journal.h"
#include "store/store.h"
#include "virt/watch.h"

/* Sockets and classes are listed for all sessions at once; a list that is not
 * older than that is good enough, and both are of the same moment. */
#define DAEMON_FRESH_US 20000

typedef enum {
    FORCE_YES,
    FORCE_MODE,      /* observed or advised only */
    FORCE_NO_STREAM, /* not found yet */
    FORCE_TUNNELLED, /* inside of libvirt's own connection */
    FORCE_AMBIGUOUS, /* shares the class of others until bytes tell */
    FORCE_LINK,      /* its rate is not known, or it is gone */
    FORCE_KERNEL,    /* the kernel refused, or a root that is not ours */
    FORCE_GIVEN_UP,  /* our tree was removed again and again */
    /* It stands, and something else than this NIC is the limit: */
    FORCE_ELSEWHERE, /* the stream leaves by another way, or the path behind
                        the NIC is narrower */
    FORCE_RECEIVER,
    FORCE_SENDER,
    FORCE_N_STATES
} ForceState;

const char *force_state_name(ForceState state); /* "no-stream", ... */

/* The forecast that is compared with what came. */
typedef struct TrackForecast {
    bool made;
    unsigned iteration;
    int64_t at_us; /* monotonic */
    Known time_s, downtime_s;
    double low_time_s, high_time_s;
} TrackForecast;

/* What others changed of ours, or under us. */
typedef enum {
    FOREIGN_SPEED,
    FOREIGN_DOWNTIME,
    FOREIGN_CLASS, /* our tree, or the name of its interface */
    FOREIGN_N_CHANGES
} ForeignChange;

/* What was asked for before it began. */
typedef struct Announced Announced;

/* A migration that leaves this host. */
typedef struct Outgoing {
    Daemon *daemon;
    Announced *announced; /* by whom is still there; NULL: others' */
    guint orphan_source;  /* who announced it has left */
    int64_t counted_us;   /* monotonic: how long it is in force, or not */
    char *id;             /* unique on this host */
    char *uuid, *name;
    int64_t noticed_us; /* monotonic: the first sign of it */
    Session *session;
    bool ended;
    guint forget_source;
    int64_t told_us; /* to whom subscribed, monotonic */
    ConfigRules rules;
    ConfigRules metadata; /* of the guest's description */
    bool has_metadata;
    BreakerLevel circuit; /* of its link, when its stream was found */
    bool has_set_policy, has_set_priority; /* by "vmferry set": it stays so */
    PolicyKind set_policy;

    Link link;
    bool has_link;
    int64_t pid; /* of its QEMU, 0: not known */

    /* track.c */
    TrackForecast track;
    MigrationForecast forecast; /* the latest */
    int64_t forecast_at_us;     /* monotonic; 0: none yet */

    /* sockets.c */
    GArray *inodes;     /* uint64_t; NULL: we may not look */
    bool inodes_failed; /* said once */
    GArray *owned;  /* StreamMatch, beyond doubt; they are never taken off */
    GArray *shared; /* StreamMatch, of the group it is in */
    int group;      /* -1: none */
    char elsewhere[46]; /* where it goes by a port that is none of the usual, */
    uint16_t elsewhere_port; /* 0: it does not */
    bool not_found_said;
    int64_t tunnel_looked_us; /* whether it is inside of libvirt's */
    StreamMatch endpoint;     /* of the first of them */
    bool found;               /* .endpoint is set */
    uint64_t busy_us, rwnd_limited_us, sndbuf_limited_us; /* their mean */
    uint64_t retransmitted_bytes;
    uint64_t wire_bytes;      /* of its own connections, closed ones included */
    uint64_t rate_sent_bytes; /* as of .rate_at_us */
    int64_t rate_at_us;
    double sent_bytes_s;

    /* shaping.c */
    Reservation *reservation;
    ForceState force;
    char *refused;      /* what the kernel last said to a change; NULL: taken */
    unsigned refusals;  /* in a row */
    guint retry_source; /* it is tried again */
    char *why_not;      /* in words; NULL if it is in force */
    bool has_decision;
    PolicyDecision decision; /* the last that it took */
    bool has_told;
    PolicyDecision told_decision; /* the last that was told */
    double decided_s;             /* when, since it was noticed */
    unsigned decided_iter;
    int64_t decided_wall_us;
    JobProgress progress;
    GArray *matched; /* StreamMatch, in its class now */
    uint64_t set_guarantee_bytes_s, set_ceiling_bytes_s,
        set_application_bytes_s; /* of its class now */
    unsigned repairs;

    /* circuit.c: while it was backlogged */
    double promised_bytes, got_bytes;

    /* steps.c */
    Ladder *ladder; /* NULL: not asked yet */
    double ladder_floor_bytes_s;
    double old_downtime_s; /* before the ladder's first change; 0: none */
    bool raised;           /* it is not that now, as far as we know */
    bool throttled;        /* by us: QEMU's bound is not what it was */
    uint64_t held_for;     /* number of the one that goes first, 0: nobody */
    char *advice;          /* the last, NULL: none */
    GPtrArray *steps;      /* char *, taken; with "!" before it: undone */

    /* force.c */
    InForce *in_force;
    struct {
        int64_t at_us;
        uint64_t class_bytes, wire_bytes, busy_us, rwnd_limited_us,
            sndbuf_limited_us, retransmitted_bytes;
    } force_before;
    Known path_bytes_s; /* what goes through towards its destination, where
                           that is less than the link */

    /* arbiter.c */
    uint64_t number; /* order of arrival */
    ShareMemory memory;
    bool all_sent;  /* and the others were told: arbiter_tick() */
    bool has_grant; /* several share the link, or it is held: .grant holds */
    PolicyDecision grant;
    ShareRole role;
    double others_bytes_s; /* promised to others when that was decided */
    Known cost_s;          /* later by so much, if that lasts */
    int64_t started_wall_us;
    bool held;
    char *held_by, *held_reason;
    int64_t held_wall_us;
    int priority;
    bool had_class;
    bool parted;         /* its connection has just become its own */
    int64_t not_its_own; /* bytes its class counted of others, less its own
                             that another class counted, while in doubt */
    uint64_t class_bytes_before; /* of classes that are gone */
    uint64_t class_bytes_now;
} Outgoing;

typedef struct Intensive Intensive;
typedef struct Names Names;
typedef struct Disk Disk;

struct Daemon {
    DaemonOptions options;
    DaemonConfig *config;
    int lock; /* descriptor */
    GMainLoop *loop;
    bool stopping;
    bool drained; /* nobody owes us an answer any more */
    Notify *notify;
    Disabled *disabled;
    VirtPool *pool;
    VirtHost *host; /* NULL: not connected */
    VirtWatch *watch;
    guint connect_source;
    unsigned attempts;
    bool begun_whole; /* ... and those under way have been taken over */
    bool begun;       /* what an earlier one left has been cleared */

    GHashTable *noticed; /* uuid -> Noticed *: being looked at */
    GHashTable *alone;   /* uuid -> why it is left alone, said once */
    GPtrArray *outgoing; /* Outgoing * */
    unsigned n_ids;
    GPtrArray *past; /* JsonObject *: lines of track.jsonl, oldest first */

    GArray *streams;    /* StreamInfo, as last listed */
    GHashTable *listed; /* StreamMatch of .streams -> its StreamInfo */
    int64_t listed_us;
    GHashTable *looks;     /* ifindex -> ReservationLook */
    GHashTable *strangers; /* inode -> when first seen, monotonic */
    guint search_source;
    GHashTable *announced; /* uuid -> Announced *: not begun yet */
    uint64_t n_begun;
    guint waiting_source; /* waiting.c */
    unsigned first_group; /* of the last look */
    CtlServer *control;   /* NULL: there is no socket */
    Journal *journal;     /* NULL: there is none */
    GHashTable *circuits; /* device -> Circuit * */
    GHashTable *uses;     /* control-documents.c: rates of counters shown */
    int64_t started_wall_us, connected_wall_us;
    char *libvirt_version;
    struct {
        uint64_t begun, completed, failed, cancelled, adopted;
        uint64_t steps[POLICY_N_STEPS][SHARE_N_ROLES];
        uint64_t taken[LADDER_N_STEPS], undone[LADDER_N_STEPS];
        uint64_t foreign[FOREIGN_N_CHANGES];
        double not_in_force_s[FORCE_N_STATES];
        uint64_t decisions, stream_bytes, foreign_bytes;
    } counted;

    GHashTable *arbitrated; /* arbiter.c: interface -> when, monotonic */
    guint grant_source;
    guint fewer_source;
    GArray *fewer_on; /* int, interfaces that somebody has left */
    Intensive *intensive;
    Names *names;
    Disk *disk;
    bool hurry; /* many classes go at once: none waits for its queue */
    GHashTable *returning; /* put-back.c: entries of the journal under way */
    guint return_source;
    unsigned returns;      /* tried in a row */
    GHashTable *described; /* control-documents.c: device -> Described * */
    uint64_t groups_asked; /* control-commands.c */
};

/* outgoing.c: with guest, migration and reason as fields of their own in the
 * journal */
void outgoing_log(const Outgoing *outgoing, GLogLevelFlags level,
                  const char *event, const char *reason, const char *format,
                  ...) G_GNUC_PRINTF(5, 6);

/* lock.c */
int daemon_lock(const char *run_dir, GError **error);

/* daemon.c */
Outgoing *daemon_outgoing(Daemon *daemon, const char *uuid);

/* outgoing.c */
Outgoing *outgoing_begin(Daemon *daemon, VirtGuest *guest, int64_t noticed_us,
                         const VirtLimits *limits);
void outgoing_free(Outgoing *outgoing);
void outgoing_found(Outgoing *outgoing); /* its stream, or its group */
void outgoing_pick_rules(Outgoing *outgoing);
/* Where its stream leaves now; false: as it was before, or nowhere */
bool outgoing_relink(Outgoing *outgoing);

/* outgoing-tell.c */
extern const SessionCallbacks outgoing_callbacks;
void outgoing_hold(Outgoing *outgoing, const char *by, const char *reason);
void outgoing_release(Outgoing *outgoing);
/* All others on its link at once, as vmferryd's own step; or back again */
void outgoing_hold_others(Outgoing *first, bool hold, const char *reason);

/* sockets.c */
void sockets_look(Daemon *daemon, bool now);
void sockets_search(Daemon *daemon); /* look often while one is not found */
GArray *sockets_of(Outgoing *outgoing);
GHashTable *sockets_listed_new(void);
uint64_t sockets_wire_bytes(const Daemon *daemon, int ifindex);
void sockets_forget(Outgoing *outgoing);

/* names.c; NULL has none */
Names *names_new(Daemon *daemon);
void names_free(Names *names);
void names_reload(Names *names);
char **names_of(Names *names, const char *address); /* g_strfreev() it */
/* Is it still being found out, and not for too long? */
bool names_pending(Names *names, const char *address);

/* circuit.c */
void circuit_load(Daemon *daemon);
BreakerLevel circuit_level(Outgoing *outgoing);
void circuit_count(Outgoing *outgoing, double interval_s, double class_bytes,
                   bool backlogged);
void circuit_ended(Outgoing *outgoing, unsigned forecasts, unsigned covered);
void circuit_alerts(const Daemon *daemon, JsonObject *alerts);

/* steps.c */
void steps_look(Outgoing *outgoing);
void steps_withdraw(Outgoing *outgoing);
void steps_reconnected(Outgoing *outgoing);
void steps_theirs(Outgoing *outgoing);
void steps_end(Outgoing *outgoing);

/* put-back.c */
void put_back_open_journal(Daemon *daemon);
/* What was changed on guests by those who are gone, and by sessions of ours
 * that have ended; again later, as long as any of it is left */
void put_back_look(Daemon *daemon);
/* The guest's QEMU, for .detail of JOURNAL_THROTTLE; NULL: not known */
char *put_back_process(const VirtGuest *guest);
/* QEMU's own bound, which libvirt does not know of */
#define PUT_BACK_THROTTLE_PERCENT 99

/* force.c */
void force_set(Outgoing *outgoing, ForceState force, const char *why);
void force_look(Outgoing *outgoing, const ReservationStats *stats);

/* shaping.c */
void shaping_open(Outgoing *outgoing);
void shaping_apply(Daemon *daemon, int ifindex);
bool shaping_set(Outgoing *outgoing, const PolicyDecision *decision,
                 GError **error);
bool shaping_stats(Outgoing *outgoing, ReservationStats *stats, GError **error);
/* Of a class on @ifindex, out of the look that all there share */
bool shaping_count(Daemon *daemon, int ifindex, Reservation *reservation,
                   ReservationStats *stats, GError **error);
Known shaping_close(Outgoing *outgoing);

/* outgoing.c */
void outgoing_tell_begun(Outgoing *outgoing);
const char *outgoing_starter(const Outgoing *outgoing);
char *daemon_new_id(Daemon *daemon); /* g_free() it */
/* Who announced it is gone: if it does not end now, it is one that others
 * started. */
void outgoing_orphan(Outgoing *outgoing);

/* track.c */
void track_load(Daemon *daemon);
void track_forecast(Outgoing *outgoing, const JobIteration *iteration);
void track_ended(Outgoing *outgoing, const RunRecord *record);
JsonObject *track_document(const Daemon *daemon);

/* control-documents.c */
JsonObject *control_session(const Outgoing *outgoing);
JsonObject *control_decision(const Outgoing *outgoing); /* the last */
JsonObject *control_status(Daemon *daemon);

const char *control_state_word(JobState state);
const char *control_state(const Outgoing *outgoing);
void control_tell_link(const Outgoing *outgoing); /* it is another one now */

/* control-metrics.c */
JsonObject *control_metrics(const Daemon *daemon);
void control_foreign(Outgoing *outgoing, ForeignChange what, Known from,
                     Known to, const char *text);
uint64_t control_foreign_changes(const Daemon *daemon);

/* control-commands.c */
void control_tell_mode(const Daemon *daemon, const char *by);
void control_start(Daemon *daemon);
/* Groups as configured now; then @request, if any, is answered with @answer */
void control_take_groups(Daemon *daemon, CtlRequest *request,
                         JsonObject *answer);
void control_stop(Daemon *daemon);
void control_tell(const Outgoing *outgoing, CtlEvent event, JsonObject *data);
bool control_wants(const Outgoing *outgoing,
                   CtlEvent event); /* does anybody? */
void control_changed(const Outgoing *outgoing);

/* announce.c; what is not known leaves the argument alone, or is NULL or 0 */
void announce_start(Daemon *daemon);
void announce_stop(Daemon *daemon);
void announce_command(gpointer self, CtlRequest *request);
void announce_withdraw(gpointer self, CtlRequest *request);
void announce_closed(gpointer self, const CtlPeer *peer);
Announced *announce_take(Daemon *daemon, const char *uuid);
void announced_free(Announced *announced);
const char *announced_id(const Announced *announced);
uint64_t announced_number(const Announced *announced);
const char *announced_destination(const Announced *announced);
const char *announced_program(const Announced *announced);
uid_t announced_uid(const Announced *announced);
const char *announced_device(const Announced *announced,
                             uint64_t *rate_bytes_s);
const GArray *announced_guards(const Announced *announced);
uint32_t announced_parent(const Announced *announced);
void announced_rules(const Announced *announced, ConfigRules *rules);
const char *announced_starter(const Announced *announced);
bool announced_has_flag(const Announced *announced, const char *name);
bool announced_has_deadline(const Announced *announced);
Known announced_downtime_s(const Announced *announced);
void announced_flags(const Announced *announced, LadderGuest *guest);

/* waiting.c */
void waiting_settle(Daemon *daemon); /* admit whose turn it is */
JsonObject *waiting_document(const Daemon *daemon);
unsigned waiting_count(const Daemon *daemon);
/* Does it concern one that waits? Then it is answered. */
bool waiting_command(Daemon *daemon, CtlRequest *request);

/* arbiter.c */
void arbiter_settle(Daemon *daemon, int ifindex); /* now */
void arbiter_tick(Daemon *daemon, int ifindex);   /* once a second */
void arbiter_fewer(Daemon *daemon, int ifindex);  /* one has left, soon */

/* intensive.c: NULL has none */
Intensive *intensive_new(Daemon *daemon);
void intensive_free(Intensive *intensive);
bool intensive_any(const Intensive *intensive, int ifindex);
/* What a guest sent before it began to leave; false: nothing is known */
bool intensive_seen(const Intensive *intensive, const char *uuid,
                    ApplicationSeen *seen);
/* Append a ShareApplication for each; what their empty classes take besides */
double intensive_needs(const Intensive *intensive, int ifindex,
                       GArray *applications);
void intensive_granted(Intensive *intensive, int ifindex,
                       const ShareApplicationGrant *grants);
void intensive_apply(Intensive *intensive, int ifindex, bool raise);

/* disk.c: one thread that writes, in order */
Disk *disk_new(void);
void disk_free(Disk *disk); /* when all is written */
/* @text is taken; @record: one of many, the oldest of which go */
void disk_write(Disk *disk, const char *path, char *text, bool record,
                const char *whose);
/* What is still to be written to @path: new, NULL if nothing is */
char *disk_text(Disk *disk, const char *path);
/* Into the history at @path; @run is taken */
void disk_remember(Disk *disk, const char *path, StoreRun *run,
                   const char *whose);

/* records.c */
void records_keep(Outgoing *outgoing, RunRecord *record);

#endif
