/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-config.c - configuration files as administrators write them
 *
 * A file taken reads alike to GKeyFile, whose format it is; written out and
 * taken again it is the same, and nothing differs. A file refused says where.
 * The same bytes are then tried as a guest's metadata.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "daemon/config-priv.h"

static void
check_key_file(const char *data, size_t size)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GArray) mistakes = config_mistakes_new();
    g_autoptr(GArray) lines = config_scan(data, size, mistakes);
    const char *section = NULL;

    FUZZ_CHECK(mistakes->len == 0);
    FUZZ_CHECK(
        g_key_file_load_from_data(file, data, size, G_KEY_FILE_NONE, NULL) ||
        lines->len == 0);
    for (guint i = 0; i < lines->len; i++) {
        const ConfigLine *line = &g_array_index(lines, ConfigLine, i);
        g_autofree char *value = NULL;

        if (!line->key) {
            section = line->value;
            FUZZ_CHECK(g_key_file_has_group(file, section));
            continue;
        }
        value = g_key_file_get_string(file, section, line->key, NULL);
        FUZZ_CHECK(value);
        FUZZ_CHECK(strcmp(value, line->value) == 0 ||
                   strcmp(g_strchomp(value), line->value) == 0);
    }
}

static void
check_metadata(const char *data, size_t size)
{
    g_autofree char *xml = g_strndup(data, size);
    g_autoptr(GError) error = NULL;
    ConfigRules rules = { .set = 77 };

    if (config_rules_from_metadata(xml, &rules, &error)) {
        FUZZ_CHECK(rules.set < 1u << CONFIG_N_RULES);
    } else {
        FUZZ_CHECK(error && rules.set == 77);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DaemonConfig) config =
        daemon_config_parse((const char *)data, size, "f", &error);
    g_autoptr(DaemonConfig) again = NULL;
    g_autofree char *once = NULL, *twice = NULL, *difference = NULL;

    FUZZ_CHECK(!config == !!error);
    check_metadata((const char *)data, size);
    if (!config) {
        FUZZ_CHECK(g_str_has_prefix(error->message, "f:"));
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    check_key_file((const char *)data, size);
    once = daemon_config_to_text(config);
    again = daemon_config_parse(once, strlen(once), "f", &error);
    FUZZ_CHECK(again);
    twice = daemon_config_to_text(again);
    FUZZ_CHECK(strcmp(once, twice) == 0);
    difference = daemon_config_diff(config, again, NULL);
    FUZZ_CHECK(*difference == '\0');
    return 0;
}
