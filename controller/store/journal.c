/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.c - the journal of changes in SQLite
 *
 *   change  one row a knob; gone when its old value is back
 *
 * WAL, so that whoever looks does not hold up who writes. An intent is on the
 * disk when journal_intend() returns (synchronous = FULL: the log is synced at
 * each commit). To settle need not be: a row that comes back after a power cut
 * is put back twice.
 *
 * The file lock beside the database covers opening only: of two processes that
 * find it damaged one sets it aside, and the other finds a new one.
 */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/database-priv.h"

G_DEFINE_QUARK(vmferry_journal_error, journal_error)

#define APPLICATION_ID 0x766d666a /* "vmfj" */
#define SCHEMA_VERSION 1

static const char schema[] = "CREATE TABLE change ("
                             " id INTEGER PRIMARY KEY AUTOINCREMENT,"
                             " boot TEXT NOT NULL,"
                             " kind TEXT NOT NULL,"
                             " guest_uuid TEXT NOT NULL,"
                             " link TEXT NOT NULL,"
                             " detail TEXT NOT NULL,"
                             " session TEXT NOT NULL,"
                             " guest_name TEXT NOT NULL,"
                             " old_value INTEGER,"
                             " new_value INTEGER NOT NULL,"
                             " at_us INTEGER NOT NULL,"
                             " owner_pid INTEGER NOT NULL,"
                             " owner_start INTEGER NOT NULL,"
                             " UNIQUE (boot, kind, guest_uuid, link, detail));"
                             "PRAGMA user_version = 1;"
                             "PRAGMA application_id = 1986881130";
G_STATIC_ASSERT(APPLICATION_ID == 1986881130 && SCHEMA_VERSION == 1);

static const DatabaseKind kind_of_file = {
    .name = "journal",
    .quark = journal_error_quark,
    .codes = { [DATABASE_ACCESS] = JOURNAL_ERROR_ACCESS,
               [DATABASE_FULL] = JOURNAL_ERROR_FULL,
               [DATABASE_CORRUPT] = JOURNAL_ERROR_CORRUPT,
               [DATABASE_FOREIGN] = JOURNAL_ERROR_ACCESS,
               [DATABASE_NEWER] = JOURNAL_ERROR_NEWER,
               [DATABASE_BUSY] = JOURNAL_ERROR_BUSY,
               [DATABASE_VALUE] = JOURNAL_ERROR_VALUE },
    .application_id = APPLICATION_ID,
    .version = SCHEMA_VERSION,
};

struct Journal {
    Database database;
    char *boot_id;
    int64_t pid;
    uint64_t start_ticks;
};

void
journal_spy(void (*spy)(const char *sql, void *data), void *data)
{
    database_spy(spy, data);
}

static const char *const kind_names[] = {
    [JOURNAL_LINK] = "link",
    [JOURNAL_CLASS] = "class",
    [JOURNAL_SPEED] = "max-speed",
    [JOURNAL_POSTCOPY_SPEED] = "postcopy-speed",
    [JOURNAL_DOWNTIME] = "max-downtime",
    [JOURNAL_THROTTLE] = "throttle",
    [JOURNAL_SUSPENDED] = "suspended",
};
G_STATIC_ASSERT(G_N_ELEMENTS(kind_names) == JOURNAL_N_KINDS);

JournalEntry *
journal_entry_new(JournalKind kind)
{
    JournalEntry *entry = g_new0(JournalEntry, 1);

    entry->kind = kind;
    return entry;
}

void
journal_entry_free(JournalEntry *entry)
{
    if (!entry) {
        return;
    }
    g_free(entry->session);
    g_free(entry->guest_uuid);
    g_free(entry->guest_name);
    g_free(entry->link);
    g_free(entry->detail);
    g_free(entry->boot_id);
    g_free(entry);
}

/* --- small steps --- */

/* "" and NULL are one; so that UNIQUE sees it that way too. */
static void
bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text ? text : "", -1, SQLITE_STATIC);
}

static char *
column_text(sqlite3_stmt *statement, int index)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);

    return text && *text ? g_utf8_make_valid(text, -1) : NULL;
}

/* --- opening --- */

/* Damage comes in more forms than a check of the header finds. */
static bool
check_sound(Journal *journal, GError **error)
{
    sqlite3_stmt *statement = database_prepare(
        &journal->database, "PRAGMA quick_check(1)", "opening", error);
    const char *verdict;
    bool sound;

    if (!statement) {
        return false;
    }
    if (sqlite3_step(statement) != SQLITE_ROW) {
        database_fail(&journal->database, "opening", error);
        sqlite3_finalize(statement);
        return false;
    }
    verdict = (const char *)sqlite3_column_text(statement, 0);
    sound = g_strcmp0(verdict, "ok") == 0;
    if (!sound) {
        g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_CORRUPT,
                    "journal %s: it is damaged: %s", journal->database.path,
                    verdict ? verdict : "?");
    }
    sqlite3_finalize(statement);
    return sound;
}

static bool
make_schema(Journal *journal, GError **error)
{
    if (database_execute(&journal->database, "BEGIN IMMEDIATE", "setting up",
                         error) &&
        database_execute(&journal->database, schema, "setting up", error) &&
        database_execute(&journal->database, "COMMIT", "setting up", error)) {
        return true;
    }
    database_roll_back(&journal->database);
    return false;
}

static bool
drop_other_boots(Journal *journal, GError **error)
{
    static const char doing[] = "dropping what earlier boots left";
    sqlite3_stmt *statement = database_prepare(
        &journal->database, "DELETE FROM change WHERE boot <> ?", doing, error);

    if (!statement) {
        return false;
    }
    bind_text(statement, 1, journal->boot_id);
    return database_finish(&journal->database, statement, doing, error);
}

/* Under the lock file. */
static Journal *
open_once(const char *path, const JournalOwner *owner, GError **error)
{
    g_autoptr(Journal) journal = g_new0(Journal, 1);
    int64_t version = 0;

    journal->boot_id = g_strdup(owner->boot_id);
    journal->pid = owner->pid;
    journal->start_ticks = owner->start_ticks;
    if (!database_open(&journal->database, &kind_of_file, path,
                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error) ||
        !database_check(&journal->database, &version, error) ||
        !database_check_writable(&journal->database, error)) {
        return NULL;
    }
    if (!check_sound(journal, error) ||
        !database_execute(&journal->database, "PRAGMA journal_mode = WAL",
                          "opening", error) ||
        !database_execute(&journal->database, "PRAGMA synchronous = FULL",
                          "opening", error) ||
        (version == 0 && !make_schema(journal, error)) ||
        !drop_other_boots(journal, error)) {
        return NULL;
    }
    return g_steal_pointer(&journal);
}

static bool
set_aside(const char *path, const GError *why, char **aside, GError **error)
{
    static const char *const parts[] = { "", "-wal", "-shm" };
    g_autofree char *to = NULL;
    int n = 0;

    do { /* an earlier one is not overwritten */
        g_free(to);
        to = g_strdup_printf("%s.damaged-%d", path, ++n);
    } while (g_file_test(to, G_FILE_TEST_EXISTS));
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *from = g_strconcat(path, parts[i], NULL);
        g_autofree char *there = g_strconcat(to, parts[i], NULL);

        if (g_rename(from, there) < 0 && errno != ENOENT) {
            g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_ACCESS,
                        "%s; setting it aside as %s: %s", why->message, there,
                        g_strerror(errno));
            return false;
        }
    }
    g_free(*aside);
    *aside = g_strdup_printf(
        "%s; it was set aside as %s and a new one begun: what an earlier "
        "vmferry changed may not have been put back (virsh "
        "migrate-getmaxdowntime, vmferry tc show)",
        why->message, to);
    return true;
}

/* The descriptor, -1 with an error. */
static int
lock_opening(const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *lock = g_strconcat(path, ".lock", NULL);
    int fd, result;

    if (g_mkdir_with_parents(folder, 0755) < 0) {
        g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_ACCESS,
                    "journal %s: making its folder: %s", path,
                    g_strerror(errno));
        return -1;
    }
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        do { /* held for the moment of another's opening */
            result = flock(fd, LOCK_EX);
        } while (result < 0 && errno == EINTR);
        if (result == 0) {
            return fd;
        }
    }
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_ACCESS,
                "journal %s: locking %s: %s", path, lock, g_strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

Journal *
journal_open(const char *path, const JournalOwner *owner, char **aside,
             GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree char *said = NULL;
    int lock = lock_opening(path, error);
    Journal *journal;

    if (lock < 0) {
        return NULL;
    }
    journal = open_once(path, owner, &local);
    if (!journal && local &&
        g_error_matches(local, JOURNAL_ERROR, JOURNAL_ERROR_CORRUPT)) {
        if (set_aside(path, local, &said, error)) {
            journal = open_once(path, owner, error);
        }
    } else if (!journal) {
        g_propagate_error(error, g_steal_pointer(&local));
    }
    close(lock);
    if (journal && aside) {
        *aside = g_steal_pointer(&said);
    }
    return journal;
}

void
journal_close(Journal *journal)
{
    if (!journal) {
        return;
    }
    database_close(&journal->database);
    g_free(journal->boot_id);
    g_free(journal);
}

/* --- writing --- */

static bool
check_entry(Journal *journal, const JournalEntry *entry, GError **error)
{
    bool about_link =
        entry->kind == JOURNAL_LINK || entry->kind == JOURNAL_CLASS;
    const char *subject = about_link ? entry->link : entry->guest_uuid;

    if (entry->kind < JOURNAL_N_KINDS && subject && *subject) {
        return true;
    }
    g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_VALUE,
                "journal %s: a change of nothing in particular cannot be put "
                "back and is not made",
                journal->database.path);
    return false;
}

/* The old value of a knob that stands here already is the one that stays. */
static bool
upsert(Journal *journal, JournalEntry *entry, int64_t at_us, GError **error)
{
    static const char doing[] = "writing a change";
    sqlite3_stmt *statement = database_prepare(
        &journal->database,
        "INSERT INTO change (boot, kind, guest_uuid, link, detail, session,"
        " guest_name, old_value, new_value, at_us, owner_pid, owner_start)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (boot, kind, guest_uuid, link, detail) DO UPDATE SET"
        " session = excluded.session, new_value = excluded.new_value,"
        " at_us = excluded.at_us, owner_pid = excluded.owner_pid,"
        " owner_start = excluded.owner_start"
        " RETURNING id",
        doing, error);
    int64_t id = 0;
    bool there;

    if (!statement) {
        return false;
    }
    bind_text(statement, 1, journal->boot_id);
    bind_text(statement, 2, kind_names[entry->kind]);
    bind_text(statement, 3, entry->guest_uuid);
    bind_text(statement, 4, entry->link);
    bind_text(statement, 5, entry->detail);
    bind_text(statement, 6, entry->session);
    bind_text(statement, 7, entry->guest_name);
    if (entry->had_old) {
        sqlite3_bind_int64(statement, 8, entry->old_value);
    }
    sqlite3_bind_int64(statement, 9, entry->new_value);
    sqlite3_bind_int64(statement, 10, at_us);
    sqlite3_bind_int64(statement, 11, journal->pid);
    sqlite3_bind_int64(statement, 12, (int64_t)journal->start_ticks);
    there = sqlite3_step(statement) == SQLITE_ROW;
    if (there) {
        id = sqlite3_column_int64(statement, 0);
        there = sqlite3_step(statement) == SQLITE_DONE;
    }
    if (!there) {
        database_fail(&journal->database, doing, error);
    }
    sqlite3_finalize(statement);
    if (there) {
        entry->id = id;
    }
    return there;
}

bool
journal_intend(Journal *journal, JournalEntry *const *entries, size_t n,
               int64_t at_us, GError **error)
{
    static const char doing[] = "writing a change";

    for (size_t i = 0; i < n; i++) {
        if (!check_entry(journal, entries[i], error)) {
            return false;
        }
    }
    if (!database_execute(&journal->database, "PRAGMA synchronous = FULL",
                          doing, error) ||
        !database_execute(&journal->database, "BEGIN IMMEDIATE", doing,
                          error)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!upsert(journal, entries[i], at_us, error)) {
            goto failed;
        }
    }
    if (!database_execute(&journal->database, "COMMIT", doing, error)) {
        goto failed;
    }
    return true;

failed:
    database_roll_back(&journal->database);
    for (size_t i = 0; i < n; i++) {
        entries[i]->id = 0;
    }
    return false;
}

static bool
settle_where(Journal *journal, const char *sql, int64_t id, const char *session,
             GError **error)
{
    static const char doing[] = "settling a change";
    sqlite3_stmt *statement;

    if (!database_execute(&journal->database, "PRAGMA synchronous = NORMAL",
                          doing, error)) {
        return false;
    }
    statement = database_prepare(&journal->database, sql, doing, error);
    if (!statement) {
        return false;
    }
    if (session) {
        bind_text(statement, 1, session);
    } else {
        sqlite3_bind_int64(statement, 1, id);
    }
    return database_finish(&journal->database, statement, doing, error);
}

bool
journal_settle(Journal *journal, int64_t id, GError **error)
{
    return settle_where(journal, "DELETE FROM change WHERE id = ?", id, NULL,
                        error);
}

bool
journal_settle_session(Journal *journal, const char *session, GError **error)
{
    return settle_where(journal, "DELETE FROM change WHERE session = ?", 0,
                        session, error);
}

/* --- reading --- */

/* A kind of a later version's is left to that version. */
static JournalEntry *
read_entry(sqlite3_stmt *statement)
{
    const char *kind = (const char *)sqlite3_column_text(statement, 1);
    JournalEntry *entry;

    for (JournalKind i = 0; i < JOURNAL_N_KINDS; i++) {
        if (g_strcmp0(kind_names[i], kind) != 0) {
            continue;
        }
        entry = journal_entry_new(i);
        entry->id = sqlite3_column_int64(statement, 0);
        entry->guest_uuid = column_text(statement, 2);
        entry->link = column_text(statement, 3);
        entry->detail = column_text(statement, 4);
        entry->session = column_text(statement, 5);
        entry->guest_name = column_text(statement, 6);
        entry->had_old = sqlite3_column_type(statement, 7) != SQLITE_NULL;
        entry->old_value = sqlite3_column_int64(statement, 7);
        entry->new_value = sqlite3_column_int64(statement, 8);
        entry->at_us = sqlite3_column_int64(statement, 9);
        entry->boot_id = column_text(statement, 10);
        entry->owner_pid = sqlite3_column_int64(statement, 11);
        entry->owner_start_ticks =
            (uint64_t)sqlite3_column_int64(statement, 12);
        return entry;
    }
    return NULL;
}

GPtrArray *
journal_list(Journal *journal, GError **error)
{
    g_autoptr(GPtrArray) entries =
        g_ptr_array_new_with_free_func((GDestroyNotify)journal_entry_free);
    sqlite3_stmt *statement = database_prepare(
        &journal->database,
        "SELECT id, kind, guest_uuid, link, detail, session, guest_name,"
        " old_value, new_value, at_us, boot, owner_pid, owner_start"
        " FROM change WHERE boot = ? ORDER BY id",
        "reading", error);
    int result;

    if (!statement) {
        return NULL;
    }
    bind_text(statement, 1, journal->boot_id);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        JournalEntry *entry = read_entry(statement);

        if (entry) {
            g_ptr_array_add(entries, entry);
        }
    }
    if (result != SQLITE_DONE) {
        database_fail(&journal->database, "reading", error);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? g_steal_pointer(&entries) : NULL;
}
