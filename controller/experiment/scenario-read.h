/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-read.h - values of a section, each with its line in errors
 *
 * The functions leave the value alone where the key is not there, so that
 * defaults are set before. After the first mistake they do nothing.
 */
#ifndef EXPERIMENT_SCENARIO_READ_H
#define EXPERIMENT_SCENARIO_READ_H

#include "experiment/scenario-scan.h"

typedef struct ScenarioReader {
    const char *file;
    ScanSection *section;
    GError *error; /* the first mistake; owned by the caller */
} ScenarioReader;

/** read_fail() - Note a mistake; @key NULL: of the section's head */
void read_fail(ScenarioReader *reader, const char *key, ScenarioErrorCode code,
               const char *format, ...) G_GNUC_PRINTF(4, 5);

/** read_text() - Not empty; replaces what was there */
void read_text(ScenarioReader *reader, const char *key, char **value);
/** read_list() - Words between commas, each at most once; NULL-terminated */
void read_list(ScenarioReader *reader, const char *key, char ***value);
void read_count(ScenarioReader *reader, const char *key, unsigned least,
                unsigned most, unsigned *value);
void read_number(ScenarioReader *reader, const char *key, double least,
                 double most, double *value);
void read_known(ScenarioReader *reader, const char *key, double least,
                double most, Known *value);
void read_yes(ScenarioReader *reader, const char *key, bool *value);
/** read_word() - One of @n words that @name tells */
void read_word(ScenarioReader *reader, const char *key, unsigned n,
               const char *(*name)(unsigned), unsigned *value);

/** read_has() - Is the key there? */
bool read_has(const ScenarioReader *reader, const char *key);

/** read_line() - Where it is, or else the section's head */
unsigned read_line(const ScenarioReader *reader, const char *key);

/** read_only_of() - If the key is there though it is for @what, "kind = multifd"
 * or so, and this is not such: a mistake */
void read_only_of(ScenarioReader *reader, const char *key, bool is_such,
                  const char *what);

/** read_end() - Keys that nobody asked for are a mistake */
void read_end(ScenarioReader *reader);

#endif
