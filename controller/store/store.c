/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store.c - the history of migrations in SQLite
 *
 *   run    one row a migration; id grows with time
 *   point  (run, pass number) -> duration, pages; goes with its run
 *
 * A new file gets the schema; a version above ours is refused before anything
 * is written; one below would be brought up to date step by step in
 * schema_steps.
 *
 * WAL lets somebody read while a migration that ends is written down. Where a
 * file system cannot do that (it needs shared memory), SQLite stays with its
 * rollback journal, which is right too, only slower.
 */
#include "store/store.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "store/database-priv.h"

G_DEFINE_QUARK(vmferry_store_error, store_error)

#define KEPT_RUNS "100"

/* schema_steps[v] brings version v to v + 1. */
static const char *const schema_steps[] = {
    "CREATE TABLE run ("
    " id INTEGER PRIMARY KEY,"
    " guest_uuid TEXT NOT NULL,"
    " guest_name TEXT,"
    " started_us INTEGER NOT NULL,"
    " policy TEXT,"
    " outcome TEXT,"
    " bandwidth_bytes_s REAL,"
    " downtime_limit_s REAL,"
    " total_s REAL,"
    " downtime_s REAL,"
    " bytes REAL,"
    " first_pass_bytes REAL);"
    "CREATE INDEX run_guest ON run (guest_uuid, id);"
    "CREATE TABLE point ("
    " run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " pass INTEGER NOT NULL,"
    " duration_s REAL NOT NULL,"
    " pages REAL NOT NULL,"
    " PRIMARY KEY (run, pass)) WITHOUT ROWID;",
};
#define SCHEMA_VERSION ((int)G_N_ELEMENTS(schema_steps))

static const DatabaseKind history = {
    .name = "history",
    .quark = store_error_quark,
    .codes = { [DATABASE_ACCESS] = STORE_ERROR_ACCESS,
               [DATABASE_FULL] = STORE_ERROR_ACCESS,
               [DATABASE_CORRUPT] = STORE_ERROR_CORRUPT,
               [DATABASE_FOREIGN] = STORE_ERROR_CORRUPT,
               [DATABASE_NEWER] = STORE_ERROR_NEWER,
               [DATABASE_BUSY] = STORE_ERROR_BUSY,
               [DATABASE_VALUE] = STORE_ERROR_VALUE },
    .mend = "; move the file away and a new one is made",
    .application_id = 0x766d6679, /* "vmfy" */
    .version = SCHEMA_VERSION,
};

struct Store {
    Database database;
};

StoreRun *
store_run_new(void)
{
    StoreRun *run = g_new0(StoreRun, 1);

    run->points = g_array_new(FALSE, FALSE, sizeof(StorePoint));
    return run;
}

void
store_run_free(StoreRun *run)
{
    if (!run) {
        return;
    }
    g_free(run->guest_uuid);
    g_free(run->guest_name);
    g_free(run->policy);
    g_free(run->outcome);
    g_array_unref(run->points);
    g_free(run);
}

/* --- small steps --- */

static void
bind_known(sqlite3_stmt *statement, int index, Known value)
{
    if (value.known && isfinite(value.value)) {
        sqlite3_bind_double(statement, index, value.value);
    } else {
        sqlite3_bind_null(statement, index);
    }
}

static Known
column_known(sqlite3_stmt *statement, int index)
{
    return sqlite3_column_type(statement, index) == SQLITE_NULL
               ? unknown()
               : known(sqlite3_column_double(statement, index));
}

static char *
column_text(sqlite3_stmt *statement, int index)
{
    return g_strdup((const char *)sqlite3_column_text(statement, index));
}

/* --- opening --- */

/* Two programs may meet here: the version is read again under the lock. */
static bool
bring_up_to_date(Store *store, GError **error)
{
    static const char doing[] = "setting up";
    int64_t version = 0;
    g_autofree char *stamp = NULL;

    if (!database_execute(&store->database, "BEGIN IMMEDIATE", doing, error)) {
        return false;
    }
    if (!database_check(&store->database, &version, error)) {
        goto failed;
    }
    for (; version < SCHEMA_VERSION; version++) {
        if (!database_execute(&store->database, schema_steps[version], doing,
                              error)) {
            goto failed;
        }
    }
    stamp = g_strdup_printf("PRAGMA user_version = %d;"
                            "PRAGMA application_id = %d",
                            SCHEMA_VERSION, (int)history.application_id);
    if (!database_execute(&store->database, stamp, doing, error) ||
        !database_execute(&store->database, "COMMIT", doing, error)) {
        goto failed;
    }
    return true;

failed:
    database_roll_back(&store->database);
    return false;
}

static Store *
open_with(const char *path, int flags, GError **error)
{
    g_autoptr(Store) store = g_new0(Store, 1);

    return database_open(&store->database, &history, path, flags, error)
               ? g_steal_pointer(&store)
               : NULL;
}

Store *
store_open(const char *path, GError **error)
{
    g_autoptr(Store) store = NULL;
    g_autofree char *folder = g_path_get_dirname(path);
    int64_t version = 0;

    if (g_mkdir_with_parents(folder, 0755) < 0) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_ACCESS,
                    "history %s: making its folder: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    store = open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    /* Before anything is written, also before the journal's mode. */
    if (!store || !database_check(&store->database, &version, error)) {
        return NULL;
    }
    if (!database_check_writable(&store->database, error) ||
        !database_execute(&store->database,
                          "PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = NORMAL;"
                          "PRAGMA foreign_keys = ON",
                          "opening", error) ||
        (version < SCHEMA_VERSION && !bring_up_to_date(store, error))) {
        return NULL;
    }
    return g_steal_pointer(&store);
}

/* Readers of a WAL file write too, into the memory that they share. */
static bool
may_share(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);

    return eaccess(folder, W_OK) == 0 || g_file_test(wal, G_FILE_TEST_EXISTS);
}

/* Where that is not allowed, and nobody has it open, it is read as it lies. */
static Store *
open_as_it_lies(const char *path, GError **error)
{
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    g_autofree char *uri = g_filename_to_uri(full, NULL, NULL);
    g_autofree char *name = g_strconcat(uri, "?immutable=1", NULL);
    Store *store =
        open_with(name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error);

    if (store) {
        g_free(store->database.path);
        store->database.path = g_strdup(path);
    }
    return store;
}

Store *
store_open_to_read(const char *path, GError **error)
{
    g_autoptr(Store) store = NULL;
    int64_t version = 0;

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_NONE_YET,
                    "history %s: there is none yet", path);
        return NULL;
    }
    store = open_with(path, SQLITE_OPEN_READONLY, error);
    if (store && !may_share(path)) {
        g_clear_pointer(&store, store_close);
        store = open_as_it_lies(path, error);
    }
    if (!store || !database_check(&store->database, &version, error)) {
        return NULL;
    }
    if (version < SCHEMA_VERSION) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_NONE_YET,
                    "history %s: there is nothing in it yet", path);
        return NULL;
    }
    return g_steal_pointer(&store);
}

void
store_close(Store *store)
{
    if (!store) {
        return;
    }
    database_close(&store->database);
    g_free(store);
}

/* --- writing --- */

static bool
insert_run(Store *store, const StoreRun *run, GError **error)
{
    static const char doing[] = "writing a run";
    sqlite3_stmt *statement = database_prepare(
        &store->database,
        "INSERT INTO run (guest_uuid, guest_name, started_us, policy, outcome,"
        " bandwidth_bytes_s, downtime_limit_s, total_s, downtime_s, bytes,"
        " first_pass_bytes)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"
        " WHERE NOT EXISTS (SELECT 1 FROM run WHERE guest_uuid = ?1 AND"
        " abs(started_us - ?3) <= ?12)",
        doing, error);

    if (!statement) {
        return false;
    }
    sqlite3_bind_text(statement, 1, run->guest_uuid, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, run->guest_name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, run->started_us);
    sqlite3_bind_text(statement, 4, run->policy, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 5, run->outcome, -1, SQLITE_STATIC);
    bind_known(statement, 6, run->bandwidth_bytes_s);
    bind_known(statement, 7, run->downtime_limit_s);
    bind_known(statement, 8, run->total_s);
    bind_known(statement, 9, run->downtime_s);
    bind_known(statement, 10, run->bytes);
    bind_known(statement, 11, run->first_pass_bytes);
    sqlite3_bind_int64(statement, 12, STORE_SAME_START_US);
    return database_finish(&store->database, statement, doing, error);
}

static bool
insert_points(Store *store, const GArray *points, int64_t id, GError **error)
{
    static const char doing[] = "writing a run's points";
    sqlite3_stmt *statement =
        database_prepare(&store->database,
                         "INSERT INTO point VALUES (?, ?, ?, ?)", doing, error);
    bool done = statement != NULL;

    for (guint i = 0; done && i < points->len; i++) {
        const StorePoint *point = &g_array_index(points, StorePoint, i);

        if (!isfinite(point->duration_s) || !isfinite(point->pages) ||
            point->duration_s <= 0 || point->pages < 0) {
            continue;
        }
        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_int64(statement, 2, i + 1);
        sqlite3_bind_double(statement, 3, point->duration_s);
        sqlite3_bind_double(statement, 4, point->pages);
        done = database_step(&store->database, statement, doing, error);
    }
    sqlite3_finalize(statement);
    return done;
}

static bool
forget_old(Store *store, const char *guest_uuid, GError **error)
{
    static const char doing[] = "forgetting old runs";
    sqlite3_stmt *statement = database_prepare(
        &store->database,
        "DELETE FROM run WHERE guest_uuid = ?1 AND id NOT IN (SELECT "
        "id FROM run WHERE guest_uuid = ?1 ORDER BY id DESC "
        "LIMIT " KEPT_RUNS ")",
        doing, error);

    if (!statement) {
        return false;
    }
    sqlite3_bind_text(statement, 1, guest_uuid, -1, SQLITE_STATIC);
    return database_finish(&store->database, statement, doing, error);
}

bool
store_add(Store *store, const StoreRun *run, GError **error)
{
    static const char doing[] = "writing a run";

    if (!run->guest_uuid || !*run->guest_uuid) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_VALUE,
                    "history %s: a run of a guest without a UUID cannot be "
                    "found again and is not kept",
                    store->database.path);
        return false;
    }
    if (!database_execute(&store->database, "BEGIN IMMEDIATE", doing, error)) {
        return false;
    }
    if (insert_run(store, run, error) &&
        (sqlite3_changes(store->database.db) == 0 ||
         insert_points(store, run->points,
                       sqlite3_last_insert_rowid(store->database.db), error)) &&
        forget_old(store, run->guest_uuid, error) &&
        database_execute(&store->database, "COMMIT", doing, error)) {
        return true;
    }
    database_roll_back(&store->database);
    return false;
}

/* --- reading --- */

static bool
read_points(Store *store, int64_t id, GArray *points, GError **error)
{
    static const char doing[] = "reading a run's points";
    sqlite3_stmt *statement = database_prepare(
        &store->database,
        "SELECT duration_s, pages FROM point WHERE run = ? ORDER BY pass",
        doing, error);
    int result;

    if (!statement) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, id);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        StorePoint point = { sqlite3_column_double(statement, 0),
                             sqlite3_column_double(statement, 1) };

        /* A file is from outside: others may have written to it. */
        if (isfinite(point.duration_s) && point.duration_s > 0 &&
            isfinite(point.pages) && point.pages >= 0) {
            g_array_append_val(points, point);
        }
    }
    if (result != SQLITE_DONE) {
        database_fail(&store->database, doing, error);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE;
}

#define RUN_COLUMNS                                                            \
    "id, guest_uuid, guest_name, started_us, policy, outcome,"                 \
    " bandwidth_bytes_s, downtime_limit_s, total_s, downtime_s, bytes,"        \
    " first_pass_bytes"

/* @sql: with RUN_COLUMNS, ?1 the guest, ?2 how many at most */
static GPtrArray *
read_runs(Store *store, const char *sql, const char *guest, unsigned most,
          GError **error)
{
    static const char doing[] = "reading";
    g_autoptr(GPtrArray) runs =
        g_ptr_array_new_with_free_func((GDestroyNotify)store_run_free);
    sqlite3_stmt *statement =
        database_prepare(&store->database, sql, doing, error);
    bool good = statement != NULL;
    int result;

    if (!good) {
        return NULL;
    }
    sqlite3_bind_text(statement, 1, guest, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, most);
    while (good && (result = sqlite3_step(statement)) != SQLITE_DONE) {
        StoreRun *run;

        if (result != SQLITE_ROW) {
            good = database_fail(&store->database, doing, error);
            break;
        }
        run = store_run_new();
        g_ptr_array_add(runs, run);
        run->guest_uuid = column_text(statement, 1);
        run->guest_name = column_text(statement, 2);
        run->started_us = sqlite3_column_int64(statement, 3);
        run->policy = column_text(statement, 4);
        run->outcome = column_text(statement, 5);
        run->bandwidth_bytes_s = column_known(statement, 6);
        run->downtime_limit_s = column_known(statement, 7);
        run->total_s = column_known(statement, 8);
        run->downtime_s = column_known(statement, 9);
        run->bytes = column_known(statement, 10);
        run->first_pass_bytes = column_known(statement, 11);
        good = read_points(store, sqlite3_column_int64(statement, 0),
                           run->points, error);
    }
    sqlite3_finalize(statement);
    return good ? g_steal_pointer(&runs) : NULL;
}

GPtrArray *
store_runs(Store *store, const char *guest_uuid, unsigned most, GError **error)
{
    return read_runs(store,
                     "SELECT " RUN_COLUMNS
                     " FROM run WHERE guest_uuid = ? ORDER BY id DESC LIMIT ?",
                     guest_uuid, most, error);
}

GPtrArray *
store_latest(Store *store, const char *guest, unsigned most, GError **error)
{
    return read_runs(store,
                     "SELECT " RUN_COLUMNS
                     " FROM run WHERE ?1 IS NULL OR guest_uuid = ?1 OR"
                     " guest_name = ?1 ORDER BY started_us DESC, id DESC"
                     " LIMIT ?2",
                     guest, most, error);
}
