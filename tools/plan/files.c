/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.c - see files.h
 */
#include "tools/plan/files.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "plan/format.h"

static GBytes *
unpack(const char *name, const char *text, size_t length, GError **error)
{
    g_autoptr(GInputStream) in =
        g_memory_input_stream_new_from_data(text, (gssize)length, NULL);
    g_autoptr(GZlibDecompressor) gunzip =
        g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
    g_autoptr(GInputStream) plain =
        g_converter_input_stream_new(in, G_CONVERTER(gunzip));
    g_autoptr(GOutputStream) out = g_memory_output_stream_new_resizable();

    if (g_output_stream_splice(out, plain, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
                               NULL, error) < 0) {
        g_prefix_error(error, "unpacking %s: ", name);
        return NULL;
    }
    return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(out));
}

static bool
read_stdin(char **text, size_t *length, GError **error)
{
    GString *all = g_string_new(NULL);
    char part[65536];
    size_t n;

    while ((n = fread(part, 1, sizeof(part), stdin)) > 0) {
        g_string_append_len(all, part, (gssize)n);
    }
    *length = all->len;
    *text = g_string_free(all, FALSE);
    if (ferror(stdin)) {
        g_clear_pointer(text, g_free);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "standard input cannot be read");
        return false;
    }
    return true;
}

GBytes *
plan_file_read(const char *name, GError **error)
{
    g_autofree char *text = NULL;
    size_t length;

    if (strcmp(name, "-") == 0
            ? !read_stdin(&text, &length, error)
            : !g_file_get_contents(name, &text, &length, error)) {
        return NULL;
    }
    if (length > 2 && memcmp(text, "\x1f\x8b", 2) == 0) {
        return unpack(name, text, length, error);
    }
    return g_bytes_new_take(g_steal_pointer(&text), length);
}

static PlanModel *
from_json(const PlanText *texts, int64_t number, GError **error)
{
    return plan_format_read(texts[0].text, texts[0].length, error);
}

static PlanModel *
from_roadef(const PlanText *texts, int64_t number, GError **error)
{
    return plan_import_roadef(texts[0], texts[1], error);
}

static PlanModel *
from_btrplace(const PlanText *texts, int64_t number, GError **error)
{
    return plan_import_btrplace(texts[0], error);
}

static PlanModel *
from_packing(const PlanText *texts, int64_t number, GError **error)
{
    return plan_import_packing(texts[0], number ? number : 1, error);
}

static PlanModel *
from_graph(const PlanText *texts, int64_t number, GError **error)
{
    return plan_import_graph(texts[0], number ? number : 2, error);
}

static PlanModel *
from_huawei(const PlanText *texts, int64_t number, GError **error)
{
    return plan_import_huawei(texts[0], texts[1], error);
}

#define MOST_FILES 2

static const struct {
    const char *name;
    size_t n_files;
    bool numbered; /* FILE#NUMBER */
    PlanModel *(*load)(const PlanText *texts, int64_t number, GError **error);
} formats[] = {
    { "json", 1, false, from_json },
    { "roadef", 2, false, from_roadef },
    { "btrplace", 1, false, from_btrplace },
    { "huawei", 2, false, from_huawei },
    { "binpacking", 1, true, from_packing },
    { "graph", 1, true, from_graph },
};

const char *
plan_file_formats(void)
{
    return "  json MODEL                  vmferry's own, see plan-format.md\n"
           "  roadef MODEL ASSIGNMENT     machine reassignment, 2012\n"
           "  btrplace INSTANCE           BtrPlace's JSON\n"
           "  huawei HOSTS REQUESTS       Huawei's tables, CSV\n"
           "  binpacking FILE[#PROBLEM]   bin packing, one dimension\n"
           "  graph FILE[#PARTS]          METIS' format, 2 parts if not said\n";
}

/* What stands behind the last "#" of @name, 0 if nothing does; cut off then */
static bool
split_number(char *name, int64_t *number, GError **error)
{
    char *hash = strrchr(name, '#');

    *number = 0;
    if (!hash || g_file_test(name, G_FILE_TEST_EXISTS)) {
        return true;
    }
    if (!g_ascii_string_to_signed(hash + 1, 10, 1, INT32_MAX, number, error)) {
        g_prefix_error(error, "%s: behind the #: ", name);
        return false;
    }
    *hash = '\0';
    return true;
}

PlanModel *
plan_file_load(const char *format, char **names, GError **error)
{
    size_t n = g_strv_length(names);
    g_autoptr(GPtrArray) all =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    PlanText texts[MOST_FILES];
    PlanModel *model;
    int64_t number = 0;
    size_t f = 0;

    while (f < G_N_ELEMENTS(formats) && strcmp(formats[f].name, format) != 0) {
        f++;
    }
    if (f == G_N_ELEMENTS(formats)) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_SYNTAX,
                    "--from %s: no such format; there are\n%s", format,
                    plan_file_formats());
        return NULL;
    }
    if (n != formats[f].n_files) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_SYNTAX,
                    "format %s has %zu files, %zu were given", format,
                    formats[f].n_files, n);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        g_autofree char *name = g_strdup(names[i]);
        GBytes *bytes;
        gsize length;

        if (formats[f].numbered && !split_number(name, &number, error)) {
            return NULL;
        }
        bytes = plan_file_read(name, error);
        if (!bytes) {
            return NULL;
        }
        g_ptr_array_add(all, bytes);
        texts[i].text = g_bytes_get_data(bytes, &length);
        texts[i].length = length;
        if (!texts[i].text) {
            texts[i].text = "";
        }
    }
    model = formats[f].load(texts, number, error);
    if (!model) {
        g_prefix_error(error, "%s: ", names[0]);
    }
    return model;
}
