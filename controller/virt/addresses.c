/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addresses.c - see addresses.h
 */
#include <stdlib.h>

#include "virt/addresses.h"
#include "virt/virt-priv.h"

static void
addresses_free(gpointer data)
{
    VirtAddresses *addresses = data;

    g_free(addresses->uuid);
    g_free(addresses->name);
    g_ptr_array_unref(addresses->macs);
    g_free(addresses);
}

static void
read_guest(VirtAsk *call, virDomainPtr domain)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    g_autoptr(VirtGuestInfo) info =
        xml ? virt_guest_info_parse(xml, NULL) : NULL;
    VirtAddresses *addresses;

    free(xml);
    if (!info || !info->name) {
        return;
    }
    addresses = g_new0(VirtAddresses, 1);
    addresses->uuid = g_strdup(info->uuid);
    addresses->name = g_strdup(info->name);
    addresses->macs = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < info->interfaces->len; i++) {
        const VirtInterface *interface = info->interfaces->pdata[i];

        if (interface->mac) {
            g_ptr_array_add(addresses->macs, g_strdup(interface->mac));
        }
    }
    g_ptr_array_add(call->guests, addresses);
}

static void
ask_work(gpointer data)
{
    VirtAsk *call = data;
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(call->connection, &domains, 0);

    if (n < 0) {
        virt_error_take(&call->error, call->connection, VIRT_ERROR_FAILED,
                        "listing its guests");
        return;
    }
    for (int i = 0; i < n; i++) {
        read_guest(call, domains[i]);
        virDomainFree(domains[i]);
    }
    free(domains);
    virResetLastError();
}

void
virt_host_addresses(VirtHost *host, VirtAddressesRead done, gpointer user)
{
    virt_host_ask(host, ask_work, addresses_free, done, user);
}
