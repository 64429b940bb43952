/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store.h - what earlier migrations of a guest were like
 *
 * An SQLite file that outlives the programs: for each migration who, when, how
 * it went, and the points of the guest's dirty curve that its passes measured.
 * The next forecast for the same guest, known by its UUID, starts from them.
 * History is a help, never a condition: whoever cannot open the store goes on
 * without.
 */
#ifndef STORE_H
#define STORE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

#define STORE_DEFAULT_PATH "/var/lib/vmferry/history.db"

#define STORE_ERROR (store_error_quark())
GQuark store_error_quark(void);
typedef enum {
    STORE_ERROR_NONE_YET, /* to be read, but there is no such file */
    STORE_ERROR_ACCESS,   /* cannot be opened, made or written */
    STORE_ERROR_CORRUPT,  /* a file that is no database, or a damaged one */
    STORE_ERROR_NEWER,    /* written by a later vmferry */
    STORE_ERROR_BUSY,     /* others held it for too long */
    STORE_ERROR_VALUE,    /* a run that cannot be kept */
} StoreError;

/* One pass: so many distinct pages were dirtied in so long a time. */
typedef struct StorePoint {
    double duration_s;
    double pages; /* of the size that a pass counts in, 4096 bytes */
} StorePoint;

/* One migration. Strings are owned, and may be NULL unless said otherwise. */
typedef struct StoreRun {
    char *guest_uuid; /* not NULL */
    char *guest_name;
    int64_t started_us; /* wall clock */
    char *policy;
    char *outcome; /* run_status_name() of it: "completed", "cut-off", ... */
    Known bandwidth_bytes_s; /* that the stream got in the mean */
    Known downtime_limit_s;
    Known total_s, downtime_s, bytes; /* QEMU's figures */
    Known first_pass_bytes;           /* what all of memory came to */
    GArray *points;                   /* StorePoint, in order */
} StoreRun;

StoreRun *store_run_new(void);
void store_run_free(StoreRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreRun, store_run_free)

typedef struct Store Store;

/**
 * store_open() - Open the history for reading and writing
 * @path: Made if it is not there, and its folder too
 *
 * Of several programs each may write; one that waits for another gives up
 * after two seconds. A damaged or newer file is left as it is.
 * Return: store_close() it; NULL with STORE_ERROR, the path in the message
 */
Store *store_open(const char *path, GError **error);

/**
 * store_open_to_read() - Open the history to look
 *
 * Makes nothing. STORE_ERROR_NONE_YET if the file is not there.
 */
Store *store_open_to_read(const char *path, GError **error);

void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

/* Whoever sees a migration notes when it began, as well as it can. */
#define STORE_SAME_START_US (5 * G_USEC_PER_SEC)

/**
 * store_add() - Keep a run: all of it or nothing
 *
 * Of two programs that saw the same migration, which is of one guest and began
 * within STORE_SAME_START_US, the first one's note stays, and that is no error.
 * Points that are not finite and positive are left out. Of one guest the
 * latest 100 runs stay.
 */
bool store_add(Store *store, const StoreRun *run, GError **error);

/**
 * store_runs() - Latest runs of a guest
 * @most: How many at most
 *
 * Return: StoreRun *, the latest first, g_ptr_array_unref() it; may be empty.
 * NULL with an error
 */
GPtrArray *store_runs(Store *store, const char *guest_uuid, unsigned most,
                      GError **error);

/**
 * store_latest() - Latest runs of whatever guest
 * @guest: Only of this one, by its name or UUID; NULL: of all
 *
 * Return: as store_runs(), by the time at which they were started
 */
GPtrArray *store_latest(Store *store, const char *guest, unsigned most,
                        GError **error);

#endif
