/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-program.c - vmferry-predict as people and scripts call it
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/json.h"
#include "small.h"

typedef struct Ran {
    int status;
    char *out, *err;
} Ran;

static void
ran_clear(Ran *ran)
{
    g_free(ran->out);
    g_free(ran->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ran, ran_clear)

static char *
file_with(const char *text)
{
    char *path = NULL;
    int fd = g_file_open_tmp("predict-XXXXXX.csv", &path, NULL);

    cr_assert_geq(fd, 0);
    g_close(fd, NULL);
    cr_assert(g_file_set_contents(path, text, -1, NULL));
    return path;
}

/* @arguments: split at blanks; "FILE" stands for @path */
static Ran
run(const char *arguments, const char *path)
{
    g_auto(GStrv) words = g_strsplit(arguments, " ", -1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    Ran ran = { 0 };
    int status = 0;

    g_ptr_array_add(argv, (char *)PREDICT_PROGRAM);
    for (char **word = words; *word; word++) {
        g_ptr_array_add(argv,
                        strcmp(*word, "FILE") == 0 ? (char *)path : *word);
    }
    g_ptr_array_add(argv, NULL);
    cr_assert(g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT,
                           NULL, NULL, &ran.out, &ran.err, &status, NULL));
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

Test(program, json_is_what_is_promised)
{
    g_autofree char *path = file_with(small_trace);
    g_auto(Ran) ran =
        run("eval --model ensemble --model last --format json FILE", path);
    g_autoptr(JsonObject) top = jobj_parse(ran.out, strlen(ran.out), NULL);
    static const char *const members[] = {
        "n",         "abstained", "mape",        "median_ape", "wape",
        "log_error", "over_50",   "coverage_80", "by_history"
    };
    JsonObject *group, *score;

    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert(top);
    group = json_object_array_get_idx(jobj_get(top, "groups"), 0);
    score = jobj_get(group, "models.ensemble");
    cr_assert(score);
    cr_assert_eq(json_object_object_length(score), G_N_ELEMENTS(members));
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        cr_assert(json_object_object_get_ex(score, members[i], NULL), "%s",
                  members[i]);
    }
    cr_assert(jobj_get_known(score, "coverage_80").known);
    cr_assert_eq(json_object_object_length(jobj_get(group, "models")), 2);
    cr_assert(jobj_get(top, "mean_of_groups.last"));
    g_unlink(path);
}

Test(program, csv_has_a_line_for_each_group_trace_and_model)
{
    g_autofree char *path = file_with(small_trace);
    g_auto(Ran) ran = run("eval -m last,linear --format csv FILE", path);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(ran.out), "\n", -1);

    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert_eq(g_strv_length(lines), 7); /* header, 3 times 2 models */
    cr_assert_str_eq(lines[0],
                     "group,trace,model,n,abstained,mape,median_ape,"
                     "wape,log_error,over_50,coverage_80,n_1,mape_1,"
                     "n_2-6,mape_2-6,n_7-15,mape_7-15,n_16+,mape_16+");
    cr_assert_str_eq(lines[1], "g,,last,3,0,50.0000,25.0000,61.7647,0.37981,"
                               "33.3333,,1,100.0000,2,25.0000,0,,0,");
    cr_assert(g_str_has_prefix(lines[3], "g,a,last,3,0,50.0000"));
    cr_assert(g_str_has_prefix(lines[5], ",,last,3,0,50.0000"));
    g_unlink(path);
}

Test(program, plot_is_well_formed_and_tells_what_it_shows)
{
    g_autofree char *path = file_with(small_trace);
    g_auto(Ran) ran = run("plot -m ensemble,last FILE", path);
    GMarkupParser parser = { 0 };
    GMarkupParseContext *context =
        g_markup_parse_context_new(&parser, G_MARKUP_DEFAULT_FLAGS, NULL, NULL);

    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert(g_markup_parse_context_parse(context, ran.out,
                                           (gssize)strlen(ran.out), NULL));
    cr_assert(g_markup_parse_context_end_parse(context, NULL));
    g_markup_parse_context_free(context);
    cr_assert(g_str_has_prefix(ran.out, "<svg xmlns="));
    cr_assert(strstr(ran.out, ">ensemble</text>"));
    cr_assert(strstr(ran.out, "pass 6: 120 pages"));
    cr_assert_null(strstr(ran.out, "pass 5:"), "a merged row is no dot");
    g_unlink(path);
}

#define CLASSES                                                                \
    "group,trace,iter,merged,pages_to_send,duration_s,dirty_pages,"            \
    "sent_bytes,bandwidth_bytes_s,mem_used,cpu_cores,vm_net_bytes_s,"          \
    "host_net_bytes_s,throttle,final,hot_pages,cold_pages\n"

/* The same migration as QEMU told it, and as polls would have had it: passes 4
 * and 5 in one, and the third off by a page. */
static const char told_trace[] =
    CLASSES "g,a,1,1,10000,10,1000,,4096000,,,,,,0,0,1000\n"
            "g,a,2,1,1200,1.25,500,,4096000,,,,,,0,400,100\n"
            "g,a,3,1,700,0.4,400,,4096000,,,,,,0,390,10\n"
            "g,a,4,1,600,0.4,300,,4096000,,,,,,0,290,10\n"
            "g,a,5,1,500,0.3,10,,4096000,,,,,,0,10,0\n"
            "g,a,6,1,500,0.2,120,,4096000,,,,,,0,,\n"
            "g,a,7,1,320,0.32,,,4096000,,,,,,1,,\n";
static const char stock_trace[] =
    HEADER "g,a,1,1,10000,10,1000,,4096000,,,,,,0\n"
           "g,a,2,1,1200,1.25,500,,4096000,,,,,,0\n"
           "g,a,3,1,700,0.4,399,,4096000,,,,,,0\n"
           "g,a,4,2,600,0.7,310,,4096000,,,,,,0\n"
           "g,a,6,1,500,0.2,120,,4096000,,,,,,0\n"
           "g,a,7,1,320,0.32,,,4096000,,,,,,1\n";

Test(program, pairs_score_the_same_passes_against_what_was_told)
{
    g_autofree char *dir = g_dir_make_tmp("pairs-XXXXXX", NULL);
    g_autofree char *told = g_build_filename(dir, "a.told.csv", NULL);
    g_autofree char *stock = g_build_filename(dir, "a.stock.csv", NULL);

    cr_assert(g_file_set_contents(told, told_trace, -1, NULL));
    {
        g_auto(Ran) ran = run("pairs FILE", told);

        cr_expect_eq(ran.status, 1);
        cr_expect(strstr(ran.err, stock), "%s", ran.err);
    }
    cr_assert(g_file_set_contents(stock, stock_trace, -1, NULL));
    {
        g_auto(Ran) ran = run("pairs --model last FILE", told);

        cr_assert_eq(ran.status, 0, "%s", ran.err);
        /* passes 2, 3 and 6; 5 has too few pages */
        cr_expect(strstr(ran.out, "1 migrations, 5 passes after their first; "
                                  "of 50 pages and more and forecast in all "
                                  "three ways: 3."),
                  "%s", ran.out);
        /* 1000 for 500, 500 for 400, and 155 or 10 for 120 */
        cr_expect(strstr(ran.out, "| worked out | 3 | 51.4 | 29.2 |"), "%s",
                  ran.out);
        cr_expect(strstr(ran.out, "| told | 5 | 72.2 | 91.7 |"), "%s", ran.out);
    }
    {
        g_auto(Ran) ran = run("pairs --model last --steps FILE", told);

        cr_expect_eq(ran.status, 0);
        cr_expect(strstr(ran.out, "a,3,400,"), "%s", ran.out);
    }
    g_unlink(told);
    g_unlink(stock);
    g_rmdir(dir);
}

typedef struct {
    char arguments[64];
    char text[320];
    char says[96];
    int status;
} Refusal;

ParameterizedTestParameters(program, refusals)
{
    static Refusal cases[] = {
        { "eval FILE", HEADER "g,a,1,1,100,1,xyz,,1000,,,,,,0\n",
          "line 2, column dirty_pages", 1 },
        { "plot FILE", HEADER "g,a,1,1,100,1,xyz,,1000,,,,,,0\n",
          "line 2, column dirty_pages", 1 },
        { "eval FILE", HEADER "g,a,1,1,100\n", "line 2", 1 },
        { "eval FILE", "a,b,c\n1,2,3\n", "line 1", 1 },
        { "eval FILE", "", "line 1", 1 },
        { "eval FILE", HEADER, "no row can be scored", 1 },
        { "eval FILE", HEADER "g,a,1,1,100,1,50,,1000,,,,,,0\n",
          "no row can be scored", 1 },
        { "eval /nonexistent.csv", "", "/nonexistent.csv", 1 },
        { "eval", "", "name at least one trace", 2 },
        { "eval --format xml FILE", HEADER, "text, json and csv", 2 },
        { "eval --nonsense FILE", HEADER, "--nonsense", 2 },
        { "plot", "", "name one trace", 2 },
        { "plot -m gm9 FILE", HEADER, "\"gm9\"", 2 },
        { "plot -t b FILE", HEADER "g,a,1,1,100,1,50,,1000,,,,,,0\n",
          "no such trace", 1 },
        { "plot FILE", HEADER "g,a,1,1,100,1,50,,1000,,,,,,0\n",
          "no pass of it", 1 },
        { "pairs FILE", HEADER, "name the files *.told.csv", 1 },
        { "pairs --model gm9 FILE", HEADER, "no model 'gm9'", 2 },
        { "guess", "", "\"guess\" is no command", 2 },
    };

    return cr_make_param_array(Refusal, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Refusal *refusal, program, refusals)
{
    g_autofree char *path = file_with(refusal->text);
    g_auto(Ran) ran = run(refusal->arguments, path);

    cr_assert_eq(ran.status, refusal->status, "%d: %s", ran.status, ran.err);
    cr_assert(strstr(ran.err, refusal->says), "%s", ran.err);
    cr_assert(strstr(ran.err, "error: vmferry-predict"));
    cr_assert_str_empty(ran.out);
    if (refusal->status == 1 && strstr(refusal->says, "line")) {
        cr_assert(strstr(ran.err, path), "the file is not named: %s", ran.err);
    }
    g_unlink(path);
}
