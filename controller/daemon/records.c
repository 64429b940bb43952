/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * records.c - what remains of a migration: its run record
 *
 * "extra.daemon" tells what a record of "vmferry migrate" has no need to: in
 * which mode it was watched, and when it was noticed. What was decided and not
 * carried out is in the record as well, beside what came of it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon-priv.h"
#include "store/keep.h"

#define MOST_RECORDS 1000

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Their names begin with the time: the first are the oldest. */
static void
forget_oldest(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_ascii_isdigit(*name) && g_str_has_suffix(name, ".json")) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i + MOST_RECORDS < names->len; i++) {
        g_autofree char *path =
            g_build_filename(folder, g_ptr_array_index(names, i), NULL);

        (void)unlink(path);
    }
}

/* For "vmferry forecast", which is asked about the guest one day. */
static void
remember(Outgoing *outgoing, const RunRecord *record)
{
    g_autoptr(GError) error = NULL;

    if (!store_keep_record(outgoing->daemon->config->daemon.history, record,
                           &error)) {
        outgoing_log(outgoing, G_LOG_LEVEL_WARNING, LOG_EVENT_ENDED, "history",
                     "it is not remembered for forecasts: %s", error->message);
    }
}

void
records_keep(Outgoing *outgoing, RunRecord *record)
{
    const char *folder = outgoing->daemon->config->daemon.records;
    JsonObject *more = json_object_new_object();
    g_autoptr(JsonObject) json = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL, *text = NULL, *file = NULL;

    jobj_add_string(more, "session", outgoing->id);
    jobj_add_string(more, "mode", config_mode_name(outgoing->rules.mode));
    jobj_add_string(more, "starter", outgoing_starter(outgoing));
    jobj_add_string(more, "in_force", force_state_name(outgoing->force));
    jobj_add_string(more, "in_force_text", outgoing->why_not);
    jobj_add_u64(more, "port", outgoing->endpoint.destination_port);
    jobj_add_u64(more, "repairs", outgoing->repairs);
    if (!record->extra) {
        record->extra = json_object_new_object();
    }
    jobj_add(record->extra, "daemon", more);
    remember(outgoing, record);
    if (!folder) {
        return;
    }
    file = g_strdup_printf("%s.json", outgoing->id);
    path = g_build_filename(folder, file, NULL);
    json = run_record_to_json(record);
    text = jobj_to_text(json, false);
    if (g_mkdir_with_parents(folder, 0755) != 0) {
        outgoing_log(outgoing, G_LOG_LEVEL_WARNING, LOG_EVENT_ENDED, "record",
                     "its record is not kept: making %s: %s", folder,
                     g_strerror(errno));
    } else if (!g_file_set_contents(path, text, -1, &error)) {
        outgoing_log(outgoing, G_LOG_LEVEL_WARNING, LOG_EVENT_ENDED, "record",
                     "its record is not kept: %s", error->message);
    } else {
        forget_oldest(folder);
    }
}
