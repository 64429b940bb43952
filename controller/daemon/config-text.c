/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-text.c - a configuration in words again, and what differs between two
 */
#include "daemon/config-priv.h"

#include <string.h>

typedef void (*ValueFunc)(const char *title, const ConfigKey *key,
                          const void *value, void *data);

static bool
has_value(const DaemonConfig *config, ConfigIn in, void *section,
          const ConfigKey *key)
{
    const ConfigRules *rules;

    if (!(key->in & 1u << in)) {
        return false;
    }
    if (!section || key->rule == CONFIG_PLAIN) {
        return true;
    }
    rules = (const void *)((const char *)section + config_kinds[in].rules);
    return (rules->set & 1u << key->rule) != 0;
}

static void
each_in_section(const DaemonConfig *config, ConfigIn in, void *section,
                ValueFunc func, void *data)
{
    g_autofree char *title =
        section ? g_strdup_printf("[%s %s]", config_kinds[in].word,
                                  *(char **)section)
                : g_strdup_printf("[%s]", config_kinds[in].word);

    func(title, NULL, NULL, data);
    for (size_t i = 0; i < config_n_keys; i++) {
        const ConfigKey *key = &config_keys[i];

        if (has_value(config, in, section, key)) {
            func(title, key, config_target(config, in, section, key), data);
        }
    }
}

/* All values in order; first, for each section, one with a NULL key. */
static void
each_value(const DaemonConfig *config, ValueFunc func, void *data)
{
    for (ConfigIn in = 0; in < CONFIG_N_INS; in++) {
        GPtrArray *sections;

        if (!config_kinds[in].argument) {
            each_in_section(config, in, NULL, func, data);
            continue;
        }
        sections = *config_sections(config, in);
        for (guint i = 0; i < sections->len; i++) {
            each_in_section(config, in, g_ptr_array_index(sections, i), func,
                            data);
        }
    }
}

static void
append_value(const char *title, const ConfigKey *key, const void *value,
             void *data)
{
    GString *text = data;
    g_autofree char *written = key ? config_value_write(key, value) : NULL;

    if (key) {
        g_string_append_printf(text, "%s=%s\n", key->name, written);
    } else {
        g_string_append_printf(text, "%s%s\n", text->len ? "\n" : "", title);
    }
}

char *
daemon_config_to_text(const DaemonConfig *config)
{
    GString *text = g_string_new(NULL);

    each_value(config, append_value, text);
    return g_string_free(text, FALSE);
}

typedef struct Named {
    char *text; /* value as written; "" for the section itself */
    bool restart;
} Named;

static void
named_free(gpointer data)
{
    Named *named = data;

    g_free(named->text);
    g_free(named);
}

typedef struct Index {
    GHashTable *values; /* "[title] key" -> Named */
    GPtrArray *order;   /* the same keys, as they came */
} Index;

static void
index_value(const char *title, const ConfigKey *key, const void *value,
            void *data)
{
    Index *index = data;
    Named *named = g_new0(Named, 1);
    char *path =
        key ? g_strdup_printf("%s %s", title, key->name) : g_strdup(title);

    named->text = key ? config_value_write(key, value) : g_strdup("");
    named->restart = key && key->restart;
    g_hash_table_insert(index->values, path, named);
    g_ptr_array_add(index->order, path);
}

static void
index_fill(Index *index, const DaemonConfig *config)
{
    index->values =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, named_free);
    index->order = g_ptr_array_new();
    each_value(config, index_value, index);
}

static void
index_clear(Index *index)
{
    g_hash_table_unref(index->values);
    g_ptr_array_unref(index->order);
}

static void
append_difference(GString *text, const char *path, const Named *before,
                  const Named *after, bool *restart)
{
    const Named *either = before ? before : after;

    if (before && after && strcmp(before->text, after->text) == 0) {
        return;
    }
    if (*either->text == '\0') {
        g_string_append_printf(text, "%s: %s\n", path,
                               before ? "removed" : "added");
        return;
    }
    g_string_append_printf(text, "%s: %s -> %s%s\n", path,
                           before ? before->text : "not set",
                           after ? after->text : "not set",
                           either->restart ? " (after a restart)" : "");
    if (restart && either->restart) {
        *restart = true;
    }
}

char *
daemon_config_diff(const DaemonConfig *before, const DaemonConfig *after,
                   bool *restart)
{
    GString *text = g_string_new(NULL);
    Index old, new;

    index_fill(&old, before);
    index_fill(&new, after);
    if (restart) {
        *restart = false;
    }
    for (guint i = 0; i < old.order->len; i++) {
        const char *path = g_ptr_array_index(old.order, i);

        append_difference(text, path, g_hash_table_lookup(old.values, path),
                          g_hash_table_lookup(new.values, path), restart);
    }
    for (guint i = 0; i < new.order->len; i++) {
        const char *path = g_ptr_array_index(new.order, i);

        if (!g_hash_table_contains(old.values, path)) {
            append_difference(text, path, NULL,
                              g_hash_table_lookup(new.values, path), restart);
        }
    }
    index_clear(&old);
    index_clear(&new);
    return g_string_free(text, FALSE);
}
