/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * numbers.c - see numbers-priv.h
 */
#include "plan/numbers-priv.h"

#include <inttypes.h>

static void
skip_blanks(PlanNumbers *n)
{
    while (n->at < n->end && g_ascii_isspace(*n->at)) {
        n->at++;
    }
}

int64_t
plan_numbers_next(PlanNumbers *n, const char *name, int64_t least, int64_t most)
{
    int64_t value = 0;
    const char *start;

    if (n->error) {
        return least;
    }
    skip_blanks(n);
    start = n->at;
    while (n->at < n->end && g_ascii_isdigit(*n->at) &&
           value <= INT64_MAX / 10 - 1) {
        value = value * 10 + (*n->at++ - '0');
    }
    if (n->at == start || (n->at < n->end && !g_ascii_isspace(*n->at))) {
        n->error = g_error_new(
            PLAN_ERROR, PLAN_ERROR_SYNTAX, "%s, number %zu, %s: %s", n->what,
            n->n_read + 1, name,
            n->at == n->end ? "the text ends before it"
                            : "a whole number from 0 on is expected");
        return least;
    }
    if (value < least || value > most) {
        n->error =
            g_error_new(PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "%s, number %zu, %s: %" PRId64 " is not within %" PRId64
                        " and %" PRId64,
                        n->what, n->n_read + 1, name, value, least, most);
        return least;
    }
    n->n_read++;
    return value;
}

void
plan_numbers_end(PlanNumbers *n)
{
    skip_blanks(n);
    if (!n->error && n->at < n->end) {
        n->error = g_error_new(PLAN_ERROR, PLAN_ERROR_SYNTAX,
                               "%s: there is more after number %zu, its last",
                               n->what, n->n_read);
    }
}
