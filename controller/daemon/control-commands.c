/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control-commands.c - what the control socket lets others see and do
 *
 * The server has checked who asks, and the form of what is asked. Here is what
 * only the daemon can know: whether there is such a session, and whether the
 * rules let anybody do that to it.
 */
#include <gio/gio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "ctl/peer.h"
#include "daemon/daemon-priv.h"

#define DEFAULT_RUNS 20

static void
refuse_unknown(CtlRequest *request, const char *which)
{
    ctl_request_fail(request, CTL_ERROR_NOT_FOUND,
                     "see vmferry status for those that run",
                     "there is no session '%s'", which);
}

/* The session that is asked for; NULL: the request is answered. */
static Outgoing *
session_asked_for(Daemon *daemon, CtlRequest *request)
{
    const char *which = "";
    Outgoing *found = NULL;

    jobj_get_string(ctl_request_arguments(request), "session", &which);
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (outgoing->ended || (!g_str_equal(outgoing->id, which) &&
                                !g_str_equal(outgoing->uuid, which) &&
                                !g_str_equal(outgoing->name, which))) {
            continue;
        }
        if (found) {
            ctl_request_fail(request, CTL_ERROR_AMBIGUOUS,
                             "give the session's id",
                             "guest '%s' has the sessions %s and %s", which,
                             found->id, outgoing->id);
            return NULL;
        }
        found = outgoing;
    }
    if (!found) {
        refuse_unknown(request, which);
    }
    return found;
}

/* The same where it may be one that waits for its turn: that is answered. */
static Outgoing *
steered_asked_for(Daemon *daemon, CtlRequest *request)
{
    return waiting_command(daemon, request)
               ? NULL
               : session_asked_for(daemon, request);
}

static JsonObject *
only_session(const Outgoing *outgoing)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "session", outgoing->id);
    return json;
}

/* --- looking --- */

static void
do_status(gpointer self, CtlRequest *request)
{
    ctl_request_return(request, control_status(self));
}

static void
do_queue(gpointer self, CtlRequest *request)
{
    JsonObject *json = json_object_new_object();

    jobj_add(json, "queue", waiting_document(self));
    ctl_request_return(request, json);
}

static void
do_metrics(gpointer self, CtlRequest *request)
{
    ctl_request_return(request, control_metrics(self));
}

static void
do_history(gpointer self, CtlRequest *request)
{
    Daemon *daemon = self;
    JsonObject *arguments = ctl_request_arguments(request);
    JsonObject *json = json_object_new_object();
    JsonObject *runs = json_object_new_array();
    const char *guest = NULL;
    uint64_t limit = DEFAULT_RUNS;

    jobj_get_string(arguments, "guest", &guest);
    jobj_get_u64(arguments, "limit", &limit);
    for (guint i = daemon->past->len;
         i-- > 0 && json_object_array_length(runs) < limit;) {
        JsonObject *run = jobj_get(g_ptr_array_index(daemon->past, i), "run");
        const char *name = "", *uuid = "";

        jobj_get_string(run, "guest", &name);
        jobj_get_string(run, "uuid", &uuid);
        if (!guest || g_str_equal(guest, name) || g_str_equal(guest, uuid)) {
            json_object_array_add(runs, json_object_get(run));
        }
    }
    jobj_add(json, "runs", runs);
    ctl_request_return(request, json);
}

static void
copy_member(JsonObject *to, const char *name, JsonObject *from)
{
    JsonObject *value = jobj_get(from, name);

    jobj_add(to, name, value ? json_object_get(value) : NULL);
}

static void
return_record(CtlRequest *request, JsonObject *record, JsonObject *session)
{
    JsonObject *json = json_object_new_object();

    jobj_add(json, "session", session);
    copy_member(json, "iterations", record);
    copy_member(json, "decisions", record);
    copy_member(json, "points", record);
    jobj_add(json, "record", json_object_get(record));
    ctl_request_return(request, json);
}

/* One that has ended: its record is in its file. */
static bool
show_ended(Daemon *daemon, CtlRequest *request, const char *which)
{
    const char *folder = daemon->config->daemon.records;
    g_autofree char *file = g_strdup_printf("%s.json", which);
    g_autofree char *path = NULL, *text = NULL;
    g_autoptr(JsonObject) record = NULL;

    /* An id, and not a way out of the folder. */
    if (!folder || strspn(which, "0123456789T-") != strlen(which) || !*which) {
        return false;
    }
    path = g_build_filename(folder, file, NULL);
    text = disk_text(daemon->disk, path); /* it may have ended just now */
    if ((!text && !g_file_get_contents(path, &text, NULL, NULL)) ||
        !(record = jobj_parse(text, strlen(text), NULL))) {
        return false;
    }
    return_record(request, record, NULL);
    return true;
}

static void
do_show(gpointer self, CtlRequest *request)
{
    Daemon *daemon = self;
    g_autoptr(JsonObject) record = NULL;
    const char *which = "";
    Outgoing *outgoing;

    jobj_get_string(ctl_request_arguments(request), "session", &which);
    if (show_ended(daemon, request, which)) {
        return;
    }
    outgoing = session_asked_for(daemon, request);
    if (outgoing) {
        record = run_record_to_json(session_record(outgoing->session));
        return_record(request, record, control_session(outgoing));
    }
}

/* --- steering --- */

static void
do_hold(gpointer self, CtlRequest *request)
{
    Outgoing *outgoing = steered_asked_for(self, request);
    g_autofree char *by = NULL;
    const char *reason = "asked for";
    const CtlPeer *peer;
    JobState state;

    if (!outgoing) {
        return; /* answered, and the request is gone */
    }
    peer = ctl_request_peer(request);
    by = g_strdup_printf("%s, uid %u", peer->program, (unsigned)peer->uid);
    state = job_state(session_job(outgoing->session));
    jobj_get_string(ctl_request_arguments(request), "reason", &reason);
    if (state == JOB_POSTCOPY || state == JOB_SWITCHOVER) {
        ctl_request_fail(request, CTL_ERROR_REFUSED, NULL,
                         "guest '%s' is being switched over, or runs on the "
                         "destination already: it is not held now",
                         outgoing->name);
        return;
    }
    outgoing_hold(outgoing, by, reason);
    ctl_request_return(request, only_session(outgoing));
}

static void
do_release(gpointer self, CtlRequest *request)
{
    Outgoing *outgoing = steered_asked_for(self, request);

    if (outgoing) {
        outgoing_release(outgoing);
        ctl_request_return(request, only_session(outgoing));
    }
}

typedef struct Cancelling {
    CtlRequest *request;
    JsonObject *answer;
} Cancelling;

static void
on_cancelled(const GError *error, gpointer user)
{
    g_autofree Cancelling *cancelling = user;

    if (error) {
        jobj_unref(cancelling->answer);
        ctl_request_fail_error(cancelling->request, error, NULL);
    } else {
        ctl_request_return(cancelling->request, cancelling->answer);
    }
}

static void
do_cancel(gpointer self, CtlRequest *request)
{
    Outgoing *outgoing = steered_asked_for(self, request);
    Cancelling *cancelling;

    if (!outgoing) {
        return;
    }
    if (outgoing->rules.mode != CONFIG_MODE_ENFORCE) {
        ctl_request_fail(request, CTL_ERROR_REFUSED, "use virsh domjobabort",
                         "the migration of guest '%s' is in mode %s, in which "
                         "vmferryd changes nothing: it does not abort it "
                         "either",
                         outgoing->name,
                         config_mode_name(outgoing->rules.mode));
    } else if (job_state(session_job(outgoing->session)) == JOB_POSTCOPY) {
        ctl_request_fail(request, CTL_ERROR_REFUSED, NULL,
                         "guest '%s' runs on the destination already, and its "
                         "memory is on both hosts: nothing is stopped now",
                         outgoing->name);
    } else if (!outgoing->announced &&
               !(outgoing->rules.allow & 1u << CONFIG_MAY_ABORT)) {
        ctl_request_fail(request, CTL_ERROR_REFUSED,
                         "name \"abort\" in \"allow\" of its [guest] and "
                         "[starter] sections, or use virsh domjobabort",
                         "the migration of guest '%s' was started by others, "
                         "and its rules do not allow to abort it",
                         outgoing->name);
    } else {
        cancelling = g_new(Cancelling, 1);
        *cancelling = (Cancelling){ request, only_session(outgoing) };
        virt_guest_abort_job(session_guest(outgoing->session), on_cancelled,
                             cancelling);
    }
}

static bool
set_settings(JsonObject *arguments, PolicySettings *settings,
             JsonObject *changed)
{
    JsonObject *deadline = NULL;
    const char *policy;
    bool any = false;

    if (json_object_object_get_ex(arguments, "deadline_s", &deadline)) {
        settings->deadline_s = jobj_get_known(arguments, "deadline_s");
        json_object_array_add(changed, json_object_new_string("deadline_s"));
        any = true;
    }
    if (jobj_get_string(arguments, "policy", &policy) &&
        policy_kind_parse(policy, &settings->kind, NULL)) {
        json_object_array_add(changed, json_object_new_string("policy"));
        any = true;
    }
    if (jobj_get_double(arguments, "margin", &settings->margin)) {
        json_object_array_add(changed, json_object_new_string("margin"));
        any = true;
    }
    return any;
}

static void
do_set(gpointer self, CtlRequest *request)
{
    Daemon *daemon = self;
    Outgoing *outgoing = steered_asked_for(daemon, request);
    JsonObject *arguments;
    g_autoptr(JsonObject) changed = json_object_new_array();
    g_autoptr(GError) error = NULL;
    PolicySettings settings;
    JsonObject *json;
    int64_t priority;
    bool any;

    if (!outgoing) {
        return;
    }
    arguments = ctl_request_arguments(request);
    if (jobj_get(arguments, "downtime_limit_s")) {
        ctl_request_fail(request, CTL_ERROR_REFUSED,
                         "virsh migrate-setmaxdowntime",
                         "the downtime limit of guest '%s' belongs to whoever "
                         "started its migration",
                         outgoing->name);
        return;
    }
    settings = *job_settings(session_job(outgoing->session));
    any = set_settings(arguments, &settings, changed);
    if (!policy_settings_check(&settings, &error)) {
        ctl_request_fail(request, CTL_ERROR_BAD_ARGUMENT, NULL, "%s",
                         error->message);
        return;
    }
    if (any) {
        session_set_policy(outgoing->session, &settings);
    }
    if (jobj_get(arguments, "policy")) {
        outgoing->has_set_policy = true;
        outgoing->rules.policy = outgoing->set_policy = settings.kind;
    }
    if (jobj_get_i64(arguments, "priority", &priority)) {
        outgoing->has_set_priority = true;
        outgoing->priority = (int)priority;
        json_object_array_add(changed, json_object_new_string("priority"));
    }
    if (outgoing->has_link) {
        shaping_open(outgoing);
        arbiter_settle(daemon, outgoing->link.ifindex);
    }
    control_changed(outgoing);
    json = only_session(outgoing);
    jobj_add(json, "changed", g_steal_pointer(&changed));
    ctl_request_return(request, json);
}

static JsonObject *
mode_now(Daemon *daemon)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "mode",
                    config_mode_name(daemon->config->defaults.mode));
    return json;
}

static void
do_disable(gpointer self, CtlRequest *request)
{
    const CtlPeer *peer = ctl_request_peer(request);
    g_autofree char *why =
        g_strdup_printf("by %s, uid %u", peer->program, (unsigned)peer->uid);
    g_autoptr(GError) error = NULL;

    if (!disabled_set(NULL, why, NULL, &error)) {
        ctl_request_fail_error(request, error, NULL);
        return;
    }
    daemon_look_disabled(self);
    ctl_request_return(request, mode_now(self));
}

static void
do_enable(gpointer self, CtlRequest *request)
{
    g_autoptr(GError) error = NULL;

    if (!disabled_unset(NULL, NULL, &error)) {
        ctl_request_fail_error(request, error, NULL);
        return;
    }
    daemon_look_disabled(self);
    ctl_request_return(request, mode_now(self));
}

static void
do_reload(gpointer self, CtlRequest *request)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *changes = NULL;
    JsonObject *json;

    if (!daemon_reload(self, &changes, &error)) {
        ctl_request_fail(request, CTL_ERROR_REFUSED,
                         "vmferryd --check-config says the same", "%s",
                         error->message);
        return;
    }
    json = json_object_new_object();
    jobj_add(json, "changed", jobj_new_lines(changes));
    control_take_groups(self, request, json);
}

/* --- groups: who they are may be asked for far away --- */

typedef struct Groups {
    Daemon *daemon;
    uint64_t number; /* the latest counts */
    char *read, *steer;
    CtlGroups groups;
    CtlRequest *request; /* or NULL */
    JsonObject *answer;
} Groups;

static void
groups_free(gpointer data)
{
    Groups *groups = data;

    g_free(groups->read);
    g_free(groups->steer);
    g_free(groups);
}

static void
resolve_groups(GTask *task, gpointer source, gpointer data,
               GCancellable *cancellable)
{
    Groups *groups = data;
    GError *error = NULL;

    if (ctl_groups_resolve(groups->read, groups->steer, &groups->groups,
                           &error)) {
        g_task_return_boolean(task, TRUE);
    } else {
        g_task_return_error(task, error);
    }
}

static void
on_groups(GObject *source, GAsyncResult *result, gpointer user)
{
    Groups *groups = user;
    Daemon *daemon = groups->daemon;
    g_autoptr(GError) error = NULL;

    if (!g_task_propagate_boolean(G_TASK(result), &error)) {
        daemon_log(G_LOG_LEVEL_WARNING, NULL, "%s", error->message);
    } else if (daemon->control && groups->number == daemon->groups_asked) {
        ctl_server_take_groups(daemon->control, &groups->groups);
    }
    if (groups->request) {
        ctl_request_return(groups->request, groups->answer);
    }
}

void
control_take_groups(Daemon *daemon, CtlRequest *request, JsonObject *answer)
{
    const ConfigControl *config = &daemon->config->control;
    g_autoptr(GTask) task = NULL;
    Groups *groups = g_new0(Groups, 1);

    groups->daemon = daemon;
    groups->number = ++daemon->groups_asked;
    groups->read = g_strdup(config->read_group);
    groups->steer = g_strdup(config->steer_group);
    groups->request = request;
    groups->answer = answer;
    task = g_task_new(NULL, NULL, on_groups, groups);
    g_task_set_task_data(task, groups, groups_free);
    g_task_run_in_thread(task, resolve_groups);
}

/* --- telling --- */

void
control_tell(const Outgoing *outgoing, CtlEvent event, JsonObject *data)
{
    if (outgoing->daemon->control) {
        ctl_server_event(outgoing->daemon->control, event, outgoing->id, data);
    } else {
        jobj_unref(data);
    }
}

bool
control_wants(const Outgoing *outgoing, CtlEvent event)
{
    const CtlServer *control = outgoing->daemon->control;

    return control && ctl_server_wants(control, event);
}

void
control_tell_mode(const Daemon *daemon, const char *by)
{
    JsonObject *data;

    if (daemon->control) {
        data = json_object_new_object();
        jobj_add_string(data, "mode",
                        config_mode_name(disabled_now(daemon->disabled)
                                             ? CONFIG_MODE_OBSERVE
                                             : daemon->config->defaults.mode));
        jobj_add_string(data, "by", by);
        ctl_server_event(daemon->control, CTL_EVENT_MODE, NULL, data);
    }
}

void
control_changed(const Outgoing *outgoing)
{
    JsonObject *data;

    if (!outgoing->session ||
        !control_wants(outgoing, CTL_EVENT_SESSION_CHANGED)) {
        return;
    }
    data = json_object_new_object();
    jobj_add(data, "document", control_session(outgoing));
    control_tell(outgoing, CTL_EVENT_SESSION_CHANGED, data);
}

void
control_start(Daemon *daemon)
{
    const ConfigControl *config = &daemon->config->control;
    CtlServerSpec spec = {
        .path = config->socket,
        .version = VMFERRY_VERSION,
        .read_group = config->read_group,
        .steer_group = config->steer_group,
    };
    CtlBackend backend = {
        .commands = { [CTL_COMMAND_STATUS] = do_status,
                      [CTL_COMMAND_QUEUE] = do_queue,
                      [CTL_COMMAND_METRICS] = do_metrics,
                      [CTL_COMMAND_HISTORY] = do_history,
                      [CTL_COMMAND_SHOW] = do_show,
                      [CTL_COMMAND_HOLD] = do_hold,
                      [CTL_COMMAND_RELEASE] = do_release,
                      [CTL_COMMAND_CANCEL] = do_cancel,
                      [CTL_COMMAND_SET] = do_set,
                      [CTL_COMMAND_ANNOUNCE] = announce_command,
                      [CTL_COMMAND_WITHDRAW] = announce_withdraw,
                      [CTL_COMMAND_DISABLE] = do_disable,
                      [CTL_COMMAND_ENABLE] = do_enable,
                      [CTL_COMMAND_RELOAD] = do_reload },
        .closed = announce_closed,
        .self = daemon,
    };
    g_autoptr(GError) error = NULL;

    announce_start(daemon);
    daemon->control = ctl_server_new(&spec, &backend, &error);
    if (!daemon->control) {
        /* Steering migrations does not depend on being asked about them. */
        daemon_log(G_LOG_LEVEL_WARNING, NULL, "no control socket: %s",
                   error->message);
    }
}

void
control_stop(Daemon *daemon)
{
    g_clear_pointer(&daemon->control, ctl_server_free);
    announce_stop(daemon);
}
