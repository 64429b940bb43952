/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-roadef.c - the challenge's rules, by an example worked on paper
 *
 * Two machines of two resources, the second transient; three processes, two of
 * them of one service, which needs the other.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "plan/check.h"
#include "plan/import.h"
#include "plan/state.h"

static const char model_text[] =
    "2  0 10  1 100\n"            /* weights 10 and 100 */
    "2  0 0  20 30  10 12  0 4\n" /* machine 0: site 0, location 0 */
    "   1 1  20 30  15 20  7 0\n" /* machine 1: site 1, location 1 */
    "2  1 1 1  1 0\n"             /* service 0 needs service 1 */
    "3  0 8 9 3  0 4 5 2  1 2 20 6\n"
    "1  0 1 2  10\n" /* 2 x free(0) - free(1), weight 10 */
    "1 50 1000\n";

static PlanModel *
import(const char *model, const char *assignment, GError **error)
{
    return plan_import_roadef((PlanText){ model, strlen(model) },
                              (PlanText){ assignment, strlen(assignment) },
                              error);
}

/*
 * All on machine 0: use 14, 34. Above safety 4 x 10 + 22 x 100 = 2240.
 * Balance: machine 0: 2 x 6 - (-4) = 16, machine 1: 2 x 20 - 30 = 10; 260.
 */
Test(roadef, cost_on_paper)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = import(model_text, "0 0 0", &error);
    g_autoptr(PlanState) s = NULL;
    g_autoptr(PlanVerdict) verdict = NULL;

    cr_assert(m, "%s", error ? error->message : "");
    s = plan_state_new(m, NULL);
    cr_assert_eq(plan_state_score(s).cost, 2240 + 260);
    /* the two of service 0 share a machine; 34 of 30 */
    cr_assert_neq(plan_state_score(s).violation, 0);
    verdict = plan_check(m, plan_state_hosts(s), 10);
    cr_assert_eq(verdict->n_broken, 2);

    /* Process 0 to machine 1: use 6, 25 and 8, 9. Above safety 13 x 100.
     * Balance 2 x 14 - 5 = 23, 2 x 12 - 21 = 3; 260. Moves: 3, 50, 4 x 1000.
     * Of the transient resource machine 0 still has 34, and machine 1 has no
     * member of service 1. */
    plan_state_move(s, 0, 1);
    cr_assert_eq(plan_state_score(s).cost, 1300 + 260 + 3 + 50 + 4000);
    plan_verdict_free(g_steal_pointer(&verdict));
    verdict = plan_check(m, plan_state_hosts(s), 10);
    cr_assert_eq(verdict->cost, plan_state_score(s).cost);
    cr_assert_eq(verdict->n_broken, 2);
    cr_assert(strstr(verdict->broken->pdata[0], "r1 34 of 30"), "%s",
              (char *)verdict->broken->pdata[0]);
    cr_assert(strstr(verdict->broken->pdata[1], "none of group \"s1\""));
}

Test(roadef, assignment_as_it_came)
{
    g_autoptr(PlanModel) m = import(model_text, "0 1 0", NULL);
    g_autoptr(PlanState) s = plan_state_new(m, NULL);
    g_autofree char *text = plan_export_roadef(m, plan_state_hosts(s));

    cr_assert_str_eq(text, "0 1 0\n");
}

typedef struct WrongCase {
    char model[32];
    char assignment[16];
    char want[64];
} WrongCase;

ParameterizedTestParameters(roadef, wrong)
{
    static WrongCase cases[] = {
        { "", "", "number of resources: the text ends" },
        { "1 2", "", "transient: 2 is not within" },
        { "1 0 1 1000000", "", "number of machines" },
        { "1 0 1 3 0 0 0", "", "the text ends" },
        { "1 0 x", "", "load cost weight: a whole number" },
        { "99", "", "number of resources: 99 is not within" },
        { "=", "0 0 2", "machine: 2 is not within 0 and 1" },
        { "=", "0 0", "the assignment, number 3" },
        { "=", "0 0 0 0", "the assignment: there is more" },
    };

    return cr_make_param_array(WrongCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WrongCase *c, roadef, wrong)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m =
        import(strcmp(c->model, "=") == 0 ? model_text : c->model,
               c->assignment, &error);

    cr_assert_null(m);
    cr_assert(strstr(error->message, c->want), "%s: %s", c->model,
              error->message);
}

/* Cutting the model anywhere is noticed. */
Test(roadef, cut_anywhere)
{
    for (size_t length = 0; length + 2 < sizeof(model_text); length++) {
        g_autoptr(GError) error = NULL;
        PlanModel *m;

        /* inside the last number a cut makes another number */
        if (length > sizeof(model_text) - 6) {
            continue;
        }
        m = plan_import_roadef((PlanText){ model_text, length },
                               (PlanText){ "0 0 0", 5 }, &error);
        cr_assert_null(m, "cut at %zu", length);
        cr_assert_not_null(error);
    }
}
