/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fetch.h - the traffic of other hosts, brought here by commands
 *
 * Each host counts for itself. A command of its [reach] section, ssh mostly, has
 * its vmferry-traffic print what is new; that is kept in a history here, which
 * flows.h reads as any other. A host that does not answer costs nothing but its
 * own part of the traffic: commands run beside everything else.
 */
#ifndef CONSOLIDATE_FETCH_H
#define CONSOLIDATE_FETCH_H

#include "tools/consolidate/service.h"

typedef struct Fetch Fetch;

typedef struct FetchListener {
    /* Something for people; each text once */
    void (*note)(const char *text, gpointer user);
    /* All commands that were under way have ended */
    void (*idle)(gpointer user);
} FetchListener;

/**
 * fetch_new() - Those hosts that have a command
 * @service: Its "reaches", and the folder for the histories; outlives it
 * @span_s: Of traffic that is wanted, up to now
 */
Fetch *fetch_new(const Service *service, double span_s,
                 const FetchListener *listener, gpointer user);

/** fetch_free() - Commands that run are killed */
void fetch_free(Fetch *fetch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fetch, fetch_free)

/** fetch_look() - Run the commands of all hosts of which there is news by now
 *
 * Return: true: some run, and FetchListener.idle comes */
bool fetch_look(Fetch *fetch);

/** fetch_files() - The histories that they go to; borrowed, never NULL */
const char *const *fetch_files(const Fetch *fetch);

#endif
