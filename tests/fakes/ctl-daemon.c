/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ctl-daemon.c - see ctl-daemon.h
 */
#include "ctl-daemon-priv.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- commands --- */

static void
note(FakeDaemon *fake, CtlRequest *request)
{
    g_autofree char *text = jobj_to_text(ctl_request_arguments(request), false);

    g_string_append_printf(fake->log, "%s %s\n",
                           ctl_command_name(ctl_request_command(request)),
                           text);
}

static bool
is_ours(const char *session)
{
    return strcmp(session, "17") == 0 || strcmp(session, "vm-a") == 0 ||
           strcmp(session, UUID) == 0;
}

/* Which session; false: the request is answered. */
static bool
find(CtlRequest *request)
{
    const char *session = "";

    jobj_get_string(ctl_request_arguments(request), "session", &session);
    if (is_ours(session)) {
        return true;
    }
    ctl_request_fail(request, CTL_ERROR_NOT_FOUND,
                     "vmferry status lists the sessions",
                     "there is no session '%s'", session);
    return false;
}

static JsonObject *
session_member(void)
{
    JsonObject *result = json_object_new_object();

    jobj_add_string(result, "session", "17");
    return result;
}

static void
tell_hold(FakeDaemon *fake)
{
    JsonObject *data;
    g_autoptr(JsonObject) document = fake_session_document(fake);

    if (!fake->server) {
        return; /* answered after its end */
    }
    data = json_object_new_object();

    jobj_add(data, "held", json_object_get(jobj_get(document, "held")));
    ctl_server_event(fake->server,
                     fake->held ? CTL_EVENT_HELD : CTL_EVENT_RELEASED, "17",
                     data);
}

static JsonObject *
do_set(FakeDaemon *fake, JsonObject *arguments)
{
    JsonObject *result = session_member();
    JsonObject *changed = json_object_new_array();

    json_object_object_foreach (arguments, name, value) {
        if (strcmp(name, "session") != 0) {
            json_object_array_add(changed, json_object_new_string(name));
        }
        (void)value;
    }
    if (json_object_object_get_ex(arguments, "deadline_s", NULL)) {
        fake->deadline_s = jobj_get_known(arguments, "deadline_s");
    }
    fake->priority =
        (int)known_or(jobj_get_known(arguments, "priority"), fake->priority);
    jobj_add(result, "changed", changed);
    return result;
}

static JsonObject *
do_show(FakeDaemon *fake)
{
    JsonObject *result = json_object_new_object();
    JsonObject *session = fake_session_document(fake);
    JsonObject *decisions = json_object_new_array();

    json_object_array_add(decisions,
                          json_object_get(jobj_get(session, "decision")));
    jobj_add(result, "session", session);
    jobj_add(result, "iterations", json_object_new_array());
    jobj_add(result, "decisions", decisions);
    jobj_add(result, "points", json_object_new_array());
    jobj_add(result, "record", NULL);
    return result;
}

static JsonObject *
do_history(void)
{
    JsonObject *result = json_object_new_object();
    JsonObject *run = json_object_new_object();
    JsonObject *runs = json_object_new_array();

    jobj_add_string(run, "session", "16");
    jobj_add_string(run, "guest", "vm-c");
    jobj_add_string(run, "uuid", UUID);
    jobj_add_string(run, "destination", "qemu+ssh://host-2/system");
    jobj_add_string(run, "started", "2026-03-01T11:50:00.000000+00:00");
    jobj_add_string(run, "mode", "enforce");
    jobj_add_string(run, "policy", "default");
    jobj_add_string(run, "starter", "others");
    jobj_add_string(run, "status", "completed");
    jobj_add_double(run, "total_s", 50);
    jobj_add_double(run, "downtime_s", 0.25);
    jobj_add_double(run, "bytes", 3e8);
    jobj_add_i64(run, "iterations", 9);
    jobj_add_double(run, "bandwidth_bytes_s", 6e6);
    json_object_array_add(runs, run);
    jobj_add(result, "runs", runs);
    return result;
}

static void
do_announce(FakeDaemon *fake, CtlRequest *request)
{
    JsonObject *arguments = ctl_request_arguments(request);
    const char *steer = "daemon";
    bool queue = false;
    JsonObject *result;

    jobj_get_string(arguments, "steer", &steer);
    jobj_get_bool(arguments, "queue", &queue);
    if (fake->refusal && strcmp(steer, "daemon") == 0) {
        ctl_request_fail(request, CTL_ERROR_REFUSED, NULL, "%s", fake->refusal);
        return;
    }
    fake->announcer = ctl_request_peer(request)->client;
    result = session_member();
    jobj_add_string(result, "mode", "enforce");
    jobj_add_bool(result, "admitted", !queue);
    jobj_add_bool(result, "steers", strcmp(steer, "daemon") == 0);
    jobj_add_string(result, "reason", NULL);
    jobj_add_u64(result, "link_rate_bytes_s", 6250000);
    ctl_request_return(request, result);
}

static void
carry_out(FakeDaemon *fake, CtlRequest *request)
{
    JsonObject *arguments = ctl_request_arguments(request);
    const char *reason = NULL;
    JsonObject *result = NULL;

    switch (ctl_request_command(request)) {
    case CTL_COMMAND_STATUS:
        result = fake_status_document(fake);
        break;
    case CTL_COMMAND_QUEUE:
        result = json_object_new_object();
        jobj_add(result, "queue", fake_queue_document());
        break;
    case CTL_COMMAND_HISTORY:
        result = do_history();
        break;
    case CTL_COMMAND_SHOW:
        if (!find(request)) {
            return;
        }
        result = do_show(fake);
        break;
    case CTL_COMMAND_HOLD:
    case CTL_COMMAND_RELEASE:
        if (!find(request)) {
            return;
        }
        jobj_get_string(arguments, "reason", &reason);
        fake->held = ctl_request_command(request) == CTL_COMMAND_HOLD;
        g_free(fake->hold_reason);
        fake->hold_reason = g_strdup(reason);
        ctl_request_return(request, session_member());
        tell_hold(fake);
        return;
    case CTL_COMMAND_CANCEL:
        if (!find(request)) {
            return;
        }
        result = session_member();
        break;
    case CTL_COMMAND_SET:
        if (!find(request)) {
            return;
        }
        result = do_set(fake, arguments);
        break;
    case CTL_COMMAND_ANNOUNCE:
        do_announce(fake, request);
        return;
    case CTL_COMMAND_DISABLE:
        fake->disabled = true;
        break;
    case CTL_COMMAND_ENABLE:
        fake->disabled = false;
        break;
    default:
        break;
    }
    ctl_request_return(request, result);
}

static void
on_command(gpointer self, CtlRequest *request)
{
    FakeDaemon *fake = self;

    note(fake, request);
    if (fake->waits) {
        g_ptr_array_add(fake->unanswered, request);
    } else {
        carry_out(fake, request);
    }
}

static void
on_closed(gpointer self, const CtlPeer *peer)
{
    FakeDaemon *fake = self;

    fake->gone++;
    if (peer->client == fake->announcer) {
        g_string_append(fake->log, "announcer gone\n");
    }
}

/* --- life --- */

FakeDaemon *
fake_daemon_new(const char *path, GError **error)
{
    FakeDaemon *fake = g_new0(FakeDaemon, 1);
    CtlServerSpec spec = { .path = path, .version = "0.1.0" };
    CtlBackend backend = { .closed = on_closed, .self = fake };

    for (size_t i = 0; i < CTL_N_COMMANDS; i++) {
        /* metrics: a command that a daemon may lack */
        backend.commands[i] = i == CTL_COMMAND_METRICS ? NULL : on_command;
    }
    fake->log = g_string_new(NULL);
    fake->unanswered = g_ptr_array_new();
    fake->server = path ? ctl_server_new(&spec, &backend, error)
                        : ctl_server_new_quiet(&spec, &backend, error);
    if (!fake->server) {
        g_clear_pointer(&fake, fake_daemon_free);
    }
    return fake;
}

void
fake_daemon_free(FakeDaemon *daemon)
{
    if (!daemon) {
        return;
    }
    g_clear_pointer(&daemon->server, ctl_server_free);
    fake_daemon_answer(daemon);
    g_ptr_array_unref(daemon->unanswered);
    g_string_free(daemon->log, TRUE);
    g_free(daemon->refusal);
    g_free(daemon->hold_reason);
    g_free(daemon);
}

CtlServer *
fake_daemon_server(FakeDaemon *daemon)
{
    return daemon->server;
}

int
fake_daemon_connect(FakeDaemon *daemon, bool may_steer)
{
    CtlPeer peer = { .uid = may_steer ? 0 : 1000,
                     .pid = getpid(),
                     .program = "test",
                     .may_read = true,
                     .may_steer = may_steer };
    int fds[2];

    g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    ctl_server_add(daemon->server, fds[0], &peer);
    return fds[1];
}

void
fake_daemon_tick(FakeDaemon *daemon)
{
    JsonObject *data = json_object_new_object();

    daemon->seconds++;
    daemon->ended = daemon->seconds >= 10;
    jobj_add(data, "document", fake_session_document(daemon));
    if (daemon->ended) {
        jobj_add_string(data, "status", "completed");
        jobj_add_string(data, "message", NULL);
        jobj_add_double(data, "total_s", 10);
        jobj_add_double(data, "downtime_s", 0.2);
        jobj_add_double(data, "bytes", 5e8);
    }
    ctl_server_event(daemon->server,
                     daemon->ended ? CTL_EVENT_SESSION_ENDED
                                   : CTL_EVENT_SESSION_CHANGED,
                     "17", data);
}

void
fake_daemon_refuse(FakeDaemon *daemon, const char *why)
{
    g_free(daemon->refusal);
    daemon->refusal = g_strdup(why);
}

const char *
fake_daemon_log(const FakeDaemon *daemon)
{
    return daemon->log->str;
}

void
fake_daemon_wait(FakeDaemon *daemon)
{
    daemon->waits = true;
}

void
fake_daemon_answer(FakeDaemon *daemon)
{
    daemon->waits = false;
    while (daemon->unanswered->len > 0) {
        carry_out(daemon, g_ptr_array_steal_index(daemon->unanswered, 0));
    }
}

unsigned
fake_daemon_gone(const FakeDaemon *daemon)
{
    return daemon->gone;
}
