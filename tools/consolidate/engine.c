/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * engine.c - see engine.h
 */
#include "tools/consolidate/engine.h"

#include <string.h>

#include "base/clock.h"

#define JOURNAL_FILE "journal"
#define HISTORY_FILE "history.db"
#define JOURNAL_MOST_BYTES (1u << 20)
#define CLOSE_MS 2000

struct Engine {
    Service *service;
    ConsSettings *settings;
    VirtPool *pool;
    Lines *journal;
    ConsStore *history;
    Real *real;
    ConsManager *manager;
    int64_t newest_sample_us;
    const RealListener *listener;
    gpointer user;
};

static bool
open_journal(Engine *engine, EngineKind kind, char **text, GError **error)
{
    g_autofree char *path = service_path(engine->service, JOURNAL_FILE);
    g_autoptr(GError) cause = NULL;

    if (kind == ENGINE_LOOKS) {
        /* without it: nobody is known to be evacuated */
        *text = lines_peek(path, &cause);
        if (!*text) {
            *text = g_strdup("");
            if (engine->listener->note) {
                engine->listener->note("", cause->message, engine->user);
            }
        }
        return true;
    }
    engine->journal = lines_open(path, text, &cause);
    if (!engine->journal) {
        const char *remedy =
            cause->code == STORE_ERROR_BUSY
                ? "; is it the service? Then ask it (its socket is in the "
                  "configuration), or stop it first"
                : "";

        g_set_error(error, cause->domain, cause->code, "%s%s", cause->message,
                    remedy);
        return false;
    }
    return true;
}

/* A help, never a condition. */
static void
open_history(Engine *engine)
{
    g_autofree char *path = service_path(engine->service, HISTORY_FILE);
    g_autoptr(GError) error = NULL;

    engine->history = cons_store_open(path, &error);
    if (!engine->history && engine->listener->note) {
        g_autofree char *text =
            g_strdup_printf("no history is kept: %s", error->message);

        engine->listener->note("", text, engine->user);
    }
}

static void
on_sample(const ConsSample *sample, int64_t at_us, gpointer user)
{
    Engine *engine = user;
    ConsWatch *watch = cons_manager_watch(engine->manager);

    if (sample->host) {
        cons_watch_sample_host(watch, sample->name, at_us, sample->cpu);
    } else {
        engine->newest_sample_us = MAX(engine->newest_sample_us, at_us);
        cons_watch_sample_guest(watch, sample->name, at_us,
                                (int64_t)sample->cpu);
    }
}

static void
read_samples(Engine *engine)
{
    double span_s =
        MAX(engine->settings->window_s,
            engine->settings->cycle_s * MAX(engine->settings->overload_n,
                                            engine->settings->underload_n));
    g_autoptr(GError) error = NULL;

    if (engine->history &&
        !cons_store_samples(engine->history,
                            clock_wall_us() - (int64_t)(span_s * 1e6),
                            on_sample, engine, &error) &&
        engine->listener->note) {
        engine->listener->note("", error->message, engine->user);
    }
}

Engine *
engine_new(const EngineSpec *spec, const RealListener *listener, gpointer user,
           GError **error)
{
    g_autoptr(Engine) engine = g_new0(Engine, 1);
    g_autofree char *journal = NULL;
    RealSpec real = { 0 };

    engine->listener = listener;
    engine->user = user;
    engine->service = service_load(spec->config, &engine->settings, error);
    if (!engine->service ||
        !open_journal(engine, spec->kind, &journal, error)) {
        return NULL;
    }
    if (spec->mode >= 0) {
        engine->settings->mode = (ConsMode)spec->mode;
    }
    open_history(engine);
    engine->pool = virt_pool_new(NULL);
    real = (RealSpec){ engine->settings, engine->service, engine->pool,
                       engine->journal,  engine->history, spec->forgets,
                       spec->serves };
    engine->real = real_new(&real, listener, user);
    engine->manager = cons_manager_new(
        engine->settings, real_backend(engine->real), engine->real);
    real_set_manager(engine->real, engine->manager);
    if (!cons_manager_restore(engine->manager, journal, error)) {
        g_prefix_error(error, "%s/" JOURNAL_FILE ": ", engine->service->state);
        return NULL;
    }
    read_samples(engine);
    return g_steal_pointer(&engine);
}

void
engine_start(Engine *engine)
{
    int64_t age_us = clock_wall_us() - engine->newest_sample_us;

    if (age_us > (int64_t)(engine->settings->window_s * 1e6)) {
        real_warm(engine->real);
    }
    cons_manager_start(engine->manager);
}

ConsManager *
engine_manager(Engine *engine)
{
    return engine->manager;
}

const Service *
engine_service(const Engine *engine)
{
    return engine->service;
}

const ConsSettings *
engine_settings(const Engine *engine)
{
    return engine->settings;
}

void
engine_tidy(Engine *engine)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!engine->journal || lines_bytes(engine->journal) < JOURNAL_MOST_BYTES ||
        !cons_manager_idle(engine->manager)) {
        return;
    }
    text = cons_manager_journal(engine->manager);
    if (!lines_replace(engine->journal, text, &error) &&
        engine->listener->note) {
        engine->listener->note("", error->message, engine->user);
    }
}

void
engine_free(Engine *engine)
{
    if (!engine) {
        return;
    }
    if (engine->real) {
        real_set_manager(engine->real, NULL);
    }
    cons_manager_free(engine->manager);
    real_free(engine->real);
    if (engine->pool) {
        virt_pool_drain(engine->pool, CLOSE_MS);
        virt_pool_unref(engine->pool);
    }
    cons_store_close(engine->history);
    lines_close(engine->journal);
    cons_settings_free(engine->settings);
    service_free(engine->service);
    g_free(engine);
}
