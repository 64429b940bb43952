/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event.c - what a back end tells
 */
#include "consolidate/backend.h"

ConsEvent *
cons_event_new(ConsEventKind kind, const char *plan, size_t step)
{
    ConsEvent *event = g_new0(ConsEvent, 1);

    event->kind = kind;
    event->plan = g_strdup(plan);
    event->step = step;
    event->took_s = event->downtime_s = event->left_s = -1;
    return event;
}

void
cons_event_free(ConsEvent *event)
{
    if (event) {
        g_free(event->plan);
        g_free(event->text);
        cluster_free(event->cluster);
        g_free(event);
    }
}
