/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * anonymize.c - members that are dropped, words that are replaced
 */
#include "experiment/anonymize.h"

/* Members that name somebody, by the path of the object they are in. */
static const struct {
    const char *object, *member;
} named[] = {
    { "machine", "processor" },
    { "machine", "kernel" },
    { "record", "host" },
    { "record.guest", "name" },
    { "record.guest", "uuid" },
    { "record.migration", "source_uri" },
    { "record.versions", "kernel" },
    { "record.migration", "destination_uri" },
    { "record.migration", "options" },
    { "record.migration", "migrate_uri" },
    { "record.link", "chain" },
    { "record.link", "destination" },
    { "record.extra", "job_config" },
};

/* A path keeps its last part; an address and a UUID are gone. */
static char *
plain_words(const char *text)
{
    static const struct {
        const char *pattern, *instead;
    } rules[] = {
        { "[A-Za-z+]+://[^\\s']+", "URI" },
        { "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "UUID" },
        { "\\b[0-9]{1,3}(\\.[0-9]{1,3}){3}\\b", "ADDRESS" },
        { "(/[^/\\s']+)+/([^/\\s']+)", "\\2" },
    };
    char *words = g_strdup(text);

    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autoptr(GRegex) regex = g_regex_new(rules[i].pattern, 0, 0, NULL);
        char *next =
            g_regex_replace(regex, words, -1, 0, rules[i].instead, 0, NULL);

        g_free(words);
        words = next;
    }
    return words;
}

static void
plain_member(JsonObject *object, const char *name)
{
    const char *text = NULL;
    g_autofree char *words = NULL;

    if (object && jobj_get_string(object, name, &text)) {
        words = plain_words(text);
        jobj_add_string(object, name, words);
    }
}

static void
plain_list(JsonObject *list)
{
    for (size_t i = 0; list && json_object_is_type(list, json_type_array) &&
                       i < json_object_array_length(list);
         i++) {
        JsonObject *item = json_object_array_get_idx(list, i);

        if (item && json_object_is_type(item, json_type_string)) {
            g_autofree char *words = plain_words(json_object_get_string(item));

            json_object_array_put_idx(list, i, json_object_new_string(words));
        }
    }
}

void
result_anonymize(JsonObject *run)
{
    for (size_t i = 0; i < G_N_ELEMENTS(named); i++) {
        JsonObject *object = jobj_get(run, named[i].object);

        if (object && json_object_is_type(object, json_type_object)) {
            json_object_object_del(object, named[i].member);
        }
    }
    plain_member(run, "command");
    plain_member(jobj_get(run, "outcome"), "message");
    plain_member(jobj_get(run, "record.outcome"), "message");
    plain_list(jobj_get(run, "record.warnings"));
}
