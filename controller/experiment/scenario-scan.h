/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-scan.h - lines of a scenario, with their numbers
 *
 * GKeyFile would read the same text, but does not tell where anything stands,
 * and takes a key that is there twice.
 */
#ifndef EXPERIMENT_SCENARIO_SCAN_H
#define EXPERIMENT_SCENARIO_SCAN_H

#include "experiment/scenario.h"

typedef struct ScanEntry {
    char *key, *value; /* owned; stripped */
    unsigned line;
    bool used; /* by the reader: what is left over is not known */
} ScanEntry;

typedef struct ScanSection {
    char *kind, *name; /* [KIND NAME]; name "" without */
    unsigned line;
    GArray *entries; /* ScanEntry */
} ScanSection;

/**
 * scenario_scan() - Into sections
 * @file: For errors
 *
 * Return: ScanSection *, g_ptr_array_unref() it; SCENARIO_ERROR_SYNTAX names
 * the line
 */
GPtrArray *scenario_scan(const char *text, size_t length, const char *file,
                         GError **error);

#endif
