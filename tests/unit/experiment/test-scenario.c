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
    char message[160]; /* how it begins */
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
          "f:3: [scenario] methods: there is no section [method fast]" },
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
