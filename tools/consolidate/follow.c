/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.c - see follow.h
 */
#include "tools/consolidate/follow.h"

#include <stdio.h>
#include <string.h>

#include "tools/consolidate/commands.h"
#include "tools/consolidate/options.h"
#include "tools/consolidate/text.h"

static void
clear_line(Follow *follow)
{
    if (follow->line_open) {
        fputs("\r\033[K", stderr);
        follow->line_open = false;
    }
}

static void
show_decision(Follow *follow, JsonObject *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ConsDecision) decision = cons_decision_from_json(data, &error);
    g_autofree char *text = NULL;

    if (!decision) {
        fprintf(stderr, "error: a decision that is none: %s\n", error->message);
        follow->finished = true;
        follow->status = CONSOLIDATE_FAILED;
        return;
    }
    if (!follow->json) {
        text = text_decision(decision);
        fputs(text, stdout);
    }
    if (!follow->acts || cons_decision_is_empty(decision)) {
        follow->finished = true;
        /* what cannot be done is no success, unless one only asked */
        follow->status =
            follow->acts &&
                    ((follow->all_or_nothing && decision->refusals->len > 0) ||
                     decision->violation_after > 0)
                ? CONSOLIDATE_FAILED
                : CONSOLIDATE_FINE;
    }
}

static void
show_over(Follow *follow, JsonObject *data)
{
    g_autofree char *text = text_over(data);
    const char *stopped = NULL;

    jobj_get_string(data, "stopped", &stopped);
    if (!follow->json) {
        fputs(text, stdout);
    }
    follow->finished = true;
    follow->status =
        stopped && *stopped ? CONSOLIDATE_FAILED : CONSOLIDATE_FINE;
}

static void
show_progress(Follow *follow, JsonObject *data)
{
    const char *guest = "";
    double share = 0, bytes = 0;
    g_autofree char *sent = NULL;

    if (!follow->shows_progress) {
        return;
    }
    jobj_get_string(data, "guest", &guest);
    jobj_get_double(data, "share", &share);
    jobj_get_double(data, "bytes", &bytes);
    sent = text_bytes(bytes);
    fprintf(stderr, "\r\033[K%s: %.0f %%, %s sent", guest, share * 100, sent);
    follow->line_open = true;
}

void
follow_note(Follow *follow, const char *guest, const char *text)
{
    if (!follow->quiet) {
        clear_line(follow);
        fprintf(stderr, "note: %s%s%s\n", guest, *guest ? ": " : "", text);
    }
}

void
follow_event(Follow *follow, const char *event, JsonObject *data)
{
    bool progress = strcmp(event, "progress") == 0;

    if (follow->json && !progress && strcmp(event, "note") != 0) {
        g_autoptr(JsonObject) line = json_object_new_object();

        if (follow->acts) {
            jobj_add_string(line, "event", event);
            jobj_add(line, "data", json_object_get(data));
            puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
        } else {
            cons_print_json(data);
        }
    }
    if (!progress) {
        clear_line(follow);
    }
    if (strcmp(event, "decision") == 0) {
        show_decision(follow, data);
    } else if (strcmp(event, "step") == 0 && !follow->json) {
        g_autofree char *text = text_step(data);

        fputs(text, stdout);
    } else if (strcmp(event, "over") == 0) {
        show_over(follow, data);
    } else if (strcmp(event, "note") == 0) {
        const char *guest = "", *text = "";

        jobj_get_string(data, "guest", &guest);
        jobj_get_string(data, "text", &text);
        follow_note(follow, guest, text);
    } else if (progress && !follow->json) {
        show_progress(follow, data);
    }
    fflush(stdout);
}
