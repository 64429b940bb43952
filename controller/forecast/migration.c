/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migration.c - the rest of a migration, played through
 *
 * QEMU ends a pass when what remains falls below its threshold, bandwidth B
 * times the downtime limit T_d, and looks for dirty pages then. With them it
 * is below the threshold again, and stops the guest, or goes on:
 *
 *     remaining
 *        |\        |\
 *        | \       | \      |\
 *        |  \      |  \     | \    |\ . .  P D(T) < B g : stop, send the rest
 *   B T_d|- -\- - -|- -\- - |- \- -|-\- - - - - - - - - - - - - - - - - -
 *        |    \____|    \___|   \__|  left over, sent in the blackout
 *          T_0        T_1     T_2
 *
 *     T_0 = (V - B T_d) / B        V: bytes to send now
 *     T_{k+1} = P D(T_k) / B       P: bytes of a page
 *
 * Where pages are compressed, a page takes w P on the wire and V is w times as
 * much, while QEMU's threshold still is B T_d of memory: w B T_d on the wire.
 *
 * The part below the threshold is carried from pass to pass and does not enter
 * the recurrence, so that the downtime limit hardly decides on convergence.
 * What does is how far QEMU overshoots the threshold: it sends in slices of up
 * to g = 0.1 s and looks between them. So the guest is stopped when a pass
 * would last less than g; on recorded migrations passes of 0.14 to 0.20 s with
 * a limit of 0.3 s went on and on.
 *
 * D(T) / T falls with T. A plateau T* = P D(T*) / B above g is reached and not
 * left unless B exceeds P D(g) / g: the search for the least bandwidth starts
 * there. Since a guest is stopped as soon as what remains is below the
 * threshold, raising the limit by T* in mid-migration ends it, once.
 *
 * A guest whose work has phases leaves its plateau when it pauses for as long
 * as a pass takes. Levels tell how much it wrote in stretches before; they are
 * played again and again, the migration starting at OFFSETS places of them, and
 * a pass dirties D(T) times the mean level during it. What comes out is a
 * distribution: the verdict and the time are its median.
 */
#include "forecast/forecast.h"

#include <math.h>
#include <stdlib.h>

#include "forecast/forecast-priv.h"

#define MOST_PASSES 100 /* later than this is never */
#define LONGEST_PASS_S 1e7
#define STANDSTILL 1e-3 /* a pass that is shorter by less than this share */
#define Z_80 1.2816     /* 80 % lie within so many standard deviations */
#define SEARCH_STEPS 12
#define MOST_THROTTLE 0.99 /* QEMU's max-cpu-throttle */
#define OFFSETS 20
#define WAIT_S 60.0 /* after the first pass, for a pause: later is never */
#define WAIT_CYCLES 3.0
#define WAIT_FIRSTS 3.0
#define LEVEL_Z 0.5 /* half of the doubt was about the level */

typedef struct Outcome {
    bool converges;
    double passes; /* the final one included */
    double time_s;
    double bytes;
    double downtime_s;
    double plateau_s; /* if it does not converge */
} Outcome;

/* What is played: how much is dirtied, and how it goes over the wire. */
typedef struct Game {
    const Forecaster *forecaster;
    const MigrationQuery *query;
    double bandwidth_bytes_s;
    double z;          /* standard deviations above the best guess */
    double wire_share; /* of a page's bytes that go over the wire */
    double awake;      /* share of the time that the guest may run */
    bool hurry;        /* leave plateau_s alone if it does not converge */
    double cycle_s;    /* of the levels, 0: steady */
    double offset_s;   /* where in them it starts */
} Game;

/* Bytes that @pages take on the wire */
static double
on_wire(const Game *game, double pages)
{
    return pages * (forecaster_page_bytes(game->forecaster) * game->wire_share +
                    game->query->header_bytes);
}

/* Mean level between two times of the game. */
static double
mean_level(const Game *game, double from_s, double duration_s)
{
    const MigrationQuery *query = game->query;
    double at, rest = duration_s, sum = 0.0;
    size_t i = 0;

    if (game->cycle_s <= 0.0) {
        return 1.0;
    }
    if (duration_s >= game->cycle_s) {
        from_s = -game->offset_s;
        rest = game->cycle_s;
    }
    duration_s = rest;
    at = fmod(from_s + game->offset_s, game->cycle_s);
    while (at >= query->levels[i].duration_s) {
        at -= query->levels[i].duration_s;
        i = (i + 1) % query->n_levels;
    }
    while (rest > 0.0) {
        double part = fmin(rest, query->levels[i].duration_s - at);

        sum += part * exp(query->levels[i].log_level);
        rest -= fmax(part, 1e-9);
        at = 0.0;
        i = (i + 1) % query->n_levels;
    }
    return sum / duration_s;
}

/* ... that what is dirtied from @from_s on in @duration_s takes. A guest that
 * is only let run part of the time writes what it would have written in that
 * part. */
static double
dirtied(const Game *game, double from_s, double duration_s)
{
    const Forecaster *forecaster = game->forecaster;
    CurvePoint point;

    g_assert(duration_s > 0.0);
    if (!forecaster_curve(forecaster, game->awake * duration_s, &point)) {
        return 0.0;
    }
    return on_wire(game, fmin(mean_level(game, from_s, duration_s) *
                                  exp(point.log_pages + game->z * point.log_sd),
                              forecaster_most_pages(forecaster)));
}

/* What there is to send now, in bytes on the wire. Zero pages are sent once. */
static double
bytes_to_send(const Game *game)
{
    const MigrationQuery *query = game->query;
    double zero = fmin((double)query->zero_pages, (double)query->pages_to_send);

    return on_wire(game, (double)query->pages_to_send - zero) +
           zero * query->header_bytes;
}

/* The end: @rest goes over in the blackout. */
static void
stop(const Game *game, double rest, Outcome *outcome)
{
    double blackout = game->query->blackout_bytes_s > 0.0
                          ? game->query->blackout_bytes_s
                          : game->bandwidth_bytes_s;

    outcome->passes++;
    outcome->downtime_s = rest / blackout + game->query->fixed_downtime_s;
    outcome->time_s += outcome->downtime_s;
    outcome->bytes += rest;
}

/* Whether passes have stopped getting shorter. */
static bool
stands_still(double duration_s, double next_s)
{
    return next_s > LONGEST_PASS_S ||
           fabs(next_s - duration_s) <= STANDSTILL * duration_s;
}

/* Passes go on until what one has to send takes no longer than the limit. */
static void
play_ideal(const Game *game, Outcome *outcome)
{
    double rest = bytes_to_send(game), duration_s = 0.0;

    *outcome = (Outcome){ 0 };
    while (outcome->passes < MOST_PASSES) {
        double next_s = rest / game->bandwidth_bytes_s;

        if (next_s <= game->query->downtime_limit_s) {
            outcome->converges = true;
            stop(game, rest, outcome);
            return;
        }
        if (outcome->passes > 0.0 && stands_still(duration_s, next_s)) {
            duration_s = next_s;
            break;
        }
        duration_s = next_s;
        outcome->time_s += duration_s;
        outcome->bytes += rest;
        rest = dirtied(game, outcome->time_s - duration_s, duration_s);
        outcome->passes++;
    }
    outcome->plateau_s = fmin(duration_s, LONGEST_PASS_S);
}

/* Whether a migration that has not ended yet is played on. With levels it may
 * wait for a pause. */
static bool
goes_on(const Game *game, const Outcome *outcome, double first_s)
{
    if (game->cycle_s <= 0.0) {
        return outcome->passes < MOST_PASSES;
    }
    return outcome->time_s <=
           first_s + fmax(fmax(WAIT_S, WAIT_FIRSTS * first_s),
                          WAIT_CYCLES * game->cycle_s);
}

/* In a hurry a pass of g that is followed by one no shorter is the end: it is
 * a plateau, or above one, for D(T) grows with T, so that no longer pass is
 * followed by a shorter one than g. */
static void
play(const Game *game, Outcome *outcome)
{
    double bandwidth_bytes_s = game->bandwidth_bytes_s;
    /* on the wire; QEMU has bytes of memory in mind */
    double threshold =
        bandwidth_bytes_s * game->query->downtime_limit_s * game->wire_share;
    double slice_s = fmin(FORECAST_SLICE_S, game->query->downtime_limit_s);
    double to_send = bytes_to_send(game), rest = to_send;
    double duration_s = (to_send - threshold) / bandwidth_bytes_s;
    double first_s = duration_s;

    if (game->query->stop == MIGRATION_STOP_IDEAL) {
        play_ideal(game, outcome);
        return;
    }
    *outcome = (Outcome){ .converges = to_send <= threshold };
    if (game->hurry && game->cycle_s <= 0.0 && duration_s > slice_s &&
        dirtied(game, 0.0, slice_s) >= slice_s * bandwidth_bytes_s) {
        return;
    }
    while (!outcome->converges && goes_on(game, outcome, first_s)) {
        double new_bytes, next_s;

        duration_s = fmax(duration_s, 1e-3);
        new_bytes = dirtied(game, outcome->time_s, duration_s);
        next_s = new_bytes / bandwidth_bytes_s;
        outcome->passes++;
        outcome->time_s += duration_s;
        outcome->bytes += duration_s * bandwidth_bytes_s;
        if (next_s < slice_s) {
            outcome->converges = true;
            rest =
                fmin(threshold,
                     fmax(threshold - slice_s / 2.0 * bandwidth_bytes_s, 0.0) +
                         new_bytes);
        } else if (game->cycle_s <= 0.0 && stands_still(duration_s, next_s)) {
            duration_s = fmin(next_s, LONGEST_PASS_S);
            break;
        }
        duration_s = fmin(next_s, LONGEST_PASS_S);
    }
    if (!outcome->converges) {
        outcome->plateau_s = duration_s;
        return;
    }
    stop(game, rest, outcome);
}

static int
compare_outcomes(const void *a, const void *b)
{
    const Outcome *x = a, *y = b;

    if (x->converges != y->converges) {
        return x->converges ? -1 : 1;
    }
    return (x->time_s > y->time_s) - (x->time_s < y->time_s);
}

/* Of a guest with phases, the outcome that @share of the starts do no worse
 * than. */
static void
play_all(const Game *game, double share, Outcome *outcome)
{
    Outcome outcomes[OFFSETS];
    Game from = *game;

    if (game->cycle_s <= 0.0) {
        play(game, outcome);
        return;
    }
    for (int i = 0; i < OFFSETS; i++) {
        from.offset_s = game->cycle_s * i / OFFSETS;
        play(&from, &outcomes[i]);
    }
    qsort(outcomes, OFFSETS, sizeof(*outcomes), compare_outcomes);
    *outcome = outcomes[(int)(share * (OFFSETS - 1))];
}

/* Whether it ends, and in time */
static bool
ends(Game game, double bandwidth_bytes_s)
{
    Outcome outcome;

    game.bandwidth_bytes_s = bandwidth_bytes_s;
    game.hurry = true;
    play_all(&game, 0.5, &outcome);
    return outcome.converges && (game.query->deadline_s <= 0.0 ||
                                 outcome.time_s <= game.query->deadline_s);
}

/* The least bandwidth at which the best guess ends; unknown if none is found,
 * which needs a guest that dirties memory faster than any link, or a deadline
 * that fixed_downtime_s does not meet. */
static Known
least_bandwidth(const Game *game)
{
    double slice_s = fmin(FORECAST_SLICE_S, game->query->downtime_limit_s);
    double low, high = 1.05 * dirtied(game, 0.0, slice_s) / slice_s;

    if (game->query->deadline_s > 0.0) {
        high = fmax(high, bytes_to_send(game) / game->query->deadline_s);
    }
    high = fmax(high, 1.0);
    for (int i = 0; !ends(*game, high); i++) {
        if (i == SEARCH_STEPS) {
            return unknown();
        }
        high *= 1.25;
    }
    low = high / 2.0;
    for (int i = 0; i < SEARCH_STEPS && ends(*game, low); i++) {
        high = low;
        low /= 2.0;
    }
    for (int i = 0; i < SEARCH_STEPS; i++) {
        double middle = sqrt(low * high);

        if (ends(*game, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return known(high);
}

/* The least share of its time that the guest has to be kept from running for
 * the migration to end; unknown if MOST_THROTTLE is not enough. */
static Known
enough_throttle(Game game)
{
    double low = 0.0, high = MOST_THROTTLE;

    game.awake = 1.0 - high;
    if (!ends(game, game.bandwidth_bytes_s)) {
        return unknown();
    }
    for (int i = 0; i < SEARCH_STEPS; i++) {
        double middle = 0.5 * (low + high);

        game.awake = 1.0 - middle;
        if (ends(game, game.bandwidth_bytes_s)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return known(high);
}

static Outcome
played(Game game, double z, bool hurry)
{
    Outcome outcome;
    double share = z > 0.0 ? 0.9 : z < 0.0 ? 0.1 : 0.5;

    game.z = game.cycle_s > 0.0 ? z * LEVEL_Z : z;
    game.hurry = hurry;
    play_all(&game, share, &outcome);
    return outcome;
}

static void
add_remedies(const Game *game, const Outcome *best, MigrationForecast *forecast)
{
    const MigrationQuery *query = game->query;

    /* The part below the threshold is still there when a pass ends: with
     * MIGRATION_STOP_QEMU it goes over on top of what a pass dirties. QEMU's
     * limit is compared with memory, not with what is left of it on the wire.
     */
    forecast->plateau_s = known(best->plateau_s);
    forecast->enough_downtime_s = known(
        best->plateau_s / game->wire_share +
        (query->stop == MIGRATION_STOP_QEMU ? query->downtime_limit_s : 0.0));
    forecast->enough_throttle = enough_throttle(*game);
}

void
forecaster_migration(const Forecaster *forecaster, const MigrationQuery *query,
                     MigrationForecast *forecast)
{
    Game game = {
        .forecaster = forecaster,
        .query = query,
        .bandwidth_bytes_s = query->bandwidth_bytes_s,
        .wire_share = forecaster_wire_share(forecaster),
        .awake = 1.0,
    };
    Outcome best, low, high;
    CurvePoint point;

    *forecast = (MigrationForecast){ 0 };
    if (!(query->bandwidth_bytes_s > 0.0) || !(query->downtime_limit_s > 0.0) ||
        !(query->header_bytes >= 0.0) ||
        !forecaster_curve(forecaster, 1.0, &point)) {
        return;
    }

    for (size_t i = 0; i < query->n_levels; i++) {
        game.cycle_s += query->levels[i].duration_s;
    }
    best = played(game, 0.0, query->brief);
    high = played(game, Z_80, true);
    forecast->verdict_known = true;
    forecast->converges = best.converges;
    forecast->surely_converges = high.converges;
    if (best.converges) {
        forecast->iterations = known(best.passes);
        forecast->time_s = known(best.time_s);
        forecast->bytes = known(best.bytes);
        forecast->downtime_s = known(best.downtime_s);
        forecast->high_time_s =
            high.converges ? fmax(high.time_s, best.time_s) : INFINITY;
    } else if (!query->brief) {
        add_remedies(&game, &best, forecast);
    }
    if (query->brief) {
        forecast->low_time_s = known_or(forecast->time_s, 0.0);
        return;
    }

    low = played(game, -Z_80, true);
    forecast->possibly_converges = low.converges;
    if (best.converges) {
        forecast->low_time_s =
            low.converges ? fmin(low.time_s, best.time_s) : best.time_s;
    }
    forecast->least_bandwidth_bytes_s = least_bandwidth(&game);
}
