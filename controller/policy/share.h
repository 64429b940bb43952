/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share.h - who gets how much of one link
 *
 * policy.h decides for one migration, given what others were promised. Here
 * several migrations and the applications beside them are brought to terms:
 * in the order of their rank each migration is decided on by its own policy,
 * with what those before it got and what those after it cannot do without as
 * promised to others. With a single migration nothing but its policy is left.
 *
 * Everybody may borrow what nobody uses: ceilings are the link. The one
 * exception is the moment before a guest is stopped, see share.c.
 */
#ifndef POLICY_SHARE_H
#define POLICY_SHARE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "policy/policy.h"

typedef struct ShareLink {
    double link_bytes_s;    /* Nt: what the root class carries */
    double reserve_bytes_s; /* ... that is nobody's: the control class and the
                               least that everything else keeps */
} ShareLink;

/* An application with a class of its own: protected by configuration, or of a
 * network-intensive guest that stays. That of a migrating guest is no entry
 * here: ShareSession.input knows of it. */
typedef struct ShareApplication {
    double need_bytes_s; /* as configured, or the forecast (need.h) */
    bool fixed;          /* configured: never scaled while the link carries all
                            fixed ones. False: forecast */
} ShareApplication;

typedef enum {
    SHARE_PRECOPY,
    SHARE_BLACKOUT, /* the guest is stopped, the rest is being sent */
    SHARE_POSTCOPY, /* it runs on the destination and waits for pages */
    SHARE_SENT,     /* nothing is left to be sent, and libvirt ends it */
    SHARE_N_PHASES
} SharePhase;

/* What the arbiter keeps of a session between two calls: costly answers, until
 * the iteration or the surroundings change. Zero at first; nobody else's. */
typedef struct ShareMemory {
    bool asked;
    unsigned iter;
    double available_bytes_s; /* asked for */
    double least_bytes_s;     /* that converges in time, INFINITY: none found */
    double alone_s;           /* to the end with all of it, INFINITY */
    bool decided;
    unsigned decided_iter;
    double decided_others_bytes_s;
    double decided_application_bytes_s; /* asked for */
    PolicyDecision decision;
    bool costed;
    unsigned costed_iter;
    double costed_bytes_s; /* at what it would be held */
    Known cost_s;
    unsigned boosted_iter; /* last one in which it was about to stop */
    unsigned boosts;       /* ... and how many those were */
    bool stopped;          /* in its blackout, since so much of elapsed_s */
    double stopped_at_s;
} ShareMemory;

typedef struct ShareSession {
    uint64_t id;                    /* order of arrival: decides among equals */
    const Forecaster *forecaster;   /* borrowed for the call */
    const PolicySettings *settings; /* likewise */
    PolicyInput input; /* for the iteration under way; .pages_to_send may be
                           what remains of it. .link_bytes_s and
                           .others_bytes_s are the arbiter's to fill in */
    SharePhase phase;
    int priority;         /* higher goes first; 0 */
    bool held;            /* kept at its floor */
    bool keep_ceiling;    /* its ceiling is never below what is free: started by
                             others and not configured otherwise */
    double floor_bytes_s; /* guaranteed at least; 0: a hundredth of the link,
                             which it never is below */
    Known cap_bytes_s;    /* the user wants no more */
    ShareMemory *memory;  /* NULL: nothing is kept, every call asks anew */
} ShareSession;

typedef enum {
    SHARE_ROLE_NORMAL,
    SHARE_ROLE_HELD,     /* at its floor because it was told to */
    SHARE_ROLE_STOPPING, /* about to stop: has what can be had */
    SHARE_ROLE_LOWERED,  /* no more than its floor while another guest is being
                            stopped, or waits for its pages */
    SHARE_ROLE_POSTCOPY, /* before everybody else */
    SHARE_N_ROLES
} ShareRole;

const char *share_role_name(ShareRole role); /* "normal", "held", ... */

typedef struct ShareGrant {
    PolicyDecision decision; /* guarantee, ceiling, own application, reason */
    ShareRole role;
    unsigned rank;         /* 0 is served first */
    double others_bytes_s; /* what was promised to others when it was decided:
                              policy_decide() with it gives the same */
    Known cost_s;          /* held or lowered: later by so much, if that lasted
                              to the end (INFINITY: it would not end) */
} ShareGrant;

typedef struct ShareApplicationGrant {
    uint64_t guarantee_bytes_s;
    uint64_t ceiling_bytes_s;
    bool is_short; /* less than it needs: the link does not carry it */
} ShareApplicationGrant;

/**
 * share_arbitrate() - Divide a link
 * @link: The link
 * @applications: Applications with classes of their own
 * @n_applications: May be 0
 * @sessions: Migrations; those of policy none get nothing and cost nothing
 * @n_sessions: May be 0
 * @application_grants: Filled in, @n_applications of them
 * @grants: Filled in, @n_sessions of them
 *
 * All guarantees together are at most link_bytes_s - reserve_bytes_s. The same
 * input gives the same grants; with the memories of the last call, and nothing
 * changed, every step is POLICY_STEP_KEEP. Apply all of it as one change: in
 * between two of them a sum may exceed the link.
 */
void share_arbitrate(const ShareLink *link,
                     const ShareApplication *applications,
                     size_t n_applications, const ShareSession *sessions,
                     size_t n_sessions,
                     ShareApplicationGrant *application_grants,
                     ShareGrant *grants);

#endif
