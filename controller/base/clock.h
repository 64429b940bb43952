/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clock.h - the two clocks and how a time is written down
 *
 * Intervals are measured on the monotonic clock. QEMU stamps its events with
 * the wall clock, so both are kept, and records show UTC with its offset. Only
 * programs and adapters read a clock; the core gets the time as an argument.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/** clock_mono_us() - Monotonic time in microseconds */
int64_t clock_mono_us(void);

/** clock_wall_us() - Microseconds since 1970-01-01T00:00:00Z */
int64_t clock_wall_us(void);

/**
 * clock_format_utc() - Write a wall clock time as in our records
 * @wall_us: Microseconds since the epoch
 *
 * Return: "2026-03-01T12:00:00.123456+00:00", to be freed with g_free()
 */
char *clock_format_utc(int64_t wall_us);

/**
 * clock_parse_utc() - Read back what clock_format_utc() wrote
 * @text: ISO 8601 with an offset (any offset, up to six decimals)
 * @wall_us: Set on success
 *
 * Return: false with @error set (CLOCK_ERROR) if it is no such time
 */
bool clock_parse_utc(const char *text, int64_t *wall_us, GError **error);

#define CLOCK_ERROR (clock_error_quark())
GQuark clock_error_quark(void);
typedef enum { CLOCK_ERROR_FORMAT } ClockError;

#endif
