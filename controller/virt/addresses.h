/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addresses.h - the MAC addresses of all guests of a host, in one request
 */
#ifndef VIRT_ADDRESSES_H
#define VIRT_ADDRESSES_H

#include "virt/virt.h"

typedef struct VirtAddresses {
    char *uuid;
    char *name;
    GPtrArray *macs; /* char *, "52:54:00:12:34:56" */
} VirtAddresses;

/* @guests: VirtAddresses *, belongs to the call; NULL with @error */
typedef void (*VirtAddressesRead)(const GPtrArray *guests, const GError *error,
                                  gpointer user);

/**
 * virt_host_addresses() - Ask for the interfaces of all guests, running or not
 *
 * A guest that goes while it is being asked is left out.
 */
void virt_host_addresses(VirtHost *host, VirtAddressesRead done, gpointer user);

#endif
