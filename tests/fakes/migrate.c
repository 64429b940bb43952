/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate.c - see migrate.h
 *
 *   ready -> events on -> limit of pass 1 -> cont -> guest is ready -> migrate
 *   MIGRATION_PASS k -> polls -> row k-1 -> limit of pass k
 *   completed -> one more poll -> quit -> QEMU closes
 */
#include "migrate.h"

#include "base/clock.h"

#define TIMEOUT_MS 60000 /* a blackout is far shorter */

struct Migrate {
    MigrateSetup setup;
    QmpSession *session;
    Sampler *sampler;
    GArray *rows;
    GString *transcript;
    QmpMigration final;
    char *why;
    unsigned polls_left;
    unsigned timer;
    bool timed_poll; /* one is under way */
    bool guest_ready, limit_set, completed, asked_final, quitting, ended;
    GRand *rand;
};

static void
give_up(Migrate *migrate, const char *what, const char *why)
{
    if (!migrate->why) {
        migrate->why = g_strdup_printf("%s: %s", what, why);
    }
    qmp_session_close(migrate->session);
}

/* For commands of which only a failure matters. */
static void
must(QmpSession *session, JsonObject *result, const GError *error,
     gpointer user)
{
    Migrate *migrate = user;

    if (error && !migrate->quitting && !migrate->ended) {
        give_up(migrate, "command", error->message);
    }
}

#define LIFTED_BYTES_S (INT64_C(1) << 30)

static void
set_limit(Migrate *migrate, int64_t limit_bytes_s, QmpReply done)
{
    qmp_migration_set_parameter(migrate->session, "max-bandwidth",
                                limit_bytes_s, TIMEOUT_MS, done, migrate, NULL);
}

static void
collect(Migrate *migrate)
{
    SampleRow row;

    while (sampler_take(migrate->sampler, &row)) {
        g_array_append_val(migrate->rows, row);
        if (migrate->completed || row.final || !row.dirty_pages.known) {
            continue;
        }
        if (row.iter >= migrate->setup.passes) {
            set_limit(migrate, LIFTED_BYTES_S, must);
        } else {
            set_limit(migrate,
                      (int64_t)(row.dirty_pages.value * (double)row.page_bytes /
                                migrate->setup.pass_s),
                      must);
        }
    }
}

static void poll_now(Migrate *migrate, QmpMigrationRead done);

static void
quit(Migrate *migrate)
{
    migrate->quitting = true;
    qmp_session_command(migrate->session, "quit", NULL, TIMEOUT_MS, must,
                        migrate, NULL);
}

static void
polled(QmpSession *session, const QmpMigration *read, const GError *error,
       gpointer user)
{
    Migrate *migrate = user;

    if (migrate->ended || migrate->quitting) {
        return;
    }
    if (error) {
        give_up(migrate, "poll", error->message);
        return;
    }
    if (read->sampled && (read->status == QMP_MIGRATION_ACTIVE ||
                          read->status == QMP_MIGRATION_COMPLETED)) {
        sampler_poll(migrate->sampler, &read->poll);
    }
    if (read->status == QMP_MIGRATION_FAILED) {
        give_up(migrate, "migration", read->error ? read->error : "failed");
    } else if (migrate->asked_final) {
        if (read->status == QMP_MIGRATION_COMPLETED &&
            !read->downtime_ms.known) {
            poll_now(migrate, polled);
        } else if (read->status == QMP_MIGRATION_COMPLETED) {
            migrate->final = *read;
            migrate->final.error = NULL;
            sampler_finish(migrate->sampler, read->poll.at_us,
                           known((double)read->poll.sent_bytes));
            quit(migrate);
        }
    } else if (migrate->polls_left > 0) {
        migrate->polls_left--;
        poll_now(migrate, polled);
    }
    collect(migrate);
}

static void
timed_polled(QmpSession *session, const QmpMigration *read, const GError *error,
             gpointer user)
{
    Migrate *migrate = user;

    migrate->timed_poll = false;
    if (read && read->sampled && read->status == QMP_MIGRATION_ACTIVE) {
        sampler_poll(migrate->sampler, &read->poll);
        collect(migrate);
    }
}

static void
poll_now(Migrate *migrate, QmpMigrationRead done)
{
    qmp_migration_query(migrate->session, TIMEOUT_MS, done, migrate, NULL);
}

static gboolean
on_timer(gpointer user)
{
    Migrate *migrate = user;
    unsigned every_ms = migrate->setup.poll_every_ms;

    if (!migrate->timed_poll && !migrate->completed && !migrate->ended) {
        migrate->timed_poll = true;
        poll_now(migrate, timed_polled);
    }
    migrate->timer = g_timeout_add(
        (guint)g_rand_int_range(migrate->rand, (gint32)(every_ms / 4),
                                (gint32)(every_ms * 2)),
        on_timer, migrate);
    return G_SOURCE_REMOVE;
}

static void
start_if_ready(Migrate *migrate)
{
    if (!migrate->guest_ready || !migrate->limit_set) {
        return;
    }
    qmp_migration_start(migrate->session, migrate->setup.uri, TIMEOUT_MS, must,
                        migrate, NULL);
    if (migrate->setup.poll_every_ms > 0) {
        on_timer(migrate);
    }
}

static void
limit_is_set(QmpSession *session, JsonObject *result, const GError *error,
             gpointer user)
{
    Migrate *migrate = user;

    if (error) {
        give_up(migrate, "limit", error->message);
        return;
    }
    migrate->limit_set = true;
    if (!migrate->guest_ready) {
        qmp_session_command(session, "cont", NULL, TIMEOUT_MS, must, migrate,
                            NULL);
    }
    start_if_ready(migrate);
}

static void
events_are_on(QmpSession *session, JsonObject *result, const GError *error,
              gpointer user)
{
    Migrate *migrate = user;

    if (error) {
        give_up(migrate, "events", error->message);
        return;
    }
    set_limit(migrate, (int64_t)migrate->setup.first_limit_bytes_s,
              limit_is_set);
}

static void
on_state(QmpSession *session, QmpState state, const GError *why, gpointer user)
{
    Migrate *migrate = user;

    if (state == QMP_READY) {
        qmp_migration_set_capability(session, "events", true, TIMEOUT_MS,
                                     events_are_on, migrate, NULL);
    } else if (state == QMP_CLOSED) {
        if (!migrate->quitting && !migrate->why) {
            migrate->why = g_strdup(why->message);
        }
        migrate->ended = true;
    }
}

static void
on_event(QmpSession *session, const QmpEvent *event, gpointer user)
{
    Migrate *migrate = user;
    QmpHappening happening = qmp_migration_event(event);

    if (!migrate->guest_ready &&
        g_strcmp0(event->name, migrate->setup.start_at) == 0) {
        migrate->guest_ready = true;
        start_if_ready(migrate);
        return;
    }
    qmp_migration_tell(&happening, migrate->sampler);
    if (happening.kind == QMP_HAPPENING_PASS && !migrate->completed) {
        if (migrate->setup.polls_per_pass > 0) {
            migrate->polls_left = migrate->setup.polls_per_pass - 1;
            poll_now(migrate, polled);
        }
    } else if (happening.kind == QMP_HAPPENING_STATUS &&
               qmp_migration_is_over(happening.status)) {
        migrate->completed = true;
        migrate->asked_final = true;
        poll_now(migrate, polled);
    }
}

static void
on_trace(QmpSession *session, bool to_qemu, const char *text, gpointer user)
{
    Migrate *migrate = user;

    if (migrate->transcript) {
        g_string_append_printf(migrate->transcript, "%c %s\n",
                               to_qemu ? '>' : '<', text);
    }
}

Migrate *
migrate_new(QmpTransport *transport, const MigrateSetup *setup)
{
    Migrate *migrate = g_new0(Migrate, 1);
    QmpHandlers handlers = { on_state, on_event, on_trace, migrate };

    migrate->setup = *setup;
    migrate->guest_ready = !setup->start_at;
    migrate->sampler = sampler_new(SAMPLE_SOURCE_QMP);
    migrate->rows = g_array_new(FALSE, FALSE, sizeof(SampleRow));
    migrate->rand = g_rand_new_with_seed(1);
    migrate->session = qmp_session_new(transport, &handlers);
    return migrate;
}

void
migrate_free(Migrate *migrate)
{
    if (migrate->timer) {
        g_source_remove(migrate->timer);
    }
    migrate->ended = true;
    qmp_session_unref(migrate->session);
    sampler_free(migrate->sampler);
    g_array_unref(migrate->rows);
    g_rand_free(migrate->rand);
    g_free(migrate->why);
    g_free(migrate);
}

void
migrate_record(Migrate *migrate, GString *transcript)
{
    migrate->transcript = transcript;
}

QmpSession *
migrate_session(Migrate *migrate)
{
    return migrate->session;
}

bool
migrate_ended(const Migrate *migrate, const char **why)
{
    *why = migrate->why;
    return migrate->ended;
}

const GArray *
migrate_rows(const Migrate *migrate)
{
    return migrate->rows;
}

const QmpMigration *
migrate_final(const Migrate *migrate)
{
    return &migrate->final;
}
