/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * feed.h - the connection to vmferryd, for as long as the program runs
 *
 * Keeps a picture up to date: connects, subscribes, asks, and when the daemon
 * is gone tries again, at first soon, then every ten seconds. Nobody has to
 * start the daemon before the exporter, or the exporter again after it.
 */
#ifndef EXPORTER_FEED_H
#define EXPORTER_FEED_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/exporter/picture.h"

typedef struct Feed Feed;

/**
 * feed_new() - Start to connect; from the main context on, in its thread
 * @socket: Of the daemon
 * @picture: Borrowed, must outlive the feed
 * @changed: Called after the picture did
 */
Feed *feed_new(const char *socket, Picture *picture,
               void (*changed)(gpointer user), gpointer user);
void feed_free(Feed *feed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Feed, feed_free)

/** feed_watch() - Somebody looks: ask every second, for the next 10 s */
void feed_watch(Feed *feed);

/** feed_connects() - How often it was greeted; @failures: how often not */
uint64_t feed_connects(const Feed *feed, uint64_t *failures);

#endif
