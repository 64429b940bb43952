/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-codec.c - lines come out whole however they arrive, nonsense by name
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "ctl/codec.h"

typedef struct {
    char what[40];
    char stream[80];
    size_t length; /* 0: up to the NUL */
    unsigned want_objects;
    int want_code; /* -1: none */
    char want_text[48];
} LineCase;

ParameterizedTestParameters(ctl_codec, lines)
{
    static LineCase cases[] = {
        { "two lines", "{\"a\":1}\n{\"b\":2}\n", 0, 2, -1, "" },
        { "carriage returns", "{}\r\n{}\r\n", 0, 2, -1, "" },
        { "blank lines", "\n \t\n\r\n{}\n", 0, 1, -1, "" },
        { "a line still open", "{}\n{\"a\":[1,", 0, 1, -1, "" },
        { "blanks around", "  {}  \n", 0, 1, -1, "" },
        { "escapes", "{\"a\":\"\\n\\u0000\\\"\"}\n", 0, 1, -1, "" },
        { "no JSON", "{}\nHTTP/1.1\n", 0, 1, CTL_ERROR_MALFORMED, "line 2: " },
        { "an array", "[1]\n", 0, 0, CTL_ERROR_MALFORMED, "no JSON object" },
        { "null", "null\n", 0, 0, CTL_ERROR_MALFORMED, "no JSON object" },
        { "an object over two lines", "{\"a\":\n1}\n", 0, 0,
          CTL_ERROR_MALFORMED, "ends too early" },
        { "two objects on a line", "{}{}\n", 0, 0, CTL_ERROR_MALFORMED,
          "more text after the object, at byte 2" },
        { "a comma too many", "{\"a\":1,}\n", 0, 0, CTL_ERROR_MALFORMED,
          "no JSON" },
        { "single quotes", "{'a':1}\n", 0, 0, CTL_ERROR_MALFORMED,
          "a single quote" },
        { "one inside a string", "{\"a'\":\"'\\\"'\"}\n", 0, 1, -1, "" },
        { "a NUL byte", "{\"a\0\":1}\n", 9, 0, CTL_ERROR_MALFORMED,
          "a NUL byte" },
        { "a tab inside a string", "{\"a\t\":1}\n", 0, 0, CTL_ERROR_MALFORMED,
          "a control character" },
        { "Latin 1", "{\"\xfc\":1}\n", 0, 0, CTL_ERROR_MALFORMED, "no UTF-8" },
        { "a line too long",
          "{}\n{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}\n", 0, 1,
          CTL_ERROR_TOO_LONG, "line 2: longer than 40 bytes" },
        { "a long line that never ends",
          "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, 0,
          CTL_ERROR_TOO_LONG, "line 1: longer than 40 bytes" },
        { "one of just that length",
          "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}\n", 0, 1, -1, "" },
    };

    return cr_make_param_array(LineCase, cases, G_N_ELEMENTS(cases));
}

/* Cut into two pieces at every place, and into single bytes. */
ParameterizedTest(const LineCase *c, ctl_codec, lines)
{
    size_t length = c->length ? c->length : strlen(c->stream);

    for (size_t cut = 0; cut <= length + 1; cut++) {
        g_autoptr(CtlCodec) codec = ctl_codec_new(40);
        g_autoptr(GError) error = NULL;
        JsonObject *object;
        unsigned n = 0;
        bool sane = true;

        if (cut <= length) {
            sane = ctl_codec_feed(codec, c->stream, cut, &error) &&
                   ctl_codec_feed(codec, c->stream + cut, length - cut, &error);
        } else {
            for (size_t i = 0; sane && i < length; i++) {
                sane = ctl_codec_feed(codec, c->stream + i, 1, &error);
            }
        }
        while ((object = ctl_codec_take(codec))) {
            jobj_unref(object);
            n++;
        }
        cr_expect_eq(sane, c->want_code < 0, "%s, cut at %zu: %s", c->what, cut,
                     error ? error->message : "taken");
        cr_expect_eq(n, c->want_objects, "%s, cut at %zu: %u", c->what, cut, n);
        if (!sane) {
            cr_expect_eq(error->code, c->want_code, "%s", c->what);
            cr_expect(strstr(error->message, c->want_text), "%s: %s", c->what,
                      error->message);
            cr_expect_not(ctl_codec_feed(codec, "{}\n", 3, NULL),
                          "it does not recover");
            cr_expect_null(ctl_codec_take(codec));
        }
    }
}

Test(ctl_codec, depth_is_limited)
{
    for (int depth = CTL_MAX_DEPTH - 1; depth <= CTL_MAX_DEPTH; depth++) {
        g_autoptr(CtlCodec) codec = ctl_codec_new(4096);
        g_autoptr(GError) error = NULL;
        GString *text = g_string_new("{\"a\":");

        for (int i = 0; i < depth; i++) {
            g_string_append_c(text, '[');
        }
        for (int i = 0; i < depth; i++) {
            g_string_append_c(text, ']');
        }
        g_string_append(text, "}\n");
        cr_expect_eq(ctl_codec_feed(codec, text->str, text->len, &error),
                     depth < CTL_MAX_DEPTH, "%d: %s", depth,
                     error ? error->message : "taken");
        if (error) {
            cr_expect(strstr(error->message, "nested deeper than 16"), "%s",
                      error->message);
        }
        g_string_free(text, TRUE);
    }
}

Test(ctl_codec, a_line_written_is_a_line_read)
{
    g_autoptr(JsonObject) object = json_object_new_object();
    g_autoptr(CtlCodec) codec = ctl_codec_new(4096);
    g_autoptr(JsonObject) again = NULL;
    g_autofree char *line = NULL;
    size_t length;

    jobj_add_string(object, "a\nb", "c\r\n\t\x01 ü");
    line = ctl_codec_line(object, &length);
    cr_assert_eq(line[length - 1], '\n');
    cr_assert_eq(memchr(line, '\n', length), line + length - 1);
    cr_assert(ctl_codec_feed(codec, line, length, NULL));
    again = ctl_codec_take(codec);
    cr_assert(json_object_equal(object, again));
}
