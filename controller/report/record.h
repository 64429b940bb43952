/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.h - what one migration was, saw, decided and became
 *
 * The run record is the product of every session: versions, link, options,
 * each iteration with all its inputs and forecasts, each decision with its
 * reason, the time lines, the outcome, the cost of the controller, and the raw
 * events from which the job can be replayed. docs/run-record.md is its schema,
 * "vmferry-run/1". Pure: text in, text out.
 */
#ifndef REPORT_RECORD_H
#define REPORT_RECORD_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/known.h"
#include "forecast/forecast.h"
#include "policy/policy.h"
#include "sample/sample.h"

#define RECORD_SCHEMA "vmferry-run/1"

typedef enum {
    RUN_STATUS_COMPLETED,
    RUN_STATUS_FAILED,  /* libvirt said so */
    RUN_STATUS_ABORTED, /* by the user */
    RUN_STATUS_CUT_OFF, /* by a time limit of the experiment */
    RUN_STATUS_LEFT,    /* it went on, and nobody watched any more */
    RUN_N_STATUSES
} RunStatus;

const char *run_status_name(RunStatus status); /* "cut-off", ... */

typedef struct RunIteration {
    SampleRow row;
    Forecast forecast;         /* made at its start; pages unknown: none */
    uint64_t reserved_bytes_s; /* guarantee in force while it ran, 0: none */
    uint64_t ceiling_bytes_s;
    Known forecast_end_s; /* forecast made at its start: rest of the time */
    Known forecast_downtime_s;
    int converges; /* 1 yes, 0 no, -1 not known then */
} RunIteration;

typedef struct RunDecision {
    double t_s;    /* since the start of the migration; below 0:
                                 before it */
    unsigned iter; /* for the iteration that starts then */
    PolicyDecision decision;
    bool applied; /* false: the kernel refused, see error */
    char *error;  /* NULL if applied; owned */
} RunDecision;

/* One point of the time lines, some 4 a second; rates over the interval before
 * it, in bytes per second. */
typedef struct RunPoint {
    double t_s;
    Known remaining_bytes;
    Known stream_bytes_s; /* migration stream, from its class or socket */
    Known reserved_bytes_s;
    Known ceiling_bytes_s;
    Known application_bytes_s; /* guest's own class */
    Known protected_bytes_s;
    Known other_bytes_s; /* everything else that left by the link */
} RunPoint;

/* Median, p99 and maximum of a cost in microseconds. */
typedef struct RunCost {
    Known median_us;
    Known p99_us;
    Known max_us;
} RunCost;

typedef struct RunRecord {
    /* All strings are owned and may be NULL: not known. */
    char *started;      /* UTC with offset, clock_format_utc() */
    int64_t started_us; /* that moment on the clock of the rows' times, origin
                           of every t_s; 0: their clock was started then */
    char *vmferry_version, *libvirt_version, *qemu_version, *kernel_version;
    char *accelerator; /* "kvm", "tcg" */
    char *machine;
    char *host_name, *source_uri, *destination_uri, *migrate_uri;
    char *guest_name, *guest_uuid;
    uint64_t guest_memory_bytes;
    unsigned guest_vcpus;
    PolicySettings policy;
    GPtrArray *options; /* char *, the command line as given */
    bool live;
    char *sample_source; /* "libvirt", "qmp", "patch" */
    bool monitor_passthrough;
    /* link; device NULL: no policy, no link */
    char *link_device, *link_chain, *link_destination;
    uint64_t link_rate_bytes_s;
    bool link_rate_declared;

    GArray *iterations;  /* RunIteration */
    GArray *decisions;   /* RunDecision */
    GArray *points;      /* RunPoint */
    GPtrArray *warnings; /* char * */
    JsonObject *events;  /* array of the job's events; NULL: none */

    RunStatus status;
    char *message;                         /* why, when not completed */
    Known total_ms, downtime_ms, setup_ms; /* QEMU's own figures */
    Known bytes;                           /* that QEMU transferred */
    /* what is known about classification */
    Known class_bytes;   /* counted by the migration's class */
    Known stream_bytes;  /* by the connection's own counters */
    Known foreign_bytes; /* in the class, not of the stream */
    /* cost of the controller */
    Known cpu_ms, max_rss_kb, wall_ms;
    RunCost decision_us, tc_change_us;
    JsonObject *extra;   /* object of named additions ("cross_traffic": ...),
                            kept as it is; NULL: none */
    GStringChunk *names; /* keeps Forecast.model and member names that were
                            parsed; static ones need not be put here */
} RunRecord;

RunRecord *run_record_new(void);
void run_record_free(RunRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RunRecord, run_record_free)

/** run_record_passes() - Number of QEMU's last pass that has a row, 0: none */
unsigned run_record_passes(const RunRecord *record);

/** run_record_to_json() - A new object in the documented schema */
JsonObject *run_record_to_json(const RunRecord *record);

/** run_iteration_to_json() - A member of its "iterations", a new object */
JsonObject *run_iteration_to_json(const RunIteration *iteration);

#define RECORD_ERROR (record_error_quark())
GQuark record_error_quark(void);
typedef enum { RECORD_ERROR_SCHEMA, RECORD_ERROR_VALUE } RecordError;

/**
 * run_record_parse() - Read a record back
 *
 * A text that is no record, of another schema version, or with members of a
 * wrong type is refused; the message names the member ("iterations[3].iter").
 * Members that are not known to us are ignored.
 */
RunRecord *run_record_parse(const char *text, size_t length, GError **error);

/** run_record_to_csv() - The trace format of docs/trace-format.md
 * @group: For the column of that name; NULL: the guest's name
 * @trace: For the column of that name; NULL: guest and start time */
char *run_record_to_csv(const RunRecord *record, const char *group,
                        const char *trace);

/**
 * report_html() - One self-contained page that shows 1 to 4 runs side by side
 * @records: Borrowed
 * @title: Plain text
 *
 * Return: HTML with inline SVG, no script from elsewhere; g_free() it
 */
char *report_html(const RunRecord *const *records, size_t n_records,
                  const char *title);

#endif
