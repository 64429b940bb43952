/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * permutations.h - the group that some permutations generate
 */
#ifndef PLAN_PERMUTATIONS_H
#define PLAN_PERMUTATIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_MOST_POINTS 255

typedef struct PlanPermutations PlanPermutations;

/** plan_permutations_new() - Of @n points, PLAN_MOST_POINTS at most: none but
 * the one that changes nothing */
PlanPermutations *plan_permutations_new(size_t n);
void plan_permutations_free(PlanPermutations *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanPermutations, plan_permutations_free)

/** plan_permutations_join() - Add the exchange of @a and @b
 *
 * Return: whether that was new
 */
bool plan_permutations_join(PlanPermutations *group, size_t a, size_t b);

/**
 * plan_permutations_add() - Add one
 * @image: [n] where each point goes
 *
 * Return: whether that was new
 */
bool plan_permutations_add(PlanPermutations *group, const uint8_t *image);

/** plan_permutations_has() - Is it a product of those that were added? */
bool plan_permutations_has(const PlanPermutations *group, const uint8_t *image);

#endif
