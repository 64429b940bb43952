/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * meters.h - rates out of the counters of links and classes
 *
 * The daemon may give a class's bytes and no rate. Pure.
 */
#ifndef EXPORTER_METERS_H
#define EXPORTER_METERS_H

#include <glib.h>
#include <stdint.h>

#include "base/json.h"

typedef struct Meters Meters;

Meters *meters_new(void);
void meters_free(Meters *meters);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Meters, meters_free)

/**
 * meters_complete() - Fill in what links and classes use
 * @status: Changed where use_bytes_s is not known and the counters tell it,
 *          which takes an earlier status
 */
void meters_complete(Meters *meters, JsonObject *status, int64_t now_us);

#endif
