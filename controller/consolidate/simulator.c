/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulator.c - see simulator.h: the back end's calls
 */
#include <string.h>

#include "consolidate/manager-priv.h"
#include "consolidate/simulator-priv.h"

#define MICRO 1e6
#define SNAPSHOT_US 200000
#define CHECK_US 50000
#define POWER_US 2000000
/* Of what a guest asks for, while it migrates: CloudSim's rule. */
#define LOST 0.1

void
sim_move_free(gpointer data)
{
    SimMove *move = data;

    g_free(move->guest);
    g_free(move->from);
    g_free(move->to);
    g_free(move->plan);
    g_free(move->fails);
    g_free(move);
}

ConsSimulator *
cons_simulator_new(const ConsSettings *settings, const Cluster *cluster,
                   uint64_t seed)
{
    ConsSimulator *s = g_new0(ConsSimulator, 1);

    s->settings = settings;
    s->cluster = cluster_copy(cluster);
    s->now_us = s->start_us = cluster->at_us;
    s->random = seed;
    s->slow = 1;
    s->followed = -1;
    s->count_until_us = INT64_MAX;
    s->groups_of = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                         (GDestroyNotify)g_ptr_array_unref);
    s->trace_of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    s->curves = g_new0(const double *, cluster->hosts->len + 1);
    s->queue = g_ptr_array_new();
    s->moves = g_ptr_array_new_with_free_func(sim_move_free);
    s->fail = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    s->refuse = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    s->journal = g_string_new(NULL);
    s->past = g_ptr_array_new_with_free_func(manager_past_free);
    s->decisions = g_ptr_array_new_with_free_func((GDestroyNotify)jobj_unref);
    s->told = g_ptr_array_new_with_free_func((GDestroyNotify)jobj_unref);
    return s;
}

void
cons_simulator_free(ConsSimulator *s)
{
    SimEvent *event;

    if (!s) {
        return;
    }
    while ((event = sim_pop(s))) {
        sim_event_free(event);
    }
    g_ptr_array_unref(s->queue);
    g_ptr_array_unref(s->moves);
    g_hash_table_unref(s->fail);
    g_hash_table_unref(s->refuse);
    g_hash_table_unref(s->trace_of);
    g_hash_table_unref(s->groups_of);
    g_string_free(s->journal, TRUE);
    g_ptr_array_unref(s->past);
    g_ptr_array_unref(s->decisions);
    g_ptr_array_unref(s->told);
    g_free(s->curves);
    cluster_free(s->cluster);
    g_free(s);
}

static SimEvent *
push(ConsSimulator *s, SimKind kind, int64_t in_us)
{
    SimEvent *event = g_new0(SimEvent, 1);

    event->kind = kind;
    event->at_us = s->now_us + in_us;
    sim_push(s, event);
    return event;
}

static ConsEvent *
answer(ConsSimulator *s, ConsEventKind kind, const char *plan, size_t step,
       int64_t in_us)
{
    SimEvent *event = push(s, SIM_DELIVER, in_us);

    event->event = cons_event_new(kind, plan, step);
    return event->event;
}

static int64_t
back_now(void *data)
{
    return ((ConsSimulator *)data)->now_us;
}

static void
back_snapshot(void *data)
{
    push(data, SIM_SNAPSHOT, SNAPSHOT_US);
}

static Cluster *
look(ConsSimulator *s)
{
    Cluster *seen = cluster_copy(s->cluster);
    g_autofree double *use = g_new0(double, seen->hosts->len + 1);

    seen->at_us = s->now_us;
    for (guint g = 0; g < seen->guests->len; g++) {
        ClusterGuest *guest = cluster_guest(seen, g);
        double noise = 1 + s->noise * (2 * sim_uniform(s) - 1);

        guest->gone =
            cluster_host(seen, (guint)guest->host)->state != CLUSTER_HOST_UP;
        if (guest->cpu_milli >= 0) {
            guest->cpu_milli = (int64_t)((double)guest->cpu_milli * noise);
            use[guest->host] += (double)guest->cpu_milli;
        }
    }
    /* nobody uses more than there is */
    for (guint g = 0; g < seen->guests->len; g++) {
        ClusterGuest *guest = cluster_guest(seen, g);
        const ClusterHost *host = cluster_host(seen, (guint)guest->host);
        double room = (double)(host->cpu_milli - host->own_cpu_milli);

        if (use[guest->host] > room && guest->cpu_milli > 0) {
            guest->cpu_milli =
                (int64_t)((double)guest->cpu_milli * room / use[guest->host]);
        }
    }
    return seen;
}

static SimMove *
find_move(const ConsSimulator *s, const char *guest)
{
    for (guint i = 0; i < s->moves->len; i++) {
        SimMove *move = g_ptr_array_index(s->moves, i);

        if (strcmp(move->guest, guest) == 0) {
            return move;
        }
    }
    return NULL;
}

/* Why @move cannot begin; NULL: it can */
static char *
why_not(const ConsSimulator *s, const ConsMove *move)
{
    const Cluster *c = s->cluster;
    int32_t guest = cluster_find_guest(c, move->guest);
    int32_t to = cluster_find_host(c, move->to);
    uint64_t used;

    if (guest < 0 || to < 0) {
        return g_strdup("no such guest or host");
    }
    if (strcmp(
            cluster_host(c, (guint)cluster_guest(c, (guint)guest)->host)->name,
            move->from) != 0) {
        return g_strdup_printf("the guest is not on %s", move->from);
    }
    if (find_move(s, move->guest)) {
        return g_strdup("the guest migrates already");
    }
    if (cluster_host(c, (guint)to)->state != CLUSTER_HOST_UP) {
        return g_strdup_printf("host %s does not answer", move->to);
    }
    used = cluster_host(c, (guint)to)->own_memory_bytes +
           cluster_guest(c, (guint)guest)->memory_bytes;
    for (guint g = 0; g < c->guests->len; g++) {
        used += cluster_guest(c, g)->host == to
                    ? cluster_guest(c, g)->memory_bytes
                    : 0;
    }
    for (guint i = 0; i < s->moves->len; i++) {
        const SimMove *other = g_ptr_array_index(s->moves, i);
        int32_t comes = cluster_find_guest(c, other->guest);

        used += comes >= 0 && strcmp(other->to, move->to) == 0
                    ? cluster_guest(c, (guint)comes)->memory_bytes
                    : 0;
    }
    if (used > cluster_host(c, (guint)to)->memory_bytes) {
        return g_strdup_printf("host %s has not enough free memory", move->to);
    }
    return NULL;
}

static void
back_check(void *data, const char *plan, size_t step, const ConsMove *move)
{
    ConsSimulator *s = data;
    ConsEvent *event = answer(s, CONS_EVENT_CHECKED, plan, step, CHECK_US);

    event->text = g_strdup(g_hash_table_lookup(s->refuse, move->guest));
    if (!g_hash_table_remove(s->refuse, move->guest)) {
        event->text = why_not(s, move);
    }
}

static uint64_t
share_of_links(const ConsSimulator *s, const ConsMove *move)
{
    uint64_t n_out = 1, n_in = 1, out, in;
    int32_t from = cluster_find_host(s->cluster, move->from);
    int32_t to = cluster_find_host(s->cluster, move->to);

    for (guint i = 0; i < s->moves->len; i++) {
        const SimMove *other = g_ptr_array_index(s->moves, i);

        n_out += strcmp(other->from, move->from) == 0;
        n_in += strcmp(other->to, move->to) == 0;
    }
    out = cluster_host(s->cluster, (guint)from)->link_bytes_s;
    in = cluster_host(s->cluster, (guint)to)->link_bytes_s;
    out = out ? out : s->settings->link_bytes_s;
    in = in ? in : s->settings->link_bytes_s;
    return MAX(1, MIN(out / n_out, in / n_in));
}

static void
back_start(void *data, const char *plan, size_t step, const ConsMove *move)
{
    ConsSimulator *s = data;
    g_autofree char *why = why_not(s, move);
    ClusterGuest *guest;
    SimMove *running;
    PlanGuest like = { 0 };
    SimEvent *end;

    s->figures.starts++;
    if (why) {
        answer(s, CONS_EVENT_FAILED, plan, step, CHECK_US)->text =
            g_steal_pointer(&why);
        s->figures.failed++;
        return;
    }
    guest = cluster_guest(s->cluster,
                          (guint)cluster_find_guest(s->cluster, move->guest));
    like.memory_bytes = guest->memory_bytes;
    like.hot_bytes = MIN(guest->hot_bytes, guest->memory_bytes);
    like.hot_bytes_s = guest->hot_bytes_s;
    like.cold_bytes_s = guest->cold_bytes_s;
    running = g_new0(SimMove, 1);
    running->id = ++s->numbers;
    running->guest = g_strdup(move->guest);
    running->from = g_strdup(move->from);
    running->to = g_strdup(move->to);
    running->plan = g_strdup(plan);
    running->step = step;
    running->start_us = s->now_us;
    running->duration = plan_duration(&like, share_of_links(s, move),
                                      s->settings->downtime_limit_s);
    running->took_s = running->duration.time_s * s->slow *
                      (1 + 0.05 * (2 * sim_uniform(s) - 1));
    running->fails = g_strdup(g_hash_table_lookup(s->fail, move->guest));
    if (g_hash_table_remove(s->fail, move->guest)) {
        running->took_s /= 2;
    }
    guest->moving = true;
    g_ptr_array_add(s->moves, running);
    answer(s, CONS_EVENT_STARTED, plan, step, CHECK_US);
    end = push(s, SIM_END, (int64_t)(running->took_s * MICRO));
    end->id = running->id;
}

static void
back_adopt(void *data, const char *plan, size_t step, const ConsMove *move)
{
    ConsSimulator *s = data;
    SimMove *running = find_move(s, move->guest);
    int32_t guest = cluster_find_guest(s->cluster, move->guest);
    const char *host =
        guest < 0
            ? ""
            : cluster_host(s->cluster,
                           (guint)cluster_guest(s->cluster, (guint)guest)->host)
                  ->name;

    if (running) {
        g_free(running->plan);
        running->plan = g_strdup(plan);
        running->step = step;
    } else if (strcmp(host, move->to) == 0) {
        answer(s, CONS_EVENT_DONE, plan, step, CHECK_US);
    } else {
        answer(s, CONS_EVENT_FAILED, plan, step, CHECK_US)->text =
            g_strdup("it had ended before");
    }
}

static void
back_cancel(void *data, const char *plan, size_t step, const ConsMove *move)
{
    ConsSimulator *s = data;
    SimMove *running = find_move(s, move->guest);

    if (running && !running->fails) {
        running->fails = g_strdup("cancelled");
        push(s, SIM_END, CHECK_US)->id = running->id;
    }
}

static void
back_power(void *data, const char *plan, size_t step, const char *host, bool on)
{
    ConsSimulator *s = data;
    const ConsHostSettings *told = cons_settings_host(s->settings, host);
    int32_t index = cluster_find_host(s->cluster, host);
    bool empty = true;

    if (index < 0) {
        answer(s, CONS_EVENT_FAILED, plan, step, POWER_US)->text =
            g_strdup("there is no such host");
        return;
    }
    for (guint g = 0; g < s->cluster->guests->len; g++) {
        empty = empty && cluster_guest(s->cluster, g)->host != index;
    }
    if (!on && !empty) {
        answer(s, CONS_EVENT_FAILED, plan, step, POWER_US)->text =
            g_strdup("guests run on it");
        return;
    }
    push(s, on ? SIM_AWAKE : SIM_OFF,
         on ? (int64_t)((told ? told->wake_s : 60) * MICRO) : POWER_US)
        ->host = g_strdup(host);
    answer(s, CONS_EVENT_DONE, plan, step, POWER_US + 1)->took_s =
        POWER_US / MICRO;
}

static void
back_wake_at(void *data, int64_t at_us)
{
    ConsSimulator *s = data;

    push(s, SIM_TIME, MAX(0, at_us - s->now_us))->id = ++s->newest_time;
}

static bool
back_journal(void *data, const char *line, GError **error)
{
    ConsSimulator *s = data;

    g_string_append(s->journal, line);
    g_string_append_c(s->journal, '\n');
    return true;
}

static void
back_told(void *data, ConsTold what, const Cluster *cluster, JsonObject *json)
{
    ConsSimulator *s = data;

    if (what == CONS_TOLD_DECISION) {
        g_ptr_array_add(s->decisions, json_object_get(json));
    } else if (json) {
        g_ptr_array_add(s->told, json_object_get(json));
    }
}

const ConsBackend *
cons_simulator_backend(void)
{
    static const ConsBackend backend = {
        .now_us = back_now,
        .snapshot = back_snapshot,
        .check = back_check,
        .start = back_start,
        .adopt = back_adopt,
        .cancel = back_cancel,
        .power = back_power,
        .wake_at = back_wake_at,
        .journal = back_journal,
        .told = back_told,
    };

    return &backend;
}

static void
end_move(ConsSimulator *s, uint64_t id)
{
    for (guint i = 0; i < s->moves->len; i++) {
        SimMove *move = g_ptr_array_index(s->moves, i);
        int32_t index, to;
        ClusterGuest *guest;
        ConsEvent *event;

        if (move->id != id) {
            continue;
        }
        index = cluster_find_guest(s->cluster, move->guest);
        g_assert(index >= 0); /* guests that migrate do not end */
        to = cluster_find_host(s->cluster, move->to);
        guest = cluster_guest(s->cluster, (guint)index);
        guest->moving = false;
        s->lost += LOST * (double)MAX(0, guest->cpu_milli) * move->took_s;
        if (!move->fails &&
            cluster_host(s->cluster, (guint)to)->state != CLUSTER_HOST_UP) {
            move->fails = g_strdup_printf("host %s was lost", move->to);
        }
        event = answer(s, move->fails ? CONS_EVENT_FAILED : CONS_EVENT_DONE,
                       move->plan, move->step, 1);
        if (move->fails) {
            s->figures.failed++;
            event->text = g_strdup(move->fails);
        } else {
            s->figures.migrations++;
            guest->host = to;
            event->took_s = move->took_s;
            event->downtime_s = move->duration.downtime_s;
            event->bytes = move->duration.bytes;
            g_ptr_array_add(s->past,
                            manager_past_new(move->guest, move->from, move->to,
                                             s->now_us, true));
        }
        g_ptr_array_remove_index(s->moves, i);
        return;
    }
}

static void
deliver(ConsSimulator *s, ConsEvent *event)
{
    if (s->manager) {
        cons_manager_event(s->manager, event);
    } else {
        cons_event_free(event);
    }
}

size_t
cons_simulator_run(ConsSimulator *s, int64_t until_us, size_t most_events)
{
    size_t n = 0;

    while (s->queue->len > 0 && (most_events == 0 || n < most_events)) {
        SimEvent *event = s->queue->pdata[0];
        int32_t host;

        if (event->at_us > until_us) {
            break;
        }
        event = sim_pop(s);
        sim_advance(s, event->at_us);
        n++;
        switch (event->kind) {
        case SIM_DELIVER:
            deliver(s, g_steal_pointer(&event->event));
            break;
        case SIM_SNAPSHOT: {
            ConsEvent *seen = cons_event_new(CONS_EVENT_SNAPSHOT, NULL, 0);

            seen->cluster = look(s);
            deliver(s, seen);
            break;
        }
        case SIM_END:
            end_move(s, event->id);
            break;
        case SIM_AWAKE:
        case SIM_OFF:
            host = cluster_find_host(s->cluster, event->host);
            cluster_host(s->cluster, (guint)host)->state =
                event->kind == SIM_AWAKE ? CLUSTER_HOST_UP
                                         : CLUSTER_HOST_UNKNOWN;
            break;
        case SIM_ARRIVE:
            sim_arrive(s, event->id);
            break;
        case SIM_LEAVE:
            sim_leave(s, event->id);
            break;
        case SIM_TIME:
            if (event->id == s->newest_time) {
                deliver(s, cons_event_new(CONS_EVENT_TIME, NULL, 0));
            }
            break;
        }
        sim_event_free(event);
    }
    if (most_events == 0 || n < most_events) {
        sim_advance(s, MAX(until_us, s->now_us));
    }
    return n;
}

void
cons_simulator_set_manager(ConsSimulator *s, ConsManager *manager)
{
    guint kept = 0;

    /* a new one asks anew, and hears nothing that was meant for the old one */
    for (guint i = 0; i < s->queue->len; i++) {
        SimEvent *event = s->queue->pdata[i];

        if (event->kind == SIM_DELIVER || event->kind == SIM_SNAPSHOT ||
            event->kind == SIM_TIME) {
            sim_event_free(event);
        } else {
            s->queue->pdata[kept++] = event;
        }
    }
    {
        g_autoptr(GPtrArray) rest = g_ptr_array_new();

        for (guint i = 0; i < kept; i++) {
            g_ptr_array_add(rest, s->queue->pdata[i]);
        }
        g_ptr_array_set_size(s->queue, 0);
        for (guint i = 0; i < rest->len; i++) {
            sim_push(s, rest->pdata[i]);
        }
    }
    s->manager = manager;
}

void
cons_simulator_noise(ConsSimulator *s, double share)
{
    s->noise = share;
}

void
cons_simulator_curve(ConsSimulator *s, size_t host,
                     const double watts[CONS_CURVE])
{
    g_assert(host < s->cluster->hosts->len);
    s->curves[host] = watts;
}

int64_t
cons_simulator_now_us(const ConsSimulator *s)
{
    return s->now_us;
}

Cluster *
cons_simulator_cluster(ConsSimulator *s)
{
    return s->cluster;
}

void
cons_simulator_fail_next(ConsSimulator *s, const char *guest, const char *why)
{
    g_hash_table_insert(s->fail, g_strdup(guest), g_strdup(why));
}

void
cons_simulator_refuse_next(ConsSimulator *s, const char *guest, const char *why)
{
    g_hash_table_insert(s->refuse, g_strdup(guest), g_strdup(why));
}

void
cons_simulator_slow(ConsSimulator *s, double factor)
{
    s->slow = factor;
}

const char *
cons_simulator_journal(const ConsSimulator *s)
{
    return s->journal->str;
}

const GPtrArray *
cons_simulator_moves(const ConsSimulator *s)
{
    return s->past;
}

const GPtrArray *
cons_simulator_decisions(const ConsSimulator *s)
{
    return s->decisions;
}

const GPtrArray *
cons_simulator_told(const ConsSimulator *s)
{
    return s->told;
}
