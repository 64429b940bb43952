/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * breaker.h - when the controller should trust itself less
 *
 *              bad runs               bad runs
 *     STEER ─────────────> LAST ─────────────────> OBSERVE
 *       ^                  | ^                        |
 *       └──── good runs ───┘ └────── good runs ───────┘
 *
 * One per link. Each finished migration is a run: how many of its forecasts
 * came true, and whether its reservation held. When the last runs leave the
 * bounds the link falls back one step: first to a guarantee from the last
 * value alone, then to watching. Good runs bring it back one step at a time,
 * and every relapse doubles how many it takes.
 */
#ifndef POLICY_BREAKER_H
#define POLICY_BREAKER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/known.h"

typedef enum {
    BREAKER_STEER,   /* forecasts decide */
    BREAKER_LAST,    /* the last value and a guarantee */
    BREAKER_OBSERVE, /* nothing is changed */
    BREAKER_N_LEVELS
} BreakerLevel;

#define BREAKER_ERROR (breaker_error_quark())
GQuark breaker_error_quark(void);
typedef enum { BREAKER_ERROR_SETTING, BREAKER_ERROR_STATE } BreakerError;

#define BREAKER_MAX_RUNS 64

typedef struct BreakerSettings {
    unsigned window;     /* runs looked at; default 10, 2..64 */
    unsigned least_runs; /* ... before anything is said; default 4 */
    unsigned
        least_forecasts;   /* ... with so many forecasts in all; default 12 */
    double coverage_least; /* default 0.5: of forecasts within their nominal
                              80 % interval */
    double reserved_least; /* default 0.9: of its guarantee that a backlogged
                              stream must get for its run to count as kept */
    double kept_least;     /* default 0.7: of runs, that were kept */
    unsigned close_after;  /* good runs in a row; default 5 */
    unsigned close_most;   /* doubled up to here; default 40 */
} BreakerSettings;

void breaker_settings_init(BreakerSettings *settings);
bool breaker_settings_check(const BreakerSettings *settings, GError **error);

/* What a migration showed. */
typedef struct BreakerRun {
    unsigned forecasts; /* of single iterations, that had an interval */
    unsigned covered;   /* ... whose outcome lay in it */
    Known reserved;     /* bytes that left through the class, of those that its
                           guarantee promised while it was backlogged; unknown:
                           never backlogged, not shaped, or not in force for a
                           reason that is not ours */
} BreakerRun;

typedef struct BreakerState {
    BreakerLevel level;
    bool changed; /* by the last run */
    bool alert;   /* ... for the worse: somebody should look */
    unsigned runs;
    Known coverage;  /* over the window */
    Known kept;      /* share of its runs */
    unsigned good;   /* in a row */
    unsigned needed; /* good ones that bring it back a level */
    char reason[240];
} BreakerState;

typedef struct Breaker Breaker;

/** breaker_new() - Steering, without runs; breaker_free() it */
Breaker *breaker_new(const BreakerSettings *settings);
/** breaker_configure() - Other bounds from now on, for the runs that it knows
 * and those to come; its level stays until they say otherwise */
void breaker_configure(Breaker *breaker, const BreakerSettings *settings);

void breaker_free(Breaker *breaker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Breaker, breaker_free)

/** breaker_add() - A migration has ended */
void breaker_add(Breaker *breaker, const BreakerRun *run, BreakerState *state);

/** breaker_state() - As of the last run */
void breaker_state(const Breaker *breaker, BreakerState *state);

/** breaker_to_json() - For a restart of the daemon */
JsonObject *breaker_to_json(const Breaker *breaker);

/**
 * breaker_from_json() - Out of what breaker_to_json() wrote
 * @error: BREAKER_ERROR_STATE; whatever the file holds, nothing crashes
 */
Breaker *breaker_from_json(JsonObject *json, const BreakerSettings *settings,
                           GError **error);

#endif
