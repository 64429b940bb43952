/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-html.c - the page: well formed, escaped, and silent about what is not
 * known
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "report/report-priv.h"
#include "sample-records.h"

/* --- reading a page ----------------------------------------------------- */

typedef struct {
    GHashTable *elements; /* name -> how many */
    GString *text;        /* all character data, with blanks between */
} Page;

static void
on_start(GMarkupParseContext *context, const char *name, const char **names,
         const char **values, gpointer data, GError **error)
{
    Page *page = data;
    gpointer count = g_hash_table_lookup(page->elements, name);

    g_hash_table_insert(page->elements, g_strdup(name),
                        GUINT_TO_POINTER(GPOINTER_TO_UINT(count) + 1));
    for (size_t i = 0; names[i]; i++) {
        cr_assert_not(g_str_has_prefix(names[i], "on"), "handler %s", names[i]);
        cr_assert_null(strstr(values[i], "nan"), "%s=%s", names[i], values[i]);
        cr_assert_null(strstr(values[i], "inf"), "%s=%s", names[i], values[i]);
    }
}

static void
on_text(GMarkupParseContext *context, const char *text, gsize length,
        gpointer data, GError **error)
{
    Page *page = data;

    if (length == 0) {
        return;
    }
    g_string_append_len(page->text, text, (gssize)length);
    g_string_replace(page->text, "\xc2\xa0", " ", 0);
    g_string_append_c(page->text, ' ');
}

static void
page_free(Page *page)
{
    g_hash_table_unref(page->elements);
    g_string_free(page->text, TRUE);
    g_free(page);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Page, page_free)

static Page *
read_page(const char *html)
{
    static const GMarkupParser parser = { .start_element = on_start,
                                          .text = on_text };
    g_autoptr(GError) error = NULL;
    Page *page = g_new0(Page, 1);
    GMarkupParseContext *context;
    bool good;

    page->elements =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    page->text = g_string_new(NULL);
    context = g_markup_parse_context_new(&parser, 0, page, NULL);
    good = g_markup_parse_context_parse(context, html, -1, &error) &&
           g_markup_parse_context_end_parse(context, &error);
    g_markup_parse_context_free(context);
    cr_assert(good, "not well formed: %s", error ? error->message : "");
    return page;
}

static unsigned
count(const Page *page, const char *element)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(page->elements, element));
}

static Page *
render(const RunRecord *const *records, size_t n)
{
    g_autofree char *html = report_html(records, n, "Demo");

    return read_page(html);
}

static Page *
render_one(const RunRecord *record)
{
    return render(&record, 1);
}

static void
expect_text(const Page *page, const char *want)
{
    cr_assert(strstr(page->text->str, want), "page lacks '%s'", want);
}

static void
expect_no_text(const Page *page, const char *unwanted)
{
    cr_assert_null(strstr(page->text->str, unwanted), "page says '%s'",
                   unwanted);
}

/* --- whole pages -------------------------------------------------------- */

Test(html, pair_of_runs)
{
    g_autoptr(RunRecord) none = sample_record(POLICY_NONE);
    g_autoptr(RunRecord) with = sample_record(POLICY_DEFAULT);
    const RunRecord *records[] = { none, with };
    g_autoptr(Page) page = render(records, 2);

    expect_text(page,
                "With vmferry\xe2\x80\x99s reservation the guest moved in "
                "56.9 s; without it the migration was cut off after "
                "3 min 00 s.");
    expect_text(page, "time limit of 180 s reached");
    expect_text(page, "281 ms (limit 300 ms)");
    expect_text(page, "Everything else on the link got meanwhile");
    expect_text(page, "nothing known yet: four fifths of what is free");
    expect_text(page, "10.77.0.2");
    cr_assert_eq(count(page, "h1"), 1);
    /* memory, 2 x bandwidth, 2 x pages; wide and narrow each; and the keys */
    cr_assert_geq(count(page, "svg"), 10);
    cr_assert_eq(count(page, "script"), 0);
    cr_assert_eq(count(page, "img"), 0);
    cr_assert_eq(count(page, "link"), 0);
}

Test(html, page_loads_nothing_from_elsewhere)
{
    g_autoptr(RunRecord) with = sample_record(POLICY_DEFAULT);
    const RunRecord *records[] = { with };
    g_autofree char *html = report_html(records, 1, "Demo");

    cr_assert_null(strstr(html, "src="));
    cr_assert_null(strstr(html, "href="));
    cr_assert_null(strstr(html, "url("));
    cr_assert_null(strstr(html, "@import"));
}

Test(html, four_runs_of_one_policy_have_names_of_their_own)
{
    g_autoptr(RunRecord) a = sample_record(POLICY_DEFAULT);
    g_autoptr(RunRecord) b = sample_record(POLICY_PAPER);
    const RunRecord *records[] = { a, b, a, b };
    g_autoptr(Page) page = render(records, 4);

    expect_text(page, "policy default, run 1");
    expect_text(page, "policy default, run 2");
    expect_text(page, "policy paper, run 2");
    expect_text(page, "Policy default, run 1: the guest moved in");
}

/* --- headlines ---------------------------------------------------------- */

typedef struct {
    RunStatus status;
    double total_ms; /* below 0: not known */
    char want[80];
} HeadlineCase;

ParameterizedTestParameters(html, headline)
{
    static HeadlineCase cases[] = {
        { RUN_STATUS_COMPLETED, 61234, "Guest vm-a moved in 61.2 s." },
        { RUN_STATUS_COMPLETED, -1, "Guest vm-a moved." },
        { RUN_STATUS_FAILED, 800, "The migration failed after 800 ms." },
        { RUN_STATUS_ABORTED, 5000,
          "The migration was aborted by the user after 5.0 s." },
        { RUN_STATUS_CUT_OFF, 180000,
          "The migration was cut off after 3 min 00 s." },
    };

    return cr_make_param_array(HeadlineCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(HeadlineCase *c, html, headline)
{
    g_autoptr(RunRecord) record = run_record_new();

    record->guest_name = g_strdup("vm-a");
    record->status = c->status;
    record->total_ms = c->total_ms >= 0 ? known(c->total_ms) : unknown();
    g_autoptr(Page) page = render_one(record);
    expect_text(page, c->want);
}

/* vmferry's page also says when vmferry lost. */
Test(html, slower_with_a_reservation_is_said)
{
    g_autoptr(RunRecord) none = run_record_new();
    g_autoptr(RunRecord) with = run_record_new();
    const RunRecord *records[] = { with, none };

    with->policy.kind = POLICY_PAPER;
    with->status = RUN_STATUS_FAILED;
    with->total_ms = known(90000);
    none->total_ms = known(40000);
    g_autoptr(Page) page = render(records, 2);
    expect_text(page, "With vmferry\xe2\x80\x99s reservation the migration "
                      "failed after 90.0 s; without it the guest moved in "
                      "40.0 s.");
}

/* --- what is not known -------------------------------------------------- */

Test(html, empty_record_draws_no_figures)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autoptr(Page) page = render_one(record);

    expect_text(page, "Nothing was recorded.");
    expect_text(page, "No iteration was recorded.");
    expect_no_text(page, "Downtime");
    expect_no_text(page, "Total time ");
    expect_no_text(page, "0 B");
    expect_no_text(page, "0 bit/s");
    expect_no_text(page, "0 ms");
}

Test(html, unknown_figure_is_a_dash_and_no_point)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    const RunRecord *records[] = { record };
    g_autofree char *before = report_html(records, 1, "");
    g_autofree char *after = NULL;

    for (guint i = 0; i < record->points->len; i++) {
        RunPoint *point = &g_array_index(record->points, RunPoint, i);

        point->other_bytes_s = unknown();
    }
    after = report_html(records, 1, "");
    cr_assert(strstr(before, "Other traffic got"));
    cr_assert_null(strstr(after, "Other traffic got"));
    cr_assert(strstr(before, "name other"));
    /* the style sheet knows the word, no label has it */
    cr_assert_null(strstr(after, "class=\"name other\""));
}

Test(html, gap_breaks_the_line)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autofree char *html = NULL;
    const RunRecord *records[] = { record };

    for (int i = 0; i < 20; i++) {
        RunPoint point = { .t_s = i * 0.25, .stream_bytes_s = known(1e6) };

        if (i >= 8 && i < 12) {
            point.stream_bytes_s = unknown();
        }
        g_array_append_val(record->points, point);
    }
    html = report_html(records, 1, "");
    /* the first is the key's; the chart's goes down to paper twice */
    const char *key = strstr(html, "class=\"line stream\"");
    const char *line = key ? strstr(key + 1, "class=\"line stream\"") : NULL;
    cr_assert(line);
    g_autofree char *path = g_strndup(line, (gsize)(strchr(line, '>') - line));
    cr_assert(strchr(path, 'M') != strrchr(path, 'M'), "%s", path);
}

/* Polls between bursts read nought and twice the rate: the line shows what the
 * stream got, and the axis ends at the link's rate. */
Test(html, bursts_are_averaged)
{
    g_autoptr(RunRecord) record = run_record_new();
    RunFigures run;
    ChartExtent extent;

    record->total_ms = known(60000);
    for (int i = 1; i <= 240; i++) {
        RunPoint point = { .t_s = i * 0.25,
                           .stream_bytes_s = known(i % 2 ? 0 : 2e6),
                           .reserved_bytes_s = known(i < 121 ? 1e6 : 3e5) };

        g_array_append_val(record->points, point);
    }
    run_figures_init(&run, record);
    cr_assert_lt(run.smooth->len, 70);
    for (guint i = 0; i < run.smooth->len; i++) {
        const RunPoint *point = &g_array_index(run.smooth, RunPoint, i);

        cr_assert_float_eq(point->stream_bytes_s.value, 1e6, 1e-6);
        /* a step stays a step */
        cr_assert(point->reserved_bytes_s.value == 1e6 ||
                  point->reserved_bytes_s.value == 3e5);
    }
    chart_extent_init(&extent, &run, 1);
    cr_assert_lt(extent.rate_bytes_s, 1.6e6);
    run_figures_clear(&run);
}

Test(html, record_without_time_lines_shows_its_iterations)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);

    g_array_set_size(record->points, 0);
    g_autoptr(Page) page = render_one(record);
    expect_text(page, "The record holds no time lines");
    expect_text(page, "Migration got, on average");
}

Test(html, nothing_dirtied_is_zero_and_shown)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    RunIteration *it = &g_array_index(record->iterations, RunIteration, 4);
    const RunRecord *records[] = { record };

    it->row.dirty_pages = known(0);
    g_autofree char *html = report_html(records, 1, "");
    cr_assert(strstr(html, "0 newly dirtied"));
}

Test(html, additions_are_shown_but_not_those_for_the_replay)
{
    static const char extra[] = "{\"job_config\":{\"guest_pages\":77},"
                                "\"cross_traffic\":{\"flows\":4,"
                                "\"received_bytes_s\":1250000}}";
    g_autoptr(RunRecord) record = run_record_new();

    record->extra = jobj_parse(extra, strlen(extra), NULL);
    g_autoptr(Page) page = render_one(record);
    expect_text(page, "Cross traffic, by its own count 10.0 Mbit/s");
    expect_text(page, "cross_traffic: flows 4, received_bytes_s 1250000");
    expect_no_text(page, "guest_pages");
}

Test(html, steps_of_the_ladder_have_their_table)
{
    static const char extra[] =
        "{\"ladder\":[{\"t_s\":56.06,\"iter\":24,\"act\":\"take\","
        "\"step\":\"downtime\",\"reason\":\"raises it\",\"done\":true},"
        "{\"act\":\"take\",\"step\":\"post-copy\",\"done\":false,"
        "\"error\":\"not asked for\"},7]}";
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);

    jobj_unref(record->extra);
    record->extra = jobj_parse(extra, strlen(extra), NULL);
    g_autoptr(Page) page = render_one(record);
    expect_text(page, "56.1 s");
    expect_text(page, "take downtime");
    expect_text(page, "raises it");
    expect_text(page, "Not done: not asked for");
    expect_no_text(page, "Added by the experiment");
}

/* Nobody asked for a class of its own: it is counted as 0 all the same. */
Test(html, a_class_that_was_never_there_is_not_shown)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    const RunRecord *records[] = { record };
    g_autofree char *html = NULL, *with = NULL;

    for (guint i = 0; i < record->points->len; i++) {
        RunPoint *point = &g_array_index(record->points, RunPoint, i);

        point->protected_bytes_s = point->application_bytes_s = known(0);
    }
    for (guint i = 0; i < record->decisions->len; i++) {
        g_array_index(record->decisions, RunDecision, i)
            .decision.application_bytes_s = 0;
    }
    g_ptr_array_set_size(record->options, 0);
    html = report_html(records, 1, "");
    cr_assert_null(strstr(html, "protected traffic"));
    cr_assert_null(strstr(html, "line application"));
    g_ptr_array_add(record->options, g_strdup("--protect"));
    with = report_html(records, 1, "");
    cr_assert(strstr(with, "protected traffic"), "it was, and got nothing");
}

/* --- when an iteration started ------------------------------------------- */

typedef struct {
    char what[48];
    int64_t clock_us; /* started_us of the record */
    int64_t rows_us[2];
    double want_s[2];
} StartCase;

ParameterizedTestParameters(html, start)
{
    static StartCase cases[] = {
        { "clock of the host",
          5000000000,
          { 5000500000, 5030500000 },
          { 0.5, 30.5 } },
        { "clock started with it", 0, { 500000, 30500000 }, { 0.5, 30.5 } },
        { "clock of the host, not told",
          0,
          { 5000500000, 5030500000 },
          { 0, 30 } },
        { "no times: one after another", 0, { 0, 0 }, { 0, 30 } },
    };

    return cr_make_param_array(StartCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(StartCase *c, html, start)
{
    g_autoptr(RunRecord) record = run_record_new();

    record->started_us = c->clock_us;
    record->total_ms = known(40000);
    for (int i = 0; i < 2; i++) {
        RunIteration it = { .row = { .iter = i + 1, .duration_s = 30 } };

        it.row.started_us = c->rows_us[i];
        g_array_append_val(record->iterations, it);
    }
    for (guint i = 0; i < 2; i++) {
        cr_assert_float_eq(run_iteration_start_s(record, i), c->want_s[i], 1e-9,
                           "%s, row %u", c->what, i);
    }
}

/* --- text from outside -------------------------------------------------- */

Test(html, names_from_outside_are_text)
{
    static const char evil[] = "<script>alert('x')</script>&\"\x01\xff";
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    RunDecision *made = &g_array_index(record->decisions, RunDecision, 0);
    char **texts[] = { &record->guest_name,   &record->guest_uuid,
                       &record->host_name,    &record->source_uri,
                       &record->message,      &record->machine,
                       &record->link_device,  &record->link_chain,
                       &record->qemu_version, &record->accelerator,
                       &record->started,      &record->destination_uri };
    const RunRecord *records[] = { record };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_free(*texts[i]);
        *texts[i] = g_strdup(evil);
    }
    g_ptr_array_add(record->options, g_strdup(evil));
    g_ptr_array_add(record->warnings, g_strdup(evil));
    record->extra = json_object_new_object();
    jobj_add_string(record->extra, "</td><script>", "<b>");
    g_strlcpy(made->decision.reason, evil, sizeof(made->decision.reason));
    made->applied = false;
    made->error = g_strdup(evil);
    record->status = RUN_STATUS_FAILED;

    g_autofree char *html = report_html(records, 1, evil);
    g_autoptr(Page) page = read_page(html);
    cr_assert_eq(count(page, "script"), 0);
    cr_assert_eq(count(page, "b"), 0);
    expect_text(page, "<script>alert('x')</script>");
    expect_text(page, "Not carried out");
}

/* --- figures out of all proportion -------------------------------------- */

Test(html, absurd_figures_still_make_a_page)
{
    static const char text[] =
        "{\"schema\":\"vmferry-run/1\",\"policy\":\"default\","
        "\"outcome\":{\"status\":\"completed\",\"total_ms\":2e19,"
        "\"downtime_ms\":2e19,\"bytes\":2e19},"
        "\"cost\":{\"cpu_ms\":2e19,\"wall_ms\":1e-300,\"max_rss_kb\":2e19},"
        "\"iterations\":[{\"iter\":4294967295,\"duration_ms\":1e11,"
        "\"pages_to_send\":18446744073709551615,\"dirty_pages\":1e-300,"
        "\"predicted_pages\":2e19,\"predicted_low_pages\":2e19,"
        "\"predicted_high_pages\":0,\"started_us\":-9223372036854775808},"
        "{\"iter\":1,\"duration_ms\":0,\"pages_to_send\":0,"
        "\"started_us\":9223372036854775807}],"
        "\"decisions\":[{\"t_s\":-1e8,\"step\":\"cannot\"}],"
        "\"points\":[{\"t_s\":1e8,\"other_bytes_s\":2e19},{\"t_s\":-1e8,"
        "\"remaining_bytes\":2e19,\"reserved_bytes_s\":2e19}]}";
    g_autoptr(GError) error = NULL;
    g_autoptr(RunRecord) record = run_record_parse(text, strlen(text), &error);

    cr_assert(record, "%s", error ? error->message : "");
    g_autoptr(Page) page = render_one(record);
    expect_text(page, "Demo");
}

Test(html, long_run_stays_small)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    const RunRecord *records[] = { record };
    g_autofree char *html = NULL;

    /* ten hours at four points a second */
    for (int i = 0; i < 144000; i++) {
        RunPoint point = { .t_s = 60 + i * 0.25,
                           .stream_bytes_s = known(5e6 + i % 7),
                           .remaining_bytes = known(1e9 - i) };

        g_array_append_val(record->points, point);
    }
    html = report_html(records, 1, "");
    cr_assert_lt(strlen(html), 400 * 1024);
}
