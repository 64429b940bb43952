/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * units.h - rates, sizes and durations as people write and read them
 *
 * virsh means MiB/s and tc bits per second when a rate has no unit, so a bare
 * number is refused here. Inside vmferry a rate is always bytes per second;
 * bits appear only where somebody reads them.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define UNITS_ERROR (units_error_quark())
GQuark units_error_quark(void);
typedef enum {
    UNITS_ERROR_NO_UNIT, /* a bare number */
    UNITS_ERROR_SYNTAX,  /* no number, or a unit that is not known */
    UNITS_ERROR_RANGE,   /* negative, zero where that is senseless, too big */
} UnitsError;

/**
 * units_parse_rate() - Read a rate spelled as in tc(8)
 * @text: "50mbit", "6mbps" (bytes!), "6MiB/s", "1.5gbit", "800kibit", ...
 * @rate_bytes_s: Set on success
 *
 * Units are those of tc: bit, kbit, mbit, gbit, tbit, their binary forms
 * kibit .. tibit, the same with bps for bytes; and the spellings with a slash
 * that people use: B/s, kB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s, bit/s, kbit/s,
 * Mbit/s, Gbit/s. As in tc case does not matter.
 */
bool units_parse_rate(const char *text, uint64_t *rate_bytes_s, GError **error);

/** units_format_rate() - "48.5 Mbit/s"; g_free() it */
char *units_format_rate(double rate_bytes_s);

/** units_format_bytes() - "280.1 MiB"; g_free() it */
char *units_format_bytes(double bytes);

/** units_format_seconds() - "420 ms", "58.6 s", "7 min 03 s"; g_free() it */
char *units_format_seconds(double seconds);

#define UNITS_NUMBER_SIZE 32

/**
 * units_write_number() - The fewest digits that read back as the same number
 * @number: Finite
 * @text: Room for UNITS_NUMBER_SIZE bytes; "." whatever the locale
 */
void units_write_number(double number, char *text);

#endif
