/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view-format.h - the text of the live view, line by line
 *
 * Plain numbers in, text out: no terminal, no clock. An iteration is one row of
 * a table on a terminal, one sentence where lines are kept, one object in JSON.
 * A table that is too wide loses its least important columns, never its shape.
 */
#ifndef CLI_VIEW_FORMAT_H
#define CLI_VIEW_FORMAT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/known.h"
#include "job/job.h"
#include "policy/policy.h"

/* A finished iteration, as it is shown. */
typedef struct ViewIteration {
    unsigned iter;
    unsigned merged;        /* passes in this row, 1 normally */
    bool final;             /* the guest was stopped during it */
    uint64_t pages_to_send; /* at its start */
    Known predicted_pages;  /* newly dirtied, forecast at its start */
    Known dirty_pages;      /* ... and what it really was */
    uint64_t page_bytes;
    double duration_s;
    uint64_t sent_bytes;
    uint64_t reserved_bytes_s; /* guarantee in force; 0: none */
    double achieved_bytes_s;
    Known forecast_end_s; /* made at its start: from then to the end */
    Known forecast_downtime_s;
    int converges; /* forecast at its start: 1 yes, 0 no, -1 not known */
} ViewIteration;

/** view_iteration_of() - The shown part of what the job tells about one */
ViewIteration view_iteration_of(const JobIteration *iteration);

/* Where the migration stands now. */
typedef struct ViewProgress {
    double fraction; /* of the work, 0..1 */
    unsigned iter;   /* under way; 0: none yet */
    Known remaining_bytes;
    Known achieved_bytes_s;    /* lately */
    uint64_t reserved_bytes_s; /* 0: none */
    Known end_s;               /* forecast from now; unknown: none */
    int converges;             /* 1 yes, 0 no, -1 not known */
} ViewProgress;

/** view_progress_of() - What the job tells about it */
ViewProgress view_progress_of(const JobProgress *progress);

/* How it ended. */
typedef struct ViewOutcome {
    const char *status;  /* run_status_name() */
    const char *message; /* why, if it did not complete; NULL */
    Known total_s, downtime_s, bytes;
    unsigned iterations;
    const char *source; /* of the iterations' figures: sample_source_name();
                            NULL: not told */
} ViewOutcome;

/* All text is g_free()d by the caller and has no newline at its end. Widths are
 * columns; @colour puts escape sequences in, which take no columns. */

/** view_error_percent() - How far the forecast was off: (predicted - actual) /
 * actual; unknown without either, or if nothing was dirtied */
Known view_error_percent(const ViewIteration *iteration);

/** view_dirtying_bytes_s() - Dirtied bytes over the duration */
Known view_dirtying_bytes_s(const ViewIteration *iteration);

/** view_format_header() - Titles of the columns that fit into @width */
char *view_format_header(unsigned width, bool colour);

/** view_format_row() - One iteration below them */
char *view_format_row(const ViewIteration *iteration, unsigned width);

/** view_format_progress() - "Migration: [ 53 %] [####....] iteration 5, ..."
 * @width: 0: everything there is to say, without a bar */
char *view_format_progress(const ViewProgress *progress, unsigned width,
                           bool colour);

/** view_format_sentence() - One iteration in words */
char *view_format_sentence(const ViewIteration *iteration);

/** view_format_decision() - "iteration 4: reserve ..., because ..." */
char *view_format_decision(unsigned iter, const PolicyDecision *decision);

/** view_format_outcome() - "migration completed in 58.6 s, ..." */
char *view_format_outcome(const ViewOutcome *outcome);

/* One object for each event; the names are those of the run record. */
JsonObject *view_iteration_to_json(const ViewIteration *iteration);
JsonObject *view_progress_to_json(const ViewProgress *progress);
JsonObject *view_decision_to_json(unsigned iter,
                                  const PolicyDecision *decision);
JsonObject *view_outcome_to_json(const ViewOutcome *outcome);

#endif
