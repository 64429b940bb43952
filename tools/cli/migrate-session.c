/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-session.c - one migration on the command line
 *
 *   prepare   connections, guest, may it run there, by which link: nothing is
 *             changed anywhere, and Ctrl-C simply ends the program
 *   dry run   says what would be done, and ends
 *   announce  a daemon that runs here reserves for it; else we do
 *   run       the session; Ctrl-C asks libvirt to abort and waits for the end
 *   finish    record, report, exit status
 */
#include "tools/cli/migrate-session.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "daemon/disabled.h"
#include "session/session.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/history.h"
#include "tools/cli/migrate-daemon.h"
#include "tools/cli/migrate-prepare.h"
#include "tools/cli/view.h"

/* How long libvirt's connections may take to close at the end. */
#define DRAIN_MS 2000

typedef struct Run {
    const MigrateOptions *options;
    MigratePlan *plan;
    GMainLoop *loop;
    Session *session;
    MigrateDaemon *daemon; /* that steers it; NULL: we do */
    View *view;
    unsigned interrupts;
    int status;
} Run;

/* Where nobody watches, a warning still has to reach somebody. */
static void
warn(const Run *run, double at_s, const char *text)
{
    const MigrateOptions *options = run->options;

    view_note(run->view, at_s, "warning", text);
    if (!options->verbose && !options->json && !options->global.quiet) {
        fprintf(stderr, "warning: %s\n", text);
    }
}

/* What will not be is a warning; what is done about it belongs to the course of
 * things. */
static void
show_step(const Run *run, double at_s, const JobAction *action)
{
    const LadderAdvice *advice = &action->advice;

    if (advice->news || advice->step == LADDER_ABORT) {
        warn(run, at_s, advice->reason);
    } else {
        view_note(run->view, at_s, "ladder", advice->reason);
    }
}

static void
on_compressed(Session *session, const Compression *compression, gpointer user)
{
    Run *run = user;

    view_note(run->view, session_seconds(session), "note", compression->reason);
}

static void
on_aimed(Session *session, const Aim *aim, gpointer user)
{
    Run *run = user;

    view_note(run->view, session_seconds(session), "note", aim->reason);
}

/* What the daemon has in force stands in our record as well. */
static void
take_over_row(Run *run, ViewIteration *shown)
{
    GArray *rows = session_record(run->session)->iterations;
    RunIteration *row = rows->len > 0
                            ? &g_array_index(rows, RunIteration, rows->len - 1)
                            : NULL;

    shown->reserved_bytes_s = migrate_daemon_guarantee(run->daemon);
    if (row) {
        row->reserved_bytes_s = shown->reserved_bytes_s;
        row->ceiling_bytes_s = migrate_daemon_ceiling(run->daemon);
    }
}

static void
take_over_point(Run *run)
{
    GArray *points = session_record(run->session)->points;
    uint64_t guarantee = migrate_daemon_guarantee(run->daemon);

    if (points->len > 0 && guarantee > 0) {
        RunPoint *point = &g_array_index(points, RunPoint, points->len - 1);

        point->reserved_bytes_s = known((double)guarantee);
        point->ceiling_bytes_s =
            known((double)migrate_daemon_ceiling(run->daemon));
    }
}

static void
on_action(Session *session, const JobAction *action, gpointer user)
{
    Run *run = user;
    double at_s = (double)action->at_us / G_USEC_PER_SEC;

    switch (action->kind) {
    case JOB_ACTION_STATE:
        view_state(run->view, at_s, job_state_name(action->state));
        break;
    case JOB_ACTION_DECIDED:
        /* What stays as it is only fills the screen. */
        if (action->shape || action->decision.step == POLICY_STEP_CANNOT) {
            view_decision(run->view, at_s, action->iter, &action->decision);
        }
        break;
    case JOB_ACTION_ROW: {
        ViewIteration shown = view_iteration_of(&action->iteration);

        if (run->daemon) {
            take_over_row(run, &shown);
        }
        view_iteration(run->view, at_s, &shown);
        break;
    }
    case JOB_ACTION_STEP:
        show_step(run, at_s, action);
        break;
    case JOB_ACTION_POINT:
        if (run->daemon) {
            take_over_point(run);
        }
        break;
    case JOB_ACTION_FORECAST:
    case JOB_N_ACTIONS:
        break;
    }
}

static void
on_warning(Session *session, const char *text, gpointer user)
{
    warn(user, session_seconds(session), text);
}

static void
on_progress(Session *session, const JobProgress *progress, gpointer user)
{
    const Run *run = user;
    ViewProgress shown = view_progress_of(progress);

    if (run->daemon) {
        shown.reserved_bytes_s = migrate_daemon_guarantee(run->daemon);
    }
    view_progress(run->view, session_seconds(session), &shown);
}

/* --- a daemon that steers --- */

static void
on_daemon_decision(const PolicyDecision *decision, unsigned iter,
                   bool carried_out, gpointer user)
{
    Run *run = user;
    double at_s = session_seconds(run->session);
    RunDecision entry = {
        .t_s = at_s, .iter = iter, .decision = *decision, .applied = carried_out
    };

    g_array_append_val(session_record(run->session)->decisions, entry);
    if (decision->step == POLICY_STEP_SET ||
        decision->step == POLICY_STEP_CANNOT) {
        view_decision(run->view, at_s, iter, decision);
    }
}

static void
on_daemon_note(const char *kind, const char *text, gpointer user)
{
    Run *run = user;
    double at_s = session_seconds(run->session);

    if (strcmp(kind, "warning") == 0) {
        g_ptr_array_add(session_record(run->session)->warnings, g_strdup(text));
        warn(run, at_s, text);
    } else {
        view_note(run->view, at_s, kind, text);
    }
}

/* Is this one that a daemon of this host could steer? Tunnelled and offline
 * ones have no stream of their own. */
static bool
is_for_daemon(const Run *run)
{
    const SessionSpec *spec = migrate_plan_spec(run->plan);

    return !run->options->alone && migrate_plan_is_local(run->plan) &&
           !(spec->migrate->flags &
             (VIRT_MIGRATE_OFFLINE | VIRT_MIGRATE_POSTCOPY_RESUME |
              VIRT_MIGRATE_TUNNELLED));
}

static MigrateDaemonGuest
guest_of(const Run *run)
{
    const SessionSpec *spec = migrate_plan_spec(run->plan);
    const VirtGuestInfo *info = virt_guest_info(spec->guest);

    return (MigrateDaemonGuest){
        .uuid = info->uuid,
        .name = info->name,
        .device = spec->link ? spec->link->device : NULL,
        .memory_bytes = info->memory_bytes,
    };
}

/* Until it is its turn. Ctrl-C ends the program, and with it the wait. */
static bool
wait_turn(Run *run)
{
    const char *why = migrate_daemon_waits(run->daemon);
    g_autoptr(GError) error = NULL;

    if (!why) {
        return true;
    }
    view_note(run->view, 0, "waits", why);
    if (!migrate_daemon_wait(run->daemon, &error)) {
        cli_error(error->message);
        return false;
    }
    view_note(run->view, 0, "waits", "no longer: it is its turn");
    return true;
}

/* Whoever named a step is told that it will not be taken. */
static void
warn_of_refused(const Run *run)
{
    const char *steps = migrate_daemon_refused(run->daemon);
    g_autofree char *text =
        steps ? g_strdup_printf("vmferryd will not take these steps: %s "
                                "(\"allow\" in vmferry.conf names those it "
                                "may take, vmferryd(8) those it can; with "
                                "--alone vmferry takes them itself)",
                                steps)
              : NULL;

    if (text) {
        warn(run, 0, text);
    }
}

/* False: it may not begin, which was said. */
static bool
ask_daemon(Run *run)
{
    const MigrateDaemonGuest guest = guest_of(run);
    g_autofree char *alone = NULL;
    g_autofree char *text = NULL;

    if (is_for_daemon(run)) {
        run->daemon = migrate_daemon_announce(run->options, &guest, &alone);
    }
    if (run->daemon) {
        text = g_strdup_printf("vmferryd steers this migration, session %s",
                               migrate_daemon_session(run->daemon));
        view_note(run->view, 0, "daemon", text);
        warn_of_refused(run);
        return wait_turn(run);
    }
    if (run->options->queue) {
        text = g_strdup_printf("--queue: there is no vmferryd that would tell "
                               "whose turn it is%s%s",
                               alone ? ": " : "", alone ? alone : "");
        cli_error(text);
        return false;
    }
    if (migrate_plan_link_problem(run->plan)) {
        cli_error(migrate_plan_link_problem(run->plan)->message);
        if (alone) {
            text = g_strdup_printf("vmferryd, which may know it, does not "
                                   "steer this migration: %s",
                                   alone);
            cli_error(text);
        }
        return false;
    }
    if (alone && migrate_plan_spec(run->plan)->policy.kind != POLICY_NONE) {
        text = g_strdup_printf("vmferryd does not steer this migration, "
                               "vmferry migrate does: %s",
                               alone);
        warn(run, 0, text);
    }
    return true;
}

static bool
write_file(const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (file_write(path, text, &error)) {
        return true;
    }
    cli_error(error->message);
    return false;
}

/* The migration is over whatever happens here: a file that cannot be written
 * is said, and makes the exit status 1 only if the migration itself did. */
static void
write_records(const MigrateOptions *options, const RunRecord *record)
{
    if (options->record_path) {
        g_autofree char *text = NULL;

        if (g_str_has_suffix(options->record_path, ".csv")) {
            text = run_record_to_csv(record, NULL, NULL);
        } else {
            g_autoptr(JsonObject) json = run_record_to_json(record);
            g_autofree char *body = jobj_to_text(json, true);

            text = g_strconcat(body, "\n", NULL);
        }
        write_file(options->record_path, text);
    }
    if (options->report_path) {
        g_autofree char *title =
            g_strdup_printf("Migration of %s", record->guest_name);
        g_autofree char *html = report_html(&record, 1, title);

        write_file(options->report_path, html);
    }
}

/* For the next forecast. That it could not be kept is told once, to those who
 * watch: it says nothing about this migration. */
static void
remember(Run *run, const RunRecord *record)
{
    g_autofree char *path = history_path(run->options->history);
    g_autofree char *problem = history_keep(path, record);

    if (problem) {
        view_note(run->view, session_seconds(run->session), "warning", problem);
    }
}

static Known
scaled(Known value, double factor)
{
    return value.known ? known(value.value * factor) : unknown();
}

static void
on_ended(Session *session, const RunRecord *record, const GError *error,
         gpointer user)
{
    Run *run = user;

    ViewOutcome outcome = {
        .status = run_status_name(record->status),
        /* cli_error() tells people */
        .message = run->options->json ? record->message : NULL,
        .downtime_s = scaled(record->downtime_ms, 1e-3),
        .total_s = scaled(record->total_ms, 1e-3),
        .bytes = record->bytes,
        .iterations = run_record_passes(record),
        .source = record->sample_source,
    };

    run->status = error ? 1 : 0;
    if (run->daemon) {
        session_record(session)->policy.kind = run->options->policy;
    }
    remember(run, record);
    view_end(run->view, session_seconds(session), &outcome);
    if (error) {
        cli_error(error->message);
    }
    write_records(run->options, record);
    g_main_loop_quit(run->loop);
}

/* The first Ctrl-C asks libvirt to give up; what follows is waiting, for the
 * guest's state is not known before libvirt has answered. */
static gboolean
on_interrupt(gpointer user)
{
    Run *run = user;

    if (run->interrupts++ == 0) {
        view_note(run->view, session_seconds(run->session), "interrupt",
                  "asking libvirt to abort the migration; the guest stays "
                  "where it is");
        session_abort(run->session);
    } else {
        view_note(run->view, session_seconds(run->session), "interrupt",
                  "still waiting for libvirt to end the migration");
    }
    return G_SOURCE_CONTINUE;
}

/* Nobody else takes our shaping off without breaking the rest. */
static void
on_disabled(bool disabled, const char *why, gpointer user)
{
    Run *run = user;
    g_autofree char *text = NULL;

    if (disabled) {
        text = g_strdup_printf("vmferry was disabled on this host%s%s",
                               *why ? ": " : "", why);
        session_stop_shaping(run->session, text);
    }
}

static int
run_session(Run *run)
{
    static const SessionCallbacks callbacks = {
        .action = on_action,
        .warning = on_warning,
        .compressed = on_compressed,
        .aimed = on_aimed,
        .progress = on_progress,
        .ended = on_ended,
    };
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    guint sources[G_N_ELEMENTS(signals)];
    static const MigrateDaemonCallbacks of_daemon = {
        .decision = on_daemon_decision,
        .note = on_daemon_note,
    };
    SessionSpec spec = *migrate_plan_spec(run->plan);
    Disabled *disabled;
    g_autoptr(GError) error = NULL;

    if (!ask_daemon(run)) {
        g_clear_pointer(&run->daemon, migrate_daemon_free);
        return 1;
    }
    if (run->daemon) {
        spec.told_link_bytes_s = migrate_daemon_link(run->daemon);
    }

    if (run->daemon) {
        spec.policy.kind = POLICY_NONE; /* ours; the daemon has its own */
        spec.climbs = false;
        spec.aims = false;
    }
    run->session = session_start(&spec, &callbacks, run, &error);
    if (!run->session) {
        cli_error(error->message);
        if (run->daemon) {
            migrate_daemon_withdraw(run->daemon);
            g_clear_pointer(&run->daemon, migrate_daemon_free);
        }
        return 1;
    }
    if (run->daemon) {
        migrate_daemon_watch(run->daemon, &of_daemon, run);
    }
    if (run->options->last_value) {
        session_set_asks(run->session, POLICY_ASK_LAST);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        sources[i] = g_unix_signal_add(signals[i], on_interrupt, run);
    }
    disabled = disabled_watch(NULL, NULL, on_disabled, run);
    if (disabled_now(disabled)) {
        on_disabled(true, "", run); /* since it was prepared */
    }
    g_main_loop_run(run->loop);
    disabled_free(disabled);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_source_remove(sources[i]);
    }
    /* after it nobody is called back about the session */
    g_clear_pointer(&run->daemon, migrate_daemon_free);
    g_clear_pointer(&run->session, session_free);
    return run->status;
}

int
migrate_session_run(const MigrateOptions *options)
{
    g_autoptr(VirtPool) pool = virt_pool_new(NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    ViewConfig view = view_config_detect(options->verbose, options->json);
    Run run = { .options = options, .loop = loop };
    int status = 1;

    run.view = view_new(&view);
    run.plan = migrate_plan_new(pool, options, &error);
    if (!run.plan) {
        cli_error(error->message);
    } else {
        const GPtrArray *warnings = migrate_plan_warnings(run.plan);

        for (guint i = 0; i < warnings->len; i++) {
            warn(&run, 0, g_ptr_array_index(warnings, i));
        }
        if (!options->dry_run) {
            status = run_session(&run);
        } else {
            g_autofree char *text =
                migrate_plan_describe(run.plan, options->json, &error);

            if (text) {
                fputs(text, stdout);
                status = 0;
            } else {
                cli_error(error->message);
            }
        }
    }
    migrate_plan_free(run.plan);
    view_free(run.view);
    virt_pool_drain(pool, DRAIN_MS);
    return status;
}
