/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ensemble.h - one forecast, and how sure it is, out of what members say
 *
 * Arithmetic on logarithms of pages; members are known by index only.
 */
#ifndef FORECAST_ENSEMBLE_H
#define FORECAST_ENSEMBLE_H

#include <stdbool.h>
#include <stddef.h>

#include "forecast/forecast.h"

/* What one member says. */
typedef struct Opinion {
    bool any; /* false: it abstains, or is not asked */
    double log_pages;
    double factor; /* of its weight, for this question */
} Opinion;

typedef struct Ensemble {
    size_t n;
    struct {
        double squares; /* of log errors, capped, forgotten */
        double count;   /* how many, forgotten likewise */
        double weight;  /* 0: not scored yet */
    } members[FORECAST_MAX_MEMBERS];
    size_t scored; /* passes that the combination was scored on */
    double errors; /* of the combination: |log error|, forgotten */
    double count;  /* how many, forgotten likewise */
    double widen;  /* log of a factor on the interval, from its hits */
    /* errors before overshoot is taken back, forgotten sums over pairs of
     * neighbours */
    double last_error, pair_products, pair_squares, pairs;
} Ensemble;

void ensemble_init(Ensemble *ensemble, size_t n);

/**
 * ensemble_learn() - Score what members said of a pass that has ended
 * @opinions: Of each member, without knowledge of the pass
 * @log_pages: What came
 */
void ensemble_learn(Ensemble *ensemble, const Opinion *opinions,
                    double log_pages);

/**
 * ensemble_learn_own() - Score the combination of them, before that
 * @error: What was said less what came, in logarithms
 * @shape: Of the noise at that pass, see ensemble_sd()
 * @sd: That the interval was made from
 */
void ensemble_learn_own(Ensemble *ensemble, double error, double shape,
                        double sd);

typedef struct Combination {
    double log_pages;
    double spread; /* variance between the members */
} Combination;

/** ensemble_combine() - Weighted mean; false if no member has both an opinion
 * and a weight */
bool ensemble_combine(const Ensemble *ensemble, const Opinion *opinions,
                      Combination *combination);

/** ensemble_overshoot() - What to subtract from the next combination, because
 * errors have been alternating in sign; logarithm */
double ensemble_overshoot(const Ensemble *ensemble);

/** ensemble_sd() - Standard deviation of the combination one step ahead */
double ensemble_sd(const Ensemble *ensemble);

/** ensemble_seen_sd() - Likewise, but 0 before there is evidence */
double ensemble_seen_sd(const Ensemble *ensemble);

/** ensemble_half_width() - Of the 80 % interval, in logarithms
 * @sd: What is known about the uncertainty, ensemble_sd() or more */
double ensemble_half_width(const Ensemble *ensemble, double sd);

/** ensemble_ready() - Whether any member has been scored */
bool ensemble_ready(const Ensemble *ensemble);

#endif
