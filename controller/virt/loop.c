/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop.c - libvirt's sockets and timers in a GLib main loop
 *
 * libvirt registers descriptors ("handles") and timers with functions of ours
 * and changes them from any thread: a worker that waits for an answer switches
 * the handle off and polls the socket itself meanwhile. So:
 *
 *  - the tables are guarded by a lock, which is never held while libvirt's
 *    callback runs, for that callback adds and changes handles itself;
 *  - a change makes a new GSource; GLib wakes its loop when one is attached;
 *  - whoever removes an entry may hold libvirt's locks, and the main thread
 *    may be about to call it: libvirt's free function runs later, from the
 *    main loop, and until then the opaque pointer is good.
 */
#include <signal.h>

#include <glib-unix.h>

#include "virt/virt-priv.h"

/* One handle or one timer. Referenced by its table and its source. */
typedef struct Entry {
    int id;
    int fd;     /* -1: a timer */
    int wanted; /* VIR_EVENT_HANDLE_, or milliseconds; -1: timer off */
    bool removed;
    GSource *source; /* NULL: switched off */
    virEventHandleCallback on_handle;
    virEventTimeoutCallback on_timeout;
    void *opaque;
    virFreeCallback free_opaque;
} Entry;

static struct {
    GMutex lock;
    GMainContext *context; /* NULL: not registered yet */
    GHashTable *entries;   /* int id -> Entry */
    int next_id;
} loop;

static void
entry_unref(gpointer entry)
{
    g_atomic_rc_box_release(entry);
}

static int
to_libvirt(GIOCondition condition)
{
    int events = 0;

    events |= condition & G_IO_IN ? VIR_EVENT_HANDLE_READABLE : 0;
    events |= condition & G_IO_OUT ? VIR_EVENT_HANDLE_WRITABLE : 0;
    events |= condition & (G_IO_ERR | G_IO_NVAL) ? VIR_EVENT_HANDLE_ERROR : 0;
    events |= condition & G_IO_HUP ? VIR_EVENT_HANDLE_HANGUP : 0;
    return events;
}

static GIOCondition
from_libvirt(int events)
{
    GIOCondition condition = G_IO_ERR | G_IO_HUP;

    condition |= events & VIR_EVENT_HANDLE_READABLE ? G_IO_IN : 0;
    condition |= events & VIR_EVENT_HANDLE_WRITABLE ? G_IO_OUT : 0;
    return condition;
}

static bool
entry_removed(Entry *entry)
{
    bool removed;

    g_mutex_lock(&loop.lock);
    removed = entry->removed;
    g_mutex_unlock(&loop.lock);
    return removed;
}

static gboolean
on_fd(int fd, GIOCondition condition, gpointer data)
{
    Entry *entry = data;

    if (!entry_removed(entry)) {
        entry->on_handle(entry->id, fd, to_libvirt(condition), entry->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_timer(gpointer data)
{
    Entry *entry = data;

    if (!entry_removed(entry)) {
        entry->on_timeout(entry->id, entry->opaque);
    }
    return G_SOURCE_CONTINUE;
}

/* With the lock held. */
static void
entry_disarm(Entry *entry)
{
    if (entry->source) {
        g_source_destroy(entry->source);
        g_clear_pointer(&entry->source, g_source_unref);
    }
}

/* With the lock held. */
static void
entry_arm(Entry *entry)
{
    if (entry->fd >= 0 && entry->wanted != 0) {
        entry->source =
            g_unix_fd_source_new(entry->fd, from_libvirt(entry->wanted));
        g_source_set_callback(entry->source, G_SOURCE_FUNC(on_fd),
                              g_atomic_rc_box_acquire(entry), entry_unref);
    } else if (entry->fd < 0 && entry->wanted >= 0) {
        entry->source = g_timeout_source_new(entry->wanted);
        g_source_set_callback(entry->source, on_timer,
                              g_atomic_rc_box_acquire(entry), entry_unref);
    } else {
        return;
    }
    g_source_set_static_name(entry->source, "libvirt");
    g_source_attach(entry->source, loop.context);
}

static int
entry_add(Entry entry)
{
    Entry *copy = g_atomic_rc_box_dup(sizeof(entry), &entry);
    int id;

    g_mutex_lock(&loop.lock);
    id = copy->id = loop.next_id++;
    g_hash_table_insert(loop.entries, GINT_TO_POINTER(id), copy);
    entry_arm(copy);
    g_mutex_unlock(&loop.lock);
    return id;
}

static void
entry_update(int id, int wanted)
{
    Entry *entry;

    g_mutex_lock(&loop.lock);
    entry = g_hash_table_lookup(loop.entries, GINT_TO_POINTER(id));
    if (entry && entry->wanted != wanted) {
        entry_disarm(entry);
        entry->wanted = wanted;
        entry_arm(entry);
    }
    g_mutex_unlock(&loop.lock);
}

static void
entry_bury(gpointer data)
{
    Entry *entry = data;

    if (entry->free_opaque) {
        entry->free_opaque(entry->opaque);
    }
    entry_unref(entry);
}

static int
entry_remove(int id)
{
    gpointer entry = NULL;

    g_mutex_lock(&loop.lock);
    if (g_hash_table_steal_extended(loop.entries, GINT_TO_POINTER(id), NULL,
                                    &entry)) {
        ((Entry *)entry)->removed = true;
        entry_disarm(entry);
    }
    g_mutex_unlock(&loop.lock);
    if (!entry) {
        return -1;
    }
    virt_post(loop.context, entry_bury, entry);
    return 0;
}

static int
add_handle(int fd, int events, virEventHandleCallback callback, void *opaque,
           virFreeCallback free_opaque)
{
    return entry_add((Entry){ .fd = fd,
                              .wanted = events,
                              .on_handle = callback,
                              .opaque = opaque,
                              .free_opaque = free_opaque });
}

static int
add_timeout(int timeout_ms, virEventTimeoutCallback callback, void *opaque,
            virFreeCallback free_opaque)
{
    return entry_add((Entry){ .fd = -1,
                              .wanted = timeout_ms,
                              .on_timeout = callback,
                              .opaque = opaque,
                              .free_opaque = free_opaque });
}

/* libvirt rearms a timer by setting the same period again, and may then
 * expect the whole period: a new source each time. */
static void
update_timeout(int id, int timeout_ms)
{
    entry_update(id, -1);
    entry_update(id, timeout_ms);
}

/* virsh prints errors itself, and so do we: libvirt must not. */
static void
keep_quiet(void *data, virErrorPtr error)
{
}

static void
on_sigpipe(int number)
{
}

/* libvirt's client writes to its socket as to a file. A request that goes out
 * in the moment in which the daemon dies, before its end has been read, would
 * kill the whole program; now the write fails, and the connection is lost as
 * it is otherwise. A handler, not SIG_IGN: programs that are started from here
 * do not inherit it. What the program has chosen itself stays. */
static void
survive_broken_pipes(void)
{
    struct sigaction action = { .sa_handler = on_sigpipe,
                                .sa_flags = SA_RESTART };
    struct sigaction old;

    sigemptyset(&action.sa_mask);
    if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
        sigaction(SIGPIPE, &action, NULL);
    }
}

void
virt_loop_register(GMainContext *context)
{
    if (loop.context) {
        g_assert(loop.context == context);
        return;
    }
    loop.context = g_main_context_ref(context);
    loop.entries = g_hash_table_new(NULL, NULL);
    loop.next_id = 1;
    survive_broken_pipes();
    virInitialize(); /* before any other call: it makes the thread's error */
    virSetErrorFunc(NULL, keep_quiet);
    virEventRegisterImpl(add_handle, entry_update, entry_remove, add_timeout,
                         update_timeout, entry_remove);
}
