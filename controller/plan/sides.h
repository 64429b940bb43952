/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sides.h - hosts of two sides (NUMA): do the guests fit them?
 *
 *   ┌ side 1 ───────┬ side 2 ───────┐   numa 1: all of it on one side
 *   │ [a ] [b  ]    │ [c        ]   │   numa 2: half on each, here d
 *   │ [d           ─┼─           ]  │   numa 0: wherever there is room
 *   └───────────────┴───────────────┘
 *
 * Who is on which side is no part of a placement: a host's guests are divided
 * anew whenever that is asked, by their demands alone, so that the same guests
 * always give the same answer, whatever the road that led there.
 */
#ifndef PLAN_SIDES_H
#define PLAN_SIDES_H

#include "plan/model.h"

/* On which side a guest is: 0, 1, or */
#define PLAN_SIDE_ANY 2

/**
 * plan_sides_excess() - By how much guests are too many for the sides of @host
 * @guests: Those on it; all others are the caller's to leave out
 * @minus: One of them that is not counted, or PLAN_NOWHERE
 * @plus: One more that is, or PLAN_NOWHERE
 * @side: [n] 0, 1, or PLAN_SIDE_ANY of guests that are on both or not bound to
 *        sides; NULL if that is of no interest. @minus gets PLAN_SIDE_ANY.
 *
 * Return: 0 if they can be divided, else units too much times the scale of the
 * resource, of a division that is good but perhaps not the best. After
 * thousands of steps guests that would fit may count as too many.
 */
int64_t plan_sides_excess(const PlanModel *model, int32_t host,
                          const int32_t *guests, size_t n, int32_t minus,
                          int32_t plus, uint8_t *side);

/**
 * plan_sides_room() - What @guests, as they are divided best, leave of each side
 * @room: [2 x n_resources], twice the amounts; INT64_MAX / 4 where a resource is
 *        not divided. @host has to have sides.
 */
void plan_sides_room(const PlanModel *model, int32_t host,
                     const int32_t *guests, size_t n, int64_t *room);

#endif
