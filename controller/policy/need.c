/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * need.c - see need.h
 *
 * Readings are cut into bins of a second, so that neither the rhythm of the
 * readings nor a packet burst of milliseconds matters. On the bins:
 *
 *     level  l(k) = l(k-1) + (1 - e^(-1/5)) (x(k) - l(k-1))
 *     mean   the same over 15 s, against Thr
 *     need   the larger of l(k) + q90 of the last 60 residuals x(i) - l(i-1)
 *            and q90 of the last 60 x(i); never more than the largest of them
 *
 * Why this and not Holt or a seasonal model: what a class has to hold is a
 * rate that the application will seldom exceed, not its average, and traffic
 * is neither normal nor of one period. The quantile of what was really above
 * the level is right for any distribution; on a ramp the level lags, every
 * residual is positive, and the quantile is the lag, so that ramps need no
 * trend term, which would overshoot where a burst ends. The quantile of the
 * rates themselves keeps a burst in mind while the level has sunk: one that
 * comes once a minute for six seconds and more is held whole, what comes more
 * seldom borrows. After a minute of silence the forecast is zero.
 *
 * Where the application is held back its traffic tells no need, only a lower
 * bound: such bins do not lower the level, and the need is asked a quarter
 * above what came through, until nothing holds it back any more.
 */
#include "policy/need.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BIN_US G_USEC_PER_SEC
#define N_BINS 60
#define LEVEL_TAU_S 5.0
#define MEAN_TAU_S 15.0
#define PROBE 1.25
/* A gap of readings longer than this: nothing before it counts. */
#define LONGEST_GAP_US (30 * G_USEC_PER_SEC)

struct Need {
    NeedSettings settings;
    bool started;
    int64_t last_us;
    double last_bytes;
    int64_t bin_start_us;
    double bin_bytes;
    bool bin_limited;

    unsigned n_bins; /* ever */
    double level, mean;
    double rates[N_BINS], residuals[N_BINS];
    unsigned n_kept; /* of these two, a ring */
    bool limited;    /* the newest bin was */

    bool intensive;
    int64_t since_us;   /* of .intensive */
    int64_t crossed_us; /* the mean has been on the other side since */
    bool crossed;
};

void
need_settings_init(NeedSettings *settings, double link_bytes_s)
{
    *settings = (NeedSettings){
        .threshold_bytes_s = 0.1 * link_bytes_s,
        .leave_fraction = 0.7,
        .enter_after_s = 3.0,
        .leave_after_s = 30.0,
        .quantile = 0.9,
    };
}

Need *
need_new(const NeedSettings *settings)
{
    Need *need = g_new0(Need, 1);

    need->settings = *settings;
    return need;
}

void
need_free(Need *need)
{
    g_free(need);
}

void
need_configure(Need *need, const NeedSettings *settings)
{
    need->settings = *settings;
}

static void
forget(Need *need, int64_t at_us, double bytes)
{
    NeedSettings settings = need->settings;
    bool intensive = need->intensive;
    int64_t since_us = need->started ? need->since_us : at_us;

    *need = (Need){
        .settings = settings,
        .started = true,
        .last_us = at_us,
        .last_bytes = bytes,
        .bin_start_us = at_us,
        .intensive = intensive,
        .since_us = since_us,
    };
}

/* Enter or leave, when the mean has been beyond for long enough. */
static void
judge(Need *need, int64_t at_us)
{
    const NeedSettings *settings = &need->settings;
    double bound = settings->threshold_bytes_s *
                   (need->intensive ? settings->leave_fraction : 1.0);
    double after_s =
        need->intensive ? settings->leave_after_s : settings->enter_after_s;
    bool beyond = need->intensive ? need->mean < bound : need->mean > bound;

    if (!beyond) {
        need->crossed = false;
        return;
    }
    if (!need->crossed) {
        need->crossed = true;
        need->crossed_us = at_us;
    }
    if ((double)(at_us - need->crossed_us) >= after_s * G_USEC_PER_SEC) {
        need->intensive = !need->intensive;
        need->crossed = false;
        need->since_us = at_us;
    }
}

static void
end_bin(Need *need, double rate, bool limited, double duration_s)
{
    unsigned slot = need->n_kept % N_BINS;

    need->limited = limited;
    if (need->n_bins == 0) {
        need->level = need->mean = rate;
    } else if (!limited || rate > need->level) {
        double residual = rate - need->level;

        need->residuals[slot] = residual;
        need->rates[slot] = rate;
        need->n_kept++;
        need->level += (1.0 - exp(-duration_s / LEVEL_TAU_S)) * residual;
        need->mean +=
            (1.0 - exp(-duration_s / MEAN_TAU_S)) * (rate - need->mean);
    }
    if (need->n_bins == 0) {
        need->rates[0] = rate;
        need->n_kept = 1;
    }
    need->n_bins++;
}

void
need_add(Need *need, int64_t at_us, double bytes, bool limited)
{
    double rate;

    if (!isfinite(bytes) || (need->started && at_us < need->last_us)) {
        return;
    }
    if (!need->started || bytes < need->last_bytes ||
        at_us - need->last_us > LONGEST_GAP_US) {
        forget(need, at_us, bytes);
        return;
    }
    if (at_us == need->last_us) {
        return;
    }
    /* Bytes of an interval are spread over the bins that it touches. */
    rate = (bytes - need->last_bytes) / (double)(at_us - need->last_us);
    need->bin_limited |= limited;
    while (at_us >= need->bin_start_us + BIN_US) {
        int64_t end_us = need->bin_start_us + BIN_US;

        need->bin_bytes += rate * (double)(end_us - need->last_us);
        end_bin(need, need->bin_bytes, need->bin_limited, 1.0);
        judge(need, end_us);
        need->bin_start_us = need->last_us = end_us;
        need->bin_bytes = 0.0;
        need->bin_limited = limited;
    }
    need->bin_bytes += rate * (double)(at_us - need->last_us);
    if (at_us == need->bin_start_us) {
        need->bin_limited = false;
    }
    need->last_us = at_us;
    need->last_bytes = bytes;
}

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Nearest rank, of what is kept */
static double
upper(const Need *need, const double *values)
{
    double sorted[N_BINS];
    unsigned n = MIN(need->n_kept, N_BINS);
    unsigned rank = (unsigned)ceil(need->settings.quantile * (double)n);

    memcpy(sorted, values, n * sizeof(double));
    qsort(sorted, n, sizeof(double), compare_doubles);
    return sorted[CLAMP(rank, 1, n) - 1];
}

static double
forecast_need(const Need *need)
{
    double most = 0.0, rate;
    unsigned n = MIN(need->n_kept, N_BINS);
    unsigned newest = (need->n_kept + N_BINS - 1) % N_BINS;

    for (unsigned i = 0; i < n; i++) {
        most = fmax(most, need->rates[i]);
    }
    rate = need->level + fmax(upper(need, need->residuals), 0.0);
    rate = fmin(fmax(rate, upper(need, need->rates)), most);
    if (need->limited) {
        rate = fmax(rate, PROBE * fmax(need->rates[newest], need->level));
    }
    return rate;
}

static void
tell(const Need *need, NeedState *state)
{
    double threshold = need->settings.threshold_bytes_s * 8e-6;

    if (need->settings.fixed_bytes_s.known) {
        g_snprintf(state->reason, sizeof(state->reason),
                   "its need of %.1f Mbit/s is configured",
                   need->settings.fixed_bytes_s.value * 8e-6);
    } else if (!state->mean_bytes_s.known) {
        g_snprintf(state->reason, sizeof(state->reason),
                   "its traffic has not been seen for a second yet");
    } else {
        g_snprintf(state->reason, sizeof(state->reason),
                   "%s network-intensive: sends %.1f Mbit/s on average, and "
                   "the bound is %.1f to become and %.1f to stay so",
                   state->intensive ? "is" : "not",
                   state->mean_bytes_s.value * 8e-6, threshold,
                   threshold * need->settings.leave_fraction);
    }
}

void
need_state(const Need *need, NeedState *state)
{
    const NeedSettings *settings = &need->settings;

    *state = (NeedState){ .intensive = need->intensive };
    if (need->started) {
        state->since_s =
            (double)(need->last_us - need->since_us) / G_USEC_PER_SEC;
    }
    if (need->n_bins > 0) {
        state->mean_bytes_s = known(need->mean);
        state->level_bytes_s = known(need->level);
        state->need_bytes_s = known(forecast_need(need));
    }
    if (settings->fixed_bytes_s.known) {
        state->need_bytes_s = settings->fixed_bytes_s;
        state->intensive = true;
    }
    tell(need, state);
}
