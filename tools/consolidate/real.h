/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * real.h - the hosts of backend.h, over libvirt
 */
#ifndef CONSOLIDATE_REAL_H
#define CONSOLIDATE_REAL_H

#include "consolidate/manager.h"
#include "store/cons-store.h"
#include "store/lines.h"
#include "tools/consolidate/service.h"
#include "virt/virt.h"

typedef struct Real Real;

typedef struct RealSpec {
    const ConsSettings *settings; /* these all outlive it */
    const Service *service;
    VirtPool *pool;
    Lines *journal; /* NULL: nothing is written, and so nothing is ever begun:
                       all calls but those that look are left unanswered */
    ConsStore *history; /* NULL: none is kept */
    bool forgets;       /* decisions are not kept there */
    bool serves;        /* for long: nobody waits for its first look */
} RealSpec;

typedef struct RealListener {
    /* As the manager tells it; all borrowed. */
    void (*told)(ConsTold what, const Cluster *cluster, JsonObject *json,
                 gpointer user);
    /* Something for people, about @guest or "" */
    void (*note)(const char *guest, const char *text, gpointer user);
    void (*progress)(const char *guest, double share, uint64_t bytes,
                     gpointer user);
} RealListener;

Real *real_new(const RealSpec *spec, const RealListener *listener,
               gpointer user);

/** real_free() - Migrations that run go on without us */
void real_free(Real *real);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Real, real_free)

/** real_backend() - The calls, with the Real as their data */
const ConsBackend *real_backend(const Real *real);

/** real_set_manager() - Who gets the events */
void real_set_manager(Real *real, ConsManager *manager);

/**
 * real_warm() - Read all hosts once, for a load is a difference between two
 *
 * Iterates the main loop until it is done, and for Service.sample_s more.
 */
void real_warm(Real *real);

#endif
