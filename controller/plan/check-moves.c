/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-moves.c - plan_moves_check(): a schedule judged second by second
 *
 * For every moment at which something starts, everything that is under way is
 * added up from nothing: slow, and independent of how the schedule was made.
 */
#include "plan/moves.h"

#include <inttypes.h>

#include "plan/sides.h"

typedef struct Judge {
    const PlanModel *m;
    const PlanMoveQuery *query;
    const GArray *moves;
    GPtrArray *broken;
} Judge;

static const PlanMove *
nth(const Judge *j, guint i)
{
    return &g_array_index(j->moves, PlanMove, i);
}

static void G_GNUC_PRINTF(2, 3) complain(Judge *j, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(j->broken, g_strdup_vprintf(format, args));
    va_end(args);
}

/* Where @guest is at @at_s, with all moves over by then; *busy if it is on the
 * way at that moment, @except apart */
static int32_t
place_at(const Judge *j, int32_t guest, double at_s, guint except, bool *busy)
{
    int32_t place = j->m->guests[guest].host;

    *busy = false;
    for (guint i = 0; i < j->moves->len; i++) {
        const PlanMove *move = nth(j, i);

        if (i == except || move->guest != guest) {
            continue;
        }
        /* in the order of the list, which that of a guest's moves has to be */
        if (move->end_s <= at_s && i < except) {
            place = move->to;
        } else if (move->start_s <= at_s && move->end_s > at_s) {
            *busy = true;
        }
    }
    return place;
}

/* Demand on @host just after @at_s, when move @last has started: of all that
 * were there at first and all that came, but those whose leaving is over */
static int64_t
demand_at(const Judge *j, int32_t host, size_t r, double at_s, guint last)
{
    size_t n = j->m->n_resources;
    int64_t sum = 0;

    for (size_t g = 0; g < j->m->n_guests; g++) {
        sum += j->m->guests[g].host == host ? j->m->demand[g * n + r] : 0;
    }
    for (guint i = 0; i <= last; i++) {
        const PlanMove *move = nth(j, i);
        int64_t demand = j->m->demand[(size_t)move->guest * n + r];

        sum += move->to == host ? demand : 0;
        sum -=
            move->from == host && move->end_s <= at_s && i != last ? demand : 0;
    }
    return sum;
}

/* The same for sides: who is there or on the way from or to there */
static void
judge_sides(Judge *j, guint last)
{
    const PlanMove *arrival = nth(j, last);
    g_autoptr(GArray) here = g_array_new(FALSE, FALSE, sizeof(int32_t));

    if (!j->m->hosts[arrival->to].sides ||
        j->m->guests[arrival->guest].numa == 0) {
        return;
    }
    for (int32_t g = 0; g < (int32_t)j->m->n_guests; g++) {
        bool there = j->m->guests[g].host == arrival->to;

        for (guint i = 0; i <= last; i++) {
            const PlanMove *move = nth(j, i);

            if (move->guest == g && move->to == arrival->to) {
                there = true;
            } else if (move->guest == g && move->from == arrival->to &&
                       move->end_s <= arrival->start_s) {
                there = false;
            }
        }
        if (there) {
            g_array_append_val(here, g);
        }
    }
    if (plan_sides_excess(j->m, arrival->to, (int32_t *)(void *)here->data,
                          here->len, PLAN_NOWHERE, PLAN_NOWHERE, NULL) > 0) {
        complain(j,
                 "at %.3f s guest \"%s\" comes to host \"%s\", whose guests "
                 "cannot be divided over its sides",
                 arrival->start_s, j->m->guests[arrival->guest].name,
                 j->m->hosts[arrival->to].name);
    }
}

static void
judge_host(Judge *j, guint i)
{
    const PlanMove *move = nth(j, i);
    size_t n = j->m->n_resources;

    for (size_t r = 0; r < n; r++) {
        int64_t use;

        if (j->m->demand[(size_t)move->guest * n + r] == 0) {
            continue;
        }
        use = demand_at(j, move->to, r, move->start_s, i);
        if (use > j->m->limit[(size_t)move->to * n + r]) {
            complain(j,
                     "at %.3f s guest \"%s\" comes to host \"%s\": %s %" PRId64
                     " of %" PRId64,
                     move->start_s, j->m->guests[move->guest].name,
                     j->m->hosts[move->to].name, j->m->resources[r].name, use,
                     j->m->limit[(size_t)move->to * n + r]);
        }
    }
}

static void
judge_link(Judge *j, guint i, bool outgoing)
{
    const PlanMove *move = nth(j, i);
    int32_t host = outgoing ? move->from : move->to;
    uint64_t rate = j->m->hosts[host].link_bytes_s;
    uint64_t sum = 0;
    size_t n = 0;

    rate = rate ? rate : j->query->link_bytes_s;
    for (guint k = 0; k < j->moves->len; k++) {
        const PlanMove *other = nth(j, k);
        bool now = other->start_s <= move->start_s &&
                   other->end_s > move->start_s && other->from != PLAN_NOWHERE;

        if (now && (outgoing ? other->from : other->to) == host) {
            sum += other->rate_bytes_s;
        }
        n += now && (other->from == host || other->to == host);
    }
    if (sum > rate) {
        complain(j,
                 "at %.3f s %" PRIu64 " bytes/s %s host \"%s\", whose "
                 "interface has %" PRIu64,
                 move->start_s, sum, outgoing ? "leave" : "come to",
                 j->m->hosts[host].name, rate);
    }
    if (j->query->most_per_host && n > j->query->most_per_host) {
        complain(j, "at %.3f s host \"%s\" has %zu migrations, not %zu",
                 move->start_s, j->m->hosts[host].name, n,
                 j->query->most_per_host);
    }
}

static void
judge_move(Judge *j, guint i)
{
    const PlanMove *move = nth(j, i);
    const char *name = j->m->guests[move->guest].name;
    bool busy;
    int32_t place = place_at(j, move->guest, move->start_s, i, &busy);

    if (busy || place != move->from) {
        complain(j, "at %.3f s guest \"%s\" is not where its move starts",
                 move->start_s, name);
    }
    if (move->from != PLAN_NOWHERE) {
        PlanDuration d = plan_duration(&j->m->guests[move->guest],
                                       MAX(1, move->rate_bytes_s),
                                       j->query->downtime_limit_s);

        if (move->end_s < move->start_s + d.time_s * (1 - 1e-9)) {
            complain(j, "guest \"%s\" is moved in less time than it takes",
                     name);
        }
        judge_link(j, i, true);
        judge_link(j, i, false);
    }
    if (move->bypass && !plan_model_allows(j->m, move->guest, move->to)) {
        complain(j,
                 "guest \"%s\" goes by way of host \"%s\", where it may "
                 "not be",
                 name, j->m->hosts[move->to].name);
    }
    for (guint k = 0; k < move->after->len; k++) {
        guint before = g_array_index(move->after, guint, k);

        if (before >= i || nth(j, before)->end_s > move->start_s) {
            complain(j, "move %u has to wait for move %u, but does not", i,
                     before);
        }
    }
    judge_host(j, i);
    judge_sides(j, i);
}

GPtrArray *
plan_moves_check(const PlanModel *m, const int32_t *target,
                 const PlanMoveQuery *query, const PlanMoves *moves)
{
    Judge j = {
        .m = m,
        .query = query,
        .moves = moves->moves,
        .broken = g_ptr_array_new_with_free_func(g_free),
    };
    g_autofree bool *left_out = g_new0(bool, m->n_guests);

    for (guint i = 0; i < moves->moves->len; i++) {
        judge_move(&j, i);
    }
    for (guint i = 0; i < moves->left_out->len; i++) {
        left_out[g_array_index(moves->left_out, int32_t, i)] = true;
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        bool busy;
        int32_t end = place_at(&j, (int32_t)g, G_MAXDOUBLE, G_MAXUINT, &busy);
        int32_t want =
            target[g] == PLAN_NOWHERE ? m->guests[g].host : target[g];

        if (!left_out[g] && end != want) {
            complain(&j, "guest \"%s\" does not end where it belongs",
                     m->guests[g].name);
        }
    }
    return j.broken;
}
