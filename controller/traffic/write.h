/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * write.h - a summary as JSON, CSV, a table and a picture
 *
 * docs/traffic.md describes the documents.
 */
#ifndef TRAFFIC_WRITE_H
#define TRAFFIC_WRITE_H

#include "base/json.h"
#include "traffic/matrix.h"

#define TRAFFIC_FORMAT "vmferry-traffic-1"

/** traffic_write_json() - All of it */
JsonObject *traffic_write_json(const TrafficSummary *summary);

/**
 * traffic_write_csv() - A line for each direction of each pair
 * @heading: With the names of the columns
 */
char *traffic_write_csv(const TrafficSummary *summary, bool heading);

/**
 * traffic_write_table() - For people, pairs with both directions in a line
 * @most: Lines at most; the others are one line; 0: all
 */
char *traffic_write_table(const TrafficSummary *summary, size_t most);

/**
 * traffic_write_svg() - The matrix as a heat map, a file of its own
 * @most: Ends at most, those with the most traffic; 1 or more
 */
char *traffic_write_svg(const TrafficSummary *summary, size_t most);

/** TrafficUnit - What a planner's "amount" counts */
typedef enum {
    TRAFFIC_UNIT_BYTES,
    TRAFFIC_UNIT_KIB,
    TRAFFIC_UNIT_MIB,
    TRAFFIC_UNIT_KBIT_S, /* in the mean of the time that was captured */
    TRAFFIC_N_UNITS
} TrafficUnit;

/** traffic_unit_name() - "bytes", "KiB", "MiB", "kbit/s" */
const char *traffic_unit_name(TrafficUnit unit);

/**
 * traffic_write_plan() - Put what guests exchanged into a planner's model
 * @model: docs/plan-format.md; its "traffic" is replaced
 * @n_unknown: Guests that exchanged something, but are not in @model; their
 *             traffic is left out
 *
 * Amounts are rounded up: who exchanged anything has at least 1. Return: false
 * with TRAFFIC_ERROR, @model unchanged, if it is no such model
 */
bool traffic_write_plan(const TrafficSummary *summary, TrafficUnit unit,
                        JsonObject *model, size_t *n_unknown, GError **error);

#endif
