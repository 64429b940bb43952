/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * global-options.h - what stands before the command: "virsh -c URI -q migrate"
 *
 * The same options, read the same way, stand before the commands of vmferry.
 */
#ifndef CLI_GLOBAL_OPTIONS_H
#define CLI_GLOBAL_OPTIONS_H

#include <stdbool.h>

typedef struct GlobalOptions {
    char *connect_uri;      /* NULL: libvirt's default */
    bool quiet;             /* no blank line after the command */
    bool readonly;          /* connect read-only; libvirt will refuse */
    bool timing;            /* print the time that it took */
    int keepalive_interval; /* s; -1: virsh's default, 5 */
    int keepalive_count;    /* -1: virsh's default, 6 */
} GlobalOptions;

void global_options_init(GlobalOptions *global);
void global_options_clear(GlobalOptions *global);

/**
 * global_options_parse() - Read the options that stand before a command
 * @argc: At least 1
 * @argv: Program name first; its order is kept
 * @global: Filled in as far as read; clear it with global_options_clear()
 * @refused: Set to the name of an option that we cannot honour; NULL: none
 *
 * Return: index of the first word that is no option, @argc if there is none;
 * -1 if virsh would answer at once: a mistake, --help, --version
 */
int global_options_parse(int argc, char **argv, GlobalOptions *global,
                         const char **refused);

#endif
