/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast.c - members, the ladder, and the forecast that steers
 *
 * The ladder, by the number n of passes learnt:
 *
 *     n = 0   what was measured before the start, if anything; else nothing
 *             is said
 *     n = 1   the power law with its prior exponent, through the one point;
 *             the measured curve, if there is one, moved to it
 *     n = 2.. members that do not abstain, combined in logarithms (ensemble.c)
 *
 * Members are scored at the duration that a pass really had, so that a wrong
 * bandwidth is not held against them; the combination, for its interval, at
 * the one that follows from pages and bandwidth, which is what it is asked.
 * Members that do not know about durations expect the pass to be like the one
 * before. Asked about another duration, as one does to compare bandwidths,
 * they lose weight.
 *
 * The noise: short passes are timed badly (QEMU and who polls it look every
 * 0.1 s or so), and pages are counted, hence
 *
 *     var log D = s^2 (1 + SHORT_S / T + FEW_PAGES / D),  s of recent errors.
 *
 * With log-normal errors the value of the least expected percentage error is
 * not the median but e^(-var) of it. The forecast of the next pass is shaded
 * by most of that; curves for whole migrations are not.
 *
 * An oracle takes the place of the ladder: a curve out of a recorded migration
 * answers whatever is asked, and learns nothing.
 */
#include "forecast/forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/ensemble.h"
#include "forecast/forecast-priv.h"
#include "forecast/member.h"

#define LIKE_BEFORE 2.0 /* standard deviation, in log T */
#define SHORT_S 0.4
#define LEAST_SHORT_S 0.1
#define FEW_PAGES 50.0
#define SHADE 0.8
#define MOST_SHADE 0.4
#define STOPPING_S 1e-3
#define ORACLE_Z 1.2816 /* 80 % lie within so many standard deviations */

static const MemberOps *const member_table[] = {
    &member_last,        &member_mean,       &member_wmean,
    &member_ewma,        &member_arima,      &member_rate,
    &member_linear,      &member_gm11,       &member_gm11_full,
    &member_gm1n,        &member_gm1n_all,   &member_gm1n_residual,
    &member_dgm,         &member_ogm,        &member_power_grey,
    &member_working_set, &member_two_class,  &member_spectrum,
    &member_power,       &member_power_fast,
};
#define N_MEMBERS G_N_ELEMENTS(member_table)
#define SPECTRUM 17 /* the curve for whole migrations */
#define POWER 18    /* the first rung */

/* and an oracle */
G_STATIC_ASSERT(N_MEMBERS + 1 <= FORECAST_MAX_MEMBERS);

#define LEFT_ROWS 5
/* Pages that are sent in a short pass are others than in a long one, those that
 * change all the time and little: the newest passes tell. */
#define WIRE_ROWS 3
#define LEAST_WIRE_SHARE 0.02
#define FIRST_CACHED_ITER 3

/* What was sent in a pass. */
typedef struct WireRow {
    double memory_bytes, wire_bytes;
} WireRow;

struct Forecaster {
    double most_pages; /* INFINITY if the guest's size is unknown */
    double page_bytes;
    size_t n_rows;
    void *states[N_MEMBERS];
    Ensemble ensemble;
    double last_duration_s; /* of the pass learnt last */
    Known last_alone_pages; /* of it, unless it merged several */
    unsigned last_iter;     /* its number */
    /* What passes leave unsent when they end, pages; the newest in a ring. */
    double left[LEFT_ROWS];
    size_t n_left;
    Known last_dirty; /* pages, of the row before */
    bool compressed;
    WireRow wire[WIRE_ROWS]; /* a ring */
    size_t n_wire;
    /* What was known before the start, by duration; n_prior 0: nothing. */
    ForecastPoint prior[FORECAST_MAX_POINTS];
    size_t n_prior;
    double prior_sd; /* of log D */
    void *oracle;    /* state of SPECTRUM through .prior, never taught: the
                        shape between its points; NULL: no oracle */
};

Forecaster *
forecaster_new(uint64_t total_pages)
{
    Forecaster *forecaster = g_new0(Forecaster, 1);

    forecaster->most_pages = total_pages > 0 ? (double)total_pages : INFINITY;
    forecaster->page_bytes = 4096.0;
    ensemble_init(&forecaster->ensemble, N_MEMBERS);
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
    g_free(forecaster->oracle);
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

void
forecaster_set_compressed(Forecaster *forecaster)
{
    forecaster->compressed = true;
}

double
forecaster_wire_share(const Forecaster *forecaster)
{
    double memory_bytes = 0.0, wire_bytes = 0.0;

    for (size_t i = 0; i < MIN(forecaster->n_wire, WIRE_ROWS); i++) {
        memory_bytes += forecaster->wire[i].memory_bytes;
        wire_bytes += forecaster->wire[i].wire_bytes;
    }
    return memory_bytes > 0.0
               ? CLAMP(wire_bytes / memory_bytes, LEAST_WIRE_SHARE, 1.0)
               : 1.0;
}

static void
learn_wire_share(Forecaster *forecaster, const SampleRow *row)
{
    double memory_bytes =
        known_or(row->sent_pages, 0.0) * forecaster->page_bytes;

    if (forecaster->compressed && row->iter >= FIRST_CACHED_ITER &&
        !row->final && memory_bytes > 0.0 && row->sent_bytes > 0) {
        forecaster->wire[forecaster->n_wire++ % WIRE_ROWS] =
            (WireRow){ memory_bytes, (double)row->sent_bytes };
    }
}

double
forecaster_most_pages(const Forecaster *forecaster)
{
    return forecaster->most_pages;
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

/* What those members say that take part, of a pass of any duration. */
static void
ask_all(const Forecaster *forecaster, double duration_s, bool curves_only,
        Opinion *opinions)
{
    double off =
        log(fmax(duration_s, MEMBER_LEAST_DURATION_S) /
            fmax(forecaster->last_duration_s, MEMBER_LEAST_DURATION_S)) /
        LIKE_BEFORE;
    double likeness = exp(-0.5 * off * off);

    for (size_t i = 0; i < N_MEMBERS; i++) {
        const MemberOps *member = member_table[i];
        double pages;

        opinions[i] = (Opinion){ .factor = member->curve ? 1.0 : likeness };
        if (member->combined && (member->curve || !curves_only) &&
            ask(forecaster, i, duration_s, &pages)) {
            opinions[i].any = true;
            opinions[i].log_pages = log(fmax(pages, MEMBER_LEAST_PAGES));
        }
    }
}

/* The combination, or before any member has been scored the power law. */
static bool
combine(const Forecaster *forecaster, const Opinion *opinions,
        Combination *combination)
{
    if (!ensemble_ready(&forecaster->ensemble)) {
        size_t rung =
            forecaster->n_prior > 0 && !forecaster->oracle ? SPECTRUM : POWER;

        *combination = (Combination){ .log_pages = opinions[rung].log_pages };
        return opinions[rung].any;
    }
    return ensemble_combine(&forecaster->ensemble, opinions, combination);
}

/* Shape of the noise: short passes are timed badly, few pages are counted. */
static double
noise_shape(double duration_s, double log_pages)
{
    return sqrt(1.0 + SHORT_S / fmax(duration_s, LEAST_SHORT_S) +
                FEW_PAGES * exp(-fmax(log_pages, log(MEMBER_LEAST_PAGES))));
}

/* Before the first row that is the doubt about the prior. */
static double
power_sd(const Forecaster *forecaster, double duration_s)
{
    if (forecaster->n_rows == 0) {
        return forecaster->prior_sd;
    }
    return sqrt(member_power_variance(
        forecaster->states[POWER], fmax(duration_s, MEMBER_LEAST_DURATION_S)));
}

/* Of the combination at a duration, without its own uncertainty about T */
static double
noise_sd(const Forecaster *forecaster, double duration_s, double log_pages)
{
    return ensemble_sd(&forecaster->ensemble) *
           noise_shape(duration_s, log_pages);
}

static double
combined_sd(const Forecaster *forecaster, double duration_s, double log_pages)
{
    return hypot(noise_sd(forecaster, duration_s, log_pages),
                 power_sd(forecaster, duration_s));
}

static double
median_left(const Forecaster *forecaster)
{
    double sorted[LEFT_ROWS];
    size_t n = MIN(forecaster->n_left, LEFT_ROWS);

    for (size_t i = 0; i < n; i++) {
        size_t j = i;

        for (; j > 0 && sorted[j - 1] > forecaster->left[i]; j--) {
            sorted[j] = sorted[j - 1];
        }
        sorted[j] = forecaster->left[i];
    }
    return n == 0 ? 0.0 : 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
}

/* The duration that would have been planned for a pass, had its bandwidth
 * been known; the measured one where that cannot be said. */
static double
nominal_duration(const Forecaster *forecaster, const SampleRow *row)
{
    double pages = (double)row->pages_to_send - median_left(forecaster);

    if (row->iter <= 1 || row->merged > 1 || row->bandwidth_bytes_s <= 0.0 ||
        pages <= 0.0) {
        return row->duration_s;
    }
    return pages * forecaster->page_bytes * forecaster_wire_share(forecaster) /
           row->bandwidth_bytes_s;
}

/* Of the pass that has ended, what was said; it is scored against. */
static void
score(Forecaster *forecaster, const Observation *seen)
{
    Opinion opinions[N_MEMBERS];
    double log_pages = log(fmax(seen->pages, MEMBER_LEAST_PAGES));
    double nominal_s = nominal_duration(forecaster, seen->row);
    Combination before;

    ask_all(forecaster, nominal_s, false, opinions);
    if (combine(forecaster, opinions, &before)) {
        ensemble_learn_own(
            &forecaster->ensemble,
            before.log_pages - ensemble_overshoot(&forecaster->ensemble) -
                log_pages,
            noise_shape(nominal_s, before.log_pages),
            combined_sd(forecaster, nominal_s, before.log_pages));
    }
    ask_all(forecaster, seen->duration_s, false, opinions);
    ensemble_learn(&forecaster->ensemble, opinions, log_pages);
}

void
forecaster_add(Forecaster *forecaster, const SampleRow *row)
{
    Observation seen = { .row = row };

    if (row->page_bytes > 0) {
        forecaster->page_bytes = (double)row->page_bytes;
    }
    if (forecaster->last_dirty.known) {
        forecaster->left[forecaster->n_left++ % LEFT_ROWS] = fmax(
            0.0, (double)row->pages_to_send - forecaster->last_dirty.value);
    }
    forecaster->last_dirty = row->dirty_pages;
    learn_wire_share(forecaster, row);
    if (row->final || !row->dirty_pages.known ||
        !isfinite(row->dirty_pages.value) || row->dirty_pages.value < 0.0 ||
        !isfinite(row->duration_s) || row->duration_s <= 0.0) {
        return;
    }

    seen.passes = MAX(row->merged, 1);
    seen.pages = row->dirty_pages.value / seen.passes;
    seen.duration_s =
        fmax(row->duration_s / seen.passes, MEMBER_LEAST_DURATION_S);

    if (row->merged <= 1 && row->cold_pages.known &&
        forecaster->last_alone_pages.known &&
        row->iter == forecaster->last_iter + 1 && row->cold_pages.value >= 0 &&
        row->cold_pages.value <= seen.pages) {
        seen.has_both = true;
        seen.before_pages =
            fmax(forecaster->last_alone_pages.value, MEMBER_LEAST_PAGES);
        seen.before_s = forecaster->last_duration_s;
        seen.both_pages = seen.before_pages + row->cold_pages.value;
        seen.both_s = seen.before_s + seen.duration_s;
    }

    /* A pass nobody saw alone is history, but no test of anybody. */
    if (row->merged <= 1) {
        score(forecaster, &seen);
    }
    for (size_t i = 0; i < N_MEMBERS; i++) {
        member_table[i]->learn(forecaster->states[i], &seen);
    }
    forecaster->last_duration_s = seen.duration_s;
    forecaster->last_iter = row->iter;
    forecaster->last_alone_pages =
        row->merged <= 1 ? known(seen.pages) : unknown();
    forecaster->n_rows++;
}

static int
compare_points(const void *a, const void *b)
{
    double x = ((const ForecastPoint *)a)->duration_s;
    double y = ((const ForecastPoint *)b)->duration_s;

    return (x > y) - (x < y);
}

static bool
take_points(Forecaster *forecaster, const ForecastPoint *points,
            size_t n_points, double log_sd)
{
    if (forecaster->n_rows > 0 || forecaster->n_prior > 0 || n_points == 0 ||
        n_points > FORECAST_MAX_POINTS || !(log_sd >= 0.0) ||
        !isfinite(log_sd)) {
        return false;
    }
    for (size_t i = 0; i < n_points; i++) {
        if (!(points[i].duration_s > 0.0) || !isfinite(points[i].duration_s) ||
            !(points[i].pages >= 0.0) || !isfinite(points[i].pages)) {
            return false;
        }
    }
    memcpy(forecaster->prior, points, n_points * sizeof(*points));
    qsort(forecaster->prior, n_points, sizeof(*points), compare_points);
    forecaster->n_prior = n_points;
    forecaster->prior_sd = log_sd;
    return true;
}

bool
forecaster_set_prior(Forecaster *forecaster, const ForecastPoint *points,
                     size_t n_points, double log_sd)
{
    if (!take_points(forecaster, points, n_points, log_sd)) {
        return false;
    }
    member_spectrum_prior(forecaster->states[SPECTRUM], forecaster->prior,
                          n_points);
    return true;
}

bool
forecaster_set_oracle(Forecaster *forecaster, const ForecastCurve *curve)
{
    const MemberOps *spectrum = member_table[SPECTRUM];

    if (!(curve->log_sd > 0.0) ||
        !take_points(forecaster, curve->points, curve->n_points,
                     curve->log_sd)) {
        return false;
    }
    g_assert(!spectrum->clear);
    forecaster->oracle = g_malloc0(spectrum->state_size);
    spectrum->init(forecaster->oracle);
    member_spectrum_prior(forecaster->oracle, forecaster->prior,
                          forecaster->n_prior);
    return true;
}

bool
forecaster_has_oracle(const Forecaster *forecaster)
{
    return forecaster->oracle != NULL;
}

/* The measured curve itself, linear between its points and from the origin to
 * the first one; false beyond the last. */
static bool
measured_pages(const Forecaster *forecaster, double duration_s, double *pages)
{
    ForecastPoint low = { 0.0, 0.0 };

    for (size_t i = 0; i < forecaster->n_prior; i++) {
        const ForecastPoint *high = &forecaster->prior[i];

        if (duration_s <= high->duration_s) {
            double width = high->duration_s - low.duration_s;
            double share =
                width > 0.0 ? (duration_s - low.duration_s) / width : 1.0;

            *pages = low.pages + share * (high->pages - low.pages);
            return true;
        }
        low = *high;
    }
    return false;
}

/* How far a point lies above the spectrum through all of them, of log D */
static double
above_spectrum(const Forecaster *forecaster, size_t i)
{
    double pages;

    member_table[SPECTRUM]->predict(forecaster->oracle,
                                    forecaster->prior[i].duration_s, &pages);
    return log(fmax(forecaster->prior[i].pages, MEMBER_LEAST_PAGES)) -
           log(fmax(pages, MEMBER_LEAST_PAGES));
}

/* Through all points; between two of them, and outside, in the shape of the
 * spectrum: passes of an oracle's record may lie far apart. */
static double
oracle_pages(const Forecaster *forecaster, double duration_s)
{
    const ForecastPoint *prior = forecaster->prior;
    size_t high = 0;
    double pages, above;

    while (high < forecaster->n_prior && prior[high].duration_s < duration_s) {
        high++;
    }
    if (high == 0) {
        above = above_spectrum(forecaster, 0);
    } else if (high == forecaster->n_prior) {
        above = above_spectrum(forecaster, high - 1);
    } else {
        double share = log(duration_s / prior[high - 1].duration_s) /
                       log(prior[high].duration_s / prior[high - 1].duration_s);

        above = (1.0 - share) * above_spectrum(forecaster, high - 1) +
                share * above_spectrum(forecaster, high);
    }
    member_table[SPECTRUM]->predict(forecaster->oracle, duration_s, &pages);
    return pages * exp(above);
}

static void
oracle_curve(const Forecaster *forecaster, double duration_s, CurvePoint *point)
{
    double pages =
        oracle_pages(forecaster, fmax(duration_s, MEMBER_LEAST_DURATION_S));

    *point = (CurvePoint){
        .log_pages = log(CLAMP(pages, MEMBER_LEAST_PAGES,
                               fmax(forecaster->most_pages, 1.0))),
        .log_sd = forecaster->prior_sd,
    };
}

bool
forecaster_curve(const Forecaster *forecaster, double duration_s,
                 CurvePoint *point)
{
    double t = fmax(duration_s, MEMBER_LEAST_DURATION_S);
    double pages, log_pages, noise;

    if (forecaster->oracle) {
        oracle_curve(forecaster, t, point);
        return true;
    }
    if (!ask(forecaster, SPECTRUM, t, &pages)) {
        return false;
    }
    /* Between measured points nothing beats them, until rows come. */
    if (forecaster->n_rows == 0 && t >= forecaster->prior[0].duration_s) {
        measured_pages(forecaster, t, &pages);
    } else if (forecaster->n_rows == 0) {
        double first;

        ask(forecaster, SPECTRUM, forecaster->prior[0].duration_s, &first);
        pages *= forecaster->prior[0].pages / fmax(first, MEMBER_LEAST_PAGES);
    }
    log_pages = log(fmax(pages, MEMBER_LEAST_PAGES));
    noise = forecaster->n_rows == 0 ? forecaster->prior_sd
                                    : noise_sd(forecaster, t, log_pages);
    *point = (CurvePoint){
        .log_pages = log_pages,
        .log_sd = sqrt(noise * noise + member_spectrum_variance(
                                           forecaster->states[SPECTRUM], t)),
    };
    return true;
}

static double
planned_duration(const Forecaster *forecaster, const ForecastQuery *query)
{
    double share = forecaster_wire_share(forecaster);
    double all = (double)query->pages_to_send * forecaster->page_bytes;
    double planned = fmax(all - query->left_bytes, 0.0) * share;

    if (!(query->bandwidth_bytes_s > 0.0)) {
        return 0.0;
    }
    if (all <= query->stop_bytes) {
        return STOPPING_S;
    }
    planned /= query->bandwidth_bytes_s;
    if (query->left_bytes > 0.0) {
        planned = fmax(planned, fmin(share * all / query->bandwidth_bytes_s,
                                     FORECAST_SLICE_S));
    }
    return planned;
}

/* The high end of what a pass of one slice dirties */
static double
slice_pages(const Forecaster *forecaster)
{
    Opinion opinions[N_MEMBERS];
    Combination combination;

    ask_all(forecaster, FORECAST_SLICE_S, false, opinions);
    if (!combine(forecaster, opinions, &combination)) {
        return 0.0;
    }
    combination.log_pages += ensemble_half_width(
        &forecaster->ensemble,
        combined_sd(forecaster, FORECAST_SLICE_S, combination.log_pages));
    return fmin(exp(combination.log_pages), forecaster->most_pages);
}

static void
next_of_oracle(const Forecaster *forecaster, const ForecastQuery *query,
               Forecast *forecast)
{
    CurvePoint point, slice;
    double half = ORACLE_Z * forecaster->prior_sd;

    oracle_curve(forecaster, forecast->planned_duration_s, &point);
    forecast->model = "oracle";
    forecast->median_pages = exp(point.log_pages);
    forecast->pages =
        known(forecast->median_pages *
              exp(-fmin(SHADE * point.log_sd * point.log_sd, MOST_SHADE)));
    forecast->low_pages =
        fmin(exp(point.log_pages - half), forecast->pages.value);
    forecast->high_pages =
        fmin(exp(point.log_pages + half), forecaster->most_pages);
    if (query->stop_bytes > 0.0 && forecast->planned_duration_s <= STOPPING_S) {
        oracle_curve(forecaster, FORECAST_SLICE_S, &slice);
        forecast->low_pages = 0.0;
        forecast->high_pages =
            fmin(fmax(forecast->high_pages, exp(slice.log_pages + half)),
                 forecaster->most_pages);
    }
    forecast->members[forecast->n_members++] =
        (ForecastMember){ "oracle", known(forecast->median_pages) };
}

/* QEMU stops the guest when what remains could be sent within the downtime
 * limit. A pass that begins with no more is over as soon as it looks: within
 * a millisecond or so if it looks at once, within a slice if its own measure of
 * bandwidth says otherwise. Nothing tells which; the shorter one is the value
 * of the least percentage error, the interval reaches to the longer one. */
void
forecaster_next(const Forecaster *forecaster, const ForecastQuery *query,
                Forecast *forecast)
{
    Opinion opinions[N_MEMBERS];
    Combination combination;
    double half, shade, sd;

    *forecast = (Forecast){ .n_members = N_MEMBERS };
    forecast->planned_duration_s = planned_duration(forecaster, query);
    for (size_t i = 0; i < N_MEMBERS; i++) {
        ForecastMember *member = &forecast->members[i];

        member->name = member_table[i]->name;
        member->pages.known = ask(forecaster, i, forecast->planned_duration_s,
                                  &member->pages.value);
    }
    if (forecaster->oracle) {
        next_of_oracle(forecaster, query, forecast);
        return;
    }
    ask_all(forecaster, forecast->planned_duration_s, false, opinions);
    if (!combine(forecaster, opinions, &combination)) {
        return;
    }

    combination.log_pages -= ensemble_overshoot(&forecaster->ensemble);
    sd = ensemble_seen_sd(&forecaster->ensemble) *
         noise_shape(forecast->planned_duration_s, combination.log_pages);
    shade = fmin(SHADE * sd * sd, MOST_SHADE);
    half = ensemble_half_width(&forecaster->ensemble,
                               combined_sd(forecaster,
                                           forecast->planned_duration_s,
                                           combination.log_pages));
    forecast->median_pages =
        fmin(exp(combination.log_pages), forecaster->most_pages);
    forecast->pages = known(forecast->median_pages * exp(-shade));
    forecast->low_pages =
        fmin(exp(combination.log_pages - half), forecast->pages.value);
    forecast->high_pages =
        fmin(exp(combination.log_pages + half), forecaster->most_pages);
    if (query->stop_bytes > 0.0 && forecast->planned_duration_s <= STOPPING_S) {
        forecast->low_pages = 0.0;
        forecast->high_pages =
            fmax(forecast->high_pages, slice_pages(forecaster));
    }
    if (ensemble_ready(&forecaster->ensemble)) {
        forecast->model = "ensemble";
    } else {
        forecast->model = forecaster->n_prior > 0 ? "spectrum" : "power";
    }
}
