/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * domain.c - which guests are there, and what they are
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

static Domain *
domain_of(virDomainPtr domain)
{
    return (Domain *)(void *)domain;
}

Guest *
fake_guest_of(virDomainPtr domain)
{
    return domain_of(domain)->guest;
}

virDomainPtr
fake_domain_new(Connection *connection, Guest *guest)
{
    Domain *domain = malloc(sizeof(*domain));

    *domain = (Domain){ connection, guest };
    return (virDomainPtr)(void *)domain;
}

bool
fake_domain_lost(virDomainPtr domain)
{
    if (!domain_of(domain)->connection->lost) {
        return false;
    }
    fake_fail(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "client socket is closed");
    return true;
}

int
fake_no_domain(void)
{
    return fake_fail(VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, "Domain not found");
}

/* Who has left is on every host that another one is: "qemu+tcp://..." */
static bool
is_on(virConnectPtr conn, const Guest *guest)
{
    bool far = strstr(fake_connection_of(conn)->uri, "+tcp://") != NULL;

    return far == (guest->where == GONE);
}

int
virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains,
                         unsigned int flags)
{
    int n = 0;

    *domains = calloc((size_t)fake_host->n_guests + 1, sizeof(**domains));
    pthread_mutex_lock(&fake_host->lock);
    for (int i = 0; i < fake_host->n_guests; i++) {
        if (is_on(conn, &fake_host->guests[i])) {
            (*domains)[n++] = fake_domain_new(fake_connection_of(conn),
                                              &fake_host->guests[i]);
        }
    }
    pthread_mutex_unlock(&fake_host->lock);
    return n;
}

virDomainPtr
virDomainLookupByUUIDString(virConnectPtr conn, const char *uuid)
{
    for (int i = 0; i < fake_host->n_guests; i++) {
        if (!strcmp(fake_host->guests[i].uuid, uuid) &&
            is_on(conn, &fake_host->guests[i])) {
            return fake_domain_new(fake_connection_of(conn),
                                   &fake_host->guests[i]);
        }
    }
    fake_no_domain();
    return NULL;
}

virDomainPtr
virDomainLookupByName(virConnectPtr conn, const char *name)
{
    for (int i = 0; i < fake_host->n_guests; i++) {
        if (!strcmp(fake_host->guests[i].name, name) &&
            is_on(conn, &fake_host->guests[i])) {
            return fake_domain_new(fake_connection_of(conn),
                                   &fake_host->guests[i]);
        }
    }
    fake_no_domain();
    return NULL;
}

int
virDomainFree(virDomainPtr domain)
{
    free(domain_of(domain));
    return 0;
}

virConnectPtr
virDomainGetConnect(virDomainPtr domain)
{
    return (virConnectPtr)(void *)domain_of(domain)->connection;
}

const char *
virDomainGetName(virDomainPtr domain)
{
    return fake_guest_of(domain)->name;
}

int
virDomainGetUUIDString(virDomainPtr domain, char *buffer)
{
    strcpy(buffer, fake_guest_of(domain)->uuid);
    return 0;
}

char *
virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
    const Guest *guest = fake_guest_of(domain);
    char *xml = NULL, interface[96] = "";

    if (fake_domain_lost(domain)) {
        return NULL;
    }

    if (guest->traffic_bytes_s > 0) {
        snprintf(interface, sizeof(interface),
                 "<interface type='ethernet'>"
                 "<mac address='52:54:00:00:00:%02x'/></interface>",
                 (unsigned)(guest - fake_host->guests + 1) & 0xff);
    }
    if (asprintf(&xml,
                 "<domain type='qemu' id='1'><name>%s</name><uuid>%s</uuid>"
                 "<memory unit='KiB'>%.0f</memory><vcpu>1</vcpu>"
                 "<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>"
                 "</os><devices>%s%s</devices></domain>",
                 guest->name, guest->uuid, guest->memory_pages * 4, interface,
                 getenv("VMFERRY_FAKE_DEVICES") ?: "") < 0) {
        return NULL;
    }
    return xml;
}

int
virDomainIsPersistent(virDomainPtr domain)
{
    return 0;
}

/* VMFERRY_FAKE_METADATA, of each guest. */
char *
virDomainGetMetadata(virDomainPtr domain, int type, const char *uri,
                     unsigned int flags)
{
    const char *text = getenv("VMFERRY_FAKE_METADATA");

    return text ? strdup(text) : NULL;
}

int
virDomainGetMessages(virDomainPtr domain, char ***messages, unsigned int flags)
{
    *messages = NULL;
    return 0;
}

int
virDomainGetState(virDomainPtr domain, int *state, int *reason,
                  unsigned int flags)
{
    if (fake_domain_lost(domain)) {
        return -1;
    }
    if (fake_guest_of(domain)->where == GONE) {
        return fake_no_domain();
    }
    *state = VIR_DOMAIN_RUNNING;
    *reason = VIR_DOMAIN_RUNNING_BOOTED;
    if (fake_guest_of(domain)->postcopy) {
        *state = VIR_DOMAIN_PAUSED;
        *reason = VIR_DOMAIN_PAUSED_POSTCOPY;
    }
    return 0;
}
