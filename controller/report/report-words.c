/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-words.c - the sentences at the head of the page
 *
 * They say what the figures say, good or bad, and nothing that is not known.
 */
#include "report/report-priv.h"

#include "base/units.h"

char *
report_unbroken(char *text)
{
    g_autofree char *owned = text;
    g_auto(GStrv) words = g_strsplit(owned, " ", -1);

    return g_strjoinv("\xc2\xa0", words);
}

static void
append_seconds(GString *out, double seconds)
{
    g_autofree char *text = report_unbroken(units_format_seconds(seconds));

    g_string_append(out, text);
}

static void
append_rate(GString *out, double rate_bytes_s)
{
    g_autofree char *text = report_unbroken(units_format_rate(rate_bytes_s));

    g_string_append(out, text);
}

/* "moved in 61 s", "was cut off after 180 s" */
static void
append_fate(GString *out, const RunFigures *run, const char *subject)
{
    static const char *const ends[] = {
        [RUN_STATUS_COMPLETED] = "moved",
        [RUN_STATUS_FAILED] = "failed",
        [RUN_STATUS_ABORTED] = "was aborted by the user",
        [RUN_STATUS_CUT_OFF] = "was cut off",
        [RUN_STATUS_LEFT] = "was left while it ran",
    };
    bool moved = run->record->status == RUN_STATUS_COMPLETED;
    G_STATIC_ASSERT(G_N_ELEMENTS(ends) == RUN_N_STATUSES);

    g_string_append_printf(out, "%s %s", moved ? subject : "the migration",
                           ends[run->record->status]);
    if (run->duration_s.known) {
        g_string_append(out, moved ? " in " : " after ");
        append_seconds(out, run->duration_s.value);
    }
}

static bool
same_guest(const RunFigures *runs, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (g_strcmp0(runs[0].record->guest_name, runs[i].record->guest_name) !=
            0) {
            return false;
        }
    }
    return true;
}

/* The one run with a policy and the one without, if it is such a pair. */
static bool
find_pair(const RunFigures *runs, size_t n, const RunFigures **with,
          const RunFigures **without)
{
    bool first_none;

    if (n != 2 || !same_guest(runs, n)) {
        return false;
    }
    first_none = runs[0].record->policy.kind == POLICY_NONE;
    if (first_none == (runs[1].record->policy.kind == POLICY_NONE)) {
        return false;
    }
    *with = first_none ? &runs[1] : &runs[0];
    *without = first_none ? &runs[0] : &runs[1];
    return true;
}

static void
capitalise(GString *text)
{
    text->str[0] = g_ascii_toupper(text->str[0]);
}

char *
report_headline(const RunFigures *runs, size_t n)
{
    GString *out = g_string_new(NULL);
    const RunFigures *with, *without;

    if (find_pair(runs, n, &with, &without)) {
        g_string_append(out, "With vmferry\xe2\x80\x99s reservation ");
        append_fate(out, with, "the guest");
        g_string_append(out, "; without it ");
        append_fate(out, without, "the guest");
    } else if (n == 1) {
        const char *guest = runs[0].record->guest_name;
        g_autofree char *subject =
            guest ? g_strdup_printf("guest %s", guest) : g_strdup("the guest");

        append_fate(out, &runs[0], subject);
    } else {
        bool same = same_guest(runs, n);

        for (size_t i = 0; i < n; i++) {
            const char *guest = runs[i].record->guest_name;
            g_autofree char *subject = same || !guest
                                           ? g_strdup("the guest")
                                           : g_strdup_printf("guest %s", guest);

            g_string_append_printf(out, "%s%s: ", i ? "; " : "", runs[i].name);
            append_fate(out, &runs[i], subject);
        }
    }
    g_string_append_c(out, '.');
    capitalise(out);
    return g_string_free(out, FALSE);
}

/* "31.0 Mbit/s (policy default), 42.1 Mbit/s (policy none)" of those known. */
static bool
append_each(GString *out, const RunFigures *runs, size_t n,
            Known (*figure)(const RunFigures *),
            void (*append)(GString *, double), const char *before)
{
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        Known value = figure(&runs[i]);

        if (value.known) {
            g_string_append(out, any ? ", " : before);
            append(out, value.value);
            if (n > 1) {
                g_string_append_printf(out, " (%s)", runs[i].name);
            }
            any = true;
        }
    }
    return any;
}

static Known
downtime_s(const RunFigures *run)
{
    Known ms = run->record->downtime_ms;

    return ms.known && run->record->status == RUN_STATUS_COMPLETED
               ? known(ms.value / 1000)
               : unknown();
}

static Known
other_bytes_s(const RunFigures *run)
{
    return run->other_bytes_s;
}

static Known
error(const RunFigures *run)
{
    return run->error;
}

static void
append_percent(GString *out, double fraction)
{
    g_string_append_printf(out, "%.0f\xc2\xa0%%", 100 * fraction);
}

static void
append_scores(GString *out, const RunFigures *runs, size_t n)
{
    unsigned scored = 0, inside = 0;

    if (!append_each(out, runs, n, error, append_percent,
                     "The pages that an iteration would dirty were predicted "
                     "with a median error of ")) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        scored += runs[i].scored_interval;
        inside += runs[i].in_interval;
    }
    if (scored > 0) {
        g_string_append_printf(out, "; %u of %u lay in the 80 %% interval",
                               inside, scored);
    }
    g_string_append(out, ".\n");
}

char *
report_details(const RunFigures *runs, size_t n)
{
    GString *out = g_string_new(NULL);

    if (append_each(out, runs, n, downtime_s, append_seconds,
                    "The guest stood still for ")) {
        g_string_append(out, ".\n");
    }
    if (append_each(
            out, runs, n, other_bytes_s, append_rate,
            "Everything else on the link got meanwhile, on average, ")) {
        g_string_append(out, ".\n");
    }
    append_scores(out, runs, n);
    return g_string_free(out, FALSE);
}
