/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-state.c - see drain-state.h
 */
#include "tools/cli/drain-state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

G_DEFINE_QUARK(vmferry_drain_state_error, drain_state_error)

#define SCHEMA "vmferry-drain/1"
#define MOST_BYTES (16 * 1024 * 1024)

static void
guest_free(gpointer data)
{
    DrainStateGuest *guest = data;

    g_free(guest->uuid);
    g_free(guest->name);
    g_free(guest->destination);
    g_free(guest);
}

static DrainState *
state_new(void)
{
    DrainState *state = g_new0(DrainState, 1);

    state->guests = g_ptr_array_new_with_free_func(guest_free);
    return state;
}

void
drain_state_free(DrainState *state)
{
    if (!state) {
        return;
    }
    g_free(state->source_uri);
    g_free(state->source_name);
    g_free(state->source_uuid);
    g_free(state->begun);
    g_strfreev(state->words);
    g_ptr_array_unref(state->guests);
    g_free(state);
}

DrainState *
drain_state_of(const Drain *drain, const char *const *words, const char *begun)
{
    DrainState *state = state_new();

    state->source_uri = g_strdup(drain->source_uri);
    state->source_name = g_strdup(drain->source_name);
    state->source_uuid = g_strdup(drain->source_uuid);
    state->begun = g_strdup(begun);
    state->words = g_strdupv((char **)(void *)words);
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *from = drain->guests->pdata[i];
        DrainStateGuest *guest = g_new0(DrainStateGuest, 1);

        guest->uuid = g_strdup(from->uuid);
        guest->name = g_strdup(from->name);
        if (from->host >= 0) {
            const DrainHost *host = drain->hosts->pdata[from->host];

            guest->destination = g_strdup(host->uri);
        }
        guest->status = from->lost ? DRAIN_RUNS : from->status;
        guest->persistent = from->persistent;
        guest->autostart = from->autostart;
        g_ptr_array_add(state->guests, guest);
    }
    return state;
}

unsigned
drain_state_unfinished(const DrainState *state)
{
    unsigned n = 0;

    for (guint i = 0; i < state->guests->len; i++) {
        const DrainStateGuest *guest = state->guests->pdata[i];

        n += guest->status == DRAIN_WAITS || guest->status == DRAIN_RUNS;
    }
    return n;
}

/* --- JSON --- */

JsonObject *
drain_state_to_json(const DrainState *state)
{
    JsonObject *json = json_object_new_object();
    JsonObject *source = json_object_new_object();
    JsonObject *guests = json_object_new_array();

    jobj_add_string(json, "schema", SCHEMA);
    jobj_add_string(json, "begun", state->begun);
    jobj_add_string(source, "uri", state->source_uri);
    jobj_add_string(source, "name", state->source_name);
    jobj_add_string(source, "uuid", state->source_uuid);
    jobj_add(json, "source", source);
    jobj_add(json, "words", jobj_new_words((const char *const *)state->words));
    for (guint i = 0; i < state->guests->len; i++) {
        const DrainStateGuest *guest = state->guests->pdata[i];
        JsonObject *object = json_object_new_object();

        jobj_add_string(object, "uuid", guest->uuid);
        jobj_add_string(object, "name", guest->name);
        jobj_add_string(object, "destination", guest->destination);
        jobj_add_string(object, "status", drain_status_name(guest->status));
        jobj_add_bool(object, "persistent", guest->persistent);
        jobj_add_bool(object, "autostart", guest->autostart);
        json_object_array_add(guests, object);
    }
    jobj_add(json, "guests", guests);
    return json;
}

/* A member that must be there; false with an error that names it. */
static bool
need_string(JsonObject *json, const char *path, char **value, GError **error)
{
    const char *text;

    if (!jobj_get_string(json, path, &text)) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                    "there is no text '%s'", path);
        return false;
    }
    *value = g_strdup(text);
    return true;
}

static bool
need_bool(JsonObject *json, const char *path, bool *value, GError **error)
{
    if (!jobj_get_bool(json, path, value)) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                    "there is no '%s' that is true or false", path);
        return false;
    }
    return true;
}

static JsonObject *
need_array(JsonObject *json, const char *path, GError **error)
{
    JsonObject *array = jobj_get(json, path);

    if (!array || !json_object_is_type(array, json_type_array)) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                    "there is no list '%s'", path);
        return NULL;
    }
    return array;
}

static bool
guest_read(DrainState *state, JsonObject *json, GError **error)
{
    DrainStateGuest *guest = g_new0(DrainStateGuest, 1);
    g_autofree char *status = NULL;
    const char *destination = NULL;

    g_ptr_array_add(state->guests, guest);
    if (!need_string(json, "uuid", &guest->uuid, error) ||
        !need_string(json, "name", &guest->name, error) ||
        !need_string(json, "status", &status, error) ||
        !need_bool(json, "persistent", &guest->persistent, error) ||
        !need_bool(json, "autostart", &guest->autostart, error)) {
        return false;
    }
    if (!drain_status_parse(status, &guest->status)) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                    "'%s' is no status", status);
        return false;
    }
    jobj_get_string(json, "destination", &destination);
    guest->destination = g_strdup(destination);
    if (!destination &&
        (guest->status == DRAIN_WAITS || guest->status == DRAIN_RUNS ||
         guest->status == DRAIN_MOVED)) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                    "it has no destination");
        return false;
    }
    return true;
}

static bool
words_read(DrainState *state, JsonObject *words, GError **error)
{
    size_t n = json_object_array_length(words);

    state->words = g_new0(char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        JsonObject *word = json_object_array_get_idx(words, i);

        if (!json_object_is_type(word, json_type_string)) {
            g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                        "word %zu is no text", i + 1);
            return false;
        }
        state->words[i] = g_strdup(json_object_get_string(word));
    }
    return true;
}

DrainState *
drain_state_from_json(JsonObject *json, GError **error)
{
    g_autoptr(DrainState) state = state_new();
    const char *schema = NULL, *uuid = NULL;
    JsonObject *words, *guests;

    if (!jobj_get_string(json, "schema", &schema) ||
        strcmp(schema, SCHEMA) != 0) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                    "it is not of the form " SCHEMA);
        return NULL;
    }
    if (!need_string(json, "begun", &state->begun, error) ||
        !need_string(json, "source.uri", &state->source_uri, error) ||
        !need_string(json, "source.name", &state->source_name, error) ||
        !(words = need_array(json, "words", error)) ||
        !words_read(state, words, error) ||
        !(guests = need_array(json, "guests", error))) {
        return NULL;
    }
    jobj_get_string(json, "source.uuid", &uuid);
    state->source_uuid = g_strdup(uuid);
    for (size_t i = 0; i < json_object_array_length(guests); i++) {
        if (!guest_read(state, json_object_array_get_idx(guests, i), error)) {
            g_prefix_error(error, "guest %zu: ", i + 1);
            return NULL;
        }
    }
    return g_steal_pointer(&state);
}

/* --- the file --- */

DrainState *
drain_state_load(const char *path, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autofree char *text = NULL;
    g_autoptr(JsonObject) json = NULL;
    DrainState *state;
    gsize length = 0;

    if (!g_file_get_contents(path, &text, &length, &cause)) {
        bool none = g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT);

        g_set_error(error, DRAIN_STATE_ERROR,
                    none ? DRAIN_STATE_ERROR_NONE : DRAIN_STATE_ERROR_FILE,
                    "%s: %s",
                    none ? "there is no drain to be resumed"
                         : "reading the state of a drain",
                    cause->message);
        return NULL;
    }
    if (length <= MOST_BYTES) {
        json = jobj_parse(text, length, &cause);
    } else {
        g_set_error(&cause, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                    "it is larger than %d MiB", MOST_BYTES / 1024 / 1024);
    }
    state = json ? drain_state_from_json(json, &cause) : NULL;
    if (!state) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT,
                    "'%s' does not hold the state of a drain: %s; remove it to "
                    "begin anew",
                    path, cause->message);
    }
    return state;
}

bool
drain_state_store(const char *path, const DrainState *state, GError **error)
{
    g_autoptr(JsonObject) json = drain_state_to_json(state);
    g_autofree char *body = jobj_to_text(json, true);
    g_autofree char *text = g_strconcat(body, "\n", NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GError) cause = NULL;

    if (g_mkdir_with_parents(folder, 0755) < 0) {
        g_set_error(
            error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FILE,
            "making folder '%s' for the state of the drain: %s (--state "
            "FILE names another one)",
            folder, g_strerror(errno));
        return false;
    }
    if (!g_file_set_contents_full(path, text, -1,
                                  G_FILE_SET_CONTENTS_CONSISTENT |
                                      G_FILE_SET_CONTENTS_DURABLE,
                                  0600, &cause)) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FILE,
                    "writing the state of the drain: %s (--state FILE names "
                    "another one)",
                    cause->message);
        return false;
    }
    return true;
}

int
drain_state_lock(const char *path, GError **error)
{
    g_autofree char *name = g_strconcat(path, ".lock", NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    int fd;

    (void)g_mkdir_with_parents(folder, 0755);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FILE,
                    "opening '%s': %s (--state FILE names another one)", name,
                    g_strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        g_set_error(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_BUSY,
                    "another drain is under way by '%s'; wait for its end",
                    path);
        close(fd);
        return -1;
    }
    return fd;
}
