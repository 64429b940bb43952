/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario.h - what an experiment consists of
 *
 * A scenario is a text of sections: [scenario], and any number of
 * [guest NAME], [cross NAME], [method NAME] and [claim NAME]. Every guest is
 * migrated over every wire, beside every cross traffic, by every method, as
 * often as there are repetitions. Pure: text in, a checked value out. Whatever
 * is wrong is refused with its line, its key, and what would be right.
 */
#ifndef EXPERIMENT_SCENARIO_H
#define EXPERIMENT_SCENARIO_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

#define SCENARIO_ERROR (scenario_error_quark())
GQuark scenario_error_quark(void);
typedef enum {
    SCENARIO_ERROR_SYNTAX, /* no section, no "=", a key twice */
    SCENARIO_ERROR_KEY,    /* not known there */
    SCENARIO_ERROR_VALUE,  /* out of range, or no such thing */
    SCENARIO_ERROR_MISSING /* needed, and not there */
} ScenarioErrorCode;

typedef enum {
    METHOD_VIRSH,      /* plain virsh migrate --live --p2p */
    METHOD_CONVERGE,   /* --auto-converge */
    METHOD_POSTCOPY,   /* --postcopy --postcopy-after-precopy */
    METHOD_BANDWIDTH,  /* --bandwidth, QEMU's own limit */
    METHOD_MULTIFD,    /* --parallel */
    METHOD_XBZRLE,     /* --compressed */
    METHOD_STATIC_HTB, /* a fixed guarantee in HTB, no prediction */
    METHOD_NONE,       /* vmferry --policy none: only watched */
    METHOD_PAPER,      /* vmferry --policy paper */
    METHOD_DEFAULT,    /* vmferry --policy default */
    METHOD_LAST,       /* ... with the last value as its predictor */
    METHOD_ORACLE,     /* ... that knows D(T) from an earlier run of the cell */
    METHOD_SERIAL,     /* all guests by virsh, one after the other */
    METHOD_DRAIN,      /* all guests by vmferry drain */
    METHOD_N_KINDS
} MethodKind;

/** method_kind_name() - "virsh", "auto-converge", ... as in a scenario */
const char *method_kind_name(MethodKind kind);

/* What a client on a third host asks of a guest, beside the probes. */
typedef enum {
    CLIENT_STATUS, /* memwriter's counters: its pages written are its work */
    CLIENT_REDIS,  /* requests at a steady rate to a redis server */
    CLIENT_N_KINDS
} ClientKind;

const char *client_kind_name(ClientKind kind);

/* From here on: strings are owned. */
typedef struct ScenarioGuest {
    char *name;
    unsigned memory_mib;  /* 256 */
    unsigned vcpus;       /* 1 */
    char *workload;       /* as vmferry-testbed guest takes it; "memory" */
    char *arguments;      /* of the workload, A=B,C=D; may be "" */
    ClientKind client;    /* status */
    double requests_s;    /* redis: the application's need; 50 */
    unsigned value_bytes; /* redis: of a value; 16384 */
    double writes;        /* redis: share of requests that write, 0..1; 0.5 */
    unsigned keys;        /* redis: how many; 1000 */
} ScenarioGuest;

typedef struct ScenarioCross {
    char *name;
    unsigned flows;  /* TCP, as fast as they can; 0: none */
    bool from_third; /* from a third host: what shaping at the source cannot
                        protect; else from the source */
    bool to_client;  /* to the client instead of the destination */
} ScenarioCross;

typedef struct ScenarioWire {
    char *name;            /* as spelled: "50mbit", "unlimited" */
    uint64_t rate_bytes_s; /* 0: unlimited */
} ScenarioWire;

typedef struct ScenarioMethod {
    char *name;
    MethodKind kind;
    unsigned bandwidth_mib_s; /* METHOD_BANDWIDTH; needed */
    unsigned connections;     /* METHOD_MULTIFD; 2 */
    double guarantee;         /* METHOD_STATIC_HTB: share of the link; 0.8 */
    char **options;           /* more words for the command line */
} ScenarioMethod;

typedef enum {
    MEASURE_TOTAL,       /* s, QEMU's total time */
    MEASURE_DOWNTIME,    /* ms, QEMU's */
    MEASURE_BYTES,       /* that QEMU transferred */
    MEASURE_APPLICATION, /* share of what it did before the migration */
    MEASURE_NEED,        /* share of what its clients asked for */
    MEASURE_LATENCY,     /* ms, 99th percentile of what its client saw */
    MEASURE_CROSS,       /* share of the wire that cross traffic got */
    MEASURE_STALL,       /* ms, longest silence to 10 ms probes */
    MEASURE_OVER_LIMIT,  /* ms, that silence beyond the downtime limit */
    MEASURE_CPU,         /* share of the machine that was busy */
    MEASURE_N
} Measure;

const char *measure_name(Measure measure);  /* "total", "downtime", ... */
const char *measure_title(Measure measure); /* "total time", ... */
const char *measure_unit(Measure measure);  /* "s", "ms", "bytes", "" */

/* What an experiment is to show: of each pair of runs of one repetition, the
 * ratio of @method to @against; or, without @against, each run by itself. */
typedef struct ScenarioClaim {
    char *name;
    unsigned line; /* where its section begins */
    char *title;   /* a sentence; NULL: made of the rest */
    Measure measure;
    char *method;
    char *against;           /* NULL: not compared */
    char **guests;           /* names; NULL: all */
    char **wires;            /* likewise */
    char **crosses;          /* likewise */
    Known at_most, at_least; /* the median's goal; one of them */
    Known reach;             /* the interval must reach it as well */
    Known share;    /* without .against: so many of all runs must keep to
                      the goal instead of the median */
    unsigned pairs; /* fewer prove nothing; 1 */
} ScenarioClaim;

typedef struct Scenario {
    char *name;
    unsigned line;              /* of its methods */
    char *title;                /* NULL: none */
    GArray *wires;              /* ScenarioWire */
    GArray *guests;             /* ScenarioGuest; where all are moved at once
                                   one that stands for them, "all" */
    GArray *together;           /* ScenarioGuest, then; else empty */
    GArray *crosses;            /* ScenarioCross */
    GArray *methods;            /* ScenarioMethod; the first is compared with */
    GArray *claims;             /* ScenarioClaim */
    unsigned repetitions;       /* 1 */
    double cut_off_s;           /* 600 */
    double settle_s;            /* guest and client run in; 5 */
    double before_s;            /* measured before the migration; 5 */
    double after_s;             /* ... and after it; 3 */
    unsigned downtime_limit_ms; /* QEMU's; 300 */
    double foreign_cpu;    /* a run is disturbed above this share of the machine
                              that others used; 0.15 */
    double steal;          /* ... or that the hypervisor took; 0.05 */
    bool repeat_disturbed; /* once; yes */
} Scenario;

/**
 * scenario_parse() - Read a scenario
 * @text: Not necessarily terminated
 * @name: What errors call it, a file name; and the scenario, if it has no name
 *        of its own
 *
 * Return: scenario_free() it; NULL with SCENARIO_ERROR that begins with
 * "NAME:LINE: "
 */
Scenario *scenario_parse(const char *text, size_t length, const char *name,
                         GError **error);
void scenario_free(Scenario *scenario);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scenario, scenario_free)

/**
 * scenario_doubts() - What may not be meant: claims that can have no verdict
 * @file: What the texts call it
 *
 * Return: GPtrArray of texts, "FILE:LINE: [claim x]: ..."; unref it
 */
GPtrArray *scenario_doubts(const Scenario *scenario, const char *file);

/** scenario_needs_third() - Is there cross traffic from a third host? */
bool scenario_needs_third(const Scenario *scenario);

#endif
