/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-btrplace.c - instances of BtrPlace, our own small one: what each
 * constraint becomes
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "plan/check.h"
#include "plan/import.h"
#include "plan/search.h"

static char *
load_text(gsize *length)
{
    char *text = NULL;

    cr_assert(g_file_get_contents(TEST_DATA_DIR
                                  "/../fuzz/corpus/plan-btrplace/good",
                                  &text, length, NULL));
    return text;
}

static PlanModel *
load(GError **error)
{
    gsize length;
    g_autofree char *text = load_text(&length);

    return plan_import_btrplace((PlanText){ text, length }, error);
}

/* Nodes 0, 5, 9 and VMs 3, 4, 7, in the order of the file */
Test(btrplace, what_constraints_become)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = load(&error);
    static const int32_t homes[] = { 0, 0, PLAN_NOWHERE };
    static const int64_t demand[] = { 3, 4, 2 };   /* 4: preserve */
    static const int64_t capacity[] = { 6, 5, 8 }; /* 5: resourceCapacity */

    cr_assert(m, "%s", error ? error->message : "");
    cr_assert_eq(m->n_hosts, 3);
    cr_assert_eq(m->n_guests, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(m->guests[i].host, homes[i]);
        cr_assert_eq(m->demand[i], demand[i]);
        cr_assert_eq(m->capacity[i], capacity[i]);
        cr_assert_eq(m->hosts[i].closed, i == 2);
    }
    cr_assert_str_eq(m->guests[2].name, "vm7");
    cr_assert_eq(m->guests[0].memory_bytes, 1000000000);
    cr_assert_eq(m->n_rules, 2);
    cr_assert_eq(m->rules[0].kind, PLAN_RULE_APART);
    cr_assert_eq(m->rules[1].kind, PLAN_RULE_TOGETHER);
    cr_assert_eq(m->place[PLAN_LEVEL_RACK][1], m->place[PLAN_LEVEL_RACK][2]);
    cr_assert_neq(m->place[PLAN_LEVEL_RACK][0], m->place[PLAN_LEVEL_RACK][1]);
}

/* 3 and 4 are too much for node 0 and may not share it anyhow. 4 and 7 belong
 * into one part, and both on node 5 would be 6 of 5: so 4 stays with 7, and 3
 * goes. */
Test(btrplace, mended_by_one_move)
{
    g_autoptr(PlanModel) m = load(NULL);
    g_autoptr(PlanState) s = plan_state_new(m, NULL);
    g_autoptr(PlanVerdict) verdict = NULL;
    PlanLimits limits = { .work = 20000, .seed = 1 };

    plan_search_run(s, PLAN_METHOD_LNS, &limits);
    verdict = plan_check(m, plan_state_hosts(s), 5);
    cr_assert_eq(verdict->n_broken, 0);
    cr_assert_eq(verdict->n_moved, 1);
    cr_assert_eq(verdict->n_booted, 1);
    cr_assert_eq(plan_state_hosts(s)[0], 1);
}

typedef struct WrongCase {
    char from[32]; /* in the good text */
    char to[32];
    char want[64];
} WrongCase;

ParameterizedTestParameters(btrplace, wrong)
{
    static WrongCase cases[] = {
        { "\"id\": \"preserve\"", "\"id\": \"ban\"", "\"ban\" is not" },
        { "\"vms\": [3, 4]", "\"vms\": [3, 99]", "there is no VM 99" },
        { "\"sleepingVMs\": []", "\"sleepingVMs\": [8]", "sleeping VMs" },
        { "\"readyVMs\": [7]", "\"readyVMs\": [3]", "VM 3 comes twice" },
        { "\"readyVMs\"", "\"raedyVMs\"", "readyVMs: an array" },
        { "\"nodes\": [5]", "\"nodes\": [5, 0]", "resourceCapacity of one" },
        { "\"rc\": \"mem\"", "\"rc\": \"cpu\"", "no resource \"cpu\"" },
        { "{", "", "byte" },
    };

    return cr_make_param_array(WrongCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WrongCase *c, btrplace, wrong)
{
    gsize length;
    g_autofree char *text = load_text(&length);
    char *at = strstr(text, c->from);
    g_autoptr(GString) changed = g_string_new_len(text, at - text);
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = NULL;

    g_string_append(changed, c->to);
    g_string_append(changed, at + strlen(c->from));
    m = plan_import_btrplace((PlanText){ changed->str, changed->len }, &error);
    cr_assert_null(m);
    cr_assert(strstr(error->message, c->want), "%s", error->message);
}
