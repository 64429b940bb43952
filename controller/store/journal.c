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
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

G_DEFINE_QUARK(vmferry_journal_error, journal_error)

#define APPLICATION_ID 0x766d666a /* "vmfj" */
#define SCHEMA_VERSION 1
#define BUSY_MS 2000

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

struct Journal {
    sqlite3 *db;
    char *path;
    char *boot_id;
    int64_t pid;
    uint64_t start_ticks;
};

static void (*spy_func)(const char *sql, void *data);
static void *spy_data;

void
journal_spy(void (*spy)(const char *sql, void *data), void *data)
{
    spy_func = spy;
    spy_data = data;
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

const char *
journal_kind_name(JournalKind kind)
{
    g_assert(kind < JOURNAL_N_KINDS);
    return kind_names[kind];
}

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

/* --- errors and small steps --- */

static JournalError
code_of(int result, int system)
{
    switch (result & 0xff) {
    case SQLITE_IOERR:
        return system == ENOSPC || system == EDQUOT || system == EFBIG
                   ? JOURNAL_ERROR_FULL
                   : JOURNAL_ERROR_ACCESS;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* our table is not there, or not as we made it */
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
        return JOURNAL_ERROR_CORRUPT;
    case SQLITE_FULL:
        return JOURNAL_ERROR_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return JOURNAL_ERROR_BUSY;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
        return JOURNAL_ERROR_VALUE;
    default:
        return JOURNAL_ERROR_ACCESS;
    }
}

/* Always false, for "return take_error(...)". */
static bool
take_error(Journal *journal, const char *doing, GError **error)
{
    int result = sqlite3_extended_errcode(journal->db);
    int system = sqlite3_system_errno(journal->db);
    bool io = (result & 0xff) == SQLITE_IOERR && system;

    g_set_error(error, JOURNAL_ERROR, (gint)code_of(result, system),
                "journal %s: %s: %s%s%s", journal->path, doing,
                sqlite3_errmsg(journal->db), io ? ": " : "",
                io ? g_strerror(system) : "");
    return false;
}

static void
tell_spy(const char *sql)
{
    if (spy_func) {
        spy_func(sql, spy_data);
    }
}

static bool
execute(Journal *journal, const char *sql, const char *doing, GError **error)
{
    tell_spy(sql);
    return sqlite3_exec(journal->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           take_error(journal, doing, error);
}

static sqlite3_stmt *
prepare(Journal *journal, const char *sql, const char *doing, GError **error)
{
    sqlite3_stmt *statement = NULL;

    tell_spy(sql);
    if (sqlite3_prepare_v2(journal->db, sql, -1, &statement, NULL) !=
        SQLITE_OK) {
        take_error(journal, doing, error);
        return NULL;
    }
    return statement;
}

/* Runs a statement that returns nothing, and frees it. */
static bool
finish(Journal *journal, sqlite3_stmt *statement, const char *doing,
       GError **error)
{
    bool done = sqlite3_step(statement) == SQLITE_DONE;

    if (!done) {
        take_error(journal, doing, error);
    }
    sqlite3_finalize(statement);
    return done;
}

static bool
read_number(Journal *journal, const char *sql, int64_t *number, GError **error)
{
    sqlite3_stmt *statement = prepare(journal, sql, "opening", error);
    bool there;

    if (!statement) {
        return false;
    }
    there = sqlite3_step(statement) == SQLITE_ROW;
    if (there) {
        *number = sqlite3_column_int64(statement, 0);
    } else {
        take_error(journal, "opening", error);
    }
    sqlite3_finalize(statement);
    return there;
}

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
    sqlite3_stmt *statement =
        prepare(journal, "PRAGMA quick_check(1)", "opening", error);
    const char *verdict;
    bool sound;

    if (!statement) {
        return false;
    }
    if (sqlite3_step(statement) != SQLITE_ROW) {
        take_error(journal, "opening", error);
        sqlite3_finalize(statement);
        return false;
    }
    verdict = (const char *)sqlite3_column_text(statement, 0);
    sound = g_strcmp0(verdict, "ok") == 0;
    if (!sound) {
        g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_CORRUPT,
                    "journal %s: it is damaged: %s", journal->path,
                    verdict ? verdict : "?");
    }
    sqlite3_finalize(statement);
    return sound;
}

static bool
check_version(Journal *journal, bool *is_new, GError **error)
{
    int64_t version = 0, id = 0, objects = 0;

    if (!read_number(journal, "PRAGMA user_version", &version, error) ||
        !read_number(journal, "PRAGMA application_id", &id, error) ||
        !read_number(journal, "SELECT count(*) FROM sqlite_master", &objects,
                     error)) {
        return false;
    }
    if (id != APPLICATION_ID && (id != 0 || version != 0 || objects != 0)) {
        g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_ACCESS,
                    "journal %s: this database is not vmferry's; name another "
                    "file",
                    journal->path);
        return false;
    }
    if (version > SCHEMA_VERSION) {
        g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_NEWER,
                    "journal %s: written by a later vmferry (schema "
                    "%" G_GINT64_FORMAT ", this one knows %d); use that one, "
                    "or name another file",
                    journal->path, version, SCHEMA_VERSION);
        return false;
    }
    *is_new = version == 0;
    return true;
}

static bool
make_schema(Journal *journal, GError **error)
{
    if (execute(journal, "BEGIN IMMEDIATE", "setting up", error) &&
        execute(journal, schema, "setting up", error) &&
        execute(journal, "COMMIT", "setting up", error)) {
        return true;
    }
    sqlite3_exec(journal->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static bool
drop_other_boots(Journal *journal, GError **error)
{
    static const char doing[] = "dropping what earlier boots left";
    sqlite3_stmt *statement =
        prepare(journal, "DELETE FROM change WHERE boot <> ?", doing, error);

    if (!statement) {
        return false;
    }
    bind_text(statement, 1, journal->boot_id);
    return finish(journal, statement, doing, error);
}

/* Under the lock file. */
static Journal *
open_once(const char *path, const JournalOwner *owner, GError **error)
{
    g_autoptr(Journal) journal = g_new0(Journal, 1);
    bool is_new = false;

    journal->path = g_strdup(path);
    journal->boot_id = g_strdup(owner->boot_id);
    journal->pid = owner->pid;
    journal->start_ticks = owner->start_ticks;
    if (sqlite3_open_v2(path, &journal->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        if (journal->db) {
            take_error(journal, "opening", error);
        } else {
            g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_ACCESS,
                        "journal %s: opening: out of memory", path);
        }
        return NULL;
    }
    sqlite3_extended_result_codes(journal->db, 1);
    sqlite3_busy_timeout(journal->db, BUSY_MS);
    if (!check_version(journal, &is_new, error)) {
        return NULL;
    }
    if (sqlite3_db_readonly(journal->db, "main") == 1) {
        g_set_error(error, JOURNAL_ERROR, JOURNAL_ERROR_ACCESS,
                    "journal %s: it may be read but not written", path);
        return NULL;
    }
    if (!check_sound(journal, error) ||
        !execute(journal, "PRAGMA journal_mode = WAL", "opening", error) ||
        !execute(journal, "PRAGMA synchronous = FULL", "opening", error) ||
        (is_new && !make_schema(journal, error)) ||
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
        "migrate-getspeed, vmferry tc show)",
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
    sqlite3_close(journal->db);
    g_free(journal->path);
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
                journal->path);
    return false;
}

/* The old value of a knob that stands here already is the one that stays. */
static bool
upsert(Journal *journal, JournalEntry *entry, int64_t at_us, GError **error)
{
    static const char doing[] = "writing a change";
    sqlite3_stmt *statement = prepare(
        journal,
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
        take_error(journal, doing, error);
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
    if (!execute(journal, "PRAGMA synchronous = FULL", doing, error) ||
        !execute(journal, "BEGIN IMMEDIATE", doing, error)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!upsert(journal, entries[i], at_us, error)) {
            goto failed;
        }
    }
    if (!execute(journal, "COMMIT", doing, error)) {
        goto failed;
    }
    return true;

failed:
    sqlite3_exec(journal->db, "ROLLBACK", NULL, NULL, NULL);
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

    if (!execute(journal, "PRAGMA synchronous = NORMAL", doing, error)) {
        return false;
    }
    statement = prepare(journal, sql, doing, error);
    if (!statement) {
        return false;
    }
    if (session) {
        bind_text(statement, 1, session);
    } else {
        sqlite3_bind_int64(statement, 1, id);
    }
    return finish(journal, statement, doing, error);
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

bool
journal_adopt(Journal *journal, int64_t id, const char *session, GError **error)
{
    static const char doing[] = "adopting a change";
    sqlite3_stmt *statement =
        prepare(journal,
                "UPDATE change SET session = ?, owner_pid = ?, owner_start = ?"
                " WHERE id = ?",
                doing, error);

    if (!statement) {
        return false;
    }
    bind_text(statement, 1, session);
    sqlite3_bind_int64(statement, 2, journal->pid);
    sqlite3_bind_int64(statement, 3, (int64_t)journal->start_ticks);
    sqlite3_bind_int64(statement, 4, id);
    return finish(journal, statement, doing, error);
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
    sqlite3_stmt *statement = prepare(
        journal,
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
        take_error(journal, "reading", error);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? g_steal_pointer(&entries) : NULL;
}
