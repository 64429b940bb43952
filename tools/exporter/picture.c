/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * picture.c - the last documents of the daemon, and what was kept beside them
 *
 * The documents are kept as they came and read when somebody asks: the page
 * gets them whole, for it reads like every other client of the protocol. So a
 * member that is new in the daemon needs no change here.
 */
#include "tools/exporter/picture.h"

#include <string.h>

#include "base/clock.h"
#include "ctl/protocol.h"
#include "tools/exporter/picture-priv.h"

#define LATEST_POINTS 2
#define LATEST_ITERATIONS 3

JsonObject *
picture_item(JsonObject *array, size_t i, size_t most)
{
    JsonObject *item;

    if (!json_object_is_type(array, json_type_array) || i >= most ||
        i >= json_object_array_length(array)) {
        return NULL;
    }
    item = json_object_array_get_idx(array, i);
    return json_object_is_type(item, json_type_object) ? item : NULL;
}

const char *
picture_word(JsonObject *object, const char *path, const char *otherwise)
{
    const char *word = otherwise;

    jobj_get_string(object, path, &word);
    return word;
}

Picture *
picture_new(void)
{
    Picture *picture = g_new0(Picture, 1);

    picture->why = g_strdup("not connected yet");
    picture->meters = meters_new();
    picture->trails = trails_new();
    picture->runs = g_queue_new();
    return picture;
}

static void
set_object(JsonObject **place, JsonObject *object)
{
    g_clear_pointer(place, jobj_unref);
    if (json_object_is_type(object, json_type_object)) {
        *place = json_object_get(object);
    }
}

static void
forget_runs(Picture *picture)
{
    g_queue_clear_full(picture->runs, (GDestroyNotify)jobj_unref);
    g_queue_init(picture->runs);
}

void
picture_free(Picture *picture)
{
    if (!picture) {
        return;
    }
    set_object(&picture->greeting, NULL);
    set_object(&picture->status, NULL);
    set_object(&picture->metrics, NULL);
    meters_free(picture->meters);
    trails_free(picture->trails);
    g_queue_free_full(picture->runs, (GDestroyNotify)jobj_unref);
    g_free(picture->why);
    g_free(picture);
}

void
picture_connected(Picture *picture, JsonObject *greeting, int64_t now_us)
{
    if (!picture->up) {
        picture->changed_us = now_us;
    }
    picture->up = true;
    g_clear_pointer(&picture->why, g_free);
    set_object(&picture->greeting, greeting);
}

void
picture_lost(Picture *picture, const char *why, int64_t now_us)
{
    if (picture->up || picture->changed_us == 0) {
        picture->changed_us = now_us;
    }
    picture->up = false;
    g_free(picture->why);
    picture->why = g_strdup(why);
    set_object(&picture->greeting, NULL);
    set_object(&picture->status, NULL);
    set_object(&picture->metrics, NULL);
    trails_forget_sessions(picture->trails);
    forget_runs(picture);
}

void
picture_set_status(Picture *picture, JsonObject *status, int64_t now_us)
{
    g_clear_pointer(&picture->status, jobj_unref);
    picture->status_us = now_us;
    if (json_object_is_type(status, json_type_object) &&
        json_object_deep_copy(status, &picture->status, NULL) == 0) {
        meters_complete(picture->meters, picture->status, now_us);
        trails_add_status(picture->trails, picture->status, now_us);
    }
}

void
picture_set_metrics(Picture *picture, JsonObject *metrics)
{
    set_object(&picture->metrics, metrics);
}

void
picture_set_runs(Picture *picture, JsonObject *history)
{
    JsonObject *runs = jobj_get(history, "runs");
    JsonObject *run;

    forget_runs(picture);
    for (size_t i = 0; (run = picture_item(runs, i, MAX_RUNS)); i++) {
        g_queue_push_tail(picture->runs, json_object_get(run));
    }
}

void
picture_set_iterations(Picture *picture, const char *session,
                       JsonObject *iterations)
{
    JsonObject *iteration;

    for (size_t i = 0; (iteration = picture_item(iterations, i, 100000)); i++) {
        trails_add_iteration(picture->trails, session, iteration);
    }
}

/* A run that ended, from the event that told so: RUN of the protocol, with the
 * reason of its end. */
static void
add_run(Picture *picture, JsonObject *data)
{
    static const char *const copied[] = { "guest",  "uuid",   "destination",
                                          "mode",   "policy", "started",
                                          "starter" };
    static const char *const told[] = { "session", "status",     "message",
                                        "total_s", "downtime_s", "bytes" };
    JsonObject *document = jobj_get(data, "document");
    const char *session = picture_word(data, "session", NULL);
    JsonObject *run;
    GList *item = picture->runs->head;

    if (!session) {
        return;
    }
    run = json_object_new_object();
    for (size_t i = 0; i < G_N_ELEMENTS(copied); i++) {
        jobj_add(run, copied[i],
                 json_object_get(jobj_get(document, copied[i])));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
        jobj_add(run, told[i], json_object_get(jobj_get(data, told[i])));
    }
    jobj_add(run, "iterations",
             json_object_get(jobj_get(document, "iteration")));

    while (item) {
        GList *next = item->next;

        if (g_strcmp0(picture_word(item->data, "session", NULL), session) ==
            0) {
            jobj_unref(item->data);
            g_queue_delete_link(picture->runs, item);
        }
        item = next;
    }
    g_queue_push_head(picture->runs, run);
    if (picture->runs->length > MAX_RUNS) {
        jobj_unref(g_queue_pop_tail(picture->runs));
    }
}

bool
picture_event(Picture *picture, JsonObject *event)
{
    JsonObject *data = jobj_get(event, "data");
    const char *session = picture_word(data, "session", NULL);
    CtlEvent kind;

    if (!ctl_event_parse(picture_word(event, "event", ""), &kind, NULL)) {
        return false;
    }
    switch (kind) {
    case CTL_EVENT_SESSION_ITERATION:
        if (session) {
            trails_add_iteration(picture->trails, session,
                                 jobj_get(data, "iteration"));
        }
        return true;
    case CTL_EVENT_SESSION_ENDED:
        add_run(picture, data);
        return true;
    default:
        return true;
    }
}

size_t
picture_sessions(const Picture *picture)
{
    JsonObject *sessions =
        picture->status ? jobj_get(picture->status, "sessions") : NULL;
    size_t n = 0;

    while (picture_item(sessions, n, MAX_SESSIONS)) {
        n++;
    }
    return n;
}

const char *
picture_unseen_session(Picture *picture)
{
    return trails_want(picture->trails);
}

static JsonObject *
runs_to_json(const Picture *picture)
{
    JsonObject *array = json_object_new_array();

    for (GList *item = picture->runs->head; item; item = item->next) {
        json_object_array_add(array, json_object_get(item->data));
    }
    return array;
}

static void
add_time(JsonObject *object, const char *name, int64_t at_us)
{
    g_autofree char *text = at_us > 0 ? clock_format_utc(at_us) : NULL;

    jobj_add_string(object, name, text);
}

JsonObject *
picture_document(const Picture *picture, bool whole,
                 const PictureExporter *exporter, int64_t now_us)
{
    JsonObject *document = json_object_new_object();
    JsonObject *self = json_object_new_object();

    jobj_add_string(self, "version", exporter->version);
    add_time(self, "time", now_us);
    jobj_add_bool(self, "daemon_up", picture->up);
    add_time(self, "since", picture->changed_us);
    jobj_add_string(self, "why", picture->why);
    add_time(self, "status_time", picture->status_us);

    jobj_add_u64(document, "vmferry_exporter", 1);
    jobj_add_bool(document, "whole", whole);
    jobj_add(document, "exporter", self);
    jobj_add(document, "status", json_object_get(picture->status));
    jobj_add(
        document, "link_points",
        trails_links(picture->trails, whole ? TRAILS_SECONDS : LATEST_POINTS));
    jobj_add(document, "iterations",
             trails_iterations(picture->trails,
                               whole ? TRAILS_ITERATIONS : LATEST_ITERATIONS));
    jobj_add(document, "runs", runs_to_json(picture));
    return document;
}
