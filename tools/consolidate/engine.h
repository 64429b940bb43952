/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * engine.h - a manager with everything that it needs, put together
 *
 * The service has one for as long as it lives; a command has one of its own when
 * there is no service. Only one engine may act on one state folder: the journal
 * is held by its process.
 */
#ifndef CONSOLIDATE_ENGINE_H
#define CONSOLIDATE_ENGINE_H

#include "tools/consolidate/real.h"

typedef struct Engine Engine;

typedef enum {
    ENGINE_LOOKS, /* decides, and does nothing: anybody may, at any time */
    ENGINE_ACTS,  /* holds the journal */
} EngineKind;

typedef struct EngineSpec {
    const char *config;
    EngineKind kind;
    int mode;     /* ConsMode, instead of the configuration's; -1: that one */
    bool serves;  /* it goes on until it is ended */
    bool forgets; /* what it decides is nobody's plan, and not kept */
} EngineSpec;

/**
 * engine_new() - Read the configuration, the history and the journal
 *
 * Nothing is asked of a host yet. Return: engine_free() it; NULL with an error,
 * STORE_ERROR_BUSY: another manager is at work
 */
Engine *engine_new(const EngineSpec *spec, const RealListener *listener,
                   gpointer user, GError **error);
void engine_free(Engine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Engine, engine_free)

/** engine_start() - Look at the hosts, twice if there is no load of late; then
 * the main loop is the caller's. Resumes what was under way */
void engine_start(Engine *engine);

ConsManager *engine_manager(Engine *engine);
const Service *engine_service(const Engine *engine);
const ConsSettings *engine_settings(const Engine *engine);

/** engine_tidy() - Write the journal anew if it has grown; when idle */
void engine_tidy(Engine *engine);

#endif
