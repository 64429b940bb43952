/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-service.c - the sections of consolidate.conf that are the program's
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "tools/consolidate/service.h"

#define HOSTS                                                                  \
    "[host a]\nuri = qemu+tcp://a/system\n[host b]\nuri = "                    \
    "qemu+tcp://b/system\n"

Test(service, reads_its_own_and_leaves_the_rest)
{
    g_autoptr(GError) error = NULL;
    ConsSettings *settings = NULL;
    g_autoptr(Service) service = service_parse(
        HOSTS
        "[service]\n# words\nstate = /tmp/s\nworkers = 3\n"
        "patience = 1.5s\nkeep=7d\ncompression = no\ntraffic = /a.db; /b.db\n"
        "[reach b]\nmigrate-to = qemu+tcp://10.0.0.2/system\n"
        "vmferryd = /run/b.sock\ntraffic = ssh b 'x y' {since}\n",
        "test", &settings, &error);

    cr_assert_not_null(service, "%s", error ? error->message : "");
    cr_assert_str_eq(service->state, "/tmp/s");
    cr_assert_str_eq(service->socket, SERVICE_DEFAULT_SOCKET);
    cr_assert_eq(service->workers, 3);
    cr_assert_eq(service->patience_s, 1.5);
    cr_assert_eq(service->keep_s, 7 * 86400);
    cr_assert_not(service->compresses);
    cr_assert_str_eq(service->traffic[0], "/a.db");
    cr_assert_str_eq(service->traffic[1], "/b.db");
    cr_assert_null(service->traffic[2]);
    cr_assert_null(service_reach(service, "a"));
    cr_assert_str_eq(service_reach(service, "b")->migrate_to,
                     "qemu+tcp://10.0.0.2/system");
    cr_assert_str_eq(service_reach(service, "b")->traffic,
                     "ssh b 'x y' {since}");
    cr_assert_eq(settings->hosts->len, 2);
    cons_settings_free(settings);
}

typedef struct Bad {
    char text[128];
    char says[48];
} Bad;

ParameterizedTestParameters(service, mistakes)
{
    static Bad cases[] = {
        { HOSTS "[service]\nstat = /x\n", "t:6: [service] has no 'stat'" },
        { HOSTS "[service]\nstate = x\n", "t:6: 'state' is a path" },
        { HOSTS "[service]\nworkers = 0\n", "t:6: 'workers'" },
        { HOSTS "[service]\npatience = soon\n", "t:6: 'patience'" },
        { HOSTS "[service]\nkeep = nan\n", "t:6: 'keep'" },
        { HOSTS "[service]\ntraffic = a;b\n", "t:6: 'traffic'" },
        { HOSTS "[service]\ncompression = perhaps\n", "t:6: 'compression'" },
        { HOSTS "[service]\nwords\n", "t:6: no \"key = value\"" },
        { HOSTS "[reach c]\nmigrate-to = x\n", "t:5: there is no [host c]" },
        { HOSTS "[reach a]\n[reach a]\n", "t:6: [reach a] is there twice" },
        { HOSTS "[reach a]\nvmferryd = x\n", "t:6: 'vmferryd' is the path" },
        { HOSTS "[reach a]\ntraffic = ssh 'a\n", "t:6: 'traffic' is a comm" },
        { HOSTS "[service]\n\n[nonsense]\n", "t:7" },
    };

    return cr_make_param_array(Bad, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Bad *c, service, mistakes)
{
    g_autoptr(GError) error = NULL;
    ConsSettings *settings = NULL;

    cr_assert_null(service_parse(c->text, "t", &settings, &error));
    cr_assert_null(settings);
    cr_assert(strstr(error->message, c->says), "%s", error->message);
}
