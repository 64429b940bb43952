/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-html.c - the page is well-formed, whole, and says what came out
 */
#include <criterion/criterion.h>
#include <string.h>

#include "experiment/report.h"

static const char scenario_text[] = "[scenario]\n"
                                    "name = a <b> & c\n"
                                    "wires = 50mbit\n"
                                    "methods = virsh, default\n"
                                    "repetitions = 5\n"
                                    "cut-off = 180\n"
                                    "[guest a]\n"
                                    "[claim c]\n"
                                    "measure = total\n"
                                    "method = default\n"
                                    "against = virsh\n"
                                    "at-least = 0.5\n";

static Result *
result_of(const char *method, unsigned repetition, double total_s)
{
    Result *result = result_new();

    result->scenario = g_strdup("x");
    result->guest = g_strdup("a");
    result->wire = g_strdup("50mbit");
    result->cross = g_strdup("none");
    result->method = g_strdup(method);
    result->repetition = repetition;
    result->status = total_s < 180 ? RESULT_COMPLETED : RESULT_CUT_OFF;
    result->cut_off_s = 180;
    result->total_s = known(total_s);
    for (int t = -3; t < 8; t++) {
        ResultPoint point = { t, t == 4 ? unknown() : known(100 - t),
                              unknown() };

        g_array_append_val(result->points, point);
    }
    return result;
}

static char *
page_of(unsigned repetitions)
{
    g_autoptr(Scenario) scenario =
        scenario_parse(scenario_text, strlen(scenario_text), "t", NULL);
    g_autoptr(GPtrArray) results =
        g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
    SummaryOptions options = { .seed = 1 };
    g_autoptr(Summary) summary = NULL;

    cr_assert(scenario);
    for (unsigned r = 1; r <= repetitions; r++) {
        g_ptr_array_add(results, result_of("virsh", r, 90 + 60 * r));
        g_ptr_array_add(results, result_of("default", r, 40 + r));
    }
    summary = summary_new(scenario, results, &options);
    return experiment_html(summary, results);
}

static void
check_well_formed(const char *page)
{
    static const GMarkupParser nothing = { 0 };
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(&nothing, 0, NULL, NULL);
    g_autoptr(GError) error = NULL;

    cr_assert(g_str_has_prefix(page, "<!DOCTYPE html>\n"));
    page += strlen("<!DOCTYPE html>\n");
    cr_assert(g_markup_parse_context_parse(context, page, -1, &error) &&
                  g_markup_parse_context_end_parse(context, &error),
              "%s", error ? error->message : "");
}

Test(html, is_well_formed_and_whole)
{
    g_autofree char *page = page_of(5);
    static const char *const parts[] = {
        "<title>a &lt;b&gt; &amp; c</title>",
        "<td class=\"bad\">misses</td>",
        "Of 1 verdicts 1 miss.",
        "class=\"method m1\"",
        "10 of 10 planned runs.",
    };

    check_well_formed(page);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        cr_assert(strstr(page, parts[i]), "no %s in:\n%s", parts[i], page);
    }
    cr_assert_null(strstr(page, "http"), "it refers to nothing elsewhere");
    cr_assert_null(strstr(page, "nan"), "%s", page);
    cr_assert_null(strstr(page, "inf\""));
}

/* The picture alone, for a page of Markdown. */
Test(svg, is_well_formed_and_of_its_own)
{
    g_autofree char *picture = NULL;
    static const GMarkupParser nothing = { 0 };
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(&nothing, 0, NULL, NULL);
    g_autoptr(Scenario) scenario =
        scenario_parse(scenario_text, strlen(scenario_text), "t", NULL);
    g_autoptr(GPtrArray) results =
        g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
    SummaryOptions options = { .seed = 1 };
    g_autoptr(Summary) empty = summary_new(scenario, results, &options);
    g_autoptr(Summary) full = NULL;

    cr_assert_null(experiment_svg(empty, results), "nothing is compared");
    for (unsigned r = 1; r <= 3; r++) {
        g_ptr_array_add(results, result_of("virsh", r, 90));
        g_ptr_array_add(results, result_of("default", r, 45));
    }
    full = summary_new(scenario, results, &options);
    picture = experiment_svg(full, results);
    cr_assert(
        g_str_has_prefix(picture, "<svg xmlns=\"http://www.w3.org/2000/svg\""));
    cr_assert(g_markup_parse_context_parse(context, picture, -1, NULL) &&
              g_markup_parse_context_end_parse(context, NULL));
    cr_assert(strstr(picture, "0.50 [0.50 to 0.50]"), "%s", picture);
}

Test(html, without_results_is_a_page_too)
{
    g_autofree char *page = page_of(0);

    check_well_formed(page);
    cr_assert(strstr(page, "0 of 10 planned runs."));
    cr_assert(strstr(page, "not run"));
}
