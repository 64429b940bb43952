/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leaving-judge.c - what a device means for a guest that is to leave its host
 *
 *   <hostdev>, <interface type='hostdev'>   a device of this host, unless its
 *                                           <teaming type='transient'> has QEMU
 *                                           unplug it for the migration
 *   <disk>                                  a writable file that no other host
 *                                           sees; an NVMe device; <mirror>
 *   <filesystem>, <shmem>, <tpm>            what libvirt refuses, each by name
 *
 * The rules are those of libvirt 9.0, which tells of the first that is broken
 * only, and not before it is asked to migrate.
 */
#include <string.h>

#include "virt/leaving-priv.h"

typedef struct Judging {
    VirtLeaving *leaving;
    const VirtLeavingSpec *spec;
    const LeavingDevice *device;
} Judging;

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

VirtLeaving *
leaving_new(void)
{
    VirtLeaving *leaving = g_new0(VirtLeaving, 1);

    leaving->obstacles = g_ptr_array_new_with_free_func(obstacle_free);
    leaving->cautions = g_ptr_array_new_with_free_func(g_free);
    return leaving;
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

static void add(Judging *judging, VirtObstacleKind kind, const char *format,
                ...) G_GNUC_PRINTF(3, 4);

static void
add(Judging *judging, VirtObstacleKind kind, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    virt_leaving_add(judging->leaving, kind, g_strdup_vprintf(format, args));
    va_end(args);
}

static void caution(Judging *judging, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

static void
caution(Judging *judging, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(judging->leaving->cautions, g_strdup_vprintf(format, args));
    va_end(args);
}

static const char *
or_unknown(const char *text)
{
    return text ? text : "?";
}

/* --- judging a device when its element ends --- */

static void
judge_hostdev(Judging *judging)
{
    const LeavingDevice *device = judging->device;
    g_autofree char *usb =
        device->vendor && device->product
            ? g_strdup_printf("%s:%s", device->vendor, device->product)
            : NULL;

    if (device->transient_team) {
        return;
    }
    if (device->optional) {
        caution(judging,
                "it loses host device %s (%s), which it is said to do without",
                or_unknown(usb), or_unknown(device->type));
        return;
    }
    add(judging, VIRT_OBSTACLE_DEVICE,
        "it uses %s device %s of this host; detach it first (virsh "
        "detach-device)",
        or_unknown(device->type),
        or_unknown(device->where ? device->where : usb));
}

static void
judge_interface(Judging *judging)
{
    const LeavingDevice *device = judging->device;

    if (device->transient_team || !device->type ||
        (strcmp(device->type, "hostdev") && strcmp(device->type, "vdpa"))) {
        return;
    }
    add(judging, VIRT_OBSTACLE_DEVICE,
        "its network interface %s is a device of this host (%s); detach it "
        "first, or pair it by <teaming type='transient'>",
        or_unknown(device->where), device->type);
}

static void
judge_storage(Judging *judging)
{
    const LeavingDevice *device = judging->device;
    VirtStorage storage =
        judging->spec->storage_of && device->where &&
                !g_strcmp0(device->type, "file")
            ? judging->spec->storage_of(device->where, judging->spec->user)
            : VIRT_STORAGE_UNKNOWN;

    if (storage == VIRT_STORAGE_SHARED || device->network) {
        return;
    }
    if (device->read_only) {
        if (storage == VIRT_STORAGE_LOCAL) {
            caution(judging, "disk %s: '%s' has to be on the destination too",
                    or_unknown(device->target), device->where);
        }
    } else if (judging->spec->copies_disks || judging->spec->unsafe) {
        return;
    } else if (storage == VIRT_STORAGE_LOCAL) {
        add(judging, VIRT_OBSTACLE_DISK,
            "disk %s: '%s' lies on this host alone; move it to shared storage, "
            "or copy it along (--copy-storage-all)",
            or_unknown(device->target), device->where);
    } else {
        caution(judging,
                "disk %s: whether the destination sees '%s' is not known",
                or_unknown(device->target), device->where);
    }
}

static void
judge_disk(Judging *judging)
{
    const LeavingDevice *device = judging->device;
    const char *type = device->type ? device->type : "";

    if (device->mirror) {
        add(judging, VIRT_OBSTACLE_BUSY,
            "disk %s: a block job is under way; wait for it, or end it (virsh "
            "blockjob)",
            or_unknown(device->target));
    }
    if (device->transient) {
        add(judging, VIRT_OBSTACLE_DISK,
            "disk %s is transient: libvirt does not migrate what is thrown "
            "away in the end",
            or_unknown(device->target));
    } else if (!strcmp(type, "nvme")) {
        add(judging, VIRT_OBSTACLE_DEVICE,
            "disk %s is an NVMe device of this host",
            or_unknown(device->target));
    } else if (device->where || device->network) {
        judge_storage(judging);
    }
}

static void
judge_filesystem(Judging *judging)
{
    const LeavingDevice *device = judging->device;

    if (!g_strcmp0(device->type, "virtiofs")) {
        add(judging, VIRT_OBSTACLE_DEVICE,
            "it shares folder '%s' of this host by virtiofs; detach it first",
            or_unknown(device->where));
    } else {
        caution(judging,
                "it shares folder '%s' of this host, and cannot leave while "
                "that is mounted",
                or_unknown(device->where));
    }
}

static void
judge_shmem(Judging *judging)
{
    if (g_strcmp0(judging->device->role, "master")) {
        add(judging, VIRT_OBSTACLE_DEVICE,
            "it shares memory '%s' with others on this host",
            or_unknown(judging->device->where));
    }
}

static void
judge_tpm(Judging *judging)
{
    if (!g_strcmp0(judging->device->type, "passthrough")) {
        add(judging, VIRT_OBSTACLE_DEVICE, "it uses the TPM of this host");
    }
}

static const struct {
    const char *element;
    void (*judge)(Judging *judging);
} judges[] = {
    { "hostdev", judge_hostdev }, { "interface", judge_interface },
    { "disk", judge_disk },       { "filesystem", judge_filesystem },
    { "shmem", judge_shmem },     { "tpm", judge_tpm },
};

bool
leaving_judges(const char *element)
{
    for (size_t i = 0; i < G_N_ELEMENTS(judges); i++) {
        if (!strcmp(element, judges[i].element)) {
            return true;
        }
    }
    return false;
}

void
leaving_judge(VirtLeaving *leaving, const VirtLeavingSpec *spec,
              const char *element, const LeavingDevice *device)
{
    Judging judging = { leaving, spec, device };

    for (size_t i = 0; i < G_N_ELEMENTS(judges); i++) {
        if (!strcmp(element, judges[i].element)) {
            judges[i].judge(&judging);
        }
    }
}
