/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-view.c - what a watcher of a migration reads, to the letter
 *
 * One made-up migration, told to the view in each of its forms.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <math.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/cli/view.h"

static const ViewIteration first = {
    .iter = 1,
    .merged = 1,
    .pages_to_send = 131072,
    .dirty_pages = { true, 21000 },
    .page_bytes = 4096,
    .duration_s = 88.0,
    .sent_bytes = 537000000,
    .reserved_bytes_s = 5000000,
    .achieved_bytes_s = 6062500,
    .converges = -1,
};

static const ViewIteration third = {
    .iter = 3,
    .merged = 1,
    .pages_to_send = 8000,
    .predicted_pages = { true, 3300 },
    .dirty_pages = { true, 3000 },
    .page_bytes = 4096,
    .duration_s = 5.4,
    .sent_bytes = 32800000,
    .reserved_bytes_s = 5000000,
    .achieved_bytes_s = 6062500,
    .forecast_end_s = { true, 12.3 },
    .forecast_downtime_s = { true, 0.31 },
    .converges = 1,
};

static const ViewIteration merged_and_hopeless = {
    .iter = 4,
    .merged = 2,
    .pages_to_send = 3000,
    .predicted_pages = { true, 90000 },
    .dirty_pages = { true, 6000 },
    .page_bytes = 4096,
    .duration_s = 0.04,
    .sent_bytes = 12300000,
    .achieved_bytes_s = 307500000,
    .converges = 0,
};

static const ViewIteration last = {
    .iter = 5,
    .merged = 1,
    .final = true,
    .pages_to_send = 400,
    .predicted_pages = { true, 350 },
    .page_bytes = 4096,
    .duration_s = 0.3,
    .sent_bytes = 1640000,
    .reserved_bytes_s = 5000000,
    .achieved_bytes_s = 5466667,
    .forecast_end_s = { true, 0.3 },
    .forecast_downtime_s = { true, 0.3 },
    .converges = 1,
};

static const ViewProgress halfway = {
    .fraction = 0.537,
    .iter = 3,
    .remaining_bytes = { true, 29500000 },
    .achieved_bytes_s = { true, 5150000 },
    .reserved_bytes_s = 6000000,
    .end_s = { true, 12.3 },
    .converges = 1,
};

typedef struct {
    unsigned width;
    char want[320];
} TableCase;

/* Header, two rows; columns go one after the other. */
ParameterizedTestParameters(view, table_fits_the_width)
{
    static TableCase cases[] = {
        { 200, " iter   to send predicted    actual    error       time "
               "      sent     reserved     achieved     dirtying     en"
               "d in downtime"
               "\n"
               "    3      8000      3300      3000  +10.0 %      5.4 s "
               "  31.3 MiB  40.0 Mbit/s  48.5 Mbit/s  18.2 Mbit/s     12"
               ".3 s   310 ms" },
        { 126, " iter   to send predicted    actual    error       time "
               "      sent     reserved     achieved     dirtying     en"
               "d in downtime"
               "\n"
               "    3      8000      3300      3000  +10.0 %      5.4 s "
               "  31.3 MiB  40.0 Mbit/s  48.5 Mbit/s  18.2 Mbit/s     12"
               ".3 s   310 ms" },
        { 125, " iter   to send predicted    actual    error       time "
               "      sent     reserved     achieved     dirtying     en"
               "d in downtime"
               "\n"
               "    3      8000      3300      3000  +10.0 %      5.4 s "
               "  31.3 MiB  40.0 Mbit/s  48.5 Mbit/s  18.2 Mbit/s     12"
               ".3 s   310 ms" },
        { 110, " iter predicted    actual    error       time       sent"
               "     reserved     achieved     dirtying     end in"
               "\n"
               "    3      3300      3000  +10.0 %      5.4 s   31.3 MiB"
               "  40.0 Mbit/s  48.5 Mbit/s  18.2 Mbit/s     12.3 s" },
        { 99, " iter predicted    actual    error       time       sent"
              "     reserved     achieved     dirtying"
              "\n"
              "    3      3300      3000  +10.0 %      5.4 s   31.3 MiB"
              "  40.0 Mbit/s  48.5 Mbit/s  18.2 Mbit/s" },
        { 79, " iter predicted    actual    error       time     reserv"
              "ed     achieved"
              "\n"
              "    3      3300      3000  +10.0 %      5.4 s  40.0 Mbit"
              "/s  48.5 Mbit/s" },
        { 60, " iter predicted    actual    error       time     reserv"
              "ed"
              "\n"
              "    3      3300      3000  +10.0 %      5.4 s  40.0 Mbit"
              "/s" },
        { 40, " iter predicted    actual       time"
              "\n"
              "    3      3300      3000      5.4 s" },
        { 19, " iter       time"
              "\n"
              "    3      5.4 s" },
        { 1, " iter       time"
             "\n"
             "    3      5.4 s" },
    };

    return cr_make_param_array(TableCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(TableCase *c, view, table_fits_the_width)
{
    g_autofree char *header = view_format_header(c->width, false);
    g_autofree char *row = view_format_row(&third, c->width);
    g_autofree char *got = g_strdup_printf("%s\n%s", header, row);

    cr_assert_str_eq(got, c->want, "width %u:\n%s", c->width, got);
    cr_assert(strlen(row) <= MAX(c->width, 16));
}

Test(view, row_says_what_is_not_known)
{
    g_autofree char *row = view_format_row(&first, 200);

    cr_assert_str_eq(row,
                     "    1    131072         -     21000        -     88.0 s "
                     "   512 MiB  40.0 Mbit/s  48.5 Mbit/s   7.8 Mbit/s "
                     "         -        -",
                     "%s", row);
}

Test(view, row_of_merged_passes_that_will_not_end)
{
    g_autofree char *row = view_format_row(&merged_and_hopeless, 200);

    cr_assert_str_eq(row,
                     " 4(2)      3000     90000      6000  > 999 %      40 ms "
                     "  11.7 MiB            -   2.5 Gbit/s   4.9 Gbit/s "
                     "     never        -",
                     "%s", row);
}

Test(view, row_of_the_last_iteration)
{
    g_autofree char *row = view_format_row(&last, 200);

    cr_assert_str_eq(row,
                     "    5       400       350         -        -     300 ms "
                     "   1.6 MiB  40.0 Mbit/s  43.7 Mbit/s            - "
                     "    300 ms   300 ms",
                     "%s", row);
}

Test(view, error_needs_both_figures_and_some_pages)
{
    ViewIteration iteration = third;

    cr_assert_float_eq(view_error_percent(&iteration).value, 10, 1e-9);
    iteration.dirty_pages = known(0);
    cr_assert_not(view_error_percent(&iteration).known);
    iteration.dirty_pages = unknown();
    cr_assert_not(view_error_percent(&iteration).known);
    iteration.dirty_pages = known(3000);
    iteration.predicted_pages = unknown();
    cr_assert_not(view_error_percent(&iteration).known);
    iteration.duration_s = 0;
    cr_assert_not(view_dirtying_bytes_s(&iteration).known);
}

typedef struct {
    unsigned width;
    char want[160];
} ProgressCase;

ParameterizedTestParameters(view, progress_fits_the_width)
{
    static ProgressCase cases[] = {
        { 0, "Migration: [ 53 %] iteration 3, 12.3 s to go, 28.1 MiB l"
             "eft, 41.2 Mbit/s, 48.0 Mbit/s reserved" },
        { 160, "Migration: [ 53 %] [#####################..............."
               "....] iteration 3, 12.3 s to go, 28.1 MiB left, 41.2 Mbi"
               "t/s, 48.0 Mbit/s reserved" },
        { 140, "Migration: [ 53 %] [#####################..............."
               "....] iteration 3, 12.3 s to go, 28.1 MiB left, 41.2 Mbi"
               "t/s, 48.0 Mbit/s reserved" },
        { 99, "Migration: [ 53 %] [############............] iteration "
              "3, 12.3 s to go, 28.1 MiB left, 41.2 Mbit/s" },
        { 79, "Migration: [ 53 %] [#########........] iteration 3, 12.3"
              " s to go, 28.1 MiB left" },
        { 60, "Migration: [ 53 %] [######.......] iteration 3, 12.3 s t"
              "o go" },
        { 40, "Migration: [ 53 %] iteration 3" },
        { 30, "Migration: [ 53 %] [####....]" },
        { 19, "Migration: [ 53 %]" },
    };

    return cr_make_param_array(ProgressCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(ProgressCase *c, view, progress_fits_the_width)
{
    g_autofree char *line = view_format_progress(&halfway, c->width, false);

    cr_assert_str_eq(line, c->want, "width %u: %s", c->width, line);
}

Test(view, progress_before_anything_is_known)
{
    ViewProgress nothing = { .converges = -1 };
    g_autofree char *line = view_format_progress(&nothing, 40, false);

    cr_assert_str_eq(line, "Migration: [  0 %] [..................]", "%s",
                     line);
}

Test(view, progress_of_a_migration_without_end)
{
    ViewProgress hopeless = halfway;
    g_autofree char *plain = NULL;
    g_autofree char *coloured = NULL;

    hopeless.converges = 0;
    plain = view_format_progress(&hopeless, 60, false);
    coloured = view_format_progress(&hopeless, 60, true);
    cr_assert_str_eq(
        plain, "Migration: [ 53 %] [####....] iteration 3, will not converge",
        "%s", plain);
    cr_assert_str_eq(coloured,
                     "Migration: [ 53 %] [\033[32m####\033[0m....] \033[33m"
                     "iteration 3, will not converge\033[0m",
                     "%s", coloured);
}

typedef struct {
    double fraction;
    int want;
} PercentCase;

ParameterizedTestParameters(view, hundred_percent_is_for_the_end)
{
    static PercentCase cases[] = {
        { 0, 0 },  { -1, 0 }, { 0.009, 0 }, { 0.01, 1 },      { 0.999, 99 },
        { 1, 99 }, { 7, 99 }, { NAN, 0 },   { INFINITY, 99 }, { -INFINITY, 0 },
    };

    return cr_make_param_array(PercentCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(PercentCase *c, view, hundred_percent_is_for_the_end)
{
    ViewProgress progress = { .fraction = c->fraction, .converges = -1 };
    g_autofree char *line = view_format_progress(&progress, 18, false);
    g_autofree char *want = g_strdup_printf("Migration: [%3d %%]", c->want);

    cr_assert_str_eq(line, want);
}

/* --- the writer --- */

static const PolicyDecision raise_guarantee = {
    .step = POLICY_STEP_SET,
    .guarantee_bytes_s = 5000000,
    .ceiling_bytes_s = 6062500,
    .reason = "18.2 Mbit/s get dirty",
};

static const PolicyDecision hopeless = {
    .step = POLICY_STEP_CANNOT,
    .reason = "it dirties faster than the link carries",
};

/* Tell the story to a view; what it wrote. */
static char *
watch(ViewText kind, bool colour, bool json, char **json_text)
{
    char *text = NULL, *lines = NULL;
    size_t text_size = 0, lines_size = 0;
    FILE *text_to = open_memstream(&text, &text_size);
    FILE *json_to = open_memstream(&lines, &lines_size);
    ViewConfig config = { kind, text_to, colour, 80, json ? json_to : NULL };
    ViewProgress progress = halfway;
    ViewOutcome outcome = { .status = "completed",
                            .total_s = known(58.6),
                            .downtime_s = known(0.326),
                            .bytes = known(293700000),
                            .iterations = 14 };
    View *view = view_new(&config);

    view_note(view, 0, "link", "10.0.0.2 -> mig0, 50.0 Mbit/s");
    view_state(view, 0.1, "precopy");
    view_progress(view, 1, &progress);
    view_iteration(view, 5.5, &third);
    view_decision(view, 5.5, 4, &raise_guarantee);
    progress.fraction = 0.2; /* the forecast got worse: not the bar */
    progress.iter = 4;
    view_progress(view, 12, &progress);
    view_decision(view, 13, 5, &hopeless);
    view_end(view, 58.6, &outcome);
    view_free(view);
    fclose(text_to);
    fclose(json_to);
    *json_text = lines;
    return text;
}

Test(view, lines_have_no_control_characters)
{
    char *json = NULL;
    char *text = watch(VIEW_TEXT_LINES, false, false, &json);

    cr_assert_str_eq(
        text,
        "[    0.0 s] link: 10.0.0.2 -> mig0, 50.0 Mbit/s\n"
        "[    0.1 s] state: precopy\n"
        "[    1.0 s] Migration: [ 53 %] iteration 3, 12.3 s to go, 28.1 MiB "
        "left, 41.2 Mbit/s, 48.0 Mbit/s reserved\n"
        "[    5.5 s] iteration 3: 8000 pages to send, 3000 dirtied, 3300 "
        "predicted (+10.0 %), 5.4 s, 31.3 MiB sent at 48.5 Mbit/s, 40.0 "
        "Mbit/s reserved, dirtying 18.2 Mbit/s, forecast: end in 12.3 s, "
        "downtime 310 ms\n"
        "[    5.5 s] iteration 4: reserve 40.0 Mbit/s, at most 48.5 Mbit/s: "
        "18.2 Mbit/s get dirty\n"
        "[   12.0 s] Migration: [ 53 %] iteration 4, 12.3 s to go, 28.1 MiB "
        "left, 41.2 Mbit/s, 48.0 Mbit/s reserved\n"
        "[   13.0 s] iteration 5: cannot: it dirties faster than the link "
        "carries\n"
        "Migration: [100 %]\n"
        "[   58.6 s] migration completed in 58.6 s, downtime 326 ms, 280 MiB "
        "sent, 14 iterations\n",
        "%s", text);
    for (const char *p = text; *p; p++) {
        cr_assert(*p == '\n' || (*p >= ' ' && *p < 127));
    }
    cr_assert_str_empty(json);
    free(text);
    free(json);
}

Test(view, terminal_keeps_the_progress_line_last)
{
    char *json = NULL;
    char *text = watch(VIEW_TEXT_TERMINAL, false, false, &json);

    cr_assert_str_eq(
        text,
        "link: 10.0.0.2 -> mig0, 50.0 Mbit/s\n"
        "\rMigration: [ 53 %] [#########........] iteration 3, 12.3 s to go, "
        "28.1 MiB left\033[K"
        "\r\033[K iter predicted    actual    error       time     reserved "
        "    achieved\n"
        "Migration: [ 53 %] [#########........] iteration 3, 12.3 s to go, "
        "28.1 MiB left"
        "\r\033[K    3      3300      3000  +10.0 %      5.4 s  40.0 Mbit/s "
        " 48.5 Mbit/s\n"
        "Migration: [ 53 %] [#########........] iteration 3, 12.3 s to go, "
        "28.1 MiB left"
        "\rMigration: [ 53 %] [#########........] iteration 4, 12.3 s to go, "
        "28.1 MiB left\033[K"
        "\r\033[Kiteration 5: cannot: it dirties faster than the link "
        "carries\n"
        "Migration: [ 53 %] [#########........] iteration 4, 12.3 s to go, "
        "28.1 MiB left"
        "\r\033[KMigration: [100 %]\n"
        "migration completed in 58.6 s, downtime 326 ms, 280 MiB sent, 14 "
        "iterations\n",
        "%s", text);
    free(text);
    free(json);
}

Test(view, quiet_says_nothing)
{
    char *json = NULL;
    char *text = watch(VIEW_TEXT_NONE, false, false, &json);

    cr_assert_str_empty(text);
    cr_assert_str_empty(json);
    free(text);
    free(json);
}

Test(view, failure_is_no_hundred_percent)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    ViewConfig config = { VIEW_TEXT_TERMINAL, file, false, 80, NULL };
    ViewOutcome outcome = { .status = "cut-off",
                            .message = "not over after 180 s",
                            .total_s = known(180.2),
                            .iterations = 1 };
    View *view = view_new(&config);

    view_progress(view, 1, &halfway);
    view_end(view, 180.2, &outcome);
    view_free(view);
    fclose(file);
    cr_assert_str_eq(
        text,
        "\rMigration: [ 53 %] [#########........] iteration 3, 12.3 s to go, "
        "28.1 MiB left\033[K\n"
        "migration cut-off after 3 min 00 s, 1 iteration: not over after 180 "
        "s\n",
        "%s", text);
    free(text);
}

Test(view, giving_up_leaves_a_fresh_line)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    ViewConfig config = { VIEW_TEXT_TERMINAL, file, false, 80, NULL };
    View *view = view_new(&config);

    view_progress(view, 1, &halfway);
    view_free(view);
    fclose(file);
    cr_assert(g_str_has_suffix(text, "\033[K\n"));
    free(text);
}

Test(view, json_is_one_object_a_line)
{
    char *json = NULL;
    char *text = watch(VIEW_TEXT_NONE, false, true, &json);
    static const char *const want[] = { "note",      "state",    "progress",
                                        "iteration", "decision", "progress",
                                        "decision",  "end" };
    g_auto(GStrv) lines = g_strsplit(json, "\n", 0);
    double percent[2] = { 0 };
    size_t n_progress = 0;

    cr_assert_eq(g_strv_length(lines), G_N_ELEMENTS(want) + 1);
    cr_assert_str_empty(lines[G_N_ELEMENTS(want)]);
    for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonObject) object =
            jobj_parse(lines[i], strlen(lines[i]), &error);
        const char *event = NULL;
        double t_s = -1;

        cr_assert(object, "%s: %s", lines[i], error ? error->message : "");
        cr_assert(jobj_get_string(object, "event", &event));
        cr_assert_str_eq(event, want[i]);
        cr_assert(jobj_get_double(object, "t_s", &t_s));
        if (strcmp(event, "progress") == 0) {
            jobj_get_double(object, "percent", &percent[n_progress++]);
        }
        if (strcmp(event, "iteration") == 0) {
            uint64_t pages = 0;
            double error_percent = 0, end_ms = 0;

            cr_assert(jobj_get_u64(object, "pages_to_send", &pages));
            cr_assert_eq(pages, 8000);
            cr_assert(jobj_get_double(object, "error_percent", &error_percent));
            cr_assert_float_eq(error_percent, 10, 1e-9);
            cr_assert(jobj_get_double(object, "forecast_end_ms", &end_ms));
            cr_assert_float_eq(end_ms, 12300, 1e-6);
        }
    }
    cr_assert_eq(percent[0], 53);
    cr_assert_eq(percent[1], 53);
    cr_assert_str_empty(text);
    free(text);
    free(json);
}

Test(view, json_says_null_where_nothing_is_known)
{
    g_autoptr(JsonObject) object = view_iteration_to_json(&first);

    cr_assert(json_object_object_get_ex(object, "predicted_pages", NULL));
    cr_assert_null(jobj_get(object, "predicted_pages"));
    cr_assert_null(jobj_get(object, "converges"));
    cr_assert_null(jobj_get(object, "forecast_end_ms"));
}

Test(view, no_terminal_no_control_characters)
{
    int null = open("/dev/null", O_WRONLY);
    ViewConfig config;

    dup2(null, STDERR_FILENO);
    g_setenv("TERM", "xterm", TRUE);
    config = view_config_detect(true, false);
    cr_assert_eq(config.text, VIEW_TEXT_LINES);
    cr_assert_not(config.colour);
    config = view_config_detect(false, true);
    cr_assert_eq(config.text, VIEW_TEXT_NONE);
    cr_assert_eq(config.json_to, stdout);
}

/* In a child with a terminal of its own, in its foreground. */
static ViewConfig
detect_on_terminal(const char *term, const char *no_color)
{
    ViewConfig config = { 0 };
    int channel[2];
    int master;
    pid_t child;

    cr_assert_eq(pipe(channel), 0);
    child = forkpty(&master, NULL, NULL, NULL);
    cr_assert_geq(child, 0);
    if (child == 0) {
        g_setenv("TERM", term, TRUE);
        g_setenv("NO_COLOR", no_color, TRUE);
        config = view_config_detect(true, false);
        _exit(write(channel[1], &config, sizeof(config)) != sizeof(config));
    }
    cr_assert_eq(read(channel[0], &config, sizeof(config)),
                 (ssize_t)sizeof(config));
    waitpid(child, NULL, 0);
    close(master);
    close(channel[0]);
    close(channel[1]);
    return config;
}

Test(view, terminal_is_recognised)
{
    ViewConfig colour = detect_on_terminal("xterm", "");
    ViewConfig plain = detect_on_terminal("xterm", "1");
    ViewConfig dumb = detect_on_terminal("dumb", "");

    cr_assert_eq(colour.text, VIEW_TEXT_TERMINAL);
    cr_assert(colour.colour);
    cr_assert_eq(plain.text, VIEW_TEXT_TERMINAL);
    cr_assert_not(plain.colour);
    cr_assert_eq(dumb.text, VIEW_TEXT_LINES);
}
