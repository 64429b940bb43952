/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.h - the command line of vmferry-traffic
 */
#ifndef TOOLS_TRAFFIC_OPTIONS_H
#define TOOLS_TRAFFIC_OPTIONS_H

#include "capture/capture.h"
#include "traffic/write.h"

typedef enum {
    TRAFFIC_OUTPUT_TABLE,
    TRAFFIC_OUTPUT_JSON,
    TRAFFIC_OUTPUT_CSV,
    TRAFFIC_OUTPUT_PLAN,
} TrafficOutput;

typedef struct TrafficOptions {
    /* where it comes from */
    char **inputs; /* devices, or files */
    char *filter;  /* NULL: all */
    CaptureDirection direction;
    size_t ring_bytes;
    int64_t duration_us; /* 0: until it is ended */
    uint64_t seed;
    /* who is who */
    TrafficGuests *guests;
    char **uris; /* of libvirt; may be NULL */
    /* how it is counted */
    TrafficSpec spec;
    int64_t period_us; /* 0: all is one */
    /* what is made of it */
    TrafficOutput output;
    char *svg;  /* a file; NULL: none */
    char *plan; /* a file with a planner's model */
    TrafficUnit unit;
    size_t most_lines, most_ends;
    bool progress, quiet;
} TrafficOptions;

/**
 * traffic_options_parse() - Read the words after "vmferry-traffic"
 * @argv: argv[0] is the command
 * @live: The command is live, else read
 * @options: traffic_options_clear() it, whatever comes back
 *
 * --help prints and exits. Files of guests are read here. Return: false with
 * TRAFFIC_ERROR or GLib's errors
 */
bool traffic_options_parse(int argc, char **argv, bool live,
                           TrafficOptions *options, GError **error);
void traffic_options_clear(TrafficOptions *options);

#endif
