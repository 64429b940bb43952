/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * waiting.c - announced migrations that wait for their turn
 *
 * Per link, policy/queue.h plays orders through: those that run, those that may
 * begin, those that wait. It is asked when one comes and once a second, for the
 * forecasts of those that run change all the time. Nobody waits beyond a bound
 * that is set when it comes. Of a migration that has not begun only its memory
 * is known here, so that the plan takes it to be sent once.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/announce-priv.h"
#include "tc/shaper.h"

#define PAGE_BYTES 4096
#define USUAL_MEMORY_BYTES (4.0 * 1024 * 1024 * 1024)
#define BETWEEN_S 1.0
#define EVERY_MS 1000

/* Everybody on one link, as the plan sees them. */
typedef struct Lane {
    const Link *link;
    GArray *items;        /* QueueItem */
    GPtrArray *curves;    /* QueueCurve * */
    GPtrArray *waiters;   /* Announced *, NULL where one runs */
    GPtrArray *hosts;     /* char *, destinations by name */
    GArray *destinations; /* QueueDestination */
} Lane;

static void
lane_init(Lane *lane, const Link *link)
{
    lane->link = link;
    lane->items = g_array_new(FALSE, TRUE, sizeof(QueueItem));
    lane->curves = g_ptr_array_new_with_free_func(g_free);
    lane->waiters = g_ptr_array_new();
    lane->hosts = g_ptr_array_new_with_free_func(g_free);
    lane->destinations = g_array_new(FALSE, TRUE, sizeof(QueueDestination));
}

static void
lane_clear(Lane *lane)
{
    g_array_unref(lane->items);
    g_ptr_array_unref(lane->curves);
    g_ptr_array_unref(lane->waiters);
    g_ptr_array_unref(lane->hosts);
    g_array_unref(lane->destinations);
}

/* A section is about one host: however that is spelled, it counts once. */
static bool
is_one_host(const ConfigDestination *declared)
{
    return declared && !strpbrk(declared->name, "*?/");
}

static size_t
destination_of(Lane *lane, const Daemon *daemon, const char *host)
{
    bool number = host && g_hostname_is_ip_address(host);
    ConfigWho who = { .host = host, .address = number ? host : NULL };
    g_auto(GStrv) names = names_of(daemon->names, who.address);
    const ConfigDestination *declared;
    QueueDestination destination = { 0 };

    who.names = (const char *const *)names;
    declared = daemon_config_destination(daemon->config, &who);
    host = is_one_host(declared) ? declared->name : host;
    for (guint i = 0; i < lane->hosts->len; i++) {
        if (g_strcmp0(g_ptr_array_index(lane->hosts, i), host) == 0) {
            return i;
        }
    }
    if (declared) {
        destination.incoming_most = declared->incoming;
        if (declared->capacity_bytes_s) {
            destination.capacity_bytes_s =
                known((double)declared->capacity_bytes_s);
        }
    }
    g_ptr_array_add(lane->hosts, g_strdup(host));
    g_array_append_val(lane->destinations, destination);
    return lane->hosts->len - 1;
}

static void
lane_add(Lane *lane, QueueItem item, const Forecaster *forecaster,
         double memory_bytes, double downtime_s, Announced *waiter)
{
    QueueCurve *curve = g_new0(QueueCurve, 1);

    queue_curve_forecast(
        curve, forecaster, (uint64_t)fmax(memory_bytes / PAGE_BYTES, 1), 0,
        PAGE_BYTES, downtime_s, (double)lane->link->rate_bytes_s);
    item.curve = curve;
    g_ptr_array_add(lane->curves, curve);
    g_ptr_array_add(lane->waiters, waiter);
    g_array_append_val(lane->items, item);
}

static void
add_outgoing(Lane *lane, const Outgoing *outgoing)
{
    Job *job = session_job(outgoing->session);
    const PolicySettings *settings = job_settings(job);
    QueueItem item = {
        .id = outgoing->number,
        .destination = destination_of(
            lane, outgoing->daemon,
            outgoing->found ? outgoing->endpoint.destination : NULL),
        .priority = outgoing->priority,
        .running = true,
        .done = CLAMP(outgoing->progress.share, 0, 1),
    };
    const VirtGuestInfo *info =
        virt_guest_info(session_guest(outgoing->session));

    lane_add(lane, item, job_forecaster(job), (double)info->memory_bytes,
             settings->downtime_limit_s, NULL);
}

static void
add_announced(Lane *lane, Announced *announced)
{
    const DaemonConfig *config = announced->daemon->config;
    g_autofree char *host = announced_host(announced);
    ConfigRules rules;
    QueueItem item = {
        .id = announced->number,
        .destination = destination_of(lane, announced->daemon, host),
        .waited_s =
            (double)(clock_mono_us() - announced->since_us) / G_USEC_PER_SEC,
        .bound_s = announced->bound_s,
        .held = announced->held_by != NULL,
        .running = !announced->waits,
    };

    announced_lookup(announced, &rules);
    item.priority = (int)rules.priority;
    if (config->queue.order == CONFIG_ORDER_ARRIVAL) {
        /* the one before the other, whatever the plan would like */
        item.priority = (int)(G_MAXINT / 2 - announced->number % 1000000);
    }
    if (rules.deadline_s > 0) {
        item.deadline_s = known(rules.deadline_s);
    }
    lane_add(lane, item, NULL,
             known_or(jobj_get_known(announced->arguments, "memory_bytes"),
                      USUAL_MEMORY_BYTES),
             known_or(announced_downtime_s(announced), 0.3),
             announced->waits ? announced : NULL);
}

static void
lane_fill(Lane *lane, Daemon *daemon)
{
    GHashTableIter iter;
    gpointer value;

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && outgoing->has_link &&
            g_str_equal(outgoing->link.device, lane->link->device)) {
            add_outgoing(lane, outgoing);
        }
    }
    g_hash_table_iter_init(&iter, daemon->announced);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Announced *announced = value;

        if (announced->has_link &&
            g_str_equal(announced->link.device, lane->link->device)) {
            add_announced(lane, announced);
        }
    }
}

static QueueLimits
limits_of(const Lane *lane, const Daemon *daemon)
{
    const ConfigLink *link =
        daemon_config_link(daemon->config, lane->link->device);
    const ConfigQueue *queue = &daemon->config->queue;
    double root = (double)shaper_root_bytes_s(lane->link->rate_bytes_s);

    return (QueueLimits){
        .link_bytes_s = root * (link ? link->share_max : 1),
        .destinations =
            (const QueueDestination *)(const void *)lane->destinations->data,
        .n_destinations = lane->destinations->len,
        .running_most =
            link && link->parallel ? link->parallel : queue->parallel,
        .wait_most_s = queue->wait_max_s,
        .between_s = BETWEEN_S,
    };
}

/* One at a time, for each one that goes changes the plan of the others.
 * Returns the one that goes now, NULL: none. */
static Announced *
plan_lane(Daemon *daemon, const Link *link)
{
    Lane lane;
    QueueLimits limits;
    QueuePlan plan;
    g_autofree QueueSlot *slots = NULL;
    const QueueItem *items;
    Announced *next = NULL;

    lane_init(&lane, link);
    lane_fill(&lane, daemon);
    limits = limits_of(&lane, daemon);
    items = (const QueueItem *)(const void *)lane.items->data;
    slots = g_new0(QueueSlot, lane.items->len + 1);
    for (guint i = 0; i < lane.items->len; i++) {
        Announced *waiter = g_ptr_array_index(lane.waiters, i);

        if (waiter && waiter->bound_s <= 0) {
            waiter->bound_s = queue_bound(&limits, items, lane.items->len, i);
            g_array_index(lane.items, QueueItem, i).bound_s = waiter->bound_s;
        }
    }
    queue_plan(&limits, items, lane.items->len, &plan, slots);
    for (guint i = 0; i < lane.items->len; i++) {
        Announced *waiter = g_ptr_array_index(lane.waiters, i);

        if (waiter) {
            waiter->slot = slots[i];
            if (slots[i].admit && !waiter->held_by) {
                next = waiter;
            }
        }
    }
    lane_clear(&lane);
    return next;
}

static GPtrArray *
list_waiters(const Daemon *daemon)
{
    GPtrArray *waiters = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    if (daemon->announced) {
        g_hash_table_iter_init(&iter, daemon->announced);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
            if (((Announced *)value)->waits) {
                g_ptr_array_add(waiters, value);
            }
        }
    }
    return waiters;
}

void
waiting_settle(Daemon *daemon)
{
    Announced *next = NULL;

    do {
        g_autoptr(GPtrArray) waiters = list_waiters(daemon);
        g_autoptr(GHashTable) planned =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        next = NULL;
        for (guint i = 0; i < waiters->len && !next; i++) {
            Announced *waiter = g_ptr_array_index(waiters, i);

            if (!waiter->has_link) {
                next = waiter->held_by ? NULL : waiter;
            } else if (g_hash_table_add(planned,
                                        g_strdup(waiter->link.device))) {
                Link link = waiter->link;

                next = plan_lane(daemon, &link);
            }
        }
        if (next) {
            daemon_log(G_LOG_LEVEL_INFO, NULL, "session %s may begin%s%s",
                       next->id, *next->slot.reason ? ": " : "",
                       next->slot.reason);
            announced_admit(next);
        }
    } while (next);
}

static gboolean
on_tick(gpointer user)
{
    Daemon *daemon = user;
    g_autoptr(GPtrArray) waiters = NULL;

    waiting_settle(daemon);
    waiters = list_waiters(daemon);
    if (waiters->len > 0) {
        return G_SOURCE_CONTINUE;
    }
    daemon->waiting_source = 0;
    return G_SOURCE_REMOVE;
}

/* Which link, as far as that is known before there is a stream. Names are not
 * looked up: that may take long, and everybody would wait for it. */
static void
find_link(Announced *announced)
{
    const DaemonConfig *config = announced->daemon->config;
    g_autofree char *host = announced_host(announced);
    uint64_t rate_bytes_s = 0;
    const char *device = announced_device(announced, &rate_bytes_s);
    const ConfigLink *declared;
    Link link;

    if (!device && host && g_hostname_is_ip_address(host) &&
        link_find(host, NULL, 0, &link, NULL)) {
        device = link.device;
    }
    declared = device ? daemon_config_link(config, device) : NULL;
    if (!rate_bytes_s && declared) {
        rate_bytes_s = declared->capacity_bytes_s;
    }
    if (!device) {
        return;
    }
    if (!rate_bytes_s) {
        rate_bytes_s = link_speed(device);
    }
    if (rate_bytes_s) {
        announced->link.rate_bytes_s = rate_bytes_s;
        g_strlcpy(announced->link.device, device,
                  sizeof(announced->link.device));
        announced->has_link = true;
    } else if (host && g_hostname_is_ip_address(host)) {
        announced->has_link =
            link_resolve(host, device, 0, &announced->link, NULL);
    }
}

void
waiting_enter(Announced *announced)
{
    bool queue = false;

    announced->since_us = clock_mono_us();
    find_link(announced);
    jobj_get_bool(announced->arguments, "queue", &queue);
    if (!queue) {
        announced_admit(announced);
        return;
    }
    announced->waits = true;
    waiting_settle(announced->daemon);
    if (announced->waits && !announced->daemon->waiting_source) {
        announced->daemon->waiting_source =
            g_timeout_add(EVERY_MS, on_tick, announced->daemon);
    }
}

/* --- what is seen of it --- */

static int
by_position(const void *a, const void *b)
{
    const Announced *x = *(Announced *const *)a, *y = *(Announced *const *)b;

    if (x->slot.position != y->slot.position) {
        return x->slot.position < y->slot.position ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

static Known
if_finite(double value)
{
    return isfinite(value) ? known(fmax(value, 0)) : unknown();
}

static JsonObject *
queued_document(const Announced *announced, unsigned position)
{
    const QueueSlot *slot = &announced->slot;
    double waited_s =
        (double)(clock_mono_us() - announced->since_us) / G_USEC_PER_SEC;
    ConfigRules rules;
    g_autofree char *held =
        announced->held_by ? g_strdup_printf("held by %s", announced->held_by)
                           : NULL;
    CtlQueued queued = {
        .position = position,
        .session = announced->id,
        .guest = announced->guest,
        .uuid = announced->uuid,
        .destination = announced->destination,
        .link = announced->has_link ? announced->link.device : NULL,
        .reason = held            ? "held"
                  : slot->planned ? "order"
                                  : "destination",
        .text = held ? held : slot->reason,
        .waiting_s = waited_s,
        .wait_most_s =
            held ? unknown() : if_finite(announced->bound_s - waited_s),
    };

    announced_lookup(announced, &rules);
    queued.priority = (int)rules.priority;
    if (slot->planned && !held) {
        queued.forecast_start_s = if_finite(slot->start_s);
        queued.forecast_time_s = if_finite(slot->end_s - slot->start_s);
    }
    return ctl_queued_to_json(&queued);
}

unsigned
waiting_count(const Daemon *daemon)
{
    g_autoptr(GPtrArray) waiters = list_waiters(daemon);

    return waiters->len;
}

JsonObject *
waiting_document(const Daemon *daemon)
{
    g_autoptr(GPtrArray) waiters = list_waiters(daemon);
    JsonObject *array = json_object_new_array();

    g_ptr_array_sort(waiters, by_position);
    for (guint i = 0; i < waiters->len; i++) {
        json_object_array_add(
            array, queued_document(g_ptr_array_index(waiters, i), i + 1));
    }
    return array;
}

/* --- what is done to it --- */

static Announced *
find(Daemon *daemon, CtlRequest *request)
{
    g_autoptr(GPtrArray) waiters = list_waiters(daemon);
    const char *which = "";

    jobj_get_string(ctl_request_arguments(request), "session", &which);
    for (guint i = 0; i < waiters->len; i++) {
        Announced *waiter = g_ptr_array_index(waiters, i);

        if (g_str_equal(waiter->id, which) ||
            g_str_equal(waiter->uuid, which) ||
            g_strcmp0(waiter->guest, which) == 0) {
            return waiter;
        }
    }
    return NULL;
}

static JsonObject *
session_member(const Announced *waiter)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "session", waiter->id);
    return json;
}

static char *
who(const CtlRequest *request)
{
    const CtlPeer *peer = ctl_request_peer(request);

    return g_strdup_printf("%s, uid %u", peer->program, (unsigned)peer->uid);
}

static void
cancel(Announced *waiter, CtlRequest *request)
{
    Daemon *daemon = waiter->daemon;
    g_autofree char *by = who(request);
    JsonObject *data = json_object_new_object();
    g_autofree char *id = g_strdup(waiter->id);
    const char *reason = NULL;
    g_autofree char *message = NULL;

    jobj_get_string(ctl_request_arguments(request), "reason", &reason);
    message = g_strdup_printf("cancelled by %s%s%s while it waited", by,
                              reason ? ": " : "", reason ? reason : "");
    jobj_add(data, "document", NULL);
    jobj_add_string(data, "status", "cancelled");
    jobj_add_string(data, "message", message);
    jobj_add(data, "total_s", NULL);
    jobj_add(data, "downtime_s", NULL);
    jobj_add(data, "bytes", NULL);
    ctl_request_return(request, session_member(waiter));
    g_hash_table_remove(daemon->announced, waiter->uuid);
    if (daemon->control) {
        ctl_server_event(daemon->control, CTL_EVENT_SESSION_ENDED, id, data);
    }
}

/* What was asked for is kept as it was announced; this replaces a part of it.
 */
static void
set(Announced *waiter, CtlRequest *request)
{
    JsonObject *arguments = ctl_request_arguments(request);
    JsonObject *result, *changed;

    if (jobj_get(arguments, "downtime_limit_s")) {
        ctl_request_fail(request, CTL_ERROR_REFUSED, NULL,
                         "the downtime limit of session %s is set by who "
                         "announced it",
                         waiter->id);
        return;
    }
    result = session_member(waiter);
    changed = json_object_new_array();
    json_object_object_foreach (arguments, name, value) {
        if (strcmp(name, "session") != 0) {
            jobj_add(waiter->arguments, name,
                     value ? json_object_get(value) : NULL);
            json_object_array_add(changed, json_object_new_string(name));
        }
    }
    jobj_add(result, "changed", changed);
    ctl_request_return(request, result);
}

bool
waiting_command(Daemon *daemon, CtlRequest *request)
{
    Announced *waiter = find(daemon, request);

    if (!waiter) {
        return false;
    }
    switch (ctl_request_command(request)) {
    case CTL_COMMAND_HOLD:
        g_free(waiter->held_by);
        waiter->held_by = who(request);
        ctl_request_return(request, session_member(waiter));
        break;
    case CTL_COMMAND_RELEASE:
        g_clear_pointer(&waiter->held_by, g_free);
        ctl_request_return(request, session_member(waiter));
        break;
    case CTL_COMMAND_CANCEL:
        cancel(waiter, request);
        break;
    case CTL_COMMAND_SET:
        set(waiter, request);
        break;
    default:
        return false;
    }
    waiting_settle(daemon);
    return true;
}
