/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-scan.c - the lines of a configuration file, and what is wrong in it
 *
 * The grammar is GKeyFile's, and whatever is taken here GKeyFile reads alike (a
 * fuzz target checks that). It is stricter in what helps nobody: an unknown
 * escape, a control character, blanks around a section's name.
 */
#include "daemon/config-priv.h"

#include <string.h>

static void
line_clear(gpointer data)
{
    ConfigLine *line = data;

    g_free(line->key);
    g_free(line->value);
}

static void
mistake_clear(gpointer data)
{
    ConfigMistake *mistake = data;

    g_free(mistake->text);
}

GArray *
config_mistakes_new(void)
{
    GArray *mistakes = g_array_new(FALSE, FALSE, sizeof(ConfigMistake));

    g_array_set_clear_func(mistakes, mistake_clear);
    return mistakes;
}

void
config_mistake(GArray *mistakes, unsigned line, const char *format, ...)
{
    ConfigMistake mistake = { .line = line };
    va_list args;

    va_start(args, format);
    mistake.text = g_strdup_vprintf(format, args);
    va_end(args);
    g_array_append_val(mistakes, mistake);
}

static gint
by_line(gconstpointer a, gconstpointer b)
{
    const ConfigMistake *one = a, *other = b;

    return (one->line > other->line) - (one->line < other->line);
}

void
config_mistakes_error(GArray *mistakes, const char *file, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_array_sort(mistakes, by_line); /* a stable one */
    for (guint i = 0; i < mistakes->len; i++) {
        const ConfigMistake *mistake =
            &g_array_index(mistakes, ConfigMistake, i);

        g_string_append(text, i ? "\n" : "");
        if (mistake->line) {
            g_string_append_printf(text, "%s:%u: %s", file, mistake->line,
                                   mistake->text);
        } else {
            g_string_append_printf(text, "%s: %s", file, mistake->text);
        }
    }
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_CONTENT, text->str);
}

/* GKeyFile's escapes. NULL with *why for what is none. */
static char *
unescape(const char *value, const char **why)
{
    GString *text = g_string_new(NULL);

    for (const char *p = value; *p; p++) {
        static const char letters[] = "sntr\\", meant[] = " \n\t\r\\";
        const char *letter;

        if (*p != '\\') {
            g_string_append_c(text, *p);
            continue;
        }
        p++;
        letter = *p ? strchr(letters, *p) : NULL;
        if (!letter) {
            *why = "a backslash stands before s, n, t, r or another backslash";
            g_string_free(text, TRUE);
            return NULL;
        }
        g_string_append_c(text, meant[letter - letters]);
    }
    return g_string_free(text, FALSE);
}

static bool
has_control(const char *text)
{
    for (; *text; text++) {
        if (g_ascii_iscntrl(*text) && *text != '\t') {
            return true;
        }
    }
    return false;
}

static void
scan_section(const char *text, unsigned number, GArray *lines, GArray *mistakes)
{
    ConfigLine line = { .line = number };
    size_t length = strlen(text);

    if (length < 3 || text[length - 1] != ']' ||
        strcspn(text + 1, "[]\t") != length - 2) {
        config_mistake(mistakes, number,
                       "'%s' is no section; write [NAME], or [NAME ARGUMENT], "
                       "alone on its line",
                       text);
        return;
    }
    line.value = g_strndup(text + 1, length - 2);
    g_array_append_val(lines, line);
}

static void
scan_pair(const char *text, unsigned number, GArray *lines, GArray *mistakes)
{
    ConfigLine line = { .line = number };
    const char *equals = strchr(text, '=');
    const char *why = NULL;

    if (!equals || equals == text) {
        config_mistake(mistakes, number,
                       "'%s' is neither [section] nor key=value; a comment "
                       "begins with #",
                       text);
        return;
    }
    line.key = g_strchomp(g_strndup(text, (size_t)(equals - text)));
    for (equals++; g_ascii_isspace(*equals); equals++) {
    }
    line.value = unescape(equals, &why);
    if (!line.value) {
        config_mistake(mistakes, number, "'%s': %s", line.key, why);
        g_free(line.key);
        return;
    }
    g_array_append_val(lines, line);
}

GArray *
config_scan(const char *text, size_t length, GArray *mistakes)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(ConfigLine));
    const char *end = text + length;
    unsigned number = 0;

    g_array_set_clear_func(lines, line_clear);
    if (length > DAEMON_CONFIG_MAX_BYTES) {
        config_mistake(mistakes, 0,
                       "%zu bytes are too many for a configuration (at most "
                       "%u)",
                       length, DAEMON_CONFIG_MAX_BYTES);
        return lines;
    }
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        g_autofree char *line = NULL;

        number++;
        if (!g_utf8_validate(text, (gssize)n, NULL)) {
            config_mistake(mistakes, number, "this line is not UTF-8 text");
        } else {
            bool crlf = stop && n > 0 && text[n - 1] == '\r';
            g_autofree char *whole = g_strndup(text, n - (crlf ? 1 : 0));

            line = g_strstrip(g_strdup(whole));
            if (*line == '\0' || *line == '#') {
                /* nothing, or a comment */
            } else if (has_control(whole)) {
                config_mistake(mistakes, number,
                               "there is a control character in this line");
            } else if (*line == '[') {
                scan_section(line, number, lines, mistakes);
            } else {
                scan_pair(line, number, lines, mistakes);
            }
        }
        text += n + (stop ? 1 : 0);
    }
    return lines;
}
