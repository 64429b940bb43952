/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-csv.c - the iterations of a record in the trace format
 *
 * Traces count pages of 4096 bytes whatever the guest's are.
 */
#include "report/record.h"
#include "report/trace.h"

#include <math.h>

static double
in_trace_pages(const SampleRow *row, double pages)
{
    return row->page_bytes
               ? pages * ((double)row->page_bytes / TRACE_PAGE_BYTES)
               : pages;
}

static Known
known_in_trace_pages(const SampleRow *row, Known pages)
{
    return pages.known ? known(in_trace_pages(row, pages.value)) : unknown();
}

static void
add_row(TraceTable *table, const RunIteration *it, const char *group,
        const char *trace)
{
    const SampleRow *row = &it->row;
    bool measured = row->bandwidth_bytes_s > 0 || row->duration_s > 0;
    TraceRow to = {
        .group = group,
        .trace = trace,
        .iter = row->iter,
        .merged = row->merged,
        .pages_to_send =
            (uint64_t)ceil(in_trace_pages(row, (double)row->pages_to_send)),
        /* whole microseconds, as measured */
        .duration_s = round(row->duration_s * 1e6) / 1e6,
        .dirty_pages = known_in_trace_pages(row, row->dirty_pages),
        .hot_pages = known_in_trace_pages(row, row->hot_pages),
        .cold_pages = known_in_trace_pages(row, row->cold_pages),
        .sent_bytes = known((double)row->sent_bytes),
        .bandwidth_bytes_s =
            measured ? known(row->bandwidth_bytes_s) : unknown(),
        .mem_used = row->mem_used,
        .cpu_cores = row->cpu_cores,
        .vm_net_bytes_s = row->vm_net_bytes_s,
        .host_net_bytes_s = row->host_net_bytes_s,
        .throttle_percent = known(row->throttle_percent),
        .final = row->final,
    };

    trace_table_add(table, &to);
}

char *
run_record_to_csv(const RunRecord *record, const char *group, const char *trace)
{
    g_autoptr(TraceTable) table = trace_table_new();
    const char *guest = record->guest_name && *record->guest_name
                            ? record->guest_name
                            : "guest";
    g_autofree char *run =
        g_strjoin(" ", guest, record->started ? record->started : NULL, NULL);

    for (guint i = 0; i < record->iterations->len; i++) {
        add_row(table, &g_array_index(record->iterations, RunIteration, i),
                group && *group ? group : guest, trace && *trace ? trace : run);
    }
    return trace_to_text(table);
}
