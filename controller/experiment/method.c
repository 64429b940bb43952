/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * method.c - command lines
 */
#include "experiment/method.h"

#include <inttypes.h>

#include "base/units.h"

#define ROOT_SHARE 0.97

bool
method_is_vmferry(const ScenarioMethod *method)
{
    return method->kind >= METHOD_NONE && method->kind != METHOD_SERIAL;
}

static void G_GNUC_NULL_TERMINATED
add(GPtrArray *words, ...)
{
    const char *word;
    va_list arguments;

    va_start(arguments, words);
    while ((word = va_arg(arguments, const char *))) {
        g_ptr_array_add(words, g_strdup(word));
    }
    va_end(arguments);
}

static void
add_virsh(GPtrArray *words, const ScenarioMethod *method,
          const MethodPlace *place)
{
    g_autofree char *number = NULL;

    add(words, "virsh", "--quiet", "--connect", "qemu:///system", "migrate",
        "--live", "--p2p", NULL);
    switch (method->kind) {
    case METHOD_CONVERGE:
        add(words, "--auto-converge", NULL);
        break;
    case METHOD_POSTCOPY:
        add(words, "--postcopy", "--postcopy-after-precopy", NULL);
        break;
    case METHOD_BANDWIDTH:
        number = g_strdup_printf("%u", method->bandwidth_mib_s);
        add(words, "--bandwidth", number, NULL);
        break;
    case METHOD_MULTIFD:
        number = g_strdup_printf("%u", method->connections);
        add(words, "--parallel", "--parallel-connections", number, NULL);
        break;
    case METHOD_XBZRLE:
        add(words, "--compressed", "--comp-methods", "xbzrle", NULL);
        break;
    default: /* plain, also beside a fixed guarantee */
        break;
    }
    add(words, place->guests[0], place->destination, NULL);
}

static void
add_vmferry(GPtrArray *words, const ScenarioMethod *method,
            const MethodPlace *place)
{
    const char *policy = method->kind == METHOD_NONE    ? "none"
                         : method->kind == METHOD_PAPER ? "paper"
                                                        : "default";
    g_autofree char *downtime = g_strdup_printf("%u", place->downtime_limit_ms);
    char cut_off[UNITS_NUMBER_SIZE];

    units_write_number(place->cut_off_s, cut_off);
    add(words, place->vmferry, "migrate", "--live", "--p2p", "--alone",
        "--policy", policy, "--downtime", downtime, "--cut-off", cut_off,
        "--history", "none", "--record", place->record, NULL);
    if (place->declared) {
        g_autofree char *link =
            g_strdup_printf("%s=%s", place->link, place->declared);

        add(words, "--link", link, NULL);
    }
    if (method->kind == METHOD_LAST) {
        add(words, "--predictor", "last", NULL);
    } else if (method->kind == METHOD_ORACLE) {
        g_autofree char *oracle = g_strdup_printf("oracle=%s", place->oracle);

        add(words, "--predictor", oracle, NULL);
    }
    add(words, place->guests[0], place->destination, NULL);
}

/* Names of guests are plain words, and so are our URIs. */
static void
add_several(GPtrArray *words, const ScenarioMethod *method,
            const MethodPlace *place)
{
    bool serial = method->kind == METHOD_SERIAL;
    g_autoptr(GString) script = g_string_new(serial ? NULL : "pids=; ");

    for (const char *const *guest = place->guests; *guest; guest++) {
        g_string_append_printf(script,
                               "%svirsh --quiet --connect qemu:///system "
                               "migrate --live --p2p %s %s%s",
                               serial && guest > place->guests ? " && " : "",
                               *guest, place->destination,
                               serial ? "" : " & pids=\"$pids $!\"; ");
    }
    if (!serial) {
        g_string_append(script, "status=0; for pid in $pids; do wait $pid || "
                                "status=1; done; exit $status");
    }
    add(words, "sh", "-c", script->str, NULL);
}

static void
add_drain(GPtrArray *words, const MethodPlace *place)
{
    g_autofree char *downtime = g_strdup_printf("%u", place->downtime_limit_ms);

    add(words, place->vmferry, "drain", "--to", place->destination, "--yes",
        "--alone", "--downtime", downtime, "--history", "none", "--state",
        place->state, "--json", NULL);
    if (place->declared) {
        g_autofree char *link =
            g_strdup_printf("%s=%s", place->link, place->declared);

        add(words, "--link", link, NULL);
    }
}

char **
method_command(const ScenarioMethod *method, const MethodPlace *place)
{
    GPtrArray *words = g_ptr_array_new();

    if (method->kind == METHOD_DRAIN) {
        add_drain(words, place);
    } else if (method->kind == METHOD_SERIAL || place->guests[1]) {
        add_several(words, method, place);
    } else if (method_is_vmferry(method)) {
        add_vmferry(words, method, place);
    } else {
        add_virsh(words, method, place);
    }
    for (char **option = method->options; *option; option++) {
        add(words, *option, NULL);
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static void G_GNUC_PRINTF(2, 3)
    add_tc(GPtrArray *commands, const char *format, ...)
{
    g_autofree char *line = NULL;
    va_list arguments;

    va_start(arguments, format);
    line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_ptr_array_add(commands, g_strsplit(line, " ", -1));
}

GPtrArray *
method_htb(const ScenarioMethod *method, const MethodPlace *place)
{
    GPtrArray *commands;
    uint64_t wire_bytes_s, root, guarantee;

    if (!place->wire || !units_parse_rate(place->wire, &wire_bytes_s, NULL)) {
        return NULL;
    }
    commands = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    root = (uint64_t)(ROOT_SHARE * 8 * (double)wire_bytes_s);
    guarantee = (uint64_t)(method->guarantee * (double)root);
    add_tc(commands, "tc qdisc add dev %s root handle 1: htb default 10",
           place->link);
    add_tc(commands,
           "tc class add dev %s parent 1: classid 1:1 htb rate %" PRIu64
           "bit ceil %" PRIu64 "bit",
           place->link, root, root);
    add_tc(commands,
           "tc class add dev %s parent 1:1 classid 1:10 htb rate %" PRIu64
           "bit ceil %" PRIu64 "bit",
           place->link, MAX(root - guarantee, 8000), root);
    add_tc(commands,
           "tc class add dev %s parent 1:1 classid 1:20 htb rate %" PRIu64
           "bit ceil %" PRIu64 "bit",
           place->link, guarantee, root);
    /* 49152 to 49215: libvirt's */
    add_tc(commands,
           "tc filter add dev %s parent 1: protocol ip prio 1 u32 match ip "
           "protocol 6 0xff match ip dport 49152 0xffc0 flowid 1:20",
           place->link);
    return commands;
}
