/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.h - how much of the link a migration gets in the next iteration
 *
 * Specification 4 (NRAC). A decision is a value with its reason, a pure
 * function of its input, so that a record can be replayed and judged.
 */
#ifndef POLICY_H
#define POLICY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "forecast/forecast.h"

typedef enum {
    POLICY_NONE,    /* no tc at all */
    POLICY_PAPER,   /* NRAC as printed, for experiments */
    POLICY_DEFAULT, /* guarantee what convergence takes, borrow the rest */
    POLICY_N_KINDS
} PolicyKind;

const char *policy_kind_name(PolicyKind kind);
bool policy_kind_parse(const char *text, PolicyKind *kind, GError **error);

#define POLICY_ERROR (policy_error_quark())
GQuark policy_error_quark(void);
typedef enum { POLICY_ERROR_NAME, POLICY_ERROR_SETTING } PolicyError;

typedef struct PolicySettings {
    PolicyKind kind;
    double margin;             /* default 1.25: over the dirtying bandwidth */
    double threshold_fraction; /* Thr, default 0.10 of the link */
    bool follows_need;       /* a guest's class is what application.h says, for
                          POLICY_DEFAULT; false: its mean is above Thr */
    double change_fraction;  /* smaller changes are not made; default 0.05 */
    Known deadline_s;        /* for the whole migration, from its start */
    double downtime_limit_s; /* QEMU's, default 0.3 */
} PolicySettings;

/** policy_settings_init() - The defaults named above */
void policy_settings_init(PolicySettings *settings, PolicyKind kind);

/** policy_settings_check() - POLICY_ERROR_SETTING names what is out of range */
bool policy_settings_check(const PolicySettings *settings, GError **error);

/* Asked for by those who see more than one iteration. */
enum {
    POLICY_ASK_URGENT = 1 << 0, /* the ladder's first step: all that is free,
                                   the others' tenth too */
    POLICY_ASK_LAST = 1 << 1,   /* the circuit breaker: forecasts are not
                                   trusted, the last value decides */
};

typedef struct PolicyInput {
    unsigned asks;                /* POLICY_ASK_ flags, for POLICY_DEFAULT */
    unsigned iter;                /* the iteration that starts now, 1.. */
    double elapsed_s;             /* since the migration started */
    uint64_t pages_to_send;       /* in it */
    uint64_t page_bytes;          /* that one takes on the wire */
    double link_bytes_s;          /* Nt: what the root class carries */
    Known used_bytes_s;           /* Nu: everything but the streams we steer */
    double others_bytes_s;        /* guarantees of other migrations, protected
                                 applications and the control class */
    Known guest_net_mean_bytes_s; /* mean Net(n,1..K): traffic of the guest */
    Known guest_net_next_bytes_s; /* Napp: forecast of its need */
    Known application_bytes_s;    /* what its class is to have, room included;
                                  with .follows_need, else unknown */
    uint64_t application_now_bytes_s; /* has now */
    double achieved_bytes_s; /* stream's bandwidth in the last iteration, 0 */
    uint64_t guarantee_bytes_s; /* in force now, 0 before the first decision */
    uint64_t ceiling_bytes_s;   /* in force now */
} PolicyInput;

typedef enum {
    POLICY_STEP_KEEP,   /* what is in force stays */
    POLICY_STEP_SET,    /* new guarantee and ceiling */
    POLICY_STEP_DELAY,  /* paper: others go first (reported, not enforced
                           on a migration that already runs) */
    POLICY_STEP_CANNOT, /* will not converge or meet the deadline even with
                           all that is free: said at once, with remedies */
    POLICY_N_STEPS
} PolicyStep;

const char *policy_step_name(PolicyStep step);

typedef struct PolicyDecision {
    PolicyStep step;
    uint64_t guarantee_bytes_s;   /* HTB rate of the migration's class */
    uint64_t ceiling_bytes_s;     /* HTB ceil of it */
    uint64_t application_bytes_s; /* rate of the migrating guest's own class,
                                     0: it gets none */
    Known dirty_bytes_s;          /* De */
    char reason[240];             /* one sentence with its numbers */
} PolicyDecision;

/** policy_application() - What the class of the guest's own traffic should
 * have, bytes/s; 0: it should have none */
double policy_application(const PolicySettings *settings,
                          const PolicyInput *input);

/**
 * policy_decide() - Decide for the iteration that starts now
 * @settings: As set by the user
 * @forecaster: History so far; asked for several bandwidths, not changed
 * @input: What is known at this moment
 * @decision: Filled in whole
 *
 * With POLICY_NONE the decision is always KEEP with zero rates. Guarantees
 * never exceed link_bytes_s - others_bytes_s.
 */
void policy_decide(const PolicySettings *settings, const Forecaster *forecaster,
                   const PolicyInput *input, PolicyDecision *decision);

#endif
