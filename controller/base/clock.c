/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clock.c - reading and writing times; see clock.h
 */
#include "base/clock.h"

G_DEFINE_QUARK(vmferry_clock_error, clock_error)

int64_t
clock_mono_us(void)
{
    return g_get_monotonic_time();
}

int64_t
clock_wall_us(void)
{
    return g_get_real_time();
}

char *
clock_format_utc(int64_t wall_us)
{
    int64_t seconds = wall_us / G_USEC_PER_SEC;
    int64_t micros = wall_us % G_USEC_PER_SEC;
    g_autoptr(GDateTime) when = NULL;
    g_autofree char *head = NULL;

    if (micros < 0) {
        micros += G_USEC_PER_SEC;
        seconds--;
    }
    when = g_date_time_new_from_unix_utc(seconds);
    if (!when) {
        return g_strdup("1970-01-01T00:00:00.000000+00:00");
    }
    head = g_date_time_format(when, "%Y-%m-%dT%H:%M:%S");
    return g_strdup_printf("%s.%06d+00:00", head, (int)micros);
}

bool
clock_parse_utc(const char *text, int64_t *wall_us, GError **error)
{
    g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(text, NULL);

    if (!when) {
        g_set_error(error, CLOCK_ERROR, CLOCK_ERROR_FORMAT,
                    "'%s' is no time like 2026-03-01T12:00:00.5+00:00", text);
        return false;
    }
    *wall_us = g_date_time_to_unix(when) * G_USEC_PER_SEC +
               g_date_time_get_microsecond(when);
    return true;
}
