/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fetch.c - see fetch.h
 *
 *   {since} = what we have, to its last period
 *        |
 *   ssh host vmferry-traffic history --since {since} --period 300 --json FILE
 *        |                a line of JSON a period
 *   STATE/traffic-HOST.db
 *
 * There is news once a period is over; before the first one is known, at every
 * look. Of two processes that fetch at once each keeps what it got: the same
 * period twice counts once, as if two hosts had seen it.
 */
#include "tools/consolidate/fetch.h"

#include <gio/gio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "store/traffic-store.h"
#include "traffic/read.h"

#define WORDS_SHOWN 200
#define SECOND_US INT64_C(1000000)
#define RETRY_US (60 * SECOND_US)

/* A host whose traffic is fetched. */
typedef struct Place {
    Fetch *fetch;
    const ServiceReach *reach;
    char *file;
    TrafficStore *store;
    GSubprocess *process;
    GCancellable *cancel; /* not NULL: it runs */
    guint limit_source;
    bool late;
    int64_t last_us;   /* when the last period that we have began */
    int64_t period_us; /* its length; 0: we have none */
    int64_t next_us;   /* monotonic */
    bool freed;
} Place;

struct Fetch {
    const Service *service;
    double span_s;
    FetchListener listener;
    gpointer user;
    GPtrArray *places;
    GPtrArray *files; /* char *, borrowed, with a NULL */
    GHashTable *told;
    unsigned running;
};

static void
place_unref(Place *place)
{
    traffic_store_close(place->store);
    g_clear_object(&place->process);
    g_clear_object(&place->cancel);
    g_free(place->file);
    g_free(place);
}

static void
note(Fetch *fetch, const Place *place, const char *why)
{
    g_autofree char *text = g_strdup_printf("the traffic of host '%s': %s",
                                            place->reach->name, why);

    if (g_hash_table_add(fetch->told, g_strdup(text)) && fetch->listener.note) {
        fetch->listener.note(text, fetch->user);
    }
}

/* --- what it printed --- */

static bool
keep_line(Place *place, const char *line, size_t length, GError **error)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    g_autoptr(JsonObject) json = jobj_parse(line, length, error);
    g_autoptr(TrafficSummary) summary =
        json ? traffic_read_json(json, guests, error) : NULL;

    if (!summary) {
        return false;
    }
    if (summary->period_us <= 0) {
        g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                    "it prints all as one matrix: its command needs --period, "
                    "the length that is counted by there");
        return false;
    }
    /* what we have is told again, for {since} is in whole seconds */
    if (place->period_us && summary->from_us <= place->last_us) {
        return true;
    }
    return traffic_store_add(place->store, summary,
                             (int64_t)(place->fetch->span_s * 2e6), error);
}

static bool
keep_all(Place *place, const char *text, GError **error)
{
    int64_t first_us;
    bool good = true;

    while (good && *text) {
        const char *end = strchrnul(text, '\n');

        if (end > text) {
            good = keep_line(place, text, (size_t)(end - text), error);
        }
        text = *end ? end + 1 : end;
    }
    return traffic_store_span(place->store, &first_us, &place->last_us,
                              &place->period_us, good ? error : NULL) &&
           good;
}

/* --- the command --- */

static void
on_ended(GObject *source, GAsyncResult *result, gpointer user)
{
    Place *place = user;
    Fetch *fetch = place->fetch;
    g_autoptr(GError) error = NULL;
    g_autofree char *out = NULL, *words = NULL, *why = NULL;
    bool read = g_subprocess_communicate_utf8_finish(place->process, result,
                                                     &out, &words, &error);

    if (place->freed) {
        place_unref(place);
        return;
    }
    g_clear_handle_id(&place->limit_source, g_source_remove);
    if (place->late) {
        why = g_strdup_printf("%s: it did not end within %g s, and was killed",
                              place->reach->traffic, fetch->service->command_s);
    } else if (!read) {
        why = g_strdup_printf("%s: %s", place->reach->traffic, error->message);
    } else if (!g_subprocess_get_successful(place->process)) {
        g_strstrip(words);
        words[MIN(strlen(words), WORDS_SHOWN)] = '\0';
        why = g_strdup_printf("%s: it failed%s%s", place->reach->traffic,
                              *words ? ": " : "", words);
    } else if (!keep_all(place, out, &error)) {
        why = g_strdup(error->message);
    }
    if (why) {
        note(fetch, place, why);
    }
    place->next_us = clock_mono_us() + (why ? RETRY_US : 0);
    if (!why && place->period_us) {
        /* when the one that is counted now will be there */
        place->next_us +=
            CLAMP(place->last_us + 2 * place->period_us - clock_wall_us(),
                  SECOND_US, place->period_us);
    }
    g_clear_object(&place->process);
    g_clear_object(&place->cancel);
    if (--fetch->running == 0 && fetch->listener.idle) {
        fetch->listener.idle(fetch->user);
    }
}

static gboolean
on_limit(gpointer user)
{
    Place *place = user;

    place->limit_source = 0;
    place->late = true;
    g_subprocess_force_exit(place->process);
    /* a child of it may hold the pipe */
    g_cancellable_cancel(place->cancel);
    return G_SOURCE_REMOVE;
}

/* "2026-03-01T12:00:00Z": with all that a shell leaves as it is */
static char *
since_of(const Place *place)
{
    int64_t from_us = clock_wall_us() - (int64_t)(place->fetch->span_s * 1e6);
    char *text;

    if (place->period_us) {
        from_us = MAX(from_us, place->last_us + 1);
    }
    text = clock_format_utc(MAX(from_us, 0));
    strcpy(text + strlen("2026-03-01T12:00:00"), "Z");
    return text;
}

static bool
spawn(Place *place, GError **error)
{
    g_auto(GStrv) argv = NULL;
    g_autofree char *since = since_of(place);

    if (!g_shell_parse_argv(place->reach->traffic, NULL, &argv, error)) {
        return false;
    }
    for (size_t i = 0; argv[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(argv[i], "{since}", -1);

        g_free(argv[i]);
        argv[i] = g_strjoinv(since, parts);
    }
    place->process = g_subprocess_newv(
        (const char *const *)argv,
        G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, error);
    return place->process != NULL;
}

static void
begin(Place *place)
{
    Fetch *fetch = place->fetch;
    g_autoptr(GError) error = NULL;

    place->late = false;
    if (!spawn(place, &error)) {
        place->next_us = clock_mono_us() + RETRY_US;
        note(fetch, place, error->message);
        return;
    }
    fetch->running++;
    place->cancel = g_cancellable_new();
    place->limit_source = g_timeout_add(
        (guint)(fetch->service->command_s * 1000), on_limit, place);
    g_subprocess_communicate_utf8_async(place->process, NULL, place->cancel,
                                        on_ended, place);
}

bool
fetch_look(Fetch *fetch)
{
    for (guint i = 0; i < fetch->places->len; i++) {
        Place *place = fetch->places->pdata[i];

        if (!place->cancel && clock_mono_us() >= place->next_us) {
            begin(place);
        }
    }
    return fetch->running > 0;
}

const char *const *
fetch_files(const Fetch *fetch)
{
    return (const char *const *)fetch->files->pdata;
}

/* --- life --- */

static void
add_place(Fetch *fetch, const ServiceReach *reach)
{
    g_autofree char *name = g_strdup_printf("traffic-%s.db", reach->name);
    g_autoptr(GError) error = NULL;
    Place *place = g_new0(Place, 1);
    int64_t first_us;

    place->fetch = fetch;
    place->reach = reach;
    g_strdelimit(name, "/", '_');
    place->file = service_path(fetch->service, name);
    place->store = traffic_store_open(place->file, &error);
    if (!place->store ||
        !traffic_store_span(place->store, &first_us, &place->last_us,
                            &place->period_us, &error)) {
        note(fetch, place, error->message);
        place_unref(place);
        return;
    }
    g_ptr_array_add(fetch->places, place);
    g_ptr_array_add(fetch->files, place->file);
}

Fetch *
fetch_new(const Service *service, double span_s, const FetchListener *listener,
          gpointer user)
{
    Fetch *fetch = g_new0(Fetch, 1);

    fetch->service = service;
    fetch->span_s = span_s;
    fetch->listener = *listener;
    fetch->user = user;
    fetch->places = g_ptr_array_new();
    fetch->files = g_ptr_array_new();
    fetch->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < service->reaches->len; i++) {
        const ServiceReach *reach = service->reaches->pdata[i];

        if (reach->traffic) {
            add_place(fetch, reach);
        }
    }
    g_ptr_array_add(fetch->files, NULL);
    return fetch;
}

void
fetch_free(Fetch *fetch)
{
    if (!fetch) {
        return;
    }
    for (guint i = 0; i < fetch->places->len; i++) {
        Place *place = fetch->places->pdata[i];

        g_clear_handle_id(&place->limit_source, g_source_remove);
        if (place->cancel) {
            /* the last one to hear of it frees it */
            place->freed = true;
            g_subprocess_force_exit(place->process);
            g_cancellable_cancel(place->cancel);
        } else {
            place_unref(place);
        }
    }
    g_ptr_array_unref(fetch->places);
    g_ptr_array_unref(fetch->files);
    g_hash_table_unref(fetch->told);
    g_free(fetch);
}
