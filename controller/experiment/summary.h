/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * summary.h - runs put together: cells, paired ratios, verdicts
 *
 * A cell is a guest on a wire beside a cross traffic; within it methods are
 * compared. What is compared is paired by repetition, for the two runs of a
 * pair stood close together in time: a repetition in which one of them is
 * missing or failed is no pair.
 */
#ifndef EXPERIMENT_SUMMARY_H
#define EXPERIMENT_SUMMARY_H

#include "experiment/result.h"
#include "experiment/scenario.h"
#include "experiment/statistics.h"

typedef struct SummaryMethod {
    unsigned runs, completed, cut_off, failed, disturbed;
    Estimate measures[MEASURE_N]; /* .n 0: none */
    Estimate ratios[MEASURE_N];   /* to the scenario's first method */
} SummaryMethod;

typedef struct SummaryCell {
    unsigned guest, wire, cross; /* indices into the scenario's lists */
    unsigned runs;               /* 0: none of it was run yet */
    SummaryMethod *methods;      /* as many as the scenario has; owned */
} SummaryCell;

typedef enum {
    VERDICT_MISSES,       /* the median misses, and all of the interval */
    VERDICT_MISSES_CLOSE, /* ... and the interval reaches the goal */
    VERDICT_UNDECIDED,    /* runs that were cut off leave it open */
    VERDICT_TOO_FEW,      /* pairs, or runs */
    VERDICT_NO_DATA,
    VERDICT_HOLDS_CLOSE, /* by its median; the interval reaches beyond */
    VERDICT_HOLDS,
    VERDICT_N
} VerdictKind;

const char *verdict_word(VerdictKind kind); /* "misses", ... */

typedef struct Verdict {
    const ScenarioClaim *claim; /* borrowed */
    const SummaryCell *cell;    /* NULL: of all its cells together */
    unsigned method, against;   /* indices; .against if the claim has one */
    VerdictKind kind;
    Estimate effect; /* ratio, or the measure itself */
    Known share;     /* of runs that keep to the goal, if that is claimed */
} Verdict;

typedef struct Summary {
    const Scenario *scenario; /* borrowed, as are the results */
    GArray *cells;            /* SummaryCell, in the scenario's order */
    GArray *verdicts;         /* Verdict; misses first */
    unsigned repetitions;     /* the scenario's, or more if there are */
    unsigned runs, planned;   /* results, and how many that comes to */
    unsigned unknown;         /* results of cells or methods not in it */
    unsigned disturbed, failed;
    bool undisturbed_only;
} Summary;

typedef struct SummaryOptions {
    uint64_t seed;         /* of the bootstrap */
    bool undisturbed_only; /* leave disturbed runs out of all figures */
} SummaryOptions;

/** summary_new() - @results: Result *, both borrowed; summary_free() it */
Summary *summary_new(const Scenario *scenario, const GPtrArray *results,
                     const SummaryOptions *options);
void summary_free(Summary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Summary, summary_free)

/** summary_result() - Of a cell, method and repetition; NULL: not run, or left
 * out. Of several attempts the last */
const Result *summary_result(const Summary *summary, const GPtrArray *results,
                             const SummaryCell *cell, unsigned method,
                             unsigned repetition);

/** summary_has() - Whether any method of the cell has figures of it */
bool summary_has(const Summary *summary, const SummaryCell *cell,
                 Measure measure);

/** summary_figures() - One measure of all its runs: GArray of Figure */
GArray *summary_figures(const Summary *summary, const GPtrArray *results,
                        const SummaryCell *cell, unsigned method,
                        Measure measure);

/** summary_ratios() - Of @method to @against, one of each repetition that has
 * both: GArray of Figure */
GArray *summary_ratios(const Summary *summary, const GPtrArray *results,
                       const SummaryCell *cell, unsigned method,
                       unsigned against, Measure measure);

/** summary_cells() - Those with runs, a claim's misses first, then in the
 * scenario's order: GPtrArray of SummaryCell, the summary's */
GPtrArray *summary_cells(const Summary *summary);

/** summary_cell_name() - "vm2, 50mbit, four"; g_free() it */
char *summary_cell_name(const Summary *summary, const SummaryCell *cell);

/** claim_words() - Its title, or a sentence of what it says; g_free() it */
char *claim_words(const ScenarioClaim *claim);

/** figure_text() - ">= 180.0", with sensible digits; g_free() it */
char *figure_text(Figure figure);

/** estimate_text() - "58.6 [52.1 to 61.0]", "-" without any; g_free() it */
char *estimate_text(const Estimate *estimate);

#endif
