/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * permutations.c - see permutations.h
 *
 * Two steps. Points that can be exchanged, two at a time, with everything else
 * left as it is, form a block, and within blocks every permutation is there. What
 * was added takes whole blocks to whole blocks, for conjugates of exchanges are
 * exchanges: blocks are united until that holds. Whether a permutation is there
 * depends then on what it does to blocks alone, as moving their least points.
 *
 * That group, mostly a small one, is kept as Schreier and Sims do: level i has
 * permutations that keep the points before i, one for each point that i can go
 * to. One that is there comes to nothing if those that take i where it takes i
 * are undone, level by level.
 */
#include "plan/permutations.h"

#include <string.h>

#define ROOM (PLAN_MOST_POINTS + 1)

typedef struct Level {
    GPtrArray *generators; /* of uint8_t[n], owned */
    uint8_t *to[ROOM];     /* takes the level's point there; owned */
} Level;

struct PlanPermutations {
    size_t n;
    uint8_t block[ROOM]; /* [point] the least one that it is exchanged with */
    GPtrArray *added;    /* of uint8_t[n], owned */
    Level *levels;       /* [n], or NULL: blocks are not moved */
};

PlanPermutations *
plan_permutations_new(size_t n)
{
    PlanPermutations *group = g_new0(PlanPermutations, 1);

    g_assert(n <= PLAN_MOST_POINTS);
    group->n = n;
    for (size_t i = 0; i < n; i++) {
        group->block[i] = (uint8_t)i;
    }
    group->added = g_ptr_array_new_with_free_func(g_free);
    return group;
}

static void
forget_levels(PlanPermutations *group)
{
    for (size_t i = 0; group->levels && i < group->n; i++) {
        g_ptr_array_unref(group->levels[i].generators);
        for (size_t k = 0; k < group->n; k++) {
            g_free(group->levels[i].to[k]);
        }
    }
    g_clear_pointer(&group->levels, g_free);
}

void
plan_permutations_free(PlanPermutations *group)
{
    if (group) {
        forget_levels(group);
        g_ptr_array_unref(group->added);
        g_free(group);
    }
}

/* @image becomes what is left of it once @by was undone */
static void
undo(size_t n, uint8_t *image, const uint8_t *by)
{
    uint8_t back[ROOM];

    for (size_t i = 0; i < n; i++) {
        back[by[i]] = (uint8_t)i;
    }
    for (size_t i = 0; i < n; i++) {
        image[i] = back[image[i]];
    }
}

/* Is @image, which keeps the points before @from, in the group of the levels? */
static bool
known(const PlanPermutations *group, const uint8_t *image, size_t from)
{
    uint8_t rest[ROOM];

    memcpy(rest, image, group->n);
    for (size_t i = from; i < group->n; i++) {
        if (rest[i] == i) {
            continue;
        }
        if (!group->levels || !group->levels[i].to[rest[i]]) {
            return false;
        }
        undo(group->n, rest, group->levels[i].to[rest[i]]);
    }
    return true;
}

/* One more at level @i. What comes of it and those that are there, and keeps @i
 * as well, belongs to the next level. */
static void
extend(PlanPermutations *group, size_t i, const uint8_t *image)
{
    Level *level = &group->levels[i];
    uint8_t reached[ROOM];
    size_t n_reached = 0;
    size_t n_before;

    g_ptr_array_add(level->generators, g_memdup2(image, group->n));
    for (size_t k = 0; k < group->n; k++) {
        if (level->to[k]) {
            reached[n_reached++] = (uint8_t)k;
        }
    }
    n_before = n_reached;
    for (size_t k = 0; k < n_reached; k++) {
        /* where one has been before, the others have been applied already */
        guint s = k < n_before ? level->generators->len - 1 : 0;

        for (; s < level->generators->len; s++) {
            const uint8_t *generator = level->generators->pdata[s];
            uint8_t next[ROOM];

            for (size_t p = 0; p < group->n; p++) {
                next[p] = generator[level->to[reached[k]][p]];
            }
            if (!level->to[next[i]]) {
                level->to[next[i]] = g_memdup2(next, group->n);
                reached[n_reached++] = next[i];
                continue;
            }
            undo(group->n, next, level->to[next[i]]);
            if (!known(group, next, i + 1)) {
                extend(group, i + 1, next);
            }
        }
    }
}

/* What @image does to blocks; false if it takes one to pieces */
static bool
move_blocks(const PlanPermutations *group, const uint8_t *image, uint8_t *moved)
{
    for (size_t i = 0; i < group->n; i++) {
        size_t least = group->block[i];

        moved[i] = (uint8_t)i;
        if (group->block[image[i]] != group->block[image[least]]) {
            return false;
        }
        if (least == i) {
            moved[i] = group->block[image[i]];
        }
    }
    return true;
}

static void
add_to_levels(PlanPermutations *group, const uint8_t *image)
{
    uint8_t moved[ROOM];
    bool whole = move_blocks(group, image, moved);

    g_assert(whole);
    if (known(group, moved, 0)) {
        return;
    }
    if (!group->levels) {
        group->levels = g_new0(Level, group->n + 1);
        for (size_t i = 0; i < group->n; i++) {
            uint8_t *same = g_new(uint8_t, group->n);

            for (size_t k = 0; k < group->n; k++) {
                same[k] = (uint8_t)k;
            }
            group->levels[i].generators =
                g_ptr_array_new_with_free_func(g_free);
            group->levels[i].to[i] = same;
        }
    }
    extend(group, 0, moved);
}

static bool
unite(PlanPermutations *group, uint8_t a, uint8_t b)
{
    uint8_t keep = MIN(group->block[a], group->block[b]);
    uint8_t drop = MAX(group->block[a], group->block[b]);

    for (size_t i = 0; i < group->n && keep != drop; i++) {
        if (group->block[i] == drop) {
            group->block[i] = keep;
        }
    }
    return keep != drop;
}

/* Blocks that what was added takes to whole blocks, and the levels anew */
static void
settle(PlanPermutations *group)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (guint k = 0; k < group->added->len; k++) {
            const uint8_t *image = group->added->pdata[k];

            for (size_t i = 0; i < group->n; i++) {
                changed |= unite(group, image[i], image[group->block[i]]);
            }
        }
    }
    forget_levels(group);
    for (guint k = 0; k < group->added->len; k++) {
        add_to_levels(group, group->added->pdata[k]);
    }
}

bool
plan_permutations_join(PlanPermutations *group, size_t a, size_t b)
{
    if (!unite(group, (uint8_t)a, (uint8_t)b)) {
        return false;
    }
    settle(group);
    return true;
}

/* The two points that @image exchanges, if that is all it does */
static bool
is_exchange(const PlanPermutations *group, const uint8_t *image, uint8_t *a,
            uint8_t *b)
{
    size_t n = 0;

    for (size_t i = 0; i < group->n; i++) {
        if (image[i] != i) {
            *b = *a;
            *a = (uint8_t)i;
            n++;
        }
    }
    return n == 2;
}

bool
plan_permutations_add(PlanPermutations *group, const uint8_t *image)
{
    uint8_t a = 0;
    uint8_t b = 0;

    if (plan_permutations_has(group, image)) {
        return false;
    }
    if (is_exchange(group, image, &a, &b)) {
        return plan_permutations_join(group, a, b);
    }
    g_ptr_array_add(group->added, g_memdup2(image, group->n));
    settle(group);
    return true;
}

bool
plan_permutations_has(const PlanPermutations *group, const uint8_t *image)
{
    uint8_t moved[ROOM];

    return move_blocks(group, image, moved) && known(group, moved, 0);
}
