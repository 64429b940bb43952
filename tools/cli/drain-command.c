/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-command.c - vmferry drain: what is done in which order
 *
 *   look at hosts and guests ──> who goes where ──> sample ──> plan
 *        (--resume: what moved before is skipped)               |
 *   exit status, report <── migrations, state file <── asked ───+
 *
 * Up to the answer nothing is changed anywhere, and Ctrl-C ends the program.
 */
#include "tools/cli/commands.h"

#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "report/record.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/drain-priv.h"
#include "tools/cli/drain-text.h"

/* How long libvirt's connections may take to close at the end. */
#define CLOSE_MS 2000

static void
place_free(gpointer data)
{
    DrainPlace *place = data;

    virt_host_unref(place->host);
    g_free(place);
}

static void
run_init(DrainRun *run, const DrainOptions *options)
{
    run->options = options;
    run->pool = virt_pool_new(NULL);
    run->loop = g_main_loop_new(NULL, FALSE);
    run->drain = drain_new();
    run->places = g_ptr_array_new_with_free_func(place_free);
    run->units = g_ptr_array_new_with_free_func(g_free);
    run->view =
        drain_view_new(run->drain, options->json, options->global.quiet);
    run->looked_us = clock_mono_us();
    run->begun = clock_format_utc(clock_wall_us());
}

static void
run_clear(DrainRun *run)
{
    for (guint i = 0; i < run->units->len; i++) {
        drain_unit_clear(run->units->pdata[i]);
    }
    g_ptr_array_unref(run->places);
    virt_host_unref(run->source);
    virt_pool_drain(run->pool, CLOSE_MS);
    virt_pool_unref(run->pool);
    g_ptr_array_unref(run->units);
    drain_view_free(run->view);
    drain_free(run->drain);
    g_main_loop_unref(run->loop);
    g_free(run->begun);
}

/* --- the earlier drain --- */

static bool
check_source(const DrainRun *run, const DrainState *state, GError **error)
{
    const Drain *drain = run->drain;

    if (strcmp(state->source_name, drain->source_name) == 0 &&
        g_strcmp0(state->source_uuid, drain->source_uuid) == 0) {
        return true;
    }
    g_set_error(error, DRAIN_OPTIONS_ERROR, DRAIN_OPTIONS_ERROR_RULE,
                "the drain that is to be resumed is one of '%s', this is '%s'",
                state->source_name, drain->source_name);
    return false;
}

/* An unfinished drain holds what a new one would not know: whose autostart is
 * still to be set, where guests were to go. */
static bool
check_no_earlier(const DrainOptions *options, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(DrainState) state =
        drain_state_load(options->state_path, &problem);

    if (!state &&
        !g_error_matches(problem, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_NONE)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (state) {
        g_set_error(
            error, DRAIN_OPTIONS_ERROR, DRAIN_OPTIONS_ERROR_RULE,
            "a drain of '%s', begun %s, was interrupted with %u "
            "guest%s to go: --resume goes on with it, removing '%s' "
            "forgets it",
            state->source_name, state->begun, drain_state_unfinished(state),
            drain_state_unfinished(state) == 1 ? "" : "s", options->state_path);
        return false;
    }
    return true;
}

/* --- the plan --- */

/* Of several streams of one migration none can be told from those of another
 * that goes to the same host. */
static void
limit_parallel(DrainRun *run)
{
    const unsigned many = VIRT_MIGRATE_PARALLEL | VIRT_MIGRATE_NON_SHARED_DISK |
                          VIRT_MIGRATE_NON_SHARED_INC | VIRT_MIGRATE_POSTCOPY;
    g_autoptr(MigrateOptions) trial = drain_options_migrate(
        run->options, "guest", run->options->to->pdata[0], true, NULL);

    run->parallel = run->options->parallel;
    if (trial && trial->spec->flags & many && run->policy != POLICY_NONE &&
        run->parallel != 1) {
        run->parallel = 1;
        drain_view_note(run->view, 0, NULL, "note",
                        "one at a time on a link, for migrations with several "
                        "connections cannot be told apart");
    }
}

static bool
make_plan(DrainRun *run, const DrainState *state, GError **error)
{
    if (!drain_look_hosts(run, error) ||
        (state && (!check_source(run, state, error) ||
                   !drain_resume_wait(run, state, error))) ||
        !drain_look_guests(run, error)) {
        return false;
    }
    if (state) {
        drain_resume_merge(run, state);
    }
    drain_spread(run->drain);
    if (!drain_sample(run, error) || !drain_check_links(run, error)) {
        return false;
    }
    run->drain->looked_s =
        (double)(clock_mono_us() - run->looked_us) / G_USEC_PER_SEC;
    limit_parallel(run);
    drain_order(run->drain, DRAIN_ROOT_SHARE, run->protected_bytes_s,
                run->parallel);
    return true;
}

static bool
is_agreed(DrainRun *run, GError **error)
{
    unsigned n = drain_count(run->drain, DRAIN_WAITS);
    g_autofree char *question =
        g_strdup_printf("Move %u guest%s as planned?", n, n == 1 ? "" : "s");

    if (run->options->yes) {
        return true;
    }
    if (!isatty(STDIN_FILENO)) {
        g_set_error(error, DRAIN_OPTIONS_ERROR, DRAIN_OPTIONS_ERROR_MISSING,
                    "standard input is no terminal, so that nobody can be "
                    "asked whether the plan is right: give --yes (or "
                    "--plan-only)");
        return false;
    }
    if (!drain_view_ask(run->view, question)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_ABORTED,
                    "not agreed; nothing was changed");
        return false;
    }
    return true;
}

/* --- afterwards --- */

static void
write_report(const DrainRun *run)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new();
    g_autofree char *title =
        g_strdup_printf("Drain of %s", run->drain->source_name);
    g_autofree char *html = NULL;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < run->units->len; i++) {
        const DrainUnit *unit = run->units->pdata[i];

        if (unit->record) {
            g_ptr_array_add(records, (gpointer)unit->record);
        }
    }
    html = report_html((const RunRecord *const *)(void *)records->pdata,
                       records->len, title);
    if (!file_write(run->options->report_path, html, &error)) {
        cli_error(error->message);
    }
}

/* A drain that came to its end leaves nothing to resume, however it went. */
static void
forget_or_keep(const DrainRun *run, int status)
{
    const char *path = run->options->state_path;

    if (run->keep_state || (run->stopping && status != 0)) {
        g_autofree char *text = g_strdup_printf(
            "'%s' remembers this drain: vmferry drain --resume%s%s goes on",
            path, strcmp(path, DRAIN_STATE_PATH) ? " --state " : "",
            strcmp(path, DRAIN_STATE_PATH) ? path : "");

        drain_view_note(run->view, drain_seconds(run), NULL, "note", text);
    } else if (unlink(path) < 0 && errno != ENOENT) {
        g_autofree char *text =
            g_strdup_printf("removing '%s': %s", path, g_strerror(errno));

        drain_view_note(run->view, drain_seconds(run), NULL, "warning", text);
    }
}

static bool
carry_out(DrainRun *run, const DrainState *state, int *status, GError **error)
{
    if (!make_plan(run, state, error)) {
        return false;
    }
    drain_view_plan(run->view, run->options->deadline_s,
                    !run->options->plan_only);
    if (run->options->plan_only) {
        *status = drain_exit_status(run->drain, true);
        return true;
    }
    if (drain_count(run->drain, DRAIN_WAITS) > 0 && !is_agreed(run, error)) {
        return false;
    }
    if ((state || drain_count(run->drain, DRAIN_WAITS) > 0) &&
        !drain_run(run, error)) {
        return false;
    }
    *status = drain_exit_status(run->drain, false);
    if (run->begun_us > 0) {
        forget_or_keep(run, *status);
    }
    drain_view_summary(run->view, drain_seconds(run));
    if (run->options->report_path) {
        write_report(run);
    }
    return true;
}

static int
drain(const DrainOptions *given)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DrainState) state = NULL;
    g_autoptr(DrainOptions) resumed = NULL;
    DrainRun run = { 0 };
    int lock = -1, status = 1;
    bool good = true;

    if (!given->plan_only) {
        lock = drain_state_lock(given->state_path, &error);
        good = lock >= 0;
    }
    if (good && given->resume) {
        state = drain_state_load(given->state_path, &error);
        resumed = state ? drain_options_resume(
                              (const char *const *)state->words, given, &error)
                        : NULL;
        good = resumed != NULL;
    } else if (good && !given->plan_only) {
        good = check_no_earlier(given, &error);
    }
    if (good) {
        run_init(&run, resumed ? resumed : given);
        good = carry_out(&run, state, &status, &error);
        run_clear(&run);
    }
    if (!good) {
        cli_error(error->message);
    }
    if (lock >= 0) {
        close(lock);
    }
    return status;
}

int
command_drain(const GlobalOptions *global, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DrainOptions) options = NULL;
    bool help = false;

    options = drain_options_parse((const char *const *)argv + 1, global, &help,
                                  &error);
    if (help) {
        g_autofree char *text = drain_options_help();

        fputs(text, stdout);
        return 0;
    }
    if (!options) {
        cli_error(error->message);
        return 1;
    }
    return drain(options);
}
