/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-scan.c - lines into sections and entries
 *
 *   # comment
 *   [guest vm2]
 *   memory = 256
 */
#include "experiment/scenario-scan.h"

#include <string.h>

#define SCAN_MOST_BYTES (1024 * 1024)

static void
entry_clear(gpointer data)
{
    ScanEntry *entry = data;

    g_free(entry->key);
    g_free(entry->value);
}

static void
section_free(gpointer data)
{
    ScanSection *section = data;

    g_free(section->kind);
    g_free(section->name);
    g_array_unref(section->entries);
    g_free(section);
}

static void G_GNUC_PRINTF(4, 5) fail(GError **error, const char *file,
                                     unsigned line, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_SYNTAX, "%s:%u: %s", file,
                line, text);
}

/* Names become parts of file names and of guests' names. */
static bool
name_is_plain(const char *name)
{
    return strlen(name) <= 40 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] == 0 &&
           (*name == '\0' || g_ascii_isalnum(*name));
}

static bool
scan_head(GPtrArray *sections, char *text, const char *file, unsigned line,
          GError **error)
{
    char *end = strchr(text, ']');
    char *space;
    const char *name = "";
    ScanSection *section;

    if (!end || end[1] != '\0') {
        fail(error, file, line, "a section reads [KIND] or [KIND NAME]");
        return false;
    }
    *end = '\0';
    text = g_strstrip(text + 1);
    space = strpbrk(text, " \t");
    if (space) {
        *space = '\0';
        name = g_strstrip(space + 1);
    }
    if (!name_is_plain(name)) {
        fail(error, file, line,
             "[%s %s]: a name has up to 40 letters, digits, \".\" and \"-\"",
             text, name);
        return false;
    }
    for (guint i = 0; i < sections->len; i++) {
        const ScanSection *other = g_ptr_array_index(sections, i);

        if (strcmp(other->kind, text) == 0 && strcmp(other->name, name) == 0) {
            fail(error, file, line, "[%s%s%s] stands in line %u already", text,
                 *name ? " " : "", name, other->line);
            return false;
        }
    }
    section = g_new0(ScanSection, 1);
    section->kind = g_strdup(text);
    section->name = g_strdup(name);
    section->line = line;
    section->entries = g_array_new(FALSE, TRUE, sizeof(ScanEntry));
    g_array_set_clear_func(section->entries, entry_clear);
    g_ptr_array_add(sections, section);
    return true;
}

static bool
scan_entry(ScanSection *section, char *text, const char *file, unsigned line,
           GError **error)
{
    char *equals = strchr(text, '=');
    ScanEntry entry = { .line = line };
    const char *key, *value;

    if (!equals) {
        fail(error, file, line, "\"%s\" is neither [SECTION] nor KEY = VALUE",
             text);
        return false;
    }
    if (!section) {
        fail(error, file, line, "\"%s\" stands before any [SECTION]", text);
        return false;
    }
    *equals = '\0';
    key = g_strstrip(text);
    value = g_strstrip(equals + 1);
    for (guint i = 0; i < section->entries->len; i++) {
        const ScanEntry *other = &g_array_index(section->entries, ScanEntry, i);

        if (strcmp(other->key, key) == 0) {
            fail(error, file, line, "%s: stands in line %u already", key,
                 other->line);
            return false;
        }
    }
    entry.key = g_strdup(key);
    entry.value = g_strdup(value);
    g_array_append_val(section->entries, entry);
    return true;
}

GPtrArray *
scenario_scan(const char *text, size_t length, const char *file, GError **error)
{
    g_autoptr(GPtrArray) sections =
        g_ptr_array_new_with_free_func(section_free);
    g_autofree char *copy = NULL;
    char *line_end;
    unsigned line = 0;

    if (length > SCAN_MOST_BYTES || memchr(text, '\0', length) ||
        !g_utf8_validate(text, (gssize)length, NULL)) {
        fail(error, file, 1, "it is no text of at most a MiB");
        return NULL;
    }
    copy = g_strndup(text, length);
    for (char *at = copy; at; at = line_end) {
        char *stripped;
        bool good = true;

        line++;
        line_end = strchr(at, '\n');
        if (line_end) {
            *line_end++ = '\0';
        }
        stripped = g_strstrip(at);
        if (*stripped == '\0' || *stripped == '#' || *stripped == ';') {
            continue;
        }
        if (*stripped == '[') {
            good = scan_head(sections, stripped, file, line, error);
        } else {
            good = scan_entry(
                sections->len ? g_ptr_array_index(sections, sections->len - 1)
                              : NULL,
                stripped, file, line, error);
        }
        if (!good) {
            return NULL;
        }
    }
    return g_steal_pointer(&sections);
}
