/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * units.c - rates as people type them, numbers as people read them
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "base/units.h"

typedef struct {
    char text[32];
    uint64_t want_bytes_s;
} TakenCase;

ParameterizedTestParameters(units, rate_taken)
{
    static TakenCase cases[] = {
        /* bits, as in tc */
        { "8bit", 1 },
        { "50mbit", 6250000 },
        { "1.5gbit", 187500000 },
        { "1tbit", 125000000000 },
        { "100kbit", 12500 },
        { "800kibit", 102400 },
        { "8mibit", 1048576 },
        { "1gibit", 134217728 },
        /* bytes, as in tc */
        { "1bps", 1 },
        { "6mbps", 6000000 },
        { "2kbps", 2000 },
        { "1gbps", 1000000000 },
        { "4kibps", 4096 },
        { "1mibps", 1048576 },
        /* with a slash */
        { "6MiB/s", 6291456 },
        { "6MB/s", 6000000 },
        { "10B/s", 10 },
        { "1GiB/s", 1073741824 },
        { "10Gbit/s", 1250000000 },
        { "16bit/s", 2 },
        /* case and blanks do not matter */
        { "50MBIT", 6250000 },
        { "6MIB/S", 6291456 },
        { "  50mbit ", 6250000 },
        { "50 mbit", 6250000 },
        { "50 Mbit/s", 6250000 },
        /* numbers */
        { ".5kbit", 63 },
        { "0.001gbit", 125000 },
        { "1e3kbit", 125000 },
        { "007mbps", 7000000 },
        { "9007199254740992bps", UINT64_C(1) << 53 },
    };

    return cr_make_param_array(TakenCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const TakenCase *c, units, rate_taken)
{
    g_autoptr(GError) error = NULL;
    uint64_t rate_bytes_s = 0;

    cr_assert(units_parse_rate(c->text, &rate_bytes_s, &error), "'%s': %s",
              c->text, error ? error->message : "");
    cr_expect_eq(rate_bytes_s, c->want_bytes_s, "'%s': %" G_GUINT64_FORMAT,
                 c->text, rate_bytes_s);
}

typedef struct {
    char text[32];
    int want_code;
    char want_text[32]; /* in the message */
} RefusedCase;

ParameterizedTestParameters(units, rate_refused)
{
    static RefusedCase cases[] = {
        { "50", UNITS_ERROR_NO_UNIT, "50mbit or 50MiB/s" },
        { " 50 ", UNITS_ERROR_NO_UNIT, "has no unit" },
        { "1.5", UNITS_ERROR_NO_UNIT, "has no unit" },
        { "", UNITS_ERROR_SYNTAX, "is no rate" },
        { "mbit", UNITS_ERROR_SYNTAX, "is no rate" },
        { "-5mbit", UNITS_ERROR_SYNTAX, "is no rate" },
        { "+5mbit", UNITS_ERROR_SYNTAX, "is no rate" },
        { "infmbit", UNITS_ERROR_SYNTAX, "is no rate" },
        { "nanmbit", UNITS_ERROR_SYNTAX, "is no rate" },
        { "0x10mbit", UNITS_ERROR_SYNTAX, "decimal" },
        { "50mbi", UNITS_ERROR_SYNTAX, "unit 'mbi'" },
        { "50mbitt", UNITS_ERROR_SYNTAX, "unit 'mbitt'" },
        { "50m", UNITS_ERROR_SYNTAX, "unit 'm'" },
        { "50MB", UNITS_ERROR_SYNTAX, "unit 'mb'" },
        { "50%", UNITS_ERROR_SYNTAX, "unit '%'" },
        { "1,5gbit", UNITS_ERROR_SYNTAX, "unit ',5gbit'" },
        { "5 5mbit", UNITS_ERROR_SYNTAX, "unit '5mbit'" },
        { "5mbit/s/s", UNITS_ERROR_SYNTAX, "unit" },
        { "5pbit", UNITS_ERROR_SYNTAX, "unit" },
        { "0mbit", UNITS_ERROR_RANGE, "out of range" },
        { "1bit", UNITS_ERROR_RANGE, "at least one byte" },
        { "1e-9gbit", UNITS_ERROR_RANGE, "out of range" },
        { "1e400gbit", UNITS_ERROR_RANGE, "out of range" },
        { "99999999tbit", UNITS_ERROR_RANGE, "out of range" },
    };

    return cr_make_param_array(RefusedCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const RefusedCase *c, units, rate_refused)
{
    g_autoptr(GError) error = NULL;
    uint64_t rate_bytes_s = 4711;

    cr_assert_not(units_parse_rate(c->text, &rate_bytes_s, &error),
                  "'%s' was taken as %" G_GUINT64_FORMAT, c->text,
                  rate_bytes_s);
    cr_expect_eq(error->code, c->want_code, "'%s': %s", c->text,
                 error->message);
    cr_expect(strstr(error->message, c->want_text), "'%s': %s", c->text,
              error->message);
    cr_expect_eq(rate_bytes_s, 4711, "'%s' changed the result", c->text);
}

typedef struct {
    double value;
    char want[24];
} FormatCase;

ParameterizedTestParameters(units, rate_shown)
{
    static FormatCase cases[] = {
        { 0, "0 bit/s" },
        { 1, "8 bit/s" },
        { 124.9, "999 bit/s" },
        { 125, "1.0 kbit/s" },
        { 6062500, "48.5 Mbit/s" },
        { 12500000, "100 Mbit/s" },
        { 12493000, "99.9 Mbit/s" },
        { 124999999, "1.0 Gbit/s" },
        { 1.25e12, "10.0 Tbit/s" },
        { 1.25e18, "10000000 Tbit/s" },
    };

    return cr_make_param_array(FormatCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const FormatCase *c, units, rate_shown)
{
    g_autofree char *text = units_format_rate(c->value);

    cr_expect_str_eq(text, c->want, "%g: %s", c->value, text);
}

ParameterizedTestParameters(units, bytes_shown)
{
    static FormatCase cases[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1.0 KiB" },
        { 293706137, "280 MiB" },
        { 1 << 20, "1.0 MiB" },
        { 0x1p30 * 1.5, "1.5 GiB" },
        { 0x1p40 * 2048, "2048 TiB" },
    };

    return cr_make_param_array(FormatCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const FormatCase *c, units, bytes_shown)
{
    g_autofree char *text = units_format_bytes(c->value);

    cr_expect_str_eq(text, c->want, "%g: %s", c->value, text);
}

ParameterizedTestParameters(units, seconds_shown)
{
    static FormatCase cases[] = {
        { 0, "0 ms" },          { 0.42, "420 ms" },
        { 0.9996, "1.0 s" },    { 58.6, "58.6 s" },
        { 423, "7 min 03 s" },  { 3599.4, "59 min 59 s" },
        { 3661, "1 h 01 min" }, { 90000, "25 h 00 min" },
    };

    return cr_make_param_array(FormatCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const FormatCase *c, units, seconds_shown)
{
    g_autofree char *text = units_format_seconds(c->value);

    cr_expect_str_eq(text, c->want, "%g: %s", c->value, text);
}

/* What is shown can be typed back, to the digits shown. */
Test(units, a_rate_shown_can_be_typed)
{
    for (double rate_bytes_s = 200; rate_bytes_s < 1e12; rate_bytes_s *= 1.37) {
        g_autofree char *text = units_format_rate(rate_bytes_s);
        g_autoptr(GError) error = NULL;
        uint64_t back = 0;

        cr_assert(units_parse_rate(text, &back, &error), "%s: %s", text,
                  error ? error->message : "");
        cr_expect(fabs((double)back / rate_bytes_s - 1) < 0.06, "%s", text);
    }
}
