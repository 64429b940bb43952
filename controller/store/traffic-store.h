/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * traffic-store.h - traffic matrices of the last days, one a period
 *
 * An SQLite file of its own, written by who counts and read by who looks back.
 * Errors are STORE_ERROR, see store.h.
 */
#ifndef TRAFFIC_STORE_H
#define TRAFFIC_STORE_H

#include "store/store.h"
#include "traffic/matrix.h"

typedef struct TrafficStore TrafficStore;

/**
 * traffic_store_open() - Open the file for reading and writing
 * @path: Made if it is not there; its folder has to be
 */
TrafficStore *traffic_store_open(const char *path, GError **error);

/** traffic_store_open_to_read() - STORE_ERROR_NONE_YET if it is not there */
TrafficStore *traffic_store_open_to_read(const char *path, GError **error);

void traffic_store_close(TrafficStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrafficStore, traffic_store_close)

/**
 * traffic_store_add() - Keep a matrix: all of it or nothing
 * @keep_us: What ended so long before it is forgotten; 0: nothing is
 */
bool traffic_store_add(TrafficStore *store, const TrafficSummary *summary,
                       int64_t keep_us, GError **error);

/**
 * traffic_store_span() - What times there are matrices of
 * @from_us: When the first began; @last_us: when the last began
 * @period_us: The longest period among them
 *
 * All are 0 if there is none.
 */
bool traffic_store_span(TrafficStore *store, int64_t *from_us, int64_t *last_us,
                        int64_t *period_us, GError **error);

/* @summary is the handler's to free; false ends it. */
typedef bool (*TrafficStored)(TrafficSummary *summary, gpointer user);

/**
 * traffic_store_read() - Matrices that began from @from_us on, before @to_us
 * @guests: Whoever is in them is added
 *
 * In the order of time. Return: false with an error; matrices before the damage
 * have been handed over
 */
bool traffic_store_read(TrafficStore *store, int64_t from_us, int64_t to_us,
                        TrafficGuests *guests, TrafficStored stored,
                        gpointer user, GError **error);

#endif
