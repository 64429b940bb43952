/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * score.h - how far forecasts were off
 *
 * Sums over steps of one model, and the figures that follow. Pure.
 */
#ifndef PREDICT_SCORE_H
#define PREDICT_SCORE_H

#include "tools/predict/replay.h"

#define SCORE_APE_CAP 5.0 /* a forecast is never counted as worse than that */

typedef enum {
    SCORE_FIRST,  /* 1 pass completed */
    SCORE_EARLY,  /* 2 to 6 */
    SCORE_MIDDLE, /* 7 to 15 */
    SCORE_LATE,   /* 16 and more */
    SCORE_N_HISTORIES
} ScoreHistory;

extern const char *const score_history_names[SCORE_N_HISTORIES];

/* Figures of one model over some steps; unknown where there were none. */
typedef struct Score {
    unsigned n, abstained; /* steps; of them, those scored as "last" */
    Known mape;            /* mean absolute percentage error, %; APE capped */
    Known median_ape;      /* % */
    Known wape;            /* sum of errors / sum of pages, % */
    Known log_error;       /* mean |log (forecast / truth)| */
    Known over_50;         /* share of steps off by more than 50 %, % */
    Known coverage_80;     /* share inside the interval, %; ensemble only */
    struct {
        unsigned n;
        Known mape;
    } by_history[SCORE_N_HISTORIES];
} Score;

/**
 * score_runs() - Score one model over the steps of some runs, pooled
 * @model: Its index in the replay; 0, the ensemble, has an interval
 */
void score_runs(ReplayRun *const *runs, size_t n, size_t model, Score *score);

/** score_mean() - Mean of each figure over the scores that know it; n and
 * abstained are sums */
void score_mean(const Score *scores, size_t n, Score *mean);

#endif
