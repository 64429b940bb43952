/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history.c - runs into the store
 *
 * Of a run, the passes are kept whose D(T) says something about the guest as
 * it is: each seen alone, not throttled, and not the one with the guest
 * stopped. A run that was aborted has passes as good as any other's.
 */
#include "tools/cli/history.h"

char *
history_path(const char *option)
{
    const char *path = option ? option : g_getenv("VMFERRY_HISTORY");

    if (!path || !*path) {
        path = STORE_DEFAULT_PATH;
    }
    return g_str_equal(path, "none") ? NULL : g_strdup(path);
}

static Known
seconds(Known ms)
{
    return ms.known ? known(ms.value / 1000) : unknown();
}

static bool
tells_of_the_guest(const SampleRow *row)
{
    return !row->final && row->merged <= 1 && row->dirty_pages.known &&
           row->duration_s > 0 && row->throttle_percent == 0 &&
           (row->flags & SAMPLE_FLAG_TICK) == 0;
}

StoreRun *
history_run_of(const RunRecord *record)
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
    return run;
}

char *
history_keep(const char *path, const RunRecord *record)
{
    g_autoptr(StoreRun) run = history_run_of(record);
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = NULL;

    /* A run without a pass has nothing to say. */
    if (!path || !run || run->points->len == 0) {
        return NULL;
    }
    store = store_open(path, &error);
    if (store && store_add(store, run, &error)) {
        return NULL;
    }
    return g_strdup_printf("this migration is not remembered for the next "
                           "forecast: %s (--history FILE names another file)",
                           error->message);
}
