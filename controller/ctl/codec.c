/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * codec.c - see codec.h
 *
 * A line feed ends a line wherever it stands, for inside a JSON text there is
 * never a raw one. So framing needs no look at the text, and json-c gets each
 * line in one piece. What json-c would take although JSON forbids it (control
 * characters in strings, a text cut short by a NUL, single quotes) is refused
 * before.
 */
#include "ctl/codec.h"

#include <string.h>

struct CtlCodec {
    size_t max_line_bytes;
    GByteArray *line; /* what has come of the next one */
    uint64_t number;  /* of it, from 1 */
    GQueue objects;   /* JsonObject * */
    GError *broken;
};

CtlCodec *
ctl_codec_new(size_t max_line_bytes)
{
    CtlCodec *codec = g_new0(CtlCodec, 1);

    codec->max_line_bytes = max_line_bytes;
    codec->line = g_byte_array_new();
    codec->number = 1;
    g_queue_init(&codec->objects);
    return codec;
}

void
ctl_codec_free(CtlCodec *codec)
{
    if (!codec) {
        return;
    }
    g_byte_array_unref(codec->line);
    g_queue_clear_full(&codec->objects, (GDestroyNotify)jobj_unref);
    g_clear_error(&codec->broken);
    g_free(codec);
}

static void G_GNUC_PRINTF(3, 4)
    break_codec(CtlCodec *codec, CtlError code, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(&codec->broken, CTL_ERROR, (gint)code,
                "line %" G_GUINT64_FORMAT ": %s", codec->number, what);
}

/* What json-c does not look at. Returns a static reason, NULL if all is well.
 */
static const char *
check_text(const char *text, size_t length)
{
    bool in_string = false;

    if (!g_utf8_validate_len(text, length, NULL)) {
        return memchr(text, '\0', length) ? "a NUL byte" : "no UTF-8";
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20 && (in_string || c != '\t')) {
            return "a control character";
        }
        if (in_string && c == '\\') {
            i++; /* whatever it is, it ends no string */
        } else if (c == '"') {
            in_string = !in_string;
        } else if (c == '\'' && !in_string) {
            return "a single quote outside a string";
        }
    }
    return NULL;
}

static void
parse_line(CtlCodec *codec, const char *text, size_t length)
{
    g_autoptr(JsonObject) object = NULL;
    const char *reason = check_text(text, length);
    enum json_tokener_error code;
    struct json_tokener *tokener;
    size_t end;

    if (reason) {
        break_codec(codec, CTL_ERROR_MALFORMED, "no JSON: %s", reason);
        return;
    }
    tokener = json_tokener_new_ex(CTL_MAX_DEPTH);
    g_assert(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
                                        JSON_TOKENER_ALLOW_TRAILING_CHARS);
    object = json_tokener_parse_ex(tokener, text, (int)length);
    code = json_tokener_get_error(tokener);
    end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    while (end < length && (text[end] == ' ' || text[end] == '\t')) {
        end++;
    }
    if (code == json_tokener_error_depth) {
        break_codec(codec, CTL_ERROR_MALFORMED, "nested deeper than %d",
                    CTL_MAX_DEPTH);
    } else if (code == json_tokener_continue) {
        break_codec(codec, CTL_ERROR_MALFORMED,
                    "no JSON object: it ends too early");
    } else if (code != json_tokener_success) {
        break_codec(codec, CTL_ERROR_MALFORMED, "no JSON: byte %zu: %s", end,
                    json_tokener_error_desc(code));
    } else if (!json_object_is_type(object, json_type_object)) {
        break_codec(codec, CTL_ERROR_MALFORMED, "no JSON object");
    } else if (end < length) {
        break_codec(codec, CTL_ERROR_MALFORMED,
                    "more text after the object, at byte %zu", end);
    } else {
        g_queue_push_tail(&codec->objects, g_steal_pointer(&object));
    }
}

static void
finish_line(CtlCodec *codec)
{
    const char *text = (const char *)codec->line->data;
    size_t length = codec->line->len;
    size_t blank = 0;

    if (length > 0 && text[length - 1] == '\r') {
        length--;
    }
    while (blank < length && (text[blank] == ' ' || text[blank] == '\t')) {
        blank++;
    }
    if (blank < length) {
        parse_line(codec, text, length);
    }
    g_byte_array_set_size(codec->line, 0);
    codec->number++;
}

bool
ctl_codec_feed(CtlCodec *codec, const char *bytes, size_t length,
               GError **error)
{
    while (length > 0 && !codec->broken) {
        const char *feed = memchr(bytes, '\n', length);
        size_t piece = feed ? (size_t)(feed - bytes) : length;

        if (codec->line->len + piece > codec->max_line_bytes) {
            break_codec(codec, CTL_ERROR_TOO_LONG,
                        "longer than %zu bytes, which is refused",
                        codec->max_line_bytes);
            break;
        }
        g_byte_array_append(codec->line, (const guint8 *)bytes, (guint)piece);
        if (!feed) {
            break;
        }
        finish_line(codec);
        bytes += piece + 1;
        length -= piece + 1;
    }
    if (codec->broken && error) {
        *error = g_error_copy(codec->broken);
    }
    return !codec->broken;
}

JsonObject *
ctl_codec_take(CtlCodec *codec)
{
    return g_queue_pop_head(&codec->objects);
}

char *
ctl_codec_line(JsonObject *object, size_t *length)
{
    g_autofree char *text = jobj_to_text(object, false);
    char *line = g_strconcat(text, "\n", NULL);

    *length = strlen(line);
    return line;
}
