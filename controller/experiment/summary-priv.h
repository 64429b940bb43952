/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * summary-priv.h - inside of the summary
 *
 * summary.c         cells and their estimates
 * summary-judge.c   claims into verdicts
 * summary-words.c   names and numbers as text
 */
#ifndef EXPERIMENT_SUMMARY_PRIV_H
#define EXPERIMENT_SUMMARY_PRIV_H

#include "experiment/summary.h"

/** summary_estimate() - Of a measure, over all repetitions */
void summary_estimate(const Summary *summary, const GPtrArray *results,
                      const SummaryCell *cell, unsigned method, Measure measure,
                      uint64_t seed, Estimate *estimate);

/** summary_ratio() - Of @method to @against, by pairs */
void summary_ratio(const Summary *summary, const GPtrArray *results,
                   const SummaryCell *cell, unsigned method, unsigned against,
                   Measure measure, uint64_t seed, Estimate *estimate);

/** summary_judge() - Fills .verdicts */
void summary_judge(Summary *summary, const GPtrArray *results, uint64_t seed);

#endif
