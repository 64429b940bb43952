/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-priv.h - the words of the record, shared by its writer and reader
 *
 * The schema's words are fixed by "vmferry-run/1" and not by what options or
 * log lines call the same thing, so the tables are the record's own.
 */
#ifndef REPORT_RECORD_PRIV_H
#define REPORT_RECORD_PRIV_H

#include "report/record.h"

/* Longest duration that is believed, some 3 years: keeps milliseconds with
 * three decimals exact in a double. */
#define RECORD_MAX_MS 1e11

/* No figure of a migration is larger, and what is can only be nonsense. */
#define RECORD_MAX_NUMBER 2e19

typedef struct RecordWords {
    const char *const *words;
    size_t n;
} RecordWords;

extern const RecordWords record_statuses; /* RunStatus */
extern const RecordWords record_policies; /* PolicyKind */
extern const RecordWords record_steps;    /* PolicyStep */
extern const RecordWords record_sources;  /* SampleSource */
extern const RecordWords record_flags;    /* SAMPLE_FLAG_, by bit */

/* Text columns of RunRecord: where in the JSON, where in the struct. */
typedef struct RecordText {
    const char *section; /* NULL: top level */
    const char *name;
    size_t offset; /* of a char * in RunRecord */
} RecordText;

extern const RecordText record_texts[];
extern const size_t record_n_texts;

#endif
