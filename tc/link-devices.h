/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link-devices.h - how fast a device is; the inside of link.c, for its tests
 */
#ifndef TC_LINK_DEVICES_H
#define TC_LINK_DEVICES_H

#include "tc/link.h"
#include "tc/shaper-nl.h"

/** link_device_bytes_s() - Speed of hardware (and bonds and VLANs of it), 0:
 * virtual, or the driver does not say. @devices: of device_list() */
uint64_t link_device_bytes_s(GArray *devices, const Device *device);

#endif
