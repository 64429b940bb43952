/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * many-moves.c - swaps and cycles by the million, before the checker
 *
 * usage: many-moves PLANS [FIRST]
 *
 * Draws cases on 2 to 50 hosts, as many small as large ones: full hosts whose
 * guests go round in cycles, and guests of 2, 3 and 5 on hosts of 10 shuffled.
 * Some hosts have a little more room, or there is none. Each case is drawn from
 * its number, FIRST (1) and those after it, so that many can be gone through in
 * parts and any of them alone. Every plan goes before the separate checker, which
 * also adds up what is in transit. Prints what came out and which were not
 * decided; exit status 1 if anything was wrong.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/moves.h"

static const PlanMoveQuery query = { .downtime_limit_s = 0.3,
                                     .link_bytes_s = 1000 };

#define SIZE 10 /* of a host */

typedef struct Case {
    size_t n_hosts;
    GArray *size;         /* of int64_t, by guest */
    GArray *home, *there; /* of int32_t */
} Case;

static void
add_guest(Case *c, int64_t size, int32_t home, int32_t there)
{
    g_array_append_val(c->size, size);
    g_array_append_val(c->home, home);
    g_array_append_val(c->there, there);
}

/* Each host's guests go to the next one of its cycle; the last few hosts are
 * empty, or none is */
static void
draw_cycles(GRand *rand, Case *c)
{
    size_t n_full = c->n_hosts - (size_t)g_rand_int_range(
                                     rand, 0, MAX(2, (gint32)c->n_hosts / 4));
    size_t at = 0;

    while (at < n_full) {
        size_t left = n_full - at;
        size_t length =
            left < 4 ? left
                     : (size_t)g_rand_int_range(rand, 2, 1 + MIN(left - 2, 8));
        gint32 parts = g_rand_int_range(rand, 1, 4);

        for (size_t i = 0; i < length; i++) {
            int32_t here = (int32_t)(at + i);
            int32_t next = (int32_t)(at + (i + 1) % length);
            int64_t room = SIZE;

            for (gint32 k = 0; k < parts; k++) {
                int64_t size = k + 1 < parts ? SIZE / parts : room;

                add_guest(c, size, here, next);
                room -= size;
            }
        }
        at += length;
    }
}

/* A host with room among @use, from a random one on; -1 if there is none */
static int32_t
find_room(GRand *rand, const Case *c, const int64_t *use, int64_t size)
{
    size_t first = (size_t)g_rand_int_range(rand, 0, (gint32)c->n_hosts);

    for (size_t i = 0; i < c->n_hosts; i++) {
        size_t h = (first + i) % c->n_hosts;

        if (use[h] + size <= SIZE) {
            return (int32_t)h;
        }
    }
    return -1;
}

static void
draw_shuffled(GRand *rand, Case *c)
{
    static const int64_t sizes[] = { 2, 3, 5 };
    g_autofree int64_t *now = g_new0(int64_t, c->n_hosts);
    g_autofree int64_t *then = g_new0(int64_t, c->n_hosts);
    double full = g_rand_double_range(rand, 0.4, 1);
    double sum = 0;

    while (sum < full * SIZE * (double)c->n_hosts) {
        int64_t size = sizes[g_rand_int_range(rand, 0, 3)];
        int32_t home = find_room(rand, c, now, size);
        int32_t there = find_room(rand, c, then, size);

        if (home < 0 || there < 0) {
            break;
        }
        if (g_rand_int_range(rand, 0, 3) == 0 && then[home] + size <= SIZE) {
            there = home;
        }
        now[home] += size;
        then[there] += size;
        sum += (double)size;
        add_guest(c, size, home, there);
    }
}

static PlanModel *
draw(GRand *rand, Case *c)
{
    PlanModel *m;
    int64_t more =
        g_rand_int_range(rand, 0, 3) ? 0 : g_rand_int_range(rand, 1, 4);

    g_array_set_size(c->size, 0);
    g_array_set_size(c->home, 0);
    g_array_set_size(c->there, 0);
    c->n_hosts = (size_t)exp(g_rand_double_range(rand, log(2), log(51)));
    if (g_rand_boolean(rand)) {
        draw_cycles(rand, c);
    } else {
        draw_shuffled(rand, c);
    }
    m = plan_model_new(1, c->n_hosts, c->size->len, 0, 0, 0, 0);
    m->resources[0].name = g_strdup("slots");
    for (size_t h = 0; h < c->n_hosts; h++) {
        m->hosts[h].name = g_strdup_printf("h%zu", h);
        m->capacity[h] = m->safe[h] =
            SIZE + (more && g_rand_boolean(rand) ? more : 0);
    }
    for (size_t g = 0; g < c->size->len; g++) {
        m->guests[g].name = g_strdup_printf("g%zu", g);
        m->guests[g].host = g_array_index(c->home, int32_t, g);
        m->guests[g].memory_bytes =
            1000 * (guint64)g_array_index(c->size, int64_t, g);
        m->demand[g] = g_array_index(c->size, int64_t, g);
    }
    return m;
}

/* Each case is in one of the first four */
typedef struct Count {
    unsigned long whole;     /* everybody arrives */
    unsigned long proved;    /* shown to be impossible, the rest planned */
    unsigned long shrunk;    /* on 7 hosts and more: the rest is listed */
    unsigned long undecided; /* the same on fewer hosts */
    unsigned long bypassed;  /* of the whole ones, with a detour or more */
    unsigned long detours;
    unsigned long wrong;
} Count;

static void
judge(const PlanModel *m, const int32_t *target, unsigned long number,
      Count *count)
{
    g_autoptr(PlanMoves) moves = plan_moves_new(m, target, &query);
    g_autoptr(GPtrArray) broken = plan_moves_check(m, target, &query, moves);
    unsigned long detours = 0;

    if (broken->len > 0 || moves->makespan_s < moves->bound_s * (1 - 1e-9)) {
        fprintf(stderr, "case %lu: %s\n", number,
                broken->len ? (char *)broken->pdata[0] : "below the bound");
        count->wrong++;
    }
    for (guint i = 0; i < moves->moves->len; i++) {
        detours += g_array_index(moves->moves, PlanMove, i).bypass;
    }
    count->detours += detours;
    if (moves->left_out->len == 0) {
        count->whole++;
        count->bypassed += detours > 0;
    } else if (moves->proved) {
        count->proved++;
    } else {
        printf("case %lu, %zu hosts: not decided, %u of %u guests left out\n",
               number, m->n_hosts, moves->left_out->len, (guint)m->n_guests);
        *(m->n_hosts <= 6 ? &count->undecided : &count->shrunk) += 1;
    }
}

int
main(int argc, char **argv)
{
    Case c = { 0 };
    Count count = { 0 };
    unsigned long n, first;

    n = argc < 2 ? 0 : strtoul(argv[1], NULL, 10);
    first = argc < 3 ? 1 : strtoul(argv[2], NULL, 10);
    if (argc > 3 || n == 0 || first == 0 || first + n > G_MAXUINT32) {
        fprintf(stderr, "usage: many-moves PLANS [FIRST]\n");
        return 2;
    }
    c.size = g_array_new(FALSE, FALSE, sizeof(int64_t));
    c.home = g_array_new(FALSE, FALSE, sizeof(int32_t));
    c.there = g_array_new(FALSE, FALSE, sizeof(int32_t));
    for (unsigned long i = first; i < first + n; i++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)i);
        g_autoptr(PlanModel) m = draw(rand, &c);
        g_autoptr(GError) error = NULL;

        if (!plan_model_finish(m, &error)) {
            fprintf(stderr, "case %lu: %s\n", i, error->message);
            return 1;
        }
        judge(m, (int32_t *)(void *)c.there->data, i, &count);
    }
    printf("%lu plans from %lu on: %lu whole (%lu of them with detours), %lu "
           "detours, %lu proved impossible, %lu of 7 hosts and more shrunk, "
           "%lu of fewer undecided, %lu wrong\n",
           n, first, count.whole, count.bypassed, count.detours, count.proved,
           count.shrunk, count.undecided, count.wrong);
    g_array_unref(c.size);
    g_array_unref(c.home);
    g_array_unref(c.there);
    return count.wrong ? 1 : 0;
}
