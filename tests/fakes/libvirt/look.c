/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * look.c - what whoever empties a host asks beforehand: nothing keeps a guest
 */
#include <string.h>

#include "fake.h"

#define FREE_BYTES (64ULL << 30)

int
virConnectNumOfDefinedDomains(virConnectPtr conn)
{
    return 0;
}

int
virDomainGetAutostart(virDomainPtr domain, int *autostart)
{
    *autostart = 0;
    return 0;
}

int
virDomainGetControlInfo(virDomainPtr domain, virDomainControlInfoPtr info,
                        unsigned int flags)
{
    memset(info, 0, sizeof(*info));
    return 0;
}

int
virDomainSnapshotNum(virDomainPtr domain, unsigned int flags)
{
    return 0;
}

int
virNodeGetMemoryStats(virConnectPtr conn, int cell,
                      virNodeMemoryStatsPtr params, int *n, unsigned int flags)
{
    *n = 0;
    return 0;
}

unsigned long long
virNodeGetFreeMemory(virConnectPtr conn)
{
    return FREE_BYTES;
}

/* --- its memory is nobody's to look at --- */

static int
no_support(void)
{
    return fake_fail(VIR_ERR_NO_SUPPORT, VIR_FROM_QEMU,
                     "a guest on paper has no memory");
}

int
virDomainStartDirtyRateCalc(virDomainPtr domain, int seconds,
                            unsigned int flags)
{
    return no_support();
}

int
virDomainMemoryPeek(virDomainPtr domain, unsigned long long start, size_t size,
                    void *buffer, unsigned int flags)
{
    return no_support();
}

int
virDomainMemoryStats(virDomainPtr domain, virDomainMemoryStatPtr stats,
                     unsigned int n, unsigned int flags)
{
    return no_support();
}
