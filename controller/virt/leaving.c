/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leaving.c - asking libvirt what keeps a guest, and what a host has for it
 *
 * Whether a file lies on shared storage is told by the type of its file
 * system, on the guest's own host only; that is how libvirt decides it too.
 */
#include "virt/leaving.h"

#include <errno.h>
#include <string.h>
#include <sys/vfs.h>

#include "virt/virt-priv.h"

/* Types of statfs(2): NFS, SMB and CIFS, and file systems of clusters. FUSE
 * may be anything. */
VirtStorage
virt_storage_of(const char *path, gpointer user)
{
    static const struct {
        unsigned long type;
        VirtStorage storage;
    } types[] = {
        { 0x6969, VIRT_STORAGE_SHARED },      /* NFS */
        { 0x517b, VIRT_STORAGE_SHARED },      /* SMB */
        { 0xfe534d42, VIRT_STORAGE_SHARED },  /* SMB 2 */
        { 0xff534d42, VIRT_STORAGE_SHARED },  /* CIFS */
        { 0x01161970, VIRT_STORAGE_SHARED },  /* GFS2 */
        { 0x7461636f, VIRT_STORAGE_SHARED },  /* OCFS2 */
        { 0x5346414f, VIRT_STORAGE_SHARED },  /* AFS */
        { 0x00c36400, VIRT_STORAGE_SHARED },  /* Ceph */
        { 0x47504653, VIRT_STORAGE_SHARED },  /* GPFS */
        { 0x0bd00bd0, VIRT_STORAGE_SHARED },  /* Lustre */
        { 0x19830326, VIRT_STORAGE_SHARED },  /* BeeGFS */
        { 0x65735546, VIRT_STORAGE_UNKNOWN }, /* FUSE */
        { 0x01021997, VIRT_STORAGE_UNKNOWN }, /* 9p */
    };
    struct statfs fs;

    if (statfs(path, &fs) < 0) {
        return VIRT_STORAGE_UNKNOWN;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (((unsigned long)fs.f_type & 0xffffffff) == types[i].type) {
            return types[i].storage;
        }
    }
    return VIRT_STORAGE_LOCAL;
}

/* Why a paused guest is; NULL if it was somebody's wish. */
static const char *
pause_error(int reason)
{
    switch (reason) {
    case VIR_DOMAIN_PAUSED_IOERROR:
        return "an I/O error of its disks";
    case VIR_DOMAIN_PAUSED_WATCHDOG:
        return "its watchdog";
    case VIR_DOMAIN_PAUSED_CRASHED:
        return "a crash";
    case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED:
        return "a post-copy migration that failed (resume that one: virsh "
               "migrate --postcopy-resume)";
    default:
        return NULL;
    }
}

static void
check_state(VirtLeaving *leaving, virDomainPtr domain)
{
    VirtState state = virt_state_of(domain);
    int code = 0, reason = 0;

    if (state == VIRT_STATE_PAUSED) {
        const char *why = virDomainGetState(domain, &code, &reason, 0) == 0
                              ? pause_error(reason)
                              : NULL;

        if (why) {
            virt_leaving_add(leaving, VIRT_OBSTACLE_STATE,
                             g_strdup_printf("it is paused by %s", why));
        }
    } else if (state != VIRT_STATE_RUNNING) {
        virt_leaving_add(leaving, VIRT_OBSTACLE_STATE,
                         g_strdup_printf("it does not run: its state is '%s'",
                                         virt_state_name(state)));
    }
}

static void
check_jobs(VirtLeaving *leaving, virDomainPtr domain)
{
    virDomainControlInfo control;

    if (virt_has_job(domain)) {
        virt_leaving_add(leaving, VIRT_OBSTACLE_BUSY,
                         g_strdup("another job holds it (virsh domjobinfo "
                                  "tells which); wait for its end"));
    } else if (virDomainGetControlInfo(domain, &control, 0) == 0 &&
               control.state == VIR_DOMAIN_CONTROL_ERROR) {
        virt_leaving_add(leaving, VIRT_OBSTACLE_BUSY,
                         g_strdup("libvirt has no hold of its QEMU any more "
                                  "(virsh domcontrol)"));
    }
}

static void
check_snapshots(VirtLeaving *leaving, virDomainPtr domain)
{
    int n = virDomainSnapshotNum(domain, 0);

    if (n > 0) {
        virt_leaving_add(
            leaving, VIRT_OBSTACLE_SNAPSHOTS,
            g_strdup_printf("it has %d snapshot%s, with which libvirt does not "
                            "migrate; remove them (virsh snapshot-delete)",
                            n, n == 1 ? "" : "s"));
    }
}

VirtLeaving *
virt_leaving_of(virDomainPtr domain, const VirtLeavingSpec *spec,
                GError **error)
{
    VirtLeaving *leaving;
    int autostart = 0;
    char *xml = virDomainGetXMLDesc(domain, 0);

    if (!xml) {
        virt_error_take_guest(error, domain, "reading its description");
        return NULL;
    }
    leaving = virt_leaving_parse(xml, spec, error);
    free(xml);
    if (!leaving) {
        g_prefix_error(error, "guest '%s': ", virDomainGetName(domain));
        return NULL;
    }
    check_state(leaving, domain);
    check_jobs(leaving, domain);
    check_snapshots(leaving, domain);
    leaving->autostart =
        virDomainGetAutostart(domain, &autostart) == 0 && autostart;
    virResetLastError();
    return leaving;
}

VirtLeaving *
virt_guest_leaving_now(VirtGuest *guest, const VirtLeavingSpec *spec,
                       GError **error)
{
    VirtLeavingSpec own = *spec;

    if (!own.storage_of &&
        virt_host_info(virt_guest_host(guest))->local == VIRT_LOCAL_YES) {
        own.storage_of = virt_storage_of;
    }
    return virt_leaving_of(virt_guest_domain(guest), &own, error);
}

/* --- the destination --- */

static bool
free_huge_pages(virConnectPtr connection, unsigned size_kib, uint64_t *bytes)
{
    unsigned sizes[] = { size_kib };
    unsigned long long counts[1] = { 0 };

    /* Of cell 0 alone: -1 would be the sum of all from libvirt 10 on. */
    if (virNodeGetFreePages(connection, 1, sizes, 0, 1, counts, 0) < 0) {
        return false;
    }
    *bytes = counts[0] * size_kib * 1024;
    return true;
}

/* KiB of a field; false if it is not told. */
static bool
memory_field(const virNodeMemoryStats *stats, int n, const char *field,
             uint64_t *kib)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(stats[i].field, field)) {
            *kib = stats[i].value;
            return true;
        }
    }
    return false;
}

static bool
free_plain_memory(virConnectPtr connection, uint64_t *bytes)
{
    int n = 0;
    uint64_t kib = 0, buffers = 0, cached = 0;

    if (virNodeGetMemoryStats(connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL,
                              &n, 0) == 0 &&
        n > 0) {
        g_autofree virNodeMemoryStats *stats = g_new0(virNodeMemoryStats, n);

        if (virNodeGetMemoryStats(connection, VIR_NODE_MEMORY_STATS_ALL_CELLS,
                                  stats, &n, 0) == 0 &&
            memory_field(stats, n, VIR_NODE_MEMORY_STATS_FREE, &kib)) {
            memory_field(stats, n, VIR_NODE_MEMORY_STATS_BUFFERS, &buffers);
            memory_field(stats, n, VIR_NODE_MEMORY_STATS_CACHED, &cached);
            *bytes = (kib + buffers + cached) * 1024;
            return true;
        }
    }
    *bytes = virNodeGetFreeMemory(connection);
    return *bytes > 0;
}

bool
virt_free_memory(virConnectPtr connection, const VirtLeaving *leaving,
                 uint64_t *bytes)
{
    bool huge = leaving && leaving->hugepages && leaving->hugepage_kib > 0;

    return huge ? free_huge_pages(connection, leaving->hugepage_kib, bytes)
                : free_plain_memory(connection, bytes);
}

bool
virt_host_free_memory_now(VirtHost *host, const VirtLeaving *leaving,
                          uint64_t *bytes, GError **error)
{
    virConnectPtr connection = virt_host_connection(host);

    if (virt_free_memory(connection, leaving, bytes)) {
        virResetLastError();
        return true;
    }
    virt_error_take(error, connection, VIRT_ERROR_FAILED,
                    "asking '%s' for its free memory",
                    virt_host_info(host)->host_name);
    return false;
}

bool
virt_check_cpu(virConnectPtr connection, const char *host_name,
               const VirtGuestInfo *info, const VirtLeaving *leaving,
               GError **error)
{
    virErrorPtr why;
    int compared;

    if (!leaving->cpu || !strstr(leaving->cpu, "<model") ||
        g_strcmp0(info->type, "kvm") != 0) {
        return true;
    }
    compared = virConnectCompareHypervisorCPU(
        connection, info->emulator, info->arch, info->machine, info->type,
        leaving->cpu, VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE);
    why = virGetLastError();
    if (compared == VIR_CPU_COMPARE_INCOMPATIBLE ||
        (compared == VIR_CPU_COMPARE_ERROR && why &&
         why->code == VIR_ERR_CPU_INCOMPATIBLE)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_MACHINE,
                    "the CPU of '%s' lacks features that the guest uses%s%s",
                    host_name, why && why->message ? ": " : "",
                    why && why->message ? why->message : "");
        virResetLastError();
        return false;
    }
    virResetLastError();
    return true;
}

bool
virt_host_check_cpu_now(VirtHost *host, VirtGuest *guest,
                        const VirtLeaving *leaving, GError **error)
{
    return virt_check_cpu(virt_host_connection(host),
                          virt_host_info(host)->host_name,
                          virt_guest_info(guest), leaving, error);
}

/* --- who is there --- */

static int
by_name(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(virDomainGetName(*(const virDomainPtr *)a),
                     virDomainGetName(*(const virDomainPtr *)b));
}

char **
virt_host_active_now(VirtHost *host, unsigned *n_stopped, GError **error)
{
    virConnectPtr connection = virt_host_connection(host);
    virDomainPtr *domains = NULL;
    GPtrArray *uuids = g_ptr_array_new();
    int n = virConnectListAllDomains(connection, &domains,
                                     VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    int stopped;

    if (n < 0) {
        g_ptr_array_unref(uuids);
        virt_error_take(error, connection, VIRT_ERROR_FAILED,
                        "listing the guests of '%s'",
                        virt_host_info(host)->host_name);
        return NULL;
    }
    qsort(domains, (size_t)n, sizeof(domains[0]), by_name);
    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];

        if (virDomainGetUUIDString(domains[i], uuid) == 0) {
            g_ptr_array_add(uuids, g_strdup(uuid));
        }
        virDomainFree(domains[i]);
    }
    free(domains);
    stopped = virConnectNumOfDefinedDomains(connection);
    if (n_stopped) {
        *n_stopped = stopped > 0 ? (unsigned)stopped : 0;
    }
    virResetLastError();
    g_ptr_array_add(uuids, NULL);
    return (char **)g_ptr_array_free(uuids, FALSE);
}

typedef struct Autostart {
    VirtHost *host;
    virConnectPtr connection;
    char *uuid;
    VirtDone done;
    gpointer user;
    GError *error;
} Autostart;

static void
autostart_work(gpointer data)
{
    Autostart *request = data;
    virDomainPtr domain =
        virDomainLookupByUUIDString(request->connection, request->uuid);

    if (!domain || virDomainSetAutostart(domain, 1) < 0) {
        virt_error_take(&request->error, request->connection, VIRT_ERROR_FAILED,
                        "having guest %s start with '%s' (by hand: virsh "
                        "autostart)",
                        request->uuid,
                        virt_host_info(request->host)->host_name);
    }
    if (domain) {
        virDomainFree(domain);
    }
}

static void
autostart_deliver(gpointer data)
{
    Autostart *request = data;

    request->done(request->error, request->user);
    g_clear_error(&request->error);
    virt_host_unref(request->host);
    g_free(request->uuid);
    g_free(request);
}

void
virt_host_set_autostart(VirtHost *host, const char *uuid, VirtDone done,
                        gpointer user)
{
    Autostart *request = g_new0(Autostart, 1);

    request->host = virt_host_ref(host);
    request->connection = virt_host_connection(host);
    request->uuid = g_strdup(uuid);
    request->done = done;
    request->user = user;
    virt_pool_call(virt_host_pool(host), autostart_work, autostart_deliver,
                   request);
}
