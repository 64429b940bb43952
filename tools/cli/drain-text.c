/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-text.c - a drain in words
 */
#include "tools/cli/drain-text.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

#define BAR_CELLS 20
#define BAR_ROOM 90 /* columns from which there is room for a bar */

static const char *
plural(unsigned n)
{
    return n == 1 ? "" : "s";
}

static char *
seconds_text(double seconds)
{
    return isfinite(seconds) ? units_format_seconds(seconds)
                             : g_strdup("never");
}

static const char *
host_name(const Drain *drain, const DrainGuest *guest)
{
    return guest->host >= 0
               ? ((DrainHost *)drain->hosts->pdata[guest->host])->name
               : "-";
}

/* Columns that names take. */
static int
name_width(const Drain *drain)
{
    size_t width = strlen("guest");

    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];

        width = MAX(width, (size_t)g_utf8_strlen(guest->name, -1));
    }
    return (int)MIN(width, 40);
}

/* %-*s counts bytes; names may hold more of them than columns. */
static void
append_padded(GString *text, const char *word, int width)
{
    g_string_append(text, word);
    for (glong i = g_utf8_strlen(word, -1); i < width + 2; i++) {
        g_string_append_c(text, ' ');
    }
}

/* --- the plan --- */

static bool
cannot_move(const DrainGuest *guest)
{
    return guest->status == DRAIN_STAYS && !guest->excluded;
}

static void
append_stays(GString *text, const Drain *drain, int width)
{
    g_string_append(text, "cannot move:\n");
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];

        for (guint j = 0; cannot_move(guest) && j < guest->obstacles->len;
             j++) {
            g_string_append(text, "  ");
            append_padded(text, j ? "" : guest->name, width);
            g_string_append_printf(text, "%s\n",
                                   (char *)guest->obstacles->pdata[j]);
        }
    }
    g_string_append_c(text, '\n');
}

static void
append_excluded(GString *text, const Drain *drain)
{
    const char *between = "note: not asked for: ";

    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];

        if (guest->excluded) {
            g_string_append_printf(text, "%s%s", between, guest->name);
            between = ", ";
        }
    }
    if (*between == ',') {
        g_string_append_c(text, '\n');
    }
}

static void
append_cautions(GString *text, const Drain *drain)
{
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];

        for (guint j = 0;
             guest->status == DRAIN_WAITS && j < guest->cautions->len; j++) {
            g_string_append_printf(text, "note: %s: %s\n", guest->name,
                                   (char *)guest->cautions->pdata[j]);
        }
    }
}

static int
by_start(gconstpointer a, gconstpointer b)
{
    const DrainGuest *x = *(DrainGuest *const *)a;
    const DrainGuest *y = *(DrainGuest *const *)b;

    if (x->slot.start_s != y->slot.start_s) {
        return x->slot.start_s < y->slot.start_s ? -1 : 1;
    }
    if (x->slot.position != y->slot.position) {
        return x->slot.position < y->slot.position ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static GPtrArray *
in_order(const Drain *drain)
{
    GPtrArray *guests = g_ptr_array_new();

    for (guint i = 0; i < drain->guests->len; i++) {
        DrainGuest *guest = drain->guests->pdata[i];

        if (guest->status == DRAIN_WAITS || guest->status == DRAIN_RUNS) {
            g_ptr_array_add(guests, guest);
        }
    }
    g_ptr_array_sort(guests, by_start);
    return guests;
}

static void
append_links(GString *text, const Drain *drain)
{
    for (guint i = 0; i < drain->links->len; i++) {
        const DrainLink *link = drain->links->pdata[i];
        g_autofree char *rate = units_format_rate(link->rate_bytes_s);

        g_string_append_printf(text, "link %s of %s\n", link->chain, rate);
    }
}

static void
append_guest(GString *text, const Drain *drain, const DrainGuest *guest,
             int width)
{
    double takes_s = guest->slot.end_s - guest->slot.start_s;
    g_autofree char *memory = units_format_bytes((double)guest->memory_bytes);
    g_autofree char *start = seconds_text(guest->slot.start_s);
    g_autofree char *takes = seconds_text(takes_s);
    g_autofree char *where = g_strdup_printf("%s", host_name(drain, guest));

    g_string_append(text, "  ");
    append_padded(text, guest->name, width);
    append_padded(text, where, 12);
    g_string_append_printf(text, "%-10s %-9s %-9s %s%s%s\n", memory, start,
                           takes, guest->curve.guessed ? "(guessed) " : "",
                           guest->persistent ? "" : "transient; ",
                           guest->slot.reason);
}

char *
drain_text_plan(const Drain *drain, Known deadline_s)
{
    GString *text = g_string_new(NULL);
    g_autoptr(GPtrArray) order = in_order(drain);
    unsigned stays = 0;
    int width = name_width(drain);
    g_autofree char *total = seconds_text(drain->total_s);
    g_autofree char *at_once = seconds_text(drain->at_once_s);

    for (guint i = 0; i < drain->guests->len; i++) {
        stays += cannot_move(drain->guests->pdata[i]);
    }
    if (stays > 0) {
        append_stays(text, drain, width);
    }
    append_excluded(text, drain);
    append_cautions(text, drain);
    if (drain->stopped > 0) {
        g_string_append_printf(
            text, "note: %u guest%s not running stay%s defined here\n",
            drain->stopped, drain->stopped == 1 ? " that is" : "s that are",
            drain->stopped == 1 ? "s" : "");
    }
    if (order->len == 0) {
        g_string_append_printf(text, "%s: no guest is to be moved\n",
                               drain->source_name);
        return g_string_free(text, FALSE);
    }
    append_links(text, drain);
    g_string_append_printf(
        text, "%s: %u guest%s to move, in %s (all at once: %s)",
        drain->source_name, order->len, plural(order->len), total, at_once);
    if (drain->looked_s > 0) {
        g_string_append_printf(text, "; looked at for %.1f s", drain->looked_s);
    }
    g_string_append_c(text, '\n');
    g_string_append(text, "  ");
    append_padded(text, "guest", width);
    append_padded(text, "to", 12);
    g_string_append_printf(text, "%-10s %-9s %-9s\n", "memory", "begins in",
                           "takes");
    for (guint i = 0; i < order->len; i++) {
        append_guest(text, drain, order->pdata[i], width);
    }
    if (deadline_s.known && drain->total_s > deadline_s.value) {
        g_autofree char *deadline = seconds_text(deadline_s.value);

        g_string_append_printf(text,
                               "warning: that is later than the deadline of "
                               "%s; a faster link or --postcopy would help\n",
                               deadline);
    }
    return g_string_free(text, FALSE);
}

/* --- on the way --- */

static void
append_bar(GString *text, double share)
{
    unsigned full = (unsigned)(share * BAR_CELLS);

    g_string_append_c(text, '[');
    for (unsigned i = 0; i < BAR_CELLS; i++) {
        g_string_append_c(text, i < full ? '#' : '.');
    }
    g_string_append(text, "] ");
}

static void
append_detail(GString *text, const DrainGuest *guest)
{
    if (guest->iter > 0) {
        g_string_append_printf(text, ", pass %u", guest->iter);
    }
    if (guest->remaining_bytes.known) {
        g_autofree char *left =
            units_format_bytes(guest->remaining_bytes.value);

        g_string_append_printf(text, ", %s left", left);
    }
    if (guest->rate_bytes_s.known) {
        g_autofree char *rate = units_format_rate(guest->rate_bytes_s.value);

        g_string_append_printf(text, ", %s", rate);
    }
    if (guest->end_s.known) {
        g_autofree char *end = units_format_seconds(guest->end_s.value);

        g_string_append_printf(text, ", ends in %s", end);
    }
}

char *
drain_text_progress(const Drain *drain, const DrainGuest *guest)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s -> %s: %.0f %%", guest->name,
                           host_name(drain, guest), floor(guest->done * 100));
    append_detail(text, guest);
    return g_string_free(text, FALSE);
}

static char *
outcome_text(const DrainGuest *guest)
{
    GString *text = g_string_new("moved");

    if (guest->total_s.known) {
        g_autofree char *total = units_format_seconds(guest->total_s.value);

        g_string_append_printf(text, " in %s", total);
    }
    if (guest->downtime_s.known) {
        g_autofree char *downtime =
            units_format_seconds(guest->downtime_s.value);

        g_string_append_printf(text, ", downtime %s", downtime);
    }
    return g_string_free(text, FALSE);
}

char *
drain_text_end(const Drain *drain, const DrainGuest *guest)
{
    g_autofree char *outcome = NULL;

    switch (guest->status) {
    case DRAIN_MOVED:
        outcome = outcome_text(guest);
        return g_strdup_printf("%s -> %s: %s", guest->name,
                               host_name(drain, guest), outcome);
    case DRAIN_GONE:
        return g_strdup_printf("%s: ended by itself", guest->name);
    case DRAIN_STAYS:
    case DRAIN_WAITS:
    case DRAIN_RUNS:
    case DRAIN_FAILED:
    case DRAIN_N_STATUSES:
        break;
    }
    return g_strdup_printf("%s: %s: %s", guest->name,
                           drain_status_name(guest->status),
                           guest->why ? guest->why : "no reason is known");
}

char *
drain_text_table(const Drain *drain, unsigned width)
{
    GString *text = g_string_new(NULL);
    int names = name_width(drain);

    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];
        g_autoptr(GString) line = g_string_new(NULL);
        g_autofree char *outcome = NULL;
        char *end;

        if (guest->status == DRAIN_STAYS) {
            continue;
        }
        append_padded(line, guest->name, names);
        append_padded(line, host_name(drain, guest), 12);
        append_padded(line, drain_status_name(guest->status), 6);
        if (guest->status == DRAIN_RUNS) {
            if (width >= BAR_ROOM) {
                append_bar(line, guest->done);
            }
            g_string_append_printf(line, "%3.0f %%", floor(guest->done * 100));
            append_detail(line, guest);
            if (guest->held) {
                g_string_append(line, ", waits for the end of another");
            }
        } else if (guest->status == DRAIN_WAITS) {
            outcome = seconds_text(guest->slot.start_s);
            g_string_append_printf(line, "begins in %s", outcome);
        } else if (guest->status == DRAIN_MOVED) {
            outcome = outcome_text(guest);
            g_string_append(line, outcome + strlen("moved"));
        } else if (guest->why) {
            g_string_append(line, guest->why);
        }
        end = g_utf8_substring(line->str, 0,
                               MIN(g_utf8_strlen(line->str, -1), (glong)width));
        g_string_append_printf(text, "%s\n", g_strchomp(end));
        g_free(end);
    }
    return g_string_free(text, FALSE);
}

char *
drain_text_summary(const Drain *drain)
{
    GString *text = g_string_new(NULL);
    unsigned moved = drain_count(drain, DRAIN_MOVED);
    unsigned all = moved;

    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];

        all += guest->status != DRAIN_MOVED && guest->status != DRAIN_GONE &&
               !guest->excluded;
    }
    g_string_append_printf(text, "%s: %u of %u guest%s moved\n",
                           drain->source_name, moved, all,
                           all == 1 ? " has" : "s have");
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];

        if (guest->status == DRAIN_WAITS) {
            g_string_append_printf(text, "  %s: not begun\n", guest->name);
        } else if (guest->status == DRAIN_FAILED) {
            g_string_append_printf(text, "  %s: %s\n", guest->name,
                                   guest->why ? guest->why : "failed");
        } else if (guest->status == DRAIN_STAYS && !guest->excluded) {
            g_string_append_printf(text, "  %s: %s\n", guest->name,
                                   guest->obstacles->len > 0
                                       ? (char *)guest->obstacles->pdata[0]
                                       : "stays");
        }
    }
    return g_string_free(text, FALSE);
}
