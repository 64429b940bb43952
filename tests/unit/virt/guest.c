/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.c - finding and reading domains of the test driver
 */
#include "test-virt.h"

VirtGuest *
open_test_guest(VirtHost *host)
{
    g_autoptr(GError) error = NULL;
    VirtGuest *guest = virt_guest_lookup_now(host, "test", &error);

    cr_assert_not_null(guest, "%s", error ? error->message : "");
    return guest;
}

typedef struct Which {
    char which[40];
    bool found;
} Which;

ParameterizedTestParameters(guest, lookup)
{
    static Which cases[] = {
        { "test", true },
        { "1", true }, /* its id */
        { "6695eb01-f6a4-8304-79aa-97f2502e193f", true },
        { "6695eb01-f6a4-8304-79aa-97f2502e193e", false },
        { "2", false },
        { "-1", false },
        { "99999999999999999999", false },
        { "", false },
        { "%s%n", false },
    };

    return cr_make_param_array(Which, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Which *c, guest, lookup)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    Answer answer = { 0 };

    virt_guest_lookup(host, c->which, on_guest, &answer);
    until(&answer.done);
    if (c->found) {
        cr_assert_not_null(answer.guest);
        cr_assert_str_eq(virt_guest_info(answer.guest)->name, "test");
    } else {
        cr_assert_null(answer.guest);
        cr_assert_not_null(strstr(answer.error->message, "list --all"), "%s",
                           answer.error->message);
        cr_assert_not_null(strstr(answer.error->message, TEST_URI));
    }
    virt_guest_unref(answer.guest);
    g_clear_error(&answer.error);
    g_clear_pointer(&host, virt_host_unref);
    cr_assert(virt_pool_drain(pool, 10000));
}

Test(guest, an_unknown_domain_has_its_own_code)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(GError) error = NULL;

    cr_assert_null(virt_guest_lookup_now(host, "nobody", &error));
    cr_assert(g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NO_DOMAIN));
    cr_assert_not_null(strstr(error->message, "'nobody'"));
    cr_assert_not_null(strstr(virt_error_libvirt_text(error), "not found"));
}

Test(guest, info_of_the_test_domain)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    const VirtGuestInfo *info = virt_guest_info(guest);

    cr_assert_eq(virt_guest_host(guest), host);
    cr_assert_str_eq(info->uuid, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    cr_assert_eq(info->id, 1);
    cr_assert_eq(info->state, VIRT_STATE_RUNNING);
    cr_assert(info->persistent);
    cr_assert_eq(info->memory_bytes, 8ull << 30);
    cr_assert_eq(info->vcpus, 2);
    cr_assert_str_eq(info->type, "test");
    cr_assert(info->balloon);
    cr_assert_eq(info->interfaces->len, 1);
    cr_assert_eq(info->taints->len, 0);
}

Test(guest, refresh_sees_what_changed)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    Answer answer = { 0 };

    cr_assert_eq(virDomainSuspend(virt_guest_domain(guest)), 0);
    virt_guest_refresh(guest, on_done, &answer);
    until(&answer.done);
    cr_assert_null(answer.error);
    cr_assert_eq(virt_guest_info(guest)->state, VIRT_STATE_PAUSED);
}

typedef struct Seen {
    bool done;
    unsigned what;
    VirtReading reading;
    int code; /* -1: no error */
    char message[256];
} Seen;

static void
on_read(VirtGuest *guest, const VirtReading *reading, const GError *error,
        gpointer user)
{
    Seen *seen = user;

    seen->done = true;
    seen->reading = *reading;
    seen->code = error ? error->code : -1;
    g_strlcpy(seen->message, error ? error->message : "",
              sizeof(seen->message));
}

Test(guest, one_poll_at_a_time_and_unsupported_is_told)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    Seen seen = { 0 }, second = { 0 };

    cr_assert(virt_guest_poll(guest, VIRT_READ_JOB, on_read, &seen));
    cr_assert_not(virt_guest_poll(guest, VIRT_READ_JOB, on_read, &second));
    until(&seen.done);
    cr_assert_not(second.done);
    /* the test driver has no job statistics */
    cr_assert_eq(seen.code, VIRT_ERROR_NO_SUPPORT, "%d %s", seen.code,
                 seen.message);
    cr_assert_eq(seen.reading.what, 0);
    cr_assert(virt_guest_poll(guest, VIRT_READ_COUNTERS, on_read, &second));
    until(&second.done);
}

Test(guest, gone_in_the_middle_of_a_poll)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    VirtHost *host = open_test_host(pool);
    VirtGuest *guest = open_test_guest(host);
    Seen seen = { 0 };

    cr_assert(virt_guest_poll(guest, VIRT_READ_JOB | VIRT_READ_COUNTERS,
                              on_read, &seen));
    virt_guest_unref(guest);
    virt_host_unref(host);
    cr_assert(virt_pool_drain(pool, 10000));
    cr_assert(seen.done);
}

Test(guest, changes_that_the_driver_lacks_leave_nothing_to_restore)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    Answer downtime = { 0 }, speed = { 0 }, restore = { 0 };

    virt_guest_set_max_downtime(guest, 300, on_done, &downtime);
    virt_guest_set_max_speed(guest, 1, on_done, &speed);
    virt_guest_restore(guest, on_done, &restore);
    until(&restore.done);
    /* in order: the last one has come, so have the others */
    cr_assert(downtime.done && speed.done);
    cr_assert_not_null(downtime.error);
    cr_assert_not_null(strstr(downtime.error->message, "300 ms"));
    cr_assert_not_null(speed.error);
    cr_assert_null(restore.error);
    cr_assert_not(virt_guest_changed(guest));
    g_clear_error(&downtime.error);
    g_clear_error(&speed.error);
}

static unsigned
balloon_period(VirtGuest *guest)
{
    char *xml = virDomainGetXMLDesc(virt_guest_domain(guest), 0);
    g_autoptr(VirtGuestInfo) info = virt_guest_info_parse(xml, NULL);

    free(xml);
    return info->balloon_period_s;
}

typedef struct Period {
    unsigned before, wanted, meanwhile;
} Period;

ParameterizedTestParameters(guest, balloon_period)
{
    static Period cases[] = {
        { 0, 2, 2 },
        { 10, 2, 2 },
        /* often enough already: left alone */
        { 1, 2, 1 },
        { 2, 2, 2 },
    };

    return cr_make_param_array(Period, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Period *c, guest, balloon_period)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    Answer first = { 0 }, again = { 0 }, restore = { 0 };

    cr_assert_eq(virDomainSetMemoryStatsPeriod(virt_guest_domain(guest),
                                               (int)c->before, 0),
                 0);
    /* twice at once: the second must not take our value for the old one */
    virt_guest_collect_balloon(guest, c->wanted, on_done, &first);
    virt_guest_collect_balloon(guest, c->wanted, on_done, &again);
    until(&again.done);
    cr_assert_null(first.error);
    cr_assert_null(again.error);
    cr_assert_eq(balloon_period(guest), c->meanwhile);
    cr_assert_eq(virt_guest_changed(guest), c->before != c->meanwhile);
    virt_guest_restore(guest, on_done, &restore);
    until(&restore.done);
    cr_assert_null(restore.error);
    cr_assert_eq(balloon_period(guest), c->before);
    cr_assert_not(virt_guest_changed(guest));
}

Test(guest, names_of_states_and_events)
{
    cr_assert_str_eq(virt_state_name(VIRT_STATE_SHUTOFF), "shut off");
    cr_assert_str_eq(virt_state_name((VirtState)99), "unknown");
    cr_assert_str_eq(virt_event_name(VIRT_EVENT_PASS), "pass");
    cr_assert_str_eq(virt_event_name((VirtEventKind)99), "unknown");
}
