/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * units.c - parsing is one table, formatting picks a readable size
 */
#include "base/units.h"

#include <errno.h>
#include <math.h>
#include <string.h>

G_DEFINE_QUARK(vmferry_units_error, units_error)

typedef struct {
    const char *name; /* lower case; the input is folded before */
    double bytes_s;
} RateUnit;

static const RateUnit rate_units[] = {
    { "bit", 1.0 / 8 },
    { "kbit", 1e3 / 8 },
    { "mbit", 1e6 / 8 },
    { "gbit", 1e9 / 8 },
    { "tbit", 1e12 / 8 },
    { "kibit", 0x1p10 / 8 },
    { "mibit", 0x1p20 / 8 },
    { "gibit", 0x1p30 / 8 },
    { "tibit", 0x1p40 / 8 },
    { "bps", 1 },
    { "kbps", 1e3 },
    { "mbps", 1e6 },
    { "gbps", 1e9 },
    { "tbps", 1e12 },
    { "kibps", 0x1p10 },
    { "mibps", 0x1p20 },
    { "gibps", 0x1p30 },
    { "tibps", 0x1p40 },
    { "b/s", 1 },
    { "kb/s", 1e3 },
    { "mb/s", 1e6 },
    { "gb/s", 1e9 },
    { "tb/s", 1e12 },
    { "kib/s", 0x1p10 },
    { "mib/s", 0x1p20 },
    { "gib/s", 0x1p30 },
    { "tib/s", 0x1p40 },
    { "bit/s", 1.0 / 8 },
    { "kbit/s", 1e3 / 8 },
    { "mbit/s", 1e6 / 8 },
    { "gbit/s", 1e9 / 8 },
    { "tbit/s", 1e12 / 8 },
};

/* Above this a double no longer counts single bytes, and no link is so fast. */
#define RATE_MAX_BYTES_S 0x1p53

bool
units_parse_rate(const char *text, uint64_t *rate_bytes_s, GError **error)
{
    g_autofree char *folded = g_ascii_strdown(text, -1);
    char *unit = NULL;
    double number;

    g_strstrip(folded);
    /* strtod would also take "inf", "nan" and hexadecimal floats. */
    if (!g_ascii_isdigit(folded[0]) && folded[0] != '.') {
        g_set_error(error, UNITS_ERROR, UNITS_ERROR_SYNTAX,
                    "'%s' is no rate; write it as in tc, for example 50mbit "
                    "or 6MiB/s",
                    text);
        return false;
    }
    if (folded[0] == '0' && folded[1] == 'x') {
        g_set_error(error, UNITS_ERROR, UNITS_ERROR_SYNTAX,
                    "'%s' is no rate; write it in decimal, for example 50mbit",
                    text);
        return false;
    }

    errno = 0;
    number = g_ascii_strtod(folded, &unit);
    if (errno || !isfinite(number)) {
        g_set_error(error, UNITS_ERROR, UNITS_ERROR_RANGE,
                    "rate '%s' is out of range", text);
        return false;
    }
    while (*unit == ' ') {
        unit++;
    }
    if (*unit == '\0') {
        g_set_error(error, UNITS_ERROR, UNITS_ERROR_NO_UNIT,
                    "rate '%s' has no unit (virsh would read MiB/s, tc bit/s); "
                    "write for example %smbit or %sMiB/s",
                    text, folded, folded);
        return false;
    }

    for (size_t i = 0; i < G_N_ELEMENTS(rate_units); i++) {
        if (strcmp(unit, rate_units[i].name) == 0) {
            double bytes_s = round(number * rate_units[i].bytes_s);

            if (bytes_s < 1 || bytes_s > RATE_MAX_BYTES_S) {
                g_set_error(error, UNITS_ERROR, UNITS_ERROR_RANGE,
                            "rate '%s' is out of range: at least one byte and "
                            "at most 9 PB a second",
                            text);
                return false;
            }
            *rate_bytes_s = (uint64_t)bytes_s;
            return true;
        }
    }
    g_set_error(error, UNITS_ERROR, UNITS_ERROR_SYNTAX,
                "unit '%s' of rate '%s' is not known; use kbit, mbit, gbit "
                "(bits) or kbps, mbps, MiB/s (bytes)",
                unit, text);
    return false;
}

static char *
format_scaled(double number, double step, const char *const *units, size_t n)
{
    size_t i = 0;

    while (i + 1 < n && fabs(number) >= step * 0.99995) {
        number /= step;
        i++;
    }
    if (i == 0) {
        return g_strdup_printf("%.0f %s", number, units[i]);
    }
    return g_strdup_printf("%.*f %s", fabs(number) < 99.95 ? 1 : 0, number,
                           units[i]);
}

char *
units_format_rate(double rate_bytes_s)
{
    static const char *const units[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s",
                                         "Tbit/s" };

    return format_scaled(rate_bytes_s * 8, 1000, units, G_N_ELEMENTS(units));
}

char *
units_format_bytes(double bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };

    return format_scaled(bytes, 1024, units, G_N_ELEMENTS(units));
}

char *
units_format_seconds(double seconds)
{
    if (seconds < 0.9995) {
        return g_strdup_printf("%.0f ms", seconds * 1000);
    }
    if (seconds < 99.95) {
        return g_strdup_printf("%.1f s", seconds);
    }
    if (seconds < 3600) {
        int whole = (int)lround(seconds);

        return g_strdup_printf("%d min %02d s", whole / 60, whole % 60);
    }
    return g_strdup_printf("%.0f h %02d min", floor(seconds / 3600),
                           (int)fmod(seconds / 60, 60));
}

void
units_write_number(double number, char *text)
{
    static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };

    number += 0.0; /* "-0" would read back as the whole number 0 */
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_ascii_formatd(text, UNITS_NUMBER_SIZE, formats[i], number);
        if (g_ascii_strtod(text, NULL) == number) {
            break;
        }
    }
}
