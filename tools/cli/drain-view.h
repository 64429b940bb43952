/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-view.h - a drain as it is watched
 *
 * People get the plan, and then on a terminal one table that is drawn again in
 * place, elsewhere a line for each thing that happens. Programs get one JSON
 * object a line on standard output; people are served on standard error then.
 */
#ifndef CLI_DRAIN_VIEW_H
#define CLI_DRAIN_VIEW_H

#include "tools/cli/drain.h"
#include "tools/cli/view-format.h"

typedef struct DrainView DrainView;

/**
 * drain_view_new() - For this process
 * @drain: Borrowed
 * @quiet: People get warnings only
 */
DrainView *drain_view_new(const Drain *drain, bool json, bool quiet);

/** drain_view_free() - Leaves the terminal on a fresh line */
void drain_view_free(DrainView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DrainView, drain_view_free)

/** drain_view_plan() - Before anything is done; as an event with @event */
void drain_view_plan(DrainView *view, Known deadline_s, bool event);

/** drain_view_ask() - "... [y/N]"; what was typed decides */
bool drain_view_ask(DrainView *view, const char *question);

/* Each takes the time since the drain was begun. */

/** drain_view_note() - @guest: NULL: none; @kind: "warning", "note" */
void drain_view_note(DrainView *view, double at_s, const DrainGuest *guest,
                     const char *kind, const char *text);

/** drain_view_status() - A guest began, moved, failed */
void drain_view_status(DrainView *view, double at_s, const DrainGuest *guest);

/** drain_view_progress() - @shown: as the migration tells it */
void drain_view_progress(DrainView *view, double at_s, const DrainGuest *guest,
                         const ViewProgress *shown);

void drain_view_iteration(DrainView *view, double at_s, const DrainGuest *guest,
                          const ViewIteration *iteration);

/** drain_view_summary() - The last words */
void drain_view_summary(DrainView *view, double at_s);

#endif
