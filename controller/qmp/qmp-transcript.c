/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-transcript.c - a recorded conversation plays QEMU
 *
 *   # comments and empty lines are passed over
 *   < {"QMP": ...}                             QEMU speaks until a ">" line
 *   > {"execute": "qmp_capabilities", "id": 1}   then it waits for just this
 *   < {"return": {}, "id": 1}
 *
 * Ids are whatever the recorded client had: a command matches without its id,
 * and the recorded answer goes out under the id that asked. Members may stand
 * in any order.
 */
#include "qmp/qmp-transport.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "qmp/qmp-codec.h"

typedef struct {
    unsigned number; /* of the line, from 1 */
    bool to_qemu;
    JsonObject *message;
} Line;

typedef struct {
    QmpTransport transport;
    char *path;
    GPtrArray *lines; /* of Line */
    unsigned next;    /* line to play or to wait for */
    GHashTable *ids;  /* recorded id, as text -> id asked with, JsonObject */
    QmpCodec *commands;
    GString *out; /* bytes on their way to the session */
    GError *over;
} Transcript;

static void
line_free(gpointer data)
{
    Line *line = data;

    jobj_unref(line->message);
    g_free(line);
}

/* What remains is what was recorded besides the id; a reference. */
static JsonObject *
take_id(JsonObject *message)
{
    JsonObject *id = json_object_get(jobj_get(message, "id"));

    json_object_object_del(message, "id");
    return id;
}

/* Put out what QEMU says until it waits for a command. */
static void
play(Transcript *transcript)
{
    while (transcript->next < transcript->lines->len) {
        Line *line = transcript->lines->pdata[transcript->next];
        JsonObject *id = jobj_get(line->message, "id");
        g_autofree char *text = NULL;

        if (line->to_qemu) {
            return;
        }
        if (id) {
            JsonObject *asked = g_hash_table_lookup(
                transcript->ids, json_object_to_json_string(id));

            if (asked) {
                jobj_add(line->message, "id", json_object_get(asked));
            }
        }
        text = jobj_to_text(line->message, false);
        g_string_append_printf(transcript->out, "%s\r\n", text);
        transcript->next++;
    }
    g_clear_error(&transcript->over);
    g_set_error(&transcript->over, QMP_ERROR, QMP_ERROR_CLOSED,
                "end of transcript '%s'", transcript->path);
}

static bool
expect(Transcript *transcript, JsonObject *command)
{
    Line *line = transcript->next < transcript->lines->len
                     ? transcript->lines->pdata[transcript->next]
                     : NULL;
    JsonObject *asked = take_id(command);
    JsonObject *recorded = line ? take_id(line->message) : NULL;
    bool same = line && json_object_equal(command, line->message);

    if (same) {
        if (recorded && asked) {
            g_hash_table_insert(transcript->ids,
                                g_strdup(json_object_to_json_string(recorded)),
                                json_object_get(asked));
        }
        transcript->next++;
    } else {
        g_autofree char *got = jobj_to_text(command, false);
        g_autofree char *want =
            line ? jobj_to_text(line->message, false) : NULL;

        g_clear_error(&transcript->over);
        g_set_error(&transcript->over, QMP_ERROR, QMP_ERROR_TRANSCRIPT,
                    "transcript '%s', line %u: expected %s, got %s",
                    transcript->path, line ? line->number : 0,
                    want ? want : "nothing more", got);
    }
    jobj_unref(asked);
    jobj_unref(recorded);
    return same;
}

static ssize_t
transcript_write(QmpTransport *transport, const char *bytes, size_t size,
                 GError **error)
{
    Transcript *transcript = (Transcript *)transport;

    if (!qmp_codec_feed(transcript->commands, bytes, size, error)) {
        return -1;
    }
    for (;;) {
        g_autoptr(JsonObject) command = qmp_codec_take(transcript->commands);

        if (!command) {
            return (ssize_t)size;
        }
        if (!expect(transcript, command)) {
            return (ssize_t)size; /* told by the next read */
        }
        play(transcript);
    }
}

static ssize_t
transcript_read(QmpTransport *transport, char *bytes, size_t size,
                GError **error)
{
    Transcript *transcript = (Transcript *)transport;
    size_t n = MIN(size, transcript->out->len);

    if (n > 0) {
        memcpy(bytes, transcript->out->str, n);
        g_string_erase(transcript->out, 0, (gssize)n);
        return (ssize_t)n;
    }
    if (transcript->over) {
        if (error) {
            *error = g_error_copy(transcript->over);
        }
        return -1;
    }
    return 0;
}

static bool
transcript_readable(QmpTransport *transport)
{
    Transcript *transcript = (Transcript *)transport;

    return transcript->out->len > 0 || transcript->over;
}

static void
transcript_free(QmpTransport *transport)
{
    Transcript *transcript = (Transcript *)transport;

    g_free(transcript->path);
    g_ptr_array_unref(transcript->lines);
    g_hash_table_unref(transcript->ids);
    qmp_codec_free(transcript->commands);
    g_string_free(transcript->out, TRUE);
    g_clear_error(&transcript->over);
    g_free(transcript);
}

static bool
read_lines(Transcript *transcript, const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (unsigned i = 0; lines[i]; i++) {
        const char *content = g_strstrip(lines[i]);
        g_autoptr(JsonObject) message = NULL;
        Line *line;

        if (content[0] == '\0' || content[0] == '#') {
            continue;
        }
        if (content[0] != '<' && content[0] != '>') {
            g_set_error(error, QMP_ERROR, QMP_ERROR_TRANSCRIPT,
                        "transcript '%s', line %u: begins with neither '<' "
                        "nor '>' nor '#'",
                        transcript->path, i + 1);
            return false;
        }
        message = jobj_parse(content + 1, strlen(content + 1), error);
        if (!message || !json_object_is_type(message, json_type_object)) {
            if (message) {
                g_set_error_literal(error, QMP_ERROR, QMP_ERROR_TRANSCRIPT,
                                    "no JSON object");
            }
            g_prefix_error(
                error, "transcript '%s', line %u: ", transcript->path, i + 1);
            return false;
        }
        line = g_new0(Line, 1);
        line->number = i + 1;
        line->to_qemu = content[0] == '>';
        line->message = g_steal_pointer(&message);
        g_ptr_array_add(transcript->lines, line);
    }
    if (transcript->lines->len == 0) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_TRANSCRIPT,
                    "transcript '%s' is empty", transcript->path);
        return false;
    }
    return true;
}

QmpTransport *
qmp_transport_new_transcript(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    Transcript *transcript;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        g_prefix_error(error, "transcript: ");
        return NULL;
    }
    transcript = g_new0(Transcript, 1);
    transcript->transport = (QmpTransport){ .fd = -1,
                                            .recorded = true,
                                            .read = transcript_read,
                                            .write = transcript_write,
                                            .readable = transcript_readable,
                                            .free = transcript_free };
    transcript->path = g_strdup(path);
    transcript->lines = g_ptr_array_new_with_free_func(line_free);
    transcript->ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify)jobj_unref);
    transcript->commands = qmp_codec_new();
    transcript->out = g_string_new(NULL);
    if (!read_lines(transcript, text, error)) {
        transcript_free(&transcript->transport);
        return NULL;
    }
    play(transcript);
    return &transcript->transport;
}
