/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view.h - a migration as it is watched
 *
 * Two readers, served at once and independently: people, on standard error, as
 * with virsh (only with --verbose), and programs, on standard output (--json,
 * one object a line). On a terminal people get a table that grows, with the
 * progress line below it; elsewhere one line for each thing that happens, and
 * no control characters. The progress shown never runs backwards, whatever the
 * forecast does.
 */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "tools/cli/view-format.h"

typedef enum {
    VIEW_TEXT_NONE,     /* nothing on success, as virsh without --verbose */
    VIEW_TEXT_LINES,    /* not a terminal */
    VIEW_TEXT_TERMINAL, /* table and redrawn progress line */
} ViewText;

typedef struct ViewConfig {
    ViewText text;
    FILE *text_to;  /* for people; unused with VIEW_TEXT_NONE */
    bool colour;    /* only with VIEW_TEXT_TERMINAL */
    unsigned width; /* columns; 0: ask the terminal, anew each time */
    FILE *json_to;  /* NULL: no JSON */
} ViewConfig;

/**
 * view_config_detect() - What suits this process
 * @verbose: --verbose was given
 * @json: --json was given
 *
 * A terminal is one if standard error is, TERM is not "dumb", and we run in its
 * foreground. NO_COLOR, when not empty, takes the colours away.
 */
ViewConfig view_config_detect(bool verbose, bool json);

typedef struct View View;

View *view_new(const ViewConfig *config);
/** view_free() - Leaves the terminal on a fresh line */
void view_free(View *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(View, view_free)

/* Each takes the time since the start of the migration. */

/** view_state() - The migration entered a state, job_state_name() */
void view_state(View *view, double at_s, const char *state);

/** view_note() - A sentence for people and programs: link, plan, warning */
void view_note(View *view, double at_s, const char *kind, const char *text);

void view_decision(View *view, double at_s, unsigned iter,
                   const PolicyDecision *decision);

/** view_iteration() - An iteration ended */
void view_iteration(View *view, double at_s, const ViewIteration *iteration);

/** view_progress() - Where it stands; some times a second */
void view_progress(View *view, double at_s, const ViewProgress *progress);

/** view_end() - The last event; the progress line ends at 100 % if, and only
 * if, the status is "completed" */
void view_end(View *view, double at_s, const ViewOutcome *outcome);

#endif
