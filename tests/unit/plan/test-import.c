/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-import.c - bin packing, graphs, Huawei's tables
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "plan/check.h"
#include "plan/import.h"
#include "plan/search.h"
#include "plan/state.h"

static PlanText
text(const char *string)
{
    return (PlanText){ string, strlen(string) };
}

/* u120_00's shape, by hand: 6 + 4 and 5 + 3 + 2 fill two bins of 10. */
static const char many[] = "2\n u5_00 \n 10 5 2\n6\n5\n4\n3\n2\n"
                           " u2_00 \n 7 2 1\n3\n4\n";

Test(import, packing_is_solved)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = plan_import_packing(text(many), 1, &error);
    g_autoptr(PlanState) s = NULL;
    PlanLimits limits = { .work = 20000, .seed = 1 };

    cr_assert(m, "%s", error ? error->message : "");
    cr_assert_eq(m->n_guests, 5);
    s = plan_state_new(m, NULL);
    plan_search_run(s, PLAN_METHOD_LNS, &limits);
    cr_assert_eq(plan_state_score(s).violation, 0);
    cr_assert_eq(plan_state_score(s).cost, 2);
}

Test(import, packing_by_number_and_alone)
{
    g_autoptr(PlanModel) second = plan_import_packing(text(many), 2, NULL);
    g_autoptr(PlanModel) alone =
        plan_import_packing(text("3\n9\n4\n 5\n9\n"), 1, NULL);

    cr_assert_eq(second->n_guests, 2);
    cr_assert_eq(second->capacity[0], 7);
    cr_assert_eq(second->demand[1], 4);
    cr_assert_eq(alone->n_guests, 3);
    cr_assert_eq(alone->capacity[0], 9);
    cr_assert_eq(alone->demand[2], 9);
}

/* Two triangles with an edge between: the cut is that edge, 3. */
static const char triangles[] = "% comment\n6 7 1\n2 5 3 5\n1 5 3 5\n"
                                "1 5 2 5 4 3\n3 3 5 5 6 5\n4 5 6 5\n"
                                "% in between\n4 5 5 5\n";

Test(import, graph_is_cut)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = plan_import_graph(text(triangles), 2, &error);
    g_autoptr(PlanState) s = NULL;
    PlanLimits limits = { .work = 100000, .seed = 1 };

    cr_assert(m, "%s", error ? error->message : "");
    cr_assert_eq(m->n_hosts, 2);
    cr_assert_eq(m->n_flows, 7);
    s = plan_state_new(m, NULL);
    plan_search_run(s, PLAN_METHOD_LNS, &limits);
    cr_assert_eq(plan_state_score(s).violation, 0);
    cr_assert_eq(plan_state_score(s).cost, 3000);
}

Test(import, graph_with_weights)
{
    g_autoptr(PlanModel) m =
        plan_import_graph(text("2 1 111 2\n7 3 4 2 9\n7 5 6 1 9\n"), 1, NULL);

    cr_assert_eq(m->n_resources, 2);
    cr_assert_eq(m->demand[0], 3);
    cr_assert_eq(m->demand[3], 6);
    cr_assert_eq(m->flows[0].amount, 9);
}

static const char hosts[] = "CPU1,RAM1,CPU2,RAM2\r\n8,16,8,16\r\n4,8,0,0\r\n";
static const char requests[] =
    "flavor_vcpus,flavor_ram,numa,strategy,group,domain\n"
    "2,4,1,fault_domain,0,1\n2,4,1,fault_domain,0,2\n2,4,2,fault_domain,0,1\n"
    "1,2,1,affinity,0\n1,2,1,affinity,0\n"
    "1,2,1,anti-affinity,0\n1,2,1,anti-affinity,0\n1,2,1,anti-affinity,1\n"
    "1,2,1,,,\n1,2,1\n";

Test(import, huawei_rules)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m =
        plan_import_huawei(text(hosts), text(requests), &error);
    int32_t host_of[10] = { 0 };
    g_autoptr(PlanVerdict) verdict = NULL;

    cr_assert(m, "%s", error ? error->message : "");
    cr_assert_eq(m->n_guests, 10);
    cr_assert_eq(m->limit[0], 12); /* 16 x 0.8 */
    cr_assert_eq(m->limit[1], 25);
    /* a fault domain of two, two affinities; a group of one has no rule */
    cr_assert_eq(m->n_rules, 3);
    cr_assert_eq(m->rules[0].kind, PLAN_RULE_PARTITION);
    cr_assert_eq(m->groups[m->rules[0].groups[0]].n_members, 2);
    cr_assert_eq(m->guests[2].numa, 2);
    cr_assert_eq(m->side_limit[3], 12);
    /* 13 of 12, 26 of 25, and more than 6 a side, two domains in a rack, two
     * anti-affine on a host */
    verdict = plan_check(m, host_of, 10);
    cr_assert_eq(verdict->n_broken, 5);
}

typedef struct WrongCase {
    char what[16];
    char text[96];
    int64_t number;
    char want[80];
} WrongCase;

ParameterizedTestParameters(import, wrong)
{
    static WrongCase cases[] = {
        { "packing", "", 1, "the text ends" },
        { "packing", "2\n9\n10\n1\n", 1, "line 3: size: \"10\" is no whole" },
        { "packing", "2\n9\n1\n", 1, "line 3: the text ends" },
        { "packing", "2\n9\n1 4\n1\n", 1, "line 3: there is more" },
        { "packing", "2\n9\n1\n1\n", 2, "one problem only" },
        { "packing", "1\n a\n9 1 1\n2\n", 3, "no problem 3" },
        { "packing", "99999999\n9\n1\n", 1, "no room" },
        { "graph", "", 2, "the text is empty" },
        { "graph", "2 1\n2\n1\n", 3, "parts have to be 1 to 2" },
        { "graph", "2 1\n2\n3\n", 2, "line 3: neighbour: \"3\" is no" },
        { "graph", "2 1\n2\n", 2, "ends at vertex 1 of 2" },
        { "graph", "2 1\n2\n2\n", 2, "its own neighbour" },
        { "graph", "2 1\n2\n\n", 2, "1 are named at their lower end and 0" },
        { "graph", "2 1 2\n2\n1\n", 2, "three digits" },
        { "huawei", "cpu\n", 0, "the hosts, line 1: \"CPU1,RAM1" },
        { "huawei", "CPU1,RAM1,CPU2,RAM2\n1,2,3\n", 0,
          "line 2: RAM2 is missing" },
        { "requests", "2,4,3\n", 0, "line 2: numa: \"3\"" },
        { "requests", "2,4,1,near,0\n", 0, "line 2: the strategy is none" },
        { "requests", "2,4,1,affinity,x\n", 0, "line 2: group: \"x\"" },
    };

    return cr_make_param_array(WrongCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WrongCase *c, import, wrong)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = NULL;

    if (strcmp(c->what, "packing") == 0) {
        m = plan_import_packing(text(c->text), c->number, &error);
    } else if (strcmp(c->what, "graph") == 0) {
        m = plan_import_graph(text(c->text), c->number, &error);
    } else if (strcmp(c->what, "huawei") == 0) {
        m = plan_import_huawei(text(c->text), text(requests), &error);
    } else {
        g_autofree char *all =
            g_strconcat("flavor_vcpus,flavor_ram,numa,strategy,group,domain\n",
                        c->text, NULL);

        m = plan_import_huawei(text(hosts), text(all), &error);
    }
    cr_assert_null(m);
    cr_assert(strstr(error->message, c->want), "%s", error->message);
}
