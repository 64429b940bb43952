/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.c - see files.h
 */
#include "base/files.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

bool
file_write(const char *path, const char *text, GError **error)
{
    struct stat was;
    FILE *file;
    int code = 0;

    if (lstat(path, &was) != 0 || S_ISREG(was.st_mode)) {
        return g_file_set_contents(path, text, -1, error);
    }
    file = fopen(path, "w");
    if (!file || fputs(text, file) == EOF) {
        code = errno;
    }
    if (file && fclose(file) != 0 && code == 0) {
        code = errno;
    }
    if (code != 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code),
                    "writing %s: %s", path, g_strerror(code));
    }
    return code == 0;
}
