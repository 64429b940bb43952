/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * move.c - see move.h
 *
 * A request to libvirt or vmferryd may be answered after the move was given up.
 * So the move is counted: each request holds it, and a move that is freed calls
 * nobody back.
 */
#include "tools/consolidate/move.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/client.h"
#include "tools/consolidate/compress.h"
#include "virt/leaving.h"
#include "virt/migration.h"

#define POLL_MS 500
#define MIB (UINT64_C(1) << 20)
#define MOST_BYTES_S 0x1p60

struct Move {
    unsigned refs;
    bool freed, over, cancelled;
    VirtPool *pool;
    char *guest, *uuid, *from, *to, *migrate_to, *vmferryd;
    bool autostart, persistent;
    unsigned patience_ms;
    const MoveCallbacks *callbacks;
    gpointer user;
    VirtHost *source, *destination;
    VirtGuest *virt;
    CtlClient *client; /* NULL: nobody reserves */
    char *session;     /* announced there */
    bool waits;        /* for its turn */
    bool steered;      /* by whoever gave it */
    VirtMigration *migration;
    uint64_t hold_bytes_s; /* at which it was begun; 0: without limit */
    uint64_t own_bytes_s;  /* the guest's own limit; 0: not known */
    bool released, lifting, sent;
    bool compresses, compressed; /* to be considered; asked for */
    uint64_t link_bytes_s;
    Known free_bytes;
    guint poll_source;
    int64_t announced_us, begun_us;
    uint64_t sent_bytes;
};

static Move *
move_ref(Move *move)
{
    move->refs++;
    return move;
}

static void
move_unref(Move *move)
{
    if (--move->refs > 0) {
        return;
    }
    g_clear_handle_id(&move->poll_source, g_source_remove);
    ctl_client_free(move->client);
    virt_migration_unref(move->migration);
    virt_guest_unref(move->virt);
    virt_host_unref(move->source);
    virt_host_unref(move->destination);
    virt_pool_unref(move->pool);
    g_free(move->guest);
    g_free(move->uuid);
    g_free(move->from);
    g_free(move->to);
    g_free(move->migrate_to);
    g_free(move->vmferryd);
    g_free(move->session);
    g_free(move);
}

/* --- its end --- */

static void
move_end(Move *move)
{
    move->over = true;
    g_clear_handle_id(&move->poll_source, g_source_remove);
    if (move->client && move->session && move->waits) {
        JsonObject *arguments = json_object_new_object();
        g_autoptr(JsonObject) answer = NULL;

        jobj_add_string(arguments, "session", move->session);
        answer = ctl_client_call(move->client, CTL_COMMAND_WITHDRAW, arguments,
                                 NULL);
    }
    g_clear_pointer(&move->client, ctl_client_free);
}

static void
move_failed(Move *move, const char *why)
{
    if (move->over) {
        return;
    }
    move_end(move);
    if (!move->freed) {
        move->callbacks->failed(move, why, move->user);
    }
}

static void
move_lost(Move *move, const char *why)
{
    if (move->over) {
        return;
    }
    move_end(move);
    if (!move->freed) {
        move->callbacks->lost(move, why, move->user);
    }
}

static void
move_done(Move *move, const VirtJob *job)
{
    double took_s = (double)(clock_mono_us() - move->begun_us) / 1e6;
    double downtime_s = -1;
    uint64_t bytes = move->sent_bytes;

    if (move->over) {
        return;
    }
    move_end(move);
    if (job->state == VIRT_JOB_COMPLETED) {
        took_s = job->elapsed_ms.known ? job->elapsed_ms.value / 1e3 : took_s;
        downtime_s = job->downtime_ms.known ? job->downtime_ms.value / 1e3 : -1;
        if (job->sampled) {
            bytes = MAX(bytes, job->poll.sent_bytes);
        }
    }
    if (!move->freed) {
        move->callbacks->done(move, took_s, downtime_s, bytes, move->user);
    }
}

static void move_announce(Move *move);

/* --- held, and let go --- */

static void
on_lifted(const GError *error, gpointer user)
{
    Move *move = user;

    move->lifting = false;
    if (!error) {
        move->hold_bytes_s = 0;
    } /* else the next poll tries again, as long as there is something to lift */
    move_unref(move);
}

/* Not before it sends: libvirt would set its first speed after this one. */
static void
lift_if_released(Move *move)
{
    if (move->released && move->hold_bytes_s > 0 && !move->lifting &&
        !move->over) {
        move->lifting = true;
        virt_guest_lift_speed(move->virt, move->hold_bytes_s, move->own_bytes_s,
                              on_lifted, move_ref(move));
    }
}

static void
move_sent(Move *move)
{
    if (!move->sent && !move->freed) {
        move->sent = true;
        move->callbacks->sent(move, move->user);
    }
}

static void
on_guest_event(VirtGuest *guest, const VirtEvent *event, gpointer user)
{
    Move *move = user;

    if (move->over) {
        return;
    }
    if (event->kind == VIRT_EVENT_PASS) {
        lift_if_released(move); /* it sends */
    } else if (event->kind == VIRT_EVENT_JOB_COMPLETED ||
               (event->kind == VIRT_EVENT_STATUS &&
                !strcmp(event->detail, "completed"))) {
        move_sent(move);
    }
}

/* --- libvirt migrates --- */

static void
on_read(VirtGuest *guest, const VirtReading *reading, const GError *error,
        gpointer user)
{
    Move *move = user;
    const VirtJob *job = &reading->job;

    if (!move->over && !error && (reading->what & VIRT_READ_JOB) &&
        job->state == VIRT_JOB_ACTIVE && job->outgoing) {
        double total = known_or(job->total_bytes, 0);
        double share =
            total > 0 ? 1 - known_or(job->remaining_bytes, total) / total : 0;

        double rate_bytes_s = known_or(job->rate_bytes_s, 0);
        double left_s =
            total > 0 && rate_bytes_s > 0
                ? known_or(job->remaining_bytes, total) / rate_bytes_s
                : -1;

        if (job->sampled) {
            move->sent_bytes = job->poll.sent_bytes;
        }
        lift_if_released(move);
        if (!move->freed) {
            move->callbacks->progress(move, CLAMP(share, 0, 1),
                                      move->sent_bytes, left_s, move->user);
        }
    }
    move_unref(move);
}

static gboolean
on_poll(gpointer user)
{
    Move *move = user;

    move_ref(move);
    if (!virt_guest_poll(move->virt, VIRT_READ_JOB, on_read, move)) {
        move_unref(move);
    }
    return G_SOURCE_CONTINUE;
}

static void
on_autostart(const GError *error, gpointer user)
{
    Move *move = user;

    if (error && !move->freed) {
        move->callbacks->note(move, error->message, move->user);
    }
    move_unref(move);
}

/* With the connection lost, the hosts are asked who has it. */
static bool
arrived_all_the_same(const VirtMigrationResult *result)
{
    return result->destination == VIRT_STATE_RUNNING &&
           (result->source == VIRT_STATE_GONE ||
            result->source == VIRT_STATE_SHUTOFF);
}

/* Whoever is refused for what he did not ask for is told how to go without. */
static char *
explain(const Move *move, const GError *error)
{
    bool refused = move->compressed && move->sent_bytes == 0 &&
                   (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NO_SUPPORT) ||
                    g_error_matches(error, VIRT_ERROR, VIRT_ERROR_INVALID));

    return g_strconcat(error->message,
                       refused ? " (compression was the manager's choice: "
                                 "compression = no goes without)"
                               : "",
                       NULL);
}

static void
on_migrated(VirtMigration *migration, const VirtMigrationResult *result,
            const GError *error, gpointer user)
{
    Move *move = user;

    for (guint i = 0; !move->freed && i < result->warnings->len; i++) {
        move->callbacks->note(move, result->warnings->pdata[i], move->user);
    }
    if (error && !arrived_all_the_same(result)) {
        if (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_DISCONNECTED)) {
            move_lost(move, error->message);
        } else {
            g_autofree char *why = explain(move, error);

            move_failed(move, why);
        }
    } else {
        if (move->autostart && move->persistent && move->destination) {
            virt_host_set_autostart(move->destination, move->uuid, on_autostart,
                                    move_ref(move));
        }
        move_done(move, &result->job);
    }
    move_unref(move);
}

static void
move_compress(Move *move, VirtMigrateSpec *spec)
{
    Compression choice = { 0 };

    if (move->compresses) {
        compress_request(spec, virt_guest_info(move->virt),
                         virt_host_info(move->source), move->link_bytes_s,
                         move->free_bytes, &choice);
    }
    move->compressed = choice.on;
    if (choice.on && !move->freed) {
        move->callbacks->note(move, choice.reason, move->user);
    }
}

static void
move_begin(Move *move)
{
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    g_autoptr(GError) error = NULL;

    if (move->over) {
        return;
    }
    if (move->cancelled) {
        move_failed(move, "it was cancelled before it began");
        return;
    }
    move->waits = false;
    if (move->released || move->steered) {
        move->hold_bytes_s = 0;
    }
    if (move->hold_bytes_s > 0) {
        virt_migrate_spec_add_u64(spec, VIRT_MIGRATE_PARAM_BANDWIDTH,
                                  (move->hold_bytes_s + MIB - 1) / MIB);
    }
    spec->flags = VIRT_MIGRATE_LIVE | VIRT_MIGRATE_PEER2PEER;
    if (move->persistent) {
        spec->flags |= VIRT_MIGRATE_PERSIST_DEST | VIRT_MIGRATE_UNDEFINE_SOURCE;
    }
    spec->destination_uri = g_strdup(move->migrate_to);
    move_compress(move, spec);
    move->begun_us = clock_mono_us();
    move->migration = virt_migration_start(move->virt, move->destination, spec,
                                           on_migrated, move_ref(move), &error);
    if (!move->migration) {
        move_unref(move);
        move_failed(move, error->message);
        return;
    }
    move->poll_source = g_timeout_add(POLL_MS, on_poll, move);
    if (!move->freed) {
        g_autofree char *via =
            move->steered
                ? g_strdup_printf(
                      "session %s of vmferryd, after %.1f s in its queue",
                      move->session,
                      (double)(move->begun_us - move->announced_us) / 1e6)
                : NULL;

        move->callbacks->started(move, via, move->user);
    }
}

/* --- whoever reserves bandwidth at the source --- */

static void
on_event(CtlClient *client, JsonObject *event, gpointer user)
{
    Move *move = user;
    JsonObject *data = jobj_get(event, "data");
    const char *name = "", *session = "", *message = "vmferryd ended it";

    jobj_get_string(event, "event", &name);
    jobj_get_string(data, "session", &session);
    if (!move->waits || g_strcmp0(session, move->session) != 0) {
        return;
    }
    if (!strcmp(name, "session-admitted")) {
        move_begin(move);
    } else if (!strcmp(name, "session-ended")) {
        jobj_get_string(data, "message", &message);
        move->waits = false;
        move_failed(move, message);
    }
}

static void
on_closed(CtlClient *client, const GError *error, gpointer user)
{
    Move *move = user;

    g_clear_pointer(&move->client, ctl_client_free);
    if (move->waits) { /* nobody is left to wait for */
        move_begin(move);
    }
}

/* Not from within the client's reply: a move that ends frees the client. */
static gboolean
on_turn(gpointer user)
{
    Move *move = user;

    if (!move->migration) {
        move_begin(move);
    }
    move_unref(move);
    return G_SOURCE_REMOVE;
}

/* It knows the link that leaves its host; the other one may be narrower. */
static void
heed_link(Move *move, Known told_bytes_s)
{
    if (told_bytes_s.known && told_bytes_s.value >= 1) {
        uint64_t told = (uint64_t)fmin(told_bytes_s.value, MOST_BYTES_S);

        move->link_bytes_s =
            move->link_bytes_s > 0 ? MIN(move->link_bytes_s, told) : told;
    }
}

static void
on_announced(CtlClient *client, JsonObject *result, const GError *error,
             gpointer user)
{
    Move *move = user;
    const char *session = "", *reason = NULL;
    bool admitted = true, steers = false;

    if (g_error_matches(error, CTL_ERROR, CTL_ERROR_CLOSED)) {
        return; /* on_closed() goes on */
    }
    jobj_get_string(result, "session", &session);
    jobj_get_string(result, "reason", &reason);
    jobj_get_bool(result, "admitted", &admitted);
    jobj_get_bool(result, "steers", &steers);
    if (result && *session) {
        move->session = g_strdup(session);
    } else {
        steers = false;
    }
    move->steered = steers;
    if (steers) {
        heed_link(move, jobj_get_known(result, "link_rate_bytes_s"));
    }
    if (!steers && !move->freed) {
        g_autofree char *text = g_strdup_printf(
            "vmferryd does not steer it: %s", error    ? error->message
                                              : reason ? reason
                                                       : "it says not why");

        move->callbacks->note(move, text, move->user);
    }
    if (error || !steers || admitted) {
        move->waits = false;
        g_idle_add(on_turn, move_ref(move));
    }
}

static void
on_subscribed(CtlClient *client, JsonObject *result, const GError *error,
              gpointer user)
{
}

static void
on_own_limits(VirtGuest *guest, const VirtLimits *limits, gpointer user)
{
    Move *move = user;
    double own_bytes_s = known_or(limits->speed_bytes_s, 0);

    /* without one libvirt tells some 2^63 */
    move->own_bytes_s = own_bytes_s < MOST_BYTES_S ? (uint64_t)own_bytes_s : 0;
    /* slower than it would be held */
    if (own_bytes_s <= (double)move->hold_bytes_s) {
        move->hold_bytes_s = 0;
    }
    if (!move->freed) {
        move_announce(move);
    }
    move_unref(move);
}

static void
on_heard(const GError *error, gpointer user)
{
    Move *move = user;

    if (move->freed) {
        /* nobody waits for it any more */
    } else if (move->hold_bytes_s > 0) {
        virt_guest_read_limits(move->virt, on_own_limits, move_ref(move));
    } else {
        move_announce(move);
    }
    move_unref(move);
}

static void
move_announce(Move *move)
{
    static const CtlClientCallbacks callbacks = { on_event, on_closed };
    static const char *const flags[] = { "p2p", "persistent", NULL };
    const VirtGuestInfo *info = virt_guest_info(move->virt);
    bool here = virt_host_info(move->source)->local == VIRT_LOCAL_YES;
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    JsonObject *arguments;

    if (move->vmferryd || here) {
        path = ctl_socket_path(move->vmferryd);
        move->client = ctl_client_open(path, move->patience_ms, &error);
    }
    if (!move->client) {
        if (error &&
            (move->vmferryd ||
             !g_error_matches(error, CTL_ERROR, CTL_ERROR_NO_DAEMON))) {
            move->callbacks->note(move, error->message, move->user);
        }
        move_begin(move);
        return;
    }
    move->waits = true;
    ctl_client_attach(move->client, NULL, &callbacks, move);
    ctl_client_send(move->client, CTL_COMMAND_SUBSCRIBE, NULL, on_subscribed,
                    NULL);
    move->announced_us = clock_mono_us();
    arguments = json_object_new_object();
    jobj_add_string(arguments, "uuid", move->uuid);
    jobj_add_string(arguments, "guest", info->name);
    jobj_add_string(arguments, "destination", move->migrate_to);
    jobj_add_u64(arguments, "memory_bytes", info->memory_bytes);
    jobj_add_bool(arguments, "queue", true);
    jobj_add_string(arguments, "starter", "drain");
    jobj_add(arguments, "flags",
             jobj_new_words(move->persistent
                                ? flags
                                : (const char *const[]){ "p2p", NULL }));
    ctl_client_send(move->client, CTL_COMMAND_ANNOUNCE, arguments, on_announced,
                    move);
}

/* --- connecting --- */

static void
on_guest(VirtGuest *guest, const GError *error, gpointer user)
{
    Move *move = user;

    if (!guest) {
        move_failed(move, error->message);
    } else if (!move->freed) {
        move->virt = virt_guest_ref(guest);
        move->persistent = virt_guest_info(guest)->persistent;
        /* without events polls tell all that is needed, later */
        virt_guest_subscribe(guest, on_guest_event, move, on_heard,
                             move_ref(move));
    }
    move_unref(move);
}

static void
on_destination(VirtHost *host, const GError *error, gpointer user)
{
    Move *move = user;

    if (!host) {
        move_failed(move, error->message);
    } else if (!move->freed) {
        move->destination = virt_host_ref(host);
        virt_guest_lookup(move->source, move->uuid, on_guest, move_ref(move));
    }
    move_unref(move);
}

static void
on_source(VirtHost *host, const GError *error, gpointer user)
{
    Move *move = user;

    if (!host) {
        move_failed(move, error->message);
    } else if (!move->freed) {
        move->source = virt_host_ref(host);
        virt_host_open(move->pool, move->to, 0, on_destination, move_ref(move));
    }
    move_unref(move);
}

Move *
move_start(VirtPool *pool, const MoveSpec *spec, const MoveCallbacks *callbacks,
           gpointer user)
{
    Move *move = g_new0(Move, 1);

    move->refs = 1;
    move->pool = virt_pool_ref(pool);
    move->guest = g_strdup(spec->guest);
    move->uuid = g_strdup(spec->uuid);
    move->from = g_strdup(spec->from);
    move->to = g_strdup(spec->to);
    move->migrate_to = g_strdup(spec->migrate_to);
    move->vmferryd = g_strdup(spec->vmferryd);
    move->autostart = spec->autostart;
    move->hold_bytes_s = spec->hold_bytes_s;
    move->compresses = spec->compresses;
    move->link_bytes_s = spec->link_bytes_s;
    move->free_bytes = spec->free_bytes;
    move->patience_ms = (unsigned)(spec->patience_s * 1000);
    move->callbacks = callbacks;
    move->user = user;
    virt_host_open(pool, move->from, 0, on_source, move_ref(move));
    return move;
}

static void
on_aborted(const GError *error, gpointer user)
{
    Move *move = user;

    if (error && !move->freed) {
        move->callbacks->note(move, error->message, move->user);
    }
    move_unref(move);
}

static gboolean
on_cancelled(gpointer user)
{
    Move *move = user;

    move_failed(move, "it was cancelled before it began");
    move_unref(move);
    return G_SOURCE_REMOVE;
}

void
move_cancel(Move *move)
{
    if (move->over || move->cancelled) {
        return;
    }
    move->cancelled = true;
    if (move->migration) {
        virt_migration_abort(move->migration, on_aborted, move_ref(move));
    } else if (move->waits) {
        g_idle_add(on_cancelled, move_ref(move));
    } /* else it is noticed before libvirt is asked */
}

void
move_release(Move *move)
{
    move->released = true;
    if (move->migration && move->sent_bytes > 0) {
        lift_if_released(move);
    } /* else once it is under way */
}

void
move_free(Move *move)
{
    if (!move) {
        return;
    }
    move->freed = true;
    move->over = true;
    g_clear_handle_id(&move->poll_source, g_source_remove);
    g_clear_pointer(&move->client, ctl_client_free);
    if (move->virt) {
        virt_guest_unsubscribe(move->virt);
    }
    move_unref(move);
}
