/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-daemon.c - see drain-daemon.h
 */
#include "tools/cli/drain-daemon.h"

#include <string.h>

#include "ctl/client.h"
#include "tools/cli/migrate-daemon.h"

/* A daemon that hangs must not keep a drain from beginning. */
#define PATIENCE_MS 2000

struct DrainDaemon {
    DrainRun *run;
    const DrainDaemonCallbacks *callbacks;
    CtlClient *client; /* NULL: it is gone */
};

/* The answer may come when nobody listens any more. */
typedef struct Announcing {
    DrainDaemon *daemon;
    DrainUnit *unit;
} Announcing;

static DrainUnit *
unit_of(const DrainDaemon *daemon, const char *session)
{
    for (guint i = 0; i < daemon->run->units->len; i++) {
        DrainUnit *unit = daemon->run->units->pdata[i];

        if (unit->ticket && strcmp(unit->ticket, session) == 0) {
            return unit;
        }
    }
    return NULL;
}

static bool
waits_there(const DrainUnit *unit)
{
    return unit->guest->status == DRAIN_WAITS &&
           (unit->announcing || unit->ticket);
}

/* --- what it tells --- */

static void
take_document(DrainUnit *unit, JsonObject *document)
{
    bool in_force = false;

    jobj_get_bool(document, "in_force", &in_force);
    unit->guarantee_bytes_s =
        in_force ? (uint64_t)known_or(
                       jobj_get_known(document, "guarantee_bytes_s"), 0)
                 : 0;
}

static void
take_decision(DrainUnit *unit, JsonObject *json)
{
    RunDecision entry = { 0 };

    if (unit->session && !unit->record &&
        migrate_daemon_decision(json, &entry.decision, &entry.iter,
                                &entry.applied)) {
        entry.t_s = session_seconds(unit->session);
        g_array_append_val(session_record(unit->session)->decisions, entry);
    }
}

static void
tell_note(DrainDaemon *daemon, DrainUnit *unit, const char *kind,
          JsonObject *data)
{
    const char *text = "", *by = "somebody";
    g_autofree char *note = NULL;

    if (strcmp(kind, "held") == 0) {
        jobj_get_string(data, "held.by", &by);
        jobj_get_string(data, "held.reason", &text);
        note = g_strdup_printf("held by %s%s%s", by, *text ? ": " : "", text);
    } else {
        jobj_get_string(data, "text", &text);
        note =
            g_strdup(strcmp(kind, "released") == 0 ? "no longer held" : text);
    }
    daemon->callbacks->note(unit, strcmp(kind, "warning") == 0 ? kind : "note",
                            note);
}

/* What it forecasts depends on what is left of the drain's time by now. */
static void
on_set(CtlClient *client, JsonObject *result, const GError *error,
       gpointer user)
{
}

static void
set_deadline(DrainDaemon *daemon, const DrainUnit *unit)
{
    Known deadline_s =
        unit->session ? job_settings(session_job(unit->session))->deadline_s
                      : unknown();
    JsonObject *arguments;

    if (deadline_s.known) {
        arguments = json_object_new_object();
        jobj_add_string(arguments, "session", unit->ticket);
        jobj_add_known(arguments, "deadline_s", deadline_s);
        ctl_client_send(daemon->client, CTL_COMMAND_SET, arguments, on_set,
                        NULL);
    }
}

static void
on_event(CtlClient *client, JsonObject *event, gpointer user)
{
    DrainDaemon *daemon = user;
    JsonObject *data = jobj_get(event, "data");
    const char *name = "", *session = "", *message = "it was cancelled";
    DrainUnit *unit;

    jobj_get_string(event, "event", &name);
    jobj_get_string(data, "session", &session);
    unit = unit_of(daemon, session);
    if (!unit) {
        return;
    }
    if (jobj_get(data, "document")) {
        take_document(unit, jobj_get(data, "document"));
    }
    if (strcmp(name, "session-admitted") == 0) {
        if (waits_there(unit)) {
            daemon->callbacks->admitted(unit);
        }
    } else if (strcmp(name, "session-begun") == 0) {
        set_deadline(daemon, unit);
    } else if (strcmp(name, "session-ended") == 0) {
        jobj_get_string(data, "message", &message);
        unit->guarantee_bytes_s = 0;
        if (waits_there(unit)) {
            g_clear_pointer(&unit->ticket, g_free);
            daemon->callbacks->refused(unit, message);
        }
    } else if (strcmp(name, "decision") == 0) {
        take_decision(unit, jobj_get(data, "decision"));
    } else if (strcmp(name, "warning") == 0 || strcmp(name, "held") == 0 ||
               strcmp(name, "released") == 0) {
        tell_note(daemon, unit, name, data);
    }
}

static void
on_closed(CtlClient *client, const GError *error, gpointer user)
{
    DrainDaemon *daemon = user;

    g_clear_pointer(&daemon->client, ctl_client_free);
    for (guint i = 0; i < daemon->run->units->len; i++) {
        DrainUnit *unit = daemon->run->units->pdata[i];

        unit->guarantee_bytes_s = 0;
        if (waits_there(unit)) {
            unit->announcing = false;
            g_clear_pointer(&unit->ticket, g_free);
            daemon->callbacks->refused(unit, NULL);
        }
    }
    daemon->callbacks->gone(daemon->run, error->message);
}

/* --- announcing --- */

static void
on_announced(CtlClient *client, JsonObject *result, const GError *error,
             gpointer user)
{
    g_autofree Announcing *announcing = user;
    DrainDaemon *daemon = announcing->daemon;
    DrainUnit *unit = announcing->unit;
    const char *session = "", *reason = NULL;
    bool steers = false, admitted = true;

    if (g_error_matches(error, CTL_ERROR, CTL_ERROR_CLOSED)) {
        return; /* on_closed() tells of all */
    }
    unit->announcing = false;
    jobj_get_string(result, "session", &session);
    jobj_get_string(result, "reason", &reason);
    jobj_get_bool(result, "steers", &steers);
    jobj_get_bool(result, "admitted", &admitted);
    if (!steers) {
        g_autofree char *text =
            g_strdup_printf("vmferryd does not steer it, the drain does: %s",
                            error    ? error->message
                            : reason ? reason
                                     : "it does not say why");

        daemon->callbacks->note(unit, "note", text);
        daemon->callbacks->refused(unit, NULL);
        return;
    }
    unit->ticket = g_strdup(session);
    unit->told_link_bytes_s = jobj_get_known(result, "link_rate_bytes_s");
    if (daemon->run->stopping) {
        drain_daemon_withdraw(daemon, unit);
        daemon->callbacks->refused(unit, NULL);
    } else if (admitted) {
        daemon->callbacks->admitted(unit);
    } else if (reason && *reason) {
        daemon->callbacks->note(unit, "note", reason);
    }
}

void
drain_daemon_announce(DrainDaemon *daemon, DrainUnit *unit, Known deadline_s)
{
    const VirtGuestInfo *info = virt_guest_info(unit->virt);
    const DrainPlace *place = daemon->run->places->pdata[unit->guest->host];
    MigrateDaemonGuest guest = {
        .uuid = info->uuid,
        .name = info->name,
        .device = place->has_link ? place->link.device : NULL,
        .memory_bytes = info->memory_bytes,
        .starter = "drain",
    };
    Announcing *announcing = g_new(Announcing, 1);

    unit->announcing = true;
    unit->migrate->queue = true;
    unit->migrate->deadline_s = deadline_s;
    *announcing = (Announcing){ daemon, unit };
    ctl_client_send(daemon->client, CTL_COMMAND_ANNOUNCE,
                    migrate_daemon_arguments(unit->migrate, &guest),
                    on_announced, announcing);
}

static void
on_withdrawn(CtlClient *client, JsonObject *result, const GError *error,
             gpointer user)
{
}

void
drain_daemon_withdraw(DrainDaemon *daemon, DrainUnit *unit)
{
    JsonObject *arguments;

    if (daemon && daemon->client && unit->ticket) {
        arguments = json_object_new_object();
        jobj_add_string(arguments, "session", unit->ticket);
        ctl_client_send(daemon->client, CTL_COMMAND_WITHDRAW, arguments,
                        on_withdrawn, NULL);
    }
    g_clear_pointer(&unit->ticket, g_free);
}

/* --- life --- */

static void
on_subscribed(CtlClient *client, JsonObject *result, const GError *error,
              gpointer user)
{
}

DrainDaemon *
drain_daemon_new(DrainRun *run, const DrainDaemonCallbacks *callbacks,
                 char **why_not)
{
    static const CtlClientCallbacks of_client = { on_event, on_closed };
    g_autoptr(MigrateOptions) trial = drain_options_migrate(
        run->options, "guest", run->options->to->pdata[0], true, NULL);
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    CtlClient *client;
    DrainDaemon *daemon;

    *why_not = NULL;
    /* Its classes are on this host's links; others' it cannot steer. */
    if (!trial || trial->alone || trial->policy == POLICY_NONE ||
        virt_host_info(run->source)->local != VIRT_LOCAL_YES) {
        return NULL;
    }
    path = ctl_socket_path(trial->socket);
    client = ctl_client_open(path, PATIENCE_MS, &error);
    if (!client) {
        if (trial->socket ||
            !g_error_matches(error, CTL_ERROR, CTL_ERROR_NO_DAEMON)) {
            *why_not = g_strdup(error->message);
        }
        return NULL;
    }
    daemon = g_new0(DrainDaemon, 1);
    daemon->run = run;
    daemon->callbacks = callbacks;
    daemon->client = client;
    ctl_client_attach(client, NULL, &of_client, daemon);
    /* First, so that nothing is told before somebody listens. */
    ctl_client_send(client, CTL_COMMAND_SUBSCRIBE, NULL, on_subscribed, NULL);
    return daemon;
}

void
drain_daemon_free(DrainDaemon *daemon)
{
    if (daemon) {
        ctl_client_free(daemon->client);
        g_free(daemon);
    }
}
