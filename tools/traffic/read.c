/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read.c - vmferry-traffic read: count what was captured into files
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/traffic/commands.h"
#include "tools/traffic/inventory.h"
#include "traffic/periods.h"
#include "traffic/sampler.h"

#define FRAMES_AT_A_TIME 8192

typedef struct Reading {
    const TrafficOptions *options;
    Output *output;
    TrafficPeriods *periods;
    TrafficSampler sampler;
    TrafficLink link;  /* of the file being read */
    char *incomplete;  /* why something is missing; NULL: nothing is */
    GError *out_error; /* a matrix could not be written */
} Reading;

static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t reading_fd = -1;
static int null_fd = -1;

/* A pipe may have nothing for us, now or just after this: what is read is at
 * its end from here on. */
static void
on_signal(int number)
{
    interrupted = 1;
    if (reading_fd >= 0) {
        dup2(null_fd, reading_fd);
    }
}

static void
on_frame(const uint8_t *data, size_t length, uint32_t wire_bytes, int64_t at_us,
         gpointer user)
{
    Reading *reading = user;
    TrafficFrame frame;

    if (!traffic_sampler_take(&reading->sampler)) {
        return;
    }
    if (traffic_frame_decode(reading->link, data, length, wire_bytes, &frame)) {
        traffic_periods_add(reading->periods, &frame, at_us);
    } else {
        traffic_periods_skip(reading->periods, at_us);
    }
}

static void
on_finished(TrafficSummary *owned, gpointer user)
{
    g_autoptr(TrafficSummary) summary = owned;
    Reading *reading = user;

    for (size_t i = 0; reading->options->inputs[i]; i++) {
        traffic_summary_add_source(summary, reading->options->inputs[i]);
    }
    summary->incomplete = g_strdup(reading->incomplete);
    if (!reading->out_error &&
        output_summary(reading->output, summary, &reading->out_error)) {
        output_keep(reading->output, summary, &reading->out_error);
    }
}

/* --- in which order --- */

typedef struct File {
    char *path;
    int64_t first_us; /* of its first frame */
} File;

static void
on_first(const uint8_t *data, size_t length, uint32_t wire_bytes, int64_t at_us,
         gpointer user)
{
    ((File *)user)->first_us = at_us;
}

static int
compare_files(const void *a, const void *b)
{
    const File *first = a, *second = b;

    return (first->first_us > second->first_us) -
           (first->first_us < second->first_us);
}

/* By the first frame of each, so that periods follow each other. Every file is
 * opened here once, so that what cannot be is told before an hour of reading.
 */
static bool
sort_files(char **paths, const char *filter, GError **error)
{
    size_t n = g_strv_length(paths);
    g_autofree File *files = g_new0(File, n + 1);
    bool has_stdin = false;

    for (size_t i = 0; i < n; i++) {
        g_autoptr(Capture) capture = NULL;

        files[i].path = paths[i];
        if (strcmp(paths[i], "-") == 0) {
            has_stdin = true;
            continue;
        }
        capture = capture_file(paths[i], filter, error);
        if (!capture) {
            return false;
        }
        /* one that is damaged already there is told when it is read */
        capture_dispatch(capture, 1, on_first, &files[i], NULL);
    }
    if (!has_stdin) {
        /* stable for files that begin together: glibc merges */
        qsort(files, n, sizeof(*files), compare_files);
    }
    for (size_t i = 0; i < n; i++) {
        paths[i] = files[i].path;
    }
    return true;
}

/* --- reading --- */

static void
note_missing(Reading *reading, const char *why)
{
    if (!reading->incomplete) {
        reading->incomplete = g_strdup(why);
    } else {
        char *both = g_strconcat(reading->incomplete, "; ", why, NULL);

        g_free(reading->incomplete);
        reading->incomplete = both;
    }
}

/* False if it could not even be opened. */
static bool
read_file(Reading *reading, size_t number, size_t n, GError **error)
{
    const char *path = reading->options->inputs[number];
    g_autoptr(GError) cause = NULL;
    g_autoptr(Capture) capture =
        capture_file(path, reading->options->filter, error);
    int taken;

    if (!capture) {
        return false;
    }
    reading->link = capture_link(capture);
    reading_fd = capture_fd(capture);
    while (!interrupted && !reading->out_error &&
           (taken = capture_dispatch(capture, FRAMES_AT_A_TIME, on_frame,
                                     reading, &cause)) != 0) {
        double share = capture_share(capture);

        if (taken < 0 && interrupted) {
            break; /* in the middle of a frame */
        }
        if (taken < 0) {
            /* what stands before the damage counts */
            fprintf(stderr, "error: vmferry-traffic read: %s\n",
                    cause->message);
            note_missing(reading, cause->message);
            break;
        }
        output_progress(
            reading->output, traffic_periods_total(reading->periods),
            share < 0 ? -1 : ((double)number + share) / (double)n, -1);
    }
    reading_fd = -1;
    if (interrupted) {
        double share = capture_share(capture);
        g_autofree char *why =
            share < 0 ? g_strdup_printf("interrupted while reading %s", path)
                      : g_strdup_printf("interrupted at %.0f %% of %s",
                                        100 * share, path);

        note_missing(reading, why);
    }
    return true;
}

static void
catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = (int)SA_RESETHAND };

    null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* the second one ends it at once */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int
fail(int status, const GError *error)
{
    fflush(stdout);
    fprintf(stderr, "error: vmferry-traffic read: %s\n", error->message);
    return status;
}

static int
read_all(const TrafficOptions *options, GError **error)
{
    g_autoptr(Output) output = output_new(options, error);
    g_autoptr(Inventory) inventory =
        output ? inventory_new(options, output, error) : NULL;
    g_autoptr(TrafficPeriods) periods = NULL;
    Reading reading = { .options = options, .output = output };
    size_t n = g_strv_length(options->inputs);
    int status = TRAFFIC_EXIT_FINE;

    if (!inventory || !sort_files(options->inputs, options->filter, error)) {
        return TRAFFIC_EXIT_USAGE;
    }
    periods = traffic_periods_new(options->guests, &options->spec,
                                  options->period_us, on_finished, &reading);
    reading.periods = periods;
    traffic_sampler_init(&reading.sampler, options->spec.sampled_1_in,
                         options->seed);
    catch_signals();
    for (size_t i = 0; i < n && !interrupted && !reading.out_error; i++) {
        if (!read_file(&reading, i, n, error)) {
            status = TRAFFIC_EXIT_USAGE;
            break;
        }
    }
    if (status == TRAFFIC_EXIT_FINE && !reading.out_error) {
        traffic_periods_end(periods, INT64_MIN);
    }
    if (reading.out_error) {
        g_propagate_error(error, reading.out_error);
        status = TRAFFIC_EXIT_MISSING;
    } else if (status == TRAFFIC_EXIT_FINE && reading.incomplete) {
        status = interrupted ? TRAFFIC_EXIT_INTERRUPTED : TRAFFIC_EXIT_MISSING;
    }
    g_free(reading.incomplete);
    return status;
}

int
traffic_read_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    TrafficOptions options;
    int status = TRAFFIC_EXIT_USAGE;

    if (traffic_options_parse(argc, argv, TRAFFIC_COMMAND_READ, &options,
                              &error)) {
        status = read_all(&options, &error);
    }
    if (error) {
        fail(status, error);
    }
    traffic_options_clear(&options);
    return status;
}
