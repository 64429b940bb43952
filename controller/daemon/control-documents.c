/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control-documents.c - what the control socket shows, out of what we keep
 *
 * docs/protocol.md names the members; ctl/document.h writes them.
 */
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"
#include "tc/shaper.h"
#include "tc/show.h"

const char *
control_state_word(JobState state)
{
    static const char *const words[] = {
        [JOB_PREPARING] = "preparing",
        [JOB_PRECOPY] = "precopy",
        [JOB_SWITCHOVER] = "switchover",
        [JOB_POSTCOPY] = "postcopy",
        [JOB_DONE] = "done",
        [JOB_FAILED] = "failed",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == JOB_N_STATES);
    return words[state];
}

const char *
control_state(const Outgoing *outgoing)
{
    g_autofree char *recover = session_recover(outgoing->session);

    return recover
               ? "postcopy-paused"
               : control_state_word(job_state(session_job(outgoing->session)));
}

static CtlInterval
interval(Known value, double low, double high)
{
    return (CtlInterval){ value, value.known ? known(low) : unknown(),
                          value.known ? known(high) : unknown() };
}

static CtlDecision
decision_of(const Outgoing *outgoing)
{
    return (CtlDecision){
        .time_us = outgoing->decided_wall_us,
        .t_s = outgoing->decided_s,
        .iteration = outgoing->decided_iter,
        .step = policy_step_name(outgoing->decision.step),
        .reason = share_role_name(outgoing->role),
        .text = outgoing->decision.reason,
        .guarantee_bytes_s = outgoing->decision.guarantee_bytes_s,
        .ceiling_bytes_s = outgoing->decision.ceiling_bytes_s,
        .application_bytes_s = outgoing->decision.application_bytes_s,
        /* whether it is what the stream waits for or not */
        .carried_out = outgoing->reservation && !outgoing->refused &&
                       outgoing->matched->len > 0,
    };
}

static void
list_allowed(const Outgoing *outgoing, const char *words[CONFIG_N_MAYS + 1])
{
    size_t n = 0;

    for (int may = 0; may < CONFIG_N_MAYS; may++) {
        if (outgoing->rules.allow & 1u << may) {
            words[n++] = config_may_name((ConfigMay)may);
        }
    }
    words[n] = NULL;
}

static void
fill_figures(const Outgoing *outgoing, CtlSession *out)
{
    const MigrationForecast *rest = &outgoing->forecast;
    const JobProgress *progress = &outgoing->progress;
    double since_s =
        (double)(clock_mono_us() - outgoing->forecast_at_us) / G_USEC_PER_SEC;
    uint64_t sent;
    int64_t at_us;

    out->iteration = progress->iter;
    out->progress = progress->share;
    out->remaining_bytes = progress->remaining_bytes;
    out->bandwidth_bytes_s = progress->stream_bytes_s;
    out->converges = progress->converges;
    if (session_sent(outgoing->session, &sent, &at_us)) {
        out->sent_bytes = known((double)sent);
    }
    if (outgoing->has_decision) {
        out->dirty_bytes_s = outgoing->decision.dirty_bytes_s;
        out->guarantee_bytes_s =
            known((double)outgoing->decision.guarantee_bytes_s);
        out->ceiling_bytes_s =
            known((double)outgoing->decision.ceiling_bytes_s);
        out->application_bytes_s =
            known((double)outgoing->decision.application_bytes_s);
    }
    if (outgoing->has_grant) {
        out->guarantee_bytes_s =
            known((double)outgoing->grant.guarantee_bytes_s);
        out->ceiling_bytes_s = known((double)outgoing->grant.ceiling_bytes_s);
    }
    if (outgoing->forecast_at_us) {
        Known end_s = rest->time_s.known
                          ? known(MAX(rest->time_s.value - since_s, 0))
                          : unknown();

        out->end_s = interval(end_s, MAX(rest->low_time_s - since_s, 0),
                              MAX(rest->high_time_s - since_s, 0));
        out->downtime_s.value = rest->downtime_s;
        out->bytes.value = rest->bytes;
        out->forecast_at_us =
            clock_wall_us() - (clock_mono_us() - outgoing->forecast_at_us);
    }
}

static void
list_steps(const Outgoing *outgoing, GPtrArray *taken, GPtrArray *undone)
{
    for (guint i = 0; i < outgoing->steps->len; i++) {
        char *step = g_ptr_array_index(outgoing->steps, i);

        g_ptr_array_add(*step == '!' ? undone : taken,
                        *step == '!' ? step + 1 : step);
    }
    g_ptr_array_add(taken, NULL);
    g_ptr_array_add(undone, NULL);
}

JsonObject *
control_decision(const Outgoing *outgoing)
{
    CtlDecision decision = decision_of(outgoing);

    return ctl_decision_to_json(&decision);
}

JsonObject *
control_session(const Outgoing *outgoing)
{
    const RunRecord *record = session_record(outgoing->session);
    Job *job = session_job(outgoing->session);
    const PolicySettings *settings = job_settings(job);
    const char *allowed[CONFIG_N_MAYS + 1];
    g_autoptr(GPtrArray) warnings = g_ptr_array_new();
    CtlDecision decision = decision_of(outgoing);
    CtlHeld held = {
        .by = outgoing->held_by,
        .reason = outgoing->held_reason,
        .since_us = outgoing->held_wall_us,
        .cost_s = outgoing->cost_s,
    };
    CtlSession out = {
        .session = outgoing->id,
        .guest = outgoing->name,
        .uuid = outgoing->uuid,
        .destination = outgoing->announced
                           ? announced_destination(outgoing->announced)
                       : outgoing->found ? outgoing->endpoint.destination
                                         : NULL,
        .address = outgoing->found ? outgoing->endpoint.destination : NULL,
        .port = outgoing->found ? outgoing->endpoint.destination_port : 0,
        .starter = outgoing_starter(outgoing),
        .starter_program =
            outgoing->announced ? announced_program(outgoing->announced) : NULL,
        .starter_uid = outgoing->announced
                           ? known(announced_uid(outgoing->announced))
                           : unknown(),
        .mode = config_mode_name(outgoing->rules.mode),
        .policy = policy_kind_name(settings->kind),
        .priority = outgoing->priority,
        .deadline_s = settings->deadline_s,
        .downtime_limit_s = known(settings->downtime_limit_s),
        .state = control_state(outgoing),
        .started_us = outgoing->started_wall_us,
        .elapsed_s = known(session_seconds(outgoing->session)),
        .link = outgoing->has_link ? outgoing->link.device : NULL,
        .not_in_force = outgoing->force == FORCE_YES
                            ? NULL
                            : force_state_name(outgoing->force),
        .not_in_force_text = outgoing->why_not,
        .held = outgoing->held ? &held : NULL,
        .decision = outgoing->has_decision ? &decision : NULL,
        .allowed = allowed,
        .converges = -1,
    };
    g_autofree char *class_id = NULL, *recover = NULL;
    g_autoptr(GPtrArray) taken = g_ptr_array_new();
    g_autoptr(GPtrArray) undone = g_ptr_array_new();
    static const char *const theirs[] = { "downtime", NULL };

    if (outgoing->has_link) {
        held.floor_bytes_s = known(
            (double)shaper_root_bytes_s(outgoing->link.rate_bytes_s) / 100);
    }
    if (outgoing->reservation) {
        class_id =
            shaper_id_format(reservation_class_id(outgoing->reservation));
        out.class_id = class_id;
    }
    recover = session_recover(outgoing->session);
    out.recover = recover;
    list_allowed(outgoing, allowed);
    for (guint i = 0; i < record->warnings->len; i++) {
        g_ptr_array_add(warnings, g_ptr_array_index(record->warnings, i));
    }
    g_ptr_array_add(warnings, NULL);
    out.warnings = (const char *const *)warnings->pdata;
    fill_figures(outgoing, &out);
    list_steps(outgoing, taken, undone);
    out.taken = (const char *const *)taken->pdata;
    out.undone = (const char *const *)undone->pdata;
    out.advice = outgoing->advice;
    if (!out.advice && outgoing->has_decision &&
        outgoing->decision.step == POLICY_STEP_CANNOT) {
        out.advice = outgoing->decision.reason;
    }
    if (session_downtime_is_theirs(outgoing->session)) {
        out.foreign = theirs;
    }
    return ctl_session_to_json(&out);
}

/* --- links --- */

static Known
member(JsonObject *json, const char *name)
{
    return jobj_get_known(json, name);
}

/* Of a counter, between two questions at least half a second apart. */
typedef struct Use {
    double bytes;
    int64_t at_us;
    Known bytes_s;
} Use;

static Known
use_of(const Daemon *daemon, const char *device, const char *what, double bytes)
{
    g_autofree char *key = g_strdup_printf("%s %s", device, what);
    Use *use = g_hash_table_lookup(daemon->uses, key);
    int64_t now_us = clock_mono_us();

    if (!use) {
        use = g_new0(Use, 1);
        *use = (Use){ bytes, now_us, unknown() };
        g_hash_table_insert(daemon->uses, g_steal_pointer(&key), use);
    } else if (now_us - use->at_us >= G_USEC_PER_SEC / 2) {
        use->bytes_s = bytes >= use->bytes
                           ? known((bytes - use->bytes) * G_USEC_PER_SEC /
                                   (double)(now_us - use->at_us))
                           : unknown();
        use->bytes = bytes;
        use->at_us = now_us;
    }
    return use->bytes_s;
}

static CtlClass
class_of(const Daemon *daemon, const char *device, JsonObject *json)
{
    CtlClass out = {
        .guarantee_bytes_s = member(json, "rate_bytes_s"),
        .ceiling_bytes_s = member(json, "ceil_bytes_s"),
        .bytes = member(json, "bytes"),
        .drops = member(json, "drops"),
        .backlog_bytes = member(json, "backlog_bytes"),
    };

    jobj_get_string(json, "id", &out.id);
    jobj_get_string(json, "role", &out.role);
    jobj_get_string(json, "owner", &out.owner);
    if (out.id && out.bytes.known) {
        out.use_bytes_s = use_of(daemon, device, out.id, out.bytes.value);
    }
    return out;
}

/* A dump of all classes, which whoever asks again and again does not cost. */
#define FRESH_US 200000

typedef struct Described {
    JsonObject *json; /* of reservation_describe(); NULL: none to be had */
    int64_t at_us;
} Described;

static void
described_free(gpointer data)
{
    jobj_unref(((Described *)data)->json);
    g_free(data);
}

/* A new reference. */
static JsonObject *
describe(Daemon *daemon, const char *device)
{
    Described *described;
    int64_t now_us = clock_mono_us();

    if (!daemon->described) {
        daemon->described = g_hash_table_new_full(g_str_hash, g_str_equal,
                                                  g_free, described_free);
    }
    described = g_hash_table_lookup(daemon->described, device);
    if (!described || now_us - described->at_us >= FRESH_US) {
        described = g_new0(Described, 1);
        described->at_us = now_us;
        described->json =
            reservation_describe(device, daemon->options.run_dir, NULL);
        g_hash_table_replace(daemon->described, g_strdup(device), described);
    }
    return described->json ? json_object_get(described->json) : NULL;
}

/* As the kernel has it; an observed link has no classes. */
static GArray *
list_classes(Daemon *daemon, const char *device, JsonObject **kept)
{
    GArray *classes = g_array_new(FALSE, TRUE, sizeof(CtlClass));
    JsonObject *links, *list;

    *kept = describe(daemon, device);
    links = *kept ? jobj_get(*kept, "links") : NULL;
    if (!links || json_object_array_length(links) == 0) {
        return classes;
    }
    list = jobj_get(json_object_array_get_idx(links, 0), "classes");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        CtlClass one =
            class_of(daemon, device, json_object_array_get_idx(list, i));

        g_array_append_val(classes, one);
    }
    return classes;
}

static JsonObject *
link_document(Daemon *daemon, const Outgoing *first)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    g_autoptr(JsonObject) kept = NULL;
    g_autoptr(GArray) classes = list_classes(daemon, first->link.device, &kept);
    const uint8_t *m = first->link.mac;
    char mac[18], name[IF_NAMESIZE];
    g_autoptr(GArray) narrow =
        g_array_new(FALSE, FALSE, sizeof(CtlDestination));
    double guaranteed = 0;
    uint64_t bytes;
    CtlLink out = {
        .link = first->link.device,
        .ifindex = first->link.ifindex,
        .mac = mac,
        .state =
            if_indextoname((unsigned)first->link.ifindex, name) ? "up" : "gone",
        .capacity_bytes_s = known((double)first->link.rate_bytes_s),
        .capacity_source = first->link.rate_declared ? "configured" : "speed",
    };

    g_snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
               m[2], m[3], m[4], m[5]);
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (outgoing->ended || !outgoing->has_link ||
            outgoing->link.ifindex != first->link.ifindex) {
            continue;
        }
        g_ptr_array_add(ids, outgoing->id);
        guaranteed += (double)outgoing->set_guarantee_bytes_s;
        if (outgoing->force == FORCE_GIVEN_UP) {
            out.state = "given-up";
        }
        if (outgoing->path_bytes_s.known && outgoing->found) {
            CtlDestination one = { outgoing->endpoint.destination,
                                   outgoing->path_bytes_s };

            g_array_append_val(narrow, one);
        }
    }
    g_ptr_array_add(ids, NULL);
    if (link_tx_bytes(&first->link, &bytes, NULL)) {
        out.use_bytes_s =
            use_of(daemon, first->link.device, "link", (double)bytes);
    }
    out.sessions = (const char *const *)ids->pdata;
    out.guaranteed_bytes_s = known(guaranteed);
    out.classes = (const CtlClass *)(const void *)classes->data;
    out.n_classes = classes->len;
    out.destinations = (const CtlDestination *)(const void *)narrow->data;
    out.n_destinations = narrow->len;
    return ctl_link_to_json(&out);
}

static bool
seen_before(const Daemon *daemon, guint index)
{
    const Outgoing *here = g_ptr_array_index(daemon->outgoing, index);

    for (guint i = 0; i < index; i++) {
        const Outgoing *other = g_ptr_array_index(daemon->outgoing, i);

        if (!other->ended && other->has_link &&
            other->link.ifindex == here->link.ifindex) {
            return true;
        }
    }
    return false;
}

static JsonObject *
list_alerts(const Daemon *daemon)
{
    JsonObject *alerts = json_object_new_array();

    if (!daemon->host && daemon->begun) {
        CtlAlert gone = { .alert = "libvirt-gone",
                          .since_us = daemon->connected_wall_us,
                          .text = "the connection to libvirt is broken; it is "
                                  "tried again" };

        json_object_array_add(alerts, ctl_alert_to_json(&gone));
    }
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        CtlAlert given_up = { .alert = "given-up",
                              .since_us = clock_wall_us(),
                              .link = outgoing->link.device,
                              .text = outgoing->why_not };

        if (!outgoing->ended && outgoing->force == FORCE_GIVEN_UP) {
            json_object_array_add(alerts, ctl_alert_to_json(&given_up));
        }
    }
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        g_autofree char *recover = session_recover(outgoing->session);
        g_autofree char *text =
            g_strdup_printf("guest '%s' waits for pages that do not come; to "
                            "go on: %s",
                            outgoing->name, recover);
        CtlAlert paused = { .alert = "postcopy-paused",
                            .since_us = clock_wall_us(),
                            .link = outgoing->link.device,
                            .text = text };

        if (!outgoing->ended && recover) {
            json_object_array_add(alerts, ctl_alert_to_json(&paused));
        }
    }
    circuit_alerts(daemon, alerts);
    return alerts;
}

JsonObject *
control_status(Daemon *daemon)
{
    g_autofree char *why = NULL;
    bool disabled = disabled_read(NULL, &why);
    JsonObject *sessions = json_object_new_array();
    JsonObject *links = json_object_new_array();
    CtlDaemon out = {
        .version = VMFERRY_VERSION,
        .pid = getpid(),
        .host = g_get_host_name(),
        .mode = config_mode_name(daemon->config->defaults.mode),
        .disabled = disabled ? (why && *why ? why : "the file is there") : NULL,
        .since_us = daemon->started_wall_us,
        .libvirt_uri = daemon->config->daemon.connect,
        .libvirt_connected = daemon->host != NULL,
        .libvirt_since_us = daemon->connected_wall_us,
        .libvirt_version = daemon->libvirt_version,
        .sessions_begun = daemon->counted.begun,
        .sessions_completed = daemon->counted.completed,
        .sessions_failed = daemon->counted.failed + daemon->counted.cancelled,
        .decisions = daemon->counted.decisions,
        .foreign_changes = control_foreign_changes(daemon),
    };

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (outgoing->ended) {
            continue;
        }
        json_object_array_add(sessions, control_session(outgoing));
        if (outgoing->has_link && !seen_before(daemon, i)) {
            json_object_array_add(links, link_document(daemon, outgoing));
        }
    }
    return ctl_status_to_json(&out, clock_wall_us(), sessions, links,
                              waiting_document(daemon), track_document(daemon),
                              list_alerts(daemon));
}

void
control_tell_link(const Outgoing *outgoing)
{
    JsonObject *data;

    if (outgoing->has_link && outgoing->daemon->control) {
        data = json_object_new_object();
        jobj_add(data, "link", link_document(outgoing->daemon, outgoing));
        ctl_server_event(outgoing->daemon->control, CTL_EVENT_LINK_CHANGED,
                         NULL, data);
    }
}
