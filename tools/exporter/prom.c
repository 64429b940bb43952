/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * prom.c - Prometheus' text format
 *
 *   # HELP name words          \ and newline escaped
 *   # TYPE name gauge
 *   name{label="value"} 1.5    \, " and newline escaped; NaN, +Inf, -Inf
 *   name_bucket{le="0.5"} 3    a histogram's counts are accumulated
 *
 * A family is written whole and once, and its samples differ in their labels:
 * what was written is remembered.
 */
#include "tools/exporter/prom.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/units.h"

struct Prom {
    GString *text;
    GHashTable *families; /* name */
    GHashTable *samples;  /* "name{labels}" */
    char *family;         /* the open one, NULL: none */
};

static const char *const type_names[] = { "gauge", "counter", "histogram" };
G_STATIC_ASSERT(G_N_ELEMENTS(type_names) == PROM_N_TYPES);

Prom *
prom_new(void)
{
    Prom *prom = g_new0(Prom, 1);

    prom->text = g_string_new(NULL);
    prom->families =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    prom->samples =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return prom;
}

void
prom_free(Prom *prom)
{
    if (!prom) {
        return;
    }
    g_string_free(prom->text, TRUE);
    g_hash_table_unref(prom->families);
    g_hash_table_unref(prom->samples);
    g_free(prom->family);
    g_free(prom);
}

static bool
is_name(const char *text)
{
    if (!g_ascii_islower(*text) && *text != '_') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!g_ascii_islower(*text) && !g_ascii_isdigit(*text) &&
            *text != '_') {
            return false;
        }
    }
    return true;
}

/* Append @value with \ and newline escaped, and with @quote if it is not 0. */
static void
append_escaped(GString *text, const char *value, char quote)
{
    g_autofree char *valid = g_utf8_make_valid(value ? value : "", -1);

    for (const char *c = valid; *c != '\0'; c++) {
        if (*c == '\n') {
            g_string_append(text, "\\n");
            continue;
        }
        if (*c == '\\' || (quote != 0 && *c == quote)) {
            g_string_append_c(text, '\\');
        }
        g_string_append_c(text, *c);
    }
}

static void
append_value(GString *text, double value)
{
    char number[UNITS_NUMBER_SIZE];

    if (isnan(value)) {
        g_string_append(text, "NaN");
    } else if (isinf(value)) {
        g_string_append(text, value > 0 ? "+Inf" : "-Inf");
    } else {
        units_write_number(value, number);
        g_string_append(text, number);
    }
}

void
prom_family(Prom *prom, PromType type, const char *name, const char *help)
{
    g_assert(type < PROM_N_TYPES);
    g_assert(is_name(name));
    g_assert(g_str_has_suffix(name, "_total") == (type == PROM_COUNTER));
    g_assert(g_hash_table_add(prom->families, g_strdup(name)));

    g_free(prom->family);
    prom->family = g_strdup(name);
    g_string_append_printf(prom->text, "# HELP %s ", name);
    append_escaped(prom->text, help, 0);
    g_string_append_printf(prom->text, "\n# TYPE %s %s\n", name,
                           type_names[type]);
}

void
prom_known(Prom *prom, Known value, ...)
{
    size_t start = prom->text->len;
    const char *label;
    bool any = false;
    va_list labels;

    if (!value.known) {
        return;
    }
    g_assert(prom->family);
    g_string_append(prom->text, prom->family);
    va_start(labels, value);
    while ((label = va_arg(labels, const char *))) {
        g_assert(is_name(label) && !g_str_has_prefix(label, "__"));
        g_string_append_c(prom->text, any ? ',' : '{');
        g_string_append_printf(prom->text, "%s=\"", label);
        append_escaped(prom->text, va_arg(labels, const char *), '"');
        g_string_append_c(prom->text, '"');
        any = true;
    }
    va_end(labels);
    if (any) {
        g_string_append_c(prom->text, '}');
    }
    if (!g_hash_table_add(prom->samples, g_strdup(prom->text->str + start))) {
        g_string_truncate(prom->text, start);
        return;
    }
    g_string_append_c(prom->text, ' ');
    append_value(prom->text, value.value);
    g_string_append_c(prom->text, '\n');
}

static void
add_line(Prom *prom, const char *suffix, const char *labels, double value)
{
    g_string_append_printf(prom->text, "%s%s%s ", prom->family, suffix, labels);
    append_value(prom->text, value);
    g_string_append_c(prom->text, '\n');
}

void
prom_histogram(Prom *prom, const double *bounds, const double *counts,
               size_t n_bounds, double sum)
{
    char number[UNITS_NUMBER_SIZE];
    double total = 0;

    g_assert(prom->family);
    for (size_t i = 0; i < n_bounds; i++) {
        g_autofree char *label = NULL;

        g_assert(i == 0 || bounds[i] > bounds[i - 1]);
        total += counts[i];
        units_write_number(bounds[i], number);
        label = g_strdup_printf("{le=\"%s\"}", number);
        add_line(prom, "_bucket", label, total);
    }
    total += counts[n_bounds];
    add_line(prom, "_bucket", "{le=\"+Inf\"}", total);
    add_line(prom, "_sum", "", sum);
    add_line(prom, "_count", "", total);
}

const char *
prom_text(const Prom *prom, size_t *length)
{
    if (length) {
        *length = prom->text->len;
    }
    return prom->text->str;
}
