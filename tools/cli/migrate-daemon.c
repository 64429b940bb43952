/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-daemon.c - see migrate-daemon.h
 */
#include "tools/cli/migrate-daemon.h"

#include <string.h>

#include "ctl/client.h"

/* A daemon that hangs must not keep a migration from beginning. */
#define PATIENCE_MS 2000

struct MigrateDaemon {
    CtlClient *client; /* NULL: it is gone */
    char *session;
    char *waits;   /* why it may not begin yet; NULL: it may */
    char *refused; /* steps that were asked for and are not allowed; NULL */
    const MigrateDaemonCallbacks *callbacks;
    gpointer user;
    Known link_bytes_s; /* what its link carries */
    uint64_t guarantee_bytes_s, ceiling_bytes_s;
};

/* --- announcing --- */

static JsonObject *
protected_of(const MigrateOptions *options)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < options->protected_specs->len; i++) {
        const ProtectedSpec *spec =
            &g_array_index(options->protected_specs, ProtectedSpec, i);
        JsonObject *one = json_object_new_object();

        jobj_add_string(one, "expression", spec->expression);
        jobj_add_u64(one, "rate_bytes_s", spec->rate_bytes_s);
        json_object_array_add(array, one);
    }
    return array;
}

static JsonObject *
flags_of(unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = {
        { VIRT_MIGRATE_POSTCOPY, "postcopy" },
        { VIRT_MIGRATE_AUTO_CONVERGE, "auto-converge" },
        { VIRT_MIGRATE_PARALLEL, "parallel" },
        { VIRT_MIGRATE_PEER2PEER, "p2p" },
        { VIRT_MIGRATE_PERSIST_DEST, "persistent" },
        { VIRT_MIGRATE_TLS, "tls" },
        { VIRT_MIGRATE_NON_SHARED_DISK, "storage" },
        { VIRT_MIGRATE_NON_SHARED_INC, "storage" },
        { VIRT_MIGRATE_TUNNELLED, "tunnelled" },
    };
    JsonObject *array = json_object_new_array();

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (flags & names[i].flag) {
            json_object_array_add(array, json_object_new_string(names[i].name));
        }
    }
    return array;
}

/* The ladder is the daemon's then, with the same permissions. */
static void
add_ladder(JsonObject *arguments, const MigrateOptions *options)
{
    JsonObject *allow = json_object_new_array();

    for (int step = 0; step < LADDER_N_STEPS; step++) {
        if (options->ladder.allowed & LADDER_BIT(step)) {
            json_object_array_add(
                allow,
                json_object_new_string(ladder_step_name((LadderStep)step)));
        }
    }
    json_object_array_add(allow, json_object_new_string("ceiling"));
    jobj_add(arguments, "allow", allow);
    jobj_add_double(arguments, "downtime_max_s",
                    options->ladder.downtime_most_s);
    jobj_add_double(arguments, "throttle_max", options->ladder.throttle_most);
}

JsonObject *
migrate_daemon_arguments(const MigrateOptions *options,
                         const MigrateDaemonGuest *guest)
{
    JsonObject *arguments = json_object_new_object();

    jobj_add_string(arguments, "uuid", guest->uuid);
    if (guest->name) {
        jobj_add_string(arguments, "guest", guest->name);
    }
    jobj_add_string(arguments, "destination", options->desturi);
    if (options->migrateuri) {
        jobj_add_string(arguments, "migrate_uri", options->migrateuri);
    }
    jobj_add_string(arguments, "policy", policy_kind_name(options->policy));
    if (options->margin.known) {
        jobj_add_known(arguments, "margin", options->margin);
    }
    if (options->deadline_s.known) {
        jobj_add_known(arguments, "deadline_s", options->deadline_s);
    }
    if (options->downtime_ms) {
        /* libvirt is told by us, as we ask it to migrate */
        jobj_add_double(arguments, "downtime_limit_s",
                        options->downtime_ms / 1000.0);
    }
    if (options->protected_specs->len > 0) {
        jobj_add(arguments, "protected", protected_of(options));
    }
    if (guest->device) {
        jobj_add_string(arguments, "link_device", guest->device);
    }
    if (guest->memory_bytes) {
        jobj_add_u64(arguments, "memory_bytes", guest->memory_bytes);
    }
    if (options->queue) {
        jobj_add_bool(arguments, "queue", true);
    }
    if (options->link_rate_bytes_s) {
        jobj_add_u64(arguments, "link_rate_bytes_s",
                     options->link_rate_bytes_s);
    }
    if (options->parent) {
        g_autofree char *parent = g_strdup_printf(
            "%x:%x", options->parent >> 16, options->parent & 0xffff);

        jobj_add_string(arguments, "parent", parent);
    }
    if (options->climbs) {
        add_ladder(arguments, options);
    }
    if (guest->starter) {
        jobj_add_string(arguments, "starter", guest->starter);
    }
    jobj_add(arguments, "flags", flags_of(options->spec->flags));
    return arguments;
}

/* "downtime, abort"; NULL: it allows all that somebody named. */
static char *
refused_of(JsonObject *result)
{
    static const char *const unnamed[] = { "guarantee", "order", "wait",
                                           "ceiling", NULL };
    JsonObject *steps = jobj_get(result, "refused");
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (size_t i = 0; json_object_is_type(steps, json_type_array) &&
                       i < json_object_array_length(steps);
         i++) {
        const char *step =
            json_object_get_string(json_object_array_get_idx(steps, i));

        if (step && !g_strv_contains(unnamed, step)) {
            g_ptr_array_add(names, (gpointer)step);
        }
    }
    if (names->len == 0) {
        return NULL;
    }
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

static MigrateDaemon *
announce(CtlClient *client, JsonObject *arguments, char **alone)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) result =
        ctl_client_call(client, CTL_COMMAND_ANNOUNCE, arguments, &error);
    const char *session = "", *reason = "it does not say why";
    bool steers = false, admitted = true;
    MigrateDaemon *daemon;

    if (!result) {
        *alone = g_strdup(error->message);
        return NULL;
    }
    jobj_get_string(result, "session", &session);
    jobj_get_string(result, "reason", &reason);
    if (!jobj_get_bool(result, "steers", &steers) || !steers) {
        *alone = g_strdup(reason);
        return NULL;
    }
    daemon = g_new0(MigrateDaemon, 1);
    daemon->session = g_strdup(session);
    jobj_get_bool(result, "admitted", &admitted);
    daemon->waits = admitted ? NULL : g_strdup(reason);
    daemon->refused = refused_of(result);
    daemon->link_bytes_s = jobj_get_known(result, "link_rate_bytes_s");
    return daemon;
}

MigrateDaemon *
migrate_daemon_announce(const MigrateOptions *options,
                        const MigrateDaemonGuest *guest, char **alone)
{
    g_autofree char *path = ctl_socket_path(options->socket);
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlClient) client = NULL;
    MigrateDaemon *daemon;

    *alone = NULL;
    client = ctl_client_open(path, PATIENCE_MS, &error);
    if (!client) {
        if (options->socket ||
            !g_error_matches(error, CTL_ERROR, CTL_ERROR_NO_DAEMON)) {
            *alone = g_strdup(error->message);
        }
        return NULL;
    }
    daemon = announce(client, migrate_daemon_arguments(options, guest), alone);
    if (daemon) {
        daemon->client = g_steal_pointer(&client);
    }
    return daemon;
}

Known
migrate_daemon_link(const MigrateDaemon *daemon)
{
    return daemon->link_bytes_s;
}

const char *
migrate_daemon_refused(const MigrateDaemon *daemon)
{
    return daemon->refused;
}

/* --- waiting --- */

const char *
migrate_daemon_waits(const MigrateDaemon *daemon)
{
    return daemon->waits;
}

static JsonObject *
of_session(const MigrateDaemon *daemon)
{
    JsonObject *arguments = json_object_new_object();

    jobj_add_string(arguments, "session", daemon->session);
    return arguments;
}

bool
migrate_daemon_wait(MigrateDaemon *daemon, GError **error)
{
    g_autoptr(JsonObject) subscribed = ctl_client_call(
        daemon->client, CTL_COMMAND_SUBSCRIBE, of_session(daemon), error);
    g_autoptr(JsonObject) queue = NULL;
    JsonObject *waiters;
    bool there = false;

    /* it may have been its turn before it listened */
    if (subscribed) {
        queue = ctl_client_call(daemon->client, CTL_COMMAND_QUEUE, NULL, error);
    }
    waiters = jobj_get(queue, "queue");
    for (size_t i = 0; waiters && i < json_object_array_length(waiters); i++) {
        const char *session = "";

        jobj_get_string(json_object_array_get_idx(waiters, i), "session",
                        &session);
        there |= strcmp(session, daemon->session) == 0;
    }
    while (queue && there) {
        g_autoptr(JsonObject) event =
            ctl_client_next_event(daemon->client, -1, error);
        const char *name = "", *message = "its turn will not come";

        if (!event) {
            return false;
        }
        jobj_get_string(event, "event", &name);
        jobj_get_string(event, "data.message", &message);
        if (strcmp(name, "session-ended") == 0) {
            g_set_error(error, CTL_ERROR, CTL_ERROR_REFUSED, "%s", message);
            return false;
        }
        there = strcmp(name, "session-admitted") != 0;
    }
    g_clear_pointer(&daemon->waits, g_free);
    return queue != NULL;
}

/* --- watching --- */

static bool
parse_step(const char *name, PolicyStep *step)
{
    for (int i = 0; i < POLICY_N_STEPS; i++) {
        if (g_strcmp0(policy_step_name((PolicyStep)i), name) == 0) {
            *step = (PolicyStep)i;
            return true;
        }
    }
    return false;
}

bool
migrate_daemon_decision(JsonObject *json, PolicyDecision *decision,
                        unsigned *iter, bool *carried_out)
{
    PolicyDecision read = { 0 };
    const char *step = "", *text = "";
    uint64_t number = 0;

    jobj_get_string(json, "step", &step);
    if (!parse_step(step, &read.step)) {
        return false; /* one of the ladder's, or of a later daemon */
    }
    jobj_get_string(json, "text", &text);
    g_strlcpy(read.reason, text, sizeof(read.reason));
    jobj_get_u64(json, "iteration", &number);
    jobj_get_u64(json, "guarantee_bytes_s", &read.guarantee_bytes_s);
    jobj_get_u64(json, "ceiling_bytes_s", &read.ceiling_bytes_s);
    jobj_get_u64(json, "application_bytes_s", &read.application_bytes_s);
    jobj_get_bool(json, "carried_out", carried_out);
    *iter = (unsigned)number;
    *decision = read;
    return true;
}

static void
tell_decision(MigrateDaemon *daemon, JsonObject *json)
{
    PolicyDecision decision;
    const char *step = "", *text = "";
    unsigned iter;
    bool carried_out = false;

    if (migrate_daemon_decision(json, &decision, &iter, &carried_out)) {
        daemon->callbacks->decision(&decision, iter, carried_out, daemon->user);
    } else {
        g_autofree char *note = NULL;

        jobj_get_string(json, "step", &step);
        jobj_get_string(json, "text", &text);
        note = g_strdup_printf("%s: %s", step, text);
        daemon->callbacks->note("step", note, daemon->user);
    }
}

static void
take_document(MigrateDaemon *daemon, JsonObject *document)
{
    bool in_force = false;

    jobj_get_bool(document, "in_force", &in_force);
    daemon->guarantee_bytes_s = daemon->ceiling_bytes_s = 0;
    if (in_force) {
        daemon->guarantee_bytes_s = (uint64_t)known_or(
            jobj_get_known(document, "guarantee_bytes_s"), 0);
        daemon->ceiling_bytes_s =
            (uint64_t)known_or(jobj_get_known(document, "ceiling_bytes_s"), 0);
    }
}

static void
on_event(CtlClient *client, JsonObject *event, gpointer user)
{
    MigrateDaemon *daemon = user;
    JsonObject *data = jobj_get(event, "data");
    const char *name = "", *text = "", *by = "somebody";

    jobj_get_string(event, "event", &name);
    jobj_get_string(data, "text", &text);
    if (jobj_get(data, "document")) {
        take_document(daemon, jobj_get(data, "document"));
    }
    if (strcmp(name, "decision") == 0) {
        tell_decision(daemon, jobj_get(data, "decision"));
    } else if (strcmp(name, "warning") == 0) {
        /* a foreign change is warned of as well */
        daemon->callbacks->note("warning", text, daemon->user);
    } else if (strcmp(name, "held") == 0) {
        g_autofree char *note = NULL;

        jobj_get_string(data, "held.by", &by);
        jobj_get_string(data, "held.reason", &text);
        note = g_strdup_printf("by %s%s%s", by, *text ? ": " : "", text);
        daemon->callbacks->note("held", note, daemon->user);
    } else if (strcmp(name, "released") == 0) {
        daemon->callbacks->note("released", "no longer held", daemon->user);
    }
}

static void
on_closed(CtlClient *client, const GError *error, gpointer user)
{
    MigrateDaemon *daemon = user;
    g_autofree char *note = g_strdup_printf(
        "vmferryd is gone (%s); the migration goes on, and nothing is "
        "reserved for it until a daemon is back",
        error->message);

    g_clear_pointer(&daemon->client, ctl_client_free);
    daemon->guarantee_bytes_s = daemon->ceiling_bytes_s = 0;
    daemon->callbacks->note("warning", note, daemon->user);
}

static void
on_subscribed(CtlClient *client, JsonObject *result, const GError *error,
              gpointer user)
{
    MigrateDaemon *daemon = user;

    /* one that is gone is told by on_closed() */
    if (error && !g_error_matches(error, CTL_ERROR, CTL_ERROR_CLOSED)) {
        daemon->callbacks->note("warning", error->message, daemon->user);
    }
}

void
migrate_daemon_watch(MigrateDaemon *daemon,
                     const MigrateDaemonCallbacks *callbacks, gpointer user)
{
    static const CtlClientCallbacks of_client = { on_event, on_closed };

    daemon->callbacks = callbacks;
    daemon->user = user;
    ctl_client_attach(daemon->client, NULL, &of_client, daemon);
    ctl_client_send(daemon->client, CTL_COMMAND_SUBSCRIBE, of_session(daemon),
                    on_subscribed, daemon);
}

const char *
migrate_daemon_session(const MigrateDaemon *daemon)
{
    return daemon->session;
}

uint64_t
migrate_daemon_guarantee(const MigrateDaemon *daemon)
{
    return daemon->guarantee_bytes_s;
}

uint64_t
migrate_daemon_ceiling(const MigrateDaemon *daemon)
{
    return daemon->ceiling_bytes_s;
}

void
migrate_daemon_withdraw(MigrateDaemon *daemon)
{
    if (daemon->client) {
        jobj_unref(ctl_client_call(daemon->client, CTL_COMMAND_WITHDRAW,
                                   of_session(daemon), NULL));
    }
}

void
migrate_daemon_free(MigrateDaemon *daemon)
{
    if (!daemon) {
        return;
    }
    ctl_client_free(daemon->client);
    g_free(daemon->session);
    g_free(daemon->waits);
    g_free(daemon->refused);
    g_free(daemon);
}
