/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-lines.c - lines that are on the disk, for one process at a time
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/lines.h"

static char *folder;
static char *path;

static void
set_up(void)
{
    folder = g_dir_make_tmp("lines-XXXXXX", NULL);
    path = g_build_filename(folder, "state", "journal", NULL);
}

static void
tear_down(void)
{
    g_autofree char *state = g_build_filename(folder, "state", NULL);
    static const char *const suffixes[] = { "", ".lock", ".new" };

    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *name = g_strconcat(path, suffixes[i], NULL);

        g_unlink(name);
    }
    g_rmdir(state);
    g_rmdir(folder);
    g_free(folder);
    g_free(path);
}

TestSuite(lines, .init = set_up, .fini = tear_down);

Test(lines, what_was_written_is_read_again)
{
    g_autofree char *first = NULL, *second = NULL;
    g_autoptr(GError) error = NULL;
    Lines *lines = lines_open(path, &first, &error);

    cr_assert_not_null(lines, "%s", error ? error->message : "");
    cr_assert_str_eq(first, "");
    cr_assert(lines_append(lines, "one", NULL));
    cr_assert(lines_append(lines, "", NULL));
    cr_assert(lines_append(lines, "three", NULL));
    cr_assert_eq(lines_bytes(lines), 11);
    lines_close(lines);
    lines = lines_open(path, &second, NULL);
    cr_assert_str_eq(second, "one\n\nthree\n");
    lines_close(lines);
}

Test(lines, a_line_that_was_being_written_never_was)
{
    g_autofree char *text = NULL, *peeked = NULL, *again = NULL;
    g_autofree char *state = g_path_get_dirname(path);
    Lines *lines;

    g_mkdir(state, 0700);
    cr_assert(g_file_set_contents(path, "whole\nhal", -1, NULL));
    peeked = lines_peek(path, NULL);
    cr_assert_str_eq(peeked, "whole\n");
    lines = lines_open(path, &text, NULL);
    cr_assert_str_eq(text, "whole\n");
    cr_assert(lines_append(lines, "next", NULL));
    lines_close(lines);
    again = lines_peek(path, NULL);
    cr_assert_str_eq(again, "whole\nnext\n");
}

Test(lines, replacing_gives_all_of_the_new_lines_and_keeps_the_lock)
{
    g_autofree char *text = NULL, *peeked = NULL;
    Lines *lines = lines_open(path, &text, NULL);

    cr_assert(lines_append(lines, "old", NULL));
    cr_assert(lines_replace(lines, "a\nb\n", NULL));
    cr_assert_eq(lines_bytes(lines), 4);
    cr_assert(lines_append(lines, "c", NULL));
    peeked = lines_peek(path, NULL);
    cr_assert_str_eq(peeked, "a\nb\nc\n");
    cr_assert_eq(lines_holder(path), getpid());
    lines_close(lines);
    cr_assert_eq(lines_holder(path), 0);
}

Test(lines, who_comes_second_is_told_who_has_it)
{
    g_autofree char *text = NULL;
    g_autofree char *want = g_strdup_printf("process %d has it", getpid());
    Lines *lines = lines_open(path, &text, NULL);
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        GError *error = NULL;
        char *mine = NULL;
        Lines *second = lines_open(path, &mine, &error);

        _exit(!second && error->code == STORE_ERROR_BUSY &&
                      strstr(error->message, want)
                  ? 0
                  : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    lines_close(lines);
}

Test(lines, what_is_no_line_is_refused_and_changes_nothing)
{
    g_autofree char *text = NULL, *peeked = NULL;
    g_autoptr(GError) error = NULL;
    Lines *lines = lines_open(path, &text, NULL);

    cr_assert_not(lines_append(lines, "two\nlines", &error));
    cr_assert_not_null(error);
    lines_close(lines);
    peeked = lines_peek(path, NULL);
    cr_assert_str_eq(peeked, "");
}

Test(lines, a_file_of_something_else_is_left_alone)
{
    g_autofree char *text = NULL, *state = g_path_get_dirname(path);
    g_autofree char *kept = NULL;
    g_autoptr(GError) error = NULL;
    gsize length;

    g_mkdir(state, 0700);
    cr_assert(g_file_set_contents(path, "\0\n\0", 3, NULL));
    cr_assert_null(lines_open(path, &text, &error));
    cr_assert_eq(error->code, STORE_ERROR_CORRUPT);
    cr_assert(g_file_get_contents(path, &kept, &length, NULL));
    cr_assert_eq(length, 3);
}
