/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-migrate-daemon.c - what a daemon is told, what it tells, and its end
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl-daemon.h"
#include "tools/cli/migrate-daemon.h"

#define UUID "6b2f2f6c-8c2f-4c3e-9c59-0c1f2b7a7d11"

static MigrateOptions *
options_of(const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;
    bool help = false;
    MigrateOptions *options =
        migrate_options_parse((const char *const *)words, NULL, &help, &error);

    cr_assert_not_null(options, "%s: %s", line, error ? error->message : "");
    return options;
}

static const MigrateDaemonGuest guest = { .uuid = UUID, .name = "vm-a" };

static const struct {
    const char *line, *want;
} lines[] = {
    { "--live vm-a qemu+ssh://b/system",
      "{\"uuid\":\"" UUID "\",\"guest\":\"vm-a\",\"destination\":"
      "\"qemu+ssh://b/system\",\"policy\":\"default\",\"allow\":["
      "\"guarantee\",\"order\",\"wait\",\"ceiling\"],\"downtime_max_s\":2,"
      "\"throttle_max\":0.8,\"flags\":[]}" },
    { "--live --policy none vm-a qemu+ssh://b/system",
      "{\"uuid\":\"" UUID "\",\"guest\":\"vm-a\",\"destination\":"
      "\"qemu+ssh://b/system\",\"policy\":\"none\",\"flags\":[]}" },
    { "--live --p2p --postcopy --tls --deadline 90 --margin 2 --downtime 500 "
      "--allow downtime --downtime-max 900 --link eth1=1gbit --protect "
      "tcp=8mbit --parent 1:1f --cut-off 600 vm-a "
      "qemu+ssh://b/system tcp://10.0.0.2",
      "{\"uuid\":\"" UUID "\",\"guest\":\"vm-a\",\"destination\":"
      "\"qemu+ssh://b/system\",\"migrate_uri\":\"tcp://10.0.0.2\","
      "\"policy\":\"default\",\"margin\":2,\"deadline_s\":90,"
      "\"downtime_limit_s\":0.5,\"protected\":[{\"expression\":\"tcp\","
      "\"rate_bytes_s\":1000000}],"
      "\"link_rate_bytes_s\":125000000,\"parent\":\"1:1f\","
      "\"allow\":[\"guarantee\",\"order\",\"wait\",\"downtime\","
      "\"ceiling\"],\"downtime_max_s\":0.9,\"throttle_max\":0.8,"
      "\"flags\":[\"postcopy\",\"p2p\",\"tls\"]}" },
};

/* ... which the protocol takes, word for word. */
Test(migrate_daemon, is_told_what_was_asked_for)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(MigrateOptions) options = options_of(lines[i].line);
        g_autoptr(JsonObject) message = json_object_new_object();
        JsonObject *arguments = migrate_daemon_arguments(options, &guest);
        g_autofree char *text = jobj_to_text(arguments, false);
        g_autoptr(GError) error = NULL;
        JsonObject *id, *read;
        CtlCommand command;

        cr_expect_str_eq(text, lines[i].want);
        jobj_add_i64(message, "id", 1);
        jobj_add_string(message, "command", "announce");
        jobj_add(message, "arguments", arguments);
        cr_expect(ctl_request_read(message, &id, &command, &read, &error), "%s",
                  error ? error->message : "");
    }
}

/* --- a daemon in a process of its own --- */

typedef struct {
    char *folder, *path;
    pid_t pid;
} Place;

static gboolean
on_tick(gpointer fake)
{
    JsonObject *data = json_object_new_object();
    CtlDecision decision = { .step = "set",
                             .text = "so much",
                             .iteration = 3,
                             .guarantee_bytes_s = 5000000,
                             .carried_out = true };

    fake_daemon_tick(fake);
    jobj_add(data, "decision", ctl_decision_to_json(&decision));
    ctl_server_event(fake_daemon_server(fake), CTL_EVENT_DECISION, "17", data);
    return G_SOURCE_CONTINUE;
}

static void
be_daemon(const char *path, const char *refusal)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    FakeDaemon *fake = fake_daemon_new(path, NULL);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (refusal) {
        fake_daemon_refuse(fake, refusal);
    }
    g_timeout_add(20, on_tick, fake);
    g_main_loop_run(loop);
}

static Place
place_new(const char *refusal)
{
    Place place = { .folder = g_dir_make_tmp("migd-XXXXXX", NULL) };

    place.path = g_build_filename(place.folder, "control.sock", NULL);
    place.pid = fork();
    if (place.pid == 0) {
        be_daemon(place.path, refusal);
        _exit(0);
    }
    while (access(place.path, F_OK) != 0) {
        g_usleep(1000);
    }
    return place;
}

static void
place_clear(Place *place)
{
    kill(place->pid, SIGKILL);
    waitpid(place->pid, NULL, 0);
    unlink(place->path);
    rmdir(place->folder);
    g_free(place->folder);
    g_free(place->path);
}

typedef struct {
    unsigned decisions, notes;
    GString *text;
} Heard;

static void
on_decision(const PolicyDecision *decision, unsigned iter, bool carried_out,
            gpointer user)
{
    Heard *heard = user;

    cr_expect_eq(decision->step, POLICY_STEP_SET);
    cr_expect_eq(decision->guarantee_bytes_s, 5000000);
    cr_expect_str_eq(decision->reason, "so much");
    cr_expect_eq(iter, 3);
    cr_expect(carried_out);
    heard->decisions++;
}

static void
on_note(const char *kind, const char *text, gpointer user)
{
    Heard *heard = user;

    heard->notes++;
    g_string_append_printf(heard->text, "%s: %s\n", kind, text);
}

static const MigrateDaemonCallbacks callbacks = { on_decision, on_note };

static MigrateDaemon *
announce(const Place *place, char **alone)
{
    g_autofree char *line = g_strdup_printf(
        "--live --socket %s vm-a qemu+ssh://b/system", place->path);
    g_autoptr(MigrateOptions) options = options_of(line);

    return migrate_daemon_announce(options, &guest, alone);
}

Test(migrate_daemon, its_decisions_are_heard_and_its_death_too)
{
    Place place = place_new(NULL);
    g_autofree char *alone = NULL;
    MigrateDaemon *daemon = announce(&place, &alone);
    Heard heard = { .text = g_string_new(NULL) };

    cr_assert_not_null(daemon, "%s", alone);
    cr_expect_null(alone);
    cr_expect_str_eq(migrate_daemon_session(daemon), "17");
    cr_expect_eq(known_or(migrate_daemon_link(daemon), 0), 6250000);
    migrate_daemon_watch(daemon, &callbacks, &heard);
    while (heard.decisions < 3 || migrate_daemon_guarantee(daemon) == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    cr_expect_eq(migrate_daemon_guarantee(daemon), 2000000);
    cr_expect_eq(migrate_daemon_ceiling(daemon), 6000000);
    cr_expect_eq(heard.notes, 0, "%s", heard.text->str);

    kill(place.pid, SIGKILL);
    while (heard.notes == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    cr_expect(g_str_has_prefix(heard.text->str, "warning: vmferryd is gone"),
              "%s", heard.text->str);
    cr_expect(strstr(heard.text->str, "the migration goes on"), "%s",
              heard.text->str);
    cr_expect_eq(migrate_daemon_guarantee(daemon), 0);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    cr_expect_eq(heard.notes, 1, "said once");
    migrate_daemon_free(daemon);
    g_string_free(heard.text, TRUE);
    place_clear(&place);
}

Test(migrate_daemon, a_refusal_says_why)
{
    Place place = place_new("the queue is full of ghosts");
    g_autofree char *alone = NULL;

    cr_expect_null(announce(&place, &alone));
    cr_assert_not_null(alone);
    cr_expect(strstr(alone, "the queue is full of ghosts"), "%s", alone);
    place_clear(&place);
}

Test(migrate_daemon, no_daemon_is_no_news)
{
    g_autoptr(MigrateOptions) options =
        options_of("--live vm-a qemu+ssh://b/system");
    g_autoptr(MigrateOptions) named = options_of(
        "--live --socket /nonexistent/sock vm-a qemu+ssh://b/system");
    g_autofree char *alone = NULL;
    g_autofree char *asked = NULL;

    g_setenv("VMFERRY_SOCKET", "/nonexistent/control.sock", TRUE);
    cr_expect_null(migrate_daemon_announce(options, &guest, &alone));
    cr_expect_null(alone);
    cr_expect_null(migrate_daemon_announce(named, &guest, &asked));
    cr_expect(asked && strstr(asked, "/nonexistent/sock: no daemon"), "%s",
              asked);
}

/* By the time it looks, nobody waits there any more. */
Test(migrate_daemon, a_turn_that_came_meanwhile_is_not_waited_for)
{
    Place place = place_new(NULL);
    g_autofree char *line = g_strdup_printf(
        "--live --queue --socket %s vm-a qemu+ssh://b/system", place.path);
    g_autoptr(MigrateOptions) options = options_of(line);
    g_autofree char *alone = NULL;
    g_autoptr(GError) error = NULL;
    MigrateDaemon *daemon = migrate_daemon_announce(options, &guest, &alone);

    cr_assert_not_null(daemon, "%s", alone);
    cr_expect_not_null(migrate_daemon_waits(daemon));
    cr_expect(migrate_daemon_wait(daemon, &error), "%s",
              error ? error->message : "");
    cr_expect_null(migrate_daemon_waits(daemon));
    migrate_daemon_free(daemon);
    place_clear(&place);
}
