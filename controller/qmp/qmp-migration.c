/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-migration.c - see qmp-migration.h
 */
#include "qmp/qmp-migration.h"

#include <string.h>

#include "base/clock.h"

QmpMigrationStatus
qmp_migration_status(const char *word)
{
    static const struct {
        const char *word;
        QmpMigrationStatus status;
    } words[] = {
        { "none", QMP_MIGRATION_NONE },
        { "setup", QMP_MIGRATION_SETUP },
        { "wait-unplug", QMP_MIGRATION_SETUP },
        { "active", QMP_MIGRATION_ACTIVE },
        { "pre-switchover", QMP_MIGRATION_ACTIVE },
        { "device", QMP_MIGRATION_ACTIVE },
        { "colo", QMP_MIGRATION_ACTIVE },
        { "postcopy-active", QMP_MIGRATION_POSTCOPY },
        { "postcopy-device", QMP_MIGRATION_POSTCOPY },
        { "postcopy-paused", QMP_MIGRATION_POSTCOPY },
        { "postcopy-recover", QMP_MIGRATION_POSTCOPY },
        { "postcopy-recover-setup", QMP_MIGRATION_POSTCOPY },
        { "completed", QMP_MIGRATION_COMPLETED },
        { "failed", QMP_MIGRATION_FAILED },
        { "cancelling", QMP_MIGRATION_CANCELLING },
        { "cancelled", QMP_MIGRATION_CANCELLED },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(word, words[i].word) == 0) {
            return words[i].status;
        }
    }
    return QMP_MIGRATION_OTHER;
}

bool
qmp_migration_is_over(QmpMigrationStatus status)
{
    return status == QMP_MIGRATION_COMPLETED ||
           status == QMP_MIGRATION_FAILED || status == QMP_MIGRATION_CANCELLED;
}

void
qmp_migration_clear(QmpMigration *migration)
{
    g_clear_pointer(&migration->error, g_free);
}

/* The identity needs all of these; none is guessed. */
static bool
read_poll(JsonObject *result, int64_t at_us, SamplePoll *poll)
{
    uint64_t pass, more, overflow = 0;

    poll->at_us = at_us;
    if (!jobj_get_u64(result, "ram.dirty-sync-count", &pass) ||
        !jobj_get_u64(result, "ram.page-size", &poll->page_bytes) ||
        !jobj_get_u64(result, "ram.remaining", &poll->remaining_bytes) ||
        !jobj_get_u64(result, "ram.normal", &poll->normal_pages) ||
        !jobj_get_u64(result, "ram.duplicate", &poll->duplicate_pages) ||
        !jobj_get_u64(result, "ram.transferred", &poll->sent_bytes) ||
        pass > UINT_MAX) {
        return false;
    }
    poll->pass = (unsigned)pass;
    poll->expected_downtime_ms = jobj_get_known(result, "expected-downtime");
    /* these two stand beside "ram" and only where they are in use */
    if (jobj_get_u64(result, "xbzrle-cache.pages", &more)) {
        jobj_get_u64(result, "xbzrle-cache.overflow", &overflow);
        poll->other_pages += more - MIN(overflow, more);
    }
    if (jobj_get_u64(result, "compression.pages", &more)) {
        poll->other_pages += more;
    }
    if (jobj_get_u64(result, "cpu-throttle-percentage", &more)) {
        poll->throttle_percent = (unsigned)MIN(more, 100);
    }
    return true;
}

bool
qmp_migration_parse(JsonObject *result, int64_t at_us, QmpMigration *migration,
                    GError **error)
{
    const char *text;
    double mbps;

    if (!json_object_is_type(result, json_type_object)) {
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                            "query-migrate returned no object");
        return false;
    }
    *migration = (QmpMigration){ .status = QMP_MIGRATION_NONE };
    if (jobj_get_string(result, "status", &text)) {
        migration->status = qmp_migration_status(text);
        g_strlcpy(migration->word, text, sizeof(migration->word));
    }
    if (jobj_get_string(result, "error-desc", &text)) {
        migration->error = g_strdup(text);
    }
    migration->sampled = read_poll(result, at_us, &migration->poll);
    migration->total_ms = jobj_get_known(result, "total-time");
    migration->setup_ms = jobj_get_known(result, "setup-time");
    migration->expected_downtime_ms =
        jobj_get_known(result, "expected-downtime");
    migration->downtime_ms = jobj_get_known(result, "downtime");
    /* QEMU sends "completed" a moment before it works the times out */
    if (migration->status == QMP_MIGRATION_COMPLETED &&
        known_or(migration->total_ms, 1) <= 0) {
        migration->total_ms = unknown();
        migration->downtime_ms = unknown();
    }
    migration->total_bytes = jobj_get_known(result, "ram.total");
    if (jobj_get_double(result, "ram.mbps", &mbps)) {
        migration->rate_bytes_s = known(mbps * 1e6 / 8);
    }
    migration->dirty_pages_s = jobj_get_known(result, "ram.dirty-pages-rate");
    migration->throttle_percent =
        jobj_get_known(result, "cpu-throttle-percentage");
    migration->precopy_bytes = jobj_get_known(result, "ram.precopy-bytes");
    migration->downtime_bytes = jobj_get_known(result, "ram.downtime-bytes");
    migration->postcopy_bytes = jobj_get_known(result, "ram.postcopy-bytes");
    migration->multifd_bytes = jobj_get_known(result, "ram.multifd-bytes");
    migration->postcopy_requests =
        jobj_get_known(result, "ram.postcopy-requests");
    migration->xbzrle_pages = jobj_get_known(result, "xbzrle-cache.pages");
    migration->compressed_pages = jobj_get_known(result, "compression.pages");
    return true;
}

QmpHappening
qmp_migration_event(const QmpEvent *event)
{
    QmpHappening happening = { .kind = QMP_HAPPENING_OTHER,
                               .at_us = event->at_us };
    const char *word;
    uint64_t pass;

    if (strcmp(event->name, "MIGRATION") == 0) {
        if (jobj_get_string(event->data, "status", &word)) {
            happening.kind = QMP_HAPPENING_STATUS;
            happening.status = qmp_migration_status(word);
        }
    } else if (strcmp(event->name, "MIGRATION_PASS") == 0) {
        if (jobj_get_u64(event->data, "pass", &pass) && pass <= UINT_MAX) {
            happening.kind = QMP_HAPPENING_PASS;
            happening.pass = (unsigned)pass;
            sample_told_read(event->data, &happening.told);
        }
    } else if (strcmp(event->name, "STOP") == 0) {
        happening.kind = QMP_HAPPENING_STOP;
    } else if (strcmp(event->name, "RESUME") == 0) {
        happening.kind = QMP_HAPPENING_RESUME;
    }
    return happening;
}

void
qmp_migration_tell(const QmpHappening *happening, Sampler *sampler)
{
    switch (happening->kind) {
    case QMP_HAPPENING_PASS:
        sampler_pass_told(sampler, happening->pass, happening->at_us,
                          &happening->told);
        break;
    case QMP_HAPPENING_STOP:
        sampler_stopped(sampler, happening->at_us);
        break;
    case QMP_HAPPENING_RESUME:
        sampler_resumed(sampler);
        break;
    case QMP_HAPPENING_STATUS:
    case QMP_HAPPENING_OTHER:
        break;
    }
}

typedef struct {
    QmpMigrationRead done;
    gpointer user;
} Query;

static void
query_done(QmpSession *session, JsonObject *result, const GError *error,
           gpointer user)
{
    g_autofree Query *query = user;
    g_auto(QmpMigration) migration = { 0 };
    g_autoptr(GError) broken = NULL;

    if (error) {
        query->done(session, NULL, error, query->user);
    } else if (!qmp_migration_parse(result, clock_mono_us(), &migration,
                                    &broken)) {
        query->done(session, NULL, broken, query->user);
    } else {
        query->done(session, &migration, NULL, query->user);
    }
}

bool
qmp_migration_query(QmpSession *session, unsigned timeout_ms,
                    QmpMigrationRead done, gpointer user, GError **error)
{
    g_autofree Query *query = g_new(Query, 1);

    *query = (Query){ done, user };
    if (!qmp_session_command(session, "query-migrate", NULL, timeout_ms,
                             query_done, query, error)) {
        return false;
    }
    (void)g_steal_pointer(&query);
    return true;
}

bool
qmp_migration_set_capability(QmpSession *session, const char *name, bool on,
                             unsigned timeout_ms, QmpReply done, gpointer user,
                             GError **error)
{
    JsonObject *arguments = json_object_new_object();
    JsonObject *list = json_object_new_array();
    JsonObject *one = json_object_new_object();

    jobj_add_string(one, "capability", name);
    jobj_add_bool(one, "state", on);
    json_object_array_add(list, one);
    jobj_add(arguments, "capabilities", list);
    return qmp_session_command(session, "migrate-set-capabilities", arguments,
                               timeout_ms, done, user, error);
}

typedef struct {
    char *name;
    int64_t value;
    unsigned timeout_ms;
    QmpReply done;
    gpointer user;
} Setting;

static void
setting_free(Setting *setting)
{
    g_free(setting->name);
    g_free(setting);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Setting, setting_free)

static void
parameters_listed(QmpSession *session, JsonObject *result, const GError *error,
                  gpointer user)
{
    g_autoptr(Setting) setting = user;
    g_autoptr(GError) refused = NULL;

    if (!error && !jobj_get(result, setting->name)) {
        refused = g_error_new(QMP_ERROR, QMP_ERROR_COMMAND,
                              "QMP migrate-set-parameters: this QEMU has no "
                              "parameter '%s'",
                              setting->name);
        error = refused;
    }
    if (!error) {
        JsonObject *arguments = json_object_new_object();

        jobj_add_i64(arguments, setting->name, setting->value);
        if (qmp_session_command(session, "migrate-set-parameters", arguments,
                                setting->timeout_ms, setting->done,
                                setting->user, &refused)) {
            return;
        }
        error = refused;
    }
    if (setting->done) {
        setting->done(session, NULL, error, setting->user);
    }
}

bool
qmp_migration_set_parameter(QmpSession *session, const char *name,
                            int64_t value, unsigned timeout_ms, QmpReply done,
                            gpointer user, GError **error)
{
    g_autoptr(Setting) setting = g_new(Setting, 1);

    *setting = (Setting){ g_strdup(name), value, timeout_ms, done, user };
    if (!qmp_session_command(session, "query-migrate-parameters", NULL,
                             timeout_ms, parameters_listed, setting, error)) {
        return false;
    }
    (void)g_steal_pointer(&setting);
    return true;
}

bool
qmp_migration_start(QmpSession *session, const char *uri, unsigned timeout_ms,
                    QmpReply done, gpointer user, GError **error)
{
    JsonObject *arguments = json_object_new_object();

    jobj_add_string(arguments, "uri", uri);
    return qmp_session_command(session, "migrate", arguments, timeout_ms, done,
                               user, error);
}

bool
qmp_migration_cancel(QmpSession *session, unsigned timeout_ms, QmpReply done,
                     gpointer user, GError **error)
{
    return qmp_session_command(session, "migrate_cancel", NULL, timeout_ms,
                               done, user, error);
}
