/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory-check.c - may this guest go there, asked just before it does
 *
 * A plan is minutes old when its last move begins. What libvirt would refuse
 * after the migration was set up, and what it would not notice before the
 * guest had no memory left, is asked here of both hosts.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virt/inventory-priv.h"

typedef struct Check {
    virConnectPtr from, to;
    virDomainPtr domain;
    char *to_name; /* malloc() */
    VirtGuestInfo *info;
    VirtMoveCheck *check;
} Check;

void
virt_move_check_free(VirtMoveCheck *check)
{
    if (!check) {
        return;
    }
    g_ptr_array_unref(check->obstacles);
    g_ptr_array_unref(check->cautions);
    g_free(check);
}

static void obstacle(Check *check, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
obstacle(Check *check, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(check->check->obstacles, g_strdup_vprintf(format, args));
    va_end(args);
}

static bool
is_active(virDomainPtr domain)
{
    VirtState state = virt_state_of(domain);

    return state == VIRT_STATE_RUNNING || state == VIRT_STATE_PAUSED;
}

/* Who has its UUID or its name there already? */
static void
check_names(Check *check, const char *uuid)
{
    virDomainPtr there = virDomainLookupByUUIDString(check->to, uuid);
    char other[VIR_UUID_STRING_BUFLEN] = "";

    if (there) {
        check->check->arrived = is_active(there);
        virDomainFree(there);
    }
    there = check->info ? virDomainLookupByName(check->to, check->info->name)
                        : NULL;
    if (there) {
        virDomainGetUUIDString(there, other);
        if (g_ascii_strcasecmp(other, uuid) != 0) {
            obstacle(check, "another guest of that name is on '%s' (%s)",
                     check->to_name, other);
        }
        virDomainFree(there);
    }
}

static void
check_leaving(Check *check, VirtLeaving *leaving)
{
    for (guint i = 0; i < leaving->obstacles->len; i++) {
        const VirtObstacle *found = leaving->obstacles->pdata[i];

        obstacle(check, "%s", found->text);
    }
    for (guint i = 0; i < leaving->cautions->len; i++) {
        g_ptr_array_add(check->check->cautions,
                        g_strdup(leaving->cautions->pdata[i]));
    }
    check->check->autostart = leaving->autostart;
}

static void
check_machine(Check *check, const VirtLeaving *leaving)
{
    char *xml = virConnectGetCapabilities(check->to);
    g_autoptr(GError) error = NULL;

    if (xml && !virt_caps_check(xml, check->info, &error)) {
        obstacle(check, "%s", error->message);
    }
    free(xml);
    g_clear_error(&error);
    if (!virt_check_cpu(check->to, check->to_name, check->info, leaving,
                        &error)) {
        obstacle(check, "%s", error->message);
    }
}

static void
check_memory(Check *check, const VirtLeaving *leaving, uint64_t reserve_bytes)
{
    uint64_t need = check->info->memory_bytes;
    uint64_t free_bytes = 0;

    if (!leaving->hugepages) {
        need += reserve_bytes;
    }
    check->check->need_bytes = need;
    if (!virt_free_memory(check->to, leaving, &free_bytes)) {
        g_ptr_array_add(check->check->cautions,
                        g_strdup_printf("'%s' does not tell its free memory",
                                        check->to_name));
        return;
    }
    check->check->free_bytes = free_bytes;
    if (free_bytes < need) {
        obstacle(check,
                 "'%s' has %" PRIu64 " MiB of %s free, and %" PRIu64
                 " are needed",
                 check->to_name, free_bytes >> 20,
                 leaving->hugepages ? "huge pages" : "memory", need >> 20);
    }
}

/* libvirt always knows its own networks. Of bridges it knows what udev tells it,
 * which is not all in a container: where it does not even know the one that the
 * guest is plugged into here, its not knowing it there means nothing. */
static void
check_networks(Check *check, GPtrArray *nics)
{
    g_autoptr(GPtrArray) there = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) here = g_ptr_array_new_with_free_func(g_free);
    bool tells = seen_networks(check->to, there);

    tells = seen_networks(check->from, here) && tells;
    for (guint i = 0; i < nics->len; i++) {
        const VirtSeenNic *nic = nics->pdata[i];

        if (!nic->network || seen_has(there, nic->network)) {
            continue;
        }
        if (g_str_has_prefix(nic->network, "network ") ||
            (tells && seen_has(here, nic->network))) {
            obstacle(check, "'%s' has no %s, into which %s is plugged",
                     check->to_name, nic->network, nic->mac ? nic->mac : "it");
        } else {
            g_ptr_array_add(check->check->cautions,
                            g_strdup_printf("whether '%s' has %s is not known",
                                            check->to_name, nic->network));
        }
    }
}

static void
check_disks(Check *check, GPtrArray *disks)
{
    char *uri = virConnectGetURI(check->to);
    bool here = uri && virt_local(uri) == VIRT_LOCAL_YES;

    free(uri);
    for (guint i = 0; here && i < disks->len; i++) {
        const char *path = disks->pdata[i];

        if (path[0] == '/' && access(path, F_OK) != 0) {
            obstacle(check, "disk '%s' is not on '%s'", path, check->to_name);
        }
    }
}

static bool
check_guest(Check *check, uint64_t reserve_bytes, GError **error)
{
    bool local = false;
    char *uri = virConnectGetURI(check->from);
    char *xml = virDomainGetXMLDesc(check->domain, 0);
    VirtLeavingSpec spec = { 0 };
    g_autoptr(VirtLeaving) leaving = NULL;
    g_autoptr(GPtrArray) nics = g_ptr_array_new_with_free_func(seen_nic_free);
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func(g_free);

    local = uri && virt_local(uri) == VIRT_LOCAL_YES;
    free(uri);
    spec.storage_of = local ? virt_storage_of : NULL;
    if (!xml) {
        virt_error_take_guest(error, check->domain, "reading its description");
        return false;
    }
    check->info = virt_guest_info_parse(xml, error);
    if (!check->info || !seen_guest_xml(xml, nics, disks, error)) {
        free(xml);
        return false;
    }
    free(xml);
    leaving = virt_leaving_of(check->domain, &spec, error);
    if (!leaving) {
        return false;
    }
    check->check->persistent = virDomainIsPersistent(check->domain) == 1;
    check->check->job = virt_has_job(check->domain);
    check_leaving(check, leaving);
    check_machine(check, leaving);
    check_memory(check, leaving, reserve_bytes);
    check_networks(check, nics);
    check_disks(check, disks);
    return true;
}

VirtMoveCheck *
virt_move_check(virConnectPtr from, virConnectPtr to, const char *uuid,
                uint64_t reserve_bytes, GError **error)
{
    Check check = { .from = from, .to = to };
    bool done = true;

    check.check = g_new0(VirtMoveCheck, 1);
    check.check->obstacles = g_ptr_array_new_with_free_func(g_free);
    check.check->cautions = g_ptr_array_new_with_free_func(g_free);
    check.to_name = virConnectGetHostname(to);
    check.domain = virDomainLookupByUUIDString(from, uuid);
    if (!check.domain || !is_active(check.domain)) {
        check.check->gone = true;
    } else {
        done = check_guest(&check, reserve_bytes, error);
    }
    if (done) {
        check_names(&check, uuid);
    } else {
        g_clear_pointer(&check.check, virt_move_check_free);
    }
    if (check.domain) {
        virDomainFree(check.domain);
    }
    virt_guest_info_free(check.info);
    free(check.to_name);
    virResetLastError();
    return check.check;
}
