/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk.c - what is written when a migration ends, beside the main loop
 *
 * A file is on the disk when fsync() returns, which on a busy disk takes as long
 * as a pass, and the history may be held by somebody else for seconds. So one
 * thread writes, in order; the main loop puts texts together and goes on. What
 * may not be lost is not written here: the journal waits for the disk before a
 * value is changed. Whoever reads a file meanwhile gets the text that waits.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon-priv.h"

#define MOST_RECORDS 1000

struct Disk {
    GThreadPool *thread; /* one */
    GMutex lock;
    GHashTable *waiting; /* under .lock: path -> Job *, the last one given */
};

typedef struct Job {
    Disk *disk;
    char *path;
    char *text; /* of a file; NULL: .run is for the history at .path */
    StoreRun *run;
    bool record; /* one of many, of which the oldest go */
    char *whose; /* for the log */
} Job;

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Their names begin with the time: the first are the oldest. */
static void
forget_oldest(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_ascii_isdigit(*name) && g_str_has_suffix(name, ".json")) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i + MOST_RECORDS < names->len; i++) {
        g_autofree char *path =
            g_build_filename(folder, g_ptr_array_index(names, i), NULL);

        (void)unlink(path);
    }
}

static void
complain(const Job *job, const char *what, const char *why)
{
    LogAbout about = { .event = LOG_EVENT_ENDED, .session = job->whose };

    daemon_log(G_LOG_LEVEL_WARNING, &about, "%s is not kept: %s", what, why);
}

static void
write_file(const Job *job)
{
    g_autofree char *folder = g_path_get_dirname(job->path);
    g_autoptr(GError) error = NULL;

    if (g_mkdir_with_parents(folder, 0755) != 0) {
        complain(job, job->path, g_strerror(errno));
    } else if (!g_file_set_contents(job->path, job->text, -1, &error)) {
        complain(job, job->path, error->message);
    } else if (job->record) {
        forget_oldest(folder);
    }
}

static void
write_history(const Job *job)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = store_open(job->path, &error);

    if (!store || !store_add(store, job->run, &error)) {
        complain(job, "what forecasts could learn of it", error->message);
    }
}

static void
work(gpointer data, gpointer user)
{
    Job *job = data;

    if (job->text) {
        write_file(job);
        g_mutex_lock(&job->disk->lock);
        if (g_hash_table_lookup(job->disk->waiting, job->path) == job) {
            g_hash_table_remove(job->disk->waiting, job->path);
        }
        g_mutex_unlock(&job->disk->lock);
    } else {
        write_history(job);
    }
    store_run_free(job->run);
    g_free(job->path);
    g_free(job->text);
    g_free(job->whose);
    g_free(job);
}

static void
give(Disk *disk, const Job *given)
{
    Job *job = g_memdup2(given, sizeof(*given));

    job->disk = disk;
    if (job->text) {
        g_mutex_lock(&disk->lock);
        g_hash_table_replace(disk->waiting, job->path, job);
        g_mutex_unlock(&disk->lock);
    }
    /* no failure: a pool of one exclusive thread has it from the beginning */
    g_thread_pool_push(disk->thread, job, NULL);
}

Disk *
disk_new(void)
{
    Disk *disk = g_new0(Disk, 1);

    g_mutex_init(&disk->lock);
    disk->waiting = g_hash_table_new(g_str_hash, g_str_equal);
    disk->thread = g_thread_pool_new(work, NULL, 1, TRUE, NULL);
    return disk;
}

void
disk_free(Disk *disk)
{
    if (disk) {
        g_thread_pool_free(disk->thread, FALSE, TRUE); /* all of it */
        g_hash_table_unref(disk->waiting);
        g_mutex_clear(&disk->lock);
        g_free(disk);
    }
}

void
disk_write(Disk *disk, const char *path, char *text, bool record,
           const char *whose)
{
    give(disk, &(Job){ .path = g_strdup(path),
                       .text = text,
                       .record = record,
                       .whose = g_strdup(whose) });
}

void
disk_remember(Disk *disk, const char *path, StoreRun *run, const char *whose)
{
    give(
        disk,
        &(Job){ .path = g_strdup(path), .run = run, .whose = g_strdup(whose) });
}

char *
disk_text(Disk *disk, const char *path)
{
    const Job *job;
    char *text;

    g_mutex_lock(&disk->lock);
    job = g_hash_table_lookup(disk->waiting, path);
    text = job ? g_strdup(job->text) : NULL;
    g_mutex_unlock(&disk->lock);
    return text;
}
