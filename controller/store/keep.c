/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keep.c - see keep.h
 */
#include "store/keep.h"

static Known
seconds(Known ms)
{
    return ms.known ? known(ms.value / 1000) : unknown();
}

/* Whoever comes late finds what is left of a pass, and takes it for the first:
 * QEMU begins with all of memory, and its ROMs. */
static bool
saw_the_beginning(const RunRecord *record, const SampleRow *row)
{
    return row->iter > 1 ||
           (double)row->pages_to_send * (double)row->page_bytes >=
               (double)record->guest_memory_bytes;
}

static bool
tells_of_the_guest(const SampleRow *row)
{
    return !row->final && row->merged <= 1 && row->dirty_pages.known &&
           row->duration_s > 0 && row->throttle_percent == 0 &&
           (row->flags & SAMPLE_FLAG_TICK) == 0;
}

static void
add_row(StoreRun *run, const SampleRow *row)
{
    if (row->iter == 1 && row->merged <= 1 && !row->final) {
        run->first_pass_bytes = known((double)row->sent_bytes);
    }
    if (tells_of_the_guest(row)) {
        /* In pages of 4096 bytes, whatever the guest's are. */
        double size = row->page_bytes > 0 ? (double)row->page_bytes : 4096;
        StorePoint point = { row->duration_s,
                             row->dirty_pages.value * size / 4096 };

        g_array_append_val(run->points, point);
    }
}

StoreRun *
store_run_of_record(const RunRecord *record)
{
    StoreRun *run;

    if (!record->guest_uuid) {
        return NULL;
    }
    run = store_run_new();
    run->guest_uuid = g_strdup(record->guest_uuid);
    run->guest_name = g_strdup(record->guest_name);
    run->started_us = g_get_real_time();
    run->policy = g_strdup(policy_kind_name(record->policy.kind));
    run->outcome = g_strdup(run_status_name(record->status));
    run->downtime_limit_s = known(record->policy.downtime_limit_s);
    run->total_s = seconds(record->total_ms);
    run->downtime_s = seconds(record->downtime_ms);
    run->bytes = record->bytes;
    if (run->bytes.known && known_or(run->total_s, 0) > 0) {
        run->bandwidth_bytes_s = known(run->bytes.value / run->total_s.value);
    }
    if (run->total_s.known) {
        run->started_us -= (int64_t)(run->total_s.value * G_USEC_PER_SEC);
    }
    for (guint i = 0; i < record->iterations->len; i++) {
        const SampleRow *row =
            &g_array_index(record->iterations, RunIteration, i).row;

        if (saw_the_beginning(record, row)) {
            add_row(run, row);
        }
    }
    return run;
}

bool
store_keep_record(const char *path, const RunRecord *record, GError **error)
{
    g_autoptr(StoreRun) run = store_run_of_record(record);
    g_autoptr(Store) store = NULL;

    if (!path || !run || run->points->len == 0) {
        return true;
    }
    store = store_open(path, error);
    return store && store_add(store, run, error);
}
