/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pool.c - threads that carry out blocking calls; see virt.h
 *
 * Short calls share a few threads. Calls that last as long as a migration get
 * one each: were they pooled, a handful of migrations would fill the pool and
 * the abort would wait behind them. A request holds its pool from the moment
 * it is made until its result has been delivered, and only the main thread
 * counts these references.
 */
#include "virt/virt-priv.h"

enum { POOL_THREADS = 6 };

struct VirtPool {
    unsigned refs;
    unsigned under_way;
    GMainContext *context;
    GThreadPool *threads;
};

typedef struct Call {
    VirtPool *pool; /* the worker reads its context, nothing else */
    VirtWork work;
    VirtDeliver deliver;
    gpointer data;
} Call;

typedef struct Post {
    VirtDeliver deliver;
    gpointer data;
} Post;

static gboolean
post_run(gpointer data)
{
    Post *post = data;

    post->deliver(post->data);
    return G_SOURCE_REMOVE;
}

/* Not g_main_context_invoke(): that runs the function at once, in the wrong
 * thread, when the loop happens not to be running. */
void
virt_post(GMainContext *context, VirtDeliver deliver, gpointer data)
{
    Post *post = g_new(Post, 1);
    GSource *source = g_idle_source_new();

    *post = (Post){ deliver, data };
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_static_name(source, "virt result");
    g_source_set_callback(source, post_run, post, g_free);
    g_source_attach(source, context);
    g_source_unref(source);
}

static void
call_deliver(gpointer data)
{
    Call *call = data;

    call->deliver(call->data);
    call->pool->under_way--;
    virt_pool_unref(call->pool);
    g_free(call);
}

static void
call_work(gpointer data, gpointer unused)
{
    Call *call = data;

    call->work(call->data);
    virt_post(call->pool->context, call_deliver, call);
}

static gpointer
call_thread(gpointer data)
{
    call_work(data, NULL);
    return NULL;
}

VirtPool *
virt_pool_new(GMainContext *context)
{
    VirtPool *pool = g_new0(VirtPool, 1);

    pool->refs = 1;
    pool->context =
        g_main_context_ref(context ? context : g_main_context_default());
    pool->threads =
        g_thread_pool_new(call_work, NULL, POOL_THREADS, FALSE, NULL);
    virt_loop_register(pool->context);
    return pool;
}

VirtPool *
virt_pool_ref(VirtPool *pool)
{
    pool->refs++;
    return pool;
}

void
virt_pool_unref(VirtPool *pool)
{
    if (!pool || --pool->refs > 0) {
        return;
    }
    /* Nothing is queued any more: a request would hold a reference. */
    g_thread_pool_free(pool->threads, FALSE, FALSE);
    g_main_context_unref(pool->context);
    g_free(pool);
}

GMainContext *
virt_pool_context(VirtPool *pool)
{
    return pool->context;
}

static Call *
call_new(VirtPool *pool, VirtWork work, VirtDeliver deliver, gpointer data)
{
    Call *call = g_new(Call, 1);

    *call = (Call){ virt_pool_ref(pool), work, deliver, data };
    pool->under_way++;
    return call;
}

void
virt_pool_call(VirtPool *pool, VirtWork work, VirtDeliver deliver,
               gpointer data)
{
    /* A failure to start one more thread leaves the request queued for those
     * that exist: GLib documents the error as harmless. */
    g_thread_pool_push(pool->threads, call_new(pool, work, deliver, data),
                       NULL);
}

void
virt_pool_call_long(VirtPool *pool, VirtWork work, VirtDeliver deliver,
                    gpointer data)
{
    g_thread_unref(g_thread_new("vmferry-virt", call_thread,
                                call_new(pool, work, deliver, data)));
}

static gboolean
call_later(gpointer data)
{
    Call *call = data;

    g_thread_pool_push(call->pool->threads, call, NULL);
    return G_SOURCE_REMOVE;
}

void
virt_pool_call_later(VirtPool *pool, unsigned delay_ms, VirtWork work,
                     VirtDeliver deliver, gpointer data)
{
    GSource *timer = g_timeout_source_new(delay_ms);

    g_source_set_callback(timer, call_later,
                          call_new(pool, work, deliver, data), NULL);
    g_source_attach(timer, pool->context);
    g_source_unref(timer);
}

typedef struct LaneCall {
    VirtLane *lane;
    VirtPool *pool;
    VirtWork work;
    VirtDeliver deliver;
    gpointer data;
} LaneCall;

static void lane_next(VirtLane *lane);

static void
lane_work(gpointer data)
{
    LaneCall *call = data;

    call->work(call->data);
}

static void
lane_deliver(gpointer data)
{
    g_autofree LaneCall *call = data;

    /* First: delivering may release the lane's owner. */
    call->lane->busy = false;
    lane_next(call->lane);
    call->deliver(call->data);
}

static void
lane_next(VirtLane *lane)
{
    LaneCall *call = lane->busy ? NULL : g_queue_pop_head(&lane->waiting);

    if (call) {
        lane->busy = true;
        virt_pool_call(call->pool, lane_work, lane_deliver, call);
    }
}

void
virt_lane_call(VirtLane *lane, VirtPool *pool, VirtWork work,
               VirtDeliver deliver, gpointer data)
{
    LaneCall *call = g_new(LaneCall, 1);

    *call = (LaneCall){ lane, pool, work, deliver, data };
    g_queue_push_tail(&lane->waiting, call);
    lane_next(lane);
}

static gboolean
on_timeout(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

bool
virt_pool_drain(VirtPool *pool, int timeout_ms)
{
    bool late = false;
    GSource *timer = NULL;

    if (timeout_ms >= 0) {
        timer = g_timeout_source_new(timeout_ms);
        g_source_set_callback(timer, on_timeout, &late, NULL);
        g_source_attach(timer, pool->context);
    }
    while (pool->under_way > 0 && !late) {
        g_main_context_iteration(pool->context, TRUE);
    }
    if (timer) {
        g_source_destroy(timer);
        g_source_unref(timer);
    }
    /* libvirt's free functions, put off by loop.c; bounded, for the program
     * may have a source of its own that is always ready */
    for (int i = 0; i < 16 && !late; i++) {
        g_main_context_iteration(pool->context, FALSE);
    }
    return pool->under_way == 0;
}
