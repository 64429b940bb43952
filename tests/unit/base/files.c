/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that a user names: what is none is not replaced.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"

static char *folder;

static void
set_up(void)
{
    folder = g_dir_make_tmp("vmferry-files-XXXXXX", NULL);
    cr_assert_not_null(folder);
}

static char *
in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static void
tear_down(void)
{
    static const char *const names[] = { "plain", "link", "to" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = in_folder(names[i]);

        g_unlink(path);
    }
    cr_expect_eq(g_rmdir(folder), 0, "something else was left in %s", folder);
    g_free(folder);
}

static void
holds(const char *path, const char *wanted)
{
    g_autofree char *text = NULL;

    cr_assert(g_file_get_contents(path, &text, NULL, NULL));
    cr_expect_str_eq(text, wanted);
}

Test(files, a_regular_one_is_replaced, .init = set_up, .fini = tear_down)
{
    g_autofree char *path = in_folder("plain");
    g_autoptr(GError) error = NULL;

    cr_assert(file_write(path, "first, and long", &error));
    cr_assert(file_write(path, "second", &error));
    holds(path, "second");
}

Test(files, a_link_leads_to_it, .init = set_up, .fini = tear_down)
{
    g_autofree char *path = in_folder("link"), *to = in_folder("to");
    struct stat is;

    cr_assert(file_write(to, "what was there before", NULL));
    cr_assert_eq(symlink(to, path), 0);
    cr_assert(file_write(path, "new", NULL));
    holds(to, "new");
    cr_assert_eq(lstat(path, &is), 0);
    cr_expect(S_ISLNK(is.st_mode), "the link was replaced by a file");
}

Test(files, a_device_stays_one, .init = set_up, .fini = tear_down)
{
    g_autofree char *path = in_folder("link");
    struct stat is;

    cr_assert_eq(symlink("/dev/null", path), 0);
    cr_assert(file_write(path, "for nobody", NULL));
    cr_assert_eq(lstat(path, &is), 0);
    cr_expect(S_ISLNK(is.st_mode), "the link was replaced by a file");
    cr_assert_eq(stat("/dev/null", &is), 0);
    cr_expect(S_ISCHR(is.st_mode));
}

Test(files, what_cannot_be_written_is_named, .init = set_up, .fini = tear_down)
{
    g_autofree char *path = in_folder("link");
    g_autoptr(GError) error = NULL;

    cr_assert_eq(symlink("/dev/full", path), 0);
    cr_assert(!file_write(path, "more than fits", &error));
    cr_expect(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC));
    cr_expect_not_null(strstr(error->message, path));
}
