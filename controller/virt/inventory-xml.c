/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory-xml.c - what placement wants to know of libvirt's descriptions
 *
 *   domain/devices/interface/source   bridge='br0'     -> "bridge br0"
 *                                     network='lan'    -> "network lan"
 *                                     dev='eth0'       -> "device eth0"
 *   domain/devices/disk/source        file=, dev=      -> a path
 *   capabilities/host/cpu             arch, model, pages
 *
 * A running guest's <source> names both its network and that network's bridge:
 * the network is what has to be there on another host.
 */
#include <string.h>

#include "virt/inventory-priv.h"

typedef struct Reader {
    GString *path;
    GString *text;
    /* of a domain */
    GPtrArray *nics, *disks;
    VirtSeenNic *nic;
    char *disk;
    bool disk_counts, disk_read_only, saw_domain;
    /* of a host */
    VirtSeenHost *host;
} Reader;

void
seen_nic_free(gpointer data)
{
    VirtSeenNic *nic = data;

    g_free(nic->mac);
    g_free(nic->network);
    g_free(nic);
}

static void
take_network(VirtSeenNic *nic, const char **names, const char **values)
{
    static const char *const kinds[] = { "network", "bridge", "dev" };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds) && !nic->network; i++) {
        const char *name = virt_xml_attribute(names, values, kinds[i]);

        if (name) {
            nic->network = g_strdup_printf(
                "%s %s", strcmp(kinds[i], "dev") ? kinds[i] : "device", name);
        }
    }
}

static void
start_domain(Reader *reader, const char *path, const char **names,
             const char **values)
{
    const char *value;

    if (!strcmp(path, "domain")) {
        reader->saw_domain = true;
    } else if (!strcmp(path, "domain/devices/interface")) {
        reader->nic = g_new0(VirtSeenNic, 1);
        g_ptr_array_add(reader->nics, reader->nic);
    } else if (!strcmp(path, "domain/devices/interface/mac")) {
        g_free(reader->nic->mac);
        reader->nic->mac =
            g_strdup(virt_xml_attribute(names, values, "address"));
    } else if (!strcmp(path, "domain/devices/interface/source")) {
        take_network(reader->nic, names, values);
    } else if (!strcmp(path, "domain/devices/disk")) {
        value = virt_xml_attribute(names, values, "device");
        reader->disk_counts =
            !value || !strcmp(value, "disk") || !strcmp(value, "lun");
        reader->disk_read_only = false;
    } else if (!strcmp(path, "domain/devices/disk/source")) {
        value = virt_xml_attribute(names, values, "file");
        value = value ? value : virt_xml_attribute(names, values, "dev");
        g_free(reader->disk);
        reader->disk = g_strdup(value);
    } else if (!strcmp(path, "domain/devices/disk/readonly")) {
        reader->disk_read_only = true;
    }
}

static void
start_host(Reader *reader, const char *path, const char **names,
           const char **values)
{
    const char *size;

    if (!strcmp(path, "capabilities/host/cpu/pages") &&
        (size = virt_xml_attribute(names, values, "size"))) {
        VirtSeenPages pages = { g_ascii_strtoull(size, NULL, 10) * 1024, 0, 0 };

        if (pages.page_bytes > 65536) { /* the ordinary one of any machine */
            g_array_append_val(reader->host->pages, pages);
        }
    }
}

static void
on_start(GMarkupParseContext *context, const char *element, const char **names,
         const char **values, gpointer user, GError **error)
{
    Reader *reader = user;

    if (reader->path->len > 0) {
        g_string_append_c(reader->path, '/');
    }
    g_string_append(reader->path, element);
    g_string_truncate(reader->text, 0);
    if (reader->host) {
        start_host(reader, reader->path->str, names, values);
    } else {
        start_domain(reader, reader->path->str, names, values);
    }
}

static void
on_end(GMarkupParseContext *context, const char *element, gpointer user,
       GError **error)
{
    Reader *reader = user;
    const char *path = reader->path->str;

    if (reader->host && !strcmp(path, "capabilities/host/cpu/model")) {
        reader->host->cpu_model = g_strdup(g_strstrip(reader->text->str));
    } else if (reader->host && !strcmp(path, "capabilities/host/cpu/arch")) {
        reader->host->arch = g_strdup(g_strstrip(reader->text->str));
    } else if (!strcmp(path, "domain/devices/disk") && !reader->host) {
        if (reader->disk && reader->disk_counts && !reader->disk_read_only) {
            g_ptr_array_add(reader->disks, g_steal_pointer(&reader->disk));
        }
        g_clear_pointer(&reader->disk, g_free);
    }
    g_string_truncate(reader->path, reader->path->len - strlen(element));
    if (reader->path->len > 0) {
        g_string_truncate(reader->path, reader->path->len - 1);
    }
    g_string_truncate(reader->text, 0);
}

static void
on_text(GMarkupParseContext *context, const char *text, gsize length,
        gpointer user, GError **error)
{
    g_string_append_len(((Reader *)user)->text, text, (gssize)length);
}

static bool
parse(Reader *reader, const char *xml, GError **error)
{
    static const GMarkupParser parser = { on_start, on_end, on_text, NULL,
                                          NULL };
    bool fine;

    reader->path = g_string_new(NULL);
    reader->text = g_string_new(NULL);
    fine = virt_xml_parse(&parser, reader, xml, "reading libvirt's XML", error);
    g_string_free(reader->path, TRUE);
    g_string_free(reader->text, TRUE);
    g_free(reader->disk);
    return fine;
}

bool
seen_guest_xml(const char *xml, GPtrArray *nics, GPtrArray *disks,
               GError **error)
{
    Reader reader = { .nics = nics, .disks = disks };

    if (!parse(&reader, xml, error)) {
        return false;
    }
    if (!reader.saw_domain) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_XML,
                    "reading the guest's XML: it holds no <domain>");
        return false;
    }
    return true;
}

void
seen_host_xml(const char *xml, VirtSeenHost *host)
{
    Reader reader = { .host = host };

    parse(&reader, xml, NULL); /* what cannot be learnt stays not told */
}
