/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-view.c - puts the text of drain-text.c where it belongs
 *
 * The table is the last thing on a terminal. Whatever is printed above it goes
 * up to its first line, wipes all below, and draws it again.
 */
#include "tools/cli/drain-view.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/cli/drain-text.h"

#define WITHOUT_TERMINAL 80
#define NARROWEST 20
#define DRAW_EVERY_S 0.25
#define LINES_EVERY_S 10.0 /* progress of a guest, where there is no terminal */

struct DrainView {
    const Drain *drain;
    FILE *people;
    bool quiet;
    bool terminal;
    FILE *json;     /* NULL: none */
    unsigned drawn; /* lines of the table that stand on the terminal */
    double drawn_at_s;
    GHashTable *told_at_s; /* UUID -> double *, lines of progress */
};

static bool
is_terminal(FILE *file)
{
    const char *term = g_getenv("TERM");

    return isatty(fileno(file)) && term && *term && strcmp(term, "dumb") != 0 &&
           tcgetpgrp(fileno(file)) == getpgrp();
}

DrainView *
drain_view_new(const Drain *drain, bool json, bool quiet)
{
    DrainView *view = g_new0(DrainView, 1);

    view->drain = drain;
    view->people = json ? stderr : stdout;
    view->json = json ? stdout : NULL;
    view->quiet = quiet;
    view->terminal = is_terminal(view->people);
    view->drawn_at_s = -DRAW_EVERY_S;
    view->told_at_s =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return view;
}

void
drain_view_free(DrainView *view)
{
    if (!view) {
        return;
    }
    g_hash_table_unref(view->told_at_s);
    g_free(view);
}

static unsigned
view_width(const DrainView *view)
{
    struct winsize size = { 0 };
    unsigned width = 0;

    if (ioctl(fileno(view->people), TIOCGWINSZ, &size) == 0) {
        width = size.ws_col;
    }
    return MAX(width > 0 ? width : WITHOUT_TERMINAL, NARROWEST) - 1;
}

/* --- where people look --- */

static void
wipe_table(DrainView *view)
{
    if (view->drawn > 0) {
        fprintf(view->people, "\033[%uA\r\033[J", view->drawn);
        view->drawn = 0;
    }
}

static void
draw_table(DrainView *view, double at_s, bool now)
{
    g_autofree char *text = NULL;

    if (!view->terminal || view->quiet ||
        (!now && at_s < view->drawn_at_s + DRAW_EVERY_S)) {
        return;
    }
    view->drawn_at_s = at_s;
    text = drain_text_table(view->drain, view_width(view));
    wipe_table(view);
    fputs(text, view->people);
    for (const char *p = text; *p; p++) {
        view->drawn += *p == '\n';
    }
    fflush(view->people);
}

static void
print_line(DrainView *view, double at_s, const char *line)
{
    wipe_table(view);
    if (view->terminal) {
        fprintf(view->people, "%s\n", line);
        draw_table(view, at_s, true);
    } else {
        fprintf(view->people, "[%7.1f s] %s\n", at_s, line);
    }
    fflush(view->people);
}

/* Takes @object. */
static void
print_json(DrainView *view, double at_s, const DrainGuest *guest,
           JsonObject *object)
{
    g_autofree char *text = NULL;

    if (view->json) {
        if (guest) {
            jobj_add_string(object, "guest", guest->name);
            jobj_add_string(object, "uuid", guest->uuid);
        }
        jobj_add_double(object, "t_s", at_s);
        text = jobj_to_text(object, false);
        fprintf(view->json, "%s\n", text);
        fflush(view->json);
    }
    jobj_unref(object);
}

/* --- what happens --- */

void
drain_view_plan(DrainView *view, Known deadline_s, bool event)
{
    if (view->json) {
        JsonObject *json = drain_json_plan(view->drain, deadline_s);

        if (event) {
            jobj_add_string(json, "event", "plan");
            print_json(view, 0, NULL, json);
        } else {
            g_autofree char *text = jobj_to_text(json, true);

            fprintf(view->json, "%s\n", text);
            jobj_unref(json);
        }
    }
    if ((!view->json || event) && !view->quiet) {
        g_autofree char *text = drain_text_plan(view->drain, deadline_s);

        fputs(text, view->people);
    }
    fflush(view->people);
}

bool
drain_view_ask(DrainView *view, const char *question)
{
    char answer[16] = "";

    fprintf(view->people, "%s [y/N] ", question);
    fflush(view->people);
    if (!fgets(answer, sizeof(answer), stdin)) {
        fputc('\n', view->people);
        return false;
    }
    return answer[0] == 'y' || answer[0] == 'Y';
}

void
drain_view_note(DrainView *view, double at_s, const DrainGuest *guest,
                const char *kind, const char *text)
{
    JsonObject *object = json_object_new_object();
    g_autofree char *line = g_strdup_printf(
        "%s: %s%s%s", kind, guest ? guest->name : "", guest ? ": " : "", text);

    jobj_add_string(object, "event", "note");
    jobj_add_string(object, "kind", kind);
    jobj_add_string(object, "text", text);
    print_json(view, at_s, guest, object);
    if (!view->quiet) {
        print_line(view, at_s, line);
    }
}

static void
begin_json(DrainView *view, double at_s, const DrainGuest *guest)
{
    JsonObject *object = json_object_new_object();
    const DrainHost *host = view->drain->hosts->pdata[guest->host];

    jobj_add_string(object, "event", "begin");
    jobj_add_string(object, "destination", host->uri);
    jobj_add_double(object, "forecast_s",
                    guest->slot.end_s - guest->slot.start_s);
    jobj_add_string(object, "reason", guest->slot.reason);
    print_json(view, at_s, guest, object);
}

static void
end_json(DrainView *view, double at_s, const DrainGuest *guest)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "event", "end");
    jobj_add_string(object, "status", drain_status_name(guest->status));
    jobj_add_string(object, "message", guest->why);
    jobj_add_known(object, "total_s", guest->total_s);
    jobj_add_known(object, "downtime_s", guest->downtime_s);
    jobj_add_known(object, "bytes", guest->bytes);
    print_json(view, at_s, guest, object);
}

void
drain_view_status(DrainView *view, double at_s, const DrainGuest *guest)
{
    g_autofree char *line = NULL;

    if (guest->status == DRAIN_RUNS) {
        const DrainHost *host = view->drain->hosts->pdata[guest->host];

        begin_json(view, at_s, guest);
        line = g_strdup_printf("%s -> %s: begun", guest->name, host->name);
    } else {
        end_json(view, at_s, guest);
        line = drain_text_end(view->drain, guest);
    }
    if (view->quiet) {
        return;
    }
    if (view->terminal && guest->status != DRAIN_FAILED) {
        draw_table(view, at_s, true); /* it tells */
    } else {
        print_line(view, at_s, line);
    }
}

void
drain_view_progress(DrainView *view, double at_s, const DrainGuest *guest,
                    const ViewProgress *shown)
{
    ViewProgress copy = *shown;
    double *told_at_s = g_hash_table_lookup(view->told_at_s, guest->uuid);

    copy.fraction = guest->done; /* never runs backwards */
    print_json(view, at_s, guest, view_progress_to_json(&copy));
    if (view->quiet) {
        return;
    }
    if (view->terminal) {
        draw_table(view, at_s, false);
        return;
    }
    if (!told_at_s) {
        told_at_s = g_new(double, 1);
        *told_at_s = at_s; /* that it was begun has been told */
        g_hash_table_insert(view->told_at_s, g_strdup(guest->uuid), told_at_s);
    } else if (at_s >= *told_at_s + LINES_EVERY_S) {
        g_autofree char *line = drain_text_progress(view->drain, guest);

        *told_at_s = at_s;
        print_line(view, at_s, line);
    }
}

void
drain_view_iteration(DrainView *view, double at_s, const DrainGuest *guest,
                     const ViewIteration *iteration)
{
    print_json(view, at_s, guest, view_iteration_to_json(iteration));
}

void
drain_view_summary(DrainView *view, double at_s)
{
    g_autofree char *text = drain_text_summary(view->drain);

    print_json(view, at_s, NULL, drain_json_summary(view->drain));
    draw_table(view, at_s, true);
    view->drawn = 0; /* it stays */
    if (!view->quiet) {
        fputs(text, view->people);
        fflush(view->people);
    }
}
