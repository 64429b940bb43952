/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-priv.h - inside of the report: figures, charts, words, style
 */
#ifndef REPORT_PRIV_H
#define REPORT_PRIV_H

#include "report/record.h"
#include "report/report-style.h"

#define REPORT_MAX_RUNS 4

/* What the page says about a run, worked out once. */
typedef struct RunFigures {
    const RunRecord *record; /* borrowed */
    char *name;              /* "policy default", unlike all others; owned */
    Known duration_s;        /* QEMU's, else of the time lines */
    GArray *points;          /* RunPoint: the record's, or from iterations */
    bool points_from_rows;
    GArray *smooth;   /* RunPoint: rates averaged over window_s */
    double window_s;  /* 0: as they are */
    Known left_bytes; /* still to send at the last point */
    /* means over the time lines, weighted by time; of 0..end */
    Known stream_bytes_s, application_bytes_s, protected_bytes_s, other_bytes_s;
    Known least_reserved_bytes_s, most_reserved_bytes_s;
    unsigned scored;          /* iterations with forecast and outcome */
    unsigned scored_interval; /* ... whose forecast had an interval */
    unsigned in_interval;     /* ... and the outcome lay in it */
    Known error;              /* median of |forecast / actual - 1| */
} RunFigures;

/** run_figures_init() - Work them out; run_figures_clear() what it owns */
void run_figures_init(RunFigures *run, const RunRecord *record);
void run_figures_clear(RunFigures *run);

/** run_figures_name() - Give all runs names that differ */
void run_figures_name(RunFigures *runs, size_t n);

/** run_iteration_start_s() - On the axis of the time lines */
double run_iteration_start_s(const RunRecord *record, guint index);

/** report_unbroken() - Keep numbers and their units on one line
 * @text: Taken over; Return: what replaces it, g_free() it */
char *report_unbroken(char *text);

/** report_headline() - One sentence that tells how it came out; g_free() it */
char *report_headline(const RunFigures *runs, size_t n);

/** report_details() - What to know next, one sentence a line; g_free() it */
char *report_details(const RunFigures *runs, size_t n);

/* Charts, each as one svg of @width; shared scales come in, so that runs can
 * be compared. */
typedef struct ChartExtent {
    double time_s;       /* longest run */
    double rate_bytes_s; /* highest of any line */
    double left_bytes;
    double least_pages; /* smallest above 0 */
    double most_pages;
    bool zero_pages; /* some value is 0 */
} ChartExtent;

void chart_extent_init(ChartExtent *extent, const RunFigures *runs, size_t n);

typedef enum { CHART_WIDE, CHART_NARROW } ChartSize;

void chart_left(GString *out, const RunFigures *runs, size_t n,
                const ChartExtent *extent, ChartSize size);
void chart_bandwidth(GString *out, const RunFigures *run,
                     const ChartExtent *extent, ChartSize size);
void chart_pages(GString *out, const RunFigures *run, const ChartExtent *extent,
                 ChartSize size);
/** chart_has_pages() - Whether chart_pages() has anything to show */
bool chart_has_pages(const RunFigures *run);

/* Tables; a figure that is not known is a dash, never a zero. */
void table_outcome(GString *out, const RunFigures *runs, size_t n);
void table_setting(GString *out, const RunFigures *runs, size_t n);
void table_iterations(GString *out, const RunFigures *run);
void table_decisions(GString *out, const RunFigures *run);

/** table_ladder() - Steps of the convergence ladder, if there are any */
void table_ladder(GString *out, const RunFigures *run);

/* One row a figure, one column a run. A row of which no run knows anything is
 * left out. */
typedef char *(*RunText)(const RunFigures *run); /* NULL: not known */
typedef struct {
    const char *label;
    RunText text;
    bool merge; /* runs that agree share a cell */
} RunRow;
void table_of_runs(GString *out, const char *class_name, const RunRow *rows,
                   size_t n_rows, const RunFigures *runs, size_t n);

/** table_text() - A copy, NULL of what is empty */
char *table_text(const char *text);

/** table_cell() - One cell; @text NULL: not known */
void table_cell(GString *out, const char *class_name, const char *text);
/** table_of_known() - Text of a figure, NULL if not known; g_free() it */
char *table_of_known(Known value, char *(*format)(double));

#endif
