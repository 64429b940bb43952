/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop.c - libvirt's handles and timers, used as libvirt uses them: from any
 * thread, and changed from inside their own callbacks
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "test-virt.h"

typedef struct Watched {
    int id;
    int fds[2];
    unsigned calls, freed;
    int events;
    GThread *thread;
    bool done;
    bool remove_inside;
} Watched;

static void
watched_open(Watched *w)
{
    cr_assert_eq(pipe2(w->fds, O_NONBLOCK | O_CLOEXEC), 0);
}

static void
watched_free(void *opaque)
{
    Watched *w = opaque;

    w->freed++;
    w->thread = g_thread_self();
}

static void
on_handle(int id, int fd, int events, void *opaque)
{
    Watched *w = opaque;
    char byte;

    cr_assert_eq(id, w->id);
    cr_assert_eq(fd, w->fds[0]);
    cr_assert_eq(w->freed, 0, "called after it was freed");
    w->calls++;
    w->events = events;
    w->thread = g_thread_self();
    if (events & VIR_EVENT_HANDLE_READABLE) {
        cr_assert_eq(read(fd, &byte, 1), 1);
    }
    if (w->remove_inside) {
        cr_assert_eq(virEventRemoveHandle(id), 0);
        cr_assert_eq(w->freed, 0, "freed while its callback runs");
    }
    w->done = true;
}

Test(loop, a_handle_is_called_for_what_it_asked)
{
    G_GNUC_UNUSED g_autoptr(TestPool) pool = virt_pool_new(NULL);
    Watched w = { 0 };

    watched_open(&w);
    w.id = virEventAddHandle(w.fds[0], 0, on_handle, &w, watched_free);
    cr_assert_gt(w.id, 0);
    cr_assert_eq(write(w.fds[1], "a", 1), 1);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    cr_assert_eq(w.calls, 0, "it was switched off");

    virEventUpdateHandle(w.id, VIR_EVENT_HANDLE_READABLE);
    until(&w.done);
    cr_assert_eq(w.calls, 1);
    cr_assert_eq(w.events, VIR_EVENT_HANDLE_READABLE);

    w.done = false;
    close(w.fds[1]);
    until(&w.done);
    cr_assert(w.events & VIR_EVENT_HANDLE_HANGUP);

    cr_assert_eq(virEventRemoveHandle(w.id), 0);
    cr_assert_eq(w.freed, 0, "freed inside the call that removes it");
    g_main_context_iteration(NULL, FALSE);
    cr_assert_eq(w.freed, 1);
    cr_assert_eq(virEventRemoveHandle(w.id), -1);
    close(w.fds[0]);
}

Test(loop, a_handle_may_remove_itself)
{
    G_GNUC_UNUSED g_autoptr(TestPool) pool = virt_pool_new(NULL);
    Watched w = { .remove_inside = true };

    watched_open(&w);
    w.id = virEventAddHandle(w.fds[0], VIR_EVENT_HANDLE_READABLE, on_handle, &w,
                             watched_free);
    cr_assert_eq(write(w.fds[1], "ab", 2), 2);
    until(&w.done);
    while (w.freed == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    cr_assert_eq(w.calls, 1, "called again after it was removed");
}

/* A worker of libvirt's switches the handle on and off while it waits for an
 * answer; the loop sleeps in poll() meanwhile and must notice. */
static gpointer
toggle(gpointer data)
{
    Watched *w = data;

    for (int i = 0; i < 5000; i++) {
        virEventUpdateHandle(w->id, i % 2 ? VIR_EVENT_HANDLE_READABLE : 0);
    }
    virEventUpdateHandle(w->id, VIR_EVENT_HANDLE_READABLE);
    cr_assert_eq(write(w->fds[1], "a", 1), 1);
    return NULL;
}

Test(loop, a_handle_changed_from_another_thread)
{
    G_GNUC_UNUSED g_autoptr(TestPool) pool = virt_pool_new(NULL);
    Watched w = { 0 };
    GThread *thread;

    watched_open(&w);
    w.id = virEventAddHandle(w.fds[0], 0, on_handle, &w, watched_free);
    thread = g_thread_new("toggle", toggle, &w);
    while (!w.done) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_thread_join(thread);
    cr_assert_eq(w.calls, 1);
    cr_assert_eq(w.thread, g_thread_self(), "called in the wrong thread");
    virEventRemoveHandle(w.id);
    g_main_context_iteration(NULL, FALSE);
    cr_assert_eq(w.freed, 1);
}

static gpointer
remove_it(gpointer data)
{
    Watched *w = data;

    cr_assert_eq(virEventRemoveHandle(w->id), 0);
    return NULL;
}

Test(loop, freed_in_the_main_thread_whoever_removes_it)
{
    G_GNUC_UNUSED g_autoptr(TestPool) pool = virt_pool_new(NULL);
    Watched w = { 0 };

    watched_open(&w);
    w.id = virEventAddHandle(w.fds[0], VIR_EVENT_HANDLE_READABLE, on_handle, &w,
                             watched_free);
    g_thread_join(g_thread_new("remove", remove_it, &w));
    cr_assert_eq(w.freed, 0);
    g_main_context_iteration(NULL, TRUE);
    cr_assert_eq(w.freed, 1);
    cr_assert_eq(w.thread, g_thread_self());
}

static void
on_timeout(int id, void *opaque)
{
    Watched *w = opaque;

    cr_assert_eq(id, w->id);
    cr_assert_eq(w->freed, 0);
    if (++w->calls == 3) {
        virEventUpdateTimeout(id, -1);
        w->done = true;
    }
}

Test(loop, a_timer_repeats_until_it_is_switched_off)
{
    G_GNUC_UNUSED g_autoptr(TestPool) pool = virt_pool_new(NULL);
    Watched w = { 0 };

    w.id = virEventAddTimeout(-1, on_timeout, &w, watched_free);
    cr_assert_gt(w.id, 0);
    cr_assert_not(g_main_context_pending(NULL));
    virEventUpdateTimeout(w.id, 0);
    until(&w.done);
    cr_assert_eq(w.calls, 3);
    cr_assert_not(g_main_context_iteration(NULL, FALSE));
    cr_assert_eq(w.calls, 3, "it fired after it was switched off");
    cr_assert_eq(virEventRemoveTimeout(w.id), 0);
    g_main_context_iteration(NULL, FALSE);
    cr_assert_eq(w.freed, 1);
}

Test(loop, unknown_ids_do_no_harm)
{
    G_GNUC_UNUSED g_autoptr(TestPool) pool = virt_pool_new(NULL);

    virEventUpdateHandle(4711, VIR_EVENT_HANDLE_READABLE);
    virEventUpdateTimeout(4711, 0);
    cr_assert_eq(virEventRemoveHandle(4711), -1);
    cr_assert_eq(virEventRemoveTimeout(4711), -1);
}

/* A program that steered a migration died without a word when libvirtd was
 * killed: libvirt's client wrote its next request to the closed socket. */
Test(loop, a_daemon_that_is_gone_does_not_kill_the_program)
{
    G_GNUC_UNUSED g_autoptr(TestPool) pool = NULL;
    const char *argv[] = { "grep", "-q", "^SigIgn:.*[02468ace]...$",
                           "/proc/self/status", NULL };
    int fds[2], status = -1;

    signal(SIGPIPE, SIG_DFL);
    pool = virt_pool_new(NULL);
    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    close(fds[0]);
    cr_expect_eq(write(fds[1], "?", 1), -1);
    cr_expect_eq(errno, EPIPE);
    close(fds[1]);

    /* bit 12: what is started from here dies of it as ever */
    cr_assert(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                           NULL, NULL, NULL, &status, NULL));
    cr_expect_eq(status, 0, "SIGPIPE stays ignored in a child");
}

Test(loop, what_the_program_does_about_broken_pipes_stays)
{
    G_GNUC_UNUSED g_autoptr(TestPool) pool = NULL;

    signal(SIGPIPE, SIG_IGN);
    pool = virt_pool_new(NULL);
    cr_expect(signal(SIGPIPE, SIG_IGN) == SIG_IGN);
}
