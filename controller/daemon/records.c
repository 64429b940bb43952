/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * records.c - what remains of a migration: its run record
 *
 * "extra.daemon" tells what a record of "vmferry migrate" has no need to: in
 * which mode it was watched, and when it was noticed. What was decided and not
 * carried out is in the record as well, beside what came of it.
 */
#include "daemon/daemon-priv.h"
#include "store/keep.h"

/* For "vmferry forecast", which is asked about the guest one day. A run without
 * a pass has nothing to say. */
static void
remember(Outgoing *outgoing, const RunRecord *record)
{
    const char *path = outgoing->daemon->config->daemon.history;
    g_autoptr(StoreRun) run = path ? store_run_of_record(record) : NULL;

    if (run && run->points->len > 0) {
        disk_remember(outgoing->daemon->disk, path, g_steal_pointer(&run),
                      outgoing->id);
    }
}

void
records_keep(Outgoing *outgoing, RunRecord *record)
{
    const char *folder = outgoing->daemon->config->daemon.records;
    JsonObject *more = json_object_new_object();
    g_autoptr(JsonObject) json = NULL;
    g_autofree char *path = NULL, *file = NULL;

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
    disk_write(outgoing->daemon->disk, path, jobj_to_text(json, false), true,
               outgoing->id);
}
