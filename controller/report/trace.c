/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace.c - see trace.h
 *
 * One table of columns serves both directions. Cells are quoted as in RFC 4180
 * where they must be; a line break inside a cell is not taken, so that a line
 * is a row and its number can be named.
 */
#include "report/trace.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/units.h"

G_DEFINE_QUARK(vmferry_trace_error, trace_error)

typedef enum {
    COLUMN_TEXT,   /* const char *, never empty */
    COLUMN_WHOLE,  /* uint64_t, never empty */
    COLUMN_NUMBER, /* double, never empty */
    COLUMN_KNOWN,  /* Known, empty: unknown */
} ColumnKind;

typedef struct {
    const char *name;
    ColumnKind kind;
    double least, most;
    size_t offset; /* in TraceRow */
} Column;

#define AT(member) G_STRUCT_OFFSET(TraceRow, member)
static const Column columns[] = {
    { "group", COLUMN_TEXT, 0, 0, AT(group) },
    { "trace", COLUMN_TEXT, 0, 0, AT(trace) },
    { "iter", COLUMN_WHOLE, 1, UINT32_MAX, AT(iter) },
    { "merged", COLUMN_WHOLE, 1, UINT32_MAX, AT(merged) },
    { "pages_to_send", COLUMN_WHOLE, 0, 0x1p52, AT(pages_to_send) },
    { "duration_s", COLUMN_NUMBER, 0, 1e8, AT(duration_s) },
    { "dirty_pages", COLUMN_KNOWN, 0, 0x1p52, AT(dirty_pages) },
    { "sent_bytes", COLUMN_KNOWN, 0, 1e18, AT(sent_bytes) },
    { "bandwidth_bytes_s", COLUMN_KNOWN, 0, 1e18, AT(bandwidth_bytes_s) },
    { "mem_used", COLUMN_KNOWN, 0, 1e6, AT(mem_used) },
    { "cpu_cores", COLUMN_KNOWN, 0, 1e6, AT(cpu_cores) },
    { "vm_net_bytes_s", COLUMN_KNOWN, 0, 1e18, AT(vm_net_bytes_s) },
    { "host_net_bytes_s", COLUMN_KNOWN, 0, 1e18, AT(host_net_bytes_s) },
    { "throttle", COLUMN_KNOWN, 0, 100, AT(throttle_percent) },
    { "final", COLUMN_WHOLE, 0, 1, AT(final) },
    /* from here on optional, all or none, and known or not */
    { "hot_pages", COLUMN_KNOWN, 0, 0x1p52, AT(hot_pages) },
    { "cold_pages", COLUMN_KNOWN, 0, 0x1p52, AT(cold_pages) },
};
#define N_COLUMNS G_N_ELEMENTS(columns)
#define N_ALWAYS (N_COLUMNS - 2)

TraceTable *
trace_table_new(void)
{
    TraceTable *table = g_new0(TraceTable, 1);

    table->rows = g_array_new(FALSE, TRUE, sizeof(TraceRow));
    table->names = g_string_chunk_new(256);
    return table;
}

void
trace_table_free(TraceTable *table)
{
    if (table) {
        g_array_unref(table->rows);
        g_string_chunk_free(table->names);
        g_free(table);
    }
}

static const TraceRow *
row_at(const TraceTable *table, size_t index)
{
    return &g_array_index(table->rows, TraceRow, index);
}

/* Names are kept once each, so the same run has the same pointers. */
static bool
same_run(const TraceRow *a, const TraceRow *b)
{
    return a->group == b->group && a->trace == b->trace;
}

void
trace_table_add(TraceTable *table, const TraceRow *row)
{
    TraceRow copy = *row;

    copy.group = g_string_chunk_insert_const(table->names, row->group);
    copy.trace = g_string_chunk_insert_const(table->names, row->trace);
    copy.start_s = 0;
    if (table->rows->len > 0) {
        const TraceRow *before = row_at(table, table->rows->len - 1);

        if (same_run(before, &copy)) {
            copy.start_s = before->start_s + before->duration_s;
        }
    }
    g_array_append_val(table->rows, copy);
}

/* --- reading ------------------------------------------------------------ */

typedef struct {
    const char *at, *end; /* rest of the line */
    unsigned line;
    size_t n_columns; /* that the header named */
    GError **error;
} Line;

/* The text of the next cell without its quotes, NULL with an error. */
static char *
next_cell(Line *line, const char *column)
{
    g_autoptr(GString) cell = g_string_new(NULL);

    if (line->at == line->end || *line->at != '"') {
        const char *comma =
            memchr(line->at, ',', (size_t)(line->end - line->at));

        comma = comma ? comma : line->end;
        g_string_append_len(cell, line->at, comma - line->at);
        line->at = comma;
        return g_string_free(g_steal_pointer(&cell), FALSE);
    }
    for (line->at++;; line->at++) {
        if (line->at == line->end) {
            g_set_error(line->error, TRACE_ERROR, TRACE_ERROR_LINE,
                        "line %u, column %s: a quote that does not close",
                        line->line, column);
            return NULL;
        }
        if (*line->at == '"') {
            line->at++;
            if (line->at == line->end || *line->at != '"') {
                break;
            }
        }
        g_string_append_c(cell, *line->at);
    }
    if (line->at < line->end && *line->at != ',') {
        g_set_error(line->error, TRACE_ERROR, TRACE_ERROR_LINE,
                    "line %u, column %s: text after the closing quote",
                    line->line, column);
        return NULL;
    }
    return g_string_free(g_steal_pointer(&cell), FALSE);
}

static bool
read_number(const char *cell, double *number)
{
    char *end;

    /* strtod would also take blanks, "inf", "nan", hexadecimal and signs */
    if (cell[strspn(cell, "0123456789.eE+-")] != '\0' ||
        !(g_ascii_isdigit(cell[0]) || cell[0] == '.' || cell[0] == '-')) {
        return false;
    }
    *number = g_ascii_strtod(cell, &end);
    *number += 0.0;
    return *end == '\0' && isfinite(*number);
}

static bool
has_control(const char *text)
{
    for (; *text; text++) {
        if (g_ascii_iscntrl(*text)) {
            return true;
        }
    }
    return false;
}

static bool
read_cell(const Column *column, const char *cell, unsigned line,
          TraceTable *table, TraceRow *row, GError **error)
{
    void *to = G_STRUCT_MEMBER_P(row, column->offset);
    double number;

    if (*cell == '\0') {
        if (column->kind == COLUMN_KNOWN) {
            *(Known *)to = unknown();
            return true;
        }
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_CELL,
                    "line %u, column %s: must not be empty", line,
                    column->name);
        return false;
    }
    if (column->kind == COLUMN_TEXT) {
        if (!g_utf8_validate(cell, -1, NULL) || has_control(cell)) {
            g_set_error(error, TRACE_ERROR, TRACE_ERROR_CELL,
                        "line %u, column %s: text is not UTF-8, or has control "
                        "characters",
                        line, column->name);
            return false;
        }
        *(const char **)to = g_string_chunk_insert_const(table->names, cell);
        return true;
    }
    if (!read_number(cell, &number) || number < column->least ||
        number > column->most ||
        (column->kind == COLUMN_WHOLE && number != floor(number))) {
        g_autofree char *shown = g_strndup(cell, 40);
        g_autofree char *valid = g_utf8_make_valid(shown, -1);

        g_set_error(error, TRACE_ERROR, TRACE_ERROR_CELL,
                    "line %u, column %s: '%s' is no %s from %g to %g", line,
                    column->name, valid,
                    column->kind == COLUMN_WHOLE ? "whole number" : "number",
                    column->least, column->most);
        return false;
    }
    switch (column->kind) {
    case COLUMN_WHOLE:
        *(uint64_t *)to = (uint64_t)number;
        break;
    case COLUMN_NUMBER:
        *(double *)to = number;
        break;
    case COLUMN_KNOWN:
        *(Known *)to = known(number);
        break;
    case COLUMN_TEXT:
        g_assert_not_reached();
    }
    return true;
}

/* Return: how many columns it has; 0: error */
static size_t
read_header(Line *line)
{
    for (size_t i = 0; i < N_COLUMNS; i++) {
        g_autofree char *cell = NULL;

        if (i == N_ALWAYS && line->at == line->end) {
            return N_ALWAYS;
        }
        line->at += i > 0 && line->at < line->end; /* the comma */
        cell = next_cell(line, columns[i].name);
        if (!cell) {
            return 0;
        }
        if (strcmp(cell, columns[i].name) != 0) {
            g_autofree char *shown = g_strndup(cell, 40);
            g_autofree char *valid = g_utf8_make_valid(shown, -1);

            g_set_error(line->error, TRACE_ERROR, TRACE_ERROR_HEADER,
                        "line 1, column %s: the header says '%s' there; this "
                        "is no trace of vmferry",
                        columns[i].name, valid);
            return 0;
        }
    }
    if (line->at < line->end) {
        g_set_error(line->error, TRACE_ERROR, TRACE_ERROR_HEADER,
                    "line 1: more columns after cold_pages");
        return 0;
    }
    return N_COLUMNS;
}

static bool
read_row(Line *line, TraceTable *table)
{
    TraceRow row = { 0 };
    const TraceRow *before =
        table->rows->len ? row_at(table, table->rows->len - 1) : NULL;

    for (size_t i = 0; i < line->n_columns; i++) {
        g_autofree char *cell = NULL;

        if (i > 0 && line->at == line->end) {
            g_set_error(line->error, TRACE_ERROR, TRACE_ERROR_LINE,
                        "line %u, column %s: missing, the line has only %zu "
                        "of %zu cells",
                        line->line, columns[i].name, i, line->n_columns);
            return false;
        }
        line->at += i > 0; /* the comma */
        cell = next_cell(line, columns[i].name);
        if (!cell || !read_cell(&columns[i], cell, line->line, table, &row,
                                line->error)) {
            return false;
        }
    }
    if (line->at < line->end) {
        g_set_error(line->error, TRACE_ERROR, TRACE_ERROR_LINE,
                    "line %u: more cells after column %s", line->line,
                    columns[line->n_columns - 1].name);
        return false;
    }
    if (before && same_run(before, &row) && row.iter <= before->iter) {
        g_set_error(line->error, TRACE_ERROR, TRACE_ERROR_CELL,
                    "line %u, column iter: %" G_GUINT64_FORMAT
                    " does not follow %" G_GUINT64_FORMAT " in trace '%s'",
                    line->line, row.iter, before->iter, row.trace);
        return false;
    }
    trace_table_add(table, &row);
    return true;
}

TraceTable *
trace_parse(const char *text, size_t length, GError **error)
{
    g_autoptr(TraceTable) table = trace_table_new();
    const char *end = text + length;
    unsigned number = 0;
    size_t n_columns = 0;

    if (length > 0 && memchr(text, '\0', length)) {
        g_set_error_literal(error, TRACE_ERROR, TRACE_ERROR_HEADER,
                            "a NUL byte: this is no text");
        return NULL;
    }
    if (length == 0) {
        g_set_error_literal(error, TRACE_ERROR, TRACE_ERROR_HEADER,
                            "line 1, column group: the header is missing");
        return NULL;
    }
    for (const char *at = text; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        Line line = { at, stop, ++number, n_columns, error };

        if (line.end > line.at && line.end[-1] == '\r') {
            line.end--;
        }
        if (number == 1) {
            n_columns = read_header(&line);
            if (n_columns == 0) {
                return NULL;
            }
        } else if (line.at < line.end && !read_row(&line, table)) {
            return NULL;
        }
        at = newline ? newline + 1 : end;
    }
    return g_steal_pointer(&table);
}

/* --- writing ------------------------------------------------------------ */

static void
append_text(GString *text, const char *cell)
{
    g_autofree char *valid = g_utf8_make_valid(cell, -1);

    /* a line is a row */
    for (char *c = valid; *c; c++) {
        if (g_ascii_iscntrl(*c)) {
            *c = ' ';
        }
    }
    if (!valid[strcspn(valid, ",\"")]) {
        g_string_append(text, valid);
        return;
    }
    g_string_append_c(text, '"');
    for (const char *c = valid; *c; c++) {
        if (*c == '"') {
            g_string_append_c(text, '"');
        }
        g_string_append_c(text, *c);
    }
    g_string_append_c(text, '"');
}

static void
append_number(GString *text, double number)
{
    char digits[UNITS_NUMBER_SIZE];

    units_write_number(number, digits);
    g_string_append(text, digits);
}

static void
append_cell(GString *text, const Column *column, const TraceRow *row)
{
    const void *from = G_STRUCT_MEMBER_P(row, column->offset);

    switch (column->kind) {
    case COLUMN_TEXT:
        append_text(text, *(const char *const *)from);
        break;
    case COLUMN_WHOLE:
        g_string_append_printf(text, "%" G_GUINT64_FORMAT,
                               *(const uint64_t *)from);
        break;
    case COLUMN_NUMBER:
        append_number(text, *(const double *)from);
        break;
    case COLUMN_KNOWN:
        if (((const Known *)from)->known) {
            append_number(text, ((const Known *)from)->value);
        }
        break;
    }
}

static size_t
columns_of(const TraceTable *table)
{
    for (guint n = 0; n < table->rows->len; n++) {
        const TraceRow *row = row_at(table, n);

        if (row->hot_pages.known || row->cold_pages.known) {
            return N_COLUMNS;
        }
    }
    return N_ALWAYS;
}

char *
trace_to_text(const TraceTable *table)
{
    GString *text = g_string_new(NULL);
    size_t n_columns = columns_of(table);

    for (size_t i = 0; i < n_columns; i++) {
        g_string_append_printf(text, "%s%s", i ? "," : "", columns[i].name);
    }
    g_string_append_c(text, '\n');
    for (guint n = 0; n < table->rows->len; n++) {
        for (size_t i = 0; i < n_columns; i++) {
            if (i > 0) {
                g_string_append_c(text, ',');
            }
            append_cell(text, &columns[i], row_at(table, n));
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

/* --- using -------------------------------------------------------------- */

size_t
trace_run_end(const TraceTable *table, size_t first)
{
    size_t end = first + 1;

    g_assert(first < table->rows->len);
    while (end < table->rows->len &&
           same_run(row_at(table, first), row_at(table, end))) {
        end++;
    }
    return end;
}

/* A file may claim runs of any length. */
static int64_t
to_us(double seconds)
{
    return (int64_t)MIN(seconds * 1e6, 9e18);
}

void
trace_to_sample(const TraceTable *table, size_t index, SampleRow *sample)
{
    const TraceRow *row;
    const TraceRow *before = NULL;

    g_assert(index < table->rows->len);
    row = row_at(table, index);
    if (index > 0 && same_run(row_at(table, index - 1), row)) {
        before = row_at(table, index - 1);
    }
    *sample = (SampleRow){
        .iter = (unsigned)row->iter,
        .merged = (unsigned)row->merged,
        .pages_to_send = row->pages_to_send,
        .page_bytes = TRACE_PAGE_BYTES,
        .duration_s = row->duration_s,
        .dirty_pages = row->dirty_pages,
        .hot_pages = row->hot_pages,
        .cold_pages = row->cold_pages,
        .sent_bytes = (uint64_t)known_or(row->sent_bytes, 0),
        .bandwidth_bytes_s = known_or(row->bandwidth_bytes_s, 0),
        .mem_used = row->mem_used,
        .cpu_cores = row->cpu_cores,
        .vm_net_bytes_s = row->vm_net_bytes_s,
        .prev_duration_s = before ? known(before->duration_s) : unknown(),
        .host_net_bytes_s = row->host_net_bytes_s,
        .throttle_percent = (unsigned)known_or(row->throttle_percent, 0),
        .final = row->final,
        .source = SAMPLE_SOURCE_QMP,
        .started_us = to_us(row->start_s),
        .ended_us = to_us(row->start_s + row->duration_s),
    };
    /* a trace that knows only one of the two still tells both */
    if (!row->bandwidth_bytes_s.known && row->sent_bytes.known &&
        row->duration_s > 0) {
        sample->bandwidth_bytes_s = row->sent_bytes.value / row->duration_s;
    }
    if (!row->sent_bytes.known && row->bandwidth_bytes_s.known) {
        sample->sent_bytes =
            (uint64_t)MIN(row->bandwidth_bytes_s.value * row->duration_s, 1e18);
    }
}
