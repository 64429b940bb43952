/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-svg.c - see report-svg.h
 */
#include "report/report-svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double
chart_at(const ChartScale *scale, double value)
{
    double share;

    if (scale->log && value <= 0) {
        return scale->zero_at;
    }
    if (scale->log) {
        share = (log(value) - log(scale->low)) /
                (log(scale->high) - log(scale->low));
    } else {
        share = (value - scale->low) / (scale->high - scale->low);
    }
    return scale->from + CLAMP(share, 0, 1) * (scale->to - scale->from);
}

static size_t
fill_ticks(double step, double high, double *ticks)
{
    /* a little over: 0.1 x 3 is not 0.3 */
    size_t n = (size_t)floor(high / step + 1e-9) + 1;

    n = MIN(n, CHART_MAX_TICKS);
    for (size_t i = 0; i < n; i++) {
        ticks[i] = (double)i * step;
    }
    return n;
}

size_t
chart_ticks(double high, size_t most, double *ticks)
{
    static const double factors[] = { 1, 2, 5, 10 };
    double least = high / (double)(most - 1);
    double power = pow(10, floor(log10(least)));

    g_assert(high > 0 && most >= 2);
    for (size_t i = 0; i < G_N_ELEMENTS(factors); i++) {
        if (factors[i] * power >= least * (1 - 1e-9)) {
            return fill_ticks(factors[i] * power, high, ticks);
        }
    }
    return fill_ticks(10 * power, high, ticks);
}

size_t
chart_time_ticks(double high_s, size_t most, double *ticks)
{
    static const double steps_s[] = { 1,    2,    5,     10,    15,    30,
                                      60,   120,  300,   600,   900,   1800,
                                      3600, 7200, 14400, 21600, 43200, 86400 };
    double least = high_s / (double)(most - 1);

    g_assert(high_s > 0 && most >= 2);
    if (least <= 0.5) {
        return chart_ticks(high_s, most, ticks);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(steps_s); i++) {
        if (steps_s[i] >= least * (1 - 1e-9)) {
            return fill_ticks(steps_s[i], high_s, ticks);
        }
    }
    return fill_ticks(ceil(least / 86400) * 86400, high_s, ticks);
}

size_t
chart_log_ticks(double low, double high, size_t most, double *ticks)
{
    /* as many between the powers of ten as there is room for */
    static const double all[][3] = { { 1, 2, 5 }, { 1, 3 }, { 1 } };
    int first = (int)floor(log10(low));
    int last = (int)floor(log10(high) + 1e-9);
    int stride = 1;

    g_assert(low > 0 && high >= low && most >= 2 && most <= CHART_MAX_TICKS);
    for (size_t set = 0;; set = MIN(set + 1, G_N_ELEMENTS(all) - 1)) {
        size_t n = 0;

        for (int power = first; power <= last; power += stride) {
            for (size_t i = 0; i < 3 && all[set][i] > 0; i++) {
                double tick = all[set][i] * pow(10, power);

                if (tick < low * (1 - 1e-9) || tick > high * (1 + 1e-9)) {
                    continue;
                }
                if (n < most) {
                    ticks[n] = tick;
                }
                n++;
            }
        }
        if (n <= most) {
            return n;
        }
        stride += set == G_N_ELEMENTS(all) - 1;
    }
}

double
chart_round_up(double value)
{
    static const double factors[] = { 1, 1.5, 2, 3, 5, 7 };
    double power = pow(10, floor(log10(value)));

    g_assert(value > 0);
    for (size_t i = 0; i < G_N_ELEMENTS(factors); i++) {
        if (factors[i] * power >= value * (1 - 1e-9)) {
            return factors[i] * power;
        }
    }
    return 10 * power;
}

static int
compare_where(const void *a, const void *b)
{
    double left = **(const double *const *)a;
    double right = **(const double *const *)b;

    return (left > right) - (left < right);
}

void
chart_spread(double *at, size_t n, double gap, double low, double high)
{
    g_autofree double **order = g_new(double *, n + 1);

    for (size_t i = 0; i < n; i++) {
        order[i] = &at[i];
    }
    qsort(order, n, sizeof(*order), compare_where);
    for (size_t i = 0; i < n; i++) {
        double least = i ? *order[i - 1] + gap : low;

        *order[i] = MAX(*order[i], least);
    }
    for (size_t i = n; i-- > 0;) {
        double most = i + 1 < n ? *order[i + 1] - gap : high;

        *order[i] = MIN(*order[i], most);
    }
}

void
svg_escape(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
        gunichar letter = g_utf8_get_char(c);

        switch (letter) {
        case '&':
            g_string_append(out, "&amp;");
            break;
        case '<':
            g_string_append(out, "&lt;");
            break;
        case '>':
            g_string_append(out, "&gt;");
            break;
        case '"':
            g_string_append(out, "&quot;");
            break;
        case '\'':
            g_string_append(out, "&#39;");
            break;
        case '\n':
        case '\t':
            g_string_append_c(out, ' ');
            break;
        default:
            /* XML has no control characters, not even escaped; those that
             * turn the direction of text would shuffle what stands around */
            if (g_unichar_iscntrl(letter) || letter == 0xfffe ||
                letter == 0xffff || (letter >= 0x202a && letter <= 0x202e) ||
                (letter >= 0x2066 && letter <= 0x2069)) {
                letter = 0xfffd;
            }
            g_string_append_unichar(out, letter);
        }
    }
}

void
svg_number(GString *out, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    /* far more than any page, far less than what "%.1f" could overflow */
    g_ascii_formatd(text, sizeof(text), "%.1f", CLAMP(number, -1e6, 1e6) + 0.0);
    if (g_str_has_suffix(text, ".0")) {
        text[strlen(text) - 2] = '\0';
    }
    g_string_append(out, strcmp(text, "-0") == 0 ? "0" : text);
}

static void
attribute(GString *out, const char *name, double number)
{
    g_string_append_printf(out, " %s=\"", name);
    svg_number(out, number);
    g_string_append_c(out, '"');
}

void
svg_open(GString *out, double width, double height, const char *class_name,
         const char *label)
{
    g_string_append_printf(out, "<svg class=\"%s\" viewBox=\"0 0 ", class_name);
    svg_number(out, width);
    g_string_append_c(out, ' ');
    svg_number(out, height);
    g_string_append(out, "\" role=\"img\" aria-label=\"");
    svg_escape(out, label);
    g_string_append(out, "\">\n");
}

void
svg_close(GString *out)
{
    g_string_append(out, "</svg>\n");
}

void
svg_line(GString *out, const char *class_name, double x1, double y1, double x2,
         double y2)
{
    g_string_append_printf(out, "<line class=\"%s\"", class_name);
    attribute(out, "x1", x1);
    attribute(out, "y1", y1);
    attribute(out, "x2", x2);
    attribute(out, "y2", y2);
    g_string_append(out, "/>\n");
}

static void
close_with_hint(GString *out, const char *element, const char *hint)
{
    if (!hint) {
        g_string_append(out, "/>\n");
        return;
    }
    g_string_append(out, "><title>");
    svg_escape(out, hint);
    g_string_append_printf(out, "</title></%s>\n", element);
}

void
svg_rect(GString *out, const char *class_name, double x, double y, double width,
         double height, const char *hint)
{
    g_string_append_printf(out, "<rect class=\"%s\"", class_name);
    attribute(out, "x", x);
    attribute(out, "y", y);
    attribute(out, "width", MAX(width, 0));
    attribute(out, "height", MAX(height, 0));
    close_with_hint(out, "rect", hint);
}

void
svg_circle(GString *out, const char *class_name, double x, double y,
           double radius, const char *hint)
{
    g_string_append_printf(out, "<circle class=\"%s\"", class_name);
    attribute(out, "cx", x);
    attribute(out, "cy", y);
    attribute(out, "r", radius);
    close_with_hint(out, "circle", hint);
}

void
svg_text(GString *out, const char *class_name, double x, double y,
         SvgAnchor anchor, const char *text)
{
    static const char *const anchors[] = { "start", "middle", "end" };

    g_string_append_printf(out, "<text class=\"%s\" text-anchor=\"%s\"",
                           class_name, anchors[anchor]);
    attribute(out, "x", x);
    attribute(out, "y", y);
    g_string_append_c(out, '>');
    svg_escape(out, text);
    g_string_append(out, "</text>\n");
}

void
svg_path_init(SvgPath *path)
{
    *path = (SvgPath){ .d = g_string_new(NULL) };
}

static void
path_command(SvgPath *path, char command, double x, double y)
{
    g_string_append_c(path->d, command);
    svg_number(path->d, x);
    g_string_append_c(path->d, ' ');
    svg_number(path->d, y);
    path->x = x;
    path->y = y;
    path->points++;
}

void
svg_path_to(SvgPath *path, double x, double y)
{
    path_command(path, path->down ? 'L' : 'M', x, y);
    path->down = true;
}

void
svg_path_step(SvgPath *path, double x, double y)
{
    if (path->down) {
        path_command(path, 'L', x, path->y);
        if (y == path->y) {
            return;
        }
    }
    svg_path_to(path, x, y);
}

void
svg_path_gap(SvgPath *path)
{
    /* a point alone is drawn as a dot by the round end of its line */
    if (path->down && path->points == 1) {
        g_string_append(path->d, "h.1");
    }
    path->down = false;
    path->points = 0;
}

void
svg_path_draw(SvgPath *path, GString *out, const char *class_name)
{
    svg_path_gap(path);
    if (path->d->len > 0) {
        g_string_append_printf(out, "<path class=\"%s\" d=\"%s\"/>\n",
                               class_name, path->d->str);
    }
    g_string_free(path->d, TRUE);
    *path = (SvgPath){ 0 };
}
