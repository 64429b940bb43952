/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * describe-migrate.c - our reading of a "migrate" command line, for compare-virsh
 *
 * Prints what libvirt would be told, or the errors as virsh prints them.
 */
#include <stdio.h>

#include "describe.h"

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MigrateOptions) options = NULL;
    g_autofree char *text = NULL;
    bool help = false;

    options = migrate_options_parse((const char *const *)argv + 1, NULL, &help,
                                    &error);
    if (help) {
        puts("help");
        return 0;
    }
    if (!options) {
        g_auto(GStrv) lines = g_strsplit(error->message, "\n", 0);

        for (size_t i = 0; lines[i]; i++) {
            printf("error: %s\n", lines[i]);
        }
        return 1;
    }
    text = describe_spec(options);
    puts(text);
    return 0;
}
