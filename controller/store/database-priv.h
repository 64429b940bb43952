/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * database-priv.h - what store and journal do alike: an SQLite file of ours
 *
 * Which file is ours is told by application_id, its version by user_version. A
 * file with neither and without tables is new. Errors are those of whoever
 * keeps it, with its path and what was being done.
 */
#ifndef STORE_DATABASE_PRIV_H
#define STORE_DATABASE_PRIV_H

#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    DATABASE_ACCESS,  /* cannot be opened, made or written */
    DATABASE_FULL,    /* the disk is */
    DATABASE_CORRUPT, /* damaged, or not as we made it */
    DATABASE_FOREIGN, /* another program's */
    DATABASE_NEWER,   /* of a later version */
    DATABASE_BUSY,    /* others held it for too long */
    DATABASE_VALUE,   /* what was to be written makes no sense */
    DATABASE_N_FAULTS
} DatabaseFault;

/* What differs. */
typedef struct DatabaseKind {
    const char *name; /* first word of messages */
    GQuark (*quark)(void);
    gint codes[DATABASE_N_FAULTS]; /* of that domain */
    const char *mend;              /* said of a damaged one; NULL: nothing */
    uint32_t application_id;
    int version; /* of the schema, from 1 */
} DatabaseKind;

typedef struct Database {
    const DatabaseKind *kind;
    sqlite3 *db;
    char *path;
} Database;

/**
 * database_open() - Open it as SQLite's @flags say
 *
 * Nothing is read or written yet. Who else writes will be waited for, two
 * seconds each time. @database is to be closed on failure too.
 */
bool database_open(Database *database, const DatabaseKind *kind,
                   const char *path, int flags, GError **error);
void database_close(Database *database);

/**
 * database_check() - Whose is it, of which version: neither foreign nor newer
 * @version: Of what is there; 0: it is new
 */
bool database_check(Database *database, int64_t *version, GError **error);

/** database_check_writable() - An error if it is not */
bool database_check_writable(Database *database, GError **error);

/** database_fail() - SQLite's last error as ours; always false */
bool database_fail(Database *database, const char *doing, GError **error);

bool database_execute(Database *database, const char *sql, const char *doing,
                      GError **error);

/** database_roll_back() - What was begun did not happen */
void database_roll_back(Database *database);

/**
 * database_set_up() - Make the tables of one that has none, all or nothing
 * @schema: SQL that ends by setting user_version
 *
 * Two programs may meet here: one that was set up meanwhile is left as it is.
 */
bool database_set_up(Database *database, const char *schema, GError **error);

/** database_prepare() - sqlite3_finalize() it; NULL with an error */
sqlite3_stmt *database_prepare(Database *database, const char *sql,
                               const char *doing, GError **error);

/** database_step() - Run a statement that returns nothing, to be used again */
bool database_step(Database *database, sqlite3_stmt *statement,
                   const char *doing, GError **error);

/** database_finish() - Run a statement that returns nothing, and free it */
bool database_finish(Database *database, sqlite3_stmt *statement,
                     const char *doing, GError **error);

/** database_spy() - See journal_spy() */
void database_spy(void (*spy)(const char *sql, void *data), void *data);

#endif
