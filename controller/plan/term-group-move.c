/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-group-move.c - no service should have all its guests moved at once
 *
 * The cost is the largest number of moved guests that one group has. A
 * histogram, how many groups have k moved, tells the new maximum at once. A
 * guest can be in several groups; then the maximum is found by trying, group
 * by group, on the histogram itself, which is put back afterwards.
 */
#include "plan/state-priv.h"

typedef struct GroupMoves {
    int64_t *moved;    /* [group] */
    int64_t *n_groups; /* [k] groups with k moved */
    int64_t largest;
} GroupMoves;

static bool
wanted(const PlanModel *m)
{
    return m->weights.group_move != 0 && m->n_groups > 0;
}

static void *
start(const PlanModel *m)
{
    GroupMoves *data = g_new0(GroupMoves, 1);
    size_t most = 0;

    for (size_t k = 0; k < m->n_groups; k++) {
        most = MAX(most, m->groups[k].n_members);
    }
    data->moved = g_new0(int64_t, m->n_groups);
    data->n_groups = g_new0(int64_t, most + 2);
    data->n_groups[0] = (int64_t)m->n_groups;
    return data;
}

static void
group_moves_free(void *opaque)
{
    GroupMoves *data = opaque;

    g_free(data->moved);
    g_free(data->n_groups);
    g_free(data);
}

static bool
is_move(const PlanModel *m, int32_t guest, int32_t host)
{
    int32_t home = m->guests[guest].host;

    return home != PLAN_NOWHERE && host != PLAN_NOWHERE && host != home;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t largest = 0;

    for (size_t k = 0; k < m->n_groups; k++) {
        int64_t n = 0;

        for (size_t i = 0; i < m->groups[k].n_members; i++) {
            int32_t guest = m->groups[k].members[i];

            n += is_move(m, guest, host_of[guest]);
        }
        largest = MAX(largest, n);
    }
    return largest * m->weights.group_move;
}

static void
shift(GroupMoves *data, int32_t group, int by)
{
    int64_t *moved = &data->moved[group];

    data->n_groups[*moved]--;
    *moved += by;
    data->n_groups[*moved]++;
    data->largest = MAX(data->largest, *moved);
    while (data->largest > 0 && data->n_groups[data->largest] == 0) {
        data->largest--;
    }
}

static void
shift_all(const PlanModel *m, GroupMoves *data, int32_t guest, int by)
{
    for (size_t i = m->guest_group_start[guest];
         i < m->guest_group_start[guest + 1]; i++) {
        shift(data, m->guest_group[i], by);
    }
}

static int
difference(const PlanState *s, int32_t guest, int32_t host)
{
    return is_move(s->model, guest, host) -
           is_move(s->model, guest, s->host_of[guest]);
}

static int64_t
delta(const PlanState *s, const void *opaque, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    int by = difference(s, guest, host);
    size_t first = m->guest_group_start[guest];
    size_t n = m->guest_group_start[guest + 1] - first;
    /* restored before returning: to the caller nothing has changed */
    GroupMoves *data = (GroupMoves *)opaque;
    int64_t before = data->largest;
    int64_t after;

    if (by == 0 || n == 0) {
        return 0;
    }
    if (n == 1) {
        int64_t moved = data->moved[m->guest_group[first]];

        after = by > 0
                    ? MAX(before, moved + 1)
                    : before - (moved == before && data->n_groups[before] == 1);
    } else {
        shift_all(m, data, guest, by);
        after = data->largest;
        shift_all(m, data, guest, -by);
    }
    return (after - before) * m->weights.group_move;
}

static void
moved(const PlanState *s, void *opaque, int32_t guest, int32_t host)
{
    int by = difference(s, guest, host);

    if (by != 0) {
        shift_all(s->model, opaque, guest, by);
    }
}

const PlanTerm plan_term_group_move = {
    .name = "group-moves",
    .wanted = wanted,
    .start = start,
    .free = group_moves_free,
    .recount = recount,
    .delta = delta,
    .moved = moved,
};
