/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config.c - from the lines of a file to a DaemonConfig
 *
 * Everything is read into a new value beside the one in force. Mistakes are
 * collected on the way, and one is enough for the new value to be thrown away.
 */
#include "daemon/config-priv.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

G_DEFINE_QUARK(vmferry_config_error, config_error)

/* All structs of named sections begin like this one. */
typedef struct Head {
    char *name;
    unsigned line;
} Head;
G_STATIC_ASSERT(offsetof(ConfigLink, line) == offsetof(Head, line));
G_STATIC_ASSERT(offsetof(ConfigGuest, line) == offsetof(Head, line));
G_STATIC_ASSERT(offsetof(ConfigDestination, line) == offsetof(Head, line));
G_STATIC_ASSERT(offsetof(ConfigStarter, line) == offsetof(Head, line));
G_STATIC_ASSERT(offsetof(ConfigProtect, line) == offsetof(Head, line));

GPtrArray **
config_sections(const DaemonConfig *config, ConfigIn in)
{
    return (GPtrArray **)(void *)((char *)config + config_kinds[in].at);
}

void *
config_target(const DaemonConfig *config, ConfigIn in, void *section,
              const ConfigKey *key)
{
    char *base = section;

    if (!section) { /* an unnamed one: a part of the configuration itself */
        base = key->rule != CONFIG_PLAIN ? (char *)&config->defaults
                                         : (char *)config + config_kinds[in].at;
    } else if (key->rule != CONFIG_PLAIN) {
        base += config_kinds[in].rules;
    }
    return base + key->at;
}

static void
mark_set(DaemonConfig *config, ConfigIn in, void *section, const ConfigKey *key)
{
    ConfigRules *rules = &config->defaults;

    if (key->rule == CONFIG_PLAIN) {
        return;
    }
    if (section) {
        rules = (void *)((char *)section + config_kinds[in].rules);
    }
    rules->set |= 1u << key->rule;
}

/* Defaults of one section; rules have theirs in the unnamed sections only. */
static void
fill_in(DaemonConfig *config, ConfigIn in, void *section)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        const ConfigKey *key = &config_keys[i];
        char *why = NULL;
        bool good;

        if (!(key->in & 1u << in) || !key->fallback ||
            (section && key->rule != CONFIG_PLAIN)) {
            continue;
        }
        good = config_value_read(key, key->fallback,
                                 config_target(config, in, section, key), &why);
        g_assert(good); /* a row of our own table */
        mark_set(config, in, section, key);
    }
}

/* Strings of the section's struct, by the same table that made them. */
static void
clear_section(DaemonConfig *config, ConfigIn in, void *section)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        const ConfigKey *key = &config_keys[i];

        if (key->in & 1u << in &&
            (key->type == CONFIG_TYPE_TEXT || key->type == CONFIG_TYPE_PATH)) {
            g_free(*(char **)config_target(config, in, section, key));
        }
    }
}

DaemonConfig *
daemon_config_new(void)
{
    DaemonConfig *config = g_new0(DaemonConfig, 1);

    for (ConfigIn in = 0; in < CONFIG_N_INS; in++) {
        if (config_kinds[in].argument) {
            *config_sections(config, in) = g_ptr_array_new();
        } else {
            fill_in(config, in, NULL);
        }
    }
    fill_in(config, CONFIG_IN_LINK, &config->any_link);
    g_assert(config->defaults.set == (1u << CONFIG_N_RULES) - 1);
    return config;
}

void
daemon_config_free(DaemonConfig *config)
{
    if (!config) {
        return;
    }
    for (ConfigIn in = 0; in < CONFIG_N_INS; in++) {
        GPtrArray *sections;

        if (!config_kinds[in].argument) {
            clear_section(config, in, NULL);
            continue;
        }
        sections = *config_sections(config, in);
        for (guint i = 0; i < sections->len; i++) {
            Head *head = g_ptr_array_index(sections, i);

            clear_section(config, in, head);
            g_free(head->name);
            g_free(head);
        }
        g_ptr_array_unref(sections);
    }
    g_free(config);
}

/* --- names of sections --- */

/* "10.1.0.0/16" is a network: nothing may be set behind the prefix. */
static char *
check_network(const char *name, char **why)
{
    const char *slash = strchr(name, '/');
    g_autofree char *address =
        slash ? g_strndup(name, (size_t)(slash - name)) : g_strdup(name);
    unsigned char bytes[16] = { 0 };
    char text[INET6_ADDRSTRLEN];
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    unsigned long most = family == AF_INET6 ? 128 : 32, bits = most;

    if (inet_pton(family, address, bytes) != 1) {
        *why = g_strdup_printf("'%s' is no address", address);
        return NULL;
    }
    if (slash) {
        char *end = NULL;

        bits = g_ascii_isdigit(slash[1]) ? strtoul(slash + 1, &end, 10) : 999;
        if (bits > most || *end) {
            *why = g_strdup_printf("'%s' is no length of a prefix (0 to %lu)",
                                   slash + 1, most);
            return NULL;
        }
    }
    for (unsigned long i = bits; i < most; i++) {
        bytes[i / 8] &= (unsigned char)~(0x80u >> i % 8);
    }
    inet_ntop(family, bytes, text, sizeof(text));
    if (slash) {
        unsigned char given[16] = { 0 };

        inet_pton(family, address, given);
        if (memcmp(given, bytes, sizeof(bytes)) != 0) {
            *why = g_strdup_printf("bits are set behind the prefix; write "
                                   "%s/%lu",
                                   text, bits);
            return NULL;
        }
    }
    return bits == most ? g_strdup(text)
                        : g_strdup_printf("%s/%lu", text, bits);
}

/* The name as it is compared, or NULL with *why. */
static char *
section_name(ConfigIn in, const char *name, char **why)
{
    if (in == CONFIG_IN_LINK &&
        (strlen(name) >= IFNAMSIZ || strpbrk(name, "/ \t"))) {
        *why = g_strdup_printf("'%s' is no name of an interface", name);
        return NULL;
    }
    if (in == CONFIG_IN_GUEST && g_uuid_string_is_valid(name)) {
        return g_ascii_strdown(name, -1);
    }
    if (in == CONFIG_IN_DESTINATION) {
        if (strpbrk(name, "/:") || name[strspn(name, "0123456789.")] == '\0') {
            return check_network(name, why);
        }
        return g_ascii_strdown(name, -1);
    }
    return g_strdup(name);
}

/* --- reading --- */

typedef struct Reader {
    DaemonConfig *config;
    GArray *mistakes;
    GHashTable *seen; /* "[section]" and, below it, keys -> line + 1 */
    bool in_section;  /* one that is known; else its keys are passed over */
    bool any_section;
    ConfigIn in;
    void *section; /* NULL: an unnamed one */
    char *title;   /* "[guest vm-a]" */
    unsigned line; /* of it */
} Reader;

/* Notes the line of @name; returns an earlier one, or 0. */
static unsigned
seen_before(Reader *reader, const char *name, unsigned line)
{
    unsigned earlier =
        GPOINTER_TO_UINT(g_hash_table_lookup(reader->seen, name));

    if (earlier == 0) {
        g_hash_table_insert(reader->seen, g_strdup(name),
                            GUINT_TO_POINTER(line));
    }
    return earlier;
}

static char *
all_sections(void)
{
    GString *text = g_string_new(NULL);

    for (ConfigIn in = 0; in < CONFIG_N_INS; in++) {
        g_string_append_printf(
            text, "%s[%s%s%s]", in ? ", " : "", config_kinds[in].word,
            config_kinds[in].argument ? " " : "",
            config_kinds[in].argument ? config_kinds[in].argument : "");
    }
    return g_string_free(text, FALSE);
}

static bool
find_kind(const char *word, ConfigIn *in)
{
    for (*in = 0; *in < CONFIG_N_INS; (*in)++) {
        if (strcmp(config_kinds[*in].word, word) == 0) {
            return true;
        }
    }
    return false;
}

static void
end_section(Reader *reader)
{
    for (size_t i = 0; reader->in_section && i < config_n_keys; i++) {
        const ConfigKey *key = &config_keys[i];
        g_autofree char *path =
            g_strdup_printf("%s %s", reader->title, key->name);

        if (key->required && key->in & 1u << reader->in &&
            !g_hash_table_contains(reader->seen, path)) {
            config_mistake(reader->mistakes, reader->line, "%s lacks %s",
                           reader->title, key->name);
        }
    }
    reader->in_section = false;
    reader->section = NULL;
    g_clear_pointer(&reader->title, g_free);
}

static void
begin_section(Reader *reader, const ConfigLine *line)
{
    const char *blank = strchr(line->value, ' ');
    g_autofree char *word =
        blank ? g_strndup(line->value, (size_t)(blank - line->value))
              : g_strdup(line->value);
    g_autofree char *argument = g_strstrip(g_strdup(blank ? blank : ""));
    g_autofree char *name = NULL, *why = NULL;
    const ConfigKind *kind;
    unsigned earlier;

    end_section(reader);
    reader->any_section = true;
    if (!find_kind(word, &reader->in)) {
        g_autofree char *all = all_sections();

        config_mistake(reader->mistakes, line->line,
                       "there is no section [%s]; there are %s", line->value,
                       all);
        return;
    }
    kind = &config_kinds[reader->in];
    if (!kind->argument != !*argument) {
        config_mistake(reader->mistakes, line->line,
                       kind->argument ? "[%s] needs a name: [%s %s]"
                                      : "[%s] has no name: [%s]",
                       line->value, kind->word, kind->argument);
        return;
    }
    if (*argument) {
        name = section_name(reader->in, argument, &why);
        if (!name) {
            config_mistake(reader->mistakes, line->line, "[%s]: %s",
                           line->value, why);
            return;
        }
    }
    reader->title = name ? g_strdup_printf("[%s %s]", kind->word, name)
                         : g_strdup_printf("[%s]", kind->word);
    earlier = seen_before(reader, reader->title, line->line);
    if (earlier) {
        config_mistake(reader->mistakes, line->line,
                       "%s stands already on line %u; put both together",
                       reader->title, earlier);
        g_clear_pointer(&reader->title, g_free);
        return;
    }
    reader->line = line->line;
    reader->in_section = true;
    if (name) {
        Head *head = g_malloc0(kind->size);

        head->name = g_steal_pointer(&name);
        head->line = line->line;
        g_ptr_array_add(*config_sections(reader->config, reader->in), head);
        fill_in(reader->config, reader->in, head);
        reader->section = head;
    }
}

static void
take_pair(Reader *reader, const ConfigLine *line)
{
    const ConfigKey *key;
    g_autofree char *path = NULL, *why = NULL;
    unsigned earlier;

    if (!reader->in_section) {
        if (!reader->any_section) {
            config_mistake(reader->mistakes, line->line,
                           "'%s' stands before the first [section]", line->key);
        }
        return; /* the section has been complained about already */
    }
    key = config_key_find(reader->in, line->key);
    if (!key) {
        g_autofree char *names = config_key_names(reader->in);

        config_mistake(reader->mistakes, line->line,
                       "%s has no key '%s'; it has %s", reader->title,
                       line->key, names);
        return;
    }
    path = g_strdup_printf("%s %s", reader->title, key->name);
    earlier = seen_before(reader, path, line->line);
    if (earlier) {
        config_mistake(reader->mistakes, line->line,
                       "%s: '%s' stands already on line %u", reader->title,
                       key->name, earlier);
        return;
    }
    if (!config_value_read(
            key, line->value,
            config_target(reader->config, reader->in, reader->section, key),
            &why)) {
        config_mistake(reader->mistakes, line->line, "%s: %s=%s: %s",
                       reader->title, key->name, line->value, why);
        return;
    }
    mark_set(reader->config, reader->in, reader->section, key);
}

DaemonConfig *
daemon_config_parse(const char *text, size_t length, const char *file,
                    GError **error)
{
    g_autoptr(DaemonConfig) config = daemon_config_new();
    g_autoptr(GArray) mistakes = config_mistakes_new();
    g_autoptr(GArray) lines = config_scan(text, length, mistakes);
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Reader reader = { .config = config, .mistakes = mistakes, .seen = seen };

    for (guint i = 0; i < lines->len; i++) {
        const ConfigLine *line = &g_array_index(lines, ConfigLine, i);

        if (line->key) {
            take_pair(&reader, line);
        } else {
            begin_section(&reader, line);
        }
    }
    end_section(&reader);
    if (mistakes->len) {
        config_mistakes_error(mistakes, file, error);
        return NULL;
    }
    return g_steal_pointer(&config);
}
