/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * breaker.c - see breaker.h
 *
 * Over the last runs of a link (ten of them):
 *
 *     coverage   forecasts within their interval, of all that had one
 *     kept       runs whose reservation held, of those that had one
 *
 * The nominal coverage is 0.8; the bound of 0.5 is far enough below that a
 * handful of forecasts does not trip it by chance: of 12 with a true coverage
 * of 0.8 fewer than 6 are covered once in 250 times. A level is left for the
 * worse when its own runs, those since it was entered, are out of bounds, so
 * that what led to LAST does not lead on to OBSERVE; for the better after a row
 * of good runs. Its length doubles with every relapse, until steering has
 * lasted twice as long as it took to come back.
 *
 * In OBSERVE nothing is reserved and reservations say nothing; coverage does,
 * for forecasts are made and compared all the same. A run that shows neither
 * is no run.
 */
#include "policy/breaker.h"

#include <math.h>

#define MOST_COUNTED 1000000

static const char *const level_names[] = {
    [BREAKER_STEER] = "steer",
    [BREAKER_LAST] = "last-value",
    [BREAKER_OBSERVE] = "observe",
};
G_STATIC_ASSERT(G_N_ELEMENTS(level_names) == BREAKER_N_LEVELS);

G_DEFINE_QUARK(vmferry_breaker_error, breaker_error)

struct Breaker {
    BreakerSettings settings;
    BreakerLevel level;
    BreakerRun runs[BREAKER_MAX_RUNS]; /* a ring, since the level changed */
    uint64_t n_runs;
    unsigned good;   /* in a row */
    unsigned needed; /* to come back a level */
    bool returned;   /* came back once: the next fall is a relapse */
    bool changed, alert;
    char reason[240];
};

void
breaker_settings_init(BreakerSettings *settings)
{
    *settings = (BreakerSettings){
        .window = 10,
        .least_runs = 4,
        .least_forecasts = 12,
        .coverage_least = 0.5,
        .reserved_least = 0.9,
        .kept_least = 0.7,
        .close_after = 5,
        .close_most = 40,
    };
}

bool
breaker_settings_check(const BreakerSettings *settings, GError **error)
{
    const char *what = NULL;
    double value = 0.0;

    if (settings->window < 2 || settings->window > BREAKER_MAX_RUNS) {
        what = "window must be 2 to 64 runs";
        value = settings->window;
    } else if (settings->least_runs < 1 ||
               settings->least_runs > settings->window) {
        what = "least number of runs must lie between 1 and the window";
        value = settings->least_runs;
    } else if (!(settings->coverage_least >= 0.0 &&
                 settings->coverage_least <= 1.0)) {
        what = "bound of coverage must lie between 0 and 1";
        value = settings->coverage_least;
    } else if (!(settings->reserved_least >= 0.0 &&
                 settings->reserved_least <= 1.0)) {
        what = "bound of a reservation must lie between 0 and 1";
        value = settings->reserved_least;
    } else if (!(settings->kept_least >= 0.0 && settings->kept_least <= 1.0)) {
        what = "bound of reservations kept must lie between 0 and 1";
        value = settings->kept_least;
    } else if (settings->close_after < 1 ||
               settings->close_after > settings->close_most ||
               settings->close_most > 1000) {
        what = "good runs to come back must be 1 or more, at most 1000";
        value = settings->close_after;
    }
    if (what) {
        g_set_error(error, BREAKER_ERROR, BREAKER_ERROR_SETTING,
                    "circuit breaker: %s, not %g", what, value);
        return false;
    }
    return true;
}

Breaker *
breaker_new(const BreakerSettings *settings)
{
    Breaker *breaker = g_new0(Breaker, 1);

    breaker->settings = *settings;
    breaker->needed = settings->close_after;
    g_strlcpy(breaker->reason, "no runs yet", sizeof(breaker->reason));
    return breaker;
}

void
breaker_configure(Breaker *breaker, const BreakerSettings *settings)
{
    breaker->settings = *settings;
    breaker->needed =
        CLAMP(breaker->needed, settings->close_after, settings->close_most);
}

void
breaker_free(Breaker *breaker)
{
    g_free(breaker);
}

static unsigned
runs_in_window(const Breaker *breaker)
{
    return (unsigned)MIN(breaker->n_runs, breaker->settings.window);
}

static const BreakerRun *
run_before(const Breaker *breaker, unsigned back)
{
    return &breaker->runs[(breaker->n_runs - 1 - back) % BREAKER_MAX_RUNS];
}

typedef struct Totals {
    unsigned forecasts, covered, reserved, kept;
} Totals;

static Totals
add_up(const Breaker *breaker)
{
    Totals totals = { 0 };

    for (unsigned i = 0; i < runs_in_window(breaker); i++) {
        const BreakerRun *run = run_before(breaker, i);

        totals.forecasts += run->forecasts;
        totals.covered += run->covered;
        if (run->reserved.known) {
            totals.reserved++;
            totals.kept +=
                run->reserved.value >= breaker->settings.reserved_least;
        }
    }
    return totals;
}

static bool
coverage_is_bad(const Breaker *breaker, const Totals *totals)
{
    return totals->forecasts >= breaker->settings.least_forecasts &&
           totals->covered <
               breaker->settings.coverage_least * totals->forecasts;
}

static bool
reservations_are_bad(const Breaker *breaker, const Totals *totals)
{
    return totals->reserved >= breaker->settings.least_runs &&
           totals->kept < breaker->settings.kept_least * totals->reserved;
}

static bool
run_is_good(const Breaker *breaker, const BreakerRun *run)
{
    return run->covered >= breaker->settings.coverage_least * run->forecasts &&
           (!run->reserved.known ||
            run->reserved.value >= breaker->settings.reserved_least);
}

static void
enter(Breaker *breaker, BreakerLevel level)
{
    breaker->alert = level > breaker->level;
    breaker->changed = true;
    if (breaker->alert && breaker->returned) {
        breaker->needed =
            MIN(2 * breaker->needed, breaker->settings.close_most);
        breaker->returned = false;
    }
    breaker->returned |= !breaker->alert;
    breaker->level = level;
    breaker->n_runs = 0;
    breaker->good = 0;
}

static void
worse(Breaker *breaker, const Totals *totals, bool coverage)
{
    static const char *const now[] = {
        [BREAKER_LAST] = "guarantees follow the last value until it is better",
        [BREAKER_OBSERVE] = "nothing is changed on this link until it is "
                            "better",
    };
    BreakerLevel level = breaker->level + 1;

    if (coverage) {
        g_snprintf(breaker->reason, sizeof(breaker->reason),
                   "only %u of the last %u forecasts came true, where %.0f %% "
                   "should and %.0f %% must: %s",
                   totals->covered, totals->forecasts, 80.0,
                   100.0 * breaker->settings.coverage_least, now[level]);
    } else {
        g_snprintf(breaker->reason, sizeof(breaker->reason),
                   "only %u of the last %u reservations held: %s", totals->kept,
                   totals->reserved, now[level]);
    }
    enter(breaker, level);
}

static void
better(Breaker *breaker)
{
    BreakerLevel level = breaker->level - 1;

    g_snprintf(breaker->reason, sizeof(breaker->reason),
               "%u good runs in a row: %s", breaker->good,
               level == BREAKER_STEER ? "forecasts decide again"
                                      : "guarantees follow the last value");
    enter(breaker, level);
}

void
breaker_add(Breaker *breaker, const BreakerRun *run, BreakerState *state)
{
    BreakerRun kept = *run;
    Totals totals;

    breaker->changed = breaker->alert = false;
    kept.covered = MIN(kept.covered, kept.forecasts);
    if (kept.reserved.known && !isfinite(kept.reserved.value)) {
        kept.reserved = unknown();
    }
    if (breaker->level == BREAKER_OBSERVE) {
        kept.reserved = unknown();
    }
    if (kept.forecasts == 0 && !kept.reserved.known) {
        breaker_state(breaker, state);
        return;
    }
    breaker->runs[breaker->n_runs % BREAKER_MAX_RUNS] = kept;
    breaker->n_runs++;
    breaker->good = run_is_good(breaker, &kept) ? breaker->good + 1 : 0;
    totals = add_up(breaker);

    if (breaker->level < BREAKER_OBSERVE &&
        breaker->n_runs >= breaker->settings.least_runs &&
        (coverage_is_bad(breaker, &totals) ||
         reservations_are_bad(breaker, &totals))) {
        worse(breaker, &totals, coverage_is_bad(breaker, &totals));
    } else if (breaker->level > BREAKER_STEER &&
               breaker->good >= breaker->needed) {
        better(breaker);
    } else if (breaker->level == BREAKER_STEER &&
               breaker->good >= 2 * breaker->needed) {
        /* it has lasted: the next fall is a first one */
        breaker->returned = false;
        breaker->needed = breaker->settings.close_after;
    }
    breaker_state(breaker, state);
}

void
breaker_state(const Breaker *breaker, BreakerState *state)
{
    Totals totals = add_up(breaker);

    *state = (BreakerState){
        .level = breaker->level,
        .changed = breaker->changed,
        .alert = breaker->alert,
        .runs = runs_in_window(breaker),
        .good = breaker->good,
        .needed = breaker->level == BREAKER_STEER ? 0 : breaker->needed,
    };
    if (totals.forecasts > 0) {
        state->coverage = known((double)totals.covered / totals.forecasts);
    }
    if (totals.reserved > 0) {
        state->kept = known((double)totals.kept / totals.reserved);
    }
    g_strlcpy(state->reason, breaker->reason, sizeof(state->reason));
}

JsonObject *
breaker_to_json(const Breaker *breaker)
{
    JsonObject *json = json_object_new_object();
    JsonObject *runs = json_object_new_array();

    jobj_add_string(json, "level", level_names[breaker->level]);
    jobj_add_u64(json, "good", breaker->good);
    jobj_add_u64(json, "needed", breaker->needed);
    jobj_add_bool(json, "returned", breaker->returned);
    jobj_add_string(json, "reason", breaker->reason);
    for (unsigned i = runs_in_window(breaker); i-- > 0;) {
        const BreakerRun *run = run_before(breaker, i);
        JsonObject *item = json_object_new_object();

        jobj_add_u64(item, "forecasts", run->forecasts);
        jobj_add_u64(item, "covered", run->covered);
        jobj_add_known(item, "reserved", run->reserved);
        json_object_array_add(runs, item);
    }
    jobj_add(json, "runs", runs);
    return json;
}

static bool
read_runs(Breaker *breaker, JsonObject *runs)
{
    size_t n;

    if (!runs || !json_object_is_type(runs, json_type_array)) {
        return false;
    }
    n = json_object_array_length(runs);
    for (size_t i = 0; i < n; i++) {
        JsonObject *item = json_object_array_get_idx(runs, i);
        BreakerRun run = { 0 };

        if (!jobj_get_uint(item, "forecasts", MOST_COUNTED, &run.forecasts) ||
            !jobj_get_uint(item, "covered", MOST_COUNTED, &run.covered) ||
            run.covered > run.forecasts) {
            return false;
        }
        run.reserved = jobj_get_known(item, "reserved");
        breaker->runs[breaker->n_runs % BREAKER_MAX_RUNS] = run;
        breaker->n_runs++;
    }
    return true;
}

Breaker *
breaker_from_json(JsonObject *json, const BreakerSettings *settings,
                  GError **error)
{
    g_autoptr(Breaker) breaker = breaker_new(settings);
    const char *level = NULL, *reason = NULL;
    bool fine = false;

    if (jobj_get_string(json, "level", &level)) {
        for (unsigned i = 0; i < BREAKER_N_LEVELS; i++) {
            if (g_str_equal(level, level_names[i])) {
                breaker->level = (BreakerLevel)i;
                fine = true;
            }
        }
    }
    if (!fine || !jobj_get_uint(json, "good", MOST_COUNTED, &breaker->good) ||
        !jobj_get_uint(json, "needed", MOST_COUNTED, &breaker->needed) ||
        !jobj_get_bool(json, "returned", &breaker->returned) ||
        !jobj_get_string(json, "reason", &reason) ||
        !read_runs(breaker, jobj_get(json, "runs"))) {
        g_set_error_literal(error, BREAKER_ERROR, BREAKER_ERROR_STATE,
                            "the circuit breaker's state lacks a member, or "
                            "has one that makes no sense");
        return NULL;
    }
    g_strlcpy(breaker->reason, reason, sizeof(breaker->reason));
    breaker->needed =
        CLAMP(breaker->needed, settings->close_after, settings->close_most);
    return g_steal_pointer(&breaker);
}
