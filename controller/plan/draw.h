/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * draw.h - a schedule of moves as a picture
 */
#ifndef PLAN_DRAW_H
#define PLAN_DRAW_H

#include "plan/moves.h"

/**
 * plan_draw_moves() - SVG: hosts before and after, the moves, the interfaces
 * @target: Where everybody should be, as given to plan_moves_new()
 * @link_bytes_s: Of hosts that do not say
 *
 * Hosts that no move concerns are left out, and what is beyond some hundred
 * rows; how many is said. Return: the text of a file; g_free() it
 */
char *plan_draw_moves(const PlanModel *model, const PlanMoves *moves,
                      const int32_t *target, uint64_t link_bytes_s);

#endif
