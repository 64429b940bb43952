/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evaluation.h - scores of models by group and by trace, and how they print
 */
#ifndef PREDICT_EVALUATION_H
#define PREDICT_EVALUATION_H

#include "tools/predict/score.h"

typedef enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV } EvaluationFormat;

typedef struct EvaluationOptions {
    char **models; /* names to show, NULL: all */
    char **groups; /* NULL: all */
    bool traces;   /* text: each trace too (the other formats have them) */
    EvaluationFormat format;
} EvaluationOptions;

#define EVALUATION_ERROR (evaluation_error_quark())
GQuark evaluation_error_quark(void);
typedef enum {
    EVALUATION_ERROR_MODEL, /* no such model */
    EVALUATION_ERROR_GROUP, /* no such group in the traces */
    EVALUATION_ERROR_EMPTY, /* no row that could be scored */
} EvaluationError;

/** evaluation_print() - Score and print; g_free() it, NULL on failure */
char *evaluation_print(const Replay *replay, const EvaluationOptions *options,
                       GError **error);

#endif
