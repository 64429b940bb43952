/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.c - results on disk
 */
#include "tools/experiment/files.h"

#include <glib/gstdio.h>
#include <string.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define RUNS "runs.jsonl"               /* of one that was published */
#define MOST_BYTES (512u * 1024 * 1024) /* of one result, unpacked */

G_DEFINE_QUARK(vmferry_files_error, files_error)

#ifdef HAVE_ZSTD
#define SUFFIX ".zst"

static bool
unpack(const char *path, char **text, gsize *length, GError **error)
{
    unsigned long long size = ZSTD_getFrameContentSize(*text, *length);
    g_autofree char *whole = NULL;
    size_t got;

    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
        size > MOST_BYTES) {
        g_set_error(error, FILES_ERROR, FILES_ERROR_ZSTD,
                    "%s: it is no result compressed with zstd", path);
        return false;
    }
    whole = g_malloc(size + 1);
    got = ZSTD_decompress(whole, size, *text, *length);
    if (ZSTD_isError(got) || got != size) {
        g_set_error(error, FILES_ERROR, FILES_ERROR_ZSTD, "%s: %s", path,
                    ZSTD_isError(got) ? ZSTD_getErrorName(got)
                                      : "it is shorter than it says");
        return false;
    }
    whole[size] = '\0';
    g_free(*text);
    *text = g_steal_pointer(&whole);
    *length = got;
    return true;
}

static char *
pack(const char *text, gsize *length, GError **error)
{
    size_t room = ZSTD_compressBound(strlen(text));
    g_autofree char *packed = g_malloc(room);
    size_t got = ZSTD_compress(packed, room, text, strlen(text), 9);

    if (ZSTD_isError(got)) {
        g_set_error_literal(error, FILES_ERROR, FILES_ERROR_ZSTD,
                            ZSTD_getErrorName(got));
        return NULL;
    }
    *length = got;
    return g_steal_pointer(&packed);
}
#else
#define SUFFIX ""

static bool
unpack(const char *path, char **text, gsize *length, GError **error)
{
    g_set_error(error, FILES_ERROR, FILES_ERROR_ZSTD,
                "%s: this vmferry was built without libzstd; `zstd -d --rm' "
                "unpacks it",
                path);
    return false;
}

static char *
pack(const char *text, gsize *length, GError **error)
{
    *length = strlen(text);
    return g_strdup(text);
}
#endif

bool
files_read(const char *path, char **text, gsize *length, GError **error)
{
    g_autofree char *got = NULL;
    gsize n = 0;

    if (!g_file_get_contents(path, &got, &n, error)) {
        return false;
    }
    if (g_str_has_suffix(path, ".zst") && !unpack(path, &got, &n, error)) {
        return false;
    }
    *text = g_steal_pointer(&got);
    *length = n;
    return true;
}

bool
files_has_run(const char *folder, const char *name)
{
    g_autofree char *plain = g_strdup_printf("%s/runs/%s.json", folder, name);
    g_autofree char *packed = g_strdup_printf("%s.zst", plain);

    return g_file_test(plain, G_FILE_TEST_EXISTS) ||
           g_file_test(packed, G_FILE_TEST_EXISTS);
}

bool
files_read_run(const char *folder, const char *name, char **text, gsize *length,
               GError **error)
{
    g_autofree char *plain = g_strdup_printf("%s/runs/%s.json", folder, name);
    g_autofree char *packed = g_strdup_printf("%s.zst", plain);

    return files_read(g_file_test(packed, G_FILE_TEST_EXISTS) ? packed : plain,
                      text, length, error);
}

/* Over to its name when it is whole. */
static bool
write_packed(const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s" SUFFIX, name);
    gsize length = 0;
    g_autofree char *packed = pack(text, &length, error);

    return packed && g_file_set_contents(path, packed, (gssize)length, error);
}

bool
files_write_run(const char *folder, const char *name, const char *text,
                GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/runs/%s.json", folder, name);

    return write_packed(path, text, error);
}

bool
files_write_runs(const char *folder, const char *lines, GError **error)
{
    g_autofree char *path = g_build_filename(folder, RUNS, NULL);

    return write_packed(path, lines, error);
}

static int
name_compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* A line each. */
static bool
load_published(const char *path, GPtrArray *results, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    gsize length = 0;

    if (!files_read(path, &text, &length, error)) {
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        Result *result;

        if (*lines[i] == '\0') {
            continue;
        }
        result = result_parse(lines[i], strlen(lines[i]), error);
        if (!result) {
            g_prefix_error(error, "%s:%u: ", path, i + 1);
            return false;
        }
        g_ptr_array_add(results, result);
    }
    return true;
}

/* The one there is, NULL: it was never published. */
static char *
find_published(const char *folder)
{
    static const char *const names[] = { RUNS ".zst", RUNS };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);

        if (g_file_test(path, G_FILE_TEST_EXISTS)) {
            return g_steal_pointer(&path);
        }
    }
    return NULL;
}

static bool
load_results(const char *folder, GPtrArray *results, GError **error)
{
    g_autofree char *runs = g_build_filename(folder, "runs", NULL);
    g_autoptr(GDir) dir = g_dir_open(runs, 0, error);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    if (!dir) {
        return false;
    }
    while ((name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".json") ||
            g_str_has_suffix(name, ".json.zst")) {
            g_ptr_array_add(names, g_build_filename(runs, name, NULL));
        }
    }
    g_ptr_array_sort(names, name_compare);
    for (guint i = 0; i < names->len; i++) {
        const char *path = g_ptr_array_index(names, i);
        g_autofree char *text = NULL;
        gsize length = 0;
        Result *result;

        if (!files_read(path, &text, &length, error)) {
            return false;
        }
        result = result_parse(text, length, error);
        if (!result) {
            g_prefix_error(error, "%s: ", path);
            return false;
        }
        g_ptr_array_add(results, result);
    }
    return true;
}

static char *
find_scenario(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".conf")) {
            return g_build_filename(folder, name, NULL);
        }
    }
    return NULL;
}

bool
files_load(const char *folder, Scenario **scenario, char **text,
           GPtrArray **results, GError **error)
{
    g_autofree char *path = find_scenario(folder);
    g_autofree char *words = NULL;
    g_autofree char *published = NULL;
    g_autoptr(Scenario) read = NULL;
    g_autoptr(GPtrArray) list =
        g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
    gsize length = 0;

    if (!path) {
        g_set_error(error, FILES_ERROR, FILES_ERROR_NO_EXPERIMENT,
                    "%s holds no experiment: there is no scenario in it, NAME"
                    ".conf",
                    folder);
        return false;
    }
    if (!g_file_get_contents(path, &words, &length, error)) {
        return false;
    }
    read = scenario_parse(words, length, path, error);
    published = find_published(folder);
    if (!read || !(published ? load_published(published, list, error)
                             : load_results(folder, list, error))) {
        return false;
    }
    if (text) {
        *text = g_steal_pointer(&words);
    }
    *scenario = g_steal_pointer(&read);
    *results = g_steal_pointer(&list);
    return true;
}
