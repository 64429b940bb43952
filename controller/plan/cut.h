/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cut.h - minimum cuts of weighted graphs
 */
#ifndef PLAN_CUT_H
#define PLAN_CUT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct PlanEdge {
    int32_t a, b;
    double weight; /* >= 0 */
} PlanEdge;

/**
 * plan_cut_two() - Split a graph in two where the cut weighs least
 * @n: Vertices 0 .. n - 1, at least two; memory grows with n squared
 * @edges: Undirected; several between two vertices add up
 * @side: [n], set to true for the smaller of the two parts, for that which has
 *        the lowest vertex not in it if both are of a size
 *
 * Stoer and Wagner's algorithm, n cubed steps. Of several minimum cuts it
 * takes the first that it meets, which is the same for the same edges.
 *
 * Return: the weight of the cut
 */
double plan_cut_two(size_t n, const PlanEdge *edges, size_t n_edges,
                    bool *side);

/**
 * plan_cut_sets() - Cut in two, again and again, until no set has more than
 * @most vertices
 * @most: At least 1
 * @stop: Asked before each cut, may be NULL; true ends the search
 *
 * Return: the sets in the order in which they were split off, each a GArray of
 * int32_t in rising order, owned by the GPtrArray; NULL if stopped
 */
GPtrArray *plan_cut_sets(size_t n, const PlanEdge *edges, size_t n_edges,
                         size_t most, bool (*stop)(void *data), void *data);

/** plan_cut_clusters() - Vertices linked by edges of @threshold or more
 *
 * Return: as plan_cut_sets(), by their lowest vertex; single ones included
 */
GPtrArray *plan_cut_clusters(size_t n, const PlanEdge *edges, size_t n_edges,
                             double threshold);

#endif
