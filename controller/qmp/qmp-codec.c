/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-codec.c - find where a message ends, then have json-c read it
 *
 *   bytes ──> UTF-8 ──> frame: strings, depth, length ──> whole message
 *                                                            │
 *                                        queue of objects <──┘ tokener
 *
 * json-c's tokener can be fed piece by piece, but then what it takes depends
 * on where the pieces end: "1-2" cut after the 1 is a number to it, a
 * character of several bytes cut in two is broken UTF-8, and a NUL byte ends
 * its text. (The fuzz target found the first within seconds.) So a small
 * automaton that sees one byte after the other decides where a message ends,
 * and enforces the limits before anything is parsed; the tokener then gets
 * the message in one piece.
 *
 * QEMU ends each message with CR LF. We do not need it: an object ends with
 * its brace. What stands between objects must be blank.
 */
#include "qmp/qmp-codec.h"

#include <inttypes.h>

G_DEFINE_QUARK(vmferry_qmp_error, qmp_error)

/* Where in a UTF-8 character the stream is. */
typedef struct {
    unsigned missing;        /* bytes of it still to come */
    unsigned char low, high; /* range of the next one */
} Utf8;

struct QmpCodec {
    struct json_tokener *tokener;
    Utf8 utf8;
    unsigned depth; /* of braces and brackets; 0: between messages */
    bool in_string;
    bool escaped;        /* the byte before was a backslash */
    GByteArray *message; /* its bytes so far */
    uint64_t offset;     /* bytes of the stream so far */
    GQueue messages;     /* of JsonObject */
    GError *broken;
};

QmpCodec *
qmp_codec_new(void)
{
    QmpCodec *codec = g_new0(QmpCodec, 1);

    /* one more than ours, so that ours is the one that speaks */
    codec->tokener = json_tokener_new_ex(QMP_MAX_DEPTH + 1);
    g_assert(codec->tokener);
    json_tokener_set_flags(codec->tokener, JSON_TOKENER_STRICT);
    codec->message = g_byte_array_new();
    g_queue_init(&codec->messages);
    return codec;
}

void
qmp_codec_free(QmpCodec *codec)
{
    if (!codec) {
        return;
    }
    json_tokener_free(codec->tokener);
    g_byte_array_unref(codec->message);
    g_queue_clear_full(&codec->messages, (GDestroyNotify)jobj_unref);
    g_clear_error(&codec->broken);
    g_free(codec);
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool
utf8_accept(Utf8 *utf8, unsigned char byte)
{
    if (utf8->missing > 0) {
        if (byte < utf8->low || byte > utf8->high) {
            return false;
        }
        utf8->missing--;
        utf8->low = 0x80;
        utf8->high = 0xbf;
        return true;
    }
    if (byte < 0x80) {
        return byte != 0;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return false;
    }
    utf8->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    utf8->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    utf8->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void G_GNUC_PRINTF(4, 5)
    break_codec(QmpCodec *codec, QmpError code, uint64_t at, const char *format,
                ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(&codec->broken, QMP_ERROR, code,
                "QMP stream, byte %" PRIu64 ": %s", at, what);
}

/* The message is whole: read it. */
static void
finish_message(QmpCodec *codec)
{
    g_autoptr(JsonObject) message = NULL;
    enum json_tokener_error code;

    json_tokener_reset(codec->tokener);
    message = json_tokener_parse_ex(codec->tokener,
                                    (const char *)codec->message->data,
                                    (int)codec->message->len);
    code = json_tokener_get_error(codec->tokener);
    if (code != json_tokener_success) {
        break_codec(codec, QMP_ERROR_PROTOCOL,
                    codec->offset - codec->message->len +
                        json_tokener_get_parse_end(codec->tokener),
                    "no JSON: %s",
                    code == json_tokener_continue
                        ? "a closing brace stands where none belongs"
                        : json_tokener_error_desc(code));
        return;
    }
    g_queue_push_tail(&codec->messages, g_steal_pointer(&message));
    g_byte_array_set_size(codec->message, 0);
}

static void
refuse_byte(QmpCodec *codec, char byte)
{
    break_codec(codec, QMP_ERROR_PROTOCOL, codec->offset,
                "a message begins with '{', not with '%c' (0x%02x); is this "
                "QEMU's QMP socket?",
                g_ascii_isprint(byte) ? byte : '?', (unsigned char)byte);
}

/* Follow @byte, which is part of a message or of what stands between. */
static void
frame_byte(QmpCodec *codec, char byte)
{
    if (!utf8_accept(&codec->utf8, (unsigned char)byte)) {
        break_codec(codec, QMP_ERROR_PROTOCOL, codec->offset, "%s",
                    byte ? "no UTF-8" : "a NUL byte");
        return;
    }
    if (codec->depth == 0 && byte != '{') {
        if (!is_blank(byte)) {
            refuse_byte(codec, byte);
        }
        return;
    }
    if (codec->in_string) {
        if ((unsigned char)byte < 0x20) {
            break_codec(codec, QMP_ERROR_PROTOCOL, codec->offset,
                        "control character 0x%02x inside a string",
                        (unsigned char)byte);
        } else if (codec->escaped) {
            codec->escaped = false;
        } else if (byte == '\\') {
            codec->escaped = true;
        } else if (byte == '"') {
            codec->in_string = false;
        }
    } else if (byte == '"') {
        codec->in_string = true;
    } else if (byte == '{' || byte == '[') {
        if (++codec->depth > QMP_MAX_DEPTH) {
            break_codec(codec, QMP_ERROR_LIMIT, codec->offset,
                        "a message nested deeper than %d is refused",
                        QMP_MAX_DEPTH);
        }
    } else if (byte == '}' || byte == ']') {
        codec->depth--;
    } else if (byte == '\'') {
        /* json-c would take it, and see strings where we do not */
        break_codec(codec, QMP_ERROR_PROTOCOL, codec->offset,
                    "no JSON: a single quote outside a string");
    }
}

bool
qmp_codec_feed(QmpCodec *codec, const char *bytes, size_t length,
               GError **error)
{
    size_t begin = 0; /* of what belongs to the message, in this piece */

    for (size_t i = 0; i < length && !codec->broken; i++) {
        unsigned before = codec->depth;

        frame_byte(codec, bytes[i]);
        codec->offset++;
        if (codec->broken) {
            break;
        }
        if (before == 0) {
            begin = codec->depth > 0 ? i : i + 1;
        }
        if (codec->depth > 0 &&
            codec->message->len + (i + 1 - begin) >= QMP_MAX_MESSAGE_BYTES) {
            break_codec(codec, QMP_ERROR_LIMIT, codec->offset,
                        "a message of more than %u bytes is refused",
                        QMP_MAX_MESSAGE_BYTES);
        } else if (before > 0 && codec->depth == 0) {
            g_byte_array_append(codec->message, (const guint8 *)bytes + begin,
                                (guint)(i + 1 - begin));
            begin = i + 1;
            finish_message(codec);
        }
    }
    if (codec->broken) {
        if (error) {
            *error = g_error_copy(codec->broken);
        }
        return false;
    }
    g_byte_array_append(codec->message, (const guint8 *)bytes + begin,
                        (guint)(length - begin));
    return true;
}

JsonObject *
qmp_codec_take(QmpCodec *codec)
{
    return g_queue_pop_head(&codec->messages);
}

bool
qmp_codec_is_between(const QmpCodec *codec)
{
    return !codec->broken && codec->depth == 0 && codec->utf8.missing == 0;
}
