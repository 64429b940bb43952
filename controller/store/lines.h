/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lines.h - a file of lines that are on the disk before anything is done
 *
 * What a manager has begun has to be known after a kill or a power cut. So each
 * line is appended and synced before the function returns; a line without its
 * line feed was being written when the writer died, and never counted. One
 * process has the file: who comes second is told who was first.
 *
 * Errors are STORE_ERROR; the message names the file.
 */
#ifndef STORE_LINES_H
#define STORE_LINES_H

#include "store/store.h"

typedef struct Lines Lines;

/**
 * lines_open() - Take the file for oneself, and read it
 * @path: Made if it is not there, and its folder too
 * @text: Set to all whole lines; g_free() it
 *
 * What follows the last line feed is cut off. The kernel gives the file free
 * with the process. STORE_ERROR_BUSY: another process has it, by its number.
 *
 * Return: lines_close() it; NULL with an error
 */
Lines *lines_open(const char *path, char **text, GError **error);

/** lines_peek() - Read it without taking it; "" if it is not there */
char *lines_peek(const char *path, GError **error);

/** lines_holder() - Number of the process that has it; 0: nobody has */
int64_t lines_holder(const char *path);

void lines_close(Lines *lines);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lines, lines_close)

/**
 * lines_append() - A line more, on the disk on return
 * @line: Without a line feed
 *
 * Return: false if it is not; then the file is as it was
 */
bool lines_append(Lines *lines, const char *line, GError **error);

/** lines_replace() - Have these lines instead: all of them, or the old ones */
bool lines_replace(Lines *lines, const char *text, GError **error);

/** lines_bytes() - How large it is */
uint64_t lines_bytes(const Lines *lines);

#endif
