/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-cmd.c - vmferry report, from files to files
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <glib/gstdio.h>
#include <string.h>

#include "report/trace.h"
#include "tools/cli/report-cmd.h"

#define NONE TEST_DATA "/records/none.json"
#define REAL TEST_DATA "/records/real-none.json"
#define DEFAULT TEST_DATA "/records/default.json"

static char *directory;
static char *output;

static void
set_up(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
    directory = g_dir_make_tmp("vmferry-report-XXXXXX", NULL);
    output = g_build_filename(directory, "out", NULL);
}

static void
tear_down(void)
{
    g_unlink(output);
    g_rmdir(directory);
    g_free(output);
    g_free(directory);
}

TestSuite(cmd, .init = set_up, .fini = tear_down);

static int
run(const char *first, ...)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    va_list rest;

    g_ptr_array_add(words, (gpointer) "report");
    va_start(rest, first);
    for (const char *word = first; word; word = va_arg(rest, const char *)) {
        g_ptr_array_add(words, (gpointer)word);
    }
    va_end(rest);
    g_ptr_array_add(words, NULL);
    return vmferry_report_main((int)words->len - 1, (char **)words->pdata);
}

static char *
read_output(void)
{
    char *text = NULL;

    cr_assert(g_file_get_contents(output, &text, NULL, NULL));
    return text;
}

/* All that was written to a redirected stream. */
static char *
read_stream(FILE *stream)
{
    GString *text = g_string_new(NULL);
    char part[4096];
    size_t n;

    fflush(NULL);
    while ((n = fread(part, 1, sizeof(part), stream)) > 0) {
        g_string_append_len(text, part, (gssize)n);
    }
    return g_string_free(text, FALSE);
}

static void
expect_complaint(const char *want)
{
    g_autofree char *text = read_stream(cr_get_redirected_stderr());

    cr_assert(strstr(text, "error: vmferry report: "), "%s", text);
    cr_assert(strstr(text, want), "'%s' lacks '%s'", text, want);
    cr_assert_not(g_file_test(output, G_FILE_TEST_EXISTS));
}

Test(cmd, page_of_two)
{
    cr_assert_eq(run(NONE, DEFAULT, "-o", output, NULL), 0);
    g_autofree char *text = read_output();
    cr_assert(g_str_has_prefix(text, "<!DOCTYPE html>"));
    cr_assert(strstr(text, "<title>Migration of memory</title>"));
}

Test(cmd, title_is_text)
{
    cr_assert_eq(run("--title=<b>", NONE, "--output", output, NULL), 0);
    g_autofree char *text = read_output();
    cr_assert(strstr(text, "<title>&lt;b&gt;</title>"));
}

Test(cmd, trace_of_two_is_one_trace)
{
    cr_assert_eq(run("--csv", "-o", output, NONE, DEFAULT, NULL), 0);
    g_autofree char *text = read_output();
    g_autoptr(GError) error = NULL;
    g_autoptr(TraceTable) table = trace_parse(text, strlen(text), &error);

    cr_assert(table, "%s", error ? error->message : "");
    const TraceRow *first = &g_array_index(table->rows, TraceRow, 0);
    size_t end = trace_run_end(table, 0);
    cr_assert_str_eq(first->group, "memory");
    cr_assert_str_eq(first->trace, "none");
    cr_assert_lt(end, table->rows->len);
    cr_assert_str_eq(g_array_index(table->rows, TraceRow, end).trace,
                     "default");
    cr_assert_eq(trace_run_end(table, end), table->rows->len);
}

/* QEMU told nothing in this one: replaying it changes nothing. */
Test(cmd, as_stock_it_is_replayed)
{
    g_autofree char *recorded = NULL;
    g_autofree char *replayed = NULL;

    cr_assert_eq(run("--csv", "-o", output, REAL, NULL), 0);
    recorded = read_output();
    cr_assert_eq(run("--csv", "--as-stock", "-o", output, REAL, NULL), 0);
    replayed = read_output();
    cr_assert_str_eq(replayed, recorded);
    cr_assert_null(strstr(replayed, "hot_pages"));
    g_unlink(output);
    cr_assert_eq(run("--csv", "--as-stock", "-o", output, NONE, NULL), 1);
    expect_complaint("no events to replay");
}

Test(cmd, without_a_file_it_goes_to_standard_output)
{
    cr_assert_eq(run("--csv", NONE, NULL), 0);
    g_autofree char *text = read_stream(cr_get_redirected_stdout());
    cr_assert(g_str_has_prefix(text, "group,trace,iter,"));
}

Test(cmd, no_record)
{
    cr_assert_eq(run("-o", output, NULL), 2);
    expect_complaint("name at least one run record");
}

Test(cmd, unknown_option)
{
    cr_assert_eq(run("--pdf", NONE, "-o", output, NULL), 2);
    expect_complaint("--pdf");
}

Test(cmd, five_runs_are_too_many_for_a_page)
{
    cr_assert_eq(run(NONE, NONE, NONE, NONE, NONE, "-o", output, NULL), 2);
    expect_complaint("at most 4 runs, not 5");
}

Test(cmd, file_that_is_not_there)
{
    cr_assert_eq(run("/nonexistent/run.json", "-o", output, NULL), 1);
    expect_complaint("/nonexistent/run.json");
}

Test(cmd, bad_record_is_named_and_nothing_is_written)
{
    cr_assert_eq(run(NONE, TEST_DATA "/dirty/SOURCE.txt", "-o", output, NULL),
                 1);
    expect_complaint("dirty/SOURCE.txt: ");
}
