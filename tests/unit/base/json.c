/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.c - absent is not zero, and what is written reads back the same
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "base/json.h"

static const char sample[] =
    "{\"ram\": {\"remaining\": 4096, \"mbps\": 1.5, \"list\": [1]},"
    " \"big\": 18446744073709551615, \"small\": -9223372036854775808,"
    " \"negative\": -1, \"null\": null, \"yes\": true, \"text\": \"x\","
    " \"number text\": \"5\", \"half\": 0.5, \"whole\": 2.0, \"zero\": 0}";

static JsonObject *
parsed(void)
{
    g_autoptr(GError) error = NULL;
    JsonObject *object = jobj_parse(sample, strlen(sample), &error);

    cr_assert_not_null(object, "%s", error ? error->message : "");
    return object;
}

typedef struct {
    char path[24];
    bool u64, i64, real, boolean, text; /* which getters take it */
    double value;                       /* as a double, where one does */
} GetCase;

ParameterizedTestParameters(json, get)
{
    static GetCase cases[] = {
        { "ram.remaining", true, true, true, false, false, 4096 },
        { "ram.mbps", false, false, true, false, false, 1.5 },
        { "big", true, false, true, false, false, 18446744073709551615.0 },
        { "small", false, true, true, false, false, -9223372036854775808.0 },
        { "negative", false, true, true, false, false, -1 },
        { "zero", true, true, true, false, false, 0 },
        { "half", false, false, true, false, false, 0.5 },
        { "whole", false, false, true, false, false, 2 },
        { "yes", false, false, false, true, false, 0 },
        { "text", false, false, false, false, true, 0 },
        { "number text", false, false, false, false, true, 0 },
        { "null", false, false, false, false, false, 0 },
        { "absent", false, false, false, false, false, 0 },
        { "ram", false, false, false, false, false, 0 },
        { "ram.list", false, false, false, false, false, 0 },
        { "ram.remaining.deeper", false, false, false, false, false, 0 },
        { "absent.deeper", false, false, false, false, false, 0 },
        { "ram.", false, false, false, false, false, 0 },
        { "", false, false, false, false, false, 0 },
    };

    return cr_make_param_array(GetCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const GetCase *c, json, get)
{
    g_autoptr(JsonObject) object = parsed();
    uint64_t u64 = 77;
    int64_t i64 = 77;
    double real = 77;
    bool boolean = false;
    const char *text = "untouched";

    cr_expect_eq(jobj_get_u64(object, c->path, &u64), c->u64, "%s", c->path);
    cr_expect_eq(jobj_get_i64(object, c->path, &i64), c->i64, "%s", c->path);
    cr_expect_eq(jobj_get_double(object, c->path, &real), c->real, "%s",
                 c->path);
    cr_expect_eq(jobj_get_bool(object, c->path, &boolean), c->boolean, "%s",
                 c->path);
    cr_expect_eq(jobj_get_string(object, c->path, &text), c->text, "%s",
                 c->path);
    cr_expect_eq(boolean, c->boolean, "%s", c->path);
    cr_expect_float_eq((double)u64, c->u64 ? c->value : 77, 0, "%s", c->path);
    cr_expect_float_eq((double)i64, c->i64 ? c->value : 77, 0, "%s", c->path);
    cr_expect_float_eq(real, c->real ? c->value : 77, 0, "%s", c->path);
    cr_expect_eq(strcmp(text, "untouched") != 0, c->text, "%s", c->path);
    cr_expect_eq(jobj_get_known(object, c->path).known, c->real, "%s", c->path);
}

Test(json, nothing_is_in_nothing)
{
    uint64_t value = 5;

    cr_expect_null(jobj_get(NULL, "a"));
    cr_expect_not(jobj_get_u64(NULL, "a", &value));
    cr_expect_eq(value, 5);
}

typedef struct {
    char what[32];
    char text[48];
    size_t length; /* 0: up to the NUL */
    char want[40]; /* in the message; empty: it is taken */
} ParseCase;

ParameterizedTestParameters(json, parse)
{
    static ParseCase cases[] = {
        { "an object", "{\"a\": 1}", 0, "" },
        { "blanks around", " \n[1, 2]\t ", 0, "" },
        { "a bare number", "12", 0, "" },
        { "nothing", "", 0, "ends too early" },
        { "null", "null", 0, "is null" },
        { "cut off", "{\"a\": ", 0, "ends too early" },
        { "more after it", "{} x", 0, "byte 3, line 1: more text" },
        { "two texts", "{}{}", 0, "byte 2, line 1: more text" },
        { "comma at the end", "[\n1,]", 0, "byte 4, line 2" },
        { "comment", "{/* */}", 0, "broken at byte" },
        { "broken UTF-8", "[\"\xff\"]", 0, "broken at byte" },
        { "NUL byte", "{}\0{}", 5, "byte 2, line 1: more text" },
    };

    return cr_make_param_array(ParseCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const ParseCase *c, json, parse)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) object =
        jobj_parse(c->text, c->length ? c->length : strlen(c->text), &error);

    cr_expect_eq(!!object, c->want[0] == '\0', "%s: %s", c->what,
                 error ? error->message : "taken");
    if (c->want[0]) {
        cr_assert_not_null(error);
        cr_expect(strstr(error->message, c->want), "%s: %s", c->what,
                  error->message);
    }
}

Test(json, does_not_read_past_its_length)
{
    g_autoptr(JsonObject) object = jobj_parse("12345", 2, NULL);

    cr_expect_eq(json_object_get_int(object), 12);
}

Test(json, doubles_read_back_as_the_same_number)
{
    static const double numbers[] = { 0.1,    1.0 / 3,           1e300,
                                      5e-324, 0.1 + 0.2,         123456789.125,
                                      -0.0,   4503599627370497.5 };

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autoptr(JsonObject) object = json_object_new_object();
        g_autoptr(JsonObject) back = NULL;
        g_autofree char *text = NULL;
        double value = 77;

        jobj_add_double(object, "x", numbers[i]);
        text = jobj_to_text(object, false);
        back = jobj_parse(text, strlen(text), NULL);
        cr_assert(jobj_get_double(back, "x", &value), "%s", text);
        cr_expect(value == numbers[i], "%s", text);
    }
}

Test(json, what_is_no_number_is_null)
{
    g_autoptr(JsonObject) object = json_object_new_object();
    g_autofree char *text = NULL;

    jobj_add_double(object, "nan", NAN);
    jobj_add_double(object, "inf", -INFINITY);
    jobj_add_known(object, "unknown", unknown());
    jobj_add_known(object, "known", known(0));
    jobj_add_string(object, "no text", NULL);
    text = jobj_to_text(object, false);
    cr_expect_str_eq(text, "{\"nan\":null,\"inf\":null,\"unknown\":null,"
                           "\"known\":0,\"no text\":null}");
}

Test(json, counts_have_a_bound)
{
    static const char text[] =
        "{\"a\": 7, \"b\": 8, \"c\": -1, \"d\": 4294967296}";
    g_autoptr(JsonObject) object = jobj_parse(text, strlen(text), NULL);
    unsigned value = 77;

    cr_assert_not_null(object);
    cr_assert_not(jobj_get_uint(object, "b", 7, &value));
    cr_assert_not(jobj_get_uint(object, "c", UINT_MAX, &value));
    cr_assert_not(jobj_get_uint(object, "d", UINT_MAX, &value));
    cr_assert_not(jobj_get_uint(object, "e", UINT_MAX, &value));
    cr_assert_eq(value, 77);
    cr_assert(jobj_get_uint(object, "a", 7, &value));
    cr_assert_eq(value, 7);
}

Test(json, arrays_of_strings)
{
    static const char *const words[] = { "a", "", "c", NULL };
    g_autoptr(GPtrArray) strings = g_ptr_array_new();
    g_autoptr(JsonObject) object = json_object_new_object();
    g_autofree char *text = NULL;

    g_ptr_array_add(strings, (char *)"x");
    jobj_add(object, "words", jobj_new_words(words));
    jobj_add(object, "none", jobj_new_words(NULL));
    jobj_add(object, "strings", jobj_new_strings(strings));
    jobj_add(object, "lines", jobj_new_lines("one\n\ntwo\n"));
    text = jobj_to_text(object, false);
    cr_assert_str_eq(text, "{\"words\":[\"a\",\"\",\"c\"],\"none\":[],"
                           "\"strings\":[\"x\"],\"lines\":[\"one\",\"two\"]}");
}
