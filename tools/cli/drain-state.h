/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-state.h - a drain written down, so that it can be gone on with
 *
 * One JSON file, written anew before each migration is begun and after each
 * has ended, whole or not at all. It tells with which words the drain was
 * begun, and of each guest where it goes and how far it is. What was running
 * when the program died is looked at, not believed.
 */
#ifndef CLI_DRAIN_STATE_H
#define CLI_DRAIN_STATE_H

#include <glib.h>

#include "base/json.h"
#include "tools/cli/drain.h"

#define DRAIN_STATE_ERROR (drain_state_error_quark())
GQuark drain_state_error_quark(void);
typedef enum {
    DRAIN_STATE_ERROR_NONE,   /* there is no such file */
    DRAIN_STATE_ERROR_FORMAT, /* it is no state of a drain */
    DRAIN_STATE_ERROR_FILE,   /* it cannot be read, or written */
    DRAIN_STATE_ERROR_BUSY,   /* another drain is at it */
} DrainStateError;

typedef struct DrainStateGuest {
    char *uuid;
    char *name;
    char *destination; /* URI; NULL: none */
    DrainStatus status;
    bool persistent, autostart;
} DrainStateGuest;

typedef struct DrainState {
    char *source_uri;
    char *source_name;
    char *source_uuid; /* NULL: not known */
    char *begun;       /* UTC, for people */
    char **words;      /* options it was begun with */
    GPtrArray *guests; /* DrainStateGuest * */
} DrainState;

void drain_state_free(DrainState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DrainState, drain_state_free)

/** drain_state_of() - A drain as it stands
 * @words: NULL-terminated; copied */
DrainState *drain_state_of(const Drain *drain, const char *const *words,
                           const char *begun);

/* Pure: to and from what the file holds. */
JsonObject *drain_state_to_json(const DrainState *state);
DrainState *drain_state_from_json(JsonObject *json, GError **error);

/** drain_state_unfinished() - Guests that wait or were being migrated */
unsigned drain_state_unfinished(const DrainState *state);

DrainState *drain_state_load(const char *path, GError **error);

/** drain_state_store() - Folders are made */
bool drain_state_store(const char *path, const DrainState *state,
                       GError **error);

/**
 * drain_state_lock() - Be the only one that drains by this file
 *
 * Return: a descriptor to close() in the end; -1 with an error
 */
int drain_state_lock(const char *path, GError **error);

#endif
