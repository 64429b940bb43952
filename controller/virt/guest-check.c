/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-check.c - asking a destination whether it would take a guest
 */
#include "virt/virt-priv.h"

typedef struct Check {
    VirtHost *host;
    virConnectPtr connection;
    VirtGuestInfo needs; /* copied: the guest may be refreshed meanwhile */
    VirtDone done;
    gpointer user;
    GError *error;
} Check;

static void
check_init(Check *check, VirtHost *host, VirtGuest *guest)
{
    const VirtGuestInfo *info = virt_guest_info(guest);

    check->host = virt_host_ref(host);
    check->connection = virt_host_connection(host);
    check->needs.name = g_strdup(info->name);
    check->needs.type = g_strdup(info->type);
    check->needs.arch = g_strdup(info->arch);
    check->needs.machine = g_strdup(info->machine);
    check->needs.emulator = g_strdup(info->emulator);
}

static void
check_clear(Check *check)
{
    virt_host_unref(check->host);
    g_free(check->needs.name);
    g_free(check->needs.type);
    g_free(check->needs.arch);
    g_free(check->needs.machine);
    g_free(check->needs.emulator);
}

static void
check_work(gpointer data)
{
    Check *check = data;
    const VirtGuestInfo *needs = &check->needs;
    char *xml = virConnectGetCapabilities(check->connection);
    const char *name = virt_host_info(check->host)->host_name;

    if (!xml) {
        virt_error_take(&check->error, check->connection, VIRT_ERROR_FAILED,
                        "asking '%s' for its capabilities",
                        name ? name : "the destination");
        return;
    }
    if (!virt_caps_check(xml, needs, &check->error) &&
        g_error_matches(check->error, VIRT_ERROR, VIRT_ERROR_MACHINE) &&
        needs->emulator) {
        /* Capabilities tell of the default emulator only. The guest may have
         * one of its own, which is there too. */
        char *own = virConnectGetDomainCapabilities(
            check->connection, needs->emulator, needs->arch, needs->machine,
            needs->type, 0);

        if (own) {
            g_clear_error(&check->error);
            free(own);
        }
        virResetLastError();
    }
    free(xml);
    if (check->error) {
        g_prefix_error(&check->error,
                       "guest '%s' cannot run on '%s': ", needs->name,
                       name ? name : "the destination");
    }
}

static void
check_deliver(gpointer data)
{
    Check *check = data;

    check->done(check->error, check->user);
    g_clear_error(&check->error);
    check_clear(check);
    g_free(check);
}

void
virt_host_check_guest(VirtHost *host, VirtGuest *guest, VirtDone done,
                      gpointer user)
{
    Check *check = g_new0(Check, 1);

    check_init(check, host, guest);
    check->done = done;
    check->user = user;
    virt_pool_call(virt_host_pool(host), check_work, check_deliver, check);
}

bool
virt_host_check_guest_now(VirtHost *host, VirtGuest *guest, GError **error)
{
    Check check = { 0 };
    bool fine;

    check_init(&check, host, guest);
    check_work(&check);
    check_clear(&check);
    fine = !check.error;
    if (!fine) {
        g_propagate_error(error, check.error);
    }
    return fine;
}
