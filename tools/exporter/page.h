/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page.h - the live page, one HTML file made of several
 */
#ifndef EXPORTER_PAGE_H
#define EXPORTER_PAGE_H

#include <glib.h>

typedef struct Page {
    GBytes *html;
    char *content_policy; /* Content-Security-Policy that fits it */
} Page;

/** page_make() - Put page.html, page.css and the scripts together; page_clear() it */
void page_make(Page *page);
void page_clear(Page *page);

#endif
