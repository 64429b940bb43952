/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view.c - puts the lines of view-format.c where they belong
 *
 * On a terminal the progress line is the last one and has no newline. Whatever
 * is printed above it first wipes it and draws it again below.
 */
#include "tools/cli/view.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIPE "\r\033[K"
#define NARROWEST 20
#define WITHOUT_TERMINAL 80
/* Programs get the progress as often as people see it change. */
#define LINES_PROGRESS_EVERY_S 10.0

struct View {
    ViewConfig config;
    double fraction; /* highest so far */
    bool header_printed;
    char *progress;       /* the line drawn last; NULL: none */
    double progress_at_s; /* VIEW_TEXT_LINES: when one was printed last */
};

ViewConfig
view_config_detect(bool verbose, bool json)
{
    const char *term = g_getenv("TERM");
    const char *no_color = g_getenv("NO_COLOR");
    ViewConfig config = { .text_to = stderr, .json_to = json ? stdout : NULL };

    if (!verbose) {
        return config;
    }
    config.text = VIEW_TEXT_LINES;
    if (isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0 &&
        tcgetpgrp(STDERR_FILENO) == getpgrp()) {
        config.text = VIEW_TEXT_TERMINAL;
        config.colour = !no_color || !*no_color;
    }
    return config;
}

View *
view_new(const ViewConfig *config)
{
    View *view = g_new0(View, 1);

    view->config = *config;
    view->progress_at_s = -LINES_PROGRESS_EVERY_S;
    return view;
}

void
view_free(View *view)
{
    if (!view) {
        return;
    }
    if (view->progress) {
        fputc('\n', view->config.text_to);
        fflush(view->config.text_to);
    }
    g_free(view->progress);
    g_free(view);
}

/* Columns that a line may take: the last one stays free, for some terminals
 * wrap as soon as it is written. */
static unsigned
view_width(const View *view)
{
    struct winsize size = { 0 };
    unsigned width = view->config.width;

    if (width == 0 &&
        ioctl(fileno(view->config.text_to), TIOCGWINSZ, &size) == 0) {
        width = size.ws_col;
    }
    return MAX(width > 0 ? width : WITHOUT_TERMINAL, NARROWEST) - 1;
}

/* A line that stays. */
static void
print_line(View *view, double at_s, const char *text)
{
    FILE *out = view->config.text_to;

    switch (view->config.text) {
    case VIEW_TEXT_NONE:
        return;
    case VIEW_TEXT_LINES:
        fprintf(out, "[%7.1f s] %s\n", at_s, text);
        break;
    case VIEW_TEXT_TERMINAL:
        fprintf(out, "%s%s\n%s", view->progress ? WIPE : "", text,
                view->progress ? view->progress : "");
        break;
    }
    fflush(out);
}

/* Takes @object. */
static void
print_json(View *view, double at_s, JsonObject *object)
{
    g_autofree char *text = NULL;

    if (view->config.json_to) {
        jobj_add_double(object, "t_s", at_s);
        text = jobj_to_text(object, false);
        fprintf(view->config.json_to, "%s\n", text);
        fflush(view->config.json_to);
    }
    jobj_unref(object);
}

void
view_state(View *view, double at_s, const char *state)
{
    JsonObject *object = json_object_new_object();
    g_autofree char *line = g_strdup_printf("state: %s", state);

    jobj_add_string(object, "event", "state");
    jobj_add_string(object, "state", state);
    print_json(view, at_s, object);
    /* The table shows it; lines are for reading afterwards. */
    if (view->config.text == VIEW_TEXT_LINES) {
        print_line(view, at_s, line);
    }
}

void
view_note(View *view, double at_s, const char *kind, const char *text)
{
    JsonObject *object = json_object_new_object();
    g_autofree char *line = g_strdup_printf("%s: %s", kind, text);

    jobj_add_string(object, "event", "note");
    jobj_add_string(object, "kind", kind);
    jobj_add_string(object, "text", text);
    print_json(view, at_s, object);
    print_line(view, at_s, line);
}

void
view_decision(View *view, double at_s, unsigned iter,
              const PolicyDecision *decision)
{
    g_autofree char *line = view_format_decision(iter, decision);

    print_json(view, at_s, view_decision_to_json(iter, decision));
    /* In the table a decision is the column "reserved"; that a migration will
     * not end is worth a line. */
    if (view->config.text == VIEW_TEXT_LINES ||
        decision->step == POLICY_STEP_CANNOT ||
        decision->step == POLICY_STEP_DELAY) {
        print_line(view, at_s, line);
    }
}

void
view_iteration(View *view, double at_s, const ViewIteration *iteration)
{
    g_autofree char *line = NULL;

    print_json(view, at_s, view_iteration_to_json(iteration));
    if (view->config.text == VIEW_TEXT_LINES) {
        line = view_format_sentence(iteration);
        print_line(view, at_s, line);
    } else if (view->config.text == VIEW_TEXT_TERMINAL) {
        unsigned width = view_width(view);

        if (!view->header_printed) {
            g_autofree char *header =
                view_format_header(width, view->config.colour);

            print_line(view, at_s, header);
            view->header_printed = true;
        }
        line = view_format_row(iteration, width);
        print_line(view, at_s, line);
    }
}

void
view_progress(View *view, double at_s, const ViewProgress *progress)
{
    ViewProgress shown = *progress;
    char *line;

    /* Also for programs: a bar built on it should not run backwards either.
     * A fraction that is no number is not greater than anything. */
    if (shown.fraction > view->fraction) {
        view->fraction = shown.fraction;
    }
    shown.fraction = view->fraction;
    print_json(view, at_s, view_progress_to_json(&shown));

    switch (view->config.text) {
    case VIEW_TEXT_NONE:
        return;
    case VIEW_TEXT_LINES:
        if (at_s < view->progress_at_s + LINES_PROGRESS_EVERY_S) {
            return;
        }
        view->progress_at_s = at_s;
        line = view_format_progress(&shown, 0, false);
        print_line(view, at_s, line);
        g_free(line);
        return;
    case VIEW_TEXT_TERMINAL:
        line =
            view_format_progress(&shown, view_width(view), view->config.colour);
        if (g_strcmp0(line, view->progress) != 0) {
            fprintf(view->config.text_to, "\r%s\033[K", line);
            fflush(view->config.text_to);
        }
        g_free(view->progress);
        view->progress = line;
        return;
    }
}

void
view_end(View *view, double at_s, const ViewOutcome *outcome)
{
    bool completed = strcmp(outcome->status, "completed") == 0;
    g_autofree char *line = view_format_outcome(outcome);

    print_json(view, at_s, view_outcome_to_json(outcome));
    if (view->config.text == VIEW_TEXT_NONE) {
        return;
    }
    if (view->config.text == VIEW_TEXT_TERMINAL && view->progress) {
        fputs(completed ? WIPE : "\n", view->config.text_to);
    }
    g_clear_pointer(&view->progress, g_free);
    if (completed) {
        /* virsh's last word, for whoever waits for it */
        fputs("Migration: [100 %]\n", view->config.text_to);
    }
    print_line(view, at_s, line);
}
