/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cons-store.c - see cons-store.h
 *
 *   party      a host or a guest by name
 *   sample     (time, party) -> cpu, memory
 *   document   time, kind, plan, guest, JSON
 *
 * Samples are written once a cycle in one transaction, so the rollback journal
 * does, and a reader needs no more than to be allowed to read the file.
 */
#include "store/cons-store.h"

#include <sqlite3.h>
#include <string.h>

#include "store/database-priv.h"

#define DAY_US (INT64_C(86400) * 1000000)

static const char schema[] = "CREATE TABLE party ("
                             " id INTEGER PRIMARY KEY,"
                             " host INTEGER NOT NULL,"
                             " name TEXT NOT NULL,"
                             " UNIQUE (host, name));"
                             "CREATE TABLE sample ("
                             " at_us INTEGER NOT NULL,"
                             " party INTEGER NOT NULL,"
                             " cpu REAL NOT NULL,"
                             " memory_bytes INTEGER NOT NULL,"
                             " PRIMARY KEY (at_us, party)) WITHOUT ROWID;"
                             "CREATE TABLE document ("
                             " id INTEGER PRIMARY KEY,"
                             " at_us INTEGER NOT NULL,"
                             " kind INTEGER NOT NULL,"
                             " plan TEXT NOT NULL,"
                             " guest TEXT,"
                             " json TEXT NOT NULL);"
                             "CREATE INDEX document_time ON document (at_us);"
                             "CREATE INDEX document_plan ON document (plan);"
                             "PRAGMA user_version = 1;"
                             "PRAGMA application_id = 1986881123;"; /* "vmfc" */

static const DatabaseKind cons_history = {
    .name = "consolidation history",
    .quark = store_error_quark,
    .codes = { [DATABASE_ACCESS] = STORE_ERROR_ACCESS,
               [DATABASE_FULL] = STORE_ERROR_ACCESS,
               [DATABASE_CORRUPT] = STORE_ERROR_CORRUPT,
               [DATABASE_FOREIGN] = STORE_ERROR_CORRUPT,
               [DATABASE_NEWER] = STORE_ERROR_NEWER,
               [DATABASE_BUSY] = STORE_ERROR_BUSY,
               [DATABASE_VALUE] = STORE_ERROR_VALUE },
    .mend = "; move the file away and a new one is made",
    .application_id = 0x766d6663, /* "vmfc" */
    .version = 1,
};

struct ConsStore {
    Database database;
    int64_t swept_us; /* when names were last looked through; 0: never */
};

/* --- opening --- */

static ConsStore *
open_with(const char *path, int flags, int64_t *version, GError **error)
{
    g_autoptr(ConsStore) store = g_new0(ConsStore, 1);

    return database_open(&store->database, &cons_history, path, flags, error) &&
                   database_check(&store->database, version, error)
               ? g_steal_pointer(&store)
               : NULL;
}

ConsStore *
cons_store_open(const char *path, GError **error)
{
    int64_t version = 0;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(ConsStore) store = NULL;

    g_mkdir_with_parents(folder, 0750); /* else opening tells why not */
    store = open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                      &version, error);
    if (!store || !database_check_writable(&store->database, error) ||
        (version == 0 && !database_set_up(&store->database, schema, error))) {
        return NULL;
    }
    return g_steal_pointer(&store);
}

ConsStore *
cons_store_open_to_read(const char *path, GError **error)
{
    int64_t version = 0;
    g_autoptr(ConsStore) store = NULL;

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_NONE_YET,
                    "consolidation history %s: there is none yet", path);
        return NULL;
    }
    store = open_with(path, SQLITE_OPEN_READONLY, &version, error);
    if (store && version == 0) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_NONE_YET,
                    "consolidation history %s: there is nothing in it yet",
                    path);
        return NULL;
    }
    return g_steal_pointer(&store);
}

void
cons_store_close(ConsStore *store)
{
    if (store) {
        database_close(&store->database);
        g_free(store);
    }
}

/* --- samples --- */

static bool
party_id(Database *db, const ConsSample *sample, int64_t *id, GError **error)
{
    static const char doing[] = "naming hosts and guests";
    sqlite3_stmt *statement = database_prepare(
        db,
        "INSERT INTO party (host, name) VALUES (?, ?)"
        " ON CONFLICT (host, name) DO UPDATE SET name = name RETURNING id",
        doing, error);
    bool good = statement != NULL;

    if (good) {
        sqlite3_bind_int(statement, 1, sample->host);
        sqlite3_bind_text(statement, 2, sample->name, -1, SQLITE_STATIC);
        good = sqlite3_step(statement) == SQLITE_ROW ||
               database_fail(db, doing, error);
    }
    if (good) {
        *id = sqlite3_column_int64(statement, 0);
        /* what RETURNING began is done when it has been stepped to its end */
        good = sqlite3_step(statement) == SQLITE_DONE ||
               database_fail(db, doing, error);
    }
    sqlite3_finalize(statement);
    return good;
}

static bool
write_samples(Database *db, int64_t at_us, const ConsSample *samples, size_t n,
              GError **error)
{
    static const char doing[] = "writing loads";
    sqlite3_stmt *statement = database_prepare(
        db, "INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?)", doing, error);
    bool good = statement != NULL;

    for (size_t i = 0; good && i < n; i++) {
        int64_t id = 0;

        good = party_id(db, &samples[i], &id, error);
        if (good) {
            sqlite3_bind_int64(statement, 1, at_us);
            sqlite3_bind_int64(statement, 2, id);
            sqlite3_bind_double(statement, 3, samples[i].cpu);
            sqlite3_bind_int64(
                statement, 4, (int64_t)MIN(samples[i].memory_bytes, INT64_MAX));
            good = database_step(db, statement, doing, error);
        }
    }
    sqlite3_finalize(statement);
    return good;
}

static bool
forget(Database *db, const char *sql, int64_t before_us, GError **error)
{
    static const char doing[] = "forgetting what is old";
    sqlite3_stmt *statement = database_prepare(db, sql, doing, error);

    if (!statement) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, before_us);
    return database_finish(db, statement, doing, error);
}

/* Names that no sample has any more go once a day. */
static bool
forget_samples(ConsStore *store, int64_t at_us, int64_t keep_us, GError **error)
{
    Database *db = &store->database;

    if (!forget(db, "DELETE FROM sample WHERE at_us < ?", at_us - keep_us,
                error)) {
        return false;
    }
    if (store->swept_us != 0 && at_us - store->swept_us < DAY_US) {
        return true;
    }
    store->swept_us = at_us;
    return database_execute(db,
                            "DELETE FROM party WHERE id NOT IN"
                            " (SELECT party FROM sample)",
                            "forgetting names", error);
}

bool
cons_store_add_samples(ConsStore *store, int64_t at_us,
                       const ConsSample *samples, size_t n, int64_t keep_us,
                       GError **error)
{
    static const char doing[] = "writing loads";
    Database *db = &store->database;

    if (!database_execute(db, "BEGIN IMMEDIATE", doing, error)) {
        return false;
    }
    if (!write_samples(db, at_us, samples, n, error) ||
        (keep_us > 0 && !forget_samples(store, at_us, keep_us, error)) ||
        !database_execute(db, "COMMIT", doing, error)) {
        database_roll_back(db);
        return false;
    }
    return true;
}

bool
cons_store_samples(ConsStore *store, int64_t from_us, ConsSampleRead read,
                   gpointer user, GError **error)
{
    static const char doing[] = "reading loads";
    Database *db = &store->database;
    sqlite3_stmt *statement = database_prepare(
        db,
        "SELECT at_us, host, name, cpu, memory_bytes FROM sample"
        " JOIN party ON id = party WHERE at_us >= ? ORDER BY at_us, party",
        doing, error);
    int result = SQLITE_DONE;
    bool good = statement != NULL;

    if (!good) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, from_us);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        ConsSample sample = {
            .host = sqlite3_column_int(statement, 1) != 0,
            .name = (const char *)sqlite3_column_text(statement, 2),
            .cpu = sqlite3_column_double(statement, 3),
            .memory_bytes =
                (uint64_t)MAX(sqlite3_column_int64(statement, 4), 0),
        };

        if (sample.name) {
            read(&sample, sqlite3_column_int64(statement, 0), user);
        }
    }
    good = result == SQLITE_DONE || database_fail(db, doing, error);
    sqlite3_finalize(statement);
    return good;
}

/* --- documents --- */

void
cons_document_free(ConsDocument *document)
{
    if (document) {
        g_free(document->plan);
        g_free(document->guest);
        g_free(document->json);
        g_free(document);
    }
}

static bool
write_document(Database *db, const ConsDocument *document, GError **error)
{
    static const char doing[] = "writing a document";
    sqlite3_stmt *statement;

    if (document->kind != CONS_DOCUMENT_STEP) {
        statement = database_prepare(
            db, "DELETE FROM document WHERE plan = ? AND kind = ?", doing,
            error);
        if (!statement) {
            return false;
        }
        sqlite3_bind_text(statement, 1, document->plan, -1, SQLITE_STATIC);
        sqlite3_bind_int(statement, 2, (int)document->kind);
        if (!database_finish(db, statement, doing, error)) {
            return false;
        }
    }
    statement =
        database_prepare(db,
                         "INSERT INTO document (at_us, kind, plan, guest, json)"
                         " VALUES (?, ?, ?, ?, ?)",
                         doing, error);
    if (!statement) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, document->at_us);
    sqlite3_bind_int(statement, 2, (int)document->kind);
    sqlite3_bind_text(statement, 3, document->plan, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, document->guest, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 5, document->json, -1, SQLITE_STATIC);
    return database_finish(db, statement, doing, error);
}

bool
cons_store_add(ConsStore *store, const ConsDocument *document, int64_t keep_us,
               GError **error)
{
    static const char doing[] = "writing a document";
    Database *db = &store->database;

    if (!database_execute(db, "BEGIN IMMEDIATE", doing, error)) {
        return false;
    }
    if (!write_document(db, document, error) ||
        (keep_us > 0 && !forget(db, "DELETE FROM document WHERE at_us < ?",
                                document->at_us - keep_us, error)) ||
        !database_execute(db, "COMMIT", doing, error)) {
        database_roll_back(db);
        return false;
    }
    return true;
}

GPtrArray *
cons_store_read(ConsStore *store, const ConsStoreQuery *query, GError **error)
{
    static const char doing[] = "reading documents";
    Database *db = &store->database;
    sqlite3_stmt *statement =
        database_prepare(db,
                         "SELECT at_us, kind, plan, guest, json FROM document"
                         " WHERE (?1 >> kind) & 1 AND (?2 IS NULL OR plan = ?2)"
                         " AND (?3 IS NULL OR guest = ?3) AND at_us >= ?4"
                         " ORDER BY at_us DESC, id DESC LIMIT ?5",
                         doing, error);
    g_autoptr(GPtrArray) documents =
        g_ptr_array_new_with_free_func((GDestroyNotify)cons_document_free);
    int result = SQLITE_DONE;
    bool good;

    if (!statement) {
        return NULL;
    }
    sqlite3_bind_int64(statement, 1, query->kinds ? query->kinds : UINT32_MAX);
    sqlite3_bind_text(statement, 2, query->plan, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, query->guest, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, query->since_us);
    sqlite3_bind_int64(statement, 5, query->most ? (int64_t)query->most : -1);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        ConsDocument *document = g_new0(ConsDocument, 1);
        int kind = sqlite3_column_int(statement, 1);

        document->at_us = sqlite3_column_int64(statement, 0);
        document->kind = (ConsDocumentKind)CLAMP(kind, 0, CONS_N_DOCUMENTS - 1);
        document->plan =
            g_strdup((const char *)sqlite3_column_text(statement, 2));
        document->guest =
            g_strdup((const char *)sqlite3_column_text(statement, 3));
        document->json =
            g_strdup((const char *)sqlite3_column_text(statement, 4));
        g_ptr_array_add(documents, document);
    }
    good = result == SQLITE_DONE || database_fail(db, doing, error);
    sqlite3_finalize(statement);
    return good ? g_steal_pointer(&documents) : NULL;
}
