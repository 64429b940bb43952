/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-qmp-codec.c - however a stream is cut, the same messages come out
 *
 * The stream goes in as one piece, byte by byte, and in pieces whose lengths
 * come out of the input itself. All three must give the same messages, the
 * same error at the same byte and the same place between messages.
 */
#include "fuzz.h"

#include <glib.h>
#include <stdbool.h>

#include "qmp/qmp-codec.h"

static char *
run(const uint8_t *data, size_t size, size_t piece, unsigned salt)
{
    g_autoptr(QmpCodec) codec = qmp_codec_new();
    g_autoptr(GError) error = NULL;
    GString *log = g_string_new(NULL);
    size_t at = 0;

    while (at < size) {
        size_t length = piece;
        /* exact blocks, so that a sanitizer sees the first byte too far */
        g_autofree char *bytes = NULL;

        if (piece == 0) {
            salt = salt * 1103515245u + 12345u + data[at];
            length = 1 + (salt >> 16) % 23;
        }
        length = MIN(length, size - at);
        bytes = g_memdup2(data + at, length);
        if (!qmp_codec_feed(codec, bytes, length, &error)) {
            break;
        }
        at += length;
    }
    for (;;) {
        g_autoptr(JsonObject) message = qmp_codec_take(codec);
        g_autofree char *text = NULL;

        if (!message) {
            break;
        }
        FUZZ_CHECK(json_object_is_type(message, json_type_object));
        text = jobj_to_text(message, false);
        g_string_append_printf(log, "%s\n", text);
    }
    g_string_append_printf(log, "%s\n%d", error ? error->message : "",
                           qmp_codec_is_between(codec));
    if (error) {
        g_autoptr(GError) again = NULL;

        FUZZ_CHECK(!qmp_codec_feed(codec, "{}", 2, &again));
        FUZZ_CHECK(g_strcmp0(error->message, again->message) == 0);
        FUZZ_CHECK(!qmp_codec_take(codec));
    }
    return g_string_free(log, FALSE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *whole = run(data, size, MAX(size, 1), 0);
    g_autofree char *bytewise = run(data, size, 1, 0);
    g_autofree char *pieces = run(data, size, 0, (unsigned)size);

    if (g_strcmp0(whole, bytewise) != 0 || g_strcmp0(whole, pieces) != 0) {
        fprintf(stderr, "whole:\n%s\nbyte by byte:\n%s\nin pieces:\n%s\n",
                whole, bytewise, pieces);
        abort();
    }
    return 0;
}
