/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kway.h - guests onto hosts by cutting the traffic graph, top down
 *
 * Sites first, then the pods of each, its racks, its hosts: whatever is cut at
 * a level stays as near as the level is. The graph partitioner itself is the
 * caller's, so that no foreign library comes in here.
 */
#ifndef PLAN_KWAY_H
#define PLAN_KWAY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Undirected, each edge at both ends; no loops */
typedef struct PlanGraph {
    size_t n;
    int32_t *start; /* [n + 1] into the two below */
    int32_t *peer;
    int32_t *amount; /* above 0 */
    size_t n_weights;
    int32_t *weight; /* [vertex x n_weights + w]; a weight's sum fits 30 bits */
    size_t n_parts;  /* at least 2 */
    float *share;    /* [part x n_weights + w], above 0, 1 in all */
    float *slack; /* [w] a part may have that many times its share, above 1 */
} PlanGraph;

/**
 * PlanPartition() - Cut @graph
 * @seed: Another cut for another seed
 * @part: [n] 0 to n_parts - 1, set
 *
 * Balance is aimed at, not promised. Return: false if it cannot
 */
typedef bool (*PlanPartition)(const PlanGraph *graph, uint32_t seed,
                              int32_t *part);

#endif
