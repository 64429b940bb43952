/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * when.c - see when.h
 */
#include "tools/traffic/when.h"

#include <string.h>

#include "base/clock.h"
#include "traffic/guests.h"

#define SECOND_US INT64_C(1000000)
#define MOST_AGO_S 3153600000 /* a hundred years */

static bool
parse_ago(const char *text, int64_t *at_us)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    size_t length = strlen(text);
    g_autofree char *digits = g_strndup(text, length ? length - 1 : 0);
    guint64 n;

    for (size_t i = 0; length && i < G_N_ELEMENTS(units); i++) {
        if (text[length - 1] == units[i].letter &&
            g_ascii_string_to_unsigned(digits, 10, 0,
                                       MOST_AGO_S / (guint64)units[i].seconds,
                                       &n, NULL)) {
            *at_us =
                clock_wall_us() - (int64_t)n * units[i].seconds * SECOND_US;
            return true;
        }
    }
    return false;
}

static bool
parse_day(const char *text, int64_t *at_us)
{
    bool yesterday = strcmp(text, "yesterday") == 0;
    g_autoptr(GDateTime) now = NULL;
    g_autoptr(GDateTime) day = NULL;
    g_autoptr(GDateTime) midnight = NULL;

    if (!yesterday && strcmp(text, "today") != 0) {
        return false;
    }
    now = g_date_time_new_now_local();
    day = g_date_time_add_days(now, yesterday ? -1 : 0);
    midnight = g_date_time_new_local(
        g_date_time_get_year(day), g_date_time_get_month(day),
        g_date_time_get_day_of_month(day), 0, 0, 0);
    *at_us = g_date_time_to_unix(midnight) * SECOND_US;
    return true;
}

bool
when_parse(const char *option, const char *text, int64_t *at_us, GError **error)
{
    g_autofree char *midnight = g_strconcat(text, "T00:00:00Z", NULL);
    g_autofree char *shown = g_utf8_make_valid(text, -1);

    if (parse_day(text, at_us) || parse_ago(text, at_us) ||
        clock_parse_utc(text, at_us, NULL) ||
        clock_parse_utc(midnight, at_us, NULL)) {
        return true;
    }
    g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                "%s: \"%s\" is no time, as in 2026-03-01, "
                "2026-03-01T12:00:00Z, 24h (ago), yesterday, today",
                option, shown);
    return false;
}
