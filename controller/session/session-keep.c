/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-keep.c - what is kept of a session for its record, and how much
 *
 * A migration may take days. Raw events are kept from the start, packed, up to
 * a bound: the job is replayed from there, and what a replay of a part says of
 * that part is true. Of the time lines every second point goes when there are
 * too many, so that they cover all of it. What is left out is counted, and the
 * record says so.
 */
#include <string.h>

#include "session/session-priv.h"

#define MOST_POINTS 3600
#define MOST_ROWS 20000
#define MOST_WARNINGS 200
#define MOST_COSTS 10000
/* A daemon keeps many of them at a time. */
#define MOST_EVENT_BYTES (8u << 20)
#define MOST_EVENT_BYTES_SHARED (1u << 20)

/* So much of it means something. */
static size_t
event_size(const JobEvent *event)
{
    size_t head = offsetof(JobEvent, poll);

    switch (event->kind) {
    case JOB_EVENT_PASS:
        return offsetof(JobEvent, told) + sizeof(event->told);
    case JOB_EVENT_POLL:
        return head + sizeof(event->poll);
    case JOB_EVENT_COUNTERS:
        return head + sizeof(event->counters);
    case JOB_EVENT_LINK:
        return head + sizeof(event->link);
    case JOB_EVENT_SEEN:
        return head + sizeof(event->seen);
    case JOB_EVENT_START:
    case JOB_EVENT_STOPPED:
    case JOB_EVENT_RESUMED:
    case JOB_EVENT_POSTCOPY:
    case JOB_EVENT_SHAPED:
    case JOB_EVENT_ADVISORY:
    case JOB_EVENT_STEPPED:
        return head + sizeof(uint64_t);
    case JOB_EVENT_GRANTED:
    case JOB_EVENT_SETTINGS:
    case JOB_EVENT_END:
    case JOB_N_EVENTS:
        break;
    }
    return sizeof(*event);
}

void
session_keep_event(Session *session, const JobEvent *event)
{
    guint most =
        session->spec.hands ? MOST_EVENT_BYTES_SHARED : MOST_EVENT_BYTES;
    size_t size = event_size(event);

    /* One that is left out, and all after it: a replay has no holes. */
    if (session->dropped_events > 0 || session->events->len + size > most) {
        session->dropped_events++;
        return;
    }
    g_byte_array_append(session->events, (const guint8 *)event, (guint)size);
}

JsonObject *
session_kept_events(const Session *session)
{
    JsonObject *array = json_object_new_array();

    for (guint at = 0; at < session->events->len;) {
        JobEvent event = { 0 };

        memcpy(&event, session->events->data + at,
               MIN(sizeof(event), session->events->len - at));
        json_object_array_add(array, job_event_to_json(&event));
        at += (guint)event_size(&event);
    }
    return array;
}

void
session_keep_point(Session *session, const RunPoint *point)
{
    GArray *points = session->record->points;

    if (session->points_seen++ % session->point_stride != 0) {
        return;
    }
    if (points->len >= MOST_POINTS) {
        guint kept = 0;

        for (guint i = 0; i < points->len; i += 2) {
            g_array_index(points, RunPoint, kept++) =
                g_array_index(points, RunPoint, i);
        }
        g_array_set_size(points, kept);
        session->point_stride *= 2;
    }
    g_array_append_val(points, *point);
}

bool
session_has_room(Session *session, const GArray *rows)
{
    bool room = rows->len < MOST_ROWS;

    session->dropped_rows += !room;
    return room;
}

void
session_keep_warning(Session *session, char *text)
{
    GPtrArray *warnings = session->record->warnings;

    if (warnings->len < MOST_WARNINGS) {
        g_ptr_array_add(warnings, text);
    } else {
        session->dropped_warnings++;
        g_free(text);
    }
}

/* The latest, where there are too many. */
void
session_keep_cost(GArray *costs, uint64_t *n, double cost_us)
{
    if (costs->len < MOST_COSTS) {
        g_array_append_val(costs, cost_us);
    } else {
        g_array_index(costs, double, *n % MOST_COSTS) = cost_us;
    }
    (*n)++;
}

void
session_record_dropped(const Session *session, JsonObject *extra)
{
    JsonObject *json;

    if (!session->dropped_events && !session->dropped_rows &&
        !session->dropped_warnings && session->point_stride == 1) {
        return;
    }
    json = json_object_new_object();
    jobj_add_u64(json, "events", session->dropped_events);
    jobj_add_u64(json, "rows", session->dropped_rows);
    jobj_add_u64(json, "warnings", session->dropped_warnings);
    jobj_add_u64(json, "one_point_of", session->point_stride);
    jobj_add(extra, "dropped", json);
}
