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
    TRAFFIC_OUTPUT_LIST, /* of what is kept */
    TRAFFIC_OUTPUT_NONE, /* it is kept, not printed */
} TrafficOutput;

typedef enum {
    TRAFFIC_COMMAND_LIVE,
    TRAFFIC_COMMAND_READ,
    TRAFFIC_COMMAND_HISTORY,
    TRAFFIC_N_COMMANDS
} TrafficCommand;

typedef struct TrafficOptions {
    /* where it comes from */
    char **inputs; /* devices, captured files, or files of history */
    char *filter;  /* NULL: all */
    CaptureDirection direction;
    size_t ring_bytes;
    int64_t duration_us; /* 0: until it is ended */
    uint64_t seed;
    int64_t since_us, until_us; /* of history */
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
    char *history;   /* a file to keep matrices in; NULL: none */
    int64_t keep_us; /* how long; 0: for ever */
} TrafficOptions;

/**
 * traffic_options_parse() - Read the words after "vmferry-traffic"
 * @argv: argv[0] is the command
 * @command: Which it is
 * @options: traffic_options_clear() it, whatever comes back
 *
 * --help prints and exits. Files of guests are read here. Return: false with
 * TRAFFIC_ERROR or GLib's errors
 */
bool traffic_options_parse(int argc, char **argv, TrafficCommand command,
                           TrafficOptions *options, GError **error);
void traffic_options_clear(TrafficOptions *options);

#endif
