/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import-graph.c - a graph to be cut, as METIS and Chaco write it
 *
 *     % a comment
 *     n m [format [constraints]]       format: sizes, weights, edges, 0 or 1
 *     [size] [weights] neighbour [amount] neighbour [amount] ...
 *
 * one line a vertex, from 1 on, every edge at both of its ends. Vertices become
 * guests, edges flows, and the parts to be made hosts, each with room for 3 %
 * more than its share of every weight. A flow inside a host costs nothing, any
 * other its amount: the cost of a placement is 1000 times the cut.
 */
#include "plan/lines-priv.h"

#include <string.h>

#define MOST (INT64_C(1) << 40)

typedef struct Header {
    int64_t n, n_edges, n_weights;
    bool sizes, weights, amounts;
} Header;

/* The next line that is no comment */
static bool
next_line(PlanLines *l)
{
    while (plan_lines_next(l)) {
        if (plan_lines_blank(l) || *l->line != '%') {
            return true;
        }
    }
    return false;
}

static Header
read_header(PlanLines *l)
{
    Header h = { .n_weights = 1 };
    int64_t room = l->end - l->at;
    int64_t format = 0;

    if (!next_line(l)) {
        plan_lines_fail(l, "the text is empty");
        return h;
    }
    h.n = plan_lines_number(l, "number of vertices", 1, MAX(1, room));
    h.n_edges = plan_lines_number(l, "number of edges", 0, room);
    if (!plan_lines_blank(l)) {
        format = plan_lines_number(l, "format", 0, 111);
        h.amounts = format % 10;
        h.weights = format / 10 % 10;
        h.sizes = format / 100;
        if (format % 10 > 1 || format / 10 % 10 > 1) {
            plan_lines_fail(l, "the format is three digits, 0 or 1 each");
        }
    }
    if (!plan_lines_blank(l)) {
        h.n_weights = plan_lines_number(l, "number of weights of a vertex", 1,
                                        PLAN_MAX_RESOURCES);
        h.weights = true;
    }
    plan_lines_end(l);
    return h;
}

/* Edges are taken at their lower end; at the other they are counted only. */
static void
read_vertices(PlanLines *l, const Header *h, PlanModel *m)
{
    size_t n_weights = (size_t)h->n_weights;
    size_t n_lower = 0;
    size_t n_upper = 0;

    for (size_t v = 0; v < m->n_guests && !l->error; v++) {
        if (!next_line(l)) {
            plan_lines_fail(l, "the text ends at vertex %zu of %zu", v,
                            m->n_guests);
            return;
        }
        if (h->sizes) {
            plan_lines_number(l, "size", 0, MOST);
        }
        for (size_t w = 0; w < n_weights; w++) {
            m->demand[v * n_weights + w] =
                h->weights ? plan_lines_number(l, "weight", 0, MOST) : 1;
        }
        while (!l->error && !plan_lines_blank(l)) {
            size_t peer =
                (size_t)plan_lines_number(l, "neighbour", 1, h->n) - 1;
            int64_t amount =
                h->amounts ? plan_lines_number(l, "weight of the edge", 1, MOST)
                           : 1;

            if (peer == v) {
                plan_lines_fail(l, "vertex %zu is its own neighbour", v + 1);
            } else if (peer < v) {
                n_upper++;
            } else if (n_lower == m->n_flows) {
                plan_lines_fail(l, "there are more than %zu edges", n_lower);
            } else {
                m->flows[n_lower++] =
                    (PlanFlow){ (int32_t)v, (int32_t)peer, amount };
            }
        }
    }
    while (!l->error && next_line(l)) {
        plan_lines_end(l);
    }
    if (!l->error && (n_lower != m->n_flows || n_upper != n_lower)) {
        plan_lines_fail(l,
                        "%zu edges are announced, %zu are named at their lower "
                        "end and %zu at the other",
                        m->n_flows, n_lower, n_upper);
    }
}

PlanModel *
plan_import_graph(PlanText text, int64_t n_parts, GError **error)
{
    PlanLines l = { .at = text.text,
                    .end = text.text + text.length,
                    .what = "the graph" };
    Header h = read_header(&l);
    g_autoptr(PlanModel) m = NULL;

    if (!l.error && (n_parts < 1 || n_parts > h.n)) {
        plan_lines_fail(&l, "parts have to be 1 to %" G_GINT64_FORMAT, h.n);
    }
    if (!l.error) {
        m = plan_model_new((size_t)h.n_weights, (size_t)n_parts, (size_t)h.n, 0,
                           0, 0, (size_t)h.n_edges);
        read_vertices(&l, &h, m);
    }
    if (l.error) {
        g_propagate_error(error, l.error);
        return NULL;
    }
    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t sum = 0;
        int64_t share;

        m->resources[r].name = g_strdup_printf("w%zu", r);
        for (size_t v = 0; v < m->n_guests; v++) {
            sum += m->demand[v * m->n_resources + r];
        }
        share = (sum * 103 / 100 + n_parts - 1) / n_parts;
        for (size_t p = 0; p < m->n_hosts; p++) {
            m->capacity[p * m->n_resources + r] = share;
            m->safe[p * m->n_resources + r] = share;
        }
    }
    for (size_t p = 0; p < m->n_hosts; p++) {
        m->hosts[p].name = g_strdup_printf("part%zu", p);
    }
    for (size_t v = 0; v < m->n_guests; v++) {
        m->guests[v].name = g_strdup_printf("%zu", v + 1);
    }
    m->weights.traffic = 1;
    for (int level = 0; level <= PLAN_N_LEVELS; level++) {
        m->distance_milli[level] = level == PLAN_LEVEL_HOST ? 0 : PLAN_MILLI;
    }
    return plan_model_finish(m, error) ? g_steal_pointer(&m) : NULL;
}
