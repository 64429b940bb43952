/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * observed.c - lines of the client, and windows over them
 */
#include "experiment/observed.h"

#include <stdlib.h>
#include <string.h>

G_DEFINE_QUARK(vmferry_observed_error, observed_error)

typedef struct Probe {
    int64_t back_us, rtt_us;
} Probe;

typedef struct Request {
    int64_t due_us, latency_us;
    int64_t bytes;
} Request;

typedef struct Status {
    int64_t at_us, ticks, pages;
} Status;

struct Observed {
    GArray *probes;   /* Probe, as they came back */
    GArray *requests; /* Request */
    GArray *statuses; /* Status */
    int64_t last_us;  /* nothing is known after it */
};

/* " 12 34": so many numbers, none below zero, and nothing after them. */
static bool
read_numbers(const char *text, const char *end, int64_t *numbers, int n)
{
    for (int i = 0; i < n; i++) {
        char *after = NULL;

        if (text >= end || *text != ' ' || !g_ascii_isdigit(text[1])) {
            return false;
        }
        numbers[i] = g_ascii_strtoll(text + 1, &after, 10);
        /* room for their sums */
        if (after > end || numbers[i] > INT64_MAX / 4) {
            return false;
        }
        text = after;
    }
    return text == end;
}

static bool
read_line(Observed *observed, const char *line, const char *end)
{
    int64_t n[3] = { 0 };

    if (line == end) {
        return false;
    }
    if (*line == 'p' && read_numbers(line + 1, end, n, 2)) {
        Probe probe = { n[0] + n[1], n[1] };

        g_array_append_val(observed->probes, probe);
        observed->last_us = MAX(observed->last_us, probe.back_us);
        return true;
    }
    if (*line == 'r' && read_numbers(line + 1, end, n, 3)) {
        Request request = { n[0], n[1], n[2] };

        g_array_append_val(observed->requests, request);
        observed->last_us = MAX(observed->last_us, n[0] + n[1]);
        return true;
    }
    if (*line == 's' && read_numbers(line + 1, end, n, 3)) {
        Status status = { n[0], n[1], n[2] };

        g_array_append_val(observed->statuses, status);
        observed->last_us = MAX(observed->last_us, n[0]);
        return true;
    }
    if (*line == 'e' && read_numbers(line + 1, end, n, 1)) {
        observed->last_us = MAX(observed->last_us, n[0]);
        return true;
    }
    return false;
}

Observed *
observed_parse(const char *text, size_t length, GError **error)
{
    g_autoptr(Observed) observed = g_new0(Observed, 1);
    g_autofree char *copy = g_strndup(text, length);
    unsigned number = 0;

    observed->probes = g_array_new(FALSE, FALSE, sizeof(Probe));
    observed->requests = g_array_new(FALSE, FALSE, sizeof(Request));
    observed->statuses = g_array_new(FALSE, FALSE, sizeof(Status));
    for (char *line = copy, *end; (end = strchr(line, '\n')); line = end + 1) {
        number++;
        *end = '\0';
        if (!read_line(observed, line, end)) {
            g_set_error(error, OBSERVED_ERROR, OBSERVED_ERROR_LINE,
                        "line %u of the client's: \"%.60s\" is none of p, r, s "
                        "and e with their numbers",
                        number, line);
            return NULL;
        }
    }
    return g_steal_pointer(&observed);
}

void
observed_free(Observed *observed)
{
    if (observed) {
        g_array_unref(observed->probes);
        g_array_unref(observed->requests);
        g_array_unref(observed->statuses);
        g_free(observed);
    }
}

static int
number_compare(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* Nearest rank, of numbers in order. */
static Known
percentile(const GArray *numbers, double share)
{
    guint at = (guint)(share * numbers->len);

    return numbers->len == 0 ? unknown()
                             : known(g_array_index(numbers, double,
                                                   MIN(at, numbers->len - 1)));
}

static void
sort(GArray *numbers)
{
    if (numbers->len > 1) {
        qsort(numbers->data, numbers->len, sizeof(double), number_compare);
    }
}

/* A silence counts where it begins; that after the last answer as well.
 *
 * Answers that wait in a queue when the guest stops still come while it stands:
 * nothing is heard for less than it stood. Meanwhile probes are sent that
 * nobody answers. The longer of the two is the stall:
 *
 *     sent   | | | | x x x x x x x | | |       x: never answered
 *                 ^---------------^
 *     heard  . . . . | | | |       | | |       answers take three steps at first
 *                          ^-------^
 */
static void
sum_probes(const Observed *observed, int64_t from_us, int64_t to_us,
           ObservedWindow *window)
{
    g_autoptr(GArray) trips = g_array_new(FALSE, FALSE, sizeof(double));
    int64_t longest_us = -1;

    for (guint i = 0; i < observed->probes->len; i++) {
        const Probe *probe = &g_array_index(observed->probes, Probe, i);
        int64_t next_us = i + 1 < observed->probes->len ? probe[1].back_us
                                                        : observed->last_us;
        double ms = (double)probe->rtt_us / 1000;

        if (probe->back_us >= to_us) {
            continue;
        }
        if (next_us > from_us) {
            longest_us = MAX(longest_us, next_us - probe->back_us);
        }
        if (next_us > from_us && i + 1 < observed->probes->len) {
            longest_us = MAX(longest_us, next_us - probe[1].rtt_us -
                                             probe->back_us + probe->rtt_us);
        }
        if (probe->back_us >= from_us) {
            g_array_append_val(trips, ms);
        }
    }
    sort(trips);
    window->probes = trips->len;
    window->probe_ms = percentile(trips, 0.5);
    if (longest_us >= 0) {
        window->stall_ms =
            known((double)MAX(longest_us - OBSERVED_PROBE_US, 0) / 1000);
    }
}

static void
sum_requests(const Observed *observed, int64_t from_us, int64_t to_us,
             ObservedWindow *window)
{
    static const double shares[] = { 0.5, 0.95, 0.99 };
    g_autoptr(GArray) latencies = g_array_new(FALSE, FALSE, sizeof(double));
    double seconds = (double)(to_us - from_us) / 1e6;
    double answered = 0, bytes = 0;

    for (guint i = 0; i < observed->requests->len; i++) {
        const Request *request = &g_array_index(observed->requests, Request, i);
        int64_t end_us = request->due_us + request->latency_us;
        double ms = (double)request->latency_us / 1000;

        if (end_us >= from_us && end_us < to_us) {
            answered++;
            bytes += (double)request->bytes;
        }
        if (request->due_us >= from_us && request->due_us < to_us) {
            g_array_append_val(latencies, ms);
        }
    }
    if (observed->requests->len == 0) {
        return;
    }
    window->requests_s = known(answered / seconds);
    window->bytes_s = known(bytes / seconds);
    sort(latencies);
    for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
        window->latency_ms[i] = percentile(latencies, shares[i]);
    }
}

/* Between the last answers before the window's two ends: counters are exact
 * when they were answered, and their rate is taken over that very time. */
static void
sum_statuses(const Observed *observed, int64_t from_us, int64_t to_us,
             ObservedWindow *window)
{
    const Status *first = NULL, *last = NULL;
    double seconds;

    for (guint i = 0; i < observed->statuses->len; i++) {
        const Status *status = &g_array_index(observed->statuses, Status, i);

        if (status->at_us <= from_us || !first) {
            first = status;
        }
        if (status->at_us <= to_us) {
            last = status;
        }
    }
    if (!first || !last || last->at_us <= first->at_us ||
        last->ticks < first->ticks || last->pages < first->pages) {
        return;
    }
    seconds = (double)(last->at_us - first->at_us) / 1e6;
    window->pages_s = known((double)(last->pages - first->pages) / seconds);
    window->ticks_s = known((double)(last->ticks - first->ticks) / seconds);
}

void
observed_window(const Observed *observed, int64_t from_us, int64_t to_us,
                ObservedWindow *window)
{
    memset(window, 0, sizeof(*window));
    if (to_us <= from_us) {
        return;
    }
    sum_probes(observed, from_us, to_us, window);
    sum_requests(observed, from_us, to_us, window);
    sum_statuses(observed, from_us, to_us, window);
}
