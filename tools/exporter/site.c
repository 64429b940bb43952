/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * site.c - feed, picture, page and server put together
 *
 *   vmferryd ──feed──> picture ──┬──> /metrics      on request
 *                                ├──> /status.json  on request, whole
 *                                └──> /events       on change, the latest part
 */
#include "tools/exporter/site.h"

#include <string.h>

#include "base/clock.h"
#include "tools/exporter/feed.h"
#include "tools/exporter/page.h"
#include "tools/exporter/picture.h"
#include "tools/exporter/prom.h"
#include "tools/exporter/server.h"

/* Readers of events hear from us at least that often, daemon or not. */
#define HEARTBEAT_S 5

struct Site {
    const char *version;
    Page page;
    Picture *picture;
    Server *server;
    Feed *feed;
    guint heartbeat;
};

static PictureExporter
about(const Site *site)
{
    PictureExporter exporter = { .version = site->version };

    if (site->server) {
        exporter.streams = server_streams(site->server);
    }
    if (site->feed) {
        exporter.connects = feed_connects(site->feed, &exporter.failures);
    }
    return exporter;
}

static char *
document_text(const Site *site, bool whole)
{
    PictureExporter exporter = about(site);
    g_autoptr(JsonObject) document =
        picture_document(site->picture, whole, &exporter, clock_wall_us());

    return jobj_to_text(document, false);
}

static void
publish(Site *site)
{
    g_autofree char *text = document_text(site, false);

    server_publish(site->server, text);
}

static void
answer_text(ServerAnswer *answer, const char *type, char *text)
{
    answer->type = type;
    answer->body = g_bytes_new_take(text, strlen(text));
}

static bool
answer(const char *path, ServerAnswer *answer, gpointer user)
{
    Site *site = user;

    if (strcmp(path, "/") == 0) {
        answer->type = "text/html; charset=utf-8";
        answer->content_policy = site->page.content_policy;
        answer->body = g_bytes_ref(site->page.html);
        return true;
    }
    if (strcmp(path, "/status.json") == 0) {
        feed_watch(site->feed);
        answer_text(answer, "application/json", document_text(site, true));
        return true;
    }
    if (strcmp(path, "/metrics") == 0) {
        PictureExporter exporter = about(site);
        g_autoptr(Prom) prom = prom_new();

        picture_metrics(site->picture, &exporter, prom, clock_wall_us());
        answer_text(answer, PROM_CONTENT_TYPE, g_strdup(prom_text(prom, NULL)));
        return true;
    }
    if (strcmp(path, "/healthz") == 0) {
        answer_text(answer, "text/plain; charset=utf-8", g_strdup("ok\n"));
        return true;
    }
    return false;
}

static void
on_change(gpointer user)
{
    Site *site = user;

    if (server_streams(site->server) > 0) {
        feed_watch(site->feed);
        publish(site);
    }
}

/* The first event of a stream must not be one from before it. */
static void
on_stream(gpointer user)
{
    publish(user);
}

static gboolean
on_heartbeat(gpointer user)
{
    on_change(user);
    return G_SOURCE_CONTINUE;
}

Site *
site_new(const SiteSpec *spec, GError **error)
{
    g_autoptr(Site) site = g_new0(Site, 1);
    const ServerSpec server = {
        .address = spec->address,
        .events_path = "/events",
        .answer = answer,
        .stream_opened = on_stream,
        .user = site,
    };

    site->version = spec->version;
    site->picture = picture_new();
    page_make(&site->page);
    site->server = server_new(&server, error);
    if (!site->server) {
        return NULL;
    }
    site->feed = feed_new(spec->socket, site->picture, on_change, site);
    site->heartbeat = g_timeout_add_seconds(HEARTBEAT_S, on_heartbeat, site);
    return g_steal_pointer(&site);
}

void
site_free(Site *site)
{
    if (!site) {
        return;
    }
    if (site->heartbeat != 0) {
        g_source_remove(site->heartbeat);
    }
    feed_free(site->feed);
    server_free(site->server);
    picture_free(site->picture);
    page_clear(&site->page);
    g_free(site);
}

guint16
site_port(const Site *site)
{
    return server_port(site->server);
}
