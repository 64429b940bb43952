/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ctl-daemon.c - see ctl-daemon.h
 */
#include "ctl-daemon.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1024.0 * 1024.0)
#define UUID "6b2f2f6c-8c2f-4c3e-9c59-0c1f2b7a7d11"

/* 2026-03-01T12:00:00Z: what is shown does not depend on the day. */
#define BEGAN_US 1772366400000000LL

struct FakeDaemon {
    CtlServer *server;
    GString *log;
    GPtrArray *unanswered; /* CtlRequest * */
    bool waits;
    char *refusal;
    unsigned seconds; /* of the migration */
    bool held, ended, disabled;
    Known deadline_s;
    int priority;
    char *hold_reason;
    uint64_t announcer;
    unsigned gone;
};

static JsonObject *
session_document(const FakeDaemon *fake)
{
    static const char *const allowed[] = { "guarantee", "order", NULL };
    CtlHeld held = { .by = "test (uid 0)",
                     .reason = fake->hold_reason,
                     .since_us = BEGAN_US + 3000000,
                     .floor_bytes_s = known(125000),
                     .cost_s = known(40) };
    CtlDecision decision = {
        .time_us = BEGAN_US + 2000000,
        .t_s = 2,
        .iteration = 2,
        .step = "set",
        .reason = "convergence",
        .text = "2.0 MB/s keep it converging, 25 % over the 1.6 MB/s at which "
                "pages get dirty",
        .guarantee_bytes_s = 2000000,
        .ceiling_bytes_s = 6000000,
        .carried_out = true,
    };
    CtlSession session = {
        .session = "17",
        .guest = "vm-a",
        .uuid = UUID,
        .destination = "qemu+ssh://host-2/system",
        .address = "10.0.1.2",
        .port = 49152,
        .starter = "vmferry",
        .starter_program = "vmferry",
        .starter_uid = known(0),
        .mode = "enforce",
        .policy = "default",
        .priority = fake->priority,
        .deadline_s = fake->deadline_s,
        .downtime_limit_s = known(0.3),
        .state = fake->ended ? "done" : "precopy",
        .started_us = BEGAN_US,
        .elapsed_s = known(fake->seconds),
        .iteration = 1 + fake->seconds / 3,
        .progress = fake->seconds / 10.0,
        .remaining_bytes = known((10 - fake->seconds) * 50 * MIB),
        .bandwidth_bytes_s = known(5.5e6),
        .dirty_bytes_s = known(1.6e6),
        .sent_bytes = known(fake->seconds * 50 * MIB),
        .link = "eth1",
        .class_id = "7666:1000",
        .guarantee_bytes_s = known(fake->held ? 125000 : 2000000),
        .ceiling_bytes_s = known(6000000),
        .application_bytes_s = known(0),
        .end_s = { known(10 - fake->seconds), known(8 - 0.8 * fake->seconds),
                   known(15 - fake->seconds) },
        .downtime_s = { known(0.21), known(0.1), known(0.33) },
        .bytes = { known(9e7), unknown(), unknown() },
        .forecast_at_us = BEGAN_US + 2000000,
        .converges = 1,
        .held = fake->held ? &held : NULL,
        .decision = &decision,
        .allowed = allowed,
    };

    return ctl_session_to_json(&session);
}

static JsonObject *
queue_document(void)
{
    CtlQueued queued = {
        .position = 1,
        .session = "18",
        .guest = "vm-b",
        .uuid = "0d0a7cf2-2ad5-4f0c-8f3d-6a1b7f1f0e22",
        .destination = "qemu+ssh://host-2/system",
        .link = "eth1",
        .reason = "order",
        .text = "it is network-intensive: vm-a goes first",
        .waiting_s = 4,
        .wait_most_s = known(296),
        .forecast_start_s = known(6),
        .forecast_time_s = known(31),
    };
    JsonObject *queue = json_object_new_array();

    json_object_array_add(queue, ctl_queued_to_json(&queued));
    return queue;
}

static JsonObject *
links_document(void)
{
    static const char *const sessions[] = { "17", NULL };
    static const CtlClass classes[] = {
        { "7666:1",
          "link",
          NULL,
          { true, 6062500 },
          { true, 6062500 },
          { true, 6.0e6 },
          { true, 4e8 },
          { true, 0 },
          { true, 0 } },
        { "7666:1000",
          "migration",
          "vm-a",
          { true, 2000000 },
          { true, 6062500 },
          { true, 5.5e6 },
          { true, 3e8 },
          { true, 0 },
          { true, 90000 } },
        { "7666:10",
          "rest",
          NULL,
          { true, 4000000 },
          { true, 6062500 },
          { true, 5e5 },
          { true, 1e8 },
          { true, 12 },
          { true, 3000 } },
    };
    CtlLink link = {
        .link = "eth1",
        .ifindex = 3,
        .mac = "52:54:00:12:34:56",
        .state = "up",
        .capacity_bytes_s = known(6250000),
        .capacity_source = "configured",
        .use_bytes_s = known(6.0e6),
        .guaranteed_bytes_s = known(2000000),
        .sessions = sessions,
        .classes = classes,
        .n_classes = G_N_ELEMENTS(classes),
    };
    JsonObject *links = json_object_new_array();

    json_object_array_add(links, ctl_link_to_json(&link));
    return links;
}

static JsonObject *
track_document(void)
{
    const CtlTrackEntry entries[] = {
        { .session = "16",
          .guest = "vm-c",
          .time_us = BEGAN_US - 600000000,
          .mode = "enforce",
          .status = "completed",
          .at_iteration = 2,
          .forecast_time_s = { known(55), known(48), known(70) },
          .time_s = known(50),
          .forecast_downtime_s = known(0.2),
          .downtime_s = known(0.25),
          .passes = 8,
          .passes_inside = 7 },
        { .session = "15",
          .guest = "vm-a",
          .time_us = BEGAN_US - 900000000,
          .mode = "observe",
          .status = "completed",
          .at_iteration = 2,
          .forecast_time_s = { known(30), known(28), known(36) },
          .time_s = known(40),
          .forecast_downtime_s = known(0.3),
          .downtime_s = known(0.3),
          .passes = 6,
          .passes_inside = 4,
          .would_have = "2.4 MB/s would have been guaranteed" },
        { .session = "14",
          .guest = "vm-a",
          .time_us = BEGAN_US - 999000000,
          .mode = "observe",
          .status = "failed",
          .forecast_time_s = { known(30), known(28), known(36) },
          .time_s = known(3) },
    };

    return ctl_track_record_to_json(entries, G_N_ELEMENTS(entries));
}

static JsonObject *
status_document(const FakeDaemon *fake)
{
    CtlDaemon daemon = {
        .version = "0.1.0",
        .pid = 4711,
        .host = "host-1",
        .mode = "enforce",
        .disabled = fake->disabled ? "vmferry disable" : NULL,
        .since_us = BEGAN_US - 3600000000LL,
        .libvirt_uri = "qemu:///system",
        .libvirt_connected = true,
        .libvirt_since_us = BEGAN_US - 3600000000LL,
        .libvirt_version = "9.0.0",
        .sessions_begun = 3,
        .sessions_completed = 2,
        .sessions_failed = 1,
        .decisions = 21,
    };
    JsonObject *sessions = json_object_new_array();

    if (!fake->ended) {
        json_object_array_add(sessions, session_document(fake));
    }
    return ctl_status_to_json(&daemon, BEGAN_US + fake->seconds * 1000000LL,
                              sessions, links_document(), queue_document(),
                              track_document(), NULL);
}

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
    g_autoptr(JsonObject) document = session_document(fake);

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
    JsonObject *session = session_document(fake);
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
        result = status_document(fake);
        break;
    case CTL_COMMAND_QUEUE:
        result = json_object_new_object();
        jobj_add(result, "queue", queue_document());
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
    jobj_add(data, "document", session_document(daemon));
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
