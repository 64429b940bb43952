/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * before.c - windows and history into one curve
 *
 * D(T), the distinct pages written to in a time T, grows ever slower; over the
 * decades that matter log D is nearly linear in log T:
 *
 *     log D(T) = log c + a log T,    0 < a <= 1,  mostly 0.66 to 0.8
 *
 * Two numbers, learnt one point after the other (recursive least squares with
 * a prior on a, which is all there is to go by with a single window). Windows
 * tell what the guest does now but are seconds long and few; passes of earlier
 * migrations reach from 0.1 s to minutes, but the guest may have done twice as
 * much then. So the level log c is loosened after each run, by LEVEL_SD, and
 * the exponent hardly: history gives the shape, windows give the level.
 *
 * A set that is written all over bends the curve: where points lie off the
 * power law, it follows them by the mean of nearby residuals (runs lifted to the
 * level of now), and falls back to the law where none are near.
 *
 * Windows of the same length that differ by more than their counts may, are
 * those of a guest with phases. Then the curve is that of the mean, the windows
 * weigh alike, and how far each is off is handed on as a level.
 *
 * The curve is handed on from the shortest to the longest time that was
 * measured. What lies below, where convergence is decided, and what comes after
 * is for the forecaster's members to say: a power law carried on to shorter times
 * has a set that is written all over get dirty faster than any guest can write.
 */
#include "forecast/before.h"

#include <math.h>

#define SHORTEST_S 0.05
#define STEP 1.4142135623730951
#define EXPONENT 0.75 /* four measured workloads: 0.66 to 0.79 */
#define EXPONENT_SD 0.15
#define LEAST_EXPONENT 0.05
#define UNKNOWN_SD 20.0 /* of log c, before the first point */
#define LEVEL_SD 0.5    /* of log c between two runs of a guest */
#define DRIFT_SD 0.05   /* of a between two runs */
#define PASS_SD 0.15    /* of one pass, on real traces */
#define MODEL_SD 0.1    /* by which no curve is a power law */
#define LEAST_PAGES 0.5
#define NEAR 0.5       /* of log T: how far a residual is felt */
#define LAW_WEIGHT 0.1 /* of the law itself, among them */
#define ALIKE 0.05     /* of log T: windows of the same length */
#define NEIGHBOURS_SD 0.05
#define MOVING_SD 0.25 /* between windows, of a guest with phases */

/* Gaussian belief in (log c, a). */
typedef struct Belief {
    double mean[2];
    double level, cross, slope; /* covariance */
} Belief;

static bool
makes_sense(double duration_s, double pages)
{
    return isfinite(duration_s) && duration_s > 0.0 && isfinite(pages) &&
           pages >= 0.0;
}

static void
believe(Belief *belief, double log_t, double log_pages, double variance)
{
    double gain_level = belief->level + belief->cross * log_t;
    double gain_slope = belief->cross + belief->slope * log_t;
    double all = gain_level + gain_slope * log_t + variance;
    double off = log_pages - belief->mean[0] - belief->mean[1] * log_t;

    belief->mean[0] += gain_level / all * off;
    belief->mean[1] += gain_slope / all * off;
    belief->level -= gain_level * gain_level / all;
    belief->cross -= gain_level * gain_slope / all;
    belief->slope -= gain_slope * gain_slope / all;
}

/* A pass of few pages tells little: counts vary by their root. */
static double
pass_sd(const ForecastPoint *point)
{
    return sqrt(PASS_SD * PASS_SD + 1.0 / (point->pages + LEAST_PAGES));
}

static double
window_sd(const BeforeWindow *window)
{
    return isfinite(window->log_sd) ? fmax(window->log_sd, 0.02) : 1.0;
}

/* Mean residuals around a time: how far the curve leaves the power law. */
typedef struct Bend {
    double sum, weight;
} Bend;

static double
off_law(const Belief *belief, double duration_s, double pages)
{
    return log(fmax(pages, LEAST_PAGES)) - belief->mean[0] -
           belief->mean[1] * log(duration_s);
}

static void
bend(Bend *bend, double log_t, double duration_s, double residual, double sd)
{
    double far = (log(duration_s) - log_t) / NEAR;
    double weight = exp(-0.5 * far * far) * MODEL_SD * MODEL_SD / (sd * sd);

    bend->sum += weight * residual;
    bend->weight += weight;
}

/* Mean residual of a run around a time; far passes count where no near are.
 * A time of 0 means all of it. */
static double
run_off(const Belief *belief, const BeforeRun *run, double duration_s)
{
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < run->n_points; i++) {
        const ForecastPoint *p = &run->points[i];
        double far, weight;

        if (!makes_sense(p->duration_s, p->pages)) {
            continue;
        }
        weight = 1.0 / (pass_sd(p) * pass_sd(p));
        if (duration_s > 0.0) {
            far = log(p->duration_s / duration_s) / NEAR;
            weight *= exp(-0.5 * far * far) + 1e-3;
        }
        sum += weight * off_law(belief, p->duration_s, p->pages);
        all += weight;
    }
    return all > 0.0 ? sum / all : 0.0;
}

/* What to add to a run to have it at the level of now: of the windows, or
 * without any of the latest run. */
static double
level_up(const Belief *belief, const BeforeRun *run,
         const BeforeWindow *windows, size_t n_windows, const BeforeRun *latest)
{
    double sum = 0.0, all = 0.0;

    for (size_t i = 0; i < n_windows; i++) {
        const BeforeWindow *w = &windows[i];

        if (makes_sense(w->duration_s, w->pages)) {
            double weight = 1.0 / (window_sd(w) * window_sd(w));

            sum += weight * (off_law(belief, w->duration_s, w->pages) -
                             run_off(belief, run, w->duration_s));
            all += weight;
        }
    }
    return all > 0.0 ? sum / all
                     : run_off(belief, latest, 0.0) - run_off(belief, run, 0.0);
}

/* log D at a time: the law, bent by what was measured near it. */
static double
bent(const Belief *belief, const BeforeWindow *windows, size_t n_windows,
     const BeforeRun *runs, size_t n_runs, double duration_s)
{
    double log_t = log(duration_s);
    Bend all = { 0.0, LAW_WEIGHT };

    for (size_t i = 0; i < n_windows; i++) {
        if (makes_sense(windows[i].duration_s, windows[i].pages)) {
            bend(&all, log_t, windows[i].duration_s,
                 off_law(belief, windows[i].duration_s, windows[i].pages),
                 window_sd(&windows[i]));
        }
    }
    for (size_t i = 0; i < n_runs; i++) {
        double level =
            level_up(belief, &runs[i], windows, n_windows, &runs[n_runs - 1]);

        for (size_t j = 0; j < runs[i].n_points; j++) {
            const ForecastPoint *p = &runs[i].points[j];

            if (makes_sense(p->duration_s, p->pages)) {
                bend(&all, log_t, p->duration_s,
                     off_law(belief, p->duration_s, p->pages) + level,
                     pass_sd(p));
            }
        }
    }
    return belief->mean[0] + belief->mean[1] * log_t + all.sum / all.weight;
}

/* Between windows of the same length, as a standard deviation of log D, beyond
 * what their counts explain; 0 if no two are alike. */
static double
phases_sd(const BeforeWindow *windows, size_t n)
{
    double squares = 0.0, noise = 0.0, pairs = 0.0;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            const BeforeWindow *a = &windows[i], *b = &windows[j];
            double off;

            if (!makes_sense(a->duration_s, a->pages) ||
                !makes_sense(b->duration_s, b->pages) ||
                fabs(log(a->duration_s / b->duration_s)) > ALIKE) {
                continue;
            }
            off =
                log(fmax(a->pages, LEAST_PAGES) / fmax(b->pages, LEAST_PAGES));
            squares += off * off / 2.0;
            noise +=
                (window_sd(a) * window_sd(a) + window_sd(b) * window_sd(b)) /
                2.0;
            pairs += 1.0;
        }
    }
    return pairs > 0.0 ? sqrt(fmax(0.0, (squares - noise) / pairs)) : 0.0;
}

static double
interpolated(const BeforeCurve *curve, double duration_s)
{
    const ForecastPoint *p = curve->points;
    size_t i = 1;

    while (i + 1 < curve->n_points && p[i].duration_s < duration_s) {
        i++;
    }
    if (curve->n_points < 2) {
        return p[0].pages;
    }
    return p[i - 1].pages + (p[i].pages - p[i - 1].pages) *
                                (duration_s - p[i - 1].duration_s) /
                                (p[i].duration_s - p[i - 1].duration_s);
}

static void
add_levels(BeforeCurve *curve, const BeforeWindow *windows, size_t n_windows)
{
    for (size_t i = 0; i < n_windows; i++) {
        const BeforeWindow *w = &windows[i];
        double pages;

        if (!makes_sense(w->duration_s, w->pages) ||
            curve->n_levels == BEFORE_MAX_LEVELS) {
            continue;
        }
        pages = interpolated(curve, w->duration_s);
        curve->levels[curve->n_levels++] = (ForecastLevel){
            w->duration_s,
            log(fmax(w->pages, LEAST_PAGES) / fmax(pages, LEAST_PAGES)),
        };
    }
}

/* Where the guest has phases, windows of different length say little about the
 * exponent but if one follows the other. The mean over such pairs, and the
 * prior as one more. */
static double
neighbours_exponent(const BeforeWindow *windows, size_t n)
{
    double sum = EXPONENT, count = 1.0;

    for (size_t i = 1; i < n; i++) {
        const BeforeWindow *a = &windows[i - 1], *b = &windows[i];
        double off;

        if (!makes_sense(a->duration_s, a->pages) ||
            !makes_sense(b->duration_s, b->pages)) {
            continue;
        }
        off = log(b->duration_s / a->duration_s);
        if (fabs(off) > ALIKE) {
            double slope =
                log(fmax(b->pages, LEAST_PAGES) / fmax(a->pages, LEAST_PAGES)) /
                off;

            sum += CLAMP(slope, 0.0, 1.0);
            count += 1.0;
        }
    }
    return sum / count;
}

static bool
fit(const BeforeWindow *windows, size_t n_windows, const BeforeRun *runs,
    size_t n_runs, double exponent, double exponent_sd, double total_pages,
    BeforeCurve *curve)
{
    Belief belief = {
        .mean = { 0.0, exponent },
        .level = UNKNOWN_SD * UNKNOWN_SD,
        .slope = exponent_sd * exponent_sd,
    };
    double longest_s = 0.0, last_pages = 0.0, shortest_s = INFINITY;
    double most = total_pages > 0.0 ? total_pages : INFINITY;
    double t;

    for (size_t i = 0; i < n_runs; i++) {
        for (size_t j = 0; j < runs[i].n_points; j++) {
            const ForecastPoint *p = &runs[i].points[j];

            if (makes_sense(p->duration_s, p->pages)) {
                believe(&belief, log(p->duration_s),
                        log(fmax(p->pages, LEAST_PAGES)),
                        pass_sd(p) * pass_sd(p));
                longest_s = fmax(longest_s, p->duration_s);
                shortest_s = fmin(shortest_s, p->duration_s);
            }
        }
        belief.level += LEVEL_SD * LEVEL_SD;
        belief.slope += DRIFT_SD * DRIFT_SD;
    }
    for (size_t i = 0; i < n_windows; i++) {
        const BeforeWindow *w = &windows[i];

        if (makes_sense(w->duration_s, w->pages)) {
            believe(&belief, log(w->duration_s),
                    log(fmax(w->pages, LEAST_PAGES)),
                    window_sd(w) * window_sd(w));
            longest_s = fmax(longest_s, w->duration_s);
            shortest_s = fmin(shortest_s, w->duration_s);
        }
    }
    if (longest_s <= 0.0) {
        return false;
    }
    belief.mean[1] = CLAMP(belief.mean[1], LEAST_EXPONENT, 1.0);

    *curve = (BeforeCurve){
        .log_sd = sqrt(fmax(belief.level, 0.0) + MODEL_SD * MODEL_SD),
        .pages_1s = fmin(exp(belief.mean[0]), most),
        .exponent = belief.mean[1],
    };
    t = fmax(shortest_s, SHORTEST_S);
    while (curve->n_points < FORECAST_MAX_POINTS) {
        double at_s = fmin(t, fmax(longest_s, SHORTEST_S));
        double pages =
            exp(bent(&belief, windows, n_windows, runs, n_runs, at_s));

        last_pages = fmin(fmax(pages, last_pages), most);
        curve->points[curve->n_points++] = (ForecastPoint){ at_s, last_pages };
        if (t >= longest_s) {
            break;
        }
        t *= STEP;
    }
    return true;
}

bool
before_fit(const BeforeWindow *windows, size_t n_windows, const BeforeRun *runs,
           size_t n_runs, double total_pages, BeforeCurve *curve)
{
    double phases = phases_sd(windows, n_windows);
    g_autofree BeforeWindow *alike = NULL;

    if (phases < MOVING_SD) {
        return fit(windows, n_windows, runs, n_runs, EXPONENT, EXPONENT_SD,
                   total_pages, curve);
    }
    alike = g_new(BeforeWindow, n_windows);
    for (size_t i = 0; i < n_windows; i++) {
        alike[i] = windows[i];
        alike[i].log_sd = hypot(window_sd(&windows[i]), phases);
    }
    if (!fit(alike, n_windows, runs, n_runs,
             neighbours_exponent(windows, n_windows), NEIGHBOURS_SD,
             total_pages, curve)) {
        return false;
    }
    add_levels(curve, windows, n_windows);
    return true;
}
