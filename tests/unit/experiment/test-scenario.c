/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-scenario.c - scenarios are read, mistakes are refused with their line
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "experiment/scenario.h"

#define HEAD                                                                   \
    "[scenario]\n"                                                             \
    "wires = 50mbit, unlimited\n"                                              \
    "methods = virsh, default\n"
#define GUEST "[guest a]\n"
#define CLAIM "[claim c]\nmeasure = total\nmethod = default\n"

static Scenario *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Scenario *scenario =
        scenario_parse(text, strlen(text), "x/test.conf", &error);

    cr_assert(scenario, "%s", error ? error->message : "");
    return scenario;
}

Test(scenario, has_defaults)
{
    g_autoptr(Scenario) scenario = parse(HEAD GUEST);
    const ScenarioGuest *guest =
        &g_array_index(scenario->guests, ScenarioGuest, 0);
    const ScenarioWire *wires = (const void *)scenario->wires->data;

    cr_assert_str_eq(scenario->name, "test");
    cr_assert_eq(scenario->repetitions, 1);
    cr_assert_float_eq(scenario->cut_off_s, 600, 0);
    cr_assert_eq(scenario->wires->len, 2);
    cr_assert_eq(wires[0].rate_bytes_s, 6250000);
    cr_assert_eq(wires[1].rate_bytes_s, 0);
    cr_assert_str_eq(guest->workload, "memory");
    cr_assert_eq(guest->client, CLIENT_STATUS);
    cr_assert_eq(scenario->crosses->len, 1, "no cross traffic is one");
    cr_assert_eq(g_array_index(scenario->crosses, ScenarioCross, 0).flows, 0);
    cr_assert_not(scenario_needs_third(scenario));
}

Test(scenario, reads_everything)
{
    g_autoptr(Scenario) scenario =
        parse("# comment\n"
              "[scenario]\n"
              "name = all\n"
              "wires = 6MiB/s\n"
              "methods = slow, static-htb , default\n"
              "cross = none, far\n"
              "repetitions = 15\n"
              "cut-off = 12.5\n"
              "repeat-disturbed = no\n"
              "[method slow]\n"
              "kind = bandwidth\n"
              "bandwidth = 4\n"
              "options = --unsafe 'two words'\n"
              "[cross far]\n"
              "flows = 2\n"
              "from = third\n"
              "to = client\n"
              "[guest web]\n"
              "workload = network\n"
              "arguments = serve=redis,maxmemory=8mb\n"
              "client = redis\n"
              "requests = 12.5\n"
              "[claim fast]\n"
              "measure = total\n"
              "method = default\n"
              "against = slow\n"
              "wires = 6MiB/s\n"
              "cross = far\n"
              "at-most = 0.5\n"
              "reach = 0.4\n"
              "pairs = 7\n");
    const ScenarioMethod *methods = (const void *)scenario->methods->data;
    const ScenarioCross *crosses = (const void *)scenario->crosses->data;
    const ScenarioClaim *claim =
        &g_array_index(scenario->claims, ScenarioClaim, 0);

    cr_assert_str_eq(scenario->name, "all");
    cr_assert_eq(scenario->methods->len, 3);
    cr_assert_str_eq(methods[0].name, "slow");
    cr_assert_eq(methods[0].kind, METHOD_BANDWIDTH);
    cr_assert_eq(methods[0].bandwidth_mib_s, 4);
    cr_assert_str_eq(methods[0].options[1], "two words");
    cr_assert_eq(methods[1].kind, METHOD_STATIC_HTB);
    cr_assert_eq(crosses[0].flows, 0);
    cr_assert_eq(crosses[1].flows, 2);
    cr_assert(crosses[1].from_third && crosses[1].to_client);
    cr_assert(scenario_needs_third(scenario));
    cr_assert_not(scenario->repeat_disturbed);
    cr_assert_float_eq(scenario->cut_off_s, 12.5, 0);
    cr_assert_eq(g_array_index(scenario->guests, ScenarioGuest, 0).client,
                 CLIENT_REDIS);
    cr_assert_str_eq(claim->against, "slow");
    cr_assert(claim->at_most.known && !claim->at_least.known);
    cr_assert_float_eq(claim->reach.value, 0.4, 0);
    cr_assert_eq(claim->pairs, 7);
}

Test(scenario, guests_together_are_one_cell)
{
    g_autoptr(Scenario) scenario =
        parse("[scenario]\nwires = 50mbit\nmethods = virsh, serial, drain\n"
              "together = yes\n"
              "[guest a]\nmemory = 200\n"
              "[guest b]\nclient = redis\nrequests = 20\n"
              "workload = program\n"
              "[claim c]\nmeasure = total\nmethod = drain\n"
              "against = serial\nat-most = 1.05\n");
    const ScenarioGuest *all =
        &g_array_index(scenario->guests, ScenarioGuest, 0);

    cr_assert_eq(scenario->guests->len, 1);
    cr_assert_eq(scenario->together->len, 2);
    cr_assert_str_eq(all->name, "all");
    cr_assert_eq(all->memory_mib, 456);
    cr_assert_eq(all->client, CLIENT_REDIS);
    cr_assert_float_eq(all->requests_s, 20, 0);
}

typedef struct {
    char text[300];
    char message[200]; /* how it begins */
} WrongCase;

ParameterizedTestParameters(scenario, refuses)
{
    static WrongCase cases[] = {
        { "", "f:1: there is no section [scenario]" },
        { "wires = 50mbit\n", "f:1: \"wires = 50mbit\" stands before any" },
        { "[scenario\n", "f:1: a section reads [KIND]" },
        { "[scenario]\n\nwires\n", "f:3: \"wires\" is neither" },
        { "[scenario]\nwires = 1mbit\nwires = 2mbit\n",
          "f:3: wires: stands in line 2 already" },
        { HEAD GUEST "[guest a]\n", "f:5: [guest a] stands in line 4 already" },
        { HEAD GUEST "memoy = 5\n",
          "f:5: [guest a] memoy: there is no such key" },
        { HEAD GUEST "memory = 64\n",
          "f:5: [guest a] memory: \"64\" is no whole number from 128" },
        { HEAD GUEST "memory =\n", "f:5: [guest a] memory: \"\" is no whole" },
        { HEAD GUEST "workload =\n", "f:5: [guest a] workload: has no value" },
        { HEAD GUEST "client = http\n",
          "f:5: [guest a] client: \"http\" is none of: status, redis" },
        { HEAD "[gast a]\n", "f:4: [gast a]: there is no such kind" },
        { HEAD "[guest]\n", "f:4: [guest]: there are [scenario], [guest" },
        { HEAD "[guest a/b]\n", "f:4: [guest a/b]: a name has" },
        { HEAD, "f:1: [scenario]: needs a section [guest NAME]" },
        { "[scenario]\nmethods = virsh\n" GUEST,
          "f:1: [scenario]: needs wires" },
        { "[scenario]\nwires = 50\nmethods = virsh\n" GUEST,
          "f:2: [scenario] wires: " },
        { "[scenario]\nwires = 5mbit,,6mbit\nmethods = virsh\n" GUEST,
          "f:2: [scenario] wires: a word is missing" },
        { "[scenario]\nwires = 5mbit, 5mbit\nmethods = virsh\n" GUEST,
          "f:2: [scenario] wires: \"5mbit\" is there twice" },
        { "[scenario]\nwires = 5mbit\n" GUEST,
          "f:1: [scenario]: needs methods" },
        { "[scenario]\nwires = 5mbit\nmethods = fast\n" GUEST,
          "f:3: [scenario] methods: there is no section [method fast], and no "
          "method is called that; there are virsh, auto-converge, post-copy, "
          "multifd, xbzrle" },
        { "[scenario]\nwires = 5mbit\nmethods = bandwidth\n" GUEST,
          "f:3: [scenario] methods: there is no section [method bandwidth], "
          "with its bandwidth" },
        { HEAD GUEST "[method odd]\n",
          "f:5: [method odd]: is no method by itself" },
        { HEAD GUEST "[method xbzrle]\n",
          "f:3: [scenario] methods: [method xbzrle] is described and not" },
        { HEAD "cross = four\n" GUEST,
          "f:4: [scenario] cross: there is no section [cross four]" },
        { HEAD GUEST "[cross none]\n", "f:5: [cross none]: \"none\" is no" },
        { HEAD GUEST "[claim c]\nmethod = default\nat-most = 1\n",
          "f:5: [claim c]: needs measure" },
        { HEAD GUEST "[claim c]\nmeasure = total\nmethod = default\n",
          "f:5: [claim c]: needs at-most or at-least" },
        { HEAD GUEST "[claim c]\nmeasure = total\nmethod = paper\n"
                     "at-most = 1\n",
          "f:7: [claim c] method: this scenario has no method \"paper\"" },
        { HEAD GUEST "[claim c]\nmeasure = total\nmethod = default\n"
                     "guests = a, b\nat-most = 1\n",
          "f:8: [claim c] guests: this scenario has no guest \"b\"" },
        { HEAD GUEST "[claim c]\nmeasure = total\nmethod = default\n"
                     "against = virsh\nshare = 0.9\nat-most = 1\n",
          "f:9: [claim c] share: is of single runs" },
        { HEAD "repeat-disturbed = maybe\n" GUEST,
          "f:4: [scenario] repeat-disturbed: \"maybe\" is neither" },
        { "[scenario]\nwires = 5mbit\nmethods = drain\n" GUEST,
          "f:3: [scenario] methods: drain moves several guests: say" },
        { HEAD "together = yes\n" GUEST "[guest b]\n",
          "f:3: [scenario] methods: default moves one guest" },
        { "[scenario]\nwires = 5mbit\nmethods = drain\ntogether = yes\n" GUEST,
          "f:4: [scenario] together: there is but one guest" },
        { HEAD "[scenario b]\n",
          "f:4: [scenario b]: stands alone, [scenario]" },
        { HEAD "name = ../x\n" GUEST,
          "f:4: [scenario] name: \"../x\" is no name of a folder" },
        { HEAD "name = .x\n" GUEST, "f:4: [scenario] name: \".x\" is no" },
        { HEAD "repetitions = 0\n" GUEST,
          "f:4: [scenario] repetitions: \"0\" is no whole number from 1" },
        { HEAD "steal = 1.5\n" GUEST,
          "f:4: [scenario] steal: \"1.5\" is no number from 0 to 1" },
        { HEAD "settle = nan\n" GUEST,
          "f:4: [scenario] settle: \"nan\" is no number" },
        { "[scenario]\nwires = 0mbit\nmethods = virsh\n" GUEST,
          "f:2: [scenario] wires: rate '0mbit' is out of range" },
        { HEAD GUEST "[guest a]\nmemory = 256\n",
          "f:5: [guest a] stands in line 4 already" },
        { HEAD GUEST "[cross c]\nflows = 0\n",
          "f:6: [cross c] flows: \"0\" is no whole number from 1" },
        { HEAD GUEST "[cross c]\nfrom = client\n",
          "f:6: [cross c] from: \"client\" is none of: source, third" },
        { HEAD GUEST "workload = memry\n",
          "f:5: [guest a] workload: \"memry\" is none of: idle, memory" },
        { HEAD GUEST "arguments = rte=500\n",
          "f:5: [guest a] arguments: workload memory takes no \"rte\"; it "
          "takes: rate, set" },
        { HEAD GUEST "workload = idle\narguments = rate=5\n",
          "f:6: [guest a] arguments: workload idle takes no \"rate\"; it "
          "takes: none" },
        { HEAD GUEST "arguments = rate=fast\n",
          "f:5: [guest a] arguments: rate=fast is no whole number" },
        { HEAD GUEST "arguments = rate\n",
          "f:5: [guest a] arguments: \"rate\" is no NAME=VALUE" },
        { HEAD GUEST "workload = program\narguments = run=a b\n",
          "f:6: [guest a] arguments: \"run=a b\" is no NAME=VALUE" },
        { HEAD GUEST "arguments = set=200\nmemory = 256\n",
          "f:5: [guest a] arguments: a working set of 200 MiB needs memory = "
          "296" },
        { HEAD GUEST "client = redis\n",
          "f:5: [guest a] client: redis needs a server in the guest" },
        { HEAD GUEST "requests = 5\n",
          "f:5: [guest a] requests: is of client = redis" },
        { "[scenario]\nwires = 5mbit\nmethods = m\n" GUEST
          "[method m]\nkind = quick\n",
          "f:6: [method m] kind: \"quick\" is none of: virsh, auto-conv" },
        { "[scenario]\nwires = 5mbit\nmethods = m\n" GUEST
          "[method m]\nkind = virsh\nbandwidth = 5\n",
          "f:7: [method m] bandwidth: is of kind = bandwidth" },
        { "[scenario]\nwires = 5mbit\nmethods = m\n" GUEST
          "[method m]\nkind = bandwidth\n",
          "f:5: [method m]: needs bandwidth = MiB/s" },
        { "[scenario]\nwires = 5mbit\nmethods = static-htb\n" GUEST
          "[method static-htb]\nguarantee = 0\n",
          "f:6: [method static-htb] guarantee: \"0\" is no number from 0.01" },
        { HEAD GUEST "[claim c]\nmeasure = speed\nmethod = default\n",
          "f:6: [claim c] measure: \"speed\" is none of: total, downtime" },
        { HEAD GUEST CLAIM "against = default\nat-most = 1\n",
          "f:8: [claim c] against: is the method itself" },
        { HEAD GUEST CLAIM "against = paper\nat-most = 1\n",
          "f:8: [claim c] against: this scenario has no method \"paper\"" },
        { HEAD GUEST CLAIM "wires = 30mbit\nat-most = 1\n",
          "f:8: [claim c] wires: this scenario has no wire \"30mbit\"" },
        { HEAD GUEST CLAIM "cross = four\nat-most = 1\n",
          "f:8: [claim c] cross: this scenario has no cross traffic \"four\"" },
        { HEAD GUEST CLAIM "at-most = 1\nat-least = 1\n",
          "f:5: [claim c]: needs at-most or at-least, and only one" },
        { HEAD GUEST CLAIM "at-most = 1\nreach = 1.2\n",
          "f:9: [claim c] reach: asks for less than the median's goal" },
        { HEAD GUEST CLAIM "at-most = 1\nreach = 1\nshare = 0.5\n",
          "f:9: [claim c] reach: is of a median" },
        { HEAD GUEST CLAIM "at-most = 1\nshare = 0\n",
          "f:9: [claim c] share: \"0\" is no number from 0.01 to 1" },
        { HEAD GUEST CLAIM "at-most = 1\npairs = 0\n",
          "f:9: [claim c] pairs: \"0\" is no whole number" },
        { HEAD GUEST CLAIM "at-most = 1\n[claim c]\n",
          "f:9: [claim c] stands in line 5 already" },
        { HEAD "cut-off = -1\n" GUEST,
          "f:4: [scenario] cut-off: \"-1\" is no number from 1 to" },
    };

    return cr_make_param_array(WrongCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WrongCase *wrong, scenario, refuses)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Scenario) scenario =
        scenario_parse(wrong->text, strlen(wrong->text), "f", &error);

    cr_assert_null(scenario, "taken:\n%s", wrong->text);
    cr_assert(g_str_has_prefix(error->message, wrong->message), "%s",
              error->message);
}

typedef struct {
    char text[300];
    char doubt[200]; /* "": none */
} DoubtCase;

ParameterizedTestParameters(scenario, doubts)
{
    static DoubtCase cases[] = {
        { HEAD GUEST CLAIM "against = virsh\nat-most = 1\n", "" },
        { HEAD GUEST CLAIM "against = virsh\nat-most = 1\npairs = 7\n",
          "f:5: [claim c]: it needs 7 pairs and gets 1: no verdict without "
          "--repeat 7" },
        { HEAD "repetitions = 7\n" GUEST CLAIM
               "against = virsh\nat-most = 1\npairs = 7\n",
          "" },
        { HEAD GUEST CLAIM "at-most = 1\nshare = 0.9\npairs = 2\n", "" },
        { HEAD GUEST CLAIM "at-most = 1\nshare = 0.9\npairs = 5\n",
          "f:5: [claim c]: it needs 5 runs and gets 2: no verdict without "
          "--repeat 3" },
        { HEAD GUEST "[claim c]\nmeasure = cross\nmethod = default\n"
                     "at-least = 1\n",
          "f:5: [claim c]: none of its cells has cross traffic: no verdict" },
        { HEAD GUEST "[guest w]\nclient = redis\nworkload = program\n"
                     "[claim c]\nmeasure = need\nmethod = default\n"
                     "at-least = 1\n",
          "f:8: [claim c]: not every one of its cells has a client that makes "
          "requests: no verdict there; guests = ..." },
        { "[scenario]\nwires = 5mbit, unlimited\nmethods = static-htb\n" GUEST,
          "f:3: [scenario] methods: of an unlimited wire static-htb guarant" },
    };

    return cr_make_param_array(DoubtCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(DoubtCase *one, scenario, doubts)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Scenario) scenario =
        scenario_parse(one->text, strlen(one->text), "f", &error);
    g_autoptr(GPtrArray) doubts = NULL;

    cr_assert(scenario, "%s", error ? error->message : "");
    doubts = scenario_doubts(scenario, "f");
    cr_assert_eq(doubts->len, *one->doubt ? 1 : 0, "%s:\n%s", one->text,
                 doubts->len ? (char *)g_ptr_array_index(doubts, 0) : "none");
    if (doubts->len > 0) {
        cr_assert(g_str_has_prefix(g_ptr_array_index(doubts, 0), one->doubt),
                  "%s", (char *)g_ptr_array_index(doubts, 0));
    }
}

/* A file called .conf, a folder called "". */
Test(scenario, needs_a_name)
{
    g_autoptr(GError) error = NULL;
    static const char text[] = HEAD GUEST;

    cr_assert_null(scenario_parse(text, strlen(text), "x/.conf", &error));
    cr_assert(g_str_has_prefix(error->message,
                               "x/.conf:1: [scenario]: needs name = "));
}

Test(scenario, refuses_bytes_that_are_no_text)
{
    static const char bytes[] = "[scenario]\n\0x";
    g_autoptr(GError) error = NULL;

    cr_assert_null(scenario_parse(bytes, sizeof(bytes), "f", &error));
    g_clear_error(&error);
    cr_assert_null(scenario_parse("\xff\xfe", 2, "f", &error));
}

/* Those that we ship. */
Test(scenario, takes_all_that_are_shipped)
{
    g_autoptr(GDir) dir = g_dir_open(SCENARIOS, 0, NULL);
    unsigned n = 0;
    const char *name;

    cr_assert(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(SCENARIOS, name, NULL);
        g_autofree char *text = NULL;
        g_autoptr(Scenario) scenario = NULL;
        g_autoptr(GError) error = NULL;
        gsize length;

        if (!g_str_has_suffix(name, ".conf")) {
            continue;
        }
        cr_assert(g_file_get_contents(path, &text, &length, NULL));
        scenario = scenario_parse(text, length, name, &error);
        cr_assert(scenario, "%s", error ? error->message : "");
        n++;
    }
    cr_assert_geq(n, 9);
}
