/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xml.c - libvirt's XML through GLib's parser, with an error of ours
 */
#include "virt/virt-priv.h"

bool
virt_xml_parse(const GMarkupParser *parser, void *reader, const char *xml,
               const char *doing, GError **error)
{
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(parser, 0, reader, NULL);
    g_autoptr(GError) cause = NULL;

    if (!g_markup_parse_context_parse(context, xml, -1, &cause) ||
        !g_markup_parse_context_end_parse(context, &cause)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_XML, "%s: %s", doing,
                    cause->message);
        return false;
    }
    return true;
}
