/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * global-options.c - read by getopt_long() with virsh's own table
 *
 * So abbreviations ("--conn=...") and bundles ("-qc URI") mean what they mean
 * to virsh.
 */
#include "tools/cli/global-options.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <limits.h>
#include <stdlib.h>

void
global_options_init(GlobalOptions *global)
{
    *global =
        (GlobalOptions){ .keepalive_interval = -1, .keepalive_count = -1 };
}

void
global_options_clear(GlobalOptions *global)
{
    g_clear_pointer(&global->connect_uri, g_free);
}

static bool
parse_keepalive(const char *text, int *value)
{
    char *end = NULL;
    long number;

    errno = 0;
    number = strtol(text, &end, 0);
    if (errno || end == text || *end || number < 0 || number > INT_MAX) {
        return false;
    }
    *value = (int)number;
    return true;
}

int
global_options_parse(int argc, char **argv, GlobalOptions *global,
                     const char **refused)
{
    static const struct option table[] = {
        { "connect", required_argument, NULL, 'c' },
        { "debug", required_argument, NULL, 'd' },
        { "escape", required_argument, NULL, 'e' },
        { "help", no_argument, NULL, 'h' },
        { "keepalive-interval", required_argument, NULL, 'k' },
        { "keepalive-count", required_argument, NULL, 'K' },
        { "log", required_argument, NULL, 'l' },
        { "quiet", no_argument, NULL, 'q' },
        { "readonly", no_argument, NULL, 'r' },
        { "timing", no_argument, NULL, 't' },
        { "version", optional_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    int found;

    global_options_init(global);
    *refused = NULL;
    optind = 0; /* GNU: start afresh */
    while ((found = getopt_long(argc, argv, "+:c:d:e:hk:K:l:qrtvV", table,
                                NULL)) != -1) {
        switch (found) {
        case 'c':
            g_free(global->connect_uri);
            global->connect_uri = g_strdup(optarg);
            break;
        case 'd':
            *refused = "debug";
            break;
        case 'e': /* of the console: says nothing about a migration */
            break;
        case 'k':
            if (!parse_keepalive(optarg, &global->keepalive_interval)) {
                return -1;
            }
            break;
        case 'K':
            if (!parse_keepalive(optarg, &global->keepalive_count)) {
                return -1;
            }
            break;
        case 'l':
            *refused = "log";
            break;
        case 'q':
            global->quiet = true;
            break;
        case 'r':
            global->readonly = true;
            break;
        case 't':
            global->timing = true;
            break;
        default: /* -h, -v, -V, and what virsh will refuse */
            return -1;
        }
    }
    return optind;
}
