/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text-members.c - see text-members.h
 */
#include "tools/cli/text-members.h"

#include "base/units.h"
#include "tools/cli/text-table.h"

#define BOLD "\033[1m"
#define RESET "\033[0m"

const char *
member_word(JsonObject *object, const char *path)
{
    const char *text = NULL;

    return jobj_get_string(object, path, &text) && *text ? text : NULL;
}

const char *
member_word_or(JsonObject *object, const char *path, const char *otherwise)
{
    const char *text = member_word(object, path);

    return text ? text : otherwise;
}

/* NULL: not known, which tables show as "-" */
char *
member_figure(JsonObject *object, const char *path,
              char *(*format)(double number))
{
    Known number = jobj_get_known(object, path);

    return number.known ? format(number.value) : NULL;
}

char *
member_figure_or_dash(JsonObject *object, const char *path,
                      char *(*format)(double number))
{
    char *text = member_figure(object, path, format);

    return text ? text : g_strdup("-");
}

char *
text_format_count(double number)
{
    return g_strdup_printf("%.0f", number);
}

char *
text_format_share(double share)
{
    return g_strdup_printf("%.0f %%", 100 * share);
}

/* "17.. 23 s": an interval, or what is known of it */
char *
member_interval(JsonObject *object, const char *path)
{
    JsonObject *interval = jobj_get(object, path);
    g_autofree char *value =
        member_figure(interval, "value", units_format_seconds);
    g_autofree char *low = member_figure(interval, "low", units_format_seconds);
    g_autofree char *high =
        member_figure(interval, "high", units_format_seconds);

    if (!value) {
        return NULL;
    }
    if (!low) {
        return g_steal_pointer(&value);
    }
    return g_strdup_printf("%s (%s to %s)", value, low, high ? high : "no end");
}

size_t
member_length(JsonObject *array)
{
    return json_object_is_type(array, json_type_array)
               ? json_object_array_length(array)
               : 0;
}

/* "a, b", NULL: empty */
char *
member_words(JsonObject *object, const char *path, const char *between)
{
    JsonObject *array = jobj_get(object, path);
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < member_length(array); i++) {
        JsonObject *one = json_object_array_get_idx(array, i);

        g_string_append_printf(text, "%s%s", i ? between : "",
                               json_object_is_type(one, json_type_string)
                                   ? json_object_get_string(one)
                                   : "-");
    }
    return g_string_free(text, text->len == 0);
}

/* What comes from elsewhere must not move the cursor: control characters, also
 * those of ISO 6429 beyond ASCII, become question marks. */
void
members_tame(JsonObject *value)
{
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            members_tame(json_object_array_get_idx(value, i));
        }
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach (value, name, member) {
            (void)name;
            members_tame(member);
        }
    } else if (json_object_is_type(value, json_type_string)) {
        g_autofree char *text = g_strdup(json_object_get_string(value));
        bool changed = false;

        for (unsigned char *c = (unsigned char *)text; *c; c++) {
            bool second = *c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

            if (*c < 0x20 || *c == 0x7f || second) {
                *c = '?';
                c[second ? 1 : 0] = '?';
                changed = true;
            }
        }
        if (changed) {
            json_object_set_string(value, text);
        }
    }
}

void
text_append_title(GString *out, const TextLook *look, const char *text)
{
    g_string_append_printf(out, "\n%s%s%s\n", look->colour ? BOLD : "", text,
                           look->colour ? RESET : "");
}

void
text_append_line(GString *out, const TextLook *look, const char *colour,
                 const char *text)
{
    g_autofree char *cut =
        text_cut(text, look->width ? look->width : (unsigned)G_MAXINT);

    g_string_append_printf(out, "%s%s%s\n", look->colour ? colour : "", cut,
                           look->colour && *colour ? RESET : "");
}
