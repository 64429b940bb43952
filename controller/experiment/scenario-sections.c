/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-sections.c - what stands in sections with a name
 *
 * Whether names that a section refers to exist is not known here yet: sections
 * may stand in any order.
 */
#include "experiment/scenario-sections.h"

#include <string.h>

static const char *
word_method(unsigned i)
{
    return method_kind_name((MethodKind)i);
}

static const char *
word_client(unsigned i)
{
    return client_kind_name((ClientKind)i);
}

static const char *
word_measure(unsigned i)
{
    return measure_name((Measure)i);
}

void
scenario_read_guest(Scenario *scenario, ScenarioReader *reader)
{
    ScenarioGuest guest = {
        .name = g_strdup(reader->section->name),
        .memory_mib = 256,
        .vcpus = 1,
        .workload = g_strdup("memory"),
        .arguments = g_strdup(""),
        .requests_s = 50.0,
        .value_bytes = 16384,
        .writes = 0.5,
        .keys = 1000,
    };
    static const char *const of_redis[] = { "requests", "value", "writes",
                                            "keys" };
    unsigned client = CLIENT_STATUS;

    read_count(reader, "memory", 128, 262144, &guest.memory_mib);
    read_count(reader, "vcpus", 1, 64, &guest.vcpus);
    read_text(reader, "workload", &guest.workload);
    read_text(reader, "arguments", &guest.arguments);
    read_word(reader, "client", CLIENT_N_KINDS, word_client, &client);
    guest.client = (ClientKind)client;
    read_number(reader, "requests", 0.1, 100000, &guest.requests_s);
    read_count(reader, "value", 1, 1024 * 1024, &guest.value_bytes);
    read_number(reader, "writes", 0, 1, &guest.writes);
    read_count(reader, "keys", 1, 1000000, &guest.keys);
    for (size_t i = 0; i < G_N_ELEMENTS(of_redis); i++) {
        read_only_of(reader, of_redis[i], guest.client == CLIENT_REDIS,
                     "client = redis");
    }
    scenario_check_workload(&guest, reader);
    g_array_append_val(scenario->guests, guest);
}

static const char *
word_from(unsigned i)
{
    return i ? "third" : "source";
}

static const char *
word_to(unsigned i)
{
    return i ? "client" : "destination";
}

void
scenario_read_cross(Scenario *scenario, ScenarioReader *reader)
{
    ScenarioCross cross = {
        .name = g_strdup(reader->section->name),
        .flows = 4,
    };
    unsigned from = 0, to = 0;

    if (strcmp(cross.name, "none") == 0) {
        read_fail(reader, NULL, SCENARIO_ERROR_VALUE,
                  "\"none\" is no cross traffic at all: give another name");
    }
    read_count(reader, "flows", 1, 128, &cross.flows);
    read_word(reader, "from", 2, word_from, &from);
    read_word(reader, "to", 2, word_to, &to);
    cross.from_third = from == 1;
    cross.to_client = to == 1;
    g_array_append_val(scenario->crosses, cross);
}

MethodKind
scenario_method_kind(const char *name)
{
    for (unsigned i = 0; i < METHOD_N_KINDS; i++) {
        if (strcmp(name, word_method(i)) == 0) {
            return (MethodKind)i;
        }
    }
    return METHOD_N_KINDS;
}

ScenarioMethod
scenario_method(const char *name, MethodKind kind)
{
    return (ScenarioMethod){
        .name = g_strdup(name),
        .kind = kind,
        .connections = 2,
        .guarantee = 0.8,
        .options = g_new0(char *, 1),
    };
}

void
scenario_read_method(GArray *methods, ScenarioReader *reader)
{
    ScenarioMethod method =
        scenario_method(reader->section->name, METHOD_N_KINDS);
    unsigned kind = scenario_method_kind(method.name);
    g_autofree char *options = NULL;
    g_autoptr(GError) error = NULL;

    read_word(reader, "kind", METHOD_N_KINDS, word_method, &kind);
    if (kind == METHOD_N_KINDS) {
        read_fail(reader, NULL, SCENARIO_ERROR_MISSING,
                  "is no method by itself: say kind = default, or another");
    }
    method.kind = (MethodKind)kind;
    read_count(reader, "bandwidth", 1, 1000000, &method.bandwidth_mib_s);
    read_count(reader, "connections", 1, 255, &method.connections);
    read_number(reader, "guarantee", 0.01, 1, &method.guarantee);
    read_only_of(reader, "bandwidth", method.kind == METHOD_BANDWIDTH,
                 "kind = bandwidth");
    read_only_of(reader, "connections", method.kind == METHOD_MULTIFD,
                 "kind = multifd");
    read_only_of(reader, "guarantee", method.kind == METHOD_STATIC_HTB,
                 "kind = static-htb");
    read_text(reader, "options", &options);
    if (options) {
        g_auto(GStrv) words = NULL;

        if (!g_shell_parse_argv(options, NULL, &words, &error)) {
            read_fail(reader, "options", SCENARIO_ERROR_VALUE, "%s",
                      error->message);
        } else {
            g_strfreev(method.options);
            method.options = g_steal_pointer(&words);
        }
    }
    if (method.kind == METHOD_BANDWIDTH && method.bandwidth_mib_s == 0) {
        read_fail(reader, NULL, SCENARIO_ERROR_MISSING,
                  "needs bandwidth = MiB/s");
    }
    g_array_append_val(methods, method);
}

void
scenario_read_claim(Scenario *scenario, ScenarioReader *reader)
{
    ScenarioClaim claim = {
        .name = g_strdup(reader->section->name),
        .line = reader->section->line,
        .pairs = 1,
    };
    unsigned measure = MEASURE_N;

    read_text(reader, "title", &claim.title);
    read_word(reader, "measure", MEASURE_N, word_measure, &measure);
    read_text(reader, "method", &claim.method);
    read_text(reader, "against", &claim.against);
    read_list(reader, "guests", &claim.guests);
    read_list(reader, "wires", &claim.wires);
    read_list(reader, "cross", &claim.crosses);
    read_known(reader, "at-most", 0, 1e12, &claim.at_most);
    read_known(reader, "at-least", 0, 1e12, &claim.at_least);
    read_known(reader, "reach", 0, 1e12, &claim.reach);
    read_known(reader, "share", 0.01, 1, &claim.share);
    read_count(reader, "pairs", 1, 10000, &claim.pairs);
    if (measure == MEASURE_N) {
        read_fail(reader, NULL, SCENARIO_ERROR_MISSING, "needs measure = ...");
    } else if (!claim.method) {
        read_fail(reader, NULL, SCENARIO_ERROR_MISSING, "needs method = ...");
    } else if (claim.at_most.known == claim.at_least.known) {
        read_fail(reader, NULL, SCENARIO_ERROR_MISSING,
                  "needs at-most or at-least, and only one of them");
    } else if (claim.share.known && claim.against) {
        read_fail(reader, "share", SCENARIO_ERROR_VALUE,
                  "is of single runs: leave out \"against\"");
    } else if (claim.against && strcmp(claim.against, claim.method) == 0) {
        read_fail(reader, "against", SCENARIO_ERROR_VALUE,
                  "is the method itself: name another");
    } else if (claim.reach.known && claim.share.known) {
        read_fail(reader, "reach", SCENARIO_ERROR_VALUE,
                  "is of a median: leave out \"share\"");
    } else if (claim.reach.known &&
               (claim.at_most.known
                    ? claim.reach.value > claim.at_most.value
                    : claim.reach.value < claim.at_least.value)) {
        read_fail(reader, "reach", SCENARIO_ERROR_VALUE,
                  "asks for less than the median's goal: leave it out");
    }
    claim.measure = (Measure)measure;
    g_array_append_val(scenario->claims, claim);
}
