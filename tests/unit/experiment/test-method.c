/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-method.c - what would be typed for each method
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "experiment/method.h"

static const char *const one_guest[] = { "g", NULL };
static const char *const two_guests[] = { "a", "b", NULL };

static const MethodPlace place = {
    .vmferry = "/bin/vmferry",
    .guests = one_guest,
    .state = "/tmp/d.json",
    .destination = "qemu+tcp://b/system",
    .link = "mig0",
    .wire = "50mbit",
    .declared = "50mbit",
    .record = "/tmp/r.json",
    .oracle = "/tmp/o.json",
    .cut_off_s = 180,
    .downtime_limit_ms = 300,
};

#define VIRSH "virsh --quiet --connect qemu:///system migrate --live --p2p "
#define END "g qemu+tcp://b/system"
#define FERRY(policy)                                                          \
    "/bin/vmferry migrate --live --p2p --alone --policy " policy               \
    " --downtime 300 --cut-off 180 --history none --record /tmp/r.json "       \
    "--link mig0=50mbit "

typedef struct {
    MethodKind kind;
    char words[260];
} CommandCase;

ParameterizedTestParameters(method, command)
{
    static CommandCase cases[] = {
        { METHOD_VIRSH, VIRSH END },
        { METHOD_CONVERGE, VIRSH "--auto-converge " END },
        { METHOD_POSTCOPY, VIRSH "--postcopy --postcopy-after-precopy " END },
        { METHOD_BANDWIDTH, VIRSH "--bandwidth 4 " END },
        { METHOD_MULTIFD, VIRSH "--parallel --parallel-connections 3 " END },
        { METHOD_XBZRLE, VIRSH "--compressed --comp-methods xbzrle " END },
        { METHOD_STATIC_HTB, VIRSH END },
        { METHOD_NONE, FERRY("none") END },
        { METHOD_PAPER, FERRY("paper") END },
        { METHOD_DEFAULT, FERRY("default") END },
        { METHOD_LAST, FERRY("default") "--predictor last " END },
        { METHOD_ORACLE,
          FERRY("default") "--predictor oracle=/tmp/o.json " END },
        { METHOD_SERIAL, "sh -c " VIRSH END },
        { METHOD_DRAIN,
          "/bin/vmferry drain --to qemu+tcp://b/system --yes --alone "
          "--downtime 300 --history none --state /tmp/d.json --json "
          "--link mig0=50mbit" },
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(cases) == METHOD_N_KINDS);
    return cr_make_param_array(CommandCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(CommandCase *one, method, command)
{
    char *none[] = { NULL };
    ScenarioMethod method = { .kind = one->kind,
                              .bandwidth_mib_s = 4,
                              .connections = 3,
                              .options = none };
    g_auto(GStrv) words = method_command(&method, &place);
    g_autofree char *line = g_strjoinv(" ", words);

    cr_assert_str_eq(line, one->words);
}

Test(method, options_come_last_and_nothing_is_declared_of_a_known_link)
{
    char *more[] = { (char *)"--unsafe", (char *)"two words", NULL };
    ScenarioMethod method = { .kind = METHOD_DEFAULT, .options = more };
    MethodPlace ample = place;
    g_auto(GStrv) words = NULL;
    guint n;

    ample.wire = NULL;
    ample.declared = NULL;
    words = method_command(&method, &ample);
    n = g_strv_length(words);
    cr_assert_str_eq(words[n - 1], "two words");
    cr_assert_str_eq(words[n - 2], "--unsafe");
    cr_assert_not(g_strv_contains((const char *const *)words, "--link"));
}

/* A cable between namespaces without a limit: vmferry has to be told of it. */
Test(method, an_unlimited_wire_may_be_declared)
{
    char *none[] = { NULL };
    ScenarioMethod method = { .kind = METHOD_DEFAULT, .options = none };
    MethodPlace ample = place;
    g_auto(GStrv) words = NULL;

    ample.wire = NULL;
    ample.declared = "10gbit";
    words = method_command(&method, &ample);
    cr_assert(g_strv_contains((const char *const *)words, "mig0=10gbit"));
}

/* The shell is given both: one after the other, or side by side and the worse
 * of their ends. */
Test(method, several_guests_by_virsh)
{
    char *none[] = { NULL };
    ScenarioMethod serial = { .kind = METHOD_SERIAL, .options = none };
    ScenarioMethod at_once = { .kind = METHOD_VIRSH, .options = none };
    MethodPlace both = place;
    g_auto(GStrv) first = NULL;
    g_auto(GStrv) second = NULL;

    both.guests = two_guests;
    first = method_command(&serial, &both);
    second = method_command(&at_once, &both);
    cr_assert_str_eq(first[2], VIRSH "a qemu+tcp://b/system && " VIRSH
                                     "b qemu+tcp://b/system");
    cr_assert_str_eq(second[2],
                     "pids=; " VIRSH "a qemu+tcp://b/system & "
                     "pids=\"$pids $!\"; " VIRSH
                     "b qemu+tcp://b/system & pids=\"$pids $!\"; "
                     "status=0; for pid in $pids; do wait $pid || status=1; "
                     "done; exit $status");
    cr_assert(method_is_vmferry(&(ScenarioMethod){ .kind = METHOD_DRAIN }));
    cr_assert_not(method_is_vmferry(&serial));
}

/* 0.97 of 50 Mbit/s; 0.8 of that. */
Test(method, a_fixed_guarantee_is_a_tree_of_three_classes)
{
    ScenarioMethod method = { .kind = METHOD_STATIC_HTB, .guarantee = 0.8 };
    g_autoptr(GPtrArray) commands = method_htb(&method, &place);
    g_autofree char *class = NULL;
    g_autofree char *rest = NULL;
    MethodPlace ample = place;

    cr_assert_eq(commands->len, 5);
    rest = g_strjoinv(" ", g_ptr_array_index(commands, 2));
    class = g_strjoinv(" ", g_ptr_array_index(commands, 3));
    cr_assert_str_eq(rest, "tc class add dev mig0 parent 1:1 classid 1:10 htb "
                           "rate 9700000bit ceil 48500000bit");
    cr_assert_str_eq(class, "tc class add dev mig0 parent 1:1 classid 1:20 "
                            "htb rate 38800000bit ceil 48500000bit");
    ample.wire = NULL;
    cr_assert_null(method_htb(&method, &ample));
}
