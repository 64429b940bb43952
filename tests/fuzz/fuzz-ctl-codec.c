/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-ctl-codec.c - however a stream of requests is cut, the same are read
 *
 * The stream goes in as one piece and byte by byte; both must give the same
 * objects and the same error. Each object is then read as a request: what is
 * accepted must read the same when it is written and read again.
 */
#include "fuzz.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "ctl/codec.h"

static void
check_request(JsonObject *object)
{
    g_autoptr(CtlCodec) codec = ctl_codec_new(CTL_MAX_ANSWER_BYTES);
    g_autoptr(JsonObject) again = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *line = NULL;
    JsonObject *id, *arguments;
    CtlCommand command, same;
    size_t length;

    if (!ctl_request_read(object, &id, &command, &arguments, &error)) {
        FUZZ_CHECK(error->domain == CTL_ERROR &&
                   error->code < CTL_ERROR_NO_DAEMON);
        return;
    }
    FUZZ_CHECK(id && command < CTL_N_COMMANDS);
    line = ctl_codec_line(object, &length);
    FUZZ_CHECK(ctl_codec_feed(codec, line, length, NULL));
    again = ctl_codec_take(codec);
    FUZZ_CHECK(again);
    FUZZ_CHECK(ctl_request_read(again, &id, &same, &arguments, NULL));
    FUZZ_CHECK(same == command);
}

static char *
run(const uint8_t *data, size_t size, size_t piece)
{
    g_autoptr(CtlCodec) codec = ctl_codec_new(512);
    g_autoptr(GError) error = NULL;
    GString *log = g_string_new(NULL);
    JsonObject *object;

    for (size_t at = 0; at < size && !error; at += piece) {
        /* exact blocks, so that a sanitizer sees the first byte too far */
        size_t length = MIN(piece, size - at);
        g_autofree char *bytes = g_memdup2(data + at, length);

        ctl_codec_feed(codec, bytes, length, &error);
    }
    while ((object = ctl_codec_take(codec))) {
        g_autofree char *text = jobj_to_text(object, false);

        FUZZ_CHECK(json_object_is_type(object, json_type_object));
        g_string_append_printf(log, "%s\n", text);
        check_request(object);
        jobj_unref(object);
    }
    g_string_append(log, error ? error->message : "");
    return g_string_free(log, FALSE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *whole = run(data, size, MAX(size, 1));
    g_autofree char *bytewise = run(data, size, 1);

    FUZZ_CHECK(strcmp(whole, bytewise) == 0);
    return 0;
}
