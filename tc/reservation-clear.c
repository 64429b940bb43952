/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reservation-clear.c - cleaning up after owners that are gone
 *
 * A lease of an earlier boot means nothing. One of another namespace cannot be
 * judged from here. One of a device that is gone had its tree go with it. The
 * others are settled without their dead owners (with force: without any).
 */
#include <string.h>

#include "tc/reservation-site.h"

static bool
owner_goes(const Site *site, const LeaseOwner *owner, const void *data)
{
    const bool *force = data;

    return *force || !site_owner_alive(site, owner);
}

/* A tree with our handle but without a lease. */
static bool
clear_orphan(Site *site, bool force, GString *report, GError **error)
{
    ShaperOp op = { .kind = SHAPER_OP_DEL_ROOT };
    bool looks_ours = site->snapshot->root.handle == SHAPER_MAJOR &&
                      strcmp(site->snapshot->root.kind, "htb") == 0;

    if (!looks_ours) {
        return true;
    }
    if (!force) {
        g_string_append_printf(
            report,
            "%s: has a root qdisc 7666: that no lease explains; left alone "
            "(--force removes it)\n",
            site->device.name);
        return true;
    }
    if (!shaper_nl_apply(site->kernel, site->device.ifindex, SHAPER_MAJOR, &op,
                         error)) {
        site_error(site, error);
        return false;
    }
    g_string_append_printf(report, "%s: removed the root qdisc 7666:\n",
                           site->device.name);
    return true;
}

static bool
clear_device(Site *site, const Device *device, bool force, GString *report,
             GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!site_enter(site, device->ifindex, SITE_ALL, &local)) {
        if (!force || !g_error_matches(local, RESERVATION_ERROR,
                                       RESERVATION_ERROR_BUSY)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return false;
        }
        /* a lease that cannot be read: forget it, and look again */
        g_string_append_printf(report, "%s: removed a broken lease\n",
                               device->name);
        lease_discard(site->run_dir, &site->key);
        if (!site_enter(site, device->ifindex, SITE_ALL, error)) {
            return false;
        }
    }
    if (!site->lease || (!site_is_ours(site) && !site->lease->owners->len)) {
        return clear_orphan(site, force, report, error);
    }
    return site_drop(site, owner_goes, &force, report, error);
}

/* Leases whose device or boot is no more. */
static void
clear_stale(Site *site, GArray *devices, GString *report)
{
    g_autoptr(GPtrArray) leases = lease_list(site->run_dir);
    LeaseKey here;
    static const uint8_t no_mac[6];

    if (!lease_key_init(&here, site->proc_dir, "", 0, no_mac, NULL)) {
        return;
    }
    for (guint i = 0; i < leases->len; i++) {
        const Lease *lease = g_ptr_array_index(leases, i);
        bool stale = strcmp(lease->key.boot_id, here.boot_id) != 0;

        if (!stale && strcmp(lease->key.netns, here.netns) == 0) {
            stale = true;
            for (guint j = 0; j < devices->len; j++) {
                stale &= g_array_index(devices, Device, j).ifindex !=
                         lease->key.ifindex;
            }
        }
        if (stale) {
            g_string_append_printf(report,
                                   "%s: removed the lease of an interface "
                                   "that is gone\n",
                                   lease->key.device);
            lease_discard(site->run_dir, &lease->key);
        }
    }
}

bool
reservation_clear(const char *device, bool force, const char *run_dir,
                  char **report, GError **error)
{
    g_autoptr(Site) site = site_new(run_dir, NULL, error);
    g_autoptr(GArray) devices = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    bool found = false;

    if (!site || !shaper_nl_permitted(site->kernel, error)) {
        return false;
    }
    devices = device_list(site->kernel, error);
    if (!devices) {
        site_error(site, error);
        return false;
    }
    if (!site_lock(site, error)) {
        return false;
    }
    if (!device) {
        clear_stale(site, devices, text);
    }
    for (guint i = 0; i < devices->len; i++) {
        const Device *one = &g_array_index(devices, Device, i);

        if (device && strcmp(one->name, device) != 0) {
            continue;
        }
        found = true;
        if (!clear_device(site, one, force, text, error)) {
            return false;
        }
    }
    if (device && !found) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE,
                    "there is no interface '%s' here; see ip link", device);
        return false;
    }
    if (report) {
        *report = g_string_free(g_steal_pointer(&text), FALSE);
    }
    return true;
}
