/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * own-values.h - values of vmferry's own options, for more than one command
 */
#ifndef CLI_OWN_VALUES_H
#define CLI_OWN_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "tools/cli/cmdline.h"

#define OWN_VALUE_ERROR (own_value_error_quark())
GQuark own_value_error_quark(void);
typedef enum { OWN_VALUE_ERROR_VALUE } OwnValueError;

/* QEMU's own bound for downtime-limit. */
#define OWN_DOWNTIME_MAX_MS 2000000

/** own_number_parse() - A plain decimal number between two bounds, both allowed
 * @name: Of the option, for the message
 * @unit: Likewise, "" for none */
bool own_number_parse(const char *text, const char *name, double least,
                      double most, const char *unit, double *value,
                      GError **error);

/** own_number() - The same of an option; @value is left alone if not given */
bool own_number(const Cmdline *cmdline, const char *name, double least,
                double most, const char *unit, Known *value, GError **error);

/**
 * own_link() - --link DEV[=RATE]
 * @device: g_free() it; left alone if not given, as @rate_bytes_s
 */
bool own_link(const Cmdline *cmdline, char **device, uint64_t *rate_bytes_s,
              GError **error);

#endif
