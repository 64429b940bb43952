/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.c - life of a run record, and the words it is written in
 */
#include "report/record-priv.h"

G_DEFINE_QUARK(vmferry_record_error, record_error)

static const char *const status_words[] = {
    [RUN_STATUS_COMPLETED] = "completed", [RUN_STATUS_FAILED] = "failed",
    [RUN_STATUS_ABORTED] = "aborted",     [RUN_STATUS_CUT_OFF] = "cut-off",
    [RUN_STATUS_LEFT] = "left",
};
G_STATIC_ASSERT(G_N_ELEMENTS(status_words) == RUN_N_STATUSES);

static const char *const policy_words[] = {
    [POLICY_NONE] = "none",
    [POLICY_PAPER] = "paper",
    [POLICY_DEFAULT] = "default",
};
G_STATIC_ASSERT(G_N_ELEMENTS(policy_words) == POLICY_N_KINDS);

static const char *const step_words[] = {
    [POLICY_STEP_KEEP] = "keep",
    [POLICY_STEP_SET] = "set",
    [POLICY_STEP_DELAY] = "delay",
    [POLICY_STEP_CANNOT] = "cannot",
};
G_STATIC_ASSERT(G_N_ELEMENTS(step_words) == POLICY_N_STEPS);

static const char *const source_words[] = {
    [SAMPLE_SOURCE_QMP] = "qmp",
    [SAMPLE_SOURCE_LIBVIRT] = "libvirt",
    [SAMPLE_SOURCE_PATCH] = "patch",
};
G_STATIC_ASSERT(G_N_ELEMENTS(source_words) == SAMPLE_N_SOURCES);

/* by bit number */
static const char *const flag_words[] = { "tick", "backwards", "time-guessed" };
G_STATIC_ASSERT(SAMPLE_FLAG_TICK == 1 && SAMPLE_FLAG_BACKWARDS == 2 &&
                SAMPLE_FLAG_TIME_GUESSED == 4);

#define WORDS(table)                                                           \
    {                                                                          \
        table, G_N_ELEMENTS(table)                                             \
    }
const RecordWords record_statuses = WORDS(status_words);
const RecordWords record_policies = WORDS(policy_words);
const RecordWords record_steps = WORDS(step_words);
const RecordWords record_sources = WORDS(source_words);
const RecordWords record_flags = WORDS(flag_words);

#define TEXT(section, name, member)                                            \
    {                                                                          \
        section, name, G_STRUCT_OFFSET(RunRecord, member)                      \
    }
const RecordText record_texts[] = {
    TEXT(NULL, "started", started),
    TEXT("outcome", "message", message),
    TEXT("versions", "vmferry", vmferry_version),
    TEXT("versions", "libvirt", libvirt_version),
    TEXT("versions", "qemu", qemu_version),
    TEXT("versions", "kernel", kernel_version),
    TEXT("host", "name", host_name),
    TEXT("guest", "name", guest_name),
    TEXT("guest", "uuid", guest_uuid),
    TEXT("guest", "machine", machine),
    TEXT("guest", "accelerator", accelerator),
    TEXT("migration", "source_uri", source_uri),
    TEXT("migration", "destination_uri", destination_uri),
    TEXT("migration", "migrate_uri", migrate_uri),
    TEXT("migration", "sample_source", sample_source),
    TEXT("link", "device", link_device),
    TEXT("link", "chain", link_chain),
    TEXT("link", "destination", link_destination),
};
const size_t record_n_texts = G_N_ELEMENTS(record_texts);

const char *
run_status_name(RunStatus status)
{
    g_assert(status < RUN_N_STATUSES);
    return status_words[status];
}

static void
array_new(GArray **array, guint size)
{
    *array = g_array_new(FALSE, TRUE, size);
}

static void
decision_clear(gpointer data)
{
    RunDecision *decision = data;

    g_clear_pointer(&decision->error, g_free);
}

RunRecord *
run_record_new(void)
{
    RunRecord *record = g_new0(RunRecord, 1);

    array_new(&record->iterations, sizeof(RunIteration));
    array_new(&record->decisions, sizeof(RunDecision));
    array_new(&record->points, sizeof(RunPoint));
    g_array_set_clear_func(record->decisions, decision_clear);
    record->options = g_ptr_array_new_with_free_func(g_free);
    record->warnings = g_ptr_array_new_with_free_func(g_free);
    record->names = g_string_chunk_new(64);
    return record;
}

void
run_record_free(RunRecord *record)
{
    if (!record) {
        return;
    }
    for (size_t i = 0; i < record_n_texts; i++) {
        g_free(G_STRUCT_MEMBER(char *, record, record_texts[i].offset));
    }
    g_array_unref(record->iterations);
    g_array_unref(record->decisions);
    g_array_unref(record->points);
    g_ptr_array_unref(record->options);
    g_ptr_array_unref(record->warnings);
    jobj_unref(record->events);
    jobj_unref(record->extra);
    g_string_chunk_free(record->names);
    g_free(record);
}

unsigned
run_record_passes(const RunRecord *record)
{
    unsigned passes = 0;

    for (guint i = 0; i < record->iterations->len; i++) {
        const RunIteration *it =
            &g_array_index(record->iterations, RunIteration, i);

        passes = MAX(passes, it->row.iter);
    }
    return passes;
}
