/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text-table.h - rows of words into columns that fit
 *
 * Each column is as wide as its widest word. A table that is too wide loses
 * its least important columns; what is still too wide is cut at the right.
 */
#ifndef CLI_TEXT_TABLE_H
#define CLI_TEXT_TABLE_H

#include <glib.h>
#include <stdbool.h>

typedef struct TextColumn {
    const char *title;
    bool right;    /* numbers stand at the right */
    unsigned rank; /* 0 stays always, the highest goes first */
} TextColumn;

typedef struct TextTable TextTable;

/** text_table_new() - @columns is borrowed */
TextTable *text_table_new(const TextColumn *columns, size_t n_columns);
void text_table_free(TextTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TextTable, text_table_free)

/** text_table_cell() - The next cell of the row; @text is taken, NULL: "-" */
void text_table_cell(TextTable *table, char *text);

/** text_table_line() - A line across all columns below the last whole row */
void text_table_line(TextTable *table, char *text);

/**
 * text_table_format() - All of it
 * @indent: Blanks before each line
 * @width: Columns of the terminal; 0: no limit
 * @colour: The titles are bold
 *
 * Return: lines that end with a line feed, "" without rows; g_free() it
 */
char *text_table_format(const TextTable *table, unsigned indent, unsigned width,
                        bool colour);

/** text_cut() - The first @width characters at most; g_free() it */
char *text_cut(const char *text, unsigned width);

#endif
