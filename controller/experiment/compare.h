/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare.h - one experiment beside an earlier one: what got worse?
 *
 * Compared is what both have: the same cell, method and measure. The runs are
 * no pairs, they may lie weeks apart; so the medians of both are resampled,
 * and a difference counts only where the whole interval of their ratio lies on
 * one side of what is let pass.
 */
#ifndef EXPERIMENT_COMPARE_H
#define EXPERIMENT_COMPARE_H

#include "experiment/summary.h"

typedef enum {
    COMPARED_WORSE, /* for sure */
    COMPARED_BETTER,
    COMPARED_ALIKE, /* for sure, within what is let pass */
    COMPARED_OPEN,  /* the interval says neither */
    COMPARED_N
} ComparedKind;

const char *compared_word(ComparedKind kind);

typedef struct Compared {
    const SummaryCell *cell; /* of the later one */
    unsigned method;
    Measure measure; /* MEASURE_N: how many runs failed */
    Estimate ratio;  /* later to earlier */
    struct {
        unsigned failed, runs;
    } earlier, later; /* of MEASURE_N */
    ComparedKind kind;
} Compared;

/** measure_more_is_better() - Of what an application or others got */
bool measure_more_is_better(Measure measure);

/**
 * experiment_compare() - GArray of Compared, worse ones first
 * @tolerance: Ratios from 1 - it to 1 + it are let pass; 0.05
 *
 * Runs that failed are worse where none did before, whatever their number.
 */
GArray *experiment_compare(const Summary *earlier, const GPtrArray *before,
                           const Summary *later, const GPtrArray *after,
                           double tolerance, uint64_t seed);

/** experiment_compare_notes() - What is not the same about both beforehand:
 * GPtrArray of sentences, unref it */
GPtrArray *experiment_compare_notes(const Summary *earlier,
                                    const GPtrArray *before,
                                    const Summary *later,
                                    const GPtrArray *after);

/** experiment_compare_text() - As a table; g_free() it */
char *experiment_compare_text(const Summary *later, const GArray *compared,
                              const GPtrArray *notes, double tolerance);

/** experiment_compare_json() - "vmferry-experiment-compare/1"; g_free() it */
char *experiment_compare_json(const Summary *later, const GArray *compared,
                              const GPtrArray *notes, double tolerance);

#endif
