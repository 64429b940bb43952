/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lease-file.c - leases on disk, the lock, and whether a process still lives
 *
 * The directory is readable by all (reservation_plan() and "tc show" need no
 * privilege) and written by root. Files are replaced whole. They are not
 * flushed to the disk: a lease means nothing after a reboot.
 */
#include "tc/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define LOCK_WAIT_US 2000000
#define LOCK_RETRY_US 500

bool
lease_key_init(LeaseKey *key, const char *proc_dir, const char *device,
               int ifindex, const uint8_t mac[6], GError **error)
{
    g_autofree char *boot_path =
        g_build_filename(proc_dir, "sys/kernel/random/boot_id", NULL);
    g_autofree char *boot_id = NULL;
    struct stat ns;

    memset(key, 0, sizeof(*key));
    if (!g_file_get_contents(boot_path, &boot_id, NULL, error)) {
        return false;
    }
    g_strlcpy(key->boot_id, g_strstrip(boot_id), sizeof(key->boot_id));
    /* the thread's own: namespaces are a thread's, not a process's */
    if (stat("/proc/thread-self/ns/net", &ns) != 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_KERNEL,
                    "reading the network namespace: %s", g_strerror(errno));
        return false;
    }
    g_snprintf(key->netns, sizeof(key->netns), "%llu:%llu",
               (unsigned long long)ns.st_dev, (unsigned long long)ns.st_ino);
    g_strlcpy(key->device, device, sizeof(key->device));
    key->ifindex = ifindex;
    g_snprintf(key->mac, sizeof(key->mac), "%02x:%02x:%02x:%02x:%02x:%02x",
               mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return true;
}

bool
lease_process_start(const char *proc_dir, int64_t pid, uint64_t *start_ticks)
{
    g_autofree char *path =
        g_strdup_printf("%s/%" PRId64 "/stat", proc_dir, pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) fields = NULL;
    char *after;

    /* The name in parentheses may hold anything; its end is the last one.
     * Behind it state is the first field and the start time the twentieth. */
    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !(after = strrchr(text, ')'))) {
        return false;
    }
    fields = g_strsplit(g_strstrip(after + 1), " ", 21);
    if (g_strv_length(fields) < 20) {
        return false;
    }
    /* A zombie keeps its entry, but owns nothing any more. */
    if (fields[0][0] == 'Z' || fields[0][0] == 'X') {
        return false;
    }
    *start_ticks = g_ascii_strtoull(fields[19], NULL, 10);
    return true;
}

static char *
lease_path(const char *run_dir, const LeaseKey *key)
{
    g_autofree char *netns = g_strdelimit(g_strdup(key->netns), ":", '-');

    return g_strdup_printf("%s/tc-%s-%d.json", run_dir, netns, key->ifindex);
}

int
lease_lock(const char *run_dir, GError **error)
{
    g_autofree char *path = g_build_filename(run_dir, "tc.lock", NULL);
    int64_t deadline_us = clock_mono_us() + LOCK_WAIT_US;
    int fd;

    if (g_mkdir_with_parents(run_dir, 0755) != 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_PERMISSION,
                    "making the run directory %s: %s", run_dir,
                    g_strerror(errno));
        return -1;
    }
    /* 0600: who may not write leases may not hold us up either */
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_PERMISSION,
                    "opening %s: %s", path, g_strerror(errno));
        return -1;
    }
    /* flock() has no timeout; its holders keep it for milliseconds. */
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (clock_mono_us() > deadline_us) {
            g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_BUSY,
                        "%s is held by another process and was not freed in "
                        "%d s; see fuser %s",
                        path, LOCK_WAIT_US / 1000000, path);
            close(fd);
            return -1;
        }
        g_usleep(LOCK_RETRY_US);
    }
    return fd;
}

static Lease *
lease_read(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(JsonObject) json = NULL;
    g_autoptr(Lease) lease = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, error)) {
        return NULL;
    }
    json = jobj_parse(text, length, error);
    if (json) {
        lease = lease_from_json(json, error);
    }
    if (!lease) {
        g_prefix_error(error, "lease %s: ", path);
        return NULL;
    }
    return g_steal_pointer(&lease);
}

bool
lease_load(const char *run_dir, const LeaseKey *key, Lease **lease,
           GError **error)
{
    g_autofree char *path = lease_path(run_dir, key);
    g_autoptr(GError) local = NULL;
    g_autoptr(Lease) found = lease_read(path, &local);

    if (!found && !g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_BUSY,
                    "%s; see what is on the link, then remove the file",
                    local->message);
        return false;
    }
    *lease = found && lease_key_equal(&found->key, key)
                 ? g_steal_pointer(&found)
                 : NULL;
    return true;
}

/* A file that was replaced has another inode or another time. */
typedef struct Peeked {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
    Lease *lease; /* held; NULL: none that concerned us */
} Peeked;

static void
peeked_free(gpointer data)
{
    Peeked *peeked = data;

    lease_free(peeked->lease);
    g_free(peeked);
}

static bool
is_as_before(const Peeked *peeked, const struct stat *now)
{
    return peeked->device == now->st_dev && peeked->inode == now->st_ino &&
           peeked->size == now->st_size &&
           memcmp(&peeked->modified, &now->st_mtim, sizeof(now->st_mtim)) ==
               0 &&
           memcmp(&peeked->changed, &now->st_ctim, sizeof(now->st_ctim)) == 0;
}

static Lease *
hold(Lease *lease)
{
    if (lease) {
        g_atomic_int_inc(&lease->holders);
    }
    return lease;
}

bool
lease_peek(const char *run_dir, const LeaseKey *key, Lease **lease,
           GError **error)
{
    static GPrivate kept = G_PRIVATE_INIT((GDestroyNotify)g_hash_table_unref);
    GHashTable *by_path = g_private_get(&kept);
    g_autofree char *path = lease_path(run_dir, key);
    Peeked *peeked = by_path ? g_hash_table_lookup(by_path, path) : NULL;
    struct stat now; /* before it is read: what comes later is seen next time */

    if (stat(path, &now) != 0) {
        return lease_load(run_dir, key, lease, error);
    }
    if (peeked && is_as_before(peeked, &now) && peeked->lease &&
        lease_key_equal(&peeked->lease->key, key)) {
        *lease = hold(peeked->lease);
        return true;
    }
    if (!lease_load(run_dir, key, lease, error)) {
        return false;
    }
    if (!by_path) {
        by_path =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, peeked_free);
        g_private_set(&kept, by_path);
    }
    peeked = g_new0(Peeked, 1);
    *peeked = (Peeked){ .device = now.st_dev,
                        .inode = now.st_ino,
                        .size = now.st_size,
                        .modified = now.st_mtim,
                        .changed = now.st_ctim,
                        .lease = hold(*lease) };
    g_hash_table_replace(by_path, g_steal_pointer(&path), peeked);
    return true;
}

/* Swapping the two and removing the old one, because ext4 and others write a
 * file out at once when a rename replaces another: milliseconds each time, for
 * a file that need not survive the boot. */
static bool
lease_replace(const char *draft, const char *path)
{
    if (renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_EXCHANGE) == 0) {
        (void)g_unlink(draft);
        return true;
    }
    return rename(draft, path) == 0;
}

bool
lease_store(const char *run_dir, const Lease *lease, GError **error)
{
    g_autofree char *path = lease_path(run_dir, &lease->key);
    g_autofree char *draft = g_strconcat(path, ".new", NULL);
    g_autoptr(JsonObject) json = NULL;
    g_autofree char *text = NULL;
    size_t length, done = 0;
    int fd;

    if (lease->owners->len == 0) {
        lease_discard(run_dir, &lease->key);
        return true;
    }
    json = lease_to_json(lease);
    text = jobj_to_text(json, false);
    length = strlen(text);
    fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              0644);
    while (fd >= 0 && done < length) {
        ssize_t n = write(fd, text + done, length - done);

        if (n < 0 && errno != EINTR) {
            close(fd);
            fd = -1;
        } else if (n > 0) {
            done += (size_t)n;
        }
    }
    if (fd < 0 || close(fd) != 0 || !lease_replace(draft, path)) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_PERMISSION,
                    "writing the lease %s: %s", path, g_strerror(errno));
        return false;
    }
    return true;
}

GPtrArray *
lease_list(const char *run_dir)
{
    GPtrArray *leases =
        g_ptr_array_new_with_free_func((GDestroyNotify)lease_free);
    g_autoptr(GDir) dir = g_dir_open(run_dir, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(run_dir, name, NULL);

        if (g_str_has_prefix(name, "tc-") && g_str_has_suffix(name, ".json")) {
            Lease *lease = lease_read(path, NULL);

            if (lease) {
                g_ptr_array_add(leases, lease);
            }
        }
    }
    return leases;
}

void
lease_discard(const char *run_dir, const LeaseKey *key)
{
    g_autofree char *path = lease_path(run_dir, key);
    g_autofree char *draft = g_strconcat(path, ".new", NULL);

    (void)g_unlink(path);
    (void)g_unlink(draft); /* of somebody who died over it */
}
