/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * codec.c - messages come out whole, nonsense is refused by name and place
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "qmp/qmp-codec.h"

static unsigned
drain(QmpCodec *codec, GString *texts)
{
    unsigned n = 0;
    JsonObject *message;

    while ((message = qmp_codec_take(codec))) {
        g_autofree char *text = jobj_to_text(message, false);

        g_string_append_printf(texts, "%s\n", text);
        jobj_unref(message);
        n++;
    }
    return n;
}

typedef struct {
    char what[48];
    char stream[96];
    size_t length; /* 0: up to the NUL */
    unsigned want_messages;
    int want_code; /* -1: none */
    char want_text[48];
} StreamCase;

ParameterizedTestParameters(codec, stream)
{
    static StreamCase cases[] = {
        { "two messages in a row", "{\"a\":1}{\"b\":2}", 0, 2, -1, "" },
        { "blank lines between", "\r\n {} \n\t{}\r\n", 0, 2, -1, "" },
        { "braces and quotes inside strings",
          "{\"a\":\"}{\\\"}\",\"]\":\"[\"}{}", 0, 2, -1, "" },
        { "characters of several bytes", "{\"ü\":\"€\"}", 0, 1, -1, "" },
        { "a message still open", "{}{\"a\":[1,", 0, 1, -1, "" },
        { "text of another protocol", "{}HTTP/1.1", 0, 1, QMP_ERROR_PROTOCOL,
          "byte 2: a message begins with '{'" },
        { "an array on top", "[1]", 0, 0, QMP_ERROR_PROTOCOL, "not with '['" },
        { "NUL byte", "{\"a\":\0 1}", 9, 0, QMP_ERROR_PROTOCOL,
          "byte 5: a NUL byte" },
        { "NUL between messages", "{}\0{}", 5, 1, QMP_ERROR_PROTOCOL,
          "byte 2: a NUL byte" },
        { "Latin 1", "{\"a\":\"\xfc\"}", 0, 0, QMP_ERROR_PROTOCOL,
          "byte 6: no UTF-8" },
        { "overlong slash", "{\"a\":\"\xc0\xaf\"}", 0, 0, QMP_ERROR_PROTOCOL,
          "byte 6: no UTF-8" },
        { "overlong, three bytes", "{\"a\":\"\xe0\x9f\xbf\"}", 0, 0,
          QMP_ERROR_PROTOCOL, "byte 7: no UTF-8" },
        { "overlong, four bytes", "{\"a\":\"\xf0\x8f\xbf\xbf\"}", 0, 0,
          QMP_ERROR_PROTOCOL, "byte 7: no UTF-8" },
        { "beyond Unicode", "{\"a\":\"\xf4\x90\x80\x80\"}", 0, 0,
          QMP_ERROR_PROTOCOL, "byte 7: no UTF-8" },
        { "a character cut off by the quote", "{\"a\":\"\xe2\x82\"}", 0, 0,
          QMP_ERROR_PROTOCOL, "byte 8: no UTF-8" },
        { "a byte that begins nothing", "{\"a\":\"\x80\"}", 0, 0,
          QMP_ERROR_PROTOCOL, "byte 6: no UTF-8" },
        { "the last ones that are characters",
          "{\"a\":"
          "\"\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}",
          0, 1, -1, "" },
        { "surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", 0, 0,
          QMP_ERROR_PROTOCOL, "byte 7: no UTF-8" },
        { "line break inside a string", "{\"a\":\"x\ny\"}", 0, 0,
          QMP_ERROR_PROTOCOL, "control character 0x0a" },
        { "comma before the end", "{}{\"a\":1,}", 0, 1, QMP_ERROR_PROTOCOL,
          "no JSON" },
        { "single quotes", "{'a':1}", 0, 0, QMP_ERROR_PROTOCOL, "no JSON" },
        { "brackets crossed", "{\"a\":[1}]", 0, 0, QMP_ERROR_PROTOCOL,
          "no JSON" },
        { "a brace too many", "{}}", 0, 1, QMP_ERROR_PROTOCOL, "not with '}'" },
        { "what is no number", "{\"a\":1-2}", 0, 0, QMP_ERROR_PROTOCOL,
          "no JSON" },
    };

    return cr_make_param_array(StreamCase, cases, G_N_ELEMENTS(cases));
}

/* Cut into two pieces at every place, and into single bytes. */
ParameterizedTest(const StreamCase *c, codec, stream)
{
    size_t length = c->length ? c->length : strlen(c->stream);
    g_autofree char *first_texts = NULL;

    for (size_t cut = 0; cut <= length + 1; cut++) {
        g_autoptr(QmpCodec) codec = qmp_codec_new();
        g_autoptr(GError) error = NULL;
        GString *texts = g_string_new(NULL);
        bool sane = true;

        if (cut <= length) {
            sane = qmp_codec_feed(codec, c->stream, cut, &error) &&
                   qmp_codec_feed(codec, c->stream + cut, length - cut, &error);
        } else {
            for (size_t i = 0; sane && i < length; i++) {
                sane = qmp_codec_feed(codec, c->stream + i, 1, &error);
            }
        }
        cr_expect_eq(sane, c->want_code < 0, "%s, cut at %zu: %s", c->what, cut,
                     error ? error->message : "taken");
        cr_expect_eq(drain(codec, texts), c->want_messages, "%s, cut at %zu",
                     c->what, cut);
        if (!sane) {
            cr_expect_eq(error->code, c->want_code, "%s", c->what);
            cr_expect(strstr(error->message, c->want_text), "%s: %s", c->what,
                      error->message);
            cr_expect_not(qmp_codec_feed(codec, "{}", 2, NULL),
                          "it does not recover");
            cr_expect_null(qmp_codec_take(codec));
        }
        if (!first_texts) {
            first_texts = g_strdup(texts->str);
        }
        cr_expect_str_eq(texts->str, first_texts);
        g_string_free(texts, TRUE);
    }
}

Test(codec, ends_between_messages_or_not)
{
    g_autoptr(QmpCodec) codec = qmp_codec_new();

    cr_expect(qmp_codec_is_between(codec));
    cr_assert(qmp_codec_feed(codec, "{\"a\"", 4, NULL));
    cr_expect_not(qmp_codec_is_between(codec));
    cr_assert(qmp_codec_feed(codec, ":1} ", 4, NULL));
    cr_expect(qmp_codec_is_between(codec));
}

Test(codec, a_line_of_ten_megabytes_is_refused)
{
    for (size_t piece = 10 << 20; piece >= 4096; piece /= 16) {
        g_autoptr(QmpCodec) codec = qmp_codec_new();
        g_autoptr(GError) error = NULL;
        g_autofree char *line = g_malloc(10 << 20);
        size_t fed = 0;

        memset(line, 'x', 10 << 20);
        memcpy(line, "{\"a\":\"", 6);
        while (fed + piece <= 10 << 20 &&
               qmp_codec_feed(codec, line + fed, piece, &error)) {
            fed += piece;
        }
        cr_assert_not_null(error);
        cr_expect_eq(error->code, QMP_ERROR_LIMIT);
        cr_expect(strstr(error->message,
                         "byte 4194304: a message of more than 4194304 bytes"),
                  "%s", error->message);
    }
}

Test(codec, a_message_just_below_the_limit_is_taken)
{
    g_autoptr(QmpCodec) codec = qmp_codec_new();
    g_autoptr(GError) error = NULL;
    size_t length = QMP_MAX_MESSAGE_BYTES - 1;
    g_autofree char *line = g_malloc(length);
    g_autoptr(JsonObject) message = NULL;

    memset(line, 'x', length);
    memcpy(line, "{\"a\":\"", 6);
    memcpy(line + length - 2, "\"}", 2);
    cr_assert(qmp_codec_feed(codec, line, length, &error));
    message = qmp_codec_take(codec);
    cr_assert_not_null(message);
    cr_expect_eq(json_object_get_string_len(jobj_get(message, "a")),
                 (int)length - 8);
}

Test(codec, depth_is_limited)
{
    for (int depth = QMP_MAX_DEPTH - 1; depth <= QMP_MAX_DEPTH; depth++) {
        g_autoptr(QmpCodec) codec = qmp_codec_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonObject) message = NULL;
        GString *text = g_string_new("{\"a\":");

        for (int i = 0; i < depth; i++) {
            g_string_append_c(text, '[');
        }
        for (int i = 0; i < depth; i++) {
            g_string_append_c(text, ']');
        }
        g_string_append_c(text, '}');
        cr_expect_eq(qmp_codec_feed(codec, text->str, text->len, &error),
                     depth < QMP_MAX_DEPTH, "%s",
                     error ? error->message : "taken");
        message = qmp_codec_take(codec);
        cr_expect_eq(!!message, depth < QMP_MAX_DEPTH);
        if (error) {
            cr_expect_eq(error->code, QMP_ERROR_LIMIT);
        }
        g_string_free(text, TRUE);
    }
}
