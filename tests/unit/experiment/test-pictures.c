/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-pictures.c - what is published: pictures of their own, a page of
 * Markdown
 */
#include <criterion/criterion.h>
#include <string.h>

#include "experiment/report.h"

/* Cell "slow" misses, "fast" and "late" hold, "late" by bounds; the scenario
 * names fast first. */
static const char scenario_text[] = "[scenario]\n"
                                    "name = kept\n"
                                    "title = a | b\n"
                                    "wires = 50mbit\n"
                                    "methods = virsh, default\n"
                                    "cross = four\n"
                                    "repetitions = 3\n"
                                    "cut-off = 180\n"
                                    "[cross four]\n"
                                    "[guest fast]\n"
                                    "[guest slow]\n"
                                    "[guest late]\n"
                                    "[guest unseen]\n"
                                    "[claim half]\n"
                                    "measure = total\n"
                                    "method = default\n"
                                    "against = virsh\n"
                                    "at-most = 0.5\n";

static Result *
result_of(const char *guest, const char *method, unsigned repetition,
          double total_s)
{
    Result *result = result_new();

    result->scenario = g_strdup("kept");
    result->guest = g_strdup(guest);
    result->wire = g_strdup("50mbit");
    result->cross = g_strdup("four");
    result->method = g_strdup(method);
    result->repetition = repetition;
    result->wire_bytes_s = 6250000;
    result->status = total_s < 180 ? RESULT_COMPLETED : RESULT_CUT_OFF;
    result->cut_off_s = 180;
    result->total_s = known(total_s);
    result->started = g_strdup("2026-11-21T22:00:00.000000+00:00");
    result->machine = g_strdup("tcg, QEMU 7.2.22");
    result->cross_during_bytes_s = known(1e6);
    for (int t = -3; t < 8; t++) {
        ResultPoint point = { t, known(100 - t), known(1e6) };

        g_array_append_val(result->points, point);
    }
    return result;
}

typedef struct Kept {
    Scenario *scenario;
    GPtrArray *results;
    Summary *summary;
    GPtrArray *pictures;
} Kept;

static Kept
kept(void)
{
    const SummaryOptions options = { .seed = 1 };
    Kept made = {
        .scenario =
            scenario_parse(scenario_text, strlen(scenario_text), "t", NULL),
        .results = g_ptr_array_new_with_free_func((GDestroyNotify)result_free),
    };

    cr_assert(made.scenario);
    for (unsigned r = 1; r <= 3; r++) {
        g_ptr_array_add(made.results, result_of("fast", "virsh", r, 100));
        g_ptr_array_add(made.results, result_of("fast", "default", r, 30 + r));
        g_ptr_array_add(made.results, result_of("slow", "virsh", r, 100));
        g_ptr_array_add(made.results, result_of("slow", "default", r, 70));
        g_ptr_array_add(made.results, result_of("late", "virsh", r, 180));
        g_ptr_array_add(made.results, result_of("late", "default", r, 80));
    }
    ((Result *)g_ptr_array_index(made.results, 0))->disturbed = true;
    made.summary = summary_new(made.scenario, made.results, &options);
    made.pictures = experiment_pictures(made.summary, made.results);
    return made;
}

static void
kept_clear(Kept *made)
{
    g_ptr_array_unref(made->pictures);
    summary_free(made->summary);
    g_ptr_array_unref(made->results);
    scenario_free(made->scenario);
}

static const Picture *
picture_of(const Kept *made, const char *file)
{
    for (guint i = 0; i < made->pictures->len; i++) {
        const Picture *picture = g_ptr_array_index(made->pictures, i);

        if (strcmp(picture->file, file) == 0) {
            return picture;
        }
    }
    return NULL;
}

Test(pictures, are_of_all_and_of_each_cell)
{
    Kept made = kept();
    static const char *const files[] = {
        "claims.svg",
        "ratios.svg",
        "cross.svg",
        "fast-50mbit-four-total.svg",
        "fast-50mbit-four-application.svg",
        "fast-50mbit-four-cross.svg",
        "slow-50mbit-four-total.svg",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        cr_assert(picture_of(&made, files[i]), "no %s", files[i]);
    }
    cr_assert_null(picture_of(&made, "unseen-50mbit-four-total.svg"),
                   "nothing was run of it");
    cr_assert_null(picture_of(&made, "stall.svg"), "none was seen");
    kept_clear(&made);
}

Test(pictures, are_whole_and_need_no_page)
{
    Kept made = kept();
    static const GMarkupParser nothing = { 0 };

    cr_assert_gt(made.pictures->len, 5);
    for (guint i = 0; i < made.pictures->len; i++) {
        const Picture *picture = g_ptr_array_index(made.pictures, i);
        g_autoptr(GMarkupParseContext) context =
            g_markup_parse_context_new(&nothing, 0, NULL, NULL);
        g_autoptr(GError) error = NULL;

        cr_assert(
            g_markup_parse_context_parse(context, picture->svg, -1, &error) &&
                g_markup_parse_context_end_parse(context, &error),
            "%s: %s", picture->file, error ? error->message : "");
        cr_assert(g_str_has_prefix(picture->svg, "<svg xmlns="));
        cr_assert_null(strstr(picture->svg, "var("),
                       "%s hangs on another's style", picture->file);
        cr_assert_null(strstr(picture->svg, "nan"));
        cr_assert_lt(strlen(picture->svg), 16000);
    }
    kept_clear(&made);
}

/* Three pairs, a median with its interval, the goal. */
Test(pictures, show_every_pair_and_the_goal)
{
    Kept made = kept();
    const char *svg = picture_of(&made, "claims.svg")->svg;
    g_auto(GStrv) runs = g_strsplit(svg, "class=\"run m1\"", -1);
    g_auto(GStrv) goals = g_strsplit(svg, "class=\"goal\"", -1);

    cr_assert_eq(g_strv_length(runs) - 1, 9);
    cr_assert_eq(g_strv_length(goals) - 1, 3);
    cr_assert(strstr(svg, ">default / virsh: misses</text>"), "%s", svg);
    cr_assert(strstr(svg, ">0.32 [0.31 to 0.33]</text>"), "%s", svg);
    cr_assert(strstr(svg, ">&lt;= 0.44 [&lt;= 0.44 to &lt;= 0.44]</text>"),
              "%s", svg);
    cr_assert(strstr(svg, "class=\"hollow m1\""), "a bound is hollow");
    kept_clear(&made);
}

Test(markdown, says_first_what_misses)
{
    Kept made = kept();
    g_autofree char *page =
        experiment_markdown(made.summary, made.results, made.pictures);
    const char *missing = strstr(page, "\n| **misses** | slow, 50mbit");
    const char *held = strstr(page, "\n| holds | fast, 50mbit, beside four | "
                                    "0.32 [0.31 to 0.33] | <= 0.5 | 3 | ");
    const char *slow = strstr(page, "\n## slow, 50mbit, beside four\n");
    const char *fast = strstr(page, "\n## fast, 50mbit, beside four\n");

    cr_assert(missing && held && slow && fast, "%s", page);
    cr_assert_lt(missing, held);
    cr_assert_lt(held, slow);
    cr_assert_lt(slow, fast, "the scenario has them the other way round");
    cr_assert_null(strstr(page, "## unseen"));
    kept_clear(&made);
}

Test(markdown, has_its_pictures_and_says_how_it_was_made)
{
    Kept made = kept();
    g_autofree char *page =
        experiment_markdown(made.summary, made.results, made.pictures);
    g_autofree char *bare =
        experiment_markdown(made.summary, made.results, NULL);
    static const char *const parts[] = {
        "# kept - a \\| b\n",
        "2026-11-21: 18 of 24 planned runs, 1 on a disturbed machine.\n",
        "Run with tcg, QEMU 7.2.22.\n",
        "\n## Claims\n\nOf 4 verdicts: 1 misses; 1 not run; 2 holds.\n\n| ",
        "](claims.svg)\n",
        "](slow-50mbit-four-total.svg)\n",
        "\n| method | runs | total, s | of virsh | cross |\n|---|---|---|---|",
        "---|\n| virsh | 3, 3 cut off | >= 180 [>= 180 to >= 180] | 1 | 0.16 ",
        "\n| default | 3 | 80.0 [80.0 to 80.0] | <= 0.44 [<= 0.44 to <= ",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        cr_assert(strstr(page, parts[i]), "no \"%s\" in:\n%s", parts[i], page);
    }
    cr_assert_null(strstr(bare, ".svg"));
    kept_clear(&made);
}

Test(machine, is_said_without_names)
{
    static const char text[] =
        "{\"processor\":\"AMD EPYC\",\"processors\":2,\"governor\":null,"
        "\"kernel\":\"6.1.0-lab\",\"accelerator\":\"tcg\","
        "\"vmferry\":\"vmferry 0.1.0\",\"libvirt\":\"libvirtd (libvirt) "
        "9.0.0\",\"qemu\":\"QEMU emulator version 7.2.22 (Debian "
        "1:7.2+dfsg-7)\",\"link\":\"mig0\",\"link_driver\":\"veth\","
        "\"mtu\":\"1500\"}";
    g_autoptr(JsonObject) machine = jobj_parse(text, strlen(text), NULL);
    g_autoptr(JsonObject) nothing = jobj_parse("{}", 2, NULL);
    g_autofree char *words = result_machine_words(machine);

    cr_assert_str_eq(words, "tcg, QEMU 7.2.22, libvirt 9.0.0, vmferry 0.1.0, "
                            "2 processors, veth, MTU 1500");
    cr_assert_null(result_machine_words(nothing));
}
