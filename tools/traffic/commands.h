/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commands.h - the commands of vmferry-traffic
 *
 * Each is called with its own name as argv[0] and returns the exit status: 0
 * all was counted, 1 something is missing (a damaged file, a device that went
 * away, an output that cannot be written), 2 wrong usage or nothing to read,
 * 130 reading was interrupted.
 */
#ifndef TOOLS_TRAFFIC_COMMANDS_H
#define TOOLS_TRAFFIC_COMMANDS_H

enum {
    TRAFFIC_EXIT_FINE = 0,
    TRAFFIC_EXIT_MISSING = 1,
    TRAFFIC_EXIT_USAGE = 2,
    TRAFFIC_EXIT_INTERRUPTED = 130,
};

int traffic_history_main(int argc, char **argv);
int traffic_live_main(int argc, char **argv);
int traffic_read_main(int argc, char **argv);

#endif
