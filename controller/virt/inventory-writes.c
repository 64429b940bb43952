/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory-writes.c - what guests write to, counted from one look to the next
 *
 *   look 1: short window begun ──> look 2: read, long window begun ──> look 3
 *
 * QEMU has hashes of random pages before and after a window: that is cheap, and
 * nothing is write-protected. A second tells what is written again and again, a
 * longer window how much comes to it. libvirt would keep the start waiting for a
 * job of the guest, so only guests without one are asked.
 */
#include "virt/inventory-priv.h"

#define MIB 1048576.0
#define SECOND_US INT64_C(1000000)
/* Whole MiB/s are told; none of them is taken for so much. */
#define LESS_THAN_ONE 0.25
/* A count of which nothing was heard for so long is given up. */
#define LOST_US (120 * SECOND_US)

void
seen_writes_read(virTypedParameterPtr params, int n, int64_t now_us,
                 SeenBefore *count)
{
    int status, period;
    long long mib_s;
    double bytes;

    if (count->window_s == 0) {
        return;
    }
    if (now_us - count->window_us > LOST_US) {
        count->window_s = 0;
        count->counted_us = now_us;
        return;
    }
    /* what was asked for by somebody else is none of ours */
    if (virTypedParamsGetInt(params, n, "dirtyrate.calc_status", &status) !=
            1 ||
        status != VIR_DOMAIN_DIRTYRATE_MEASURED ||
        virTypedParamsGetInt(params, n, "dirtyrate.calc_period", &period) !=
            1 ||
        period != count->window_s ||
        virTypedParamsGetLLong(params, n, "dirtyrate.megabytes_per_second",
                               &mib_s) != 1 ||
        mib_s < 0) {
        return;
    }
    bytes = (mib_s == 0 ? LESS_THAN_ONE : (double)mib_s) * MIB * period;
    if (period == VIRT_SEEN_SHORT_S) {
        count->short_bytes = known(bytes);
        count->long_bytes = unknown();
    } else {
        count->long_bytes = known(bytes);
        count->counted_us = now_us;
    }
    count->window_s = 0;
}

int
seen_writes_next(const SeenBefore *count, int64_t every_us, int64_t now_us)
{
    if (every_us == 0 || count->window_s != 0) {
        return 0;
    }
    if (count->short_bytes.known && !count->long_bytes.known) {
        /* a command that looks twice and then moves is not kept waiting */
        return now_us - count->window_us >= VIRT_SEEN_LONG_S * SECOND_US
                   ? VIRT_SEEN_LONG_S
                   : 0;
    }
    return count->counted_us == 0 || now_us - count->counted_us >= every_us
               ? VIRT_SEEN_SHORT_S
               : 0;
}

bool
seen_writes_begin(virDomainPtr domain, int window_s, int64_t now_us,
                  SeenBefore *count)
{
    virErrorPtr error;

    if (virDomainStartDirtyRateCalc(domain, window_s, 0) == 0) {
        count->window_s = window_s;
        count->window_us = now_us;
        return true;
    }
    count->counted_us = now_us; /* not again at once */
    error = virGetLastError();
    return !error || (error->code != VIR_ERR_NO_SUPPORT &&
                      error->code != VIR_ERR_CONFIG_UNSUPPORTED &&
                      error->code != VIR_ERR_ARGUMENT_UNSUPPORTED &&
                      error->code != VIR_ERR_OPERATION_UNSUPPORTED);
}
