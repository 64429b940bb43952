/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.h - signs of migrations, of all guests of a host, whoever starts them
 *
 * A guest's own subscription (guest.h) wants the guest to be known. This one
 * is for the whole connection, so that guests which appear later are watched
 * too. It tells of signs only: the same events come on a destination, and
 * jobs that are no migrations leave some as well. Who hears of one looks at
 * the guest's job.
 */
#ifndef VIRT_WATCH_H
#define VIRT_WATCH_H

#include "virt/virt.h"

typedef struct VirtWatch VirtWatch;

/**
 * VirtWatchSign - Something that a migration would do happened to a guest
 * @uuid: Of the guest
 * @sign: "setup", "active", "pass 3", "a block job", "a job was under way":
 *        for the log
 */
typedef void (*VirtWatchSign)(VirtWatch *watch, const char *uuid,
                              const char *sign, gpointer user);

/**
 * virt_watch_new() - Watch all guests, and look once at those that run
 * @host: Referenced
 * @sign: Called from the main loop, until virt_watch_free()
 * @done: The subscription stands and the first look was had; or the host
 *        hands out no events at all
 *
 * Events of QEMU's monitor ("setup" comes as the stream begins) are used where
 * the daemon hands them out, which does not taint guests; libvirt's event for
 * each pass always.
 */
VirtWatch *virt_watch_new(VirtHost *host, VirtWatchSign sign, VirtDone done,
                          gpointer user);

/** virt_watch_free() - No call comes any more, @done neither */
void virt_watch_free(VirtWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtWatch, virt_watch_free)

#endif
