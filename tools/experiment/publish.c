/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * publish.c - the folder of a published experiment
 *
 * The page's first line says who wrote it: only such a folder is written over.
 */
#include "tools/experiment/publish.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "experiment/anonymize.h"
#include "experiment/report.h"
#include "tools/experiment/files.h"

#define PAGE "README.md"
#define MARK "<!-- written by vmferry-testbed report --publish -->\n"

G_DEFINE_QUARK(vmferry_publish_error, publish_error)

/* It is new, empty, or an earlier one of ours. */
static bool
may_write(const char *folder, GError **error)
{
    g_autofree char *page = g_build_filename(folder, PAGE, NULL);
    g_autofree char *text = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

    if (!dir || !g_dir_read_name(dir)) {
        return true;
    }
    if (g_file_get_contents(page, &text, NULL, NULL) &&
        g_str_has_prefix(text, MARK)) {
        return true;
    }
    g_set_error(error, PUBLISH_ERROR, PUBLISH_ERROR_NOT_OURS,
                "%s holds something else than an experiment published before: "
                "name another folder",
                folder);
    return false;
}

static bool
is_among(const GPtrArray *pictures, const char *file)
{
    for (guint i = 0; i < pictures->len; i++) {
        if (strcmp(((Picture *)g_ptr_array_index(pictures, i))->file, file) ==
            0) {
            return true;
        }
    }
    return false;
}

/* Of cells that are no longer there. */
static void
remove_old_pictures(const char *folder, const GPtrArray *pictures)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".svg") && !is_among(pictures, name)) {
            g_autofree char *path = g_build_filename(folder, name, NULL);

            g_unlink(path);
        }
    }
}

static bool
put(const char *folder, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    return g_file_set_contents(path, text, -1, error);
}

static bool
put_pictures(const char *folder, const GPtrArray *pictures, GError **error)
{
    for (guint i = 0; i < pictures->len; i++) {
        const Picture *picture = g_ptr_array_index(pictures, i);

        if (!put(folder, picture->file, picture->svg, error)) {
            return false;
        }
    }
    remove_old_pictures(folder, pictures);
    return true;
}

/* What a report is made of; a thousandth of a request is enough. */
static char *
lines_of(const GPtrArray *results)
{
    GString *lines = g_string_new(NULL);

    for (guint i = 0; i < results->len; i++) {
        g_autoptr(JsonObject) json =
            result_to_json(g_ptr_array_index(results, i));
        JsonObject *points = jobj_get(json, "points");
        g_autofree char *line = NULL;

        for (size_t p = 0; p < json_object_array_length(points); p++) {
            JsonObject *point = json_object_array_get_idx(points, p);
            double work;

            if (jobj_get_double(point, "work_s", &work)) {
                jobj_add_double(point, "work_s", round(work * 1000) / 1000);
            }
        }
        result_anonymize(json);
        line = jobj_to_text(json, false);
        g_string_append_printf(lines, "%s\n", line);
    }
    return g_string_free(lines, FALSE);
}

bool
publish(const char *folder, const Summary *summary, const GPtrArray *results,
        const char *text, GError **error)
{
    const char *name = summary->scenario->name;
    g_autofree char *there = g_build_filename(folder, name, NULL);
    g_autofree char *scenario = g_strdup_printf("%s.conf", name);
    g_autoptr(GPtrArray) pictures = experiment_pictures(summary, results);
    g_autofree char *page = experiment_markdown(summary, results, pictures);
    g_autofree char *marked = g_strconcat(MARK, page, NULL);
    g_autofree char *runs = experiment_runs_csv(summary, results);
    g_autofree char *csv = experiment_csv(summary);
    g_autofree char *lines = lines_of(results);

    if (summary->runs == 0) {
        g_set_error(error, PUBLISH_ERROR, PUBLISH_ERROR_EMPTY,
                    "%s: there is no run yet to publish", name);
        return false;
    }
    if (!may_write(there, error)) {
        return false;
    }
    if (g_mkdir_with_parents(there, 0755) != 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "%s cannot be made: %s", there, g_strerror(errno));
        return false;
    }
    /* the page first: it is what says that the rest is ours */
    return put(there, PAGE, marked, error) &&
           put(there, scenario, text, error) &&
           put(there, "runs.csv", runs, error) &&
           put(there, "summary.csv", csv, error) &&
           files_write_runs(there, lines, error) &&
           put_pictures(there, pictures, error);
}
