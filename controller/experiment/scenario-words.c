/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-words.c - names of methods, clients and measures
 */
#include "experiment/scenario.h"

static const char *const method_names[] = {
    [METHOD_VIRSH] = "virsh",           [METHOD_CONVERGE] = "auto-converge",
    [METHOD_POSTCOPY] = "post-copy",    [METHOD_BANDWIDTH] = "bandwidth",
    [METHOD_MULTIFD] = "multifd",       [METHOD_XBZRLE] = "xbzrle",
    [METHOD_STATIC_HTB] = "static-htb", [METHOD_NONE] = "none",
    [METHOD_PAPER] = "paper",           [METHOD_DEFAULT] = "default",
    [METHOD_LAST] = "default-last",     [METHOD_ORACLE] = "default-oracle",
    [METHOD_SERIAL] = "serial",         [METHOD_DRAIN] = "drain",
};
G_STATIC_ASSERT(G_N_ELEMENTS(method_names) == METHOD_N_KINDS);

static const char *const client_names[] = {
    [CLIENT_STATUS] = "status",
    [CLIENT_REDIS] = "redis",
};
G_STATIC_ASSERT(G_N_ELEMENTS(client_names) == CLIENT_N_KINDS);

static const struct {
    const char *name, *title, *unit;
} measures[] = {
    [MEASURE_TOTAL] = { "total", "total time", "s" },
    [MEASURE_DOWNTIME] = { "downtime", "downtime", "ms" },
    [MEASURE_BYTES] = { "bytes", "bytes sent", "MiB" },
    [MEASURE_APPLICATION] = { "application", "application, of before", "" },
    [MEASURE_NEED] = { "need", "application, of its need", "" },
    [MEASURE_LATENCY] = { "latency", "latency, 99 %", "ms" },
    [MEASURE_CROSS] = { "cross", "cross traffic, of the wire", "" },
    [MEASURE_STALL] = { "stall", "stall seen from outside", "ms" },
    [MEASURE_OVER_LIMIT] = { "over-limit", "stall over the limit", "ms" },
    [MEASURE_CPU] = { "cpu", "machine busy", "" },
};
G_STATIC_ASSERT(G_N_ELEMENTS(measures) == MEASURE_N);

const char *
method_kind_name(MethodKind kind)
{
    return method_names[kind];
}

const char *
client_kind_name(ClientKind kind)
{
    return client_names[kind];
}

const char *
measure_name(Measure measure)
{
    return measures[measure].name;
}

const char *
measure_title(Measure measure)
{
    return measures[measure].title;
}

const char *
measure_unit(Measure measure)
{
    return measures[measure].unit;
}
