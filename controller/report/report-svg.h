/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-svg.h - chart primitives: scales, ticks, paths, labels
 *
 * Text goes into a GString. Colours are CSS classes, so that the page decides
 * on light, dark and paper. Everything written is well-formed XML; text from
 * outside is escaped here and nowhere else.
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include <glib.h>
#include <stdbool.h>

/* From a value to a coordinate. A logarithmic one draws values at or below
 * zero on a line of their own, at @zero_at. */
typedef struct ChartScale {
    double low, high; /* values; above 0 if logarithmic */
    double from, to;  /* coordinates of low and high */
    bool log;
    double zero_at; /* logarithmic only */
} ChartScale;

/** chart_at() - Coordinate of a value; never outside from..to (zero_at) */
double chart_at(const ChartScale *scale, double value);

#define CHART_MAX_TICKS 16

/**
 * chart_ticks() - Round numbers from 0 on: 1, 2 or 5 times a power of ten apart
 * @high: Largest value shown, > 0
 * @most: How many there may be at most, 2..CHART_MAX_TICKS
 * @ticks: Room for CHART_MAX_TICKS; the last is at most @high
 *
 * Return: how many, the 0 included
 */
size_t chart_ticks(double high, size_t most, double *ticks);

/** chart_time_ticks() - Likewise in seconds: 1, 2, 5, 10, 15, 30, 60 .. apart */
size_t chart_time_ticks(double high_s, size_t most, double *ticks);

/** chart_log_ticks() - 1, 2, 5 of each power of ten from @low to @high, both
 * > 0; 1 and 3, or only powers, where that gives more than @most */
size_t chart_log_ticks(double low, double high, size_t most, double *ticks);

/** chart_round_up() - Least 1, 1.5, 2, 3, 5 or 7 x 10^n that is >= @value > 0 */
double chart_round_up(double value);

/**
 * chart_spread() - Push labels apart
 * @at: Wished coordinates in any order, changed in place
 * @gap: Least distance
 *
 * They keep their order and stay within low..high if there is room for all.
 */
void chart_spread(double *at, size_t n, double gap, double low, double high);

/** svg_escape() - Append text as XML character data or attribute value */
void svg_escape(GString *out, const char *text);

/** svg_number() - Append a coordinate, at most one decimal */
void svg_number(GString *out, double number);

/** svg_open() - Start a picture; @label is read out to who cannot see it */
void svg_open(GString *out, double width, double height, const char *class_name,
              const char *label);
void svg_close(GString *out);

void svg_line(GString *out, const char *class_name, double x1, double y1,
              double x2, double y2);
void svg_rect(GString *out, const char *class_name, double x, double y,
              double width, double height, const char *hint);
void svg_circle(GString *out, const char *class_name, double x, double y,
                double radius, const char *hint);

typedef enum { SVG_START, SVG_MIDDLE, SVG_END } SvgAnchor;
void svg_text(GString *out, const char *class_name, double x, double y,
              SvgAnchor anchor, const char *text);

/* A line that may have gaps. */
typedef struct SvgPath {
    GString *d;
    bool down;       /* the pen is on the paper */
    unsigned points; /* since it was put down */
    double x, y;     /* where it is */
} SvgPath;

void svg_path_init(SvgPath *path);
void svg_path_to(SvgPath *path, double x, double y);
/** svg_path_step() - First along to @x, then up or down to @y */
void svg_path_step(SvgPath *path, double x, double y);
/** svg_path_gap() - Nothing is known until the next point */
void svg_path_gap(SvgPath *path);
/** svg_path_draw() - Append it, and forget it. Without points draws nothing */
void svg_path_draw(SvgPath *path, GString *out, const char *class_name);

#endif
