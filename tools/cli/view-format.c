/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view-format.c - columns and sentences of the live view
 *
 * The columns of the table are themselves a table: a title, a width, and a
 * rank. Where the terminal is too narrow, columns go in the order of their
 * rank, highest first, so that "which iteration, how well predicted, how fast"
 * stays to the last.
 */
#include "tools/cli/view-format-priv.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

#define BOLD "\033[1m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RESET "\033[0m"

#define BAR_LEAST 8
#define BAR_MOST 40

ViewIteration
view_iteration_of(const JobIteration *iteration)
{
    const SampleRow *row = &iteration->row;
    const MigrationForecast *migration = &iteration->migration;

    return (ViewIteration){
        .iter = row->iter,
        .merged = row->merged,
        .final = row->final,
        .pages_to_send = row->pages_to_send,
        .predicted_pages = iteration->forecast.pages,
        .dirty_pages = row->dirty_pages,
        .page_bytes = row->page_bytes,
        .duration_s = row->duration_s,
        .sent_bytes = row->sent_bytes,
        .reserved_bytes_s = iteration->guarantee_bytes_s,
        .achieved_bytes_s = row->bandwidth_bytes_s,
        .forecast_end_s = migration->time_s,
        .forecast_downtime_s = migration->downtime_s,
        .converges = migration->verdict_known ? migration->converges : -1,
    };
}

ViewProgress
view_progress_of(const JobProgress *progress)
{
    return (ViewProgress){
        .fraction = progress->share,
        .iter = progress->iter,
        .remaining_bytes = progress->remaining_bytes,
        .achieved_bytes_s = progress->stream_bytes_s,
        .reserved_bytes_s = progress->guarantee_bytes_s,
        .end_s = progress->end_s,
        .converges = progress->converges,
    };
}

Known
view_error_percent(const ViewIteration *iteration)
{
    double actual = iteration->dirty_pages.value;

    if (!iteration->predicted_pages.known || !iteration->dirty_pages.known ||
        actual <= 0) {
        return unknown();
    }
    return known(100 * (iteration->predicted_pages.value - actual) / actual);
}

Known
view_dirtying_bytes_s(const ViewIteration *iteration)
{
    if (!iteration->dirty_pages.known || iteration->duration_s <= 0) {
        return unknown();
    }
    return known(iteration->dirty_pages.value * (double)iteration->page_bytes /
                 iteration->duration_s);
}

/* --- the table --- */

typedef enum {
    COLUMN_ITER,
    COLUMN_TO_SEND,
    COLUMN_PREDICTED,
    COLUMN_ACTUAL,
    COLUMN_ERROR,
    COLUMN_TIME,
    COLUMN_SENT,
    COLUMN_RESERVED,
    COLUMN_ACHIEVED,
    COLUMN_DIRTYING,
    COLUMN_END,
    COLUMN_DOWNTIME,
    N_COLUMNS
} Column;

static const struct {
    const char *title;
    unsigned width;
    unsigned rank; /* 0 stays always, the highest goes first */
} columns[] = {
    [COLUMN_ITER] = { "iter", 5, 0 },
    [COLUMN_TO_SEND] = { "to send", 9, 8 },
    [COLUMN_PREDICTED] = { "predicted", 9, 1 },
    [COLUMN_ACTUAL] = { "actual", 9, 1 },
    [COLUMN_ERROR] = { "error", 8, 3 },
    [COLUMN_TIME] = { "time", 10, 0 },
    [COLUMN_SENT] = { "sent", 10, 6 },
    [COLUMN_RESERVED] = { "reserved", 12, 2 },
    [COLUMN_ACHIEVED] = { "achieved", 12, 4 },
    [COLUMN_DIRTYING] = { "dirtying", 12, 5 },
    [COLUMN_END] = { "end in", 10, 7 },
    [COLUMN_DOWNTIME] = { "downtime", 8, 9 },
};
G_STATIC_ASSERT(G_N_ELEMENTS(columns) == N_COLUMNS);

/* Highest rank that is still shown in this width. */
static unsigned
rank_that_fits(unsigned width)
{
    unsigned best = 0;

    for (unsigned rank = 0; rank <= N_COLUMNS; rank++) {
        unsigned used = 0;

        for (size_t i = 0; i < N_COLUMNS; i++) {
            if (columns[i].rank <= rank) {
                used += columns[i].width + (used > 0 ? 1 : 0);
            }
        }
        if (used > width) {
            break;
        }
        best = rank;
    }
    return best;
}

static void
append_cell(GString *line, Column column, unsigned rank, const char *text)
{
    if (columns[column].rank <= rank) {
        g_string_append_printf(line, "%s%*s", line->len > 0 ? " " : "",
                               (int)columns[column].width, text);
    }
}

char *
view_format_header(unsigned width, bool colour)
{
    g_autoptr(GString) line = g_string_new(NULL);
    unsigned rank = rank_that_fits(width);

    for (size_t i = 0; i < N_COLUMNS; i++) {
        append_cell(line, (Column)i, rank, columns[i].title);
    }
    return g_strdup_printf("%s%s%s", colour ? BOLD : "", line->str,
                           colour ? RESET : "");
}

/* Takes @text. */
static void
append_taken(GString *line, Column column, unsigned rank, char *text)
{
    append_cell(line, column, rank, text);
    g_free(text);
}

static char *
text_or_dash(Known number, char *(*format)(double number))
{
    return number.known ? format(number.value) : g_strdup("-");
}

static char *
format_pages(double pages)
{
    return g_strdup_printf("%.0f", pages);
}

static char *
format_percent(double percent)
{
    /* A forecast of 50000 pages where 3 came says no more in digits. */
    if (percent > 999) {
        return g_strdup("> 999 %");
    }
    return g_strdup_printf("%+.1f %%", percent);
}

static char *
format_iter(const ViewIteration *iteration)
{
    if (iteration->merged > 1) {
        return g_strdup_printf("%u(%u)", iteration->iter, iteration->merged);
    }
    return g_strdup_printf("%u", iteration->iter);
}

Known
view_reserved(uint64_t reserved_bytes_s)
{
    return reserved_bytes_s > 0 ? known((double)reserved_bytes_s) : unknown();
}

char *
view_format_row(const ViewIteration *iteration, unsigned width)
{
    const ViewIteration *it = iteration;
    GString *line = g_string_new(NULL);
    unsigned rank = rank_that_fits(width);

    append_taken(line, COLUMN_ITER, rank, format_iter(it));
    append_taken(line, COLUMN_TO_SEND, rank,
                 format_pages((double)it->pages_to_send));
    append_taken(line, COLUMN_PREDICTED, rank,
                 text_or_dash(it->predicted_pages, format_pages));
    append_taken(line, COLUMN_ACTUAL, rank,
                 text_or_dash(it->dirty_pages, format_pages));
    append_taken(line, COLUMN_ERROR, rank,
                 text_or_dash(view_error_percent(it), format_percent));
    append_taken(line, COLUMN_TIME, rank, units_format_seconds(it->duration_s));
    append_taken(line, COLUMN_SENT, rank,
                 units_format_bytes((double)it->sent_bytes));
    append_taken(
        line, COLUMN_RESERVED, rank,
        text_or_dash(view_reserved(it->reserved_bytes_s), units_format_rate));
    append_taken(line, COLUMN_ACHIEVED, rank,
                 units_format_rate(it->achieved_bytes_s));
    append_taken(line, COLUMN_DIRTYING, rank,
                 text_or_dash(view_dirtying_bytes_s(it), units_format_rate));
    append_taken(line, COLUMN_END, rank,
                 it->converges == 0
                     ? g_strdup("never")
                     : text_or_dash(it->forecast_end_s, units_format_seconds));
    append_taken(line, COLUMN_DOWNTIME, rank,
                 text_or_dash(it->forecast_downtime_s, units_format_seconds));
    return g_string_free(line, FALSE);
}

/* --- the progress line --- */

/* As virsh: 100 % is said at the end only. */
int
view_percent(double fraction)
{
    if (!(fraction > 0)) {
        return 0;
    }
    return (int)MIN(fraction * 100, 99);
}

static void
append_clause(GString *text, char *clause)
{
    g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", clause);
    g_free(clause);
}

/* What stands behind the bar, most important first. */
static GPtrArray *
progress_clauses(const ViewProgress *progress)
{
    GPtrArray *clauses = g_ptr_array_new_with_free_func(g_free);

    if (progress->iter > 0) {
        g_ptr_array_add(clauses,
                        g_strdup_printf("iteration %u", progress->iter));
    }
    if (progress->converges == 0) {
        g_ptr_array_add(clauses, g_strdup("will not converge"));
    } else if (progress->end_s.known) {
        g_autofree char *end = units_format_seconds(progress->end_s.value);

        g_ptr_array_add(clauses, g_strdup_printf("%s to go", end));
    }
    if (progress->remaining_bytes.known) {
        g_autofree char *left =
            units_format_bytes(progress->remaining_bytes.value);

        g_ptr_array_add(clauses, g_strdup_printf("%s left", left));
    }
    if (progress->achieved_bytes_s.known) {
        g_ptr_array_add(clauses,
                        units_format_rate(progress->achieved_bytes_s.value));
    }
    if (progress->reserved_bytes_s > 0) {
        g_autofree char *rate =
            units_format_rate((double)progress->reserved_bytes_s);

        g_ptr_array_add(clauses, g_strdup_printf("%s reserved", rate));
    }
    return clauses;
}

char *
view_format_progress(const ViewProgress *progress, unsigned width, bool colour)
{
    g_autoptr(GPtrArray) clauses = progress_clauses(progress);
    g_autoptr(GString) tail = g_string_new(NULL);
    GString *line = g_string_new(NULL);
    int percent = view_percent(progress->fraction);
    unsigned bar_least = width >= 50 ? 3 + BAR_LEAST : 0;
    unsigned bar = 0;
    unsigned full;

    g_string_printf(line, "Migration: [%3d %%]", percent);
    for (guint i = 0; i < clauses->len; i++) {
        const char *clause = g_ptr_array_index(clauses, i);

        /* " " and ", " before it */
        if (width > 0 &&
            line->len + bar_least + 1 + tail->len + 2 + strlen(clause) >
                width) {
            break;
        }
        append_clause(tail, g_strdup(clause));
    }
    /* The bar takes what is left, if that is worth a bar. */
    if (line->len + 3 + BAR_LEAST + 1 + tail->len <= width) {
        bar = (unsigned)(width - line->len - 3 - 1 - tail->len);
        bar = MIN(bar, BAR_MOST);
    }
    if (bar > 0) {
        full = (unsigned)percent * bar / 100;
        g_string_append_printf(line, " [%s", colour ? GREEN : "");
        for (unsigned i = 0; i < bar; i++) {
            if (i == full && colour) {
                g_string_append(line, RESET);
            }
            g_string_append_c(line, i < full ? '#' : '.');
        }
        g_string_append_c(line, ']');
    }
    if (tail->len > 0) {
        bool warn = colour && progress->converges == 0;

        g_string_append_printf(line, " %s%s%s", warn ? YELLOW : "", tail->str,
                               warn ? RESET : "");
    }
    return g_string_free(line, FALSE);
}

/* --- sentences --- */

char *
view_format_sentence(const ViewIteration *iteration)
{
    const ViewIteration *it = iteration;
    GString *text = g_string_new(NULL);
    Known error = view_error_percent(it);
    Known dirtying = view_dirtying_bytes_s(it);
    g_autofree char *iter = format_iter(it);
    g_autofree char *duration = units_format_seconds(it->duration_s);
    g_autofree char *sent = units_format_bytes((double)it->sent_bytes);
    g_autofree char *rate = units_format_rate(it->achieved_bytes_s);
    g_autofree char *clause = NULL;

    g_string_append_printf(text, "%" G_GUINT64_FORMAT " pages to send",
                           it->pages_to_send);
    if (it->dirty_pages.known) {
        append_clause(text,
                      g_strdup_printf("%.0f dirtied", it->dirty_pages.value));
    }
    if (it->predicted_pages.known) {
        append_clause(
            text, g_strdup_printf("%.0f predicted", it->predicted_pages.value));
    }
    if (error.known) {
        g_autofree char *percent = format_percent(error.value);

        g_string_append_printf(text, " (%s)", percent);
    }
    append_clause(text, g_steal_pointer(&duration));
    append_clause(text, g_strdup_printf("%s sent at %s", sent, rate));
    if (it->reserved_bytes_s > 0) {
        g_autofree char *reserved =
            units_format_rate((double)it->reserved_bytes_s);

        append_clause(text, g_strdup_printf("%s reserved", reserved));
    }
    if (dirtying.known) {
        g_autofree char *dirty = units_format_rate(dirtying.value);

        append_clause(text, g_strdup_printf("dirtying %s", dirty));
    }
    if (it->converges == 0) {
        append_clause(text, g_strdup("forecast: never ends at this rate"));
    } else if (it->forecast_end_s.known) {
        g_autofree char *end = units_format_seconds(it->forecast_end_s.value);

        append_clause(text, g_strdup_printf("forecast: end in %s", end));
        if (it->forecast_downtime_s.known) {
            g_autofree char *downtime =
                units_format_seconds(it->forecast_downtime_s.value);

            append_clause(text, g_strdup_printf("downtime %s", downtime));
        }
    }
    clause = g_string_free(text, FALSE);
    return g_strdup_printf("iteration %s%s: %s", iter,
                           it->final ? " (guest stopped)" : "", clause);
}

char *
view_format_decision(unsigned iter, const PolicyDecision *decision)
{
    g_autofree char *guarantee =
        units_format_rate((double)decision->guarantee_bytes_s);
    g_autofree char *ceiling =
        units_format_rate((double)decision->ceiling_bytes_s);

    if (decision->step == POLICY_STEP_SET) {
        return g_strdup_printf("iteration %u: reserve %s, at most %s: %s", iter,
                               guarantee, ceiling, decision->reason);
    }
    return g_strdup_printf("iteration %u: %s: %s", iter,
                           policy_step_name(decision->step), decision->reason);
}

char *
view_format_outcome(const ViewOutcome *outcome)
{
    GString *text = g_string_new("migration ");

    g_string_append(text, outcome->status);
    if (outcome->total_s.known) {
        g_autofree char *total = units_format_seconds(outcome->total_s.value);

        g_string_append_printf(
            text, " %s %s",
            strcmp(outcome->status, "completed") == 0 ? "in" : "after", total);
    }
    if (outcome->downtime_s.known) {
        g_autofree char *downtime =
            units_format_seconds(outcome->downtime_s.value);

        g_string_append_printf(text, ", downtime %s", downtime);
    }
    if (outcome->bytes.known) {
        g_autofree char *bytes = units_format_bytes(outcome->bytes.value);

        g_string_append_printf(text, ", %s sent", bytes);
    }
    g_string_append_printf(text, ", %u iteration%s", outcome->iterations,
                           outcome->iterations == 1 ? "" : "s");
    if (g_strcmp0(outcome->source, sample_source_name(SAMPLE_SOURCE_PATCH)) ==
        0) {
        g_string_append(text, " (told by QEMU itself)");
    }
    if (outcome->message) {
        g_string_append_printf(text, ": %s", outcome->message);
    }
    return g_string_free(text, FALSE);
}
