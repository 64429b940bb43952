/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-format.c - models and placements as JSON
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "plan/check.h"
#include "plan/format.h"
#include "random-model.h"

/* Written, read and written again it is the same text, and means the same. */
Test(format, round_trip)
{
    for (guint32 seed = 1; seed <= 100; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        g_autofree int32_t *host_of = random_placement(m, rand);
        g_autoptr(JsonObject) json = plan_format_write(m);
        g_autofree char *text = jobj_to_text(json, true);
        g_autoptr(GError) error = NULL;
        g_autoptr(PlanModel) back =
            plan_format_read(text, strlen(text), &error);
        g_autoptr(JsonObject) json_back = NULL;
        g_autofree char *text_back = NULL;
        g_autoptr(PlanVerdict) here = plan_check(m, host_of, 1000);
        g_autoptr(PlanVerdict) there = NULL;

        cr_assert(back, "seed %u: %s", seed, error ? error->message : "");
        json_back = plan_format_write(back);
        text_back = jobj_to_text(json_back, true);
        cr_assert_str_eq(text, text_back);
        there = plan_check(back, host_of, 1000);
        cr_assert_eq(here->cost, there->cost);
        cr_assert_eq(here->n_broken, there->n_broken);
    }
}

Test(format, placement_round_trip)
{
    g_autoptr(PlanModel) m = random_model(7);
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    g_autofree int32_t *host_of = random_placement(m, rand);
    g_autoptr(JsonObject) json = plan_format_write_placement(m, host_of);
    g_autofree char *text = jobj_to_text(json, false);
    g_autoptr(GError) error = NULL;
    g_autofree int32_t *back =
        plan_format_read_placement(m, text, strlen(text), &error);

    cr_assert(back, "%s", error ? error->message : "");
    cr_assert_arr_eq(host_of, back, m->n_guests * sizeof(int32_t));
}

#define GOOD_HOSTS "\"hosts\":[{\"name\":\"h\",\"capacity\":{\"cpu\":4}}]"
#define TOP "{\"format\":\"vmferry-plan-1\",\"resources\":[{\"name\":\"cpu\"}],"

typedef struct WrongCase {
    char text[320];
    char want[96];
} WrongCase;

ParameterizedTestParameters(format, wrong)
{
    static WrongCase cases[] = {
        { "", "byte 0" },
        { "[]", "an object is expected" },
        { "{\"\":1}", "the format knows no such member" },
        { "{\"format\":\"vmferry-plan-2\"}", "format: \"vmferry-plan-2\"" },
        { TOP GOOD_HOSTS "}", "guests: an array is expected" },
        { TOP GOOD_HOSTS ",\"guests\":[{\"name\":\"g\",\"hots\":1}]}",
          "guests[0].hots: the format knows no such member" },
        { TOP GOOD_HOSTS ",\"guests\":[{\"name\":\"g\",\"host\":\"x\"}]}",
          "guests[0].host: there is no host \"x\"" },
        { TOP GOOD_HOSTS ",\"guests\":[{\"name\":\"g\"},{\"name\":\"g\"}]}",
          "guests[1].name: \"g\" comes twice" },
        { TOP GOOD_HOSTS
          ",\"guests\":[{\"name\":\"g\",\"demand\":{\"cpu\":-1}}]}",
          "guests[0].demand: cpu: a whole number" },
        { TOP GOOD_HOSTS
          ",\"guests\":[{\"name\":\"g\",\"demand\":{\"cpu\":1.5}}]}",
          "guests[0].demand: cpu: a whole number" },
        { TOP GOOD_HOSTS ",\"guests\":[{\"name\":\"g\",\"demand\":"
                         "{\"cpu\":9000000000000000000}}]}",
          "guest \"g\": demand of cpu" },
        { TOP GOOD_HOSTS ",\"guests\":[],\"weights\":{\"engery\":1}}",
          "weights.engery: the format knows no such member" },
        { TOP GOOD_HOSTS
          ",\"guests\":[],\"weights\":{\"hosts\":9000000000000000000}}",
          "do not fit 60 bits" },
        { TOP GOOD_HOSTS ",\"guests\":[],\"distances\":{\"rack\":0.12345}}",
          "distances.rack: a number" },
        { TOP GOOD_HOSTS
          ",\"guests\":[],\"rules\":[{\"kind\":\"near\",\"level\":\"host\"}]}",
          "rules[0].kind: \"near\" is none of apart, together" },
        { TOP GOOD_HOSTS ",\"guests\":[{\"name\":\"g\"}],\"groups\":[{\"name\":"
                         "\"k\",\"members\":[\"g\",\"g\"]}]}",
          "group \"k\": guest \"g\" is in it twice" },
        { TOP GOOD_HOSTS ",\"guests\":[],\"host_moves\":[]}",
          "host_moves: 1 rows are expected" },
    };

    return cr_make_param_array(WrongCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WrongCase *c, format, wrong)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = plan_format_read(c->text, strlen(c->text), &error);

    cr_assert_null(m);
    cr_assert(strstr(error->message, c->want), "%s: %s", c->text,
              error->message);
}

/* The reserve of specification 2 is there without being asked for. */
Test(format, reserve_by_default)
{
    static const char text[] = TOP GOOD_HOSTS ",\"guests\":[]}";
    g_autoptr(PlanModel) m = plan_format_read(text, strlen(text), NULL);

    cr_assert_eq(m->limit[0], 3);
}

Test(format, placement_that_does_not_fit)
{
    g_autoptr(PlanModel) m = random_model(3);
    static const char *const texts[] = {
        "{}",
        "{\"format\":\"vmferry-placement-1\"}",
        "{\"format\":\"vmferry-placement-1\",\"placement\":{}}",
        "{\"format\":\"vmferry-placement-1\",\"placement\":{\"g0\":\"no\"}}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        cr_assert_null(
            plan_format_read_placement(m, texts[i], strlen(texts[i]), &error));
        cr_assert_not_null(error);
    }
}
