/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * picture-priv.h - the inside of a picture
 */
#ifndef EXPORTER_PICTURE_PRIV_H
#define EXPORTER_PICTURE_PRIV_H

#include "tools/exporter/meters.h"
#include "tools/exporter/picture.h"
#include "tools/exporter/trails.h"

#define MAX_SESSIONS 256
#define MAX_LINKS 64
#define MAX_CLASSES 512
#define MAX_RUNS 20
#define MAX_REASONS 100 /* pairs of step and reason, and the like */

struct Picture {
    bool up;
    char *why; /* there is no daemon; NULL while there is */
    int64_t changed_us, status_us;
    JsonObject *greeting, *status, *metrics; /* NULL: none yet */
    Meters *meters;
    Trails *trails;
    GQueue *runs; /* JsonObject, the last one first */
};

/* Walks over the objects of an array, at most so many: for (size_t i = 0;
 * (item = picture_item(array, i, MAX)); i++). What is no object, or one too
 * many, ends it. */
JsonObject *picture_item(JsonObject *array, size_t i, size_t most);

/** picture_word() - The text at @path, or @otherwise */
const char *picture_word(JsonObject *object, const char *path,
                         const char *otherwise);

#endif
