/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-options.c - where the exporter listens, and where it refuses to
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "tools/exporter/options.h"

typedef struct AddressCase {
    char text[48];
    bool allow_remote;
    char want[64]; /* address and port; or a part of the error */
    bool good;
} AddressCase;

ParameterizedTestParameters(exporter_options, addresses)
{
    static AddressCase cases[] = {
        { "127.0.0.1:9177", false, "127.0.0.1 9177", true },
        { "127.8.8.8:1", false, "127.8.8.8 1", true },
        { "localhost:80", false, "127.0.0.1 80", true },
        { "[::1]:9177", false, "::1 9177", true },
        { "127.0.0.1:0", false, "127.0.0.1 0", true },
        { "0.0.0.0:9177", true, "0.0.0.0 9177", true },
        { "[::]:9177", true, ":: 9177", true },
        { "0.0.0.0:9177", false, "--allow-remote", false },
        { "[::]:9177", false, "--allow-remote", false },
        { "10.0.0.1:9177", false, "--allow-remote", false },
        { "::1:9177", false, "in brackets", false },
        { "127.0.0.1", false, "ADDRESS:PORT", false },
        { "127.0.0.1:", false, "ADDRESS:PORT", false },
        { "127.0.0.1:65536", false, "ADDRESS:PORT", false },
        { "127.0.0.1:-1", false, "ADDRESS:PORT", false },
        { "127.0.0.1:+1", false, "ADDRESS:PORT", false },
        { ":9177", false, "neither localhost", false },
        { "[]:9177", false, "neither localhost", false },
        { "host-1:9177", true, "neither localhost", false },
        { "", false, "ADDRESS:PORT", false },
    };

    return cr_make_param_array(AddressCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(AddressCase *one, exporter_options, addresses)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GInetSocketAddress) address =
        exporter_parse_address(one->text, one->allow_remote, &error);
    g_autofree char *found = NULL;

    cr_assert(eq(int, address != NULL, one->good), "%s", one->text);
    if (!address) {
        cr_expect(strstr(error->message, one->want) != NULL, "%s: %s",
                  one->text, error->message);
        return;
    }
    {
        g_autofree char *host = g_inet_address_to_string(
            g_inet_socket_address_get_address(address));

        found = g_strdup_printf(
            "%s %u", host, (unsigned)g_inet_socket_address_get_port(address));
    }
    cr_expect(eq(str, found, one->want));
}

static bool
parse(ExporterOptions *options, GError **error, const char *a, const char *b)
{
    char *words[] = { (char *)"vmferry-exporter", (char *)a, (char *)b, NULL };

    return exporter_options_parse(b ? 3 : a ? 2 : 1, words, options, error);
}

Test(exporter_options, defaults)
{
    ExporterOptions options;

    cr_assert(parse(&options, NULL, NULL, NULL));
    cr_expect(options.socket == NULL);
    cr_expect(eq(int, g_inet_socket_address_get_port(options.address), 9177));
    exporter_options_clear(&options);
}

Test(exporter_options, socket)
{
    ExporterOptions options;

    cr_assert(parse(&options, NULL, "--socket", "/tmp/x"));
    cr_expect(eq(str, options.socket, (char *)"/tmp/x"));
    exporter_options_clear(&options);
}

Test(exporter_options, a_word_too_many)
{
    ExporterOptions options = { 0 };
    g_autoptr(GError) error = NULL;

    cr_assert(not(parse(&options, &error, "surplus", NULL)));
    cr_expect(strstr(error->message, "surplus") != NULL);
    cr_expect(options.address == NULL);
}

Test(exporter_options, an_option_that_there_is_not)
{
    ExporterOptions options = { 0 };
    g_autoptr(GError) error = NULL;

    cr_assert(not(parse(&options, &error, "--lissen", NULL)));
    cr_expect(strstr(error->message, "lissen") != NULL);
}

Test(exporter_options, help)
{
    ExporterOptions options = { 0 };

    cr_assert(parse(&options, NULL, "--help", NULL));
    cr_expect(options.help);
    cr_expect(options.address == NULL);
}
