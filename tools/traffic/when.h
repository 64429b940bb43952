/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * when.h - times as people write them
 */
#ifndef TOOLS_TRAFFIC_WHEN_H
#define TOOLS_TRAFFIC_WHEN_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * when_parse() - Read a time
 * @option: Its name, for messages
 * @text: "2026-03-01" (midnight UTC), "2026-03-01T12:00:00+01:00"; "90m",
 *        "24h", "7d" ago; "today", "yesterday": the local midnight that they
 *        began with
 * @at_us: Wall clock
 *
 * Return: false with TRAFFIC_ERROR_SYNTAX
 */
bool when_parse(const char *option, const char *text, int64_t *at_us,
                GError **error);

#endif
