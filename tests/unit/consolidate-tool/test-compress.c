/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-compress.c - what a move asks libvirt for, by what is known of its link
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "tools/consolidate/compress.h"

typedef struct LinkCase {
    char what[40];
    char network[32], a[32], b[32]; /* lines of the sections */
    uint64_t want_mbit;             /* 0: not known */
} LinkCase;

ParameterizedTestParameters(compress, link)
{
    static LinkCase cases[] = {
        { "nothing was said: 1 Gbit/s is assumed", "", "", "", 0 },
        { "of all hosts", "link = 100mbit", "", "", 100 },
        { "of all, as much as is assumed", "link = 1gbit", "", "", 1000 },
        { "of the source", "", "link = 10gbit", "", 10000 },
        { "of the destination", "", "", "link = 50mbit", 50 },
        { "of both", "", "link = 10gbit", "link = 50mbit", 50 },
        { "of one, and of all others", "link = 1gbit", "link = 10gbit", "",
          1000 },
    };

    return cr_make_param_array(LinkCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(LinkCase *c, compress, link)
{
    g_autofree char *text =
        g_strdup_printf("[network]\n%s\n[host a]\nuri = test:///a\n%s\n"
                        "[host b]\nuri = test:///b\n%s\n",
                        c->network, c->a, c->b);
    g_autoptr(GError) error = NULL;
    g_autoptr(ConsSettings) settings = cons_settings_parse(text, "t", &error);

    cr_assert_not_null(settings, "%s", error ? error->message : "");
    cr_expect_eq(compress_link(settings, "a", "b"), c->want_mbit * 1000000 / 8,
                 "%s", c->what);
}

typedef struct RequestCase {
    char what[40];
    uint64_t mbit;
    double free_mib; /* -1: not known */
    bool memory_limit;
    uint64_t want_mib; /* of the cache; 0: pages are sent as they are */
} RequestCase;

ParameterizedTestParameters(compress, request)
{
    static RequestCase cases[] = {
        { "a slow link", 100, 8192, false, 128 },
        { "a source that has little left", 100, 256, false, 32 },
        { "free memory not known", 100, -1, false, 64 },
        { "a fast link", 10000, 8192, false, 0 },
        { "a link that is not known", 0, 8192, false, 0 },
        { "a guest with a <hard_limit>", 100, 8192, true, 0 },
    };

    return cr_make_param_array(RequestCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RequestCase *c, compress, request)
{
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    char version[] = "7.2.22";
    VirtHostInfo source = { .hypervisor_version = version };
    VirtGuestInfo guest = { .memory_bytes = UINT64_C(512) << 20,
                            .memory_limit = c->memory_limit };
    Compression choice;
    bool on = c->want_mib > 0;

    spec->flags = VIRT_MIGRATE_LIVE | VIRT_MIGRATE_PEER2PEER;
    compress_request(spec, &guest, &source, c->mbit * 1000000 / 8,
                     c->free_mib < 0 ? unknown() : known(c->free_mib * 0x1p20),
                     &choice);
    cr_expect_eq(choice.on, on, "%s: %s", c->what, choice.reason);
    cr_expect_eq(!!(spec->flags & VIRT_MIGRATE_COMPRESSED), on, "%s", c->what);
    cr_expect_eq(choice.cache_bytes, c->want_mib << 20, "%s", c->what);
    cr_expect_eq(spec->params->len, on ? 2 : 0, "%s", c->what);
}
