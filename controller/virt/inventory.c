/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory.c - who is asked when, and for how long anybody waits; see
 * inventory.h
 *
 *   queued ──> with a worker ──> back          the ordinary way
 *                   │ patience ends
 *                   v
 *                 stuck ──> back               told as "no answer"; the pool
 *                                              has one worker more meanwhile
 *
 * Patience counts from when a worker took the host, so that a long list of
 * hosts and few workers make nobody late.
 */
#include "base/clock.h"
#include "virt/inventory-priv.h"

#define LOOK_MS 100 /* how exactly patience is kept */

/* One per URI; workers hold a reference while they are at it. */
typedef struct Slot {
    GMutex mutex; /* of .link: a reading and a check may meet */
    SeenLink link;
    bool stuck; /* main thread only, as is the rest */
    VirtSeenHost *result;
} Slot;

typedef struct Task {
    VirtInventory *inventory; /* main thread only; NULL: it is gone */
    GMainContext *context;
    Slot *slot, *to;   /* .to: it is a check */
    gint64 started_us; /* atomic by .mutex; 0: queued */
    GMutex mutex;
    bool late;
    /* of a check */
    char *uuid;
    uint64_t reserve_bytes;
    VirtMoveChecked checked;
    gpointer user;
    VirtMoveCheck *check;
    GError *error;
    /* of a reading */
    VirtSeenHost *host;
} Task;

struct VirtInventory {
    GMainContext *context;
    GThreadPool *threads;
    unsigned most_at_once, n_stuck;
    unsigned patience_ms;
    GPtrArray *slots; /* Slot */
    GPtrArray *tasks; /* Task, under way; not owned */
    GPtrArray *hosts; /* VirtSeenHost, as told last */
    unsigned awaited; /* hosts of the reading under way */
    VirtInventoryRead done;
    gpointer user;
    guint look_source, told_source;
};

static void
slot_clear(gpointer data)
{
    Slot *slot = data;

    if (slot->link.connection) {
        virConnectClose(slot->link.connection);
    }
    g_mutex_clear(&slot->mutex);
    g_free(slot->link.uri);
    g_free(slot->link.capabilities);
    g_hash_table_unref(slot->link.guests);
    virt_seen_host_free(slot->result);
}

static void
slot_unref(gpointer slot)
{
    g_atomic_rc_box_release_full(slot, slot_clear);
}

static Slot *
slot_new(const char *uri)
{
    Slot *slot = g_atomic_rc_box_new0(Slot);

    g_mutex_init(&slot->mutex);
    slot->link.uri = g_strdup(uri);
    slot->link.guests =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return slot;
}

/* --- in a worker --- */

/* In one order, so that two checks never wait for each other. */
static void
task_lock(Task *task, bool lock)
{
    Slot *first = task->to && task->to < task->slot ? task->to : task->slot;
    Slot *second = first == task->slot ? task->to : task->slot;

    if (lock) {
        g_mutex_lock(&first->mutex);
        if (second) {
            g_mutex_lock(&second->mutex);
        }
    } else {
        if (second) {
            g_mutex_unlock(&second->mutex);
        }
        g_mutex_unlock(&first->mutex);
    }
}

static void task_deliver(gpointer data);

static void
task_work(gpointer data, gpointer unused)
{
    Task *task = data;

    g_mutex_lock(&task->mutex);
    task->started_us = clock_mono_us();
    g_mutex_unlock(&task->mutex);
    task_lock(task, true);
    if (!task->to) {
        task->host = seen_host_read(&task->slot->link);
    } else if (seen_host_connect(&task->slot->link, &task->error) &&
               seen_host_connect(&task->to->link, &task->error)) {
        task->check = virt_move_check(task->slot->link.connection,
                                      task->to->link.connection, task->uuid,
                                      task->reserve_bytes, &task->error);
    }
    task_lock(task, false);
    virt_post(task->context, task_deliver, task);
}

/* --- in the main thread --- */

static void
task_free(Task *task)
{
    virt_seen_host_free(task->host);
    virt_move_check_free(task->check);
    g_clear_error(&task->error);
    g_mutex_clear(&task->mutex);
    g_main_context_unref(task->context);
    slot_unref(task->slot);
    if (task->to) {
        slot_unref(task->to);
    }
    g_free(task->uuid);
    g_free(task);
}

static void
set_threads(VirtInventory *inventory)
{
    g_thread_pool_set_max_threads(
        inventory->threads,
        (gint)(inventory->most_at_once + inventory->n_stuck), NULL);
}

static void
reading_over(VirtInventory *inventory)
{
    VirtInventoryRead done = inventory->done;

    inventory->done = NULL;
    g_ptr_array_set_size(inventory->hosts, 0);
    for (guint i = 0; i < inventory->slots->len; i++) {
        Slot *slot = inventory->slots->pdata[i];

        g_ptr_array_add(inventory->hosts, g_steal_pointer(&slot->result));
    }
    done(inventory->hosts, inventory->user);
}

static void
take_host(VirtInventory *inventory, Slot *slot, VirtSeenHost *host)
{
    slot->result = host;
    if (--inventory->awaited == 0) {
        reading_over(inventory);
    }
}

static void
task_deliver(gpointer data)
{
    Task *task = data;
    VirtInventory *inventory = task->inventory;

    if (inventory) {
        g_ptr_array_remove_fast(inventory->tasks, task);
        if (task->late) {
            inventory->n_stuck--;
            set_threads(inventory);
        }
        if (!task->to) {
            task->slot->stuck = false;
        }
        if (inventory->tasks->len == 0) {
            g_clear_handle_id(&inventory->look_source, g_source_remove);
        }
        if (task->late) {
            /* it was told as not answering */
        } else if (task->to) {
            task->checked(task->check, task->error, task->user);
        } else {
            take_host(inventory, task->slot, g_steal_pointer(&task->host));
        }
    }
    task_free(task);
}

static char *
no_answer(const VirtInventory *inventory, const Slot *slot)
{
    return g_strdup_printf("libvirt at '%s' did not answer within %g s",
                           slot->link.uri, inventory->patience_ms / 1e3);
}

static void
task_give_up(VirtInventory *inventory, Task *task)
{
    g_autofree char *why = no_answer(inventory, task->slot);

    task->late = true;
    inventory->n_stuck++;
    set_threads(inventory);
    if (task->to) {
        g_autoptr(GError) error =
            g_error_new(VIRT_ERROR, VIRT_ERROR_TIMEOUT,
                        "libvirt at '%s' or '%s' did not answer within %g s",
                        task->slot->link.uri, task->to->link.uri,
                        inventory->patience_ms / 1e3);

        task->checked(NULL, error, task->user);
    } else {
        task->slot->stuck = true;
        take_host(inventory, task->slot,
                  virt_seen_host_new(task->slot->link.uri, why));
    }
}

static gboolean
on_look(gpointer user)
{
    VirtInventory *inventory = user;
    int64_t now_us = clock_mono_us();
    g_autoptr(GPtrArray) late = g_ptr_array_new();

    for (guint i = 0; i < inventory->tasks->len; i++) {
        Task *task = inventory->tasks->pdata[i];
        int64_t started_us;

        g_mutex_lock(&task->mutex);
        started_us = task->started_us;
        g_mutex_unlock(&task->mutex);
        if (!task->late && started_us > 0 &&
            now_us - started_us >= (int64_t)inventory->patience_ms * 1000) {
            g_ptr_array_add(late, task);
        }
    }
    for (guint i = 0; i < late->len; i++) {
        task_give_up(inventory, late->pdata[i]);
    }
    return G_SOURCE_CONTINUE;
}

static guint
later(VirtInventory *inventory, unsigned after_ms, GSourceFunc function)
{
    GSource *source = g_timeout_source_new(after_ms);
    guint id;

    g_source_set_callback(source, function, inventory, NULL);
    id = g_source_attach(source, inventory->context);
    g_source_unref(source);
    return id;
}

static void
task_start(VirtInventory *inventory, Task *task)
{
    task->inventory = inventory;
    task->context = g_main_context_ref(inventory->context);
    g_mutex_init(&task->mutex);
    g_ptr_array_add(inventory->tasks, task);
    if (!inventory->look_source) {
        inventory->look_source = later(inventory, LOOK_MS, on_look);
    }
    g_thread_pool_push(inventory->threads, task, NULL);
}

/* The answer comes from the main loop, never from inside the call. */
static gboolean
on_all_stuck(gpointer user)
{
    VirtInventory *inventory = user;

    inventory->told_source = 0;
    reading_over(inventory);
    return G_SOURCE_REMOVE;
}

bool
virt_inventory_read(VirtInventory *inventory, VirtInventoryRead done,
                    gpointer user)
{
    if (inventory->done) {
        return false;
    }
    inventory->done = done;
    inventory->user = user;
    inventory->awaited = 0;
    for (guint i = 0; i < inventory->slots->len; i++) {
        inventory->awaited +=
            !((Slot *)inventory->slots->pdata[i])->stuck ? 1 : 0;
    }
    for (guint i = 0; i < inventory->slots->len; i++) {
        Slot *slot = inventory->slots->pdata[i];

        if (slot->stuck) {
            g_autofree char *why = no_answer(inventory, slot);

            slot->result = virt_seen_host_new(slot->link.uri, why);
        } else {
            Task *task = g_new0(Task, 1);

            task->slot = g_atomic_rc_box_acquire(slot);
            task_start(inventory, task);
        }
    }
    if (inventory->awaited == 0) {
        inventory->told_source = later(inventory, 0, on_all_stuck);
    }
    return true;
}

static Slot *
slot_of(const VirtInventory *inventory, const char *uri)
{
    for (guint i = 0; i < inventory->slots->len; i++) {
        Slot *slot = inventory->slots->pdata[i];

        if (g_strcmp0(slot->link.uri, uri) == 0) {
            return slot;
        }
    }
    return NULL;
}

typedef struct Refusal {
    VirtMoveChecked checked;
    gpointer user;
    GError *error;
} Refusal;

static gboolean
on_refusal(gpointer data)
{
    g_autofree Refusal *refusal = data;

    refusal->checked(NULL, refusal->error, refusal->user);
    g_error_free(refusal->error);
    return G_SOURCE_REMOVE;
}

void
virt_inventory_check(VirtInventory *inventory, const char *guest_uuid,
                     const char *from, const char *to, uint64_t reserve_bytes,
                     VirtMoveChecked done, gpointer user)
{
    Slot *source = slot_of(inventory, from);
    Slot *destination = slot_of(inventory, to);
    GError *error = NULL;
    Task *task;

    if (!source || !destination || source == destination) {
        error = g_error_new(VIRT_ERROR, VIRT_ERROR_INVALID,
                            "a guest moves between two hosts of the "
                            "inventory, not from '%s' to '%s'",
                            from, to);
    } else if (source->stuck || destination->stuck) {
        g_autofree char *why =
            no_answer(inventory, source->stuck ? source : destination);

        error = g_error_new_literal(VIRT_ERROR, VIRT_ERROR_TIMEOUT, why);
    }
    if (error) {
        Refusal *refusal = g_new(Refusal, 1);

        *refusal = (Refusal){ done, user, error };
        g_idle_add(on_refusal, refusal);
        return;
    }
    task = g_new0(Task, 1);
    task->slot = g_atomic_rc_box_acquire(source);
    task->to = g_atomic_rc_box_acquire(destination);
    task->uuid = g_strdup(guest_uuid);
    task->reserve_bytes = reserve_bytes;
    task->checked = done;
    task->user = user;
    task_start(inventory, task);
}

VirtInventory *
virt_inventory_new(VirtPool *pool, const char *const *uris,
                   unsigned most_at_once, unsigned patience_ms)
{
    VirtInventory *inventory = g_new0(VirtInventory, 1);

    inventory->context = g_main_context_ref(virt_pool_context(pool));
    inventory->most_at_once = MAX(most_at_once, 1);
    inventory->patience_ms = patience_ms;
    inventory->threads = g_thread_pool_new(
        task_work, NULL, (gint)inventory->most_at_once, FALSE, NULL);
    inventory->slots = g_ptr_array_new_with_free_func(slot_unref);
    inventory->tasks = g_ptr_array_new();
    inventory->hosts = g_ptr_array_new_with_free_func(virt_seen_host_free);
    for (size_t i = 0; uris[i]; i++) {
        g_ptr_array_add(inventory->slots, slot_new(uris[i]));
    }
    return inventory;
}

void
virt_inventory_count_writes(VirtInventory *inventory, double every_s)
{
    for (guint i = 0; i < inventory->slots->len; i++) {
        Slot *slot = inventory->slots->pdata[i];

        slot->link.count_every_us = (int64_t)(every_s * 1e6);
    }
}

void
virt_inventory_free(VirtInventory *inventory)
{
    if (!inventory) {
        return;
    }
    for (guint i = 0; i < inventory->tasks->len; i++) {
        ((Task *)inventory->tasks->pdata[i])->inventory = NULL;
    }
    g_clear_handle_id(&inventory->look_source, g_source_remove);
    g_clear_handle_id(&inventory->told_source, g_source_remove);
    /* A call that hangs keeps its slot; the others are closed here. */
    g_thread_pool_free(inventory->threads, FALSE, FALSE);
    g_ptr_array_unref(inventory->tasks);
    g_ptr_array_unref(inventory->slots);
    g_ptr_array_unref(inventory->hosts);
    g_main_context_unref(inventory->context);
    g_free(inventory);
}
