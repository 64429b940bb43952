/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * database.c - see database-priv.h
 */
#include "store/database-priv.h"

#include <errno.h>
#include <stdarg.h>

#define BUSY_MS 2000

static void (*spy_func)(const char *sql, void *data);
static void *spy_data;

void
database_spy(void (*spy)(const char *sql, void *data), void *data)
{
    spy_func = spy;
    spy_data = data;
}

static void
tell_spy(const char *sql)
{
    if (spy_func) {
        spy_func(sql, spy_data);
    }
}

/* --- errors --- */

static DatabaseFault
fault_of(int result, int system)
{
    switch (result & 0xff) {
    case SQLITE_IOERR:
        return system == ENOSPC || system == EDQUOT || system == EFBIG
                   ? DATABASE_FULL
                   : DATABASE_ACCESS;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* a table of ours is not there, or not as we made it */
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
        return DATABASE_CORRUPT;
    case SQLITE_FULL:
        return DATABASE_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DATABASE_BUSY;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
        return DATABASE_VALUE;
    default:
        return DATABASE_ACCESS;
    }
}

static void set_error(const Database *database, DatabaseFault fault,
                      GError **error, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static void
set_error(const Database *database, DatabaseFault fault, GError **error,
          const char *format, ...)
{
    const DatabaseKind *kind = database->kind;
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, kind->quark(), kind->codes[fault], "%s %s: %s",
                kind->name, database->path, text);
}

bool
database_fail(Database *database, const char *doing, GError **error)
{
    int result = sqlite3_extended_errcode(database->db);
    int system = sqlite3_system_errno(database->db);
    bool io = (result & 0xff) == SQLITE_IOERR && system;
    DatabaseFault fault = fault_of(result, system);
    const char *mend = database->kind->mend;

    set_error(database, fault, error, "%s: %s%s%s%s", doing,
              sqlite3_errmsg(database->db), io ? ": " : "",
              io ? g_strerror(system) : "",
              fault == DATABASE_CORRUPT && mend ? mend : "");
    return false;
}

/* --- statements --- */

bool
database_execute(Database *database, const char *sql, const char *doing,
                 GError **error)
{
    tell_spy(sql);
    return sqlite3_exec(database->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           database_fail(database, doing, error);
}

void
database_roll_back(Database *database)
{
    sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
}

bool
database_set_up(Database *database, const char *schema, GError **error)
{
    static const char doing[] = "setting up";
    int64_t version = 0;

    if (!database_execute(database, "BEGIN IMMEDIATE", doing, error)) {
        return false;
    }
    if (!database_check(database, &version, error) ||
        (version == 0 && !database_execute(database, schema, doing, error)) ||
        !database_execute(database, "COMMIT", doing, error)) {
        database_roll_back(database);
        return false;
    }
    return true;
}

sqlite3_stmt *
database_prepare(Database *database, const char *sql, const char *doing,
                 GError **error)
{
    sqlite3_stmt *statement = NULL;

    tell_spy(sql);
    if (sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL) !=
        SQLITE_OK) {
        database_fail(database, doing, error);
        return NULL;
    }
    return statement;
}

bool
database_step(Database *database, sqlite3_stmt *statement, const char *doing,
              GError **error)
{
    bool done = sqlite3_step(statement) == SQLITE_DONE;

    if (!done) {
        database_fail(database, doing, error);
    }
    sqlite3_reset(statement);
    return done;
}

bool
database_finish(Database *database, sqlite3_stmt *statement, const char *doing,
                GError **error)
{
    bool done = database_step(database, statement, doing, error);

    sqlite3_finalize(statement);
    return done;
}

static bool
read_number(Database *database, const char *sql, int64_t *number,
            GError **error)
{
    sqlite3_stmt *statement = database_prepare(database, sql, "opening", error);
    bool there;

    if (!statement) {
        return false;
    }
    there = sqlite3_step(statement) == SQLITE_ROW;
    if (there) {
        *number = sqlite3_column_int64(statement, 0);
    } else {
        database_fail(database, "opening", error);
    }
    sqlite3_finalize(statement);
    return there;
}

/* --- opening --- */

bool
database_check(Database *database, int64_t *version, GError **error)
{
    const DatabaseKind *kind = database->kind;
    int64_t id, objects;

    if (!read_number(database, "PRAGMA user_version", version, error) ||
        !read_number(database, "PRAGMA application_id", &id, error) ||
        !read_number(database, "SELECT count(*) FROM sqlite_master", &objects,
                     error)) {
        return false;
    }
    if (id != kind->application_id &&
        (id != 0 || *version != 0 || objects != 0)) {
        set_error(database, DATABASE_FOREIGN, error,
                  "this database is not vmferry's; name another file");
        return false;
    }
    if (*version > kind->version) {
        set_error(database, DATABASE_NEWER, error,
                  "written by a later vmferry (schema %" G_GINT64_FORMAT
                  ", this one knows %d); use that one, or name another file",
                  *version, kind->version);
        return false;
    }
    return true;
}

bool
database_check_writable(Database *database, GError **error)
{
    if (sqlite3_db_readonly(database->db, "main") == 1) {
        set_error(database, DATABASE_ACCESS, error,
                  "it may be read but not written");
        return false;
    }
    return true;
}

bool
database_open(Database *database, const DatabaseKind *kind, const char *path,
              int flags, GError **error)
{
    *database = (Database){ .kind = kind, .path = g_strdup(path) };
    if (sqlite3_open_v2(path, &database->db, flags | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        if (database->db) {
            database_fail(database, "opening", error);
        } else {
            set_error(database, DATABASE_ACCESS, error,
                      "opening: out of memory");
        }
        return false;
    }
    sqlite3_extended_result_codes(database->db, 1);
    sqlite3_busy_timeout(database->db, BUSY_MS);
    return true;
}

void
database_close(Database *database)
{
    sqlite3_close(database->db);
    g_free(database->path);
    *database = (Database){ 0 };
}
