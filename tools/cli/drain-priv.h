/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-priv.h - the inside of "vmferry drain"
 *
 * drain-command.c  what is done in which order
 * drain-look.c     hosts, guests, links: what there is
 * drain-sample.c   how guests write and send, into forecasts
 * drain-resume.c   what has become of an earlier drain
 * drain-run.c      the migrations
 * drain-turn.c     whose turn it is
 * drain-daemon.c   ... where vmferryd runs
 */
#ifndef CLI_DRAIN_PRIV_H
#define CLI_DRAIN_PRIV_H

#include "session/session.h"
#include "tools/cli/drain-options.h"
#include "tools/cli/drain-state.h"
#include "tools/cli/drain-view.h"
#include "tools/cli/drain.h"
#include "tools/cli/guest-look.h"
#include "tools/cli/migrate-prepare.h"
#include "virt/leaving.h"
#include "virt/virt.h"

/* Our root class carries this share of a link's rate. */
#define DRAIN_ROOT_SHARE 0.97

/* Of each of drain->hosts. */
typedef struct DrainPlace {
    VirtHost *host;
    Link link;
    LinkWatch watch;
    bool has_link;
} DrainPlace;

typedef struct DrainRun DrainRun;
typedef struct DrainDaemon DrainDaemon;

/* Of each of drain->guests that is on the source. */
typedef struct DrainUnit {
    DrainRun *run;
    DrainGuest *guest;
    VirtGuest *virt;
    GuestLook *look;         /* as long as there is more to see */
    MigrateOptions *migrate; /* from here on once it was begun */
    SessionSpec spec;
    Session *session;        /* kept, for its record, until all is over */
    const RunRecord *record; /* of the session, when it has ended */
    Known sent_bytes;        /* by its interfaces, when looked at first */
    int64_t sent_at_us;
    ApplicationSeen seen; /* what it sent, as far as was looked */
    int64_t begun_us;
    guint counters_source;
    bool looking;   /* the plan waits for it */
    bool refining;  /* it waits for its turn, and is looked at further */
    bool held;      /* as its session was told */
    bool connected; /* its stream was found */
    /* where a daemon steers it */
    bool announcing;            /* not answered yet */
    char *ticket;               /* its session there; NULL: none */
    Known told_link_bytes_s;    /* what its link carries, by the daemon */
    bool alone;                 /* it does not: the drain's own order holds */
    uint64_t guarantee_bytes_s; /* in force there, 0: nothing */
} DrainUnit;

struct DrainRun {
    const DrainOptions *options;
    VirtPool *pool;
    GMainLoop *loop;
    VirtHost *source;
    Drain *drain;
    GPtrArray *places; /* DrainPlace * */
    GPtrArray *units;  /* DrainUnit * */
    DrainView *view;
    char *begun;
    PolicyKind policy; /* that will be */
    double downtime_limit_s;
    double protected_bytes_s;
    int64_t looked_us; /* since then, at hosts and guests */
    int64_t begun_us;
    int64_t ordered_us; /* when waits were counted last */
    guint idle_source, tick_source, hold_source;
    DrainDaemon *daemon; /* NULL: none */
    unsigned interrupts;
    unsigned parallel; /* at once on a link at most; 0: as planned */
    unsigned busy;     /* migrations under way, with what follows them */
    bool stopping;     /* no new ones are begun */
    bool keep_state;
    bool state_warned;
};

/** drain_seconds() - Since it was begun */
double drain_seconds(const DrainRun *run);

/* Each returns false with an error, and nothing has been changed then. */

/** drain_look_hosts() - Connect to all; resolve the links */
bool drain_look_hosts(DrainRun *run, GError **error);

/** drain_look_guests() - Who is there, and what keeps them */
bool drain_look_guests(DrainRun *run, GError **error);

/** drain_sample() - How they write and send; by the main loop, a second or two,
 * for a plan alone some more */
bool drain_sample(DrainRun *run, GError **error);

/** drain_check_links() - Each one whose rate was declared, if it can be true;
 * watched since drain_look_hosts() */
bool drain_check_links(DrainRun *run, GError **error);

/** drain_look_further() - At those that wait, while the first ones move: their
 * curves, and the order, get better */
void drain_look_further(DrainRun *run);

/** drain_look_no_further() - Its turn has come, or nobody wants to know */
void drain_look_no_further(DrainUnit *unit);

/** drain_resume_wait() - Until migrations of the drain that died are over */
bool drain_resume_wait(DrainRun *run, const DrainState *state, GError **error);

/** drain_resume_merge() - What moved has moved; the rest goes where it was to */
void drain_resume_merge(DrainRun *run, const DrainState *state);

/** drain_run() - The migrations; returns when all are over */
bool drain_run(DrainRun *run, GError **error);

/** drain_autostart() - Have a guest start with its new host; @done may come
 * at once */
void drain_autostart(DrainRun *run, DrainGuest *guest, VirtDone done,
                     gpointer user);

/** drain_unit_clear() - Give up what it holds. The unit itself has to outlive
 * the requests that are under way */
void drain_unit_clear(DrainUnit *unit);

/* --- between drain-run.c and drain-turn.c --- */

/** drain_unit_begin() - Its turn has come */
void drain_unit_begin(DrainUnit *unit);

/** drain_unit_failed() - One that counts as busy is over */
void drain_unit_failed(DrainUnit *unit, const char *why);

/** drain_deadline() - What the ones after it leave of the drain's */
Known drain_deadline(const DrainRun *run, const DrainGuest *guest);

/** drain_later() - Look whose turn it is, from the main loop */
void drain_later(DrainRun *run);

/** drain_turn_ask_daemon() - Have one say whose turn it is, if there is one */
void drain_turn_ask_daemon(DrainRun *run);

/** drain_turn_anybody_asked() - Does any wait for a daemon's word? */
bool drain_turn_anybody_asked(const DrainRun *run);

/** drain_turn_next() - Begin or announce whoever may */
void drain_turn_next(DrainRun *run);

#endif
