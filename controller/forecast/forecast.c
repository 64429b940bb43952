/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast.c - members, their weights, and the forecast that steers
 *
 * The ladder, by the number n of passes learnt:
 *
 *     n = 0   nothing is known, nothing is said
 *     n = 1   the power law with its prior exponent, through the one point
 *     n = 2.. members that do not abstain, combined in logarithms
 *
 * A member's weight is (e2)^-2.5, e2 being its mean squared error in log D
 * when it was asked about passes that it had not seen, old errors forgotten
 * and each capped at 1. One pseudo-error of the members' median size keeps a
 * member with one lucky hit from ruling. Members are scored at the duration
 * that a pass really had, so that a wrong bandwidth is not held against them.
 *
 * Members that do not know about durations expect the pass to be like the one
 * before. Asked about another duration, as one does to compare bandwidths,
 * they lose weight.
 *
 * The combination's own errors, kept in the same way, make the interval:
 * 80 % of a normal distribution lie within 1.2816 standard deviations.
 */
#include "forecast/forecast.h"

#include <math.h>

#include "forecast/forecast-priv.h"
#include "forecast/member.h"

#define FORGET 0.8
#define ERROR_CAP 1.0
#define WEIGHT_POWER 2.5
#define LIKE_BEFORE 1.0 /* standard deviation, in log T */
#define PSEUDO_ERRORS 1.0
#define LEAST_ERROR 1e-4    /* mean squares below this are luck */
#define PRIOR_VARIANCE 0.09 /* of log D, one step ahead: some 30 % */
#define PRIOR_ERRORS 2.0
#define INTERVAL_80 1.2816

static const MemberOps *const member_table[] = {
    &member_power,  &member_power_fast, &member_working_set,
    &member_linear, &member_ewma,       &member_last,
    &member_gm11,   &member_gm1n,       &member_gm1n_residual,
};
#define N_MEMBERS G_N_ELEMENTS(member_table)
#define POWER 0 /* the first rung */

G_STATIC_ASSERT(N_MEMBERS <= FORECAST_MAX_MEMBERS);

/* Forgotten sum of squared log errors, and of how many. */
typedef struct Score {
    double squares;
    double count;
} Score;

struct Forecaster {
    double most_pages; /* INFINITY if the guest's size is unknown */
    double page_bytes;
    size_t n_rows;
    void *states[N_MEMBERS];
    Score scores[N_MEMBERS];
    double weights[N_MEMBERS]; /* for the next forecast, of combined ones */
    Score combined;
    double last_duration_s; /* of the pass learnt last */
};

Forecaster *
forecaster_new(uint64_t total_pages)
{
    Forecaster *forecaster = g_new0(Forecaster, 1);

    forecaster->most_pages = total_pages > 0 ? (double)total_pages : INFINITY;
    forecaster->page_bytes = 4096.0;
    for (size_t i = 0; i < N_MEMBERS; i++) {
        forecaster->states[i] = g_malloc0(member_table[i]->state_size);
        member_table[i]->init(forecaster->states[i]);
    }
    return forecaster;
}

void
forecaster_free(Forecaster *forecaster)
{
    if (!forecaster) {
        return;
    }
    for (size_t i = 0; i < N_MEMBERS; i++) {
        if (member_table[i]->clear) {
            member_table[i]->clear(forecaster->states[i]);
        }
        g_free(forecaster->states[i]);
    }
    g_free(forecaster);
}

size_t
forecaster_rows(const Forecaster *forecaster)
{
    return forecaster->n_rows;
}

double
forecaster_page_bytes(const Forecaster *forecaster)
{
    return forecaster->page_bytes;
}

double
forecaster_most_pages(const Forecaster *forecaster)
{
    return forecaster->most_pages;
}

static void
score_add(Score *score, double log_error)
{
    score->squares =
        score->squares * FORGET + fmin(log_error * log_error, ERROR_CAP);
    score->count = score->count * FORGET + 1.0;
}

/* What a member says, in pages; false if it abstains. */
static bool
ask(const Forecaster *forecaster, size_t i, double duration_s, double *pages)
{
    double answer;

    if (!member_table[i]->predict(forecaster->states[i],
                                  fmax(duration_s, MEMBER_LEAST_DURATION_S),
                                  &answer) ||
        !isfinite(answer)) {
        return false;
    }
    *pages = CLAMP(answer, 0.0, forecaster->most_pages);
    return true;
}

/* Weighted mean of the members' logarithms, and how far they lie apart. */
typedef struct Combination {
    double log_pages;
    double spread; /* variance between the members */
} Combination;

static bool
combine(const Forecaster *forecaster, double duration_s, bool curves_only,
        Combination *combination)
{
    double sum = 0.0, mean = 0.0, square = 0.0;
    double off = log(fmax(duration_s, MEMBER_LEAST_DURATION_S) /
                     forecaster->last_duration_s) /
                 LIKE_BEFORE;
    double likeness = exp(-0.5 * off * off);

    for (size_t i = 0; i < N_MEMBERS; i++) {
        double pages, log_pages, weight = forecaster->weights[i];

        if (weight <= 0.0 || (curves_only && !member_table[i]->curve) ||
            !ask(forecaster, i, duration_s, &pages)) {
            continue;
        }
        if (!member_table[i]->curve) {
            weight *= likeness;
        }
        log_pages = log(fmax(pages, MEMBER_LEAST_PAGES));
        sum += weight;
        mean += weight * log_pages;
        square += weight * log_pages * log_pages;
    }
    if (sum <= 0.0) {
        return false;
    }
    mean /= sum;
    *combination = (Combination){
        .log_pages = mean,
        .spread = fmax(0.0, square / sum - mean * mean),
    };
    return true;
}

static double
median(double *values, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j > 0 && values[j] < values[j - 1]; j--) {
            double swap = values[j];

            values[j] = values[j - 1];
            values[j - 1] = swap;
        }
    }
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static void
weigh(Forecaster *forecaster)
{
    double errors[N_MEMBERS], typical;
    size_t n = 0;

    for (size_t i = 0; i < N_MEMBERS; i++) {
        const Score *score = &forecaster->scores[i];

        forecaster->weights[i] = 0.0;
        if (member_table[i]->combined && score->count > 0.0) {
            errors[n++] = score->squares / score->count;
        }
    }
    if (n == 0) {
        forecaster->weights[POWER] = 1.0;
        return;
    }
    typical = median(errors, n);
    for (size_t i = 0; i < N_MEMBERS; i++) {
        const Score *score = &forecaster->scores[i];

        if (member_table[i]->combined && score->count > 0.0) {
            double error = (score->squares + PSEUDO_ERRORS * typical) /
                           (score->count + PSEUDO_ERRORS);

            forecaster->weights[i] =
                pow(fmax(error, LEAST_ERROR), -WEIGHT_POWER);
        }
    }
}

void
forecaster_add(Forecaster *forecaster, const SampleRow *row)
{
    Observation seen = { .row = row };
    Combination before;
    double log_pages, pages;

    if (row->page_bytes > 0) {
        forecaster->page_bytes = (double)row->page_bytes;
    }
    if (row->final || !row->dirty_pages.known ||
        !isfinite(row->dirty_pages.value) || row->dirty_pages.value < 0.0 ||
        !isfinite(row->duration_s) || row->duration_s <= 0.0) {
        return;
    }

    seen.passes = MAX(row->merged, 1);
    seen.pages = row->dirty_pages.value / seen.passes;
    seen.duration_s =
        fmax(row->duration_s / seen.passes, MEMBER_LEAST_DURATION_S);

    /* A pass nobody saw alone is history, but no test of anybody. */
    log_pages = log(fmax(seen.pages, MEMBER_LEAST_PAGES));
    if (row->merged <= 1) {
        if (combine(forecaster, seen.duration_s, false, &before)) {
            score_add(&forecaster->combined, log_pages - before.log_pages);
        }
        for (size_t i = 0; i < N_MEMBERS; i++) {
            if (ask(forecaster, i, seen.duration_s, &pages)) {
                score_add(&forecaster->scores[i],
                          log_pages - log(fmax(pages, MEMBER_LEAST_PAGES)));
            }
        }
    }
    for (size_t i = 0; i < N_MEMBERS; i++) {
        member_table[i]->learn(forecaster->states[i], &seen);
    }
    forecaster->last_duration_s = seen.duration_s;
    forecaster->n_rows++;
    weigh(forecaster);
}

/* Variance of the combination one step ahead, from its recent errors. */
static double
recent_variance(const Forecaster *forecaster)
{
    const Score *score = &forecaster->combined;

    return (score->squares + PRIOR_ERRORS * PRIOR_VARIANCE) /
           (score->count + PRIOR_ERRORS);
}

bool
forecaster_curve(const Forecaster *forecaster, double duration_s,
                 CurvePoint *point)
{
    double t = fmax(duration_s, MEMBER_LEAST_DURATION_S);
    Combination combination;

    if (!combine(forecaster, t, true, &combination)) {
        return false;
    }
    *point = (CurvePoint){
        .log_pages = combination.log_pages,
        .log_sd =
            sqrt(fmax(recent_variance(forecaster) + combination.spread,
                      member_power_variance(forecaster->states[POWER], t))),
    };
    return true;
}

void
forecaster_next(const Forecaster *forecaster, const ForecastQuery *query,
                Forecast *forecast)
{
    double bytes = (double)query->pages_to_send * forecaster->page_bytes -
                   query->left_bytes;
    Combination combination;
    double sd;

    *forecast = (Forecast){ .n_members = N_MEMBERS };
    forecast->planned_duration_s =
        query->bandwidth_bytes_s > 0.0
            ? fmax(bytes, 0.0) / query->bandwidth_bytes_s
            : 0.0;
    for (size_t i = 0; i < N_MEMBERS; i++) {
        ForecastMember *member = &forecast->members[i];

        member->name = member_table[i]->name;
        member->pages.known = ask(forecaster, i, forecast->planned_duration_s,
                                  &member->pages.value);
    }
    if (forecaster->n_rows == 0 ||
        !combine(forecaster, forecast->planned_duration_s, false,
                 &combination)) {
        return;
    }

    sd = sqrt(fmax(recent_variance(forecaster),
                   member_power_variance(forecaster->states[POWER],
                                         fmax(forecast->planned_duration_s,
                                              MEMBER_LEAST_DURATION_S))));
    forecast->pages =
        known(fmin(exp(combination.log_pages), forecaster->most_pages));
    forecast->low_pages = fmin(exp(combination.log_pages - INTERVAL_80 * sd),
                               forecaster->most_pages);
    forecast->high_pages = fmin(exp(combination.log_pages + INTERVAL_80 * sd),
                                forecaster->most_pages);
    forecast->model =
        forecaster->scores[POWER].count > 0.0 ? "combination" : "power";
}
