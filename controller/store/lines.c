/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lines.c - see lines.h
 *
 * The lock is on a file of its own, for lines_replace() gives the name to
 * another file. The number in it is for people.
 */
#include "store/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct Lines {
    char *path;
    int fd, lock_fd;
    uint64_t bytes;
};

static bool G_GNUC_PRINTF(4, 5)
    fail(GError **error, const char *path, int number, const char *doing, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, doing);
    text = g_strdup_vprintf(doing, args);
    va_end(args);
    g_set_error(error, STORE_ERROR, STORE_ERROR_ACCESS, "%s: %s: %s", path,
                text, g_strerror(number));
    return false;
}

static char *
lock_path(const char *path)
{
    return g_strconcat(path, ".lock", NULL);
}

static char *
folder_of(const char *path)
{
    return g_path_get_dirname(path);
}

/* --- who has it --- */

static int
take_lock(const char *path, GError **error)
{
    g_autofree char *name = lock_path(path);
    char text[24] = "";
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        fail(error, name, errno, "making the lock file");
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

        g_strstrip(text);
        g_set_error(error, STORE_ERROR, STORE_ERROR_BUSY,
                    "%s: process %s has it; two managers would undo each "
                    "other's work",
                    path, length > 0 ? text : "?");
        close(fd);
        return -1;
    }
    g_snprintf(text, sizeof(text), "%" PRId64 "\n", (int64_t)getpid());
    if (ftruncate(fd, 0) != 0 ||
        pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text)) {
        fail(error, name, errno, "writing our number");
        close(fd);
        return -1;
    }
    return fd;
}

int64_t
lines_holder(const char *path)
{
    g_autofree char *name = lock_path(path);
    char text[24] = "";
    int64_t pid = 0;
    int fd = open(name, O_RDONLY | O_CLOEXEC);

    /* a shared lock, for an instant: who starts just then tries again */
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
        pread(fd, text, sizeof(text) - 1, 0) > 0) {
        pid = g_ascii_strtoll(text, NULL, 10);
    }
    if (fd >= 0) {
        close(fd);
    }
    return pid;
}

/* --- reading --- */

static char *
read_lines(const char *path, gsize *whole, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) cause = NULL;
    gsize length;
    char *end;

    if (!g_file_get_contents(path, &text, &length, &cause)) {
        if (g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            *whole = 0;
            return g_strdup("");
        }
        g_set_error(error, STORE_ERROR, STORE_ERROR_ACCESS, "%s",
                    cause->message);
        return NULL;
    }
    if (memchr(text, '\0', length)) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_CORRUPT,
                    "%s: it holds zeros, and is no file of lines; move it "
                    "away, and what was under way is not resumed",
                    path);
        return NULL;
    }
    end = strrchr(text, '\n');
    *whole = end ? (gsize)(end + 1 - text) : 0;
    text[*whole] = '\0';
    return g_steal_pointer(&text);
}

char *
lines_peek(const char *path, GError **error)
{
    gsize whole;

    return read_lines(path, &whole, error);
}

static void
sync_folder(const char *path)
{
    g_autofree char *folder = folder_of(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd); /* a file system that cannot has nothing to lose */
        close(fd);
    }
}

Lines *
lines_open(const char *path, char **text, GError **error)
{
    g_autoptr(Lines) lines = g_new0(Lines, 1);
    g_autofree char *folder = folder_of(path);
    g_autofree char *found = NULL;
    gsize whole = 0;

    lines->fd = lines->lock_fd = -1;
    lines->path = g_strdup(path);
    if (g_mkdir_with_parents(folder, 0750) != 0) {
        fail(error, folder, errno, "making the folder");
        return NULL;
    }
    lines->lock_fd = take_lock(path, error);
    if (lines->lock_fd < 0 || !(found = read_lines(path, &whole, error))) {
        return NULL;
    }
    lines->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (lines->fd < 0 || ftruncate(lines->fd, (off_t)whole) != 0) {
        fail(error, path, errno, "opening it");
        return NULL;
    }
    lines->bytes = whole;
    sync_folder(path);
    *text = g_steal_pointer(&found);
    return g_steal_pointer(&lines);
}

void
lines_close(Lines *lines)
{
    if (!lines) {
        return;
    }
    if (lines->fd >= 0) {
        close(lines->fd);
    }
    if (lines->lock_fd >= 0) {
        close(lines->lock_fd);
    }
    g_free(lines->path);
    g_free(lines);
}

/* --- writing --- */

static bool
write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return false;
        }
        text += n;
        length -= (size_t)n;
    }
    return true;
}

bool
lines_append(Lines *lines, const char *line, GError **error)
{
    g_autofree char *text = g_strconcat(line, "\n", NULL);
    size_t length = strlen(text);
    int number;

    if (strchr(line, '\n')) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_VALUE,
                    "%s: a line feed within a line", lines->path);
        return false;
    }
    if (!write_all(lines->fd, text, length) || fdatasync(lines->fd) != 0) {
        number = errno;
        if (ftruncate(lines->fd, (off_t)lines->bytes) != 0) {
            g_debug("%s: cutting off what was not written: %s", lines->path,
                    g_strerror(errno));
        }
        return fail(error, lines->path, number, "writing a line");
    }
    lines->bytes += length;
    return true;
}

bool
lines_replace(Lines *lines, const char *text, GError **error)
{
    g_autofree char *name = g_strconcat(lines->path, ".new", NULL);
    int fd =
        open(name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    int number;

    if (fd < 0) {
        return fail(error, name, errno, "making it");
    }
    if (!write_all(fd, text, strlen(text)) || fsync(fd) != 0 ||
        g_rename(name, lines->path) != 0) {
        number = errno;
        close(fd);
        g_unlink(name);
        return fail(error, name, number, "writing it");
    }
    sync_folder(lines->path);
    close(lines->fd);
    lines->fd = fd;
    lines->bytes = strlen(text);
    return true;
}

uint64_t
lines_bytes(const Lines *lines)
{
    return lines->bytes;
}
