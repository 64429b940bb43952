/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.h - files that a user names for what we write
 */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include <glib.h>
#include <stdbool.h>

/**
 * file_write() - Write all of a text
 *
 * A regular file is replaced whole or not at all. What is none is written to:
 * a symbolic link's target, a pipe, a device. To replace those would take
 * /dev/null away from everybody else where we are root.
 * Return: false with a GFileError that names @path
 */
bool file_write(const char *path, const char *text, GError **error);

#endif
