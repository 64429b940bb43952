/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.h - files in, whole and unpacked; models of every format
 */
#ifndef TOOLS_PLAN_FILES_H
#define TOOLS_PLAN_FILES_H

#include "plan/import.h"

/**
 * plan_file_read() - A file's bytes, of "-" standard input's
 *
 * What is packed with gzip, by its first bytes, is unpacked.
 * Return: NULL with an error that names the file; unref it
 */
GBytes *plan_file_read(const char *name, GError **error);

/**
 * plan_file_load() - The model that the files make
 * @format: "json", "roadef", ...; see plan_file_formats()
 * @names: NULL-terminated; as many as the format has
 */
PlanModel *plan_file_load(const char *format, char **names, GError **error);

/** plan_file_formats() - A line of help for each format */
const char *plan_file_formats(void);

#endif
