/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-read.c - values of a section
 */
#include "experiment/scenario-read.h"

#include <string.h>

static ScanEntry *
find(ScenarioReader *reader, const char *key)
{
    GArray *entries = reader->section->entries;

    for (guint i = 0; i < entries->len && !reader->error; i++) {
        ScanEntry *entry = &g_array_index(entries, ScanEntry, i);

        if (strcmp(entry->key, key) == 0) {
            entry->used = true;
            return entry;
        }
    }
    return NULL;
}

static const ScanEntry *
look_up(const ScenarioReader *reader, const char *key)
{
    GArray *entries = reader->section->entries;

    for (guint i = 0; key && i < entries->len; i++) {
        const ScanEntry *entry = &g_array_index(entries, ScanEntry, i);

        if (strcmp(entry->key, key) == 0) {
            return entry;
        }
    }
    return NULL;
}

bool
read_has(const ScenarioReader *reader, const char *key)
{
    return look_up(reader, key) != NULL;
}

unsigned
read_line(const ScenarioReader *reader, const char *key)
{
    const ScanEntry *entry = look_up(reader, key);

    return entry ? entry->line : reader->section->line;
}

void
read_fail(ScenarioReader *reader, const char *key, ScenarioErrorCode code,
          const char *format, ...)
{
    const ScanSection *section = reader->section;
    g_autofree char *text = NULL;
    va_list arguments;

    if (reader->error) {
        return;
    }
    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(&reader->error, SCENARIO_ERROR, (int)code,
                "%s:%u: [%s%s%s]%s%s: %s", reader->file, read_line(reader, key),
                section->kind, *section->name ? " " : "", section->name,
                key ? " " : "", key ? key : "", text);
}

void
read_text(ScenarioReader *reader, const char *key, char **value)
{
    const ScanEntry *entry = find(reader, key);

    if (!entry) {
        return;
    }
    if (*entry->value == '\0') {
        read_fail(reader, key, SCENARIO_ERROR_VALUE,
                  "has no value: give one, or leave the key out");
        return;
    }
    g_free(*value);
    *value = g_strdup(entry->value);
}

void
read_list(ScenarioReader *reader, const char *key, char ***value)
{
    const ScanEntry *entry = find(reader, key);
    g_auto(GStrv) words = NULL;

    if (!entry) {
        return;
    }
    words = g_strsplit(entry->value, ",", -1);
    for (char **word = words; *word; word++) {
        g_strstrip(*word);
        if (**word == '\0') {
            read_fail(reader, key, SCENARIO_ERROR_VALUE,
                      "a word is missing in \"%s\"; write A, B, C",
                      entry->value);
            return;
        }
        for (char **other = words; other < word; other++) {
            if (strcmp(*other, *word) == 0) {
                read_fail(reader, key, SCENARIO_ERROR_VALUE,
                          "\"%s\" is there twice", *word);
                return;
            }
        }
    }
    if (!*words) {
        read_fail(reader, key, SCENARIO_ERROR_VALUE,
                  "is empty: name at least one");
        return;
    }
    g_strfreev(*value);
    *value = g_steal_pointer(&words);
}

void
read_number(ScenarioReader *reader, const char *key, double least, double most,
            double *value)
{
    const ScanEntry *entry = find(reader, key);
    char *end = NULL;
    double number;

    if (!entry) {
        return;
    }
    number = g_ascii_strtod(entry->value, &end);
    if (entry->value[strspn(entry->value, "0123456789.")] != '\0' ||
        end == entry->value || *end || number < least || number > most) {
        read_fail(reader, key, SCENARIO_ERROR_VALUE,
                  "\"%s\" is no number from %g to %g", entry->value, least,
                  most);
        return;
    }
    *value = number;
}

void
read_known(ScenarioReader *reader, const char *key, double least, double most,
           Known *value)
{
    double number = -1.0;

    read_number(reader, key, least, most, &number);
    if (number >= least) {
        *value = known(number);
    }
}

void
read_count(ScenarioReader *reader, const char *key, unsigned least,
           unsigned most, unsigned *value)
{
    const ScanEntry *entry = find(reader, key);
    guint64 number;

    if (!entry) {
        return;
    }
    if (!g_ascii_string_to_unsigned(entry->value, 10, least, most, &number,
                                    NULL)) {
        read_fail(reader, key, SCENARIO_ERROR_VALUE,
                  "\"%s\" is no whole number from %u to %u", entry->value,
                  least, most);
        return;
    }
    *value = (unsigned)number;
}

void
read_yes(ScenarioReader *reader, const char *key, bool *value)
{
    const ScanEntry *entry = find(reader, key);

    if (!entry) {
        return;
    }
    if (strcmp(entry->value, "yes") != 0 && strcmp(entry->value, "no") != 0) {
        read_fail(reader, key, SCENARIO_ERROR_VALUE,
                  "\"%s\" is neither yes nor no", entry->value);
        return;
    }
    *value = strcmp(entry->value, "yes") == 0;
}

void
read_word(ScenarioReader *reader, const char *key, unsigned n,
          const char *(*name)(unsigned), unsigned *value)
{
    const ScanEntry *entry = find(reader, key);
    g_autoptr(GString) words = g_string_new(NULL);

    if (!entry) {
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(entry->value, name(i)) == 0) {
            *value = i;
            return;
        }
        g_string_append_printf(words, "%s%s", i ? ", " : "", name(i));
    }
    read_fail(reader, key, SCENARIO_ERROR_VALUE, "\"%s\" is none of: %s",
              entry->value, words->str);
}

void
read_only_of(ScenarioReader *reader, const char *key, bool is_such,
             const char *what)
{
    if (!is_such && read_has(reader, key)) {
        read_fail(reader, key, SCENARIO_ERROR_KEY, "is of %s", what);
    }
}

void
read_end(ScenarioReader *reader)
{
    GArray *entries = reader->section->entries;

    for (guint i = 0; i < entries->len; i++) {
        const ScanEntry *entry = &g_array_index(entries, ScanEntry, i);

        if (!entry->used) {
            read_fail(reader, entry->key, SCENARIO_ERROR_KEY,
                      "there is no such key in a section [%s]",
                      reader->section->kind);
        }
    }
}
