/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * announce.c - migrations that somebody tells us of before they begin
 *
 *   announce ─> waits ─> libvirt's sign ─> Outgoing with what was asked for
 *                 │                             │ the announcer goes
 *                 └─ withdrawn, its client      └─> one that others started
 *                    gone, a minute over
 *
 * "vmferry migrate" knows what its user wants: deadline, permissions, protected
 * applications. It is ours as long as it is connected; from then on nobody is
 * there who could answer for it.
 */
#include <string.h>

#include "daemon/announce-priv.h"
#include "tc/expression.h"
#include "tc/shaper.h"

#define FORGET_S 60
/* Plans of more take too long. */
#define MOST_ANNOUNCED 256u

static void
clear_guard(gpointer data)
{
    g_free(((ProtectedSpec *)data)->expression);
}

void
announced_free(Announced *announced)
{
    if (!announced) {
        return;
    }
    g_clear_handle_id(&announced->forget_source, g_source_remove);
    jobj_unref(announced->arguments);
    g_array_unref(announced->guards);
    g_free(announced->id);
    g_free(announced->program);
    g_free(announced->uuid);
    g_free(announced->guest);
    g_free(announced->held_by);
    g_free(announced->destination);
    g_free(announced->device);
    g_free(announced);
}

static gboolean
on_forget(gpointer user)
{
    Announced *announced = user;

    announced->forget_source = 0;
    daemon_log(G_LOG_LEVEL_INFO, NULL,
               "session %s was announced and did not begin within %d s: "
               "forgotten",
               announced->id, FORGET_S);
    g_hash_table_remove(announced->daemon->announced, announced->uuid);
    return G_SOURCE_REMOVE;
}

static GArray *
guards_of(JsonObject *arguments)
{
    JsonObject *array = jobj_get(arguments, "protected");
    GArray *guards = g_array_new(FALSE, TRUE, sizeof(ProtectedSpec));

    g_array_set_clear_func(guards, clear_guard);
    for (size_t i = 0; array && i < json_object_array_length(array); i++) {
        JsonObject *one = json_object_array_get_idx(array, i);
        const char *expression = "";
        ProtectedSpec guard = {
            .rate_bytes_s =
                (uint64_t)known_or(jobj_get_known(one, "rate_bytes_s"), 0),
        };

        jobj_get_string(one, "expression", &expression);
        guard.expression = g_strdup(expression);
        g_array_append_val(guards, guard);
    }
    return guards;
}

static Announced *
announced_new(Daemon *daemon, const CtlPeer *peer, JsonObject *arguments)
{
    Announced *announced = g_new0(Announced, 1);
    const char *uuid = "", *guest = NULL, *destination = NULL, *device = NULL;

    jobj_get_string(arguments, "uuid", &uuid);
    jobj_get_string(arguments, "guest", &guest);
    jobj_get_string(arguments, "destination", &destination);
    jobj_get_string(arguments, "link_device", &device);
    announced->daemon = daemon;
    announced->client = peer->client;
    announced->uid = peer->uid;
    announced->program = g_strdup(peer->program);
    announced->uuid = g_ascii_strdown(uuid, -1);
    announced->guest = g_strdup(guest);
    announced->destination = g_strdup(destination);
    announced->device = g_strdup(device);
    announced->arguments = json_object_get(arguments);
    announced->guards = guards_of(arguments);
    return announced;
}

/* --- what it asks for --- */

const char *
announced_id(const Announced *announced)
{
    return announced->id;
}

uint64_t
announced_number(const Announced *announced)
{
    return announced->number;
}

const char *
announced_destination(const Announced *announced)
{
    return announced->destination;
}

const char *
announced_starter(const Announced *announced)
{
    const char *starter = CONFIG_STARTER_OURS;

    jobj_get_string(announced->arguments, "starter", &starter);
    return starter;
}

bool
announced_has_deadline(const Announced *announced)
{
    return jobj_get_known(announced->arguments, "deadline_s").known;
}

uid_t
announced_uid(const Announced *announced)
{
    return announced->uid;
}

const char *
announced_program(const Announced *announced)
{
    return announced->program;
}

const char *
announced_device(const Announced *announced, uint64_t *rate_bytes_s)
{
    double rate =
        known_or(jobj_get_known(announced->arguments, "link_rate_bytes_s"), 0);

    if (rate > 0) {
        *rate_bytes_s = (uint64_t)rate;
    }
    return announced->device;
}

const GArray *
announced_guards(const Announced *announced)
{
    return announced->guards;
}

/* "1:10" as the protocol has checked it */
uint32_t
announced_parent(const Announced *announced)
{
    const char *text = NULL;
    uint32_t id = 0;

    if (jobj_get_string(announced->arguments, "parent", &text)) {
        shaper_id_parse(text, &id);
    }
    return id;
}

static unsigned
allowed_by(JsonObject *words)
{
    unsigned allow = 0;

    for (size_t i = 0; i < json_object_array_length(words); i++) {
        const char *word =
            json_object_get_string(json_object_array_get_idx(words, i));

        for (int may = 0; may < CONFIG_N_MAYS; may++) {
            if (strcmp(config_may_name((ConfigMay)may), word) == 0) {
                allow |= 1u << may;
            }
        }
    }
    return allow;
}

/* Whoever may announce does not get more than the configuration has for him.
 * root, who could take each step by hand, may name others than those that are
 * allowed by default, but none that a [starter] or the guest's section leaves
 * out. */
static unsigned
allow_most(const Announced *announced, const ConfigRules *rules)
{
    return announced->uid == 0 ? rules->allow_most : rules->allow;
}

void
announced_rules(const Announced *announced, ConfigRules *rules)
{
    JsonObject *arguments = announced->arguments;
    const char *policy = NULL;
    JsonObject *allow = jobj_get(arguments, "allow");
    Known downtime_max_s = jobj_get_known(arguments, "downtime_max_s");

    if (jobj_get_string(arguments, "policy", &policy)) {
        policy_kind_parse(policy, &rules->policy, NULL);
    }
    rules->margin =
        known_or(jobj_get_known(arguments, "margin"), rules->margin);
    rules->deadline_s =
        known_or(jobj_get_known(arguments, "deadline_s"), rules->deadline_s);
    rules->priority = (unsigned)known_or(jobj_get_known(arguments, "priority"),
                                         rules->priority);
    rules->throttle_max =
        MIN(rules->throttle_max,
            known_or(jobj_get_known(arguments, "throttle_max"), 1));
    if (downtime_max_s.known) {
        rules->downtime_max_ms = MIN(rules->downtime_max_ms,
                                     (unsigned)(downtime_max_s.value * 1000));
    }
    if (allow) {
        rules->allow = allowed_by(allow) & allow_most(announced, rules);
    }
}

static bool
announced_names(const Announced *announced, ConfigMay may)
{
    JsonObject *allow = jobj_get(announced->arguments, "allow");

    return allow && allowed_by(allow) & 1u << may;
}

/* Names of the steps that it asked for and may not have; NULL: none. */
static JsonObject *
list_refused(const Announced *announced, const ConfigRules *rules)
{
    JsonObject *allow = jobj_get(announced->arguments, "allow");
    /* QEMU does not throttle what was not started for it. */
    unsigned taken = announced_has_flag(announced, "auto-converge")
                         ? rules->allow
                         : rules->allow & ~(1u << CONFIG_MAY_AUTO_CONVERGE);
    unsigned refused = allow ? allowed_by(allow) & ~taken : 0;
    JsonObject *array = json_object_new_array();

    for (int may = 0; may < CONFIG_N_MAYS; may++) {
        if (refused & 1u << may) {
            json_object_array_add(
                array, json_object_new_string(config_may_name((ConfigMay)may)));
        }
    }
    return array;
}

Known
announced_downtime_s(const Announced *announced)
{
    return jobj_get_known(announced->arguments, "downtime_limit_s");
}

bool
announced_has_flag(const Announced *announced, const char *name)
{
    JsonObject *flags = jobj_get(announced->arguments, "flags");

    for (size_t i = 0; flags && i < json_object_array_length(flags); i++) {
        if (strcmp(json_object_get_string(json_object_array_get_idx(flags, i)),
                   name) == 0) {
            return true;
        }
    }
    return false;
}

/* What its flags rule out. */
void
announced_flags(const Announced *announced, LadderGuest *guest)
{
    guest->others_started = false;
    guest->postcopy_flag = announced_has_flag(announced, "postcopy");
    guest->auto_converge_flag = announced_has_flag(announced, "auto-converge");
    /* by the monitor, for one who named the step */
    guest->throttle_reachable =
        announced_names(announced, CONFIG_MAY_AUTO_CONVERGE);
    guest->tunnelled = announced_has_flag(announced, "tunnelled");
    guest->parallel = announced_has_flag(announced, "parallel");
    guest->local_disks = announced_has_flag(announced, "storage");
}

/* --- commands --- */

char *
announced_host(const Announced *announced)
{
    const char *migrate_uri = NULL;
    const char *text = announced->destination;
    g_autoptr(GUri) uri = NULL;
    const char *host;

    /* where the memory goes, if that was named */
    if (jobj_get_string(announced->arguments, "migrate_uri", &migrate_uri)) {
        text = migrate_uri;
    }
    uri = text ? g_uri_parse(text, G_URI_FLAGS_NONE, NULL) : NULL;
    host = uri ? g_uri_get_host(uri) : NULL;
    return host && *host ? g_strdup(host) : NULL;
}

void
announced_lookup(const Announced *announced, ConfigRules *rules)
{
    const Daemon *daemon = announced->daemon;
    g_autofree char *host = announced_host(announced);
    ConfigWho who = { .uuid = announced->uuid,
                      .name = announced->guest,
                      .host = host,
                      .starter = announced_starter(announced) };

    daemon_config_rules(daemon->config, &who, rules);
    if (disabled_now(daemon->disabled)) {
        rules->mode = CONFIG_MODE_OBSERVE;
    }
    announced_rules(announced, rules);
}

void
announced_admit(Announced *announced)
{
    JsonObject *data = json_object_new_object();
    CtlServer *control = announced->daemon->control;

    announced->waits = false;
    g_clear_handle_id(&announced->forget_source, g_source_remove);
    announced->forget_source =
        g_timeout_add_seconds(FORGET_S, on_forget, announced);
    if (control) {
        ctl_server_event(control, CTL_EVENT_SESSION_ADMITTED, announced->id,
                         data);
    } else {
        jobj_unref(data);
    }
}

static void
answer(CtlRequest *request, const Announced *announced,
       const ConfigRules *rules, bool steers, const char *reason)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "session", announced->id);
    jobj_add_string(json, "mode", config_mode_name(rules->mode));
    jobj_add_bool(json, "admitted", !announced->waits);
    jobj_add_bool(json, "steers", steers);
    jobj_add_string(json, "reason", reason);
    jobj_add(json, "refused", list_refused(announced, rules));
    jobj_add_known(json, "link_rate_bytes_s",
                   announced->has_link
                       ? known((double)announced->link.rate_bytes_s)
                       : unknown());
    ctl_request_return(request, json);
}

/* Expressions that name a host would be looked up, and everybody would wait;
 * one that makes no sense is better refused now than when its class is made. */
static bool
check_guards(const Announced *announced, CtlRequest *request)
{
    for (guint i = 0; i < announced->guards->len; i++) {
        const char *expression =
            g_array_index(announced->guards, ProtectedSpec, i).expression;
        g_autofree char *name = expression_host_name(expression);
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) program =
            name ? NULL : expression_compile(expression, &error);

        if (name) {
            ctl_request_fail(request, CTL_ERROR_BAD_ARGUMENT,
                             "give its address",
                             "protected: '%s' in '%s' would have to be looked "
                             "up",
                             name, expression);
            return false;
        }
        if (!program) {
            ctl_request_fail(request, CTL_ERROR_BAD_ARGUMENT, NULL,
                             "protected: %s", error->message);
            return false;
        }
    }
    return true;
}

void
announce_command(gpointer self, CtlRequest *request)
{
    Daemon *daemon = self;
    JsonObject *arguments = ctl_request_arguments(request);
    const CtlPeer *peer = ctl_request_peer(request);
    Announced *announced = announced_new(daemon, peer, arguments);
    Announced *before = g_hash_table_lookup(daemon->announced, announced->uuid);
    const Outgoing *running = daemon_outgoing(daemon, announced->uuid);
    const char *steer = "daemon";
    ConfigRules rules;

    jobj_get_string(arguments, "steer", &steer);
    if (running || (before && before->client != peer->client)) {
        ctl_request_fail(request, CTL_ERROR_REFUSED, "vmferry status shows it",
                         "the guest is being migrated already, session %s",
                         running ? running->id : before->id);
        announced_free(announced);
        return;
    }
    if (!before && g_hash_table_size(daemon->announced) >= MOST_ANNOUNCED) {
        ctl_request_fail(request, CTL_ERROR_BUSY, "try again later",
                         "%u migrations are announced already and have not "
                         "begun",
                         MOST_ANNOUNCED);
        announced_free(announced);
        return;
    }
    if (!check_guards(announced, request)) {
        announced_free(announced);
        return;
    }
    announced_lookup(announced, &rules);
    announced->id = daemon_new_id(daemon);
    announced->number = ++daemon->n_begun;
    if (strcmp(steer, "self") == 0 ||
        (rules.mode != CONFIG_MODE_ENFORCE && rules.policy != POLICY_NONE)) {
        g_autofree char *reason = g_strdup_printf(
            "in mode %s nothing is changed", config_mode_name(rules.mode));

        answer(request, announced, &rules, false,
               strcmp(steer, "self") == 0 ? "as announced" : reason);
        announced_free(announced);
        return;
    }
    daemon_log(G_LOG_LEVEL_INFO, NULL,
               "session %s was announced by %s, pid %d: guest %s to %s",
               announced->id, peer->program, (int)peer->pid, announced->uuid,
               announced->destination);
    g_hash_table_replace(daemon->announced, announced->uuid, announced);
    waiting_enter(announced);
    answer(request, announced, &rules, true,
           announced->waits ? announced->slot.reason : NULL);
}

void
announce_withdraw(gpointer self, CtlRequest *request)
{
    Daemon *daemon = self;
    const CtlPeer *peer = ctl_request_peer(request);
    const char *session = "";
    GHashTableIter iter;
    gpointer value;

    jobj_get_string(ctl_request_arguments(request), "session", &session);
    g_hash_table_iter_init(&iter, daemon->announced);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Announced *announced = value;

        if (announced->client == peer->client &&
            g_str_equal(announced->id, session)) {
            g_hash_table_iter_remove(&iter);
            ctl_request_return(request, NULL);
            return;
        }
    }
    ctl_request_fail(request, CTL_ERROR_NOT_FOUND, NULL,
                     "this client has announced no session '%s' that has not "
                     "begun yet",
                     session);
}

/* --- the announcer --- */

Announced *
announce_take(Daemon *daemon, const char *uuid)
{
    gpointer announced = NULL;

    if (!daemon->announced || !g_hash_table_steal_extended(
                                  daemon->announced, uuid, NULL, &announced)) {
        return NULL;
    }
    g_clear_handle_id(&((Announced *)announced)->forget_source,
                      g_source_remove);
    return announced;
}

void
announce_closed(gpointer self, const CtlPeer *peer)
{
    Daemon *daemon = self;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, daemon->announced);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Announced *announced = value;

        if (announced->client == peer->client) {
            daemon_log(G_LOG_LEVEL_INFO, NULL,
                       "session %s will not begin: %s, which announced it, is "
                       "gone",
                       announced->id, announced->program);
            g_hash_table_iter_remove(&iter);
        }
    }
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && outgoing->announced &&
            outgoing->announced->client == peer->client) {
            outgoing_orphan(outgoing);
        }
    }
}

void
announce_start(Daemon *daemon)
{
    /* the key is the value's */
    daemon->announced = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                              (GDestroyNotify)announced_free);
}

void
announce_stop(Daemon *daemon)
{
    g_clear_handle_id(&daemon->waiting_source, g_source_remove);
    g_clear_pointer(&daemon->announced, g_hash_table_unref);
}
