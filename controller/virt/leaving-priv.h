/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leaving-priv.h - between reading a domain's XML and judging what it says
 */
#ifndef VIRT_LEAVING_PRIV_H
#define VIRT_LEAVING_PRIV_H

#include "virt/leaving.h"

/* What is read of one device. Strings may be NULL: not told. */
typedef struct LeavingDevice {
    char *type;
    char *where; /* "0000:01:00.0", a path, a protocol */
    char *vendor, *product;
    char *target;
    char *role;
    bool transient_team;
    bool read_only, transient, mirror, network, optional;
} LeavingDevice;

VirtLeaving *leaving_new(void);

/** leaving_judge() - What a device means for leaving
 * @element: One of leaving_judges() */
void leaving_judge(VirtLeaving *leaving, const VirtLeavingSpec *spec,
                   const char *element, const LeavingDevice *device);

/** leaving_judges() - Is there something to be said about such elements? */
bool leaving_judges(const char *element);

#endif
