/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * picture.h - what the exporter knows of its daemon
 *
 * Documents of the control protocol go in, metrics and the page's document
 * come out. Of its own the picture keeps what the daemon does not repeat: how
 * the links were used over the last ten minutes, the iterations of sessions
 * that run, the runs that ended last. All of it is bounded, whatever the
 * daemon sends; what makes no sense there is left out, not believed. Pure.
 */
#ifndef EXPORTER_PICTURE_H
#define EXPORTER_PICTURE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "tools/exporter/prom.h"

typedef struct Picture Picture;

Picture *picture_new(void);
void picture_free(Picture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Picture, picture_free)

/** picture_connected() - A daemon greeted us; @greeting is borrowed */
void picture_connected(Picture *picture, JsonObject *greeting, int64_t now_us);

/**
 * picture_lost() - There is no daemon, or none that answers
 * @why: In words, for people
 *
 * What it said is forgotten but for the time lines: figures that nobody vouches
 * for are no figures.
 */
void picture_lost(Picture *picture, const char *why, int64_t now_us);

/** picture_set_status() - The status document; @status is borrowed */
void picture_set_status(Picture *picture, JsonObject *status, int64_t now_us);

/** picture_set_metrics() - What "metrics" returned; borrowed */
void picture_set_metrics(Picture *picture, JsonObject *metrics);

/** picture_set_runs() - {"runs": [...]} as "history" returned it; borrowed */
void picture_set_runs(Picture *picture, JsonObject *history);

/** picture_set_iterations() - Those that "show" returned; borrowed */
void picture_set_iterations(Picture *picture, const char *session,
                            JsonObject *iterations);

/**
 * picture_event() - An event of the protocol; borrowed
 *
 * Return: does the status differ now, so that it should be asked for?
 */
bool picture_event(Picture *picture, JsonObject *event);

/** picture_sessions() - How many are shown */
size_t picture_sessions(const Picture *picture);

/** picture_unseen_session() - A session whose iterations nobody gave yet,
 * NULL: none; borrowed until the next call, marked as asked for */
const char *picture_unseen_session(Picture *picture);

/* What the exporter itself is asked for, beside the picture. */
typedef struct PictureExporter {
    const char *version;
    unsigned streams;
    uint64_t connects, failures;
} PictureExporter;

/**
 * picture_document() - What the page shows
 * @whole: With all time lines, as /status.json; else the last points of them,
 *         as /events
 *
 * Return: a new reference
 */
JsonObject *picture_document(const Picture *picture, bool whole,
                             const PictureExporter *exporter, int64_t now_us);

/** picture_metrics() - Every metric that docs/metrics.md names */
void picture_metrics(const Picture *picture, const PictureExporter *exporter,
                     Prom *prom, int64_t now_us);

#endif
