/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-style.h - looks that all our pages share
 */
#ifndef REPORT_STYLE_H
#define REPORT_STYLE_H

/** report_style - CSS, to stand inside of a style element */
extern const char report_style[];

#endif
