/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-workload.c - what a guest does, and with which arguments
 *
 * A word that the guest does not know is not refused by anybody later: it would
 * do something else than was meant, and all runs would be measured with that.
 */
#include <string.h>

#include "experiment/scenario-sections.h"

#define BESIDE_SET_MIB 96 /* kernel, initramfs and memwriter */

typedef struct Workload {
    const char *name;
    const char *arguments[4]; /* beside "chat"; NULL-terminated */
} Workload;

static const Workload workloads[] = {
    { "idle", { NULL } },
    { "memory", { "rate", "set", NULL } },
    { "cpu", { "threads", "prime", NULL } },
    { "network", { "serve", "maxmemory", NULL } },
    { "program", { "run", NULL } },
};

static const Workload *
workload_named(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(workloads); i++) {
        if (strcmp(workloads[i].name, name) == 0) {
            return &workloads[i];
        }
    }
    return NULL;
}

static bool
is_plain(const char *word)
{
    return *word &&
           word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_./:-")] ==
               '\0';
}

static char *
arguments_of(const Workload *workload)
{
    return workload->arguments[0]
               ? g_strjoinv(", ", (char **)workload->arguments)
               : g_strdup("none");
}

static void
check_number(ScenarioReader *reader, const ScenarioGuest *guest,
             const char *name, const char *value)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, 0, 1000000000, &number, NULL)) {
        read_fail(reader, "arguments", SCENARIO_ERROR_VALUE,
                  "%s=%s is no whole number", name, value);
    } else if (strcmp(name, "set") == 0 &&
               number + BESIDE_SET_MIB > guest->memory_mib) {
        read_fail(reader, "arguments", SCENARIO_ERROR_VALUE,
                  "a working set of %s MiB needs memory = %" G_GUINT64_FORMAT
                  " at least",
                  value, number + BESIDE_SET_MIB);
    }
}

static void
check_argument(ScenarioReader *reader, const ScenarioGuest *guest,
               const Workload *workload, char *word)
{
    char *equals = strchr(word, '=');
    g_autofree char *known = arguments_of(workload);

    if (!equals || equals == word || !is_plain(equals + 1)) {
        read_fail(reader, "arguments", SCENARIO_ERROR_VALUE,
                  "\"%s\" is no NAME=VALUE; write A=B,C=D", word);
        return;
    }
    *equals = '\0';
    if (strcmp(word, "chat") != 0 &&
        !g_strv_contains(workload->arguments, word)) {
        read_fail(reader, "arguments", SCENARIO_ERROR_VALUE,
                  "workload %s takes no \"%s\"; it takes: %s", workload->name,
                  word, known);
    } else if (strcmp(workload->name, "memory") == 0 &&
               strcmp(word, "chat") != 0) {
        check_number(reader, guest, word, equals + 1);
    }
    *equals = '=';
}

/* Only a server answers requests. */
static bool
may_serve_redis(const ScenarioGuest *guest)
{
    return strcmp(guest->workload, "program") == 0 ||
           (strcmp(guest->workload, "network") == 0 &&
            strstr(guest->arguments, "serve=redis"));
}

void
scenario_check_workload(const ScenarioGuest *guest, ScenarioReader *reader)
{
    const Workload *workload = workload_named(guest->workload);
    g_auto(GStrv) words = g_strsplit(guest->arguments, ",", -1);

    if (!workload) {
        read_fail(reader, "workload", SCENARIO_ERROR_VALUE,
                  "\"%s\" is none of: idle, memory, cpu, network, program",
                  guest->workload);
        return;
    }
    for (char **word = words; *word; word++) {
        check_argument(reader, guest, workload, *word);
    }
    if (guest->client == CLIENT_REDIS && !may_serve_redis(guest)) {
        read_fail(reader, "client", SCENARIO_ERROR_VALUE,
                  "redis needs a server in the guest: workload = network, "
                  "arguments = serve=redis");
    }
}
