/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text-table.c - see text-table.h
 */
#include "tools/cli/text-table.h"

#include <string.h>

#define GAP 2

struct TextTable {
    const TextColumn *columns;
    size_t n_columns;
    GPtrArray *cells; /* char *, row by row */
    GPtrArray *lines; /* char *; at index i: below row i / n, NULL: none */
};

TextTable *
text_table_new(const TextColumn *columns, size_t n_columns)
{
    TextTable *table = g_new0(TextTable, 1);

    table->columns = columns;
    table->n_columns = n_columns;
    table->cells = g_ptr_array_new_with_free_func(g_free);
    table->lines = g_ptr_array_new_with_free_func(g_free);
    return table;
}

void
text_table_free(TextTable *table)
{
    if (!table) {
        return;
    }
    g_ptr_array_unref(table->cells);
    g_ptr_array_unref(table->lines);
    g_free(table);
}

void
text_table_cell(TextTable *table, char *text)
{
    g_ptr_array_add(table->cells, text ? text : g_strdup("-"));
}

static size_t
rows_of(const TextTable *table)
{
    return table->cells->len / table->n_columns;
}

void
text_table_line(TextTable *table, char *text)
{
    size_t row = rows_of(table);
    char *before;

    g_assert(row > 0);
    if (table->lines->len < row) {
        g_ptr_array_set_size(table->lines, (gint)row);
    }
    before = table->lines->pdata[row - 1];
    table->lines->pdata[row - 1] =
        before ? g_strjoin("\n", before, text, NULL) : g_strdup(text);
    g_free(before);
    g_free(text);
}

char *
text_cut(const char *text, unsigned width)
{
    return g_utf8_strlen(text, -1) <= (glong)width
               ? g_strdup(text)
               : g_utf8_substring(text, 0, (glong)width);
}

static size_t
cell_width(const TextTable *table, size_t column)
{
    size_t width = strlen(table->columns[column].title);

    for (size_t row = 0; row < rows_of(table); row++) {
        const char *text = table->cells->pdata[row * table->n_columns + column];

        width = MAX(width, (size_t)g_utf8_strlen(text, -1));
    }
    return width;
}

/* Highest rank that is still shown in this width. */
static unsigned
rank_that_fits(const TextTable *table, const size_t *widths, size_t room)
{
    unsigned highest = 0, best = 0;

    for (size_t i = 0; i < table->n_columns; i++) {
        highest = MAX(highest, table->columns[i].rank);
    }
    for (unsigned rank = 0; rank <= highest; rank++) {
        size_t used = 0;

        for (size_t i = 0; i < table->n_columns; i++) {
            if (table->columns[i].rank <= rank) {
                used += widths[i] + (used > 0 ? GAP : 0);
            }
        }
        if (used > room) {
            break;
        }
        best = rank;
    }
    return best;
}

static void
append_cut(GString *out, unsigned indent, const char *text, size_t room)
{
    g_autofree char *cut = text_cut(text, (unsigned)room);

    g_string_append_printf(out, "%*s%s", (int)indent, "", g_strchomp(cut));
}

/* @row: -1: the titles */
static char *
format_row(const TextTable *table, gssize row, const size_t *widths,
           unsigned rank)
{
    GString *line = g_string_new(NULL);

    for (size_t i = 0; i < table->n_columns; i++) {
        const TextColumn *column = &table->columns[i];
        const char *text =
            row < 0 ? column->title
                    : table->cells->pdata[(size_t)row * table->n_columns + i];
        size_t pad = widths[i] - (size_t)g_utf8_strlen(text, -1);

        if (column->rank > rank) {
            continue;
        }
        g_string_append_printf(line, "%*s%*s%s%*s", line->len ? GAP : 0, "",
                               column->right ? (int)pad : 0, "", text,
                               column->right ? 0 : (int)pad, "");
    }
    return g_string_free(line, FALSE);
}

char *
text_table_format(const TextTable *table, unsigned indent, unsigned width,
                  bool colour)
{
    GString *out = g_string_new(NULL);
    g_autofree size_t *widths = g_new(size_t, table->n_columns);
    size_t room = width == 0 ? G_MAXINT : width > indent ? width - indent : 1;
    unsigned rank;

    for (size_t i = 0; i < table->n_columns; i++) {
        widths[i] = cell_width(table, i);
    }
    rank = rank_that_fits(table, widths, room);
    for (gssize row = -1; row < (gssize)rows_of(table); row++) {
        g_autofree char *text = format_row(table, row, widths, rank);
        const char *below = row >= 0 && row < (gssize)table->lines->len
                                ? table->lines->pdata[row]
                                : NULL;
        g_auto(GStrv) lines = g_strsplit(below ? below : "", "\n", -1);

        if (rows_of(table) == 0) {
            break;
        }
        g_string_append(out, row < 0 && colour ? "\033[1m" : "");
        append_cut(out, indent, text, room);
        g_string_append(out, row < 0 && colour ? "\033[0m\n" : "\n");
        for (char **line = lines; *line; line++) {
            append_cut(out, indent + GAP, *line, room > GAP ? room - GAP : 1);
            g_string_append_c(out, '\n');
        }
    }
    return g_string_free(out, FALSE);
}
