/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * describe.h - what libvirt would be told, as one line of text
 *
 * The same line is written by the recorder that stands in for libvirt inside
 * the real virsh (virsh-recorder.c), so that the two can be compared.
 */
#ifndef TEST_CLI_DESCRIBE_H
#define TEST_CLI_DESCRIBE_H

#include <inttypes.h>

#include "tools/cli/migrate-options.h"

/* "uri3 test to qemu:///x flags=0x3 migrate_uri=s:tcp://h bandwidth=U:5" */
static inline char *
describe_spec(const MigrateOptions *options)
{
    const VirtMigrateSpec *spec = options->spec;
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s %s to %s flags=0x%x",
                           options->needs_destination ? "migrate3" : "uri3",
                           options->domain, spec->destination_uri, spec->flags);
    for (guint i = 0; i < spec->params->len; i++) {
        const VirtParam *param = g_ptr_array_index(spec->params, i);

        switch (param->type) {
        case VIRT_PARAM_STRING:
            g_string_append_printf(text, " %s=s:%s", param->name,
                                   param->string);
            break;
        case VIRT_PARAM_INT:
            g_string_append_printf(text, " %s=i:%" PRId64, param->name,
                                   param->number);
            break;
        case VIRT_PARAM_ULLONG:
            g_string_append_printf(text, " %s=U:%" PRIu64, param->name,
                                   param->natural);
            break;
        default:
            g_string_append_printf(text, " %s=?", param->name);
        }
    }
    return g_string_free(text, FALSE);
}

#endif
