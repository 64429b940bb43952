/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * result-machine.c - what a run was made with, in words that name nobody
 *
 * Which processor, kernel and host it was is left out here: this line goes into
 * pages that others read.
 */
#include <inttypes.h>
#include <string.h>

#include "experiment/result.h"

static void
add_version(GString *words, JsonObject *machine, const char *member,
            const char *begin, const char *as)
{
    const char *text = NULL;

    if (!jobj_get_string(machine, member, &text)) {
        return;
    }
    if (g_str_has_prefix(text, begin)) {
        text += strlen(begin);
    }
    /* "7.2.22 (Debian 1:7.2+dfsg-7)" */
    g_string_append_printf(words, "%s%s%.*s", words->len ? ", " : "", as,
                           (int)strcspn(text, "("), text);
    while (words->str[words->len - 1] == ' ') {
        g_string_truncate(words, words->len - 1);
    }
}

char *
result_machine_words(JsonObject *machine)
{
    GString *words = g_string_new(NULL);
    uint64_t processors = 0;

    add_version(words, machine, "accelerator", "", "");
    add_version(words, machine, "qemu", "QEMU emulator version ", "QEMU ");
    add_version(words, machine, "libvirt", "libvirtd (libvirt) ", "libvirt ");
    add_version(words, machine, "vmferry", "vmferry ", "vmferry ");
    if (jobj_get_u64(machine, "processors", &processors)) {
        g_string_append_printf(words, "%s%" PRIu64 " processors",
                               words->len ? ", " : "", processors);
    }
    add_version(words, machine, "governor", "", "governor ");
    add_version(words, machine, "link_driver", "", "");
    add_version(words, machine, "mtu", "", "MTU ");
    if (words->len == 0) {
        g_string_free(words, TRUE);
        return NULL;
    }
    return g_string_free(words, FALSE);
}
