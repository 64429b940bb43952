/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.h - what was changed and is to be put back, written before the change
 *
 * libvirt keeps a guest's maximum speed and downtime for its next migration,
 * and a class stays on a link, whatever becomes of the program that set them.
 * So nothing is changed before it stands here on the disk, with the value that
 * was there, and it leaves the journal after that value is back. Whoever comes
 * after a crash, a power cut or kill -9 finds at least all that may be changed:
 * what is found may also not have been done, or be put back already, so that
 * putting back is something that can be done twice.
 *
 *   journal_intend() ──> the change ──> ... ──> put back ──> journal_settle()
 *
 * One knob has one entry. A second change of it keeps the value that was there
 * before the first, for that is what comes back.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_ERROR (journal_error_quark())
GQuark journal_error_quark(void);
typedef enum {
    JOURNAL_ERROR_ACCESS,  /* cannot be opened, made or written */
    JOURNAL_ERROR_FULL,    /* the disk is */
    JOURNAL_ERROR_CORRUPT, /* damaged since it was opened: open it anew */
    JOURNAL_ERROR_NEWER,   /* written by a later vmferry */
    JOURNAL_ERROR_BUSY,    /* another process held it for too long */
    JOURNAL_ERROR_VALUE,   /* an entry that makes no sense */
} JournalError;

typedef enum {
    JOURNAL_LINK,           /* a tree of ours on .link */
    JOURNAL_CLASS,          /* .detail, "7666:1000", on .link */
    JOURNAL_SPEED,          /* maximum speed of a guest, MiB/s */
    JOURNAL_POSTCOPY_SPEED, /* likewise, MiB/s */
    JOURNAL_DOWNTIME,       /* maximum downtime of a guest, ms */
    JOURNAL_THROTTLE,       /* CPU throttle of a guest, percent */
    JOURNAL_SUSPENDED,      /* the guest was paused by us */
    JOURNAL_N_KINDS
} JournalKind;

/* Strings are owned; NULL and "" are the same where there is nothing. */
typedef struct JournalEntry {
    int64_t id; /* given by the journal */
    JournalKind kind;
    char *session;    /* as in vmferry status */
    char *guest_uuid; /* of the knob's guest, or */
    char *guest_name;
    char *link; /* its interface */
    char *detail;
    bool had_old;               /* or there was nothing before */
    int64_t old_value;          /* to be put back */
    int64_t new_value;          /* that we set */
    int64_t at_us;              /* wall clock, of the last change */
    char *boot_id;              /* the rest is filled in by the journal */
    int64_t owner_pid;          /* of the process that made the change ... */
    uint64_t owner_start_ticks; /* ... alive if pid and start still agree */
} JournalEntry;

JournalEntry *journal_entry_new(JournalKind kind);
void journal_entry_free(JournalEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalEntry, journal_entry_free)

/* Who writes. */
typedef struct JournalOwner {
    const char *boot_id;
    int64_t pid;
    uint64_t start_ticks; /* /proc/PID/stat, since boot */
} JournalOwner;

typedef struct Journal Journal;

/**
 * journal_open() - Open or make the journal
 * @path: Its folder is made if it is not there
 * @aside: Set to a sentence if the file was damaged: it was renamed, and this
 *         one is new. To be said aloud; g_free() it. NULL otherwise
 *
 * Several processes may have it open; one that waits for another gives up after
 * two seconds. What earlier boots left open is dropped: their classes went with
 * the kernel, and their guests with it.
 *
 * Return: journal_close() it; NULL with an error
 */
Journal *journal_open(const char *path, const JournalOwner *owner, char **aside,
                      GError **error);
void journal_close(Journal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Journal, journal_close)

/**
 * journal_intend() - Write down what is about to be changed
 * @entries: All of them or none; .id is set
 * @at_us: Wall clock
 *
 * Returns after the disk has it. On failure nothing may be changed.
 */
bool journal_intend(Journal *journal, JournalEntry *const *entries, size_t n,
                    int64_t at_us, GError **error);

/**
 * journal_settle() - The old value is back, or the change was never made
 *
 * An entry that is not there is settled. If this fails the entry will be put
 * back once more after the next start, which does no harm.
 */
bool journal_settle(Journal *journal, int64_t id, GError **error);

/** journal_settle_session() - All of a session that ended */
bool journal_settle_session(Journal *journal, const char *session,
                            GError **error);

/**
 * journal_list() - What stands open, in the order in which it was changed
 *
 * Return: a GPtrArray of JournalEntry, g_ptr_array_unref() it; NULL with error
 */
GPtrArray *journal_list(Journal *journal, GError **error);

/** journal_spy() - For tests that die between two statements: called with the
 * SQL of each before it runs; NULL: nobody */
void journal_spy(void (*spy)(const char *sql, void *data), void *data);

#endif
