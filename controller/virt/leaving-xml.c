/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leaving-xml.c - what a domain's XML says about leaving its host
 *
 *   <hostdev>, <interface type='hostdev'>   a device of this host, unless its
 *                                           <teaming type='transient'> has QEMU
 *                                           unplug it for the migration
 *   <disk>                                  a writable file that no other host
 *                                           sees; an NVMe device; <mirror>
 *   <filesystem>, <shmem>, <tpm>, invtsc    what libvirt refuses, each by name
 *
 * The rules are those of libvirt 9.0, which tells of the first that is broken
 * only, and not before it is asked to migrate. They are read by the path of
 * elements: a <source> of a backing chain is not the disk's.
 */
#include <string.h>

#include "virt/leaving.h"
#include "virt/virt-priv.h"

static const char *const obstacle_names[] = {
    [VIRT_OBSTACLE_STATE] = "state",
    [VIRT_OBSTACLE_BUSY] = "busy",
    [VIRT_OBSTACLE_DEVICE] = "device",
    [VIRT_OBSTACLE_DISK] = "disk",
    [VIRT_OBSTACLE_SNAPSHOTS] = "snapshots",
    [VIRT_OBSTACLE_CONFIG] = "configuration",
    [VIRT_OBSTACLE_MACHINE] = "machine",
    [VIRT_OBSTACLE_CPU] = "cpu",
    [VIRT_OBSTACLE_MEMORY] = "memory",
};
G_STATIC_ASSERT(G_N_ELEMENTS(obstacle_names) == VIRT_N_OBSTACLES);

/* A device while its element is open. */
typedef struct Device {
    char *type;
    char *where; /* "0000:01:00.0", a path, a protocol */
    char *vendor, *product;
    char *target;
    char *role;
    bool transient_team;
    bool read_only, transient, mirror, network, optional;
} Device;

typedef struct Reader {
    VirtLeaving *leaving;
    const VirtLeavingSpec *spec;
    GString *path;
    GString *cpu;
    Device device;
    bool saw_domain;
    bool invariant_tsc, tsc_frequency;
} Reader;

const char *
virt_obstacle_name(VirtObstacleKind kind)
{
    return (unsigned)kind < VIRT_N_OBSTACLES ? obstacle_names[kind] : "?";
}

static void
obstacle_free(gpointer data)
{
    VirtObstacle *obstacle = data;

    g_free(obstacle->text);
    g_free(obstacle);
}

void
virt_leaving_free(VirtLeaving *leaving)
{
    if (!leaving) {
        return;
    }
    g_ptr_array_unref(leaving->obstacles);
    g_ptr_array_unref(leaving->cautions);
    g_free(leaving->cpu);
    g_free(leaving);
}

void
virt_leaving_add(VirtLeaving *leaving, VirtObstacleKind kind, char *text)
{
    VirtObstacle *obstacle = g_new(VirtObstacle, 1);

    *obstacle = (VirtObstacle){ kind, text };
    g_ptr_array_add(leaving->obstacles, obstacle);
}

static void add(Reader *reader, VirtObstacleKind kind, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static void
add(Reader *reader, VirtObstacleKind kind, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    virt_leaving_add(reader->leaving, kind, g_strdup_vprintf(format, args));
    va_end(args);
}

static void caution(Reader *reader, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

static void
caution(Reader *reader, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(reader->leaving->cautions, g_strdup_vprintf(format, args));
    va_end(args);
}

static const char *
attribute(const char **names, const char **values, const char *name)
{
    for (size_t i = 0; names[i]; i++) {
        if (!strcmp(names[i], name)) {
            return values[i];
        }
    }
    return NULL;
}

static void
set(char **where, const char *value)
{
    if (value) {
        g_free(*where);
        *where = g_strdup(value);
    }
}

static void
device_clear(Device *device)
{
    g_free(device->type);
    g_free(device->where);
    g_free(device->vendor);
    g_free(device->product);
    g_free(device->target);
    g_free(device->role);
    *device = (Device){ 0 };
}

static const char *
or_unknown(const char *text)
{
    return text ? text : "?";
}

/* --- judging a device when its element ends --- */

static void
judge_hostdev(Reader *reader)
{
    const Device *device = &reader->device;
    g_autofree char *usb =
        device->vendor && device->product
            ? g_strdup_printf("%s:%s", device->vendor, device->product)
            : NULL;

    if (device->transient_team) {
        return;
    }
    if (device->optional) {
        caution(reader,
                "it loses host device %s (%s), which it is said to do without",
                or_unknown(usb), or_unknown(device->type));
        return;
    }
    add(reader, VIRT_OBSTACLE_DEVICE,
        "it uses %s device %s of this host; detach it first (virsh "
        "detach-device)",
        or_unknown(device->type),
        or_unknown(device->where ? device->where : usb));
}

static void
judge_interface(Reader *reader)
{
    const Device *device = &reader->device;

    if (device->transient_team || !device->type ||
        (strcmp(device->type, "hostdev") && strcmp(device->type, "vdpa"))) {
        return;
    }
    add(reader, VIRT_OBSTACLE_DEVICE,
        "its network interface %s is a device of this host (%s); detach it "
        "first, or pair it by <teaming type='transient'>",
        or_unknown(device->where), device->type);
}

static void
judge_storage(Reader *reader)
{
    const Device *device = &reader->device;
    VirtStorage storage =
        reader->spec->storage_of && device->where &&
                !g_strcmp0(device->type, "file")
            ? reader->spec->storage_of(device->where, reader->spec->user)
            : VIRT_STORAGE_UNKNOWN;

    if (storage == VIRT_STORAGE_SHARED || device->network) {
        return;
    }
    if (device->read_only) {
        if (storage == VIRT_STORAGE_LOCAL) {
            caution(reader, "disk %s: '%s' has to be on the destination too",
                    or_unknown(device->target), device->where);
        }
    } else if (reader->spec->copies_disks || reader->spec->unsafe) {
        return;
    } else if (storage == VIRT_STORAGE_LOCAL) {
        add(reader, VIRT_OBSTACLE_DISK,
            "disk %s: '%s' lies on this host alone; move it to shared storage, "
            "or copy it along (--copy-storage-all)",
            or_unknown(device->target), device->where);
    } else {
        caution(reader,
                "disk %s: whether the destination sees '%s' is not known",
                or_unknown(device->target), device->where);
    }
}

static void
judge_disk(Reader *reader)
{
    const Device *device = &reader->device;
    const char *type = device->type ? device->type : "";

    if (device->mirror) {
        add(reader, VIRT_OBSTACLE_BUSY,
            "disk %s: a block job is under way; wait for it, or end it (virsh "
            "blockjob)",
            or_unknown(device->target));
    }
    if (device->transient) {
        add(reader, VIRT_OBSTACLE_DISK,
            "disk %s is transient: libvirt does not migrate what is thrown "
            "away in the end",
            or_unknown(device->target));
    } else if (!strcmp(type, "nvme")) {
        add(reader, VIRT_OBSTACLE_DEVICE,
            "disk %s is an NVMe device of this host",
            or_unknown(device->target));
    } else if (device->where || device->network) {
        judge_storage(reader);
    }
}

static void
judge_filesystem(Reader *reader)
{
    const Device *device = &reader->device;

    if (!g_strcmp0(device->type, "virtiofs")) {
        add(reader, VIRT_OBSTACLE_DEVICE,
            "it shares folder '%s' of this host by virtiofs; detach it first",
            or_unknown(device->where));
    } else {
        caution(reader,
                "it shares folder '%s' of this host, and cannot leave while "
                "that is mounted",
                or_unknown(device->where));
    }
}

static void
judge_shmem(Reader *reader)
{
    if (g_strcmp0(reader->device.role, "master")) {
        add(reader, VIRT_OBSTACLE_DEVICE,
            "it shares memory '%s' with others on this host",
            or_unknown(reader->device.where));
    }
}

static void
judge_tpm(Reader *reader)
{
    if (!g_strcmp0(reader->device.type, "passthrough")) {
        add(reader, VIRT_OBSTACLE_DEVICE, "it uses the TPM of this host");
    }
}

static void
judge_domain(Reader *reader)
{
    if (reader->invariant_tsc && !reader->tsc_frequency) {
        add(reader, VIRT_OBSTACLE_CONFIG,
            "its CPU has an invariant TSC without a frequency; write one into "
            "<timer name='tsc'>, or leave invtsc out (either takes a restart)");
    }
}

static const struct {
    const char *path;
    void (*judge)(Reader *reader);
} judges[] = {
    { "domain/devices/hostdev", judge_hostdev },
    { "domain/devices/interface", judge_interface },
    { "domain/devices/disk", judge_disk },
    { "domain/devices/filesystem", judge_filesystem },
    { "domain/devices/shmem", judge_shmem },
    { "domain/devices/tpm", judge_tpm },
};

/* --- reading --- */

/* What follows "domain/devices/KIND/" in the path; NULL elsewhere. */
static const char *
within(const char *path, const char *device)
{
    g_autofree char *start = g_strdup_printf("domain/devices/%s/", device);

    return g_str_has_prefix(path, start) ? path + strlen(start) : NULL;
}

static void
read_pci_address(Device *device, const char **names, const char **values)
{
    static const char *const parts[] = { "domain", "bus", "slot", "function" };
    guint64 numbers[G_N_ELEMENTS(parts)];

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *text = attribute(names, values, parts[i]);

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
    Device *device = &reader->device;
    const char *policy;

    if (!strcmp(below, "source")) {
        policy = attribute(names, values, "startupPolicy");
        device->optional = policy && strcmp(policy, "mandatory") != 0;
    } else if (!strcmp(below, "source/address")) {
        read_pci_address(device, names, values);
        set(&device->where, attribute(names, values, "uuid"));
    } else if (!strcmp(below, "source/adapter")) {
        set(&device->where, attribute(names, values, "name"));
    } else if (!strcmp(below, "source/vendor")) {
        set(&device->vendor, attribute(names, values, "id"));
    } else if (!strcmp(below, "source/product")) {
        set(&device->product, attribute(names, values, "id"));
    }
}

static void
read_disk(Reader *reader, const char *below, const char **names,
          const char **values)
{
    static const char *const places[] = { "file", "dev", "dir", "volume",
                                          "path" };
    Device *device = &reader->device;

    if (!strcmp(below, "source")) {
        device->network = attribute(names, values, "protocol") != NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
            set(&device->where, attribute(names, values, places[i]));
        }
    } else if (!strcmp(below, "target")) {
        set(&device->target, attribute(names, values, "dev"));
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
            set(&reader->device.where, attribute(names, values, "address"));
        }
    } else if ((below = within(path, "filesystem"))) {
        if (!strcmp(below, "driver")) {
            set(&reader->device.type, attribute(names, values, "type"));
        } else if (!strcmp(below, "source")) {
            set(&reader->device.where, attribute(names, values, "dir"));
        }
    } else if ((below = within(path, "tpm"))) {
        if (!strcmp(below, "backend")) {
            set(&reader->device.type, attribute(names, values, "type"));
        }
    }
    if (g_str_has_suffix(path, "/teaming") &&
        !g_strcmp0(attribute(names, values, "type"), "transient")) {
        reader->device.transient_team = true;
    }
}

/* Attributes of the device's own element; its kind of hostdev, disk ... */
static void
begin_device(Reader *reader, const char **names, const char **values)
{
    device_clear(&reader->device);
    set(&reader->device.type, attribute(names, values, "type"));
    set(&reader->device.role, attribute(names, values, "role"));
    set(&reader->device.where, attribute(names, values, "name"));
}

static void
read_other(Reader *reader, const char *path, const char **names,
           const char **values)
{
    if (!strcmp(path, "domain")) {
        reader->saw_domain = true;
    } else if (!strcmp(path, "domain/cpu/feature")) {
        reader->invariant_tsc |=
            !g_strcmp0(attribute(names, values, "name"), "invtsc") &&
            !g_strcmp0(attribute(names, values, "policy"), "require");
    } else if (!strcmp(path, "domain/clock/timer")) {
        reader->tsc_frequency |=
            !g_strcmp0(attribute(names, values, "name"), "tsc") &&
            attribute(names, values, "frequency");
    } else if (!strcmp(path, "domain/memoryBacking/hugepages")) {
        reader->leaving->hugepages = true;
    } else if (!strcmp(path, "domain/memoryBacking/hugepages/page")) {
        const char *size = attribute(names, values, "size");
        const char *unit = attribute(names, values, "unit");

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
    for (size_t i = 0; i < G_N_ELEMENTS(judges); i++) {
        if (!strcmp(path, judges[i].path)) {
            begin_device(reader, names, values);
            return;
        }
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
    for (size_t i = 0; i < G_N_ELEMENTS(judges); i++) {
        if (!strcmp(path, judges[i].path)) {
            judges[i].judge(reader);
        }
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

VirtLeaving *
virt_leaving_parse(const char *xml, const VirtLeavingSpec *spec, GError **error)
{
    static const GMarkupParser parser = { on_start, on_end, on_text, NULL,
                                          NULL };
    g_autoptr(VirtLeaving) leaving = g_new0(VirtLeaving, 1);
    Reader reader = { .leaving = leaving,
                      .spec = spec,
                      .path = g_string_new(NULL),
                      .cpu = g_string_new(NULL) };
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(&parser, 0, &reader, NULL);
    g_autoptr(GError) cause = NULL;
    bool fine;

    leaving->obstacles = g_ptr_array_new_with_free_func(obstacle_free);
    leaving->cautions = g_ptr_array_new_with_free_func(g_free);
    fine = g_markup_parse_context_parse(context, xml, -1, &cause) &&
           g_markup_parse_context_end_parse(context, &cause);
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
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_XML,
                    "reading the guest's XML: %s", cause->message);
        return NULL;
    }
    if (!reader.saw_domain) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_XML,
                    "reading the guest's XML: it holds no <domain>");
        return NULL;
    }
    return g_steal_pointer(&leaving);
}
