/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * events.c - lifecycle events of the test driver, from subscription to end
 */
#include "test-virt.h"

typedef struct Heard {
    unsigned n;
    struct {
        VirtEventKind kind;
        char detail[24];
        bool stamped;
        bool timed;
    } events[16];
} Heard;

static void
on_event(VirtGuest *guest, const VirtEvent *event, gpointer user)
{
    Heard *heard = user;

    cr_assert_lt(heard->n, G_N_ELEMENTS(heard->events));
    heard->events[heard->n].kind = event->kind;
    heard->events[heard->n].stamped = event->stamped;
    heard->events[heard->n].timed =
        event->at_us == event->arrived_us && event->arrived_us > 0;
    g_strlcpy(heard->events[heard->n].detail, event->detail,
              sizeof(heard->events[heard->n].detail));
    heard->n++;
}

static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

Test(events, lifecycle_in_order_until_unsubscribed)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    virDomainPtr domain = virt_guest_domain(guest);
    Heard heard = { 0 };
    Answer answer = { 0 };

    virt_guest_subscribe(guest, on_event, &heard, on_done, &answer);
    until(&answer.done);
    cr_assert_null(answer.error);
    /* no monitor behind the test driver: libvirt's own events must do */
    cr_assert_not(virt_guest_monitor_events(guest));

    cr_assert_eq(virDomainSuspend(domain), 0);
    cr_assert_eq(virDomainResume(domain), 0);
    cr_assert_eq(virDomainDestroy(domain), 0);
    cr_assert_eq(virDomainCreate(domain), 0);
    settle();
    cr_assert_eq(heard.n, 4, "%u", heard.n);
    cr_assert_eq(heard.events[0].kind, VIRT_EVENT_PAUSED);
    cr_assert_str_eq(heard.events[0].detail, "user");
    cr_assert_eq(heard.events[1].kind, VIRT_EVENT_RESUMED);
    cr_assert_eq(heard.events[2].kind, VIRT_EVENT_STOPPED);
    cr_assert_str_eq(heard.events[2].detail, "destroyed");
    cr_assert_eq(heard.events[3].kind, VIRT_EVENT_STARTED);
    for (unsigned i = 0; i < heard.n; i++) {
        cr_assert_not(heard.events[i].stamped);
        cr_assert(heard.events[i].timed);
    }

    virt_guest_unsubscribe(guest);
    cr_assert_eq(virDomainSuspend(domain), 0);
    settle();
    cr_assert(virt_pool_drain(pool, 10000));
    cr_assert_eq(heard.n, 4);
}

Test(events, unsubscribed_before_it_stood)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    Heard heard = { 0 };
    Answer answer = { 0 };

    virt_guest_subscribe(guest, on_event, &heard, on_done, &answer);
    virt_guest_unsubscribe(guest);
    until(&answer.done);
    cr_assert_eq(virDomainSuspend(virt_guest_domain(guest)), 0);
    settle();
    cr_assert(virt_pool_drain(pool, 10000));
    cr_assert_eq(heard.n, 0);
}

Test(events, guest_given_up_while_subscribing)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    VirtHost *host = open_test_host(pool);
    VirtGuest *guest = open_test_guest(host);
    Heard heard = { 0 };

    virt_guest_subscribe(guest, on_event, &heard, NULL, NULL);
    virt_guest_unref(guest);
    virt_host_unref(host);
    cr_assert(virt_pool_drain(pool, 10000));
    cr_assert_eq(heard.n, 0);
}

static void
on_event_unsubscribe(VirtGuest *guest, const VirtEvent *event, gpointer user)
{
    ++*(unsigned *)user;
    virt_guest_unsubscribe(guest);
}

Test(events, unsubscribing_inside_the_callback)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    Answer answer = { 0 };
    unsigned n = 0;

    virt_guest_subscribe(guest, on_event_unsubscribe, &n, on_done, &answer);
    until(&answer.done);
    cr_assert_eq(virDomainSuspend(virt_guest_domain(guest)), 0);
    cr_assert_eq(virDomainResume(virt_guest_domain(guest)), 0);
    settle();
    cr_assert(virt_pool_drain(pool, 10000));
    cr_assert_eq(n, 1);
}

Test(events, subscribing_again_replaces)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    Heard first = { 0 }, second = { 0 };
    Answer a = { 0 }, b = { 0 };

    virt_guest_subscribe(guest, on_event, &first, on_done, &a);
    until(&a.done);
    virt_guest_subscribe(guest, on_event, &second, on_done, &b);
    until(&b.done);
    cr_assert_null(b.error, "%s", b.error ? b.error->message : "");
    cr_assert_eq(virDomainSuspend(virt_guest_domain(guest)), 0);
    settle();
    cr_assert_eq(first.n, 0);
    cr_assert_eq(second.n, 1);
}
