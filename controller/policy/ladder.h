/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ladder.h - what to do when deadline or downtime will not be met
 *
 *     raise the guarantee > order > wait for a local minimum
 *         > raise the downtime limit > auto-converge > post-copy > abort
 *         `---------------- only when the user named them ----------------'
 *
 * The ladder is asked when an iteration starts. It says at once what will not
 * be, with what would help, and takes the next step that is allowed, possible
 * and likely to help. Each step is checked after some iterations and undone if
 * it did not help; none is taken twice at the same size, so that the number of
 * acts in one migration is bounded and nothing flaps.
 *
 * Pure and deterministic: the same inputs give the same advice.
 */
#ifndef POLICY_LADDER_H
#define POLICY_LADDER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "forecast/forecast.h"

/* In the order in which they are tried. */
typedef enum {
    LADDER_GUARANTEE, /* all that is free, also what the policy leaves others */
    LADDER_ORDER,     /* this one first: other migrations at their floors */
    LADDER_WAIT,      /* for a local minimum of remaining pages */
    LADDER_DOWNTIME,  /* raise QEMU's downtime limit, within bounds */
    LADDER_THROTTLE,  /* auto-converge: keep the guest's vCPUs from running */
    LADDER_POSTCOPY,
    LADDER_ABORT,
    LADDER_N_STEPS
} LadderStep;

#define LADDER_BIT(step) (1u << (step))
#define LADDER_DEFAULT                                                         \
    (LADDER_BIT(LADDER_GUARANTEE) | LADDER_BIT(LADDER_ORDER) |                 \
     LADDER_BIT(LADDER_WAIT))

#define LADDER_ERROR (ladder_error_quark())
GQuark ladder_error_quark(void);
typedef enum { LADDER_ERROR_STEP, LADDER_ERROR_SETTING } LadderError;

/* "guarantee", "order", "wait", "downtime", "auto-converge", "post-copy",
 * "abort" */
const char *ladder_step_name(LadderStep step);

/**
 * ladder_steps_parse() - "downtime,post-copy", "default", "none", "all"
 * @steps: Set to the LADDER_BITs named, and nothing else
 * @error: LADDER_ERROR_STEP names the word and those there are
 */
bool ladder_steps_parse(const char *text, unsigned *steps, GError **error);

/** ladder_steps_format() - The other way round, "none" for 0; g_free() it */
char *ladder_steps_format(unsigned steps);

typedef struct LadderSettings {
    unsigned allowed;       /* LADDER_BITs; LADDER_DEFAULT */
    double downtime_most_s; /* bound of LADDER_DOWNTIME; default 2 */
    double throttle_most;   /* bound of LADDER_THROTTLE, 0..1; default 0.8 */
    unsigned check_after;   /* iterations, then effect is judged; 3 */
    unsigned wait_most;     /* iterations that LADDER_WAIT may last; 4 */
    bool deadline_is_end;   /* the user set the deadline as an end: who surely
                             cannot converge is aborted at once, who is late
                             when it is over; after all steps allowed. Never
                             where others started it */
} LadderSettings;

void ladder_settings_init(LadderSettings *settings);

/** ladder_settings_check() - LADDER_ERROR_SETTING names what is out of range */
bool ladder_settings_check(const LadderSettings *settings, GError **error);

/* What rules steps out, whatever is allowed. */
typedef struct LadderGuest {
    bool others_started;     /* adopted: .granted is all there is */
    unsigned granted;        /* LADDER_BITs configured for its starter */
    bool downtime_is_theirs; /* somebody else changed the limit meanwhile */
    bool postcopy_flag;      /* started with VIRT_MIGRATE_POSTCOPY */
    bool auto_converge_flag; /* ... with VIRT_MIGRATE_AUTO_CONVERGE: QEMU takes
                                 no capability while it migrates */
    bool throttle_reachable; /* its throttle can be set from here */
    bool tunnelled;          /* no return path, hence no post-copy */
    bool parallel;           /* multifd; QEMU < 10.1 has no post-copy with it */
    bool host_devices;
    bool local_disks;            /* copied beside it: no post-copy */
    uint64_t largest_page_bytes; /* of guest memory; 1 GiB rules out post-copy,
                                    0: not known, as 4096 */
    bool others_on_link;         /* other migrations that could wait */
} LadderGuest;

/** ladder_rules_out() - Why a step cannot be taken, static; NULL if it can */
const char *ladder_rules_out(const LadderGuest *guest, LadderStep step);

typedef struct LadderInput {
    unsigned iter; /* that starts now, 1.. */
    double elapsed_s;
    uint64_t pages_to_send;
    uint64_t page_bytes; /* that one takes on the wire */
    double wire_share;   /* ... of its bytes of memory, which QEMU's limit is
                            compared with; 0: all of them */
    double guarantee_bytes_s; /* of frames, in force */
    double achieved_bytes_s;  /* of pages, in the iteration before; 0 */
    double free_bytes_s;      /* most that could be guaranteed now */
    double ordered_bytes_s;   /* ... if other migrations went to their floors;
                                  0: as free */
    double downtime_limit_s;  /* in force */
    double fixed_downtime_s;
    Known deadline_s;          /* from the start */
    Known downtime_wanted_s;   /* that the user asked for; its forecast above is
                                  a miss. Unknown: the limit says it all */
    unsigned throttle_percent; /* in force */
    bool postcopy;             /* it is there already */
    bool stopped;              /* or in its blackout */
} LadderInput;

typedef enum {
    LADDER_FINE,      /* as far as is known */
    LADDER_LATE,      /* ends, and after the deadline */
    LADDER_NEVER,     /* does not converge at what it has */
    LADDER_LONG_STOP, /* ends, with more downtime than wanted */
    LADDER_N_VERDICTS
} LadderVerdict;

const char *ladder_verdict_name(LadderVerdict verdict);

typedef enum {
    LADDER_NOTHING,
    LADDER_SAY,  /* nothing (more) is allowed: tell .reason */
    LADDER_TAKE, /* .step with .value */
    LADDER_UNDO, /* .step, back to .value */
    LADDER_N_ACTS
} LadderAct;

const char *ladder_act_name(LadderAct act);

typedef struct LadderAdvice {
    LadderAct act;
    LadderStep step;
    double value;     /* DOWNTIME: limit in seconds; THROTTLE: share 0..1;
                         GUARANTEE, ORDER: bytes/s of frames; else 0 */
    double old_value; /* of the same, before */
    LadderVerdict verdict;
    bool sure; /* even the low end of the forecast says so, or the best
                         guess does so clearly and again */
    bool news; /* the verdict is said for the first time, or anew */
    unsigned would_help; /* LADDER_BITs that would, allowed or not */
    char reason[640];    /* one sentence or two, with numbers and remedies */
} LadderAdvice;

typedef struct Ladder Ladder;

/** ladder_new() - At the start of a migration; ladder_free() it */
Ladder *ladder_new(const LadderSettings *settings, const LadderGuest *guest);
void ladder_free(Ladder *ladder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ladder, ladder_free)

/** ladder_configure() - Other permissions or facts from now on; what was taken
 * stays taken */
void ladder_configure(Ladder *ladder, const LadderSettings *settings,
                      const LadderGuest *guest);

/**
 * ladder_advise() - An iteration starts: what to do
 * @forecaster: History so far, not changed
 * @input: What is known now
 * @advice: Filled in whole
 *
 * One act a call. What was advised is taken as done unless ladder_refused()
 * follows. An iteration that was asked about before gets LADDER_NOTHING.
 */
void ladder_advise(Ladder *ladder, const Forecaster *forecaster,
                   const LadderInput *input, LadderAdvice *advice);

/** ladder_refused() - The last act could not be carried out: it is not tried
 * again */
void ladder_refused(Ladder *ladder);

/** ladder_refused_step() - The same of an act that may not be the last any
 * more: the answer took longer than an iteration
 * @what: LADDER_TAKE or LADDER_UNDO of it */
void ladder_refused_step(Ladder *ladder, LadderStep step, LadderAct what);

/** ladder_in_force() - LADDER_BITs of the steps taken and not undone */
unsigned ladder_in_force(const Ladder *ladder);

#endif
