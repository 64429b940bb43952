/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * traffic-store.c - see traffic-store.h
 *
 *   matrix   a period; id grows with time
 *   class    (matrix, class) -> sums, and what of them has no row
 *   source   (matrix, number) -> device, drops
 *   party    an end of traffic by kind and name, whenever it was seen
 *   pair     (matrix, from, to) -> counts
 *   guest    (matrix, party) -> sums of a guest
 *
 * Written every few minutes by one program, so the rollback journal does: a
 * reader needs no more than to be allowed to read the file. Parties that no
 * matrix names any more go once a day of matrices.
 */
#include "store/traffic-store.h"

#include <sqlite3.h>
#include <string.h>

#include "store/database-priv.h"

#define DAY_US (INT64_C(86400) * 1000000)

static const char schema[] =
    "CREATE TABLE matrix ("
    " id INTEGER PRIMARY KEY,"
    " from_us INTEGER NOT NULL,"
    " to_us INTEGER NOT NULL,"
    " period_us INTEGER NOT NULL,"
    " sampled_1_in INTEGER NOT NULL,"
    " not_understood INTEGER NOT NULL,"
    " late INTEGER NOT NULL,"
    " absent_bytes INTEGER NOT NULL,"
    " incomplete TEXT);"
    "CREATE INDEX matrix_time ON matrix (from_us);"
    "CREATE TABLE class ("
    " matrix INTEGER NOT NULL REFERENCES matrix ON DELETE CASCADE,"
    " class INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, packets INTEGER NOT NULL,"
    " tail_bytes INTEGER NOT NULL, tail_packets INTEGER NOT NULL,"
    " PRIMARY KEY (matrix, class)) WITHOUT ROWID;"
    "CREATE TABLE source ("
    " matrix INTEGER NOT NULL REFERENCES matrix ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " dropped INTEGER, interface_dropped INTEGER,"
    " PRIMARY KEY (matrix, number)) WITHOUT ROWID;"
    "CREATE TABLE party ("
    " id INTEGER PRIMARY KEY,"
    " kind TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " UNIQUE (kind, name));"
    "CREATE TABLE pair ("
    " matrix INTEGER NOT NULL REFERENCES matrix ON DELETE CASCADE,"
    " a INTEGER NOT NULL, b INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, packets INTEGER NOT NULL,"
    " missing_bytes INTEGER NOT NULL, error_bytes INTEGER NOT NULL,"
    " PRIMARY KEY (matrix, a, b)) WITHOUT ROWID;"
    "CREATE TABLE guest ("
    " matrix INTEGER NOT NULL REFERENCES matrix ON DELETE CASCADE,"
    " party INTEGER NOT NULL,"
    " sent_bytes INTEGER NOT NULL, sent_packets INTEGER NOT NULL,"
    " received_bytes INTEGER NOT NULL, received_packets INTEGER NOT NULL,"
    " PRIMARY KEY (matrix, party)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;"
    "PRAGMA application_id = 1986881140;"; /* "vmft" */

static const DatabaseKind traffic_history = {
    .name = "traffic history",
    .quark = store_error_quark,
    .codes = { [DATABASE_ACCESS] = STORE_ERROR_ACCESS,
               [DATABASE_FULL] = STORE_ERROR_ACCESS,
               [DATABASE_CORRUPT] = STORE_ERROR_CORRUPT,
               [DATABASE_FOREIGN] = STORE_ERROR_CORRUPT,
               [DATABASE_NEWER] = STORE_ERROR_NEWER,
               [DATABASE_BUSY] = STORE_ERROR_BUSY,
               [DATABASE_VALUE] = STORE_ERROR_VALUE },
    .mend = "; move the file away and a new one is made",
    .application_id = 0x766d6674, /* "vmft" */
    .version = 1,
};

struct TrafficStore {
    Database database;
    int64_t swept_us; /* when parties were last looked through */
};

/* --- opening --- */

static TrafficStore *
open_with(const char *path, int flags, int64_t *version, GError **error)
{
    g_autoptr(TrafficStore) store = g_new0(TrafficStore, 1);

    store->swept_us = INT64_MIN;
    return database_open(&store->database, &traffic_history, path, flags,
                         error) &&
                   database_check(&store->database, version, error)
               ? g_steal_pointer(&store)
               : NULL;
}

TrafficStore *
traffic_store_open(const char *path, GError **error)
{
    int64_t version = 0;
    g_autoptr(TrafficStore) store = open_with(
        path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &version, error);

    if (!store || !database_check_writable(&store->database, error) ||
        (version == 0 && !database_set_up(&store->database, schema, error)) ||
        !database_execute(&store->database, "PRAGMA foreign_keys = ON",
                          "opening", error)) {
        return NULL;
    }
    return g_steal_pointer(&store);
}

TrafficStore *
traffic_store_open_to_read(const char *path, GError **error)
{
    int64_t version = 0;
    g_autoptr(TrafficStore) store = NULL;

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_NONE_YET,
                    "traffic history %s: there is none yet", path);
        return NULL;
    }
    store = open_with(path, SQLITE_OPEN_READONLY, &version, error);
    if (store && version == 0) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_NONE_YET,
                    "traffic history %s: there is nothing in it yet", path);
        return NULL;
    }
    return g_steal_pointer(&store);
}

void
traffic_store_close(TrafficStore *store)
{
    if (store) {
        database_close(&store->database);
        g_free(store);
    }
}

/* --- writing --- */

/* Counts of 63 bits are what SQLite has; nothing here comes near. */
static void
bind_u64(sqlite3_stmt *statement, int index, uint64_t value)
{
    sqlite3_bind_int64(statement, index, (int64_t)MIN(value, INT64_MAX));
}

static bool
insert_matrix(Database *db, const TrafficSummary *summary, int64_t *id,
              GError **error)
{
    static const char doing[] = "writing a matrix";
    sqlite3_stmt *statement = database_prepare(
        db,
        "INSERT INTO matrix (from_us, to_us, period_us, sampled_1_in,"
        " not_understood, late, absent_bytes, incomplete)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        doing, error);

    if (!statement) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, summary->from_us);
    sqlite3_bind_int64(statement, 2, summary->to_us);
    sqlite3_bind_int64(statement, 3, summary->period_us);
    sqlite3_bind_int64(statement, 4, summary->sampled_1_in);
    bind_u64(statement, 5, summary->not_understood);
    bind_u64(statement, 6, summary->late);
    bind_u64(statement, 7, summary->absent_bytes);
    sqlite3_bind_text(statement, 8, summary->incomplete, -1, SQLITE_STATIC);
    if (!database_finish(db, statement, doing, error)) {
        return false;
    }
    *id = sqlite3_last_insert_rowid(db->db);
    return true;
}

static bool
insert_classes(Database *db, const TrafficSummary *summary, int64_t id,
               GError **error)
{
    static const char doing[] = "writing a matrix's sums";
    sqlite3_stmt *statement = database_prepare(
        db, "INSERT INTO class VALUES (?, ?, ?, ?, ?, ?)", doing, error);
    bool done = statement != NULL;

    for (int c = 0; done && c < TRAFFIC_N_CLASSES; c++) {
        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_int(statement, 2, c);
        bind_u64(statement, 3, summary->by_class[c].bytes);
        bind_u64(statement, 4, summary->by_class[c].packets);
        bind_u64(statement, 5, summary->tail[c].bytes);
        bind_u64(statement, 6, summary->tail[c].packets);
        done = database_step(db, statement, doing, error);
    }
    sqlite3_finalize(statement);
    return done;
}

static bool
insert_sources(Database *db, const TrafficSummary *summary, int64_t id,
               GError **error)
{
    static const char doing[] = "writing a matrix's sources";
    sqlite3_stmt *statement = database_prepare(
        db, "INSERT INTO source VALUES (?, ?, ?, ?, ?)", doing, error);
    bool done = statement != NULL;

    for (guint i = 0; done && i < summary->sources->len; i++) {
        const TrafficSource *source = summary->sources->pdata[i];

        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_int64(statement, 2, i);
        sqlite3_bind_text(statement, 3, source->name, -1, SQLITE_STATIC);
        sqlite3_bind_null(statement, 4);
        sqlite3_bind_null(statement, 5);
        if (source->counts_drops) {
            bind_u64(statement, 4, source->dropped);
            bind_u64(statement, 5, source->interface_dropped);
        }
        done = database_step(db, statement, doing, error);
    }
    sqlite3_finalize(statement);
    return done;
}

/* What a matrix is written with. */
typedef struct Writer {
    Database *db;
    const TrafficGuests *guests;
    int64_t id;
    sqlite3_stmt *enter, *find; /* a party */
} Writer;

static bool
party_of(Writer *writer, const TrafficEnd *end, int64_t *party, GError **error)
{
    static const char doing[] = "writing who a matrix is of";
    g_autofree char *name = traffic_end_text(writer->guests, end);
    const char *kind = traffic_end_kind_name((TrafficEndKind)end->kind);
    sqlite3_stmt *both[] = { writer->enter, writer->find };
    bool found;

    for (int i = 0; i < 2; i++) {
        sqlite3_bind_text(both[i], 1, kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(both[i], 2, name, -1, SQLITE_TRANSIENT);
    }
    found = sqlite3_step(writer->find) == SQLITE_ROW;
    if (!found) {
        sqlite3_reset(writer->find);
        if (!database_step(writer->db, writer->enter, doing, error)) {
            return false;
        }
        found = sqlite3_step(writer->find) == SQLITE_ROW;
    }
    if (found) {
        *party = sqlite3_column_int64(writer->find, 0);
    } else {
        database_fail(writer->db, doing, error);
    }
    sqlite3_reset(writer->find);
    return found;
}

static bool
insert_pairs(Writer *writer, const TrafficSummary *summary, GError **error)
{
    static const char doing[] = "writing a matrix's pairs";
    sqlite3_stmt *statement = database_prepare(
        writer->db, "INSERT INTO pair VALUES (?, ?, ?, ?, ?, ?, ?)", doing,
        error);
    bool done = statement != NULL;

    for (guint i = 0; done && i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        int64_t from, to;

        done = party_of(writer, &row->from, &from, error) &&
               party_of(writer, &row->to, &to, error);
        if (done) {
            sqlite3_bind_int64(statement, 1, writer->id);
            sqlite3_bind_int64(statement, 2, from);
            sqlite3_bind_int64(statement, 3, to);
            bind_u64(statement, 4, row->sum.bytes);
            bind_u64(statement, 5, row->sum.packets);
            bind_u64(statement, 6, row->missing_bytes);
            bind_u64(statement, 7, row->error_bytes);
            done = database_step(writer->db, statement, doing, error);
        }
    }
    sqlite3_finalize(statement);
    return done;
}

static bool
insert_guests(Writer *writer, const TrafficSummary *summary, GError **error)
{
    static const char doing[] = "writing a matrix's guests";
    sqlite3_stmt *statement = database_prepare(
        writer->db, "INSERT INTO guest VALUES (?, ?, ?, ?, ?, ?)", doing,
        error);
    bool done = statement != NULL;

    for (guint i = 0; done && i < summary->sent->len; i++) {
        const TrafficSum *sent = &g_array_index(summary->sent, TrafficSum, i);
        const TrafficSum *received =
            &g_array_index(summary->received, TrafficSum, i);
        const TrafficEnd end = { .kind = TRAFFIC_END_GUEST, .number = i };
        int64_t party;

        if (sent->packets + received->packets == 0) {
            continue;
        }
        done = party_of(writer, &end, &party, error);
        if (done) {
            sqlite3_bind_int64(statement, 1, writer->id);
            sqlite3_bind_int64(statement, 2, party);
            bind_u64(statement, 3, sent->bytes);
            bind_u64(statement, 4, sent->packets);
            bind_u64(statement, 5, received->bytes);
            bind_u64(statement, 6, received->packets);
            done = database_step(writer->db, statement, doing, error);
        }
    }
    sqlite3_finalize(statement);
    return done;
}

static bool
insert_parties(Database *db, const TrafficSummary *summary, int64_t id,
               GError **error)
{
    static const char doing[] = "writing who a matrix is of";
    Writer writer = { .db = db, .guests = summary->guests, .id = id };
    bool done;

    writer.enter = database_prepare(
        db, "INSERT INTO party (kind, name) VALUES (?, ?)", doing, error);
    writer.find =
        writer.enter
            ? database_prepare(
                  db, "SELECT id FROM party WHERE kind = ? AND name = ?", doing,
                  error)
            : NULL;
    done = writer.find && insert_pairs(&writer, summary, error) &&
           insert_guests(&writer, summary, error);
    sqlite3_finalize(writer.enter);
    sqlite3_finalize(writer.find);
    return done;
}

static bool
forget_old(TrafficStore *store, int64_t before_us, GError **error)
{
    static const char doing[] = "forgetting old matrices";
    Database *db = &store->database;
    sqlite3_stmt *statement = database_prepare(
        db, "DELETE FROM matrix WHERE to_us < ?", doing, error);

    if (!statement) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, before_us);
    if (!database_finish(db, statement, doing, error)) {
        return false;
    }
    if (store->swept_us != INT64_MIN && before_us - store->swept_us < DAY_US) {
        return true;
    }
    store->swept_us = before_us;
    return database_execute(db,
                            "DELETE FROM party WHERE id NOT IN"
                            " (SELECT a FROM pair UNION SELECT b FROM pair"
                            " UNION SELECT party FROM guest)",
                            doing, error);
}

bool
traffic_store_add(TrafficStore *store, const TrafficSummary *summary,
                  int64_t keep_us, GError **error)
{
    static const char doing[] = "writing a matrix";
    Database *db = &store->database;
    int64_t id = 0;

    if (!database_execute(db, "BEGIN IMMEDIATE", doing, error)) {
        return false;
    }
    if (!insert_matrix(db, summary, &id, error) ||
        !insert_classes(db, summary, id, error) ||
        !insert_sources(db, summary, id, error) ||
        !insert_parties(db, summary, id, error) ||
        (keep_us > 0 && !forget_old(store, summary->to_us - keep_us, error)) ||
        !database_execute(db, "COMMIT", doing, error)) {
        database_roll_back(db);
        return false;
    }
    return true;
}

/* --- reading --- */

static const char reading[] = "reading matrices";

static uint64_t
column_u64(sqlite3_stmt *statement, int index)
{
    return (uint64_t)MAX(sqlite3_column_int64(statement, index), 0);
}

static const char *
column_text(sqlite3_stmt *statement, int index)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);

    return text ? text : "";
}

/* Rows of one matrix, each handed to @take. */
static bool
read_rows(Database *db, const char *sql, int64_t id, TrafficSummary *summary,
          bool (*take)(sqlite3_stmt *row, TrafficSummary *summary,
                       GError **error),
          GError **error)
{
    sqlite3_stmt *statement = database_prepare(db, sql, reading, error);
    bool good = statement != NULL;
    int result = SQLITE_DONE;

    if (good) {
        sqlite3_bind_int64(statement, 1, id);
        while (good && (result = sqlite3_step(statement)) == SQLITE_ROW) {
            good = take(statement, summary, error);
        }
        if (good && result != SQLITE_DONE) {
            good = database_fail(db, reading, error);
        }
    }
    sqlite3_finalize(statement);
    return good;
}

static bool
take_class(sqlite3_stmt *row, TrafficSummary *summary, GError **error)
{
    int64_t c = sqlite3_column_int64(row, 0);

    if (c >= 0 && c < TRAFFIC_N_CLASSES) {
        summary->by_class[c] =
            (TrafficSum){ column_u64(row, 1), column_u64(row, 2) };
        summary->tail[c] =
            (TrafficSum){ column_u64(row, 3), column_u64(row, 4) };
        summary->total.bytes += summary->by_class[c].bytes;
        summary->total.packets += summary->by_class[c].packets;
    }
    return true;
}

static bool
take_source(sqlite3_stmt *row, TrafficSummary *summary, GError **error)
{
    TrafficSource *source =
        traffic_summary_add_source(summary, column_text(row, 0));

    source->counts_drops = sqlite3_column_type(row, 1) != SQLITE_NULL;
    source->dropped = column_u64(row, 1);
    source->interface_dropped = column_u64(row, 2);
    return true;
}

static bool
take_pair(sqlite3_stmt *row, TrafficSummary *summary, GError **error)
{
    TrafficRow pair = {
        .sum = { column_u64(row, 4), column_u64(row, 5) },
        .missing_bytes = column_u64(row, 6),
        .error_bytes = column_u64(row, 7),
    };

    if (!traffic_end_read(summary->guests, column_text(row, 0),
                          column_text(row, 1), &pair.from, error) ||
        !traffic_end_read(summary->guests, column_text(row, 2),
                          column_text(row, 3), &pair.to, error)) {
        return false;
    }
    g_array_append_val(summary->rows, pair);
    return true;
}

static bool
take_guest(sqlite3_stmt *row, TrafficSummary *summary, GError **error)
{
    TrafficEnd end;
    TrafficSum *sent, *received;

    if (!traffic_end_read(summary->guests, "guest", column_text(row, 0), &end,
                          error)) {
        return false;
    }
    if (end.number >= summary->sent->len) {
        g_array_set_size(summary->sent, end.number + 1);
        g_array_set_size(summary->received, end.number + 1);
    }
    /* by its name and by its address it may be there twice */
    sent = &g_array_index(summary->sent, TrafficSum, end.number);
    received = &g_array_index(summary->received, TrafficSum, end.number);
    sent->bytes += column_u64(row, 1);
    sent->packets += column_u64(row, 2);
    received->bytes += column_u64(row, 3);
    received->packets += column_u64(row, 4);
    return true;
}

static bool
fill_in(Database *db, int64_t id, TrafficSummary *summary, GError **error)
{
    if (!read_rows(db,
                   "SELECT class, bytes, packets, tail_bytes, tail_packets"
                   " FROM class WHERE matrix = ?",
                   id, summary, take_class, error) ||
        !read_rows(db,
                   "SELECT name, dropped, interface_dropped FROM source"
                   " WHERE matrix = ? ORDER BY number",
                   id, summary, take_source, error) ||
        !read_rows(db,
                   "SELECT f.kind, f.name, t.kind, t.name, bytes, packets,"
                   " missing_bytes, error_bytes FROM pair"
                   " JOIN party f ON f.id = a JOIN party t ON t.id = b"
                   " WHERE matrix = ?",
                   id, summary, take_pair, error) ||
        !read_rows(db,
                   "SELECT name, sent_bytes, sent_packets, received_bytes,"
                   " received_packets FROM guest JOIN party ON id = party"
                   " WHERE matrix = ?",
                   id, summary, take_guest, error)) {
        return false;
    }
    g_array_sort(summary->rows, traffic_row_compare);
    return true;
}

static TrafficSummary *
summary_of(sqlite3_stmt *row, TrafficGuests *guests)
{
    TrafficSummary *summary = traffic_summary_new(guests);

    summary->from_us = sqlite3_column_int64(row, 1);
    summary->to_us = sqlite3_column_int64(row, 2);
    summary->period_us = MAX(sqlite3_column_int64(row, 3), 0);
    summary->sampled_1_in =
        (uint32_t)CLAMP(sqlite3_column_int64(row, 4), 1, TRAFFIC_MOST_SAMPLING);
    summary->not_understood = column_u64(row, 5);
    summary->late = column_u64(row, 6);
    summary->absent_bytes = column_u64(row, 7);
    summary->incomplete = g_strdup((const char *)sqlite3_column_text(row, 8));
    return summary;
}

bool
traffic_store_span(TrafficStore *store, int64_t *from_us, int64_t *last_us,
                   int64_t *period_us, GError **error)
{
    Database *db = &store->database;
    sqlite3_stmt *statement = database_prepare(
        db, "SELECT min(from_us), max(from_us), max(period_us) FROM matrix",
        reading, error);
    bool good = false;

    if (statement) {
        good = sqlite3_step(statement) == SQLITE_ROW ||
               database_fail(db, reading, error);
    }
    if (good) {
        /* null, of no matrix, is read as 0 */
        *from_us = sqlite3_column_int64(statement, 0);
        *last_us = sqlite3_column_int64(statement, 1);
        *period_us = sqlite3_column_int64(statement, 2);
    }
    sqlite3_finalize(statement);
    return good;
}

bool
traffic_store_read(TrafficStore *store, int64_t from_us, int64_t to_us,
                   TrafficGuests *guests, TrafficStored stored, gpointer user,
                   GError **error)
{
    Database *db = &store->database;
    sqlite3_stmt *statement = database_prepare(
        db,
        "SELECT id, from_us, to_us, period_us, sampled_1_in, not_understood,"
        " late, absent_bytes, incomplete FROM matrix"
        " WHERE from_us >= ? AND from_us < ? ORDER BY from_us, id",
        reading, error);
    bool good = statement != NULL, wanted = true;
    g_autoptr(GError) cause = NULL;
    int result = SQLITE_DONE;

    if (!good) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, from_us);
    sqlite3_bind_int64(statement, 2, to_us);
    while (good && wanted && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        g_autoptr(TrafficSummary) summary = summary_of(statement, guests);

        good = fill_in(db, sqlite3_column_int64(statement, 0), summary, &cause);
        if (good) {
            wanted = stored(g_steal_pointer(&summary), user);
        } else if (cause->domain == TRAFFIC_ERROR) {
            g_set_error(error, STORE_ERROR, STORE_ERROR_CORRUPT,
                        "traffic history %s: %s", db->path, cause->message);
        } else {
            g_propagate_error(error, g_steal_pointer(&cause));
        }
    }
    if (good && wanted && result != SQLITE_DONE) {
        good = database_fail(db, reading, error);
    }
    sqlite3_finalize(statement);
    return good;
}
