/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * feed.c - connects, asks, and connects again
 *
 *   WAITING --timer--> CONNECTING --greeted--> CONNECTED --closed, silent-,
 *      ^                   | refused                                      |
 *      `-------------------+----------------------------------------------'
 *
 * Connecting waits for the greeting, so it is a thread's: a daemon that accepts
 * and says nothing must not keep Prometheus from its answer. Everything else
 * happens in the main loop.
 *
 * The status is asked for once a second while somebody looks or something
 * migrates, every five seconds else, and soon after an event that changed it.
 * One request of a kind is under way at a time; if one is not answered within
 * ten seconds, the daemon is taken for gone.
 */
#include "tools/exporter/feed.h"

#include <gio/gio.h>

#include "base/clock.h"
#include "ctl/client.h"
#include "tools/exporter/options.h"

#define GREETING_MS 3000
#define FIRST_WAIT_MS 250
#define LONGEST_WAIT_MS 10000
#define SLOW_TICKS 5 /* seconds between questions while nothing goes on */
#define SILENT_US 10000000
#define SOON_MS 250

typedef enum { ASK_STATUS, ASK_METRICS, ASK_HISTORY, ASK_SHOW, ASK_N } Ask;

struct Feed {
    char *socket;
    Picture *picture;
    void (*changed)(gpointer user);
    gpointer user;

    CtlClient *client;       /* NULL: not connected */
    struct Attempt *attempt; /* under way, NULL: none */
    guint retry, tick, soon; /* sources, 0: none */
    unsigned wait_ms;        /* before the next attempt */
    unsigned ticks;
    int64_t watched_us;      /* somebody looked then, monotonic */
    int64_t asked_us[ASK_N]; /* 0: no such request is under way */
    char *shown;             /* session that ASK_SHOW is about */
    uint64_t connects, failures;
};

/* Outlives a feed that is freed while the thread connects. */
typedef struct Attempt {
    Feed *feed; /* NULL: gone */
    char *socket;
} Attempt;

static void start_attempt(Feed *feed);
static void ask_status(Feed *feed);

static gboolean
retry_now(gpointer user)
{
    Feed *feed = user;

    feed->retry = 0;
    start_attempt(feed);
    return G_SOURCE_REMOVE;
}

static void
stop_source(guint *source)
{
    if (*source != 0) {
        g_source_remove(*source);
        *source = 0;
    }
}

static void
disconnect(Feed *feed)
{
    stop_source(&feed->tick);
    stop_source(&feed->soon);
    g_clear_pointer(&feed->client, ctl_client_free);
    g_clear_pointer(&feed->shown, g_free);
    for (Ask ask = 0; ask < ASK_N; ask++) {
        feed->asked_us[ask] = 0;
    }
}

/* There is no daemon; try again when it is time. */
static void
lose(Feed *feed, const char *why)
{
    g_autofree char *reason = g_strdup(why); /* may belong to the client */

    disconnect(feed);
    feed->failures++;
    picture_lost(feed->picture, reason, clock_wall_us());
    g_debug("%s; next attempt in %u ms", reason, feed->wait_ms);
    feed->retry = g_timeout_add(feed->wait_ms, retry_now, feed);
    feed->wait_ms = MIN(feed->wait_ms * 2, LONGEST_WAIT_MS);
    feed->changed(feed->user);
}

/* ---- questions and answers */

static void
ask(Feed *feed, Ask what, CtlCommand command, JsonObject *arguments,
    CtlReply reply)
{
    if (feed->asked_us[what] != 0) {
        jobj_unref(arguments);
        return;
    }
    feed->asked_us[what] = clock_mono_us();
    ctl_client_send(feed->client, command, arguments, reply, feed);
}

static void
got_iterations(CtlClient *client, JsonObject *result, const GError *error,
               gpointer user)
{
    Feed *feed = user;

    feed->asked_us[ASK_SHOW] = 0;
    if (result) {
        picture_set_iterations(feed->picture, feed->shown,
                               jobj_get(result, "iterations"));
    } else {
        g_debug("show %s: %s", feed->shown, error->message);
    }
    ask_status(feed); /* and thereby for the next one */
}

/* Iterations from before we subscribed, of one session after the other. */
static void
ask_iterations(Feed *feed)
{
    const char *session;
    JsonObject *arguments;

    if (feed->asked_us[ASK_SHOW] != 0 ||
        !(session = picture_unseen_session(feed->picture))) {
        return;
    }
    g_free(feed->shown);
    feed->shown = g_strdup(session);
    arguments = json_object_new_object();
    jobj_add_string(arguments, "session", session);
    ask(feed, ASK_SHOW, CTL_COMMAND_SHOW, arguments, got_iterations);
}

static void
got_status(CtlClient *client, JsonObject *result, const GError *error,
           gpointer user)
{
    Feed *feed = user;

    feed->asked_us[ASK_STATUS] = 0;
    if (!result) {
        lose(feed, error->message);
        return;
    }
    feed->wait_ms = FIRST_WAIT_MS;
    picture_set_status(feed->picture, result, clock_wall_us());
    ask_iterations(feed);
    feed->changed(feed->user);
}

static void
got_metrics(CtlClient *client, JsonObject *result, const GError *error,
            gpointer user)
{
    Feed *feed = user;

    feed->asked_us[ASK_METRICS] = 0;
    if (result) {
        picture_set_metrics(feed->picture, result);
    } else {
        g_debug("metrics: %s", error->message);
    }
}

static void
got_history(CtlClient *client, JsonObject *result, const GError *error,
            gpointer user)
{
    Feed *feed = user;

    feed->asked_us[ASK_HISTORY] = 0;
    if (result) {
        picture_set_runs(feed->picture, result);
    } else {
        g_debug("history: %s", error->message);
    }
}

static void
got_subscription(CtlClient *client, JsonObject *result, const GError *error,
                 gpointer user)
{
    if (!result) {
        lose(user, error->message);
    }
}

static void
ask_status(Feed *feed)
{
    ask(feed, ASK_STATUS, CTL_COMMAND_STATUS, NULL, got_status);
}

static void
ask_metrics(Feed *feed)
{
    ask(feed, ASK_METRICS, CTL_COMMAND_METRICS, NULL, got_metrics);
}

/* session-changed is left out: the status is asked for as often. */
static void
subscribe(Feed *feed)
{
    static const CtlEvent wanted[] = {
        CTL_EVENT_SESSION_BEGUN,    CTL_EVENT_SESSION_ITERATION,
        CTL_EVENT_SESSION_ADMITTED, CTL_EVENT_SESSION_ENDED,
        CTL_EVENT_DECISION,         CTL_EVENT_HELD,
        CTL_EVENT_RELEASED,         CTL_EVENT_LINK_CHANGED,
        CTL_EVENT_FOREIGN_CHANGE,   CTL_EVENT_MODE,
    };
    JsonObject *arguments = json_object_new_object();
    JsonObject *names = json_object_new_array();

    for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
        json_object_array_add(
            names, json_object_new_string(ctl_event_name(wanted[i])));
    }
    jobj_add(arguments, "events", names);
    ctl_client_send(feed->client, CTL_COMMAND_SUBSCRIBE, arguments,
                    got_subscription, feed);
}

/* ---- when */

static bool
is_silent(const Feed *feed, int64_t now_us)
{
    for (Ask what = 0; what < ASK_N; what++) {
        if (feed->asked_us[what] != 0 &&
            now_us - feed->asked_us[what] > SILENT_US) {
            return true;
        }
    }
    return false;
}

static gboolean
tick(gpointer user)
{
    Feed *feed = user;
    int64_t now_us = clock_mono_us();

    if (is_silent(feed, now_us)) {
        feed->tick = 0;
        lose(feed, "vmferryd does not answer");
        return G_SOURCE_REMOVE;
    }
    if (feed->ticks++ % SLOW_TICKS == 0) {
        ask_metrics(feed);
        ask_status(feed);
    } else if (picture_sessions(feed->picture) > 0 ||
               now_us - feed->watched_us < SILENT_US) {
        ask_status(feed);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
ask_soon(gpointer user)
{
    Feed *feed = user;

    feed->soon = 0;
    ask_status(feed);
    return G_SOURCE_REMOVE;
}

static void
on_event(CtlClient *client, JsonObject *event, gpointer user)
{
    Feed *feed = user;

    if (picture_event(feed->picture, event) && feed->soon == 0) {
        feed->soon = g_timeout_add(SOON_MS, ask_soon, feed);
    }
}

static void
on_closed(CtlClient *client, const GError *error, gpointer user)
{
    lose(user, error ? error->message : "vmferryd closed the connection");
}

void
feed_watch(Feed *feed)
{
    bool was = clock_mono_us() - feed->watched_us < SILENT_US;

    feed->watched_us = clock_mono_us();
    if (!was && feed->client) {
        ask_status(feed);
    }
}

/* ---- connecting */

static void
free_attempt(gpointer user)
{
    Attempt *attempt = user;

    g_free(attempt->socket);
    g_free(attempt);
}

static void
connect_thread(GTask *task, gpointer source, gpointer data,
               GCancellable *cancellable)
{
    Attempt *attempt = data;
    GError *error = NULL;
    CtlClient *client = ctl_client_open(attempt->socket, GREETING_MS, &error);

    if (client) {
        g_task_return_pointer(task, client, (GDestroyNotify)ctl_client_free);
    } else {
        g_task_return_error(task, error);
    }
}

static void
connected(GObject *source, GAsyncResult *result, gpointer user)
{
    static const CtlClientCallbacks callbacks = { on_event, on_closed };
    Attempt *attempt = g_task_get_task_data(G_TASK(result));
    Feed *feed = attempt->feed;
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlClient) client = NULL;

    client = g_task_propagate_pointer(G_TASK(result), &error);
    if (!feed) {
        return;
    }
    feed->attempt = NULL;
    if (!client) {
        lose(feed, error->message);
        return;
    }
    feed->client = g_steal_pointer(&client);
    feed->connects++;
    picture_connected(feed->picture, ctl_client_greeting(feed->client),
                      clock_wall_us());
    ctl_client_attach(feed->client, NULL, &callbacks, feed);
    subscribe(feed);
    ask(feed, ASK_HISTORY, CTL_COMMAND_HISTORY, NULL, got_history);
    ask_metrics(feed);
    ask_status(feed);
    feed->ticks = 1;
    feed->tick = g_timeout_add_seconds(1, tick, feed);
}

static void
start_attempt(Feed *feed)
{
    Attempt *attempt = g_new0(Attempt, 1);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, connected, NULL);

    attempt->feed = feed;
    attempt->socket = g_strdup(feed->socket);
    feed->attempt = attempt;
    g_task_set_task_data(task, attempt, free_attempt);
    g_task_run_in_thread(task, connect_thread);
}

Feed *
feed_new(const char *socket, Picture *picture, void (*changed)(gpointer user),
         gpointer user)
{
    Feed *feed = g_new0(Feed, 1);

    feed->socket = g_strdup(socket);
    feed->picture = picture;
    feed->changed = changed;
    feed->user = user;
    feed->wait_ms = FIRST_WAIT_MS;
    feed->watched_us = -SILENT_US;
    start_attempt(feed);
    return feed;
}

void
feed_free(Feed *feed)
{
    if (!feed) {
        return;
    }
    disconnect(feed);
    stop_source(&feed->retry);
    if (feed->attempt) {
        feed->attempt->feed = NULL;
    }
    g_free(feed->socket);
    g_free(feed);
}

uint64_t
feed_connects(const Feed *feed, uint64_t *failures)
{
    *failures = feed->failures;
    return feed->connects;
}
