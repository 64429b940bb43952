/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.h - recorded migrations, forecast one step ahead
 *
 * Every row is forecast from what stood at the sync that starts its pass: the
 * rows before it, its pages to send, the bandwidth of the pass before, and
 * what earlier passes left unsent. Its own duration, bandwidth and factors are
 * not looked at before it is learnt. Pure.
 */
#ifndef PREDICT_REPLAY_H
#define PREDICT_REPLAY_H

#include "forecast/forecast.h"
#include "report/trace.h"

#define REPLAY_ENSEMBLE "ensemble" /* its name among the models */
#define REPLAY_MAX_MODELS (FORECAST_MAX_MEMBERS + 1)

/* The ensemble is model 0, the members follow. */
typedef struct ReplayStep {
    size_t row;       /* in its table */
    unsigned history; /* passes completed before it, the first included */
    double truth;     /* pages that it dirtied */
    double planned_s; /* its duration, as planned */
    Known pages[REPLAY_MAX_MODELS]; /* unknown: the model abstained */
    double last;                    /* what stands in for it then */
    double low, high;               /* of the ensemble, 80 % */
    Known rest_s; /* forecast of the time from its start to the end; unknown:
                     not asked for, or thought not to end */
} ReplayStep;

typedef struct ReplayRun {
    const TraceTable *table; /* borrowed */
    size_t first, end;       /* its rows */
    GArray *steps;           /* ReplayStep, rows that are scored */
    unsigned unplanned; /* rows that no bandwidth was known for, not scored */
} ReplayRun;

typedef struct Replay {
    size_t n_models;
    const char *names[REPLAY_MAX_MODELS]; /* static */
    GPtrArray *runs;                      /* ReplayRun */
    bool with_rest; /* set before replay_add(): fill in rest_s */
} Replay;

Replay *replay_new(void);
void replay_free(Replay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Replay, replay_free)

/** replay_add() - Replay all runs of @table, which must outlive @replay */
void replay_add(Replay *replay, const TraceTable *table);

/** replay_row() - The row that a step is of */
const TraceRow *replay_row(const ReplayRun *run, const ReplayStep *step);

#endif
