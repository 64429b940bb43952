/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addresses.c - see addresses.h
 */
#include <stdlib.h>

#include "virt/addresses.h"
#include "virt/virt-priv.h"

typedef struct Ask {
    VirtHost *host;
    virConnectPtr connection;
    VirtAddressesRead done;
    gpointer user;
    GPtrArray *guests;
    GError *error;
} Ask;

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
read_guest(Ask *call, virDomainPtr domain)
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
    Ask *call = data;
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

static void
ask_deliver(gpointer data)
{
    g_autofree Ask *call = data;

    call->done(call->error ? NULL : call->guests, call->error, call->user);
    g_clear_error(&call->error);
    g_ptr_array_unref(call->guests);
    virt_host_unref(call->host);
}

void
virt_host_addresses(VirtHost *host, VirtAddressesRead done, gpointer user)
{
    Ask *call = g_new0(Ask, 1);

    call->host = virt_host_ref(host);
    call->connection = virt_host_connection(host);
    call->done = done;
    call->user = user;
    call->guests = g_ptr_array_new_with_free_func(addresses_free);
    virt_pool_call(virt_host_pool(host), ask_work, ask_deliver, call);
}
