/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory.h - guests by name, from libvirt
 */
#ifndef TOOLS_TRAFFIC_INVENTORY_H
#define TOOLS_TRAFFIC_INVENTORY_H

#include "tools/traffic/output.h"

typedef struct Inventory Inventory;

/**
 * inventory_new() - Ask all libvirts of the options, once, and wait for them
 *
 * Their guests are added to the options' guests. Return: NULL if one cannot be
 * asked
 */
Inventory *inventory_new(const TrafficOptions *options, Output *output,
                         GError **error);
void inventory_free(Inventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_free)

/**
 * inventory_refresh() - Ask them again, without waiting: guests come and go
 *
 * The answer comes by the main loop. A libvirt that was lost is connected to
 * again; that it was is told once.
 */
void inventory_refresh(Inventory *inventory);

#endif
