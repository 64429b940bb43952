/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * result.h - what one run of an experiment gave
 *
 * One JSON text a run, "vmferry-experiment/1". The members that reports are
 * made of are read back into this; the text keeps more (the run record of
 * vmferry, versions, the command line), which is passed on as it is.
 */
#ifndef EXPERIMENT_RESULT_H
#define EXPERIMENT_RESULT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/known.h"
#include "experiment/observed.h"
#include "experiment/scenario.h"
#include "experiment/statistics.h"

#define RESULT_SCHEMA "vmferry-experiment/1"

#define RESULT_ERROR (result_error_quark())
GQuark result_error_quark(void);
typedef enum { RESULT_ERROR_SCHEMA, RESULT_ERROR_VALUE } ResultErrorCode;

typedef enum {
    RESULT_COMPLETED,
    RESULT_CUT_OFF, /* its total is at least the cut-off */
    RESULT_FAILED,  /* something went wrong: no figure of it counts */
    RESULT_N_STATUSES
} ResultStatus;

const char *result_status_name(ResultStatus status);

/* A second of the run; t_s is its end, since the migration's start. */
typedef struct ResultPoint {
    double t_s;
    Known work_s; /* of the application: requests or pages a second */
    Known cross_bytes_s;
} ResultPoint;

typedef struct Result {
    char *scenario, *guest, *wire, *cross, *method; /* owned */
    unsigned repetition, order, attempt;
    uint64_t wire_bytes_s; /* 0: unlimited */
    double cut_off_s, downtime_limit_ms;
    char *started; /* UTC */
    ResultStatus status;
    char *message; /* why it did not complete; NULL */
    Known total_s, downtime_ms, bytes;
    Known iterations;
    Known checked; /* pages that the guest found wrong afterwards */
    ObservedWindow before, during, after;
    Known need_s; /* requests a second that its clients asked for */
    Known cross_before_bytes_s, cross_during_bytes_s;
    Known busy, foreign, niced, steal; /* shares of the machine, meanwhile */
    Known controller_cpu_s;            /* vmferry's own */
    bool disturbed;
    char *disturbed_by; /* NULL: not */
    GArray *points;     /* ResultPoint */
    char *machine; /* what it was made with, in words that name nobody; read
                      back only; NULL: unknown */
} Result;

Result *result_new(void);
void result_free(Result *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Result, result_free)

/** result_to_json() - A new object, for the runner to add the rest to */
JsonObject *result_to_json(const Result *result);

/** result_machine_words() - "tcg, QEMU 7.2.22, ..." of a result's member
 * "machine"; g_free() it, NULL if it says nothing */
char *result_machine_words(JsonObject *machine);

/** result_parse() - Read one back; errors name the member */
Result *result_parse(const char *text, size_t length, GError **error);

/**
 * result_measure() - One figure of it
 *
 * Return: false where there is none: it failed, or was cut off before it could
 * have been seen, or was not measured
 */
bool result_measure(const Result *result, Measure measure, Figure *figure);

#endif
