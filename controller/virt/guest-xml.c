/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-xml.c - what a domain's XML says about it, read with GMarkup
 *
 * The reader goes by the path of elements, "domain/devices/interface/mac", so
 * that a <name> or <mac> elsewhere (metadata, a backing chain) is not taken
 * for ours. Namespaces of metadata keep their prefix and never match.
 */
#include <string.h>

#include "virt/virt-priv.h"

typedef struct Reader {
    VirtGuestInfo *info;
    GString *path;            /* of the element we are in */
    GString *text;            /* of the innermost element that is wanted */
    VirtInterface *interface; /* the one being read */
    char *unit;               /* of <memory> */
    bool saw_domain;
} Reader;

VirtGuestInfo *
virt_guest_info_new(void)
{
    VirtGuestInfo *info = g_new0(VirtGuestInfo, 1);

    info->id = -1;
    info->interfaces = g_ptr_array_new();
    info->taints = g_ptr_array_new_with_free_func(g_free);
    return info;
}

static void
interface_free(VirtInterface *interface)
{
    g_free(interface->device);
    g_free(interface->mac);
    g_free(interface->model);
    g_free(interface);
}

void
virt_guest_info_free(VirtGuestInfo *info)
{
    if (!info) {
        return;
    }
    for (guint i = 0; i < info->interfaces->len; i++) {
        interface_free(info->interfaces->pdata[i]);
    }
    g_ptr_array_unref(info->interfaces);
    g_ptr_array_unref(info->taints);
    g_free(info->name);
    g_free(info->uuid);
    g_free(info->arch);
    g_free(info->machine);
    g_free(info->emulator);
    g_free(info->type);
    g_free(info->accelerator);
    g_free(info->metadata);
    g_free(info);
}

const char *
virt_xml_attribute(const char **names, const char **values, const char *name)
{
    for (size_t i = 0; names[i]; i++) {
        if (!strcmp(names[i], name)) {
            return values[i];
        }
    }
    return NULL;
}

size_t
virt_guest_info_macs(const VirtGuestInfo *info, const char **macs, size_t room)
{
    size_t n = 0;

    for (guint i = 0; i < info->interfaces->len && n + 1 < room; i++) {
        const VirtInterface *interface = g_ptr_array_index(info->interfaces, i);

        if (interface->mac) {
            macs[n++] = interface->mac;
        }
    }
    macs[n] = NULL;
    return n;
}

static void
set(char **where, const char *value)
{
    g_free(*where);
    *where = g_strdup(value);
}

static uint64_t
unit_bytes(const char *unit)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {
        { "b", 1 },          { "bytes", 1 },        { "KB", 1000 },
        { "k", 1024 },       { "KiB", 1024 },       { "MB", 1000000 },
        { "M", 1 << 20 },    { "MiB", 1 << 20 },    { "GB", 1000000000 },
        { "G", 1 << 30 },    { "GiB", 1 << 30 },    { "TB", 1000000000000 },
        { "T", 1ull << 40 }, { "TiB", 1ull << 40 },
    };

    for (size_t i = 0; unit && i < G_N_ELEMENTS(units); i++) {
        if (!strcmp(units[i].name, unit)) {
            return units[i].bytes;
        }
    }
    return 1024; /* libvirt's default, and its output */
}

static void
on_start(GMarkupParseContext *context, const char *element, const char **names,
         const char **values, gpointer user, GError **error)
{
    Reader *reader = user;
    VirtGuestInfo *info = reader->info;
    const char *path, *value;

    if (reader->path->len > 0) {
        g_string_append_c(reader->path, '/');
    }
    g_string_append(reader->path, element);
    g_string_truncate(reader->text, 0);
    path = reader->path->str;

    if (!strcmp(path, "domain")) {
        reader->saw_domain = true;
        value = virt_xml_attribute(names, values, "type");
        set(&info->type, value);
        set(&info->accelerator,
            value && !strcmp(value, "qemu") ? "tcg" : value);
        value = virt_xml_attribute(names, values, "id");
        info->id = value ? (int)g_ascii_strtoll(value, NULL, 10) : -1;
    } else if (!strcmp(path, "domain/memory")) {
        set(&reader->unit, virt_xml_attribute(names, values, "unit"));
    } else if (!strcmp(path, "domain/os/type")) {
        set(&info->arch, virt_xml_attribute(names, values, "arch"));
        set(&info->machine, virt_xml_attribute(names, values, "machine"));
    } else if (!strcmp(path, "domain/devices/memballoon")) {
        value = virt_xml_attribute(names, values, "model");
        info->balloon = value && strcmp(value, "none") != 0;
    } else if (!strcmp(path, "domain/devices/memballoon/stats")) {
        value = virt_xml_attribute(names, values, "period");
        info->balloon_period_s =
            value ? (unsigned)g_ascii_strtoull(value, NULL, 10) : 0;
    } else if (!strcmp(path, "domain/memoryBacking/hugepages/page")) {
        value = virt_xml_attribute(names, values, "size");
        if (value) {
            uint64_t bytes =
                g_ascii_strtoull(value, NULL, 10) *
                unit_bytes(virt_xml_attribute(names, values, "unit"));

            info->hugepage_bytes = MAX(info->hugepage_bytes, bytes);
        }
    } else if (!strcmp(path, "domain/devices/hostdev")) {
        info->host_devices = true;
    } else if (!strcmp(path, "domain/devices/interface")) {
        value = virt_xml_attribute(names, values, "type");
        info->host_devices |=
            value && (!strcmp(value, "hostdev") || !strcmp(value, "vdpa"));
        reader->interface = g_new0(VirtInterface, 1);
        g_ptr_array_add(info->interfaces, reader->interface);
    } else if (!strcmp(path, "domain/devices/interface/mac")) {
        set(&reader->interface->mac,
            virt_xml_attribute(names, values, "address"));
    } else if (!strcmp(path, "domain/devices/interface/target")) {
        set(&reader->interface->device,
            virt_xml_attribute(names, values, "dev"));
    } else if (!strcmp(path, "domain/devices/interface/model")) {
        set(&reader->interface->model,
            virt_xml_attribute(names, values, "type"));
    }
}

static void
on_end(GMarkupParseContext *context, const char *element, gpointer user,
       GError **error)
{
    Reader *reader = user;
    VirtGuestInfo *info = reader->info;
    const char *path = reader->path->str;
    const char *text = g_strstrip(reader->text->str);

    if (!strcmp(path, "domain/name")) {
        set(&info->name, text);
    } else if (!strcmp(path, "domain/uuid")) {
        set(&info->uuid, text);
    } else if (!strcmp(path, "domain/memory")) {
        info->memory_bytes =
            g_ascii_strtoull(text, NULL, 10) * unit_bytes(reader->unit);
    } else if (!strcmp(path, "domain/memtune/hard_limit")) {
        info->memory_limit = *text != '\0';
    } else if (!strcmp(path, "domain/vcpu")) {
        info->vcpus = (unsigned)g_ascii_strtoull(text, NULL, 10);
    } else if (!strcmp(path, "domain/devices/emulator")) {
        set(&info->emulator, text);
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
    g_string_append_len(((Reader *)user)->text, text, length);
}

VirtGuestInfo *
virt_guest_info_parse(const char *xml, GError **error)
{
    static const GMarkupParser parser = { on_start, on_end, on_text, NULL,
                                          NULL };
    g_autoptr(VirtGuestInfo) info = virt_guest_info_new();
    Reader reader = { .info = info,
                      .path = g_string_new(NULL),
                      .text = g_string_new(NULL) };
    bool fine =
        virt_xml_parse(&parser, &reader, xml, "reading the guest's XML", error);

    g_string_free(reader.path, TRUE);
    g_string_free(reader.text, TRUE);
    g_free(reader.unit);
    if (!fine) {
        return NULL;
    }
    if (!reader.saw_domain || !info->name || !info->uuid) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_XML,
                    "reading the guest's XML: no <domain> with a name and a "
                    "UUID");
        return NULL;
    }
    return g_steal_pointer(&info);
}
