/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * counters.c - statistics of guests
 */
#include <stdlib.h>

#include "fake.h"

static void
add_traffic(virDomainStatsRecordPtr record, int *room, const Guest *guest)
{
    if (guest->traffic_bytes_s <= 0) {
        return;
    }
    virTypedParamsAddUInt(&record->params, &record->nparams, room, "net.count",
                          1);
    virTypedParamsAddULLong(&record->params, &record->nparams, room,
                            "net.0.rx.bytes", 0);
    virTypedParamsAddULLong(
        &record->params, &record->nparams, room, "net.0.tx.bytes",
        (unsigned long long)(fake_seconds() * guest->traffic_bytes_s));
}

int
virConnectGetAllDomainStats(virConnectPtr conn, unsigned int stats,
                            virDomainStatsRecordPtr **records,
                            unsigned int flags)
{
    int n = 0;

    *records = calloc((size_t)fake_host->n_guests + 1, sizeof(**records));
    for (int i = 0; i < fake_host->n_guests; i++) {
        virDomainStatsRecordPtr record;
        int room = 0;

        if (fake_host->guests[i].where == GONE) {
            continue;
        }
        record = calloc(1, sizeof(*record));
        record->dom =
            fake_domain_new(fake_connection_of(conn), &fake_host->guests[i]);
        virTypedParamsAddInt(&record->params, &record->nparams, &room,
                             "state.state", VIR_DOMAIN_RUNNING);
        add_traffic(record, &room, &fake_host->guests[i]);
        (*records)[n++] = record;
    }
    return n;
}

int
virDomainListGetStats(virDomainPtr *domains, unsigned int stats,
                      virDomainStatsRecordPtr **records, unsigned int flags)
{
    virDomainStatsRecordPtr record = calloc(1, sizeof(*record));
    int room = 0;

    if (fake_domain_lost(domains[0])) {
        free(record);
        return -1;
    }
    if (fake_guest_of(domains[0])->where == GONE) {
        free(record);
        return fake_no_domain();
    }
    virTypedParamsAddInt(&record->params, &record->nparams, &room,
                         "state.state", VIR_DOMAIN_RUNNING);
    virTypedParamsAddULLong(&record->params, &record->nparams, &room,
                            "cpu.time",
                            (unsigned long long)(fake_seconds() * 1e8));
    add_traffic(record, &room, fake_guest_of(domains[0]));
    *records = calloc(2, sizeof(**records));
    (*records)[0] = record;
    return 1;
}

void
virDomainStatsRecordListFree(virDomainStatsRecordPtr *records)
{
    for (int i = 0; records && records[i]; i++) {
        virTypedParamsFree(records[i]->params, records[i]->nparams);
        if (records[i]->dom) {
            virDomainFree(records[i]->dom);
        }
        free(records[i]);
    }
    free(records);
}
