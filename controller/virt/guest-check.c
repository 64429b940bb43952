/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-check.c - asking a destination whether it would take a guest
 */
#include <stdlib.h>

#include "virt/virt-priv.h"

bool
virt_host_check_guest_now(VirtHost *host, VirtGuest *guest, GError **error)
{
    const VirtGuestInfo *needs = virt_guest_info(guest);
    virConnectPtr connection = virt_host_connection(host);
    const char *name = virt_host_info(host)->host_name;
    char *xml = virConnectGetCapabilities(connection);
    g_autoptr(GError) why = NULL;

    if (!xml) {
        virt_error_take(error, connection, VIRT_ERROR_FAILED,
                        "asking '%s' for its capabilities",
                        name ? name : "the destination");
        return false;
    }
    if (!virt_caps_check(xml, needs, &why) &&
        g_error_matches(why, VIRT_ERROR, VIRT_ERROR_MACHINE) &&
        needs->emulator) {
        /* Capabilities tell of the default emulator only. The guest may have
         * one of its own, which is there too. */
        char *own = virConnectGetDomainCapabilities(connection, needs->emulator,
                                                    needs->arch, needs->machine,
                                                    needs->type, 0);

        if (own) {
            g_clear_error(&why);
            free(own);
        }
        virResetLastError();
    }
    free(xml);
    if (why) {
        g_propagate_prefixed_error(
            error, g_steal_pointer(&why),
            "guest '%s' cannot run on '%s': ", needs->name,
            name ? name : "the destination");
        return false;
    }
    return true;
}
