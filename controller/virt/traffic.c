/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * traffic.c - see traffic.h
 */
#include <stdlib.h>

#include "virt/traffic.h"
#include "virt/virt-priv.h"

static void
traffic_free(gpointer data)
{
    VirtTraffic *traffic = data;

    g_free(traffic->uuid);
    g_free(traffic->name);
    g_free(traffic);
}

static void
ask_work(gpointer data)
{
    VirtAsk *call = data;
    virDomainStatsRecordPtr *records = NULL;
    int n = virConnectGetAllDomainStats(
        call->connection, VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_INTERFACE,
        &records,
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
            VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

    if (n < 0) {
        virt_error_take(&call->error, call->connection, VIRT_ERROR_FAILED,
                        "reading the counters of its guests");
        return;
    }
    for (int i = 0; i < n; i++) {
        VirtTraffic *traffic = g_new0(VirtTraffic, 1);
        char uuid[VIR_UUID_STRING_BUFLEN] = "";
        VirtReading reading = { 0 };

        virt_counters_read(&reading, records[i]->params, records[i]->nparams, 0,
                           0);
        virDomainGetUUIDString(records[i]->dom, uuid);
        traffic->uuid = g_strdup(uuid);
        traffic->name = g_strdup(virDomainGetName(records[i]->dom));
        traffic->sent_bytes = reading.counters.guest_tx_bytes;
        g_ptr_array_add(call->guests, traffic);
    }
    virDomainStatsRecordListFree(records);
    virResetLastError();
}

void
virt_host_traffic(VirtHost *host, VirtTrafficRead done, gpointer user)
{
    virt_host_ask(host, ask_work, traffic_free, done, user);
}
