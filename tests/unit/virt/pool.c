/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pool.c - who runs what in which thread, and that nothing is left behind
 */
#include "test-virt.h"

void
until(bool *flag)
{
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    while (!*flag) {
        cr_assert_lt(g_get_monotonic_time(), deadline, "nothing came");
        if (!g_main_context_iteration(NULL, FALSE)) {
            g_usleep(200);
        }
    }
}

void
on_host(VirtHost *host, const GError *error, gpointer user)
{
    Answer *answer = user;

    answer->done = true;
    answer->host = host ? virt_host_ref(host) : NULL;
    answer->error = error ? g_error_copy(error) : NULL;
}

void
on_guest(VirtGuest *guest, const GError *error, gpointer user)
{
    Answer *answer = user;

    answer->done = true;
    answer->guest = guest ? virt_guest_ref(guest) : NULL;
    answer->error = error ? g_error_copy(error) : NULL;
}

void
on_done(const GError *error, gpointer user)
{
    Answer *answer = user;

    answer->done = true;
    answer->error = error ? g_error_copy(error) : NULL;
}

char *
data_file(const char *name)
{
    g_autofree char *path = g_build_filename(DATA_DIR, name, NULL);
    char *text = NULL;

    cr_assert(g_file_get_contents(path, &text, NULL, NULL), "%s", path);
    return text;
}

void
test_pool_end(TestPool *pool)
{
    cr_assert(virt_pool_drain(pool, 10000), "requests are still under way");
    virt_pool_unref(pool);
}

typedef struct Job {
    GThread *worked, *delivered;
    GMutex *gate; /* the worker waits until it is open */
    unsigned *count;
} Job;

static void
job_work(gpointer data)
{
    Job *job = data;

    if (job->gate) {
        g_mutex_lock(job->gate);
        g_mutex_unlock(job->gate);
    }
    job->worked = g_thread_self();
}

static void
job_deliver(gpointer data)
{
    Job *job = data;

    job->delivered = g_thread_self();
    ++*job->count;
}

Test(pool, works_elsewhere_and_delivers_here)
{
    g_autoptr(VirtPool) pool = virt_pool_new(NULL);
    unsigned count = 0;
    Job job = { .count = &count };

    virt_pool_call(pool, job_work, job_deliver, &job);
    cr_assert_null(job.delivered, "delivered from inside the call");
    cr_assert(virt_pool_drain(pool, 10000));
    cr_assert_eq(count, 1);
    cr_assert_eq(job.delivered, g_thread_self());
    cr_assert_neq(job.worked, g_thread_self());
}

Test(pool, long_calls_do_not_keep_short_ones_waiting)
{
    g_autoptr(VirtPool) pool = virt_pool_new(NULL);
    enum { MIGRATIONS = 40 };
    unsigned n_long = 0, n_short = 0;
    Job longs[MIGRATIONS] = { 0 }, quick = { .count = &n_short };
    GMutex gate;

    g_mutex_init(&gate);
    g_mutex_lock(&gate);
    for (int i = 0; i < MIGRATIONS; i++) {
        longs[i] = (Job){ .gate = &gate, .count = &n_long };
        virt_pool_call_long(pool, job_work, job_deliver, &longs[i]);
    }
    virt_pool_call(pool, job_work, job_deliver, &quick);
    while (n_short == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    cr_assert_eq(n_long, 0);
    g_mutex_unlock(&gate);
    cr_assert(virt_pool_drain(pool, 10000));
    cr_assert_eq(n_long, MIGRATIONS);
    g_mutex_clear(&gate);
}

Test(pool, given_up_with_requests_under_way_delivers_them_all)
{
    VirtPool *pool = virt_pool_new(NULL);
    unsigned count = 0;
    Job jobs[50] = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        jobs[i].count = &count;
        virt_pool_call(pool, job_work, job_deliver, &jobs[i]);
    }
    virt_pool_unref(pool);
    while (count < G_N_ELEMENTS(jobs)) {
        g_main_context_iteration(NULL, TRUE);
    }
}

Test(pool, drain_gives_up_in_time)
{
    g_autoptr(VirtPool) pool = virt_pool_new(NULL);
    unsigned count = 0;
    GMutex gate;
    Job job = { .gate = &gate, .count = &count };

    g_mutex_init(&gate);
    g_mutex_lock(&gate);
    virt_pool_call(pool, job_work, job_deliver, &job);
    cr_assert_not(virt_pool_drain(pool, 30));
    cr_assert_eq(count, 0);
    g_mutex_unlock(&gate);
    cr_assert(virt_pool_drain(pool, 10000));
    cr_assert_eq(count, 1);
    g_mutex_clear(&gate);
}
