/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outgoing.c - one migration that leaves this host, and its session
 *
 *   noticed ─> session: samples and forecasts ─> stream found ─> link, rules
 *                                                    │
 *                          observe, advise: counted only     enforce: a class
 *
 * Rules may depend on the destination, which is known when the stream is; until
 * then nothing is decided, so nothing of it needs to be taken back.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/announce-priv.h"
#include "daemon/daemon-priv.h"
#include "tc/streams.h"

/* QEMU's default downtime-limit. */
#define DEFAULT_DOWNTIME_S 0.3
/* libvirtd's, where it listens */
#define LIBVIRT_TCP_PORT 16509
#define LIBVIRT_TLS_PORT 16514

void
outgoing_log(const Outgoing *outgoing, GLogLevelFlags level, const char *event,
             const char *reason, const char *format, ...)
{
    LogAbout about = {
        .event = event,
        .guest = outgoing->name,
        .uuid = outgoing->uuid,
        .session = outgoing->id,
        .destination = outgoing->found ? outgoing->endpoint.destination : NULL,
        .link = outgoing->has_link ? outgoing->link.device : NULL,
        .mode = config_mode_name(outgoing->rules.mode),
        .starter = outgoing_starter(outgoing),
        .reason = reason,
    };
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    daemon_log(level, &about, "guest '%s': %s", outgoing->name, text);
}

static GArray *
hands_streams(Session *session, gpointer user)
{
    return sockets_of(user);
}

static bool
hands_set(Session *session, const PolicyDecision *decision, gpointer user,
          GError **error)
{
    return shaping_set(user, decision, error);
}

static bool
hands_stats(Session *session, ReservationStats *stats, gpointer user,
            GError **error)
{
    return shaping_stats(user, stats, error);
}

static Known
hands_release(Session *session, gpointer user)
{
    return shaping_close(user);
}

const char *
outgoing_starter(const Outgoing *outgoing)
{
    return outgoing->announced ? announced_starter(outgoing->announced)
                               : CONFIG_STARTER_OTHER;
}

char *
daemon_new_id(Daemon *daemon)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *stamp = g_date_time_format(now, "%Y%m%dT%H%M%S");

    /* One that was started again in the same second has another number. */
    return g_strdup_printf("%s-%d-%u", stamp, (int)getpid(), ++daemon->n_ids);
}

/* What the rules say anew of how bandwidth is given, its session follows. */
static void
tell_settings(Outgoing *outgoing, const ConfigRules *before)
{
    const ConfigRules *rules = &outgoing->rules;
    PolicySettings settings;

    if (!outgoing->session ||
        (rules->policy == before->policy && rules->margin == before->margin &&
         rules->deadline_s == before->deadline_s)) {
        return;
    }
    settings = *job_settings(session_job(outgoing->session));
    settings.kind = rules->policy;
    settings.margin = rules->margin;
    if (rules->deadline_s != before->deadline_s) {
        settings.deadline_s =
            rules->deadline_s > 0 ? known(rules->deadline_s) : unknown();
    }
    if (policy_settings_check(&settings, NULL)) {
        session_set_policy(outgoing->session, &settings);
    }
}

/* What is more than a rule: "vmferry set", the switch, the circuit breaker. */
static void
limit_rules(Outgoing *outgoing)
{
    ConfigRules *rules = &outgoing->rules;

    if (outgoing->has_set_policy) {
        rules->policy = outgoing->set_policy;
    }
    if (!outgoing->has_set_priority) {
        outgoing->priority = (int)rules->priority;
    }
    if (disabled_now(outgoing->daemon->disabled) ||
        (rules->mode == CONFIG_MODE_ENFORCE &&
         (outgoing->circuit == BREAKER_OBSERVE ||
          (outgoing->found &&
           names_pending(outgoing->daemon->names,
                         outgoing->endpoint.destination))))) {
        rules->mode = CONFIG_MODE_OBSERVE;
    }
}

/* The rules as they hold now; the destination may be known or not. */
void
outgoing_pick_rules(Outgoing *outgoing)
{
    g_autofree char *host =
        outgoing->announced ? announced_host(outgoing->announced) : NULL;
    ConfigWho who = {
        .uuid = outgoing->uuid,
        .name = outgoing->name,
        .host = host,
        .address = outgoing->found ? outgoing->endpoint.destination : NULL,
        .starter = outgoing_starter(outgoing),
    };
    g_auto(GStrv) names = names_of(outgoing->daemon->names, who.address);
    const ConfigRules before = outgoing->rules;

    who.names = (const char *const *)names;
    if (outgoing->has_metadata) {
        who.metadata = &outgoing->metadata;
    }
    daemon_config_rules(outgoing->daemon->config, &who, &outgoing->rules);
    if (outgoing->announced) {
        announced_rules(outgoing->announced, &outgoing->rules);
    }
    limit_rules(outgoing);
    tell_settings(outgoing, &before);
    if (outgoing->session && outgoing->rules.mode != before.mode) {
        outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_CONFIG, "mode",
                     "mode %s, was %s", config_mode_name(outgoing->rules.mode),
                     config_mode_name(before.mode));
        session_set_advisory(outgoing->session,
                             outgoing->rules.mode != CONFIG_MODE_ENFORCE);
        if (before.mode == CONFIG_MODE_ENFORCE) {
            steps_withdraw(outgoing);
        }
    }
    if (outgoing->has_link && (outgoing->rules.mode != before.mode ||
                               outgoing->rules.policy != before.policy)) {
        shaping_open(outgoing);
    }
}

static void
settings_of(const Outgoing *outgoing, const VirtLimits *limits,
            PolicySettings *settings)
{
    const ConfigRules *rules = &outgoing->rules;

    policy_settings_init(settings, rules->policy);
    settings->margin = rules->margin;
    if (rules->deadline_s > 0) {
        settings->deadline_s = known(rules->deadline_s);
    }
    settings->downtime_limit_s =
        known_or(limits->downtime_s, DEFAULT_DOWNTIME_S);
    if (outgoing->announced) {
        /* its announcer sets it */
        settings->downtime_limit_s =
            known_or(announced_downtime_s(outgoing->announced),
                     settings->downtime_limit_s);
    }
    if (!policy_settings_check(settings, NULL)) {
        policy_settings_init(settings, rules->policy);
    }
}

/* What its description says for us. */
static void
read_metadata(Outgoing *outgoing, const VirtGuestInfo *info, GError **error)
{
    outgoing->has_metadata =
        info->metadata &&
        config_rules_from_metadata(info->metadata, &outgoing->metadata, error);
}

Outgoing *
outgoing_begin(Daemon *daemon, VirtGuest *guest, int64_t noticed_us,
               const VirtLimits *limits)
{
    static const SessionHands hands = {
        .streams = hands_streams,
        .set = hands_set,
        .stats = hands_stats,
        .release = hands_release,
    };
    const VirtGuestInfo *info = virt_guest_info(guest);
    Outgoing *outgoing = g_new0(Outgoing, 1);
    g_autoptr(GError) problem = NULL;
    SessionSpec spec = { .guest = guest,
                         .hands = &hands,
                         .hands_user = outgoing };
    ApplicationSeen seen = { 0 };

    outgoing->daemon = daemon;
    outgoing->announced = announce_take(daemon, info->uuid);
    outgoing->id = outgoing->announced
                       ? g_strdup(announced_id(outgoing->announced))
                       : daemon_new_id(daemon);
    outgoing->uuid = g_strdup(info->uuid);
    outgoing->name = g_strdup(info->name);
    outgoing->noticed_us = noticed_us;
    outgoing->started_wall_us = clock_wall_us();
    outgoing->pid = virt_guest_pid(guest);
    outgoing->group = -1;
    outgoing->number = outgoing->announced
                           ? announced_number(outgoing->announced)
                           : ++daemon->n_begun;
    outgoing->force = FORCE_NO_STREAM;
    outgoing->owned = g_array_new(FALSE, TRUE, sizeof(StreamMatch));
    outgoing->shared = g_array_new(FALSE, TRUE, sizeof(StreamMatch));
    outgoing->steps = g_ptr_array_new_with_free_func(g_free);
    outgoing->matched = g_array_new(FALSE, TRUE, sizeof(StreamMatch));
    read_metadata(outgoing, info, &problem);
    outgoing_pick_rules(outgoing);
    settings_of(outgoing, limits, &spec.policy);
    spec.advisory = outgoing->rules.mode != CONFIG_MODE_ENFORCE;
    spec.bounds_unsent = daemon->config->daemon.bound_unsent;
    outgoing->session = session_adopt(&spec, &outgoing_callbacks, outgoing);
    if (intensive_seen(daemon->intensive, outgoing->uuid, &seen)) {
        session_seen(outgoing->session, &seen);
    }
    if (problem) {
        session_note(outgoing->session, problem->message);
    }
    outgoing_log(outgoing, G_LOG_LEVEL_INFO,
                 daemon->begun_whole ? LOG_EVENT_NOTICED : LOG_EVENT_ADOPTED,
                 "begun",
                 "its migration %s this host; session %s, mode %s, looked at "
                 "%.0f ms after the first sign",
                 daemon->begun_whole ? "leaves" : "was on its way already from",
                 outgoing->id, config_mode_name(outgoing->rules.mode),
                 (double)(clock_mono_us() - noticed_us) / 1000);
    return outgoing;
}

/* Which interface, and how fast it is: as configured, else as the NIC says. */
static bool
resolve_link(Outgoing *outgoing, const char *address, GError **error)
{
    const DaemonConfig *config = outgoing->daemon->config;
    const ConfigLink *declared;
    uint64_t rate_bytes_s = 0;
    const char *device =
        outgoing->announced
            ? announced_device(outgoing->announced, &rate_bytes_s)
            : NULL;
    Link link;

    if (device && rate_bytes_s) {
        return link_resolve(address, device, rate_bytes_s, &outgoing->link,
                            error);
    }
    /* A rate that is never used: only the device is asked for. */
    if (!link_resolve(address, device, 1000000, &link, error)) {
        return false;
    }
    declared = daemon_config_link(config, link.device);
    return link_resolve(address, link.device,
                        declared ? declared->capacity_bytes_s : 0,
                        &outgoing->link, error);
}

bool
outgoing_relink(Outgoing *outgoing)
{
    Link before = outgoing->link;
    g_autofree char *text = NULL;

    if (!resolve_link(outgoing, outgoing->endpoint.destination, NULL) ||
        outgoing->link.ifindex == before.ifindex) {
        outgoing->link = before;
        return false;
    }
    text = g_strdup_printf("interface %s (number %d) is gone; its stream "
                           "leaves by %s (number %d) now",
                           before.device, before.ifindex, outgoing->link.device,
                           outgoing->link.ifindex);
    session_note(outgoing->session, text);
    control_foreign(outgoing, FOREIGN_CLASS, unknown(), unknown(), text);
    g_hash_table_remove(outgoing->daemon->looks,
                        GINT_TO_POINTER(before.ifindex));
    return true;
}

/* After runs that were out of bounds less is dared on this link. */
static void
heed_circuit(Outgoing *outgoing)
{
    BreakerLevel level = circuit_level(outgoing);

    outgoing->circuit = level; /* and stays, whatever is reloaded */
    if (level == BREAKER_OBSERVE &&
        outgoing->rules.mode == CONFIG_MODE_ENFORCE) {
        outgoing->rules.mode = CONFIG_MODE_OBSERVE;
        session_set_advisory(outgoing->session, true);
    }
    if (level != BREAKER_STEER) {
        session_set_asks(outgoing->session, POLICY_ASK_LAST);
        session_note(outgoing->session,
                     level == BREAKER_LAST
                         ? "the circuit breaker of its link: forecasts are not "
                           "trusted, the last value decides"
                         : "the circuit breaker of its link: observed only");
    }
}

/* What libvirt at the source has open to libvirt at the destination tells how
 * others call that; over ssh there is nothing to be seen. */
static void
tell_destination(Outgoing *outgoing)
{
    const char *address = outgoing->endpoint.destination;
    g_autoptr(GArray) streams =
        streams_list(address, LIBVIRT_TCP_PORT, LIBVIRT_TLS_PORT, NULL);
    const char *transport = "ssh";
    g_autofree char *uri = NULL;

    for (guint i = 0; streams && i < streams->len; i++) {
        uint16_t port =
            g_array_index(streams, StreamInfo, i).match.destination_port;

        transport = port == LIBVIRT_TCP_PORT   ? "tcp"
                    : port == LIBVIRT_TLS_PORT ? "tls"
                                               : transport;
    }
    uri = g_strdup_printf(strchr(address, ':') ? "qemu+%s://[%s]/system"
                                               : "qemu+%s://%s/system",
                          transport, address);
    session_set_destination(
        outgoing->session,
        outgoing->announced ? announced_destination(outgoing->announced) : uri);
}

void
outgoing_found(Outgoing *outgoing)
{
    g_autoptr(GError) error = NULL;

    outgoing_pick_rules(outgoing);
    if (!resolve_link(outgoing, outgoing->endpoint.destination, &error)) {
        outgoing->force = FORCE_LINK;
        g_free(outgoing->why_not);
        outgoing->why_not = g_strdup(error->message);
        session_note(outgoing->session, error->message);
        return;
    }
    outgoing->has_link = true;
    tell_destination(outgoing);
    heed_circuit(outgoing);
    outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_LINK, "stream",
                 "its stream goes to %s port %u by %s, found %.0f ms after the "
                 "first sign",
                 outgoing->endpoint.destination,
                 outgoing->endpoint.destination_port, outgoing->link.chain,
                 (double)(clock_mono_us() - outgoing->noticed_us) / 1000);
    shaping_open(outgoing);
    session_set_link(outgoing->session, &outgoing->link);
}

/* libvirt tells its caller of the end a moment before it tells us. */
#define ORPHAN_MS 2000

static gboolean
on_orphaned(gpointer user)
{
    Outgoing *outgoing = user;
    PolicySettings settings = *job_settings(session_job(outgoing->session));

    outgoing->orphan_source = 0;
    if (outgoing->ended || !outgoing->announced) {
        return G_SOURCE_REMOVE;
    }
    outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_FOREIGN, "announcer",
                 "%s, which announced it, is gone: it has the rights of one "
                 "that others started",
                 announced_program(outgoing->announced));
    g_clear_pointer(&outgoing->announced, announced_free);
    outgoing_pick_rules(outgoing);
    settings.kind = outgoing->rules.policy;
    settings.deadline_s = outgoing->rules.deadline_s > 0
                              ? known(outgoing->rules.deadline_s)
                              : unknown();
    session_set_policy(outgoing->session, &settings);
    if (outgoing->has_link) {
        shaping_open(outgoing);
    }
    control_changed(outgoing);
    return G_SOURCE_REMOVE;
}

void
outgoing_orphan(Outgoing *outgoing)
{
    if (!outgoing->orphan_source) {
        outgoing->orphan_source =
            g_timeout_add(ORPHAN_MS, on_orphaned, outgoing);
    }
}

void
outgoing_free(Outgoing *outgoing)
{
    if (!outgoing) {
        return;
    }
    g_clear_handle_id(&outgoing->forget_source, g_source_remove);
    sockets_forget(outgoing);
    session_free(outgoing->session);
    if (outgoing->reservation) {
        reservation_close(outgoing->reservation, NULL);
    }
    g_clear_handle_id(&outgoing->orphan_source, g_source_remove);
    g_clear_handle_id(&outgoing->retry_source, g_source_remove);
    announced_free(outgoing->announced);
    g_array_unref(outgoing->owned);
    g_array_unref(outgoing->shared);
    g_array_unref(outgoing->matched);
    in_force_free(outgoing->in_force);
    ladder_free(outgoing->ladder);
    g_free(outgoing->advice);
    g_ptr_array_unref(outgoing->steps);
    g_free(outgoing->refused);
    g_free(outgoing->why_not);
    g_free(outgoing->held_by);
    g_free(outgoing->held_reason);
    g_free(outgoing->id);
    g_free(outgoing->uuid);
    g_free(outgoing->name);
    g_free(outgoing);
}
