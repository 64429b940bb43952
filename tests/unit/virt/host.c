/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host.c - connecting, failing to connect, going away in the middle
 */
#include "test-virt.h"

VirtHost *
open_test_host(VirtPool *pool)
{
    g_autoptr(GError) error = NULL;
    VirtHost *host = virt_host_open_now(pool, TEST_URI, 0, &error);

    cr_assert_not_null(host, "%s", error ? error->message : "");
    return host;
}

Test(host, opens_and_tells_what_it_is)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    Answer answer = { 0 };
    const VirtHostInfo *info;

    virt_host_open(pool, TEST_URI, 0, on_host, &answer);
    cr_assert_not(answer.done, "called back from inside the call");
    until(&answer.done);
    cr_assert_not_null(answer.host);
    info = virt_host_info(answer.host);
    cr_assert_str_eq(info->uri, TEST_URI);
    cr_assert_str_eq(info->driver, "TEST");
    cr_assert_not_null(info->host_name);
    cr_assert_not_null(info->libvirt_version);
    cr_assert_eq(info->local, VIRT_LOCAL_YES);
    cr_assert(virt_host_connected(answer.host));
    virt_host_unref(answer.host);
    cr_assert(virt_pool_drain(pool, 10000));
}

typedef struct BadUri {
    char uri[64];
    int code;
    char says[48];
} BadUri;

ParameterizedTestParameters(host, bad_uri)
{
    static BadUri cases[] = {
        { "qemu+tcp://127.0.0.1:1/system", VIRT_ERROR_CONNECT, "127.0.0.1" },
        { "qemu+unix:///system?socket=/nonexistent", VIRT_ERROR_CONNECT,
          "/nonexistent" },
        { "nonsense:///", VIRT_ERROR_CONNECT, "nonsense" },
        { "test:///no/such/file.xml", VIRT_ERROR_CONNECT, "file.xml" },
    };

    return cr_make_param_array(BadUri, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadUri *c, host, bad_uri)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    Answer answer = { 0 };

    virt_host_open(pool, c->uri, 0, on_host, &answer);
    until(&answer.done);
    cr_assert_null(answer.host);
    cr_assert(g_error_matches(answer.error, VIRT_ERROR, c->code), "%s (%d)",
              answer.error->message, answer.error->code);
    cr_assert_not_null(strstr(answer.error->message, c->uri));
    cr_assert_not_null(strstr(answer.error->message, c->says));
    /* ends with libvirt's own words, which are to be had alone as well */
    cr_assert_not_null(virt_error_libvirt_text(answer.error));
    cr_assert(g_str_has_suffix(answer.error->message,
                               virt_error_libvirt_text(answer.error)));
    g_clear_error(&answer.error);
}

Test(host, error_text_survives_copy_and_prefix)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(GError) error = NULL, copy = NULL;
    g_autoptr(GError) foreign =
        g_error_new(G_FILE_ERROR, G_FILE_ERROR_IO, "not libvirt's");

    cr_assert_null(virt_host_open_now(pool, "nonsense:///", 0, &error));
    g_prefix_error(&error, "outer: ");
    copy = g_error_copy(error);
    cr_assert_str_eq(virt_error_libvirt_text(copy),
                     virt_error_libvirt_text(error));
    cr_assert(g_str_has_prefix(copy->message, "outer: connecting"));
    cr_assert_null(virt_error_libvirt_text(foreign));
    cr_assert_null(virt_error_libvirt_text(NULL));
}

Test(host, given_up_while_requests_are_under_way)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    VirtHost *host = open_test_host(pool);
    Answer answers[20] = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        virt_guest_lookup(host, "test", on_guest, &answers[i]);
    }
    virt_host_unref(host);
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        until(&answers[i].done);
        cr_assert_not_null(answers[i].guest);
        virt_guest_unref(answers[i].guest);
    }
    cr_assert(virt_pool_drain(pool, 10000));
}

typedef struct LocalCase {
    char uri[64];
    int want;
} LocalCase;

ParameterizedTestParameters(host, local)
{
    static LocalCase cases[] = {
        { "test:///default", VIRT_LOCAL_YES },
        { "qemu+tcp://127.0.0.1/system", VIRT_LOCAL_YES },
        { "qemu+tcp://127.77.0.1:16509/system", VIRT_LOCAL_YES },
        { "qemu+ssh://root@127.0.0.1:22/system", VIRT_LOCAL_YES },
        /* TEST-NET-1 and the documentation prefix: nobody's */
        { "qemu+tcp://192.0.2.1/system", VIRT_LOCAL_NO },
        { "qemu+tcp://[2001:db8::1]/system", VIRT_LOCAL_NO },
        { "qemu:///session", VIRT_LOCAL_YES },
        { "qemu:///system?socket=/nonexistent", VIRT_LOCAL_UNKNOWN },
        { "not a uri", VIRT_LOCAL_UNKNOWN },
        { "", VIRT_LOCAL_UNKNOWN },
    };

    return cr_make_param_array(LocalCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(LocalCase *c, host, local)
{
    cr_assert_eq((int)virt_local(c->uri), c->want, "'%s': %d", c->uri,
                 virt_local(c->uri));
}

Test(host, local_without_a_uri_is_not_known)
{
    cr_assert_eq(virt_local(NULL), VIRT_LOCAL_UNKNOWN);
}
