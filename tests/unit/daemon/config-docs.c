/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-docs.c - do man page and example say what the table of keys says?
 *
 *   config-docs check MAN EXAMPLE
 *   config-docs update MAN          rewrites the list between the two marks
 *
 * The list in vmferry.conf(5) is the one that is printed here, to the letter.
 * The example names every key of every section, commented out, with its
 * default; with the comments taken away it is read without a mistake.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config-priv.h"

#define BEGIN_MARK "; keys: written by tests/unit/daemon/config-docs\n"
#define END_MARK "; end of keys\n"

/* Words of scdoc's markup, at most 80 to a line. */
static void
wrap(GString *out, const char *indent, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 0);
    size_t column = 0;

    for (size_t i = 0; words[i]; i++) {
        size_t length = strlen(words[i]);

        /* scdoc takes "[" at the beginning of a line for a table */
        if (column && column + 1 + length > 76 && words[i][0] != '[') {
            g_string_append_c(out, '\n');
            column = 0;
        }
        g_string_append(out, column ? " " : indent);
        g_string_append(out, words[i]);
        column += length + 1;
    }
    g_string_append_c(out, '\n');
}

static void
list_key(GString *out, const ConfigKey *key, ConfigIn in)
{
    bool inherits = key->rule != CONFIG_PLAIN && config_kinds[in].argument;
    g_autoptr(GString) words = g_string_new(NULL);

    g_string_append_printf(out, "*%s*=_%s_\n", key->name,
                           config_type_name(key->type));
    if (inherits) { /* described where it has its default */
        wrap(out, "\t",
             key->in & 1u << CONFIG_IN_LADDER ? "As in [ladder]."
                                              : "As in [daemon].");
        g_string_append_c(out, '\n');
        return;
    }
    g_string_append(words, key->help);
    if (key->required) {
        g_string_append(words, " It has to be there.");
    } else {
        g_string_append_printf(words, " Default: %s.", key->fallback);
    }
    if (key->restart) {
        g_string_append(words, " A change takes a restart.");
    }
    wrap(out, "\t", words->str);
    g_string_append_c(out, '\n');
}

static char *
list_all(void)
{
    GString *out = g_string_new(NULL);

    for (ConfigIn in = 0; in < CONFIG_N_INS; in++) {
        const ConfigKind *kind = &config_kinds[in];

        g_string_append_printf(out, "## [%s%s%s]\n\n", kind->word,
                               kind->argument ? " " : "",
                               kind->argument ? kind->argument : "");
        wrap(out, "", kind->help);
        g_string_append_c(out, '\n');
        for (size_t i = 0; i < config_n_keys; i++) {
            if (config_keys[i].in & 1u << in) {
                list_key(out, &config_keys[i], in);
            }
        }
    }
    return g_string_free(out, FALSE);
}

/* Where the list begins and ends in the page. */
static bool
find_list(const char *page, const char **begin, const char **end)
{
    *begin = strstr(page, BEGIN_MARK);
    *end = *begin ? strstr(*begin, END_MARK) : NULL;
    if (!*end) {
        fprintf(stderr, "the man page lacks the marks of its list\n");
        return false;
    }
    *begin += strlen(BEGIN_MARK);
    return true;
}

static int
update(const char *path)
{
    g_autofree char *page = NULL, *list = list_all(), *new_page = NULL;
    g_autoptr(GError) error = NULL;
    const char *begin, *end;

    if (!g_file_get_contents(path, &page, NULL, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    if (!find_list(page, &begin, &end)) {
        return 1;
    }
    new_page =
        g_strdup_printf("%.*s\n%s%s", (int)(begin - page), page, list, end);
    if (!g_file_set_contents(path, new_page, -1, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    return 0;
}

static unsigned
check_man(const char *page)
{
    g_autofree char *list = list_all();
    g_autofree char *wanted = g_strconcat("\n", list, NULL);
    const char *begin, *end;

    if (!find_list(page, &begin, &end)) {
        return 1;
    }
    if (strlen(wanted) != (size_t)(end - begin) ||
        strncmp(wanted, begin, strlen(wanted)) != 0) {
        fprintf(stderr, "vmferry.conf(5) does not list the keys as the table "
                        "has them; run config-docs update\n");
        return 1;
    }
    return 0;
}

/* The example's lines "#key=value" and "[section]" without the "#". */
static char *
uncomment(const char *example)
{
    g_auto(GStrv) lines = g_strsplit(example, "\n", 0);
    GString *text = g_string_new(NULL);

    for (size_t i = 0; lines[i]; i++) {
        const char *line = lines[i];

        if (*line == '#' && line[1] != ' ' && line[1] != '\0') {
            line++;
        }
        g_string_append_printf(text, "%s\n", line);
    }
    return g_string_free(text, FALSE);
}

/* Whether the section of the key has a line "#key=default". */
static bool
has_key(const char *example, ConfigIn in, const ConfigKey *key)
{
    g_auto(GStrv) lines = g_strsplit(example, "\n", 0);
    bool rules = key->rule != CONFIG_PLAIN && config_kinds[in].argument;
    bool any = rules || key->required; /* an example's own value */
    g_autofree char *wanted =
        any ? g_strdup_printf("#%s=", key->name)
            : g_strdup_printf("#%s=%s", key->name, key->fallback);
    g_autofree char *section = g_strdup_printf("[%s", config_kinds[in].word);
    bool inside = false;

    for (size_t i = 0; lines[i]; i++) {
        const char *line = lines[i] + (lines[i][0] == '#' ? 1 : 0);
        char after;

        if (*line == '[') {
            after = g_str_has_prefix(line, section) ? line[strlen(section)] : 0;
            inside = after == ']' || after == ' ';
        }
        if (inside && (any ? g_str_has_prefix(lines[i], wanted)
                           : strcmp(lines[i], wanted) == 0)) {
            return true;
        }
    }
    if (rules) { /* said once, in [daemon] or [ladder] */
        return true;
    }
    fprintf(stderr, "the example lacks '%s' in [%s]\n", wanted,
            config_kinds[in].word);
    return false;
}

static unsigned
check_example(const char *example)
{
    g_autofree char *all = uncomment(example);
    g_autoptr(DaemonConfig) as_shipped = NULL, uncommented = NULL, none = NULL;
    g_autofree char *difference = NULL;
    g_autoptr(GError) error = NULL;
    unsigned mistakes = 0;

    as_shipped =
        daemon_config_parse(example, strlen(example), "example", &error);
    if (!as_shipped) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    none = daemon_config_new();
    difference = daemon_config_diff(none, as_shipped, NULL);
    if (*difference) {
        fprintf(stderr, "as shipped the example changes:\n%s", difference);
        mistakes++;
    }
    uncommented = daemon_config_parse(all, strlen(all), "example", &error);
    if (!uncommented) {
        fprintf(stderr, "without #: %s\n", error->message);
        return mistakes + 1;
    }
    for (ConfigIn in = 0; in < CONFIG_N_INS; in++) {
        for (size_t i = 0; i < config_n_keys; i++) {
            mistakes += config_keys[i].in & 1u << in &&
                        !has_key(example, in, &config_keys[i]);
        }
    }
    return mistakes;
}

int
main(int argc, char **argv)
{
    g_autofree char *page = NULL, *example = NULL;
    g_autoptr(GError) error = NULL;
    unsigned mistakes;

    if (argc == 3 && strcmp(argv[1], "update") == 0) {
        return update(argv[2]);
    }
    if (argc != 4 || strcmp(argv[1], "check") != 0) {
        fprintf(stderr, "usage: config-docs check MAN EXAMPLE | update MAN\n");
        return 2;
    }
    if (!g_file_get_contents(argv[2], &page, NULL, &error) ||
        !g_file_get_contents(argv[3], &example, NULL, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    mistakes = check_man(page);
    mistakes += check_example(example);
    printf("%zu keys looked up, %u mistakes\n", config_n_keys, mistakes);
    return mistakes ? 1 : 0;
}
