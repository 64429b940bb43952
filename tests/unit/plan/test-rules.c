/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-rules.c - latency, survival, totals and trunks, by cases worked by hand
 *
 * Four hosts of 10 in two racks of two sites, or in a BCube of two digits. Each
 * case says for some placements of guests x, y, z (3 each) how many rules are
 * broken, and starts the search from the first, which is broken.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "plan/check.h"
#include "plan/format.h"
#include "plan/search.h"

typedef struct Case {
    char what[32];
    char rules[400];
    struct {
        int32_t host_of[3];
        size_t n_broken;
    } placements[5];
    char wrong[96]; /* said of the first */
} Case;

ParameterizedTestParameters(rules, case)
{
    static Case cases[] = {
        { "near, in a tree",
          "\"latencies\":{\"rack\":{\"mean_us\":20},\"site\":{\"mean_us\":90},"
          "\"far\":{\"mean_us\":900,\"jitter_us\":50}},\"rules\":[{\"kind\":"
          "\"latency\",\"group\":\"xy\",\"mean_us\":90}],",
          { { { 0, 2, 0 }, 1 },
            { { 0, 1, 2 }, 0 },
            { { 0, 0, 3 }, 0 },
            { { 3, 2, 0 }, 0 },
            { { 1, 3, 1 }, 1 } },
          "guests \"x\" and \"y\": latency 900 us, jitter 50 us" },
        { "little jitter to another group",
          "\"latencies\":{\"far\":{\"jitter_us\":50}},\"rules\":[{\"kind\":"
          "\"latency\",\"group\":\"xy\",\"on\":\"z\",\"jitter_us\":49}],",
          { { { 0, 0, 2 }, 2 },
            { { 0, 2, 0 }, 1 },
            { { 0, 1, 1 }, 0 },
            { { 3, 2, 2 }, 0 },
            { { 2, 2, 0 }, 2 } },
          "guests \"x\" and \"z\": latency 0 us, jitter 50 us" },
        { "one hop, in a BCube",
          "\"latencies\":{\"hop\":{\"mean_us\":40}},\"rules\":[{\"kind\":"
          "\"latency\",\"group\":\"xyz\",\"mean_us\":40}],",
          { { { 0, 3, 0 }, 2 },
            { { 0, 1, 2 }, 1 },
            { { 0, 1, 1 }, 0 },
            { { 3, 2, 3 }, 0 },
            { { 2, 0, 0 }, 0 } },
          "guests \"x\" and \"y\": latency 80 us, jitter 0 us" },
        { "all four hosts fail",
          "\"rules\":[{\"kind\":\"survive\",\"level\":\"host\",\"group\":"
          "\"xyz\",\"failures\":4}],",
          { { { 0, 0, 0 }, 1 },
            { { 0, 1, 2 }, 1 },
            { { 0, 0, 1 }, 1 },
            { { 3, 3, 3 }, 1 },
            { { 2, 1, 0 }, 1 } },
          "group \"xyz\": if 4 hosts fail, cpu 9 has to go where 0 is free" },
        { "a site is full",
          "\"totals\":[{\"level\":\"site\",\"place\":\"s\",\"most\":{\"cpu\":"
          "6}}],",
          { { { 0, 1, 0 }, 1 },
            { { 0, 2, 3 }, 0 },
            { { 2, 2, 2 }, 0 },
            { { 1, 1, 0 }, 1 },
            { { 3, 0, 2 }, 0 } },
          "site \"s\": cpu 9 of 6" },
        { "a trunk is narrow",
          "\"trunks\":[{\"level\":\"site\",\"a\":\"t\",\"b\":\"s\",\"most\":7}"
          "],",
          { { { 0, 2, 0 }, 1 },
            { { 0, 1, 2 }, 0 },
            { { 0, 0, 0 }, 0 },
            { { 2, 0, 2 }, 1 },
            { { 0, 3, 3 }, 1 } },
          "sites \"t\" and \"s\": 8 of 7 that may be exchanged" },
    };

    return cr_make_param_array(Case, cases, G_N_ELEMENTS(cases));
}

static PlanModel *
make_model(const char *rules, const int32_t *host_of)
{
    static const char host[] = "abcd";
    bool bcube = strstr(rules, "hop");
    g_autoptr(GString) text = g_string_new(
        "{\"format\":\"vmferry-plan-1\",\"resources\":[{\"name\":\"cpu\","
        "\"reserve\":1}],");
    g_autoptr(GError) error = NULL;
    PlanModel *m;

    g_string_append_printf(text, "%s\"hosts\":[", rules);
    for (int h = 0; h < 4; h++) {
        g_string_append_printf(
            text,
            "%s{\"name\":\"%c\",\"rack\":\"r%d\",\"pod\":\"r%d\","
            "\"site\":\"%c\",\"capacity\":{\"cpu\":10}",
            h ? "," : "", host[h], h / 2, h / 2, h < 2 ? 's' : 't');
        if (bcube) {
            g_string_append_printf(text, ",\"address\":[%d,%d]", h / 2, h % 2);
        }
        g_string_append_c(text, '}');
    }
    g_string_append(text, "],\"guests\":[");
    for (int g = 0; g < 3; g++) {
        g_string_append_printf(text,
                               "%s{\"name\":\"%c\",\"host\":\"%c\",\"demand\":{"
                               "\"cpu\":3}}",
                               g ? "," : "", "xyz"[g], host[host_of[g]]);
    }
    g_string_append(text,
                    "],\"groups\":[{\"name\":\"xy\",\"members\":[\"x\",\"y\"]},"
                    "{\"name\":\"z\",\"members\":[\"z\"]},{\"name\":\"xyz\","
                    "\"members\":[\"x\",\"y\",\"z\"]}],\"traffic\":[{\"a\":"
                    "\"x\",\"b\":\"y\",\"amount\":8},{\"a\":\"x\",\"b\":\"z\","
                    "\"amount\":7}],\"weights\":{\"move\":1}}");
    m = plan_format_read(text->str, text->len, &error);
    cr_assert(m, "%s", error ? error->message : "");
    return m;
}

ParameterizedTest(Case *c, rules, case)
{
    PlanLimits limits = { .work = 3000, .seed = 1 };
    g_autoptr(PlanModel) m = make_model(c->rules, c->placements[0].host_of);
    g_autoptr(PlanState) s = plan_state_new(m, NULL);
    bool can_hold = false;

    for (size_t i = 0; i < G_N_ELEMENTS(c->placements); i++) {
        const int32_t *host_of = c->placements[i].host_of;
        g_autoptr(PlanVerdict) verdict = plan_check(m, host_of, 10);

        plan_state_reset(s, host_of);
        cr_assert_eq(
            verdict->n_broken, c->placements[i].n_broken,
            "%s, placement %zu: %zu broken, %s", c->what, i, verdict->n_broken,
            verdict->broken->len ? (char *)verdict->broken->pdata[0] : "");
        cr_assert_eq(plan_state_score(s).violation > 0,
                     c->placements[i].n_broken > 0, "%s", c->what);
        can_hold = can_hold || verdict->n_broken == 0;
        if (i == 0) {
            cr_assert_str_eq(verdict->broken->pdata[0], c->wrong);
        }
    }
    plan_state_reset(s, c->placements[0].host_of);
    plan_search_run(s, PLAN_METHOD_LNS, &limits);
    cr_assert_eq(plan_state_score(s).violation == 0, can_hold, "%s", c->what);
    /* one guest has to move */
    if (can_hold) {
        cr_assert_leq(plan_state_score(s).cost, 1, "%s", c->what);
    }
}

/* What would be lost with a host fits elsewhere only if enough is kept free:
 * worked through for one host and two, over all loads. */
Test(rules, survive_by_hand)
{
    static const char one[] = "\"rules\":[{\"kind\":\"survive\",\"level\":"
                              "\"host\",\"group\":\"xyz\"}],";
    static const char rack[] = "\"rules\":[{\"kind\":\"survive\",\"level\":"
                               "\"rack\",\"group\":\"xyz\",\"failures\":1}],";
    static const int32_t together[] = { 0, 0, 0 };

    for (int64_t demand = 0; demand <= 10; demand++) {
        const char *texts[] = { one, rack };

        for (size_t i = 0; i < 2; i++) {
            g_autoptr(PlanModel) m = make_model(texts[i], together);
            g_autoptr(PlanVerdict) verdict = NULL;
            /* three guests alike; hosts b, c and d, or c and d, are left; on
             * one host they have to fit that as well */
            int64_t free = i == 0 ? 30 : 20;
            size_t broken = (3 * demand > free) + (3 * demand > 10);

            for (size_t g = 0; g < 3; g++) {
                m->demand[g] = demand;
            }
            verdict = plan_check(m, together, 10);
            cr_assert_eq(verdict->n_broken, broken, "demand %d, text %zu",
                         (int)demand, i);
        }
    }
}

/* A host away is one switch for each digit that differs. */
Test(rules, bcube_distances)
{
    static const int32_t host_of[] = { 0, 3, 1 };
    g_autoptr(PlanModel) m =
        make_model("\"distances\":{\"host\":0,\"hop\":1.5},", host_of);
    g_autoptr(PlanVerdict) verdict = NULL;

    cr_assert_eq(plan_model_distance_milli(m, 0, 0), 0);
    cr_assert_eq(plan_model_distance_milli(m, 0, 1), 1500);
    cr_assert_eq(plan_model_distance_milli(m, 1, 3), 1500);
    cr_assert_eq(plan_model_distance_milli(m, 0, 3), 3000);
    m->weights.move = 0;
    m->weights.traffic = 1;
    verdict = plan_check(m, host_of, 10);
    cr_assert_eq(verdict->cost, 8 * 3000 + 7 * 1500);
}
