/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace.h - iterations of many migrations as CSV, for predictors to learn from
 *
 * One line an iteration, runs one after another; docs/trace-format.md. Columns
 * of what only a patched QEMU tells stand at the end and may be missing. The
 * reader refuses what makes no sense by line and column. Pure: text in, text
 * out.
 */
#ifndef REPORT_TRACE_H
#define REPORT_TRACE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "sample/sample.h"

#define TRACE_PAGE_BYTES 4096 /* of every page in a trace */

#define TRACE_ERROR (trace_error_quark())
GQuark trace_error_quark(void);
typedef enum {
    TRACE_ERROR_HEADER, /* first line is not that of a trace */
    TRACE_ERROR_LINE,   /* too few or too many cells, quotes out of place */
    TRACE_ERROR_CELL,   /* a cell that makes no sense in its column */
} TraceError;

typedef struct TraceRow {
    const char *group; /* scenario; owned by the table, never NULL */
    const char *trace; /* run; owned by the table, never NULL */
    uint64_t iter;
    uint64_t merged;
    uint64_t pages_to_send;
    double duration_s;
    Known dirty_pages;
    Known sent_bytes;
    Known bandwidth_bytes_s;
    Known mem_used;
    Known cpu_cores;
    Known vm_net_bytes_s;
    Known host_net_bytes_s;
    Known throttle_percent;
    uint64_t final;              /* 0 or 1 */
    Known hot_pages, cold_pages; /* of dirty_pages; optional columns */
    double start_s; /* no column: durations of the run's rows before it */
} TraceRow;

typedef struct TraceTable {
    GArray *rows; /* TraceRow, in the order of the file */
    GStringChunk *names;
} TraceTable;

TraceTable *trace_table_new(void);
void trace_table_free(TraceTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TraceTable, trace_table_free)

/** trace_table_add() - Append a copy; names are copied, start_s is set */
void trace_table_add(TraceTable *table, const TraceRow *row);

/**
 * trace_parse() - Read a trace
 *
 * Return: a table, NULL with an error that names line and column
 */
TraceTable *trace_parse(const char *text, size_t length, GError **error);

/** trace_to_text() - Write it; read back it is the same. Optional columns are
 * there if a row knows them. g_free() it */
char *trace_to_text(const TraceTable *table);

/**
 * trace_run_end() - Where the run that starts at a row ends
 * @first: Index of its first row, below the table's length
 *
 * Return: index after the last row of the same group and trace
 */
size_t trace_run_end(const TraceTable *table, size_t first);

/**
 * trace_to_sample() - A row as the sampler would have delivered it
 * @index: Of a row; the duration before it comes from the row before, if that
 *         is of the same run
 */
void trace_to_sample(const TraceTable *table, size_t index, SampleRow *sample);

#endif
