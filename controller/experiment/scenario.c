/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario.c - sections into a scenario, and whether it makes sense
 */
#include "experiment/scenario.h"

#include <string.h>

#include "base/units.h"
#include "experiment/scenario-choose.h"
#include "experiment/scenario-sections.h"

G_DEFINE_QUARK(vmferry_scenario_error, scenario_error)

static void
guest_clear(gpointer data)
{
    ScenarioGuest *guest = data;

    g_free(guest->name);
    g_free(guest->workload);
    g_free(guest->arguments);
}

static void
wire_clear(gpointer data)
{
    g_free(((ScenarioWire *)data)->name);
}

static void
method_clear(gpointer data)
{
    ScenarioMethod *method = data;

    g_free(method->name);
    g_strfreev(method->options);
}

static void
claim_clear(gpointer data)
{
    ScenarioClaim *claim = data;

    g_free(claim->name);
    g_free(claim->title);
    g_free(claim->method);
    g_free(claim->against);
    g_strfreev(claim->guests);
    g_strfreev(claim->wires);
    g_strfreev(claim->crosses);
}

static Scenario *
scenario_new(void)
{
    Scenario *scenario = g_new0(Scenario, 1);

    scenario->wires = scenario_list(sizeof(ScenarioWire), wire_clear);
    scenario->guests = scenario_list(sizeof(ScenarioGuest), guest_clear);
    scenario->together = scenario_list(sizeof(ScenarioGuest), guest_clear);
    scenario->crosses =
        scenario_list(sizeof(ScenarioCross), scenario_cross_clear);
    scenario->methods = scenario_list(sizeof(ScenarioMethod), method_clear);
    scenario->claims = scenario_list(sizeof(ScenarioClaim), claim_clear);
    scenario->repetitions = 1;
    scenario->cut_off_s = 600.0;
    scenario->settle_s = 5.0;
    scenario->before_s = 5.0;
    scenario->after_s = 3.0;
    scenario->downtime_limit_ms = 300;
    scenario->foreign_cpu = 0.15;
    scenario->steal = 0.05;
    scenario->repeat_disturbed = true;
    return scenario;
}

void
scenario_free(Scenario *scenario)
{
    if (!scenario) {
        return;
    }
    g_free(scenario->name);
    g_free(scenario->title);
    g_array_unref(scenario->wires);
    g_array_unref(scenario->guests);
    g_array_unref(scenario->together);
    g_array_unref(scenario->crosses);
    g_array_unref(scenario->methods);
    g_array_unref(scenario->claims);
    g_free(scenario);
}

static void
read_wires(Scenario *scenario, ScenarioReader *reader)
{
    g_auto(GStrv) words = NULL;

    read_list(reader, "wires", &words);
    for (char **word = words; word && *word; word++) {
        ScenarioWire wire = { .name = g_strdup(*word) };
        g_autoptr(GError) error = NULL;

        g_array_append_val(scenario->wires, wire);
        if (strcmp(*word, "unlimited") != 0 &&
            !units_parse_rate(*word,
                              &g_array_index(scenario->wires, ScenarioWire,
                                             scenario->wires->len - 1)
                                   .rate_bytes_s,
                              &error)) {
            read_fail(reader, "wires", SCENARIO_ERROR_VALUE, "%s",
                      error->message);
            return;
        }
    }
}

/* Results lie in a folder of that name. */
static void
check_name(ScenarioReader *reader, const char *name)
{
    if (name && (*name == '.' || strchr(name, '/'))) {
        read_fail(reader, "name", SCENARIO_ERROR_VALUE,
                  "\"%s\" is no name of a folder: leave out \"/\" and a "
                  "\".\" in front",
                  name);
    }
}

static void
read_scenario(Scenario *scenario, ScenarioReader *reader)
{
    read_text(reader, "name", &scenario->name);
    check_name(reader, scenario->name);
    read_text(reader, "title", &scenario->title);
    read_wires(scenario, reader);
    read_count(reader, "repetitions", 1, 10000, &scenario->repetitions);
    read_number(reader, "cut-off", 1, 86400, &scenario->cut_off_s);
    read_number(reader, "settle", 0, 3600, &scenario->settle_s);
    read_number(reader, "before", 1, 3600, &scenario->before_s);
    read_number(reader, "after", 0, 3600, &scenario->after_s);
    read_count(reader, "downtime-limit", 1, 2000000,
               &scenario->downtime_limit_ms);
    read_number(reader, "foreign-cpu", 0, 1, &scenario->foreign_cpu);
    read_number(reader, "steal", 0, 1, &scenario->steal);
    read_yes(reader, "repeat-disturbed", &scenario->repeat_disturbed);
}

static void
check_names(ScenarioReader *reader, const char *key, GArray *list, char **names,
            const char *what)
{
    for (char **name = names; name && *name; name++) {
        if (!scenario_find(list, *name)) {
            read_fail(reader, key, SCENARIO_ERROR_VALUE,
                      "this scenario has no %s \"%s\"", what, *name);
        }
    }
}

static void
check_claim(const Scenario *scenario, ScenarioReader *reader,
            const ScenarioClaim *claim)
{
    char *method[] = { claim->method, NULL };
    char *against[] = { claim->against, NULL };

    check_names(reader, "method", scenario->methods, method, "method");
    check_names(reader, "against", scenario->methods, against, "method");
    check_names(reader, "guests", scenario->guests, claim->guests, "guest");
    check_names(reader, "wires", scenario->wires, claim->wires, "wire");
    check_names(reader, "cross", scenario->crosses, claim->crosses,
                "cross traffic");
}

/* What kinds of section there are, [scenario] apart. */
static bool
read_section(Scenario *scenario, GArray *described, ScenarioReader *reader)
{
    const char *kind = reader->section->kind;

    if (strcmp(kind, "scenario") == 0) {
        read_fail(reader, NULL, SCENARIO_ERROR_SYNTAX,
                  "stands alone, [scenario]; what it is called says its "
                  "key name");
    } else if (*reader->section->name == '\0') {
        read_fail(reader, NULL, SCENARIO_ERROR_SYNTAX,
                  "there are [scenario], [guest NAME], [cross NAME], "
                  "[method NAME] and [claim NAME]");
    } else if (strcmp(kind, "guest") == 0) {
        scenario_read_guest(scenario, reader);
    } else if (strcmp(kind, "cross") == 0) {
        scenario_read_cross(scenario, reader);
    } else if (strcmp(kind, "method") == 0) {
        scenario_read_method(described, reader);
    } else if (strcmp(kind, "claim") == 0) {
        scenario_read_claim(scenario, reader);
    } else {
        read_fail(reader, NULL, SCENARIO_ERROR_KEY,
                  "there is no such kind of section; there are scenario, "
                  "guest, cross, method and claim");
    }
    read_end(reader);
    return !reader->error;
}

/* One cell for all guests; methods that only make sense so, or not so. */
static void
join_guests(Scenario *scenario, ScenarioReader *reader)
{
    ScenarioGuest all = { .name = g_strdup("all") };
    GArray *guests = scenario->guests;

    scenario->guests = scenario->together;
    scenario->together = guests;
    for (guint i = 0; i < guests->len; i++) {
        all.memory_mib += g_array_index(guests, ScenarioGuest, i).memory_mib;
        all.vcpus += g_array_index(guests, ScenarioGuest, i).vcpus;
    }
    all.workload = g_strdup("several");
    all.arguments = g_strdup("");
    for (guint i = 0; i < guests->len; i++) {
        const ScenarioGuest *guest = &g_array_index(guests, ScenarioGuest, i);

        if (guest->client == CLIENT_REDIS && all.client != CLIENT_REDIS) {
            all.client = CLIENT_REDIS;
            all.requests_s = guest->requests_s;
        }
    }
    g_array_append_val(scenario->guests, all);
    if (guests->len < 2) {
        read_fail(reader, "together", SCENARIO_ERROR_VALUE,
                  "there is but one guest");
    }
}

static void
check_methods(Scenario *scenario, ScenarioReader *reader, bool together)
{
    for (guint i = 0; i < scenario->methods->len; i++) {
        const ScenarioMethod *method =
            &g_array_index(scenario->methods, ScenarioMethod, i);
        bool several =
            method->kind == METHOD_SERIAL || method->kind == METHOD_DRAIN;

        if (together && !several && method->kind != METHOD_VIRSH) {
            read_fail(reader, "methods", SCENARIO_ERROR_VALUE,
                      "%s moves one guest; of several together virsh, serial "
                      "and drain do",
                      method->name);
        } else if (several && !together) {
            read_fail(reader, "methods", SCENARIO_ERROR_VALUE,
                      "%s moves several guests: say together = yes",
                      method->name);
        }
    }
}

static bool
read_all(Scenario *scenario, GPtrArray *sections, ScenarioReader *reader)
{
    g_autoptr(GArray) described =
        scenario_list(sizeof(ScenarioMethod), method_clear);
    ScanSection *head = NULL;
    bool together = false;
    guint n_claims = 0;

    for (guint i = 0; i < sections->len; i++) {
        ScanSection *section = g_ptr_array_index(sections, i);

        reader->section = section;
        if (strcmp(section->kind, "scenario") == 0 && *section->name == '\0') {
            head = section;
        } else if (!read_section(scenario, described, reader)) {
            return false;
        }
    }
    if (!head) {
        g_set_error(&reader->error, SCENARIO_ERROR, SCENARIO_ERROR_MISSING,
                    "%s:1: there is no section [scenario]", reader->file);
        return false;
    }
    reader->section = head;
    scenario->line = read_line(reader, "methods");
    read_scenario(scenario, reader);
    scenario_choose_methods(scenario, reader, described);
    scenario_choose_crosses(scenario, reader);
    read_yes(reader, "together", &together);
    read_end(reader);
    check_methods(scenario, reader, together);
    if (scenario->wires->len == 0) {
        read_fail(reader, NULL, SCENARIO_ERROR_MISSING,
                  "needs wires = 50mbit, unlimited, ...");
    }
    if (scenario->guests->len == 0) {
        read_fail(reader, NULL, SCENARIO_ERROR_MISSING,
                  "needs a section [guest NAME] at least");
    }
    if (together && !reader->error) {
        join_guests(scenario, reader);
    }
    for (guint i = 0; i < sections->len && !reader->error; i++) {
        reader->section = g_ptr_array_index(sections, i);
        if (strcmp(reader->section->kind, "claim") == 0) {
            check_claim(
                scenario, reader,
                &g_array_index(scenario->claims, ScenarioClaim, n_claims++));
        }
    }
    return !reader->error;
}

Scenario *
scenario_parse(const char *text, size_t length, const char *name,
               GError **error)
{
    g_autoptr(Scenario) scenario = scenario_new();
    g_autoptr(GPtrArray) sections = scenario_scan(text, length, name, error);
    ScenarioReader reader = { .file = name };

    if (!sections) {
        return NULL;
    }
    if (!read_all(scenario, sections, &reader)) {
        g_propagate_error(error, reader.error);
        return NULL;
    }
    if (!scenario->name) {
        const char *slash = strrchr(name, '/');

        scenario->name = g_strdup(slash ? slash + 1 : name);
        if (g_str_has_suffix(scenario->name, ".conf")) {
            scenario->name[strlen(scenario->name) - strlen(".conf")] = '\0';
        }
        if (*scenario->name == '\0' || *scenario->name == '.') {
            g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_MISSING,
                        "%s:1: [scenario]: needs name = ..., for that of the "
                        "file is none",
                        name);
            return NULL;
        }
    }
    return g_steal_pointer(&scenario);
}

bool
scenario_needs_third(const Scenario *scenario)
{
    for (guint i = 0; i < scenario->crosses->len; i++) {
        const ScenarioCross *cross =
            &g_array_index(scenario->crosses, ScenarioCross, i);

        if (cross->flows > 0 && cross->from_third) {
            return true;
        }
    }
    return false;
}
