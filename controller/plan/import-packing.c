/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import-packing.c - bin packing: how few hosts do guests of one size need?
 *
 * Two forms are in use, and told apart by their second line. The library of
 * Beasley, several problems in a file:
 *
 *     20               problems
 *     u120_00          name
 *     150 120 48       capacity, items, bins of the best solution known
 *     42 ...           sizes, one a line
 *
 * and that of Schwerin, Waescher and Scholl, one: items, capacity, sizes.
 *
 * Bins are as many hosts as any method that opens none needlessly takes at
 * most: two neighbours hold more than one capacity, or one would do.
 */
#include "plan/lines-priv.h"

#include <string.h>

#define MOST_SIZE (INT64_C(1) << 40)

/* The next line that is not blank */
static bool
next_line(PlanLines *l)
{
    while (plan_lines_next(l)) {
        if (!plan_lines_blank(l)) {
            return true;
        }
    }
    if (!l->error) {
        plan_lines_fail(l, "the text ends here, more is expected");
    }
    return false;
}

static int64_t
next_number(PlanLines *l, const char *name, int64_t least, int64_t most)
{
    int64_t value;

    if (!next_line(l)) {
        return least;
    }
    value = plan_lines_number(l, name, least, most);
    plan_lines_end(l);
    return value;
}

static bool
is_number(const PlanLines *l)
{
    PlanLines copy = *l;
    g_autofree char *word = NULL;

    word = plan_lines_word(&copy);
    return g_ascii_string_to_signed(word, 10, INT64_MIN, INT64_MAX, NULL, NULL);
}

/* As many as there can be lines */
static int64_t
most_items(const PlanLines *l)
{
    return MAX(1, l->end - l->at);
}

/* Go to problem @which of many: to its line of three numbers */
static void
find_problem(PlanLines *l, int64_t n_problems, int64_t which, int64_t *capacity,
             int64_t *n)
{
    if (which < 1 || which > n_problems) {
        plan_lines_fail(l,
                        "there is no problem %" G_GINT64_FORMAT
                        ", there are %" G_GINT64_FORMAT,
                        which, n_problems);
    }
    for (int64_t k = 1; !l->error; k++) {
        if ((k > 1 && !next_line(l)) || !next_line(l)) {
            return;
        }
        *capacity = plan_lines_number(l, "capacity", 1, MOST_SIZE);
        *n = plan_lines_number(l, "number of items", 1, most_items(l));
        plan_lines_number(l, "bins of the best known solution", 0, MOST_SIZE);
        plan_lines_end(l);
        if (k == which) {
            return;
        }
        for (int64_t i = 0; i < *n && !l->error; i++) {
            next_line(l);
        }
    }
}

PlanModel *
plan_import_packing(PlanText text, int64_t which, GError **error)
{
    PlanLines l = { .at = text.text,
                    .end = text.text + text.length,
                    .what = "the problem" };
    g_autofree int64_t *size = NULL;
    g_autoptr(PlanModel) m = NULL;
    int64_t first =
        next_number(&l, "number of items or problems", 1, MOST_SIZE);
    int64_t capacity = 1;
    int64_t n = 0;
    int64_t sum = 0;
    size_t n_hosts;

    if (!l.error && next_line(&l)) {
        if (is_number(&l)) {
            n = first;
            capacity = plan_lines_number(&l, "capacity", 1, MOST_SIZE);
            plan_lines_end(&l);
            if (which != 1) {
                plan_lines_fail(&l, "there is one problem only");
            }
            if (n > most_items(&l)) {
                plan_lines_fail(&l,
                                "%" G_GINT64_FORMAT " items have no room "
                                "in the text",
                                n);
            }
        } else {
            find_problem(&l, first, which, &capacity, &n);
        }
    }
    if (!l.error) {
        size = g_new(int64_t, n);
        for (int64_t i = 0; i < n && !l.error; i++) {
            size[i] = next_number(&l, "size", 0, capacity);
            sum += size[i];
        }
    }
    if (l.error) {
        g_propagate_error(error, l.error);
        return NULL;
    }
    n_hosts = (size_t)MIN(n, 2 * (sum / capacity) + 2);
    m = plan_model_new(1, n_hosts, (size_t)n, 0, 0, 0, 0);
    m->resources[0].name = g_strdup("size");
    for (size_t h = 0; h < n_hosts; h++) {
        m->hosts[h].name = g_strdup_printf("bin%zu", h);
        m->capacity[h] = m->safe[h] = capacity;
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        m->guests[g].name = g_strdup_printf("item%zu", g);
        m->demand[g] = size[g];
    }
    m->weights.hosts = 1;
    return plan_model_finish(m, error) ? g_steal_pointer(&m) : NULL;
}
