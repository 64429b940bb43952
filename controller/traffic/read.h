/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read.h - a summary out of the JSON that traffic_write_json() makes
 */
#ifndef TRAFFIC_READ_H
#define TRAFFIC_READ_H

#include "base/json.h"
#include "traffic/matrix.h"

/**
 * traffic_read_json() - A summary out of its document
 * @guests: Whoever is in it is added
 *
 * Members that are not known are not looked at. Return: NULL with TRAFFIC_ERROR
 * and a message that names the member, "pairs[3].from: ..."
 */
TrafficSummary *traffic_read_json(JsonObject *document, TrafficGuests *guests,
                                  GError **error);

#endif
