/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-value.c - the values of vmferry.conf, from text and back
 *
 * A number that has a unit is not taken without it: nobody is to wonder whether
 * 100 were bits or bytes, seconds or milliseconds.
 */
#include "daemon/config-priv.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "tc/shaper.h"

static bool
is_none(const ConfigKey *key, const char *text)
{
    return key->none && strcmp(text, "none") == 0;
}

/* A plain decimal number; returns what follows, NULL if there is none. */
static const char *
read_number(const char *text, double *number)
{
    char *end = NULL;
    size_t n = strspn(text, "0123456789.");
    g_autofree char *digits = g_strndup(text, n);

    if (n == 0 || n > 30) {
        return NULL;
    }
    *number = g_ascii_strtod(digits, &end);
    return *end || end == digits || !isfinite(*number) ? NULL : text + n;
}

/* Twelve digits: 7% is kept as 0.07, a hundredfold of which is not quite 7. */
static char *
write_number(double number, const char *unit)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd(digits, sizeof(digits), "%.12g", number);
    return g_strconcat(digits, unit, NULL);
}

/* The bounds are told in the unit that people write. */
static bool
in_bounds(const ConfigKey *key, double value, double factor, const char *unit,
          char **why)
{
    g_autofree char *least = NULL, *most = NULL;

    if ((key->least == 0 && key->most == 0) ||
        (value >= key->least && value <= key->most)) {
        return true;
    }
    least = write_number(key->least * factor, unit);
    most = write_number(key->most * factor, unit);
    *why = g_strdup_printf("it lies between %s and %s", least, most);
    return false;
}

static const struct {
    const char *unit;
    double seconds;
} durations[] = { { "ms", 1e-3 }, { "s", 1 }, { "min", 60 }, { "h", 3600 } };

static bool
read_duration(const ConfigKey *key, const char *text, double per_second,
              double *value, char **why)
{
    double number = 0;
    const char *unit = read_number(text, &number);

    while (unit && *unit == ' ') {
        unit++;
    }
    for (size_t i = 0; unit && i < G_N_ELEMENTS(durations); i++) {
        if (strcmp(unit, durations[i].unit) == 0) {
            double kept = number * durations[i].seconds * per_second;

            if (!in_bounds(key, kept, 1 / per_second, "s", why)) {
                return false;
            }
            *value = kept;
            return true;
        }
    }
    *why = g_strdup_printf("give a number with its unit, one of ms, s, min and "
                           "h%s; for example 90s",
                           key->none ? ", or none" : "");
    return false;
}

static bool
read_percent(const ConfigKey *key, const char *text, double *value, char **why)
{
    double number = 0;
    const char *unit = read_number(text, &number);

    while (unit && *unit == ' ') {
        unit++;
    }
    if (!unit || strcmp(unit, "%") != 0) {
        *why = g_strdup("give a number with a percent sign, for example 80%");
        return false;
    }
    if (!in_bounds(key, number / 100, 100, "%", why)) {
        return false;
    }
    *value = number / 100;
    return true;
}

static bool
read_count(const ConfigKey *key, const char *text, unsigned *value, char **why)
{
    double number = 0;
    const char *rest = read_number(text, &number);

    if (!rest || *rest || floor(number) != number || number > 1e9) {
        *why = g_strdup_printf("give a whole number%s",
                               key->none ? ", or none" : "");
        return false;
    }
    if (!in_bounds(key, number, 1, "", why)) {
        return false;
    }
    *value = (unsigned)number;
    return true;
}

static char *
one_of(const char *const *words, bool none)
{
    g_autofree char *all = g_strjoinv(", ", (char **)words);

    return g_strdup_printf("%s%s", all, none ? ", none" : "");
}

static int
word_index(const char *const *words, const char *text)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            return i;
        }
    }
    return -1;
}

static bool
read_words(const ConfigKey *key, const char *text, unsigned *value, char **why)
{
    g_auto(GStrv) parts = g_strsplit_set(text, " \t,;", 0);
    unsigned bits = 0;

    for (size_t i = 0; parts[i]; i++) {
        int index = word_index(key->words, parts[i]);

        if (*parts[i] == '\0') {
            continue;
        }
        if (index < 0) {
            g_autofree char *all = one_of(key->words, key->none);

            *why = g_strdup_printf("'%s' is none of: %s", parts[i], all);
            return false;
        }
        bits |= 1u << index;
    }
    if (bits == 0) {
        g_autofree char *all = one_of(key->words, key->none);

        *why = g_strdup_printf("give some of: %s", all);
        return false;
    }
    *value = bits;
    return true;
}

/* "1:10", both parts hexadecimal as in tc; 7666: is our own root. */
static bool
read_class(const char *text, uint32_t *value, char **why)
{
    uint32_t id;

    if (!shaper_id_parse(text, &id)) {
        *why = g_strdup("give MAJOR:MINOR as tc does (hexadecimal), for "
                        "example 1:10");
        return false;
    }
    if ((id & 0xffff0000) == SHAPER_MAJOR) {
        *why = g_strdup("7666: is vmferry's own tree");
        return false;
    }
    *value = id;
    return true;
}

static bool
read_rate(const ConfigKey *key, const char *text, uint64_t *value, char **why)
{
    g_autoptr(GError) error = NULL;

    if (!units_parse_rate(text, value, &error)) {
        *why = g_strdup_printf("%s%s", error->message,
                               key->none ? "; or none" : "");
        return false;
    }
    return true;
}

static bool
read_text(const ConfigKey *key, const char *text, char **value, char **why)
{
    if (*text == '\0') {
        *why = g_strdup(key->none ? "it is empty; write none" : "it is empty");
        return false;
    }
    if (key->type == CONFIG_TYPE_PATH && !g_path_is_absolute(text)) {
        *why = g_strdup("give the whole path, from / on");
        return false;
    }
    g_free(*value);
    *value = g_strdup(text);
    return true;
}

/* "none" is 0 and NULL; of sets the empty one. */
static void
set_none(const ConfigKey *key, void *target)
{
    switch (key->type) {
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_PATH:
        g_clear_pointer((char **)target, g_free);
        break;
    case CONFIG_TYPE_RATE:
        *(uint64_t *)target = 0;
        break;
    case CONFIG_TYPE_CLASS:
        *(uint32_t *)target = 0;
        break;
    case CONFIG_TYPE_SECONDS:
        *(double *)target = 0;
        break;
    case CONFIG_TYPE_COUNT:
    case CONFIG_TYPE_MILLI:
    case CONFIG_TYPE_ANY_OF:
        *(unsigned *)target = 0;
        break;
    default:
        g_assert_not_reached(); /* the table gives these no "none" */
    }
}

bool
config_value_read(const ConfigKey *key, const char *text, void *target,
                  char **why)
{
    double number = 0;
    const char *rest;
    int index;

    if (is_none(key, text)) {
        set_none(key, target);
        return true;
    }
    switch (key->type) {
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_PATH:
        return read_text(key, text, target, why);
    case CONFIG_TYPE_YES:
        if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
            *why = g_strdup("give yes or no");
            return false;
        }
        *(bool *)target = *text == 'y';
        return true;
    case CONFIG_TYPE_COUNT:
        return read_count(key, text, target, why);
    case CONFIG_TYPE_NUMBER:
        rest = read_number(text, &number);
        if (!rest || *rest) {
            *why = g_strdup("give a number");
            return false;
        }
        if (!in_bounds(key, number, 1, "", why)) {
            return false;
        }
        *(double *)target = number;
        return true;
    case CONFIG_TYPE_PERCENT:
        return read_percent(key, text, target, why);
    case CONFIG_TYPE_RATE:
        return read_rate(key, text, target, why);
    case CONFIG_TYPE_SECONDS:
        return read_duration(key, text, 1, target, why);
    case CONFIG_TYPE_MILLI:
        if (!read_duration(key, text, 1000, &number, why)) {
            return false;
        }
        *(unsigned *)target = (unsigned)lround(number);
        return true;
    case CONFIG_TYPE_CHOICE:
        index = word_index(key->words, text);
        if (index < 0) {
            g_autofree char *all = one_of(key->words, false);

            *why = g_strdup_printf("it is one of: %s", all);
            return false;
        }
        *(unsigned *)target = (unsigned)index;
        return true;
    case CONFIG_TYPE_ANY_OF:
        return read_words(key, text, target, why);
    case CONFIG_TYPE_CLASS:
        return read_class(text, target, why);
    default:
        g_assert_not_reached();
    }
}

static char *
write_words(const ConfigKey *key, unsigned bits)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; key->words[i]; i++) {
        if (bits & 1u << i) {
            g_string_append_printf(text, "%s%s", text->len ? " " : "",
                                   key->words[i]);
        }
    }
    return g_string_free(text, FALSE);
}

/* Bits, in the largest unit that is exact. */
static char *
write_rate(uint64_t rate_bytes_s)
{
    static const char *const units[] = { "bit", "kbit", "mbit", "gbit" };
    size_t unit = 0;

    if (rate_bytes_s > G_MAXUINT64 / 8) {
        return g_strdup_printf("%" G_GUINT64_FORMAT "bps", rate_bytes_s);
    }
    rate_bytes_s *= 8;
    while (unit + 1 < G_N_ELEMENTS(units) && rate_bytes_s % 1000 == 0) {
        rate_bytes_s /= 1000;
        unit++;
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT "%s", rate_bytes_s,
                           units[unit]);
}

/* What GKeyFile would not hand back as it was. */
static char *
write_text(const char *text)
{
    GString *escaped = g_string_new(NULL);

    for (const char *p = text; *p; p++) {
        if (*p == '\\') {
            g_string_append(escaped, "\\\\");
        } else if (*p == '\n') {
            g_string_append(escaped, "\\n");
        } else if (*p == '\t') {
            g_string_append(escaped, "\\t");
        } else if (*p == '\r') {
            g_string_append(escaped, "\\r");
        } else if (*p == ' ' && (p == text || p[1] == '\0')) {
            g_string_append(escaped, "\\s");
        } else {
            g_string_append_c(escaped, *p);
        }
    }
    return g_string_free(escaped, FALSE);
}

static bool
value_is_none(const ConfigKey *key, const void *target)
{
    if (!key->none) {
        return false;
    }
    switch (key->type) {
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_PATH:
        return !*(char *const *)target;
    case CONFIG_TYPE_RATE:
        return *(const uint64_t *)target == 0;
    case CONFIG_TYPE_SECONDS:
        return *(const double *)target == 0;
    default:
        return *(const unsigned *)target == 0;
    }
}

char *
config_value_write(const ConfigKey *key, const void *target)
{
    if (value_is_none(key, target)) {
        return g_strdup("none");
    }
    switch (key->type) {
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_PATH:
        return write_text(*(char *const *)target);
    case CONFIG_TYPE_YES:
        return g_strdup(*(const bool *)target ? "yes" : "no");
    case CONFIG_TYPE_COUNT:
        return g_strdup_printf("%u", *(const unsigned *)target);
    case CONFIG_TYPE_NUMBER:
        return write_number(*(const double *)target, "");
    case CONFIG_TYPE_PERCENT:
        return write_number(*(const double *)target * 100, "%");
    case CONFIG_TYPE_RATE:
        return write_rate(*(const uint64_t *)target);
    case CONFIG_TYPE_SECONDS:
        return write_number(*(const double *)target, "s");
    case CONFIG_TYPE_MILLI:
        return g_strdup_printf("%ums", *(const unsigned *)target);
    case CONFIG_TYPE_CHOICE:
        return g_strdup(key->words[*(const unsigned *)target]);
    case CONFIG_TYPE_ANY_OF:
        return write_words(key, *(const unsigned *)target);
    case CONFIG_TYPE_CLASS:
        return shaper_id_format(*(const uint32_t *)target);
    default:
        g_assert_not_reached();
    }
}
