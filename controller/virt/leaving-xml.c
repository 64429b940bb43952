/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leaving-xml.c - reads of a domain's XML what leaving its host depends on
 *
 * By the path of elements: a <source> of a backing chain is not the disk's.
 * What a device means is told when its element ends, by leaving-judge.c.
 */
#include <string.h>

#include "virt/leaving-priv.h"
#include "virt/virt-priv.h"

#define DEVICES "domain/devices/"

typedef struct Reader {
    VirtLeaving *leaving;
    const VirtLeavingSpec *spec;
    GString *path;
    GString *cpu;
    LeavingDevice device;
    bool saw_domain;
    bool invariant_tsc, tsc_frequency;
} Reader;

static void
set(char **where, const char *value)
{
    if (value) {
        g_free(*where);
        *where = g_strdup(value);
    }
}

static void
device_clear(LeavingDevice *device)
{
    g_free(device->type);
    g_free(device->where);
    g_free(device->vendor);
    g_free(device->product);
    g_free(device->target);
    g_free(device->role);
    *device = (LeavingDevice){ 0 };
}

/* --- reading --- */

/* What follows "domain/devices/KIND/" in the path; NULL elsewhere. */
static const char *
within(const char *path, const char *device)
{
    g_autofree char *start = g_strdup_printf("domain/devices/%s/", device);

    return g_str_has_prefix(path, start) ? path + strlen(start) : NULL;
}

static void
read_pci_address(LeavingDevice *device, const char **names, const char **values)
{
    static const char *const parts[] = { "domain", "bus", "slot", "function" };
    guint64 numbers[G_N_ELEMENTS(parts)];

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *text = virt_xml_attribute(names, values, parts[i]);

        if (!text) {
            return;
        }
        numbers[i] = g_ascii_strtoull(text, NULL, 0);
    }
    g_free(device->where);
    device->where = g_strdup_printf("%04x:%02x:%02x.%x", (unsigned)numbers[0],
                                    (unsigned)numbers[1], (unsigned)numbers[2],
                                    (unsigned)numbers[3]);
}

static void
read_hostdev(Reader *reader, const char *below, const char **names,
             const char **values)
{
    LeavingDevice *device = &reader->device;
    const char *policy;

    if (!strcmp(below, "source")) {
        policy = virt_xml_attribute(names, values, "startupPolicy");
        device->optional = policy && strcmp(policy, "mandatory") != 0;
    } else if (!strcmp(below, "source/address")) {
        read_pci_address(device, names, values);
        set(&device->where, virt_xml_attribute(names, values, "uuid"));
    } else if (!strcmp(below, "source/adapter")) {
        set(&device->where, virt_xml_attribute(names, values, "name"));
    } else if (!strcmp(below, "source/vendor")) {
        set(&device->vendor, virt_xml_attribute(names, values, "id"));
    } else if (!strcmp(below, "source/product")) {
        set(&device->product, virt_xml_attribute(names, values, "id"));
    }
}

static void
read_disk(Reader *reader, const char *below, const char **names,
          const char **values)
{
    static const char *const places[] = { "file", "dev", "dir", "volume",
                                          "path" };
    LeavingDevice *device = &reader->device;

    if (!strcmp(below, "source")) {
        device->network = virt_xml_attribute(names, values, "protocol") != NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
            set(&device->where, virt_xml_attribute(names, values, places[i]));
        }
    } else if (!strcmp(below, "target")) {
        set(&device->target, virt_xml_attribute(names, values, "dev"));
    } else if (!strcmp(below, "readonly")) {
        device->read_only = true;
    } else if (!strcmp(below, "transient")) {
        device->transient = true;
    } else if (!strcmp(below, "mirror")) {
        device->mirror = true;
    }
}

static void
read_device(Reader *reader, const char *path, const char **names,
            const char **values)
{
    const char *below;

    if ((below = within(path, "hostdev"))) {
        read_hostdev(reader, below, names, values);
    } else if ((below = within(path, "disk"))) {
        read_disk(reader, below, names, values);
    } else if ((below = within(path, "interface"))) {
        if (!strcmp(below, "mac")) {
            set(&reader->device.where,
                virt_xml_attribute(names, values, "address"));
        }
    } else if ((below = within(path, "filesystem"))) {
        if (!strcmp(below, "driver")) {
            set(&reader->device.type,
                virt_xml_attribute(names, values, "type"));
        } else if (!strcmp(below, "source")) {
            set(&reader->device.where,
                virt_xml_attribute(names, values, "dir"));
        }
    } else if ((below = within(path, "tpm"))) {
        if (!strcmp(below, "backend")) {
            set(&reader->device.type,
                virt_xml_attribute(names, values, "type"));
        }
    }
    if (g_str_has_suffix(path, "/teaming") &&
        !g_strcmp0(virt_xml_attribute(names, values, "type"), "transient")) {
        reader->device.transient_team = true;
    }
}

/* Attributes of the device's own element; its kind of hostdev, disk ... */
static void
begin_device(Reader *reader, const char **names, const char **values)
{
    device_clear(&reader->device);
    set(&reader->device.type, virt_xml_attribute(names, values, "type"));
    set(&reader->device.role, virt_xml_attribute(names, values, "role"));
    set(&reader->device.where, virt_xml_attribute(names, values, "name"));
}

static void
read_other(Reader *reader, const char *path, const char **names,
           const char **values)
{
    if (!strcmp(path, "domain")) {
        reader->saw_domain = true;
    } else if (!strcmp(path, "domain/cpu/feature")) {
        reader->invariant_tsc |=
            !g_strcmp0(virt_xml_attribute(names, values, "name"), "invtsc") &&
            !g_strcmp0(virt_xml_attribute(names, values, "policy"), "require");
    } else if (!strcmp(path, "domain/clock/timer")) {
        reader->tsc_frequency |=
            !g_strcmp0(virt_xml_attribute(names, values, "name"), "tsc") &&
            virt_xml_attribute(names, values, "frequency");
    } else if (!strcmp(path, "domain/memoryBacking/hugepages")) {
        reader->leaving->hugepages = true;
    } else if (!strcmp(path, "domain/memoryBacking/hugepages/page")) {
        const char *size = virt_xml_attribute(names, values, "size");
        const char *unit = virt_xml_attribute(names, values, "unit");

        if (size && (!unit || !strcmp(unit, "KiB"))) {
            reader->leaving->hugepage_kib =
                (unsigned)g_ascii_strtoull(size, NULL, 10);
        }
    }
}

static bool
in_cpu(const char *path)
{
    return !strcmp(path, "domain/cpu") || g_str_has_prefix(path, "domain/cpu/");
}

static bool
is_device(const char *path, const char *element)
{
    return g_str_has_prefix(path, DEVICES) &&
           !strcmp(path + strlen(DEVICES), element) && leaving_judges(element);
}

/* GMarkup keeps no positions: what is wanted as text is written anew. */
static void
copy_start(GString *to, const char *element, const char **names,
           const char **values)
{
    g_string_append_printf(to, "<%s", element);
    for (size_t i = 0; names[i]; i++) {
        g_autofree char *attribute_text =
            g_markup_printf_escaped(" %s='%s'", names[i], values[i]);

        g_string_append(to, attribute_text);
    }
    g_string_append_c(to, '>');
}

static void
on_start(GMarkupParseContext *context, const char *element, const char **names,
         const char **values, gpointer user, GError **error)
{
    Reader *reader = user;
    const char *path;

    if (reader->path->len > 0) {
        g_string_append_c(reader->path, '/');
    }
    g_string_append(reader->path, element);
    path = reader->path->str;
    if (in_cpu(path)) {
        copy_start(reader->cpu, element, names, values);
    }
    if (is_device(path, element)) {
        begin_device(reader, names, values);
        return;
    }
    read_device(reader, path, names, values);
    read_other(reader, path, names, values);
}

static void
on_end(GMarkupParseContext *context, const char *element, gpointer user,
       GError **error)
{
    Reader *reader = user;
    const char *path = reader->path->str;

    if (in_cpu(path)) {
        g_string_append_printf(reader->cpu, "</%s>", element);
    }
    if (is_device(path, element)) {
        leaving_judge(reader->leaving, reader->spec, element, &reader->device);
    }
    g_string_truncate(reader->path, reader->path->len - strlen(element));
    if (reader->path->len > 0) {
        g_string_truncate(reader->path, reader->path->len - 1);
    }
}

static void
on_text(GMarkupParseContext *context, const char *text, gsize length,
        gpointer user, GError **error)
{
    Reader *reader = user;

    if (in_cpu(reader->path->str)) {
        g_autofree char *escaped = g_markup_escape_text(text, (gssize)length);

        g_string_append(reader->cpu, escaped);
    }
}

static void
judge_domain(Reader *reader)
{
    if (reader->invariant_tsc && !reader->tsc_frequency) {
        virt_leaving_add(reader->leaving, VIRT_OBSTACLE_CONFIG,
                         g_strdup("its CPU has an invariant TSC without a "
                                  "frequency; write one into "
                                  "<timer name='tsc'>, or leave invtsc out "
                                  "(either takes a restart)"));
    }
}

VirtLeaving *
virt_leaving_parse(const char *xml, const VirtLeavingSpec *spec, GError **error)
{
    static const GMarkupParser parser = { on_start, on_end, on_text, NULL,
                                          NULL };
    g_autoptr(VirtLeaving) leaving = leaving_new();
    Reader reader = { .leaving = leaving,
                      .spec = spec,
                      .path = g_string_new(NULL),
                      .cpu = g_string_new(NULL) };
    bool fine;

    fine =
        virt_xml_parse(&parser, &reader, xml, "reading the guest's XML", error);
    if (fine) {
        judge_domain(&reader);
    }
    device_clear(&reader.device);
    g_string_free(reader.path, TRUE);
    leaving->cpu = g_string_free(reader.cpu, FALSE);
    if (!*leaving->cpu) {
        g_clear_pointer(&leaving->cpu, g_free);
    }
    if (!fine) {
        return NULL;
    }
    if (!reader.saw_domain) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_XML,
                    "reading the guest's XML: it holds no <domain>");
        return NULL;
    }
    return g_steal_pointer(&leaving);
}
