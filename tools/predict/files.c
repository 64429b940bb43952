/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.c - traces and lists in, text out
 */
#include "tools/predict/commands.h"
#include "base/files.h"

#include <stdio.h>
#include <string.h>

TraceTable *
predict_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    TraceTable *table;

    if (!g_file_get_contents(path, &text, &length, error)) {
        return NULL;
    }
    table = trace_parse(text, length, error);
    if (!table) {
        g_prefix_error(error, "%s: ", path);
    }
    return table;
}

bool
predict_write(const char *path, const char *text, GError **error)
{
    bool newline = !g_str_has_suffix(text, "\n");

    if (path && strcmp(path, "-") != 0) {
        return file_write(path, text, error);
    }
    if (fputs(text, stdout) == EOF || (newline && putchar('\n') == EOF) ||
        fflush(stdout) == EOF) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO,
                            "standard output cannot be written");
        return false;
    }
    return true;
}

char **
predict_flatten(char **lists)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (!lists) {
        return NULL;
    }
    for (char **list = lists; *list; list++) {
        g_auto(GStrv) parts = g_strsplit(*list, ",", -1);

        for (char **part = parts; *part; part++) {
            if (**part) {
                g_strv_builder_add(builder, *part);
            }
        }
    }
    return g_strv_builder_end(builder);
}
