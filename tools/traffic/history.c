/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history.c - vmferry-traffic history: what live has kept, as one matrix
 *
 * Files of several hosts are read side by side, an hour or so at a time: for
 * each period the larger of what two hosts saw of a pair counts, and periods
 * are added. A matrix may also come as JSON, as another host's history prints it.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "store/traffic-store.h"
#include "tools/traffic/commands.h"
#include "tools/traffic/output.h"
#include "traffic/merge.h"
#include "traffic/read.h"

#define SLICE_US (INT64_C(3600) * 1000000)
#define MOST_US (INT64_C(1) << 60)

typedef struct History {
    const TrafficOptions *options;
    Output *output;
    GPtrArray *stores;    /* NULL among them: an input of JSON */
    GPtrArray *documents; /* Kept *, of JSON, until their time has come */
    GPtrArray *slice;     /* Kept *: what was read and is to be merged */
    size_t reading;       /* number of the store */
    TrafficMerge *merge;
    int64_t merged; /* which --period that is of */
    bool any;
    GError *error; /* of output */
} History;

typedef struct Kept {
    TrafficSummary *summary;
    size_t store;
    int64_t number; /* of its period */
} Kept;

static void
kept_free(gpointer data)
{
    Kept *kept = data;

    traffic_summary_free(kept->summary);
    g_free(kept);
}

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static Kept *
kept_new(TrafficSummary *summary, size_t store)
{
    Kept *kept = g_new(Kept, 1);

    *kept = (Kept){
        .summary = summary,
        .store = store,
        .number = summary->period_us
                      ? floor_div(summary->from_us, summary->period_us)
                      : summary->from_us,
    };
    return kept;
}

static bool
on_stored(TrafficSummary *summary, gpointer user)
{
    History *history = user;

    g_ptr_array_add(history->slice, kept_new(summary, history->reading));
    return true;
}

static void
take_documents(History *history, int64_t begin_us, int64_t end_us)
{
    for (guint i = history->documents->len; i-- > 0;) {
        const Kept *kept = history->documents->pdata[i];

        if (kept->summary->from_us >= begin_us &&
            kept->summary->from_us < end_us) {
            g_ptr_array_add(history->slice, g_ptr_array_steal_index_fast(
                                                history->documents, i));
        }
    }
}

/* Periods of the same length and number together, then by store. */
static int
compare_kept(gconstpointer a, gconstpointer b)
{
    const Kept *first = *(Kept *const *)a, *second = *(Kept *const *)b;

    if (first->number * MAX(first->summary->period_us, 1) !=
        second->number * MAX(second->summary->period_us, 1)) {
        return first->number * MAX(first->summary->period_us, 1) <
                       second->number * MAX(second->summary->period_us, 1)
                   ? -1
                   : 1;
    }
    if (first->summary->period_us != second->summary->period_us) {
        return first->summary->period_us < second->summary->period_us ? -1 : 1;
    }
    return (first->store > second->store) - (first->store < second->store);
}

static bool
same_period(const Kept *a, const Kept *b)
{
    return a->number == b->number &&
           a->summary->period_us == b->summary->period_us;
}

static void
flush(History *history)
{
    if (traffic_merge_count(history->merge) > 0 && !history->error) {
        g_autoptr(TrafficSummary) summary =
            traffic_merge_finish(history->merge);

        summary->period_us = history->options->period_us;
        output_summary(history->output, summary, &history->error);
    }
}

static void
add_period(History *history, const TrafficSummary *summary)
{
    int64_t period_us = history->options->period_us;
    int64_t number = period_us ? floor_div(summary->from_us, period_us) : 0;

    if (history->any && number != history->merged) {
        flush(history);
    }
    history->any = true;
    history->merged = number;
    traffic_merge_add(history->merge, summary);
    if (history->options->output == TRAFFIC_OUTPUT_LIST && !period_us) {
        flush(history);
    }
}

/* Of one period: first what one host has in pieces, then all hosts. */
static void
merge_period(History *history, guint from, guint to)
{
    g_autoptr(GPtrArray) hosts =
        g_ptr_array_new_with_free_func((GDestroyNotify)traffic_summary_free);
    g_autoptr(TrafficSummary) merged = NULL;

    while (from < to) {
        Kept *first = history->slice->pdata[from];
        g_autoptr(TrafficMerge) pieces =
            traffic_merge_new(history->options->guests);

        for (; from < to; from++) {
            Kept *kept = history->slice->pdata[from];

            if (kept->store != first->store) {
                break;
            }
            traffic_merge_add(pieces, kept->summary);
        }
        g_ptr_array_add(hosts, traffic_merge_finish(pieces));
    }
    merged = traffic_merge_hosts((TrafficSummary **)hosts->pdata, hosts->len);
    add_period(history, merged);
}

static void
merge_slice(History *history)
{
    GPtrArray *slice = history->slice;

    g_ptr_array_sort(slice, compare_kept);
    for (guint from = 0, to; from < slice->len; from = to) {
        for (to = from; to < slice->len &&
                        same_period(slice->pdata[from], slice->pdata[to]);
             to++) {
        }
        merge_period(history, from, to);
    }
    g_ptr_array_set_size(slice, 0);
}

static bool
read_slices(History *history, int64_t from_us, int64_t last_us,
            int64_t slice_us, GError **error)
{
    const TrafficOptions *options = history->options;

    from_us = floor_div(from_us, slice_us) * slice_us;
    for (; from_us <= last_us && !history->error; from_us += slice_us) {
        int64_t begin_us = MAX(from_us, options->since_us);
        int64_t end_us = MIN(from_us + slice_us, options->until_us);

        for (guint s = 0; s < history->stores->len && begin_us < end_us; s++) {
            history->reading = s;
            if (!history->stores->pdata[s]) {
                continue;
            }
            if (!traffic_store_read(history->stores->pdata[s], begin_us, end_us,
                                    options->guests, on_stored, history,
                                    error)) {
                return false;
            }
        }
        take_documents(history, begin_us, end_us);
        merge_slice(history);
    }
    return true;
}

/* What all files span; slices never cut a period. */
static bool
read_all(History *history, GError **error)
{
    int64_t from_us = INT64_MAX, last_us = INT64_MIN, period_us = 1;

    for (guint s = 0; s < history->stores->len; s++) {
        int64_t from, last, period;

        if (!history->stores->pdata[s]) {
            continue;
        }
        if (!traffic_store_span(history->stores->pdata[s], &from, &last,
                                &period, error)) {
            return false;
        }
        from_us = MIN(from_us, from);
        last_us = MAX(last_us, last);
        period_us = MAX(period_us, period);
    }
    for (guint i = 0; i < history->documents->len; i++) {
        const TrafficSummary *summary =
            ((Kept *)history->documents->pdata[i])->summary;

        from_us = MIN(from_us, summary->from_us);
        last_us = MAX(last_us, summary->from_us);
        period_us = MAX(period_us, summary->period_us);
    }
    from_us = MAX(from_us, history->options->since_us);
    last_us = MIN(last_us, history->options->until_us);
    if (period_us > MOST_US || from_us < -MOST_US || last_us > MOST_US) {
        g_set_error_literal(error, STORE_ERROR, STORE_ERROR_CORRUPT,
                            "there are matrices of impossible times");
        return false;
    }
    return read_slices(history, from_us, last_us,
                       (SLICE_US + period_us - 1) / period_us * period_us,
                       error);
}

static bool
read_text(const char *path, GString *text, GError **error)
{
    g_autofree char *whole = NULL;
    char part[65536];
    gsize n;

    if (strcmp(path, "-") != 0) {
        if (!g_file_get_contents(path, &whole, &n, error)) {
            return false;
        }
        g_string_append_len(text, whole, (gssize)n);
        return true;
    }
    while ((n = fread(part, 1, sizeof(part), stdin)) > 0) {
        g_string_append_len(text, part, (gssize)n);
    }
    if (ferror(stdin)) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO,
                            "standard input cannot be read");
        return false;
    }
    return true;
}

static bool
add_document(History *history, const char *text, size_t length, size_t number,
             GError **error)
{
    g_autoptr(JsonObject) document = jobj_parse(text, length, error);
    TrafficSummary *summary =
        document ? traffic_read_json(document, history->options->guests, error)
                 : NULL;

    if (summary) {
        g_ptr_array_add(history->documents, kept_new(summary, number));
    }
    return summary != NULL;
}

/* One document over several lines, or several with a line each. */
static bool
read_documents(History *history, const char *path, size_t number,
               GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_auto(GStrv) lines = NULL;

    if (!read_text(path, text, error)) {
        return false;
    }
    if (add_document(history, text->str, text->len, number, NULL)) {
        return true;
    }
    lines = g_strsplit(text->str, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        if (*g_strstrip(lines[i]) &&
            !add_document(history, lines[i], strlen(lines[i]), number, error)) {
            g_prefix_error(error, "%s: line %zu: ", path, i + 1);
            return false;
        }
    }
    return true;
}

static bool
open_inputs(History *history, GError **error)
{
    for (size_t i = 0; history->options->inputs[i]; i++) {
        const char *path = history->options->inputs[i];
        bool json = strcmp(path, "-") == 0 || g_str_has_suffix(path, ".json") ||
                    g_str_has_suffix(path, ".jsonl");
        TrafficStore *store = NULL;

        if (json ? !read_documents(history, path, i, error)
                 : !(store = traffic_store_open_to_read(path, error))) {
            return false;
        }
        g_ptr_array_add(history->stores, store);
    }
    return true;
}

static int
show(const TrafficOptions *options, GError **error)
{
    g_autoptr(Output) output = output_new(options, error);
    g_autoptr(GPtrArray) stores =
        g_ptr_array_new_with_free_func((GDestroyNotify)traffic_store_close);
    g_autoptr(GPtrArray) documents = g_ptr_array_new_with_free_func(kept_free);
    g_autoptr(GPtrArray) slice = g_ptr_array_new_with_free_func(kept_free);
    g_autoptr(TrafficMerge) merge = traffic_merge_new(options->guests);
    History history = {
        .options = options,
        .output = output,
        .stores = stores,
        .documents = documents,
        .slice = slice,
        .merge = merge,
    };

    if (!output || !open_inputs(&history, error)) {
        return TRAFFIC_EXIT_USAGE;
    }
    if (!read_all(&history, error)) {
        return TRAFFIC_EXIT_MISSING;
    }
    flush(&history);
    if (history.error) {
        g_propagate_error(error, history.error);
        return TRAFFIC_EXIT_MISSING;
    }
    if (!history.any) {
        g_set_error_literal(error, STORE_ERROR, STORE_ERROR_NONE_YET,
                            "no matrix of that time is kept");
        return TRAFFIC_EXIT_USAGE;
    }
    return TRAFFIC_EXIT_FINE;
}

int
traffic_history_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    TrafficOptions options;
    int status = TRAFFIC_EXIT_USAGE;

    if (traffic_options_parse(argc, argv, TRAFFIC_COMMAND_HISTORY, &options,
                              &error)) {
        status = show(&options, &error);
    }
    if (error) {
        fflush(stdout);
        fprintf(stderr, "error: vmferry-traffic history: %s\n", error->message);
    }
    traffic_options_clear(&options);
    return status;
}
