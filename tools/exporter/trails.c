/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trails.c - time lines of links, iterations of sessions
 *
 * A point of a link is kept as the JSON that the page gets, built once. The
 * classes of migrations stand by their owner, all others are summed by role:
 * that is what one wants to see, and it bounds a point where there are many
 * protected applications.
 */
#include "tools/exporter/trails.h"

#include <math.h>
#include <string.h>

#include "base/known.h"
#include "tools/exporter/picture-priv.h"

#define MAX_OWNERS 16

typedef struct LinkTrail {
    GQueue points; /* JsonObject, the oldest first */
    int64_t last_us;
} LinkTrail;

typedef struct SessionTrail {
    char *session;
    GQueue iterations; /* JsonObject, ascending by "iter" */
    bool asked, present;
} SessionTrail;

struct Trails {
    GHashTable *links;    /* name -> LinkTrail */
    GHashTable *sessions; /* id -> SessionTrail */
};

static void
free_link(gpointer data)
{
    LinkTrail *trail = data;

    g_queue_clear_full(&trail->points, (GDestroyNotify)jobj_unref);
    g_free(trail);
}

static void
free_session(gpointer data)
{
    SessionTrail *trail = data;

    g_queue_clear_full(&trail->iterations, (GDestroyNotify)jobj_unref);
    g_free(trail->session);
    g_free(trail);
}

Trails *
trails_new(void)
{
    Trails *trails = g_new0(Trails, 1);

    trails->links =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_link);
    trails->sessions =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_session);
    return trails;
}

void
trails_free(Trails *trails)
{
    if (!trails) {
        return;
    }
    g_hash_table_unref(trails->links);
    g_hash_table_unref(trails->sessions);
    g_free(trails);
}

/* ---- links */

static void
add_to(JsonObject *object, const char *name, double value)
{
    JsonObject *sum;

    if (json_object_object_get_ex(object, name, &sum)) {
        value += json_object_get_double(sum);
    }
    jobj_add_double(object, name, round(value));
}

static JsonObject *
point_new(JsonObject *link, int64_t now_us)
{
    JsonObject *point = json_object_new_object();
    JsonObject *roles = json_object_new_object();
    JsonObject *migrations = json_object_new_object();
    JsonObject *classes = jobj_get(link, "classes");
    JsonObject *class;

    for (size_t i = 0; (class = picture_item(classes, i, MAX_CLASSES)); i++) {
        const char *role = picture_word(class, "role", "rest");
        const char *owner = picture_word(class, "owner", "");
        Known use = jobj_get_known(class, "use_bytes_s");

        if (!use.known || use.value < 0 || strcmp(role, "link") == 0) {
            continue;
        }
        if (strcmp(role, "migration") == 0) {
            bool room = json_object_object_length(migrations) < MAX_OWNERS;

            add_to(migrations, room ? owner : "others", use.value);
        } else if (strcmp(role, "application") == 0 ||
                   strcmp(role, "protected") == 0 ||
                   strcmp(role, "control") == 0) {
            add_to(roles, role, use.value);
        } else {
            add_to(roles, "rest", use.value);
        }
    }
    jobj_add_double(point, "t", round((double)now_us / 1e3) / 1e3);
    jobj_add_known(point, "use", jobj_get_known(link, "use_bytes_s"));
    jobj_add_known(point, "capacity", jobj_get_known(link, "capacity_bytes_s"));
    jobj_add_known(point, "guaranteed",
                   jobj_get_known(link, "guaranteed_bytes_s"));
    jobj_add(point, "roles", roles);
    jobj_add(point, "migrations", migrations);
    return point;
}

static void
add_point(Trails *trails, JsonObject *link, int64_t now_us)
{
    const char *name = picture_word(link, "link", NULL);
    LinkTrail *trail;

    if (!name) {
        return;
    }
    trail = g_hash_table_lookup(trails->links, name);
    if (!trail) {
        if (g_hash_table_size(trails->links) >= MAX_LINKS) {
            return;
        }
        trail = g_new0(LinkTrail, 1);
        g_hash_table_insert(trails->links, g_strdup(name), trail);
    }
    /* a status that was asked for out of turn makes no point of its own */
    if (now_us - trail->last_us >= 900000 || trail->last_us > now_us) {
        g_queue_push_tail(&trail->points, point_new(link, now_us));
        trail->last_us = now_us;
    }
}

static bool
is_old(JsonObject *point, int64_t now_us)
{
    double t_s = known_or(jobj_get_known(point, "t"), 0);
    double now_s = (double)now_us / 1e6;

    return t_s < now_s - TRAILS_SECONDS || t_s > now_s + 1;
}

static void
drop_old(Trails *trails, int64_t now_us)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, trails->links);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        LinkTrail *trail = value;

        while (!g_queue_is_empty(&trail->points) &&
               is_old(g_queue_peek_head(&trail->points), now_us)) {
            jobj_unref(g_queue_pop_head(&trail->points));
        }
        if (g_queue_is_empty(&trail->points)) {
            g_hash_table_iter_remove(&iter);
        }
    }
}

/* ---- sessions */

static SessionTrail *
session_trail(Trails *trails, const char *session)
{
    SessionTrail *trail = g_hash_table_lookup(trails->sessions, session);

    if (!trail && g_hash_table_size(trails->sessions) < MAX_SESSIONS) {
        trail = g_new0(SessionTrail, 1);
        trail->session = g_strdup(session);
        g_hash_table_insert(trails->sessions, trail->session, trail);
    }
    return trail;
}

static uint64_t
number_of(JsonObject *iteration)
{
    uint64_t number = 0;

    return jobj_get_u64(iteration, "iter", &number) ? number : 0;
}

/* What the page draws, and nothing else: a record's iteration has much more. */
static JsonObject *
shortened(JsonObject *iteration)
{
    static const char *const numbers[] = {
        "duration_ms",         "pages_to_send",   "page_bytes",
        "dirty_pages",         "predicted_pages", "predicted_low_pages",
        "predicted_high_pages"
    };
    JsonObject *copy = json_object_new_object();
    bool final = false;

    jobj_add_u64(copy, "iter", number_of(iteration));
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        jobj_add_known(copy, numbers[i], jobj_get_known(iteration, numbers[i]));
    }
    jobj_get_bool(iteration, "final", &final);
    jobj_add_bool(copy, "final", final);
    return copy;
}

void
trails_add_iteration(Trails *trails, const char *session, JsonObject *iteration)
{
    uint64_t number = number_of(iteration);
    SessionTrail *trail;
    GList *after;

    if (number == 0 || !(trail = session_trail(trails, session))) {
        return;
    }
    after = trail->iterations.tail;
    while (after && number_of(after->data) > number) {
        after = after->prev;
    }
    if (after && number_of(after->data) == number) {
        jobj_unref(after->data);
        after->data = shortened(iteration);
    } else if (after) {
        g_queue_insert_after(&trail->iterations, after, shortened(iteration));
    } else {
        g_queue_push_head(&trail->iterations, shortened(iteration));
    }
    if (trail->iterations.length > TRAILS_ITERATIONS) {
        jobj_unref(g_queue_pop_head(&trail->iterations));
    }
}

const char *
trails_want(Trails *trails)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, trails->sessions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        SessionTrail *trail = value;

        if (!trail->asked) {
            trail->asked = true;
            return trail->session;
        }
    }
    return NULL;
}

void
trails_forget_sessions(Trails *trails)
{
    g_hash_table_remove_all(trails->sessions);
}

static gboolean
is_gone(gpointer key, gpointer value, gpointer user)
{
    return !((SessionTrail *)value)->present;
}

static void
follow_sessions(Trails *trails, JsonObject *status)
{
    JsonObject *sessions = jobj_get(status, "sessions");
    JsonObject *session;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, trails->sessions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ((SessionTrail *)value)->present = false;
    }
    for (size_t i = 0; (session = picture_item(sessions, i, MAX_SESSIONS));
         i++) {
        const char *id = picture_word(session, "session", NULL);
        SessionTrail *trail = id ? session_trail(trails, id) : NULL;

        if (trail) {
            trail->present = true;
        }
    }
    g_hash_table_foreach_remove(trails->sessions, is_gone, NULL);
}

void
trails_add_status(Trails *trails, JsonObject *status, int64_t now_us)
{
    JsonObject *links = jobj_get(status, "links");
    JsonObject *link;

    for (size_t i = 0; (link = picture_item(links, i, MAX_LINKS)); i++) {
        add_point(trails, link, now_us);
    }
    drop_old(trails, now_us);
    follow_sessions(trails, status);
}

/* ---- out */

static JsonObject *
last_of(const GQueue *queue, size_t most)
{
    JsonObject *array = json_object_new_array();
    size_t length = queue->length;
    GList *item = g_queue_peek_nth_link((GQueue *)queue,
                                        length > most ? length - most : 0);

    for (; item; item = item->next) {
        json_object_array_add(array, json_object_get(item->data));
    }
    return array;
}

JsonObject *
trails_links(const Trails *trails, size_t points)
{
    JsonObject *object = json_object_new_object();
    GHashTableIter iter;
    gpointer name, trail;

    g_hash_table_iter_init(&iter, trails->links);
    while (g_hash_table_iter_next(&iter, &name, &trail)) {
        jobj_add(object, name, last_of(&((LinkTrail *)trail)->points, points));
    }
    return object;
}

JsonObject *
trails_iterations(const Trails *trails, size_t iterations)
{
    JsonObject *object = json_object_new_object();
    GHashTableIter iter;
    gpointer name, trail;

    g_hash_table_iter_init(&iter, trails->sessions);
    while (g_hash_table_iter_next(&iter, &name, &trail)) {
        jobj_add(object, name,
                 last_of(&((SessionTrail *)trail)->iterations, iterations));
    }
    return object;
}
