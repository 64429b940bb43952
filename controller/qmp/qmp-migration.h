/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-migration.h - QEMU's migration commands and events, typed
 *
 * What this QEMU does not tell is unknown, never zero: fields come and go from
 * one release to the next, and many depend on the status.
 */
#ifndef QMP_MIGRATION_H
#define QMP_MIGRATION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "qmp/qmp-session.h"
#include "sample/sample.h"

typedef enum {
    QMP_MIGRATION_NONE, /* nothing was started, or status is missing */
    QMP_MIGRATION_SETUP,
    QMP_MIGRATION_ACTIVE,   /* pre-copy, also "pre-switchover" and "device" */
    QMP_MIGRATION_POSTCOPY, /* any of its stages */
    QMP_MIGRATION_COMPLETED,
    QMP_MIGRATION_FAILED,
    QMP_MIGRATION_CANCELLING,
    QMP_MIGRATION_CANCELLED,
    QMP_MIGRATION_OTHER, /* a word we do not know: thought to be under way */
    QMP_MIGRATION_N_STATUSES
} QmpMigrationStatus;

QmpMigrationStatus qmp_migration_status(const char *word);

/** qmp_migration_is_over() - Completed, failed or cancelled */
bool qmp_migration_is_over(QmpMigrationStatus status);

typedef struct QmpMigration {
    QmpMigrationStatus status;
    char word[32]; /* QEMU's own, cut if need be; "" if it said none */
    bool sampled;  /* poll holds all that the identity needs */
    SamplePoll poll;
    Known total_ms, setup_ms;
    Known expected_downtime_ms; /* only while under way */
    Known downtime_ms;   /* only once completed, and for a moment not even then:
                          ask again */
    Known total_bytes;   /* of guest memory */
    Known rate_bytes_s;  /* QEMU's, over its last 100 ms */
    Known dirty_pages_s; /* QEMU's, over passes of a second and more */
    Known throttle_percent;
    Known precopy_bytes, downtime_bytes, postcopy_bytes, multifd_bytes;
    Known postcopy_requests;
    Known xbzrle_pages, compressed_pages;
    char *error; /* error-desc; owned, NULL: none */
} QmpMigration;

void qmp_migration_clear(QmpMigration *migration);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QmpMigration, qmp_migration_clear)

/**
 * qmp_migration_parse() - What query-migrate returned
 * @result: The value of "return"
 * @at_us: When it arrived, monotonic
 * @migration: To be cleared with qmp_migration_clear()
 *
 * Return: false with QMP_ERROR_PROTOCOL if it is no object
 */
bool qmp_migration_parse(JsonObject *result, int64_t at_us,
                         QmpMigration *migration, GError **error);

typedef enum {
    QMP_HAPPENING_OTHER,  /* not about a migration */
    QMP_HAPPENING_STATUS, /* MIGRATION */
    QMP_HAPPENING_PASS,   /* MIGRATION_PASS */
    QMP_HAPPENING_STOP,
    QMP_HAPPENING_RESUME,
} QmpHappeningKind;

typedef struct QmpHappening {
    QmpHappeningKind kind;
    QmpMigrationStatus status; /* QMP_HAPPENING_STATUS */
    unsigned pass;             /* QMP_HAPPENING_PASS */
    SampleTold told;           /* ... by a patched QEMU, else all unknown */
    int64_t at_us;             /* QmpEvent.at_us */
} QmpHappening;

/** qmp_migration_event() - Read an event; a broken one is OTHER */
QmpHappening qmp_migration_event(const QmpEvent *event);

/** qmp_migration_tell() - Hand an event on to the sampler it concerns */
void qmp_migration_tell(const QmpHappening *happening, Sampler *sampler);

/** typedef QmpMigrationRead - Answer to qmp_migration_query(); both borrowed,
 * @migration is NULL exactly if @error is set */
typedef void (*QmpMigrationRead)(QmpSession *session,
                                 const QmpMigration *migration,
                                 const GError *error, gpointer user);

/** qmp_migration_query() - query-migrate; rules of qmp_session_command() */
bool qmp_migration_query(QmpSession *session, unsigned timeout_ms,
                         QmpMigrationRead done, gpointer user, GError **error);

/** qmp_migration_set_capability() - migrate-set-capabilities with one.
 * "events" has QEMU send MIGRATION and MIGRATION_PASS (libvirt turns it on). */
bool qmp_migration_set_capability(QmpSession *session, const char *name,
                                  bool on, unsigned timeout_ms, QmpReply done,
                                  gpointer user, GError **error);

/**
 * qmp_migration_set_parameter() - migrate-set-parameters with one
 *
 * Asks query-migrate-parameters first: one that this QEMU does not list is
 * refused by name (QMP_ERROR_COMMAND) and nothing is changed.
 */
bool qmp_migration_set_parameter(QmpSession *session, const char *name,
                                 int64_t value, unsigned timeout_ms,
                                 QmpReply done, gpointer user, GError **error);

/** qmp_migration_start() - migrate to @uri, "tcp:192.0.2.1:49152" */
bool qmp_migration_start(QmpSession *session, const char *uri,
                         unsigned timeout_ms, QmpReply done, gpointer user,
                         GError **error);

/** qmp_migration_cancel() - migrate_cancel */
bool qmp_migration_cancel(QmpSession *session, unsigned timeout_ms,
                          QmpReply done, gpointer user, GError **error);

#endif
