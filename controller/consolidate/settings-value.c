/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settings-value.c - see settings-value.h
 */
#include "consolidate/settings-value.h"

#include <math.h>
#include <string.h>

static bool
refuse(const char *text, const char *wanted, GError **error)
{
    g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING, "\"%s\" is not %s", text,
                wanted);
    return false;
}

/* A number with what follows it, blanks left away; false if it is none. */
static bool
split(const char *text, double *value, const char **unit)
{
    char *end = NULL;

    if (!g_ascii_isdigit(text[0]) && text[0] != '.') {
        return false;
    }
    *value = g_ascii_strtod(text, &end);
    if (end == text || !isfinite(*value)) {
        return false;
    }
    while (*end == ' ') {
        end++;
    }
    *unit = end;
    return true;
}

bool
cons_value_number(const char *text, double least, double most, double *value,
                  GError **error)
{
    g_autofree char *wanted =
        g_strdup_printf("a number from %g to %g", least, most);
    const char *unit;
    double number;

    if (!split(text, &number, &unit) || *unit || number < least ||
        number > most) {
        return refuse(text, wanted, error);
    }
    *value = number;
    return true;
}

bool
cons_value_share(const char *text, double *value, GError **error)
{
    const char *unit;
    double number;

    if (split(text, &number, &unit)) {
        if (strcmp(unit, "%") == 0) {
            number /= 100;
            unit = "";
        }
        if (!*unit && number >= 0 && number <= 1) {
            *value = number;
            return true;
        }
    }
    return refuse(text, "a share, like 0.8 or 80%", error);
}

typedef struct Unit {
    const char *name;
    double factor;
} Unit;

static bool
with_unit(const char *text, const Unit *units, size_t n_units, double most,
          double *value)
{
    const char *unit;
    double number;

    if (!split(text, &number, &unit)) {
        return false;
    }
    if (number == 0 && !*unit) {
        *value = 0;
        return true;
    }
    for (size_t i = 0; i < n_units; i++) {
        if (g_ascii_strcasecmp(unit, units[i].name) == 0 &&
            number * units[i].factor <= most) {
            *value = number * units[i].factor;
            return true;
        }
    }
    return false;
}

bool
cons_value_duration(const char *text, double *value_s, GError **error)
{
    static const Unit units[] = {
        { "ms", 0.001 }, { "s", 1 },     { "min", 60 },
        { "h", 3600 },   { "d", 86400 }, { "week", 7 * 86400 },
    };

    if (!with_unit(text, units, G_N_ELEMENTS(units), 1e9, value_s)) {
        return refuse(text, "a time with its unit, like 90s, 5min, 2h or 1d",
                      error);
    }
    return true;
}

bool
cons_value_bytes(const char *text, uint64_t *bytes, GError **error)
{
    static const Unit units[] = {
        { "B", 1 },         { "kB", 1e3 },         { "MB", 1e6 },
        { "GB", 1e9 },      { "TB", 1e12 },        { "KiB", 1024 },
        { "MiB", 1048576 }, { "GiB", 1073741824 }, { "TiB", 1099511627776 },
    };
    double value;

    if (!with_unit(text, units, G_N_ELEMENTS(units), 1e17, &value)) {
        return refuse(text, "a size with its unit, like 64GiB", error);
    }
    *bytes = (uint64_t)value;
    return true;
}

bool
cons_value_power(const char *text, int64_t *mw, GError **error)
{
    static const Unit units[] = { { "mW", 1 }, { "W", 1e3 }, { "kW", 1e6 } };
    double value;

    if (!with_unit(text, units, G_N_ELEMENTS(units), 1e9, &value)) {
        return refuse(text, "a power with its unit, like 86W", error);
    }
    *mw = llround(value);
    return true;
}

bool
cons_value_bool(const char *text, bool *value, GError **error)
{
    if (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0) {
        *value = true;
    } else if (strcmp(text, "no") == 0 || strcmp(text, "false") == 0) {
        *value = false;
    } else {
        return refuse(text, "yes or no", error);
    }
    return true;
}

bool
cons_value_minute(const char *text, int *minute, GError **error)
{
    size_t length = strlen(text);
    int hours, minutes;

    if (length != 5 || text[2] != ':' || !g_ascii_isdigit(text[0]) ||
        !g_ascii_isdigit(text[1]) || !g_ascii_isdigit(text[3]) ||
        !g_ascii_isdigit(text[4])) {
        return refuse(text, "a time of the day, like 02:30", error);
    }
    hours = (text[0] - '0') * 10 + text[1] - '0';
    minutes = (text[3] - '0') * 10 + text[4] - '0';
    if (minutes > 59 || hours * 60 + minutes > 24 * 60) {
        return refuse(text, "a time of the day, like 02:30", error);
    }
    *minute = hours * 60 + minutes;
    return true;
}

bool
cons_value_words(const char *text, char ***words, GError **error)
{
    g_auto(GStrv) parts = g_strsplit_set(text, ";,", -1);
    g_autoptr(GStrvBuilder) kept = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (char **part = parts; *part; part++) {
        g_strstrip(*part);
        if (!**part) {
            if (!part[1] && part > parts) {
                break; /* a semicolon at the end, as key files have it */
            }
            return refuse(text, "a list of names, like a;b;c", error);
        }
        if (!g_hash_table_add(seen, *part)) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                        "\"%s\" is in the list twice", *part);
            return false;
        }
        g_strv_builder_add(kept, *part);
    }
    g_strfreev(*words);
    *words = g_strv_builder_end(kept);
    return true;
}

bool
cons_value_level(const char *text, PlanLevel *level, GError **error)
{
    for (int i = 0; i < PLAN_N_LEVELS; i++) {
        if (strcmp(text, plan_level_name(i)) == 0) {
            *level = (PlanLevel)i;
            return true;
        }
    }
    return refuse(text, "one of host, rack, pod, site", error);
}
