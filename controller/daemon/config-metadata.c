/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-metadata.c - rules that a guest carries in its libvirt metadata
 *
 *   <vmferry:guest xmlns:vmferry="urn:vmferry:guest:1" mode="enforce"
 *                  deadline="5min" allow="guarantee post-copy"/>
 *
 * Attributes are the keys of [guest], read by the same table. libvirt hands the
 * element out with or without the prefix, as its version is.
 */
#include "daemon/config-priv.h"

#include <string.h>

#define METADATA_MAX_BYTES 65536

typedef struct Metadata {
    ConfigRules rules;
    unsigned elements;
} Metadata;

static const char *
local_name(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon ? colon + 1 : name;
}

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool
refuse(GError **error, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_METADATA,
                "metadata of " CONFIG_METADATA_URI ": %s", text);
    return false;
}

static bool
take_attribute(Metadata *metadata, const char *name, const char *value,
               GError **error)
{
    const ConfigKey *key = config_key_find(CONFIG_IN_GUEST, name);
    g_autofree char *why = NULL;

    if (strcmp(name, "xmlns") == 0 || g_str_has_prefix(name, "xmlns:")) {
        return strcmp(value, CONFIG_METADATA_URI) == 0 ||
               refuse(error, "namespace '%s' is not ours", value);
    }
    if (!key) {
        g_autofree char *names = config_key_names(CONFIG_IN_GUEST);

        return refuse(error, "there is no '%s'; a guest has %s", name, names);
    }
    if (!config_value_read(key, value, (char *)&metadata->rules + key->at,
                           &why)) {
        return refuse(error, "%s=\"%s\": %s", name, value, why);
    }
    metadata->rules.set |= 1u << key->rule;
    return true;
}

static void
start_element(GMarkupParseContext *context, const char *name,
              const char **names, const char **values, gpointer data,
              GError **error)
{
    Metadata *metadata = data;

    if (metadata->elements++ || strcmp(local_name(name), "guest") != 0) {
        refuse(error, "one element 'guest' is expected, not '%s'", name);
        return;
    }
    for (size_t i = 0; names[i]; i++) {
        if (!take_attribute(metadata, names[i], values[i], error)) {
            return;
        }
    }
}

static void
no_text(GMarkupParseContext *context, const char *text, gsize length,
        gpointer data, GError **error)
{
    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isspace(text[i])) {
            refuse(error, "there is text where none belongs");
            return;
        }
    }
}

bool
config_rules_from_metadata(const char *xml, ConfigRules *rules, GError **error)
{
    static const GMarkupParser parser = { .start_element = start_element,
                                          .text = no_text };
    g_autoptr(GError) local = NULL;
    Metadata metadata = { 0 };
    GMarkupParseContext *context;
    bool good;

    if (strlen(xml) > METADATA_MAX_BYTES) {
        return refuse(error, "%zu bytes are too many", strlen(xml));
    }
    context = g_markup_parse_context_new(&parser, 0, &metadata, NULL);
    good = g_markup_parse_context_parse(context, xml, -1, &local) &&
           g_markup_parse_context_end_parse(context, &local);
    g_markup_parse_context_free(context);
    if (!good) {
        return local->domain == CONFIG_ERROR
                   ? (g_propagate_error(error, g_steal_pointer(&local)), false)
                   : refuse(error, "%s", local->message);
    }
    *rules = metadata.rules;
    return true;
}
