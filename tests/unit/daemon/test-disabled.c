/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-disabled.c - the switch, however it is thrown
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/disabled.h"

static char *top, *folder, *path;

static void
setup(void)
{
    top = g_dir_make_tmp("disabled-XXXXXX", NULL);
    folder = g_build_filename(top, "vmferry", NULL);
    path = g_build_filename(folder, "disabled", NULL);
}

static void
teardown(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", top);

    cr_expect_eq(system(command), 0);
    g_free(top);
    g_free(folder);
    g_free(path);
}

TestSuite(disabled, .init = setup, .fini = teardown);

typedef struct Heard {
    unsigned calls;
    bool disabled;
    char why[100];
} Heard;

static void
on_change(bool disabled, const char *why, gpointer user)
{
    Heard *heard = user;

    heard->calls++;
    heard->disabled = disabled;
    g_strlcpy(heard->why, why, sizeof(heard->why));
}

/* The next call has to come within a second. */
static void
next_call(Heard *heard)
{
    unsigned before = heard->calls;
    gint64 began_us = g_get_monotonic_time();

    while (heard->calls == before) {
        g_main_context_iteration(NULL, TRUE);
    }
    cr_expect_eq(heard->calls, before + 1);
    cr_expect_lt(g_get_monotonic_time() - began_us, G_USEC_PER_SEC);
}

Test(disabled, is_a_file_with_a_reason)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL;
    bool was = true;

    cr_expect_not(disabled_read(path, &why));
    cr_expect_null(why);
    cr_assert(disabled_unset(path, &was, &error));
    cr_expect_not(was);
    cr_assert(disabled_set(path, "by root: it hurts", &was, &error), "%s",
              error ? error->message : "");
    cr_expect_not(was);
    cr_expect(disabled_read(path, &why));
    cr_expect_str_eq(why, "by root: it hurts");
    cr_assert(disabled_set(path, "once more", &was, &error));
    cr_expect(was);
    cr_assert(disabled_unset(path, &was, &error));
    cr_expect(was);
    cr_expect_not(disabled_read(path, NULL));
}

Test(disabled, anything_of_that_name_counts)
{
    cr_assert_eq(g_mkdir(folder, 0755), 0);
    cr_assert_eq(symlink("/nonexistent", path), 0);
    cr_expect(disabled_read(path, NULL));
    g_unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect(disabled_read(path, NULL), "and nobody hangs");
    g_unlink(path);
    cr_assert_eq(g_mkdir(path, 0755), 0);
    cr_expect(disabled_read(path, NULL));
}

Test(disabled, a_reason_is_made_fit_for_a_log)
{
    g_autofree char *why = NULL;

    cr_assert_eq(g_mkdir(folder, 0755), 0);
    cr_assert(g_file_set_contents(path, " a\xff b\r\nsecond", -1, NULL));
    cr_assert(disabled_read(path, &why));
    cr_expect_str_eq(why, "a\xEF\xBF\xBD b");
}

Test(disabled, a_folder_that_cannot_be_is_an_error)
{
    g_autoptr(GError) error = NULL;

    cr_expect_not(
        disabled_set("/dev/null/vmferry/disabled", NULL, NULL, &error));
    cr_expect_not_null(strstr(error->message, "/dev/null/vmferry"));
}

Test(disabled, comes_and_goes)
{
    g_autoptr(Disabled) disabled = NULL;
    g_autofree char *other = g_strconcat(path, ".off", NULL);
    Heard heard = { 0 };

    cr_assert_eq(g_mkdir(folder, 0755), 0);
    disabled = disabled_watch(path, NULL, on_change, &heard);
    cr_expect_not(disabled_now(disabled));
    cr_assert(disabled_set(path, "enough", NULL, NULL));
    next_call(&heard);
    cr_expect(heard.disabled);
    cr_expect_str_eq(heard.why, "enough");
    cr_expect(disabled_now(disabled));
    cr_assert_eq(g_rename(path, other), 0);
    next_call(&heard);
    cr_expect_not(heard.disabled);
    cr_assert_eq(g_rename(other, path), 0);
    next_call(&heard);
    cr_expect(heard.disabled);
    cr_assert(disabled_unset(path, NULL, NULL));
    next_call(&heard);
    cr_expect_not(disabled_now(disabled));
}

Test(disabled, is_there_from_the_beginning)
{
    g_autoptr(Disabled) disabled = NULL;
    Heard heard = { 0 };

    cr_assert(disabled_set(path, NULL, NULL, NULL));
    disabled = disabled_watch(path, NULL, on_change, &heard);
    cr_expect(disabled_now(disabled));
    cr_assert(disabled_unset(path, NULL, NULL));
    next_call(&heard);
    cr_expect_not(heard.disabled);
}

Test(disabled, the_folder_may_come_later_and_go)
{
    g_autoptr(Disabled) disabled =
        disabled_watch(path, NULL, on_change, &(Heard){ 0 });
    g_autofree char *elsewhere = g_strconcat(folder, ".old", NULL);
    Heard heard = { 0 };

    g_clear_pointer(&disabled, disabled_free);
    disabled = disabled_watch(path, NULL, on_change, &heard);
    cr_assert(disabled_set(path, "new", NULL, NULL)); /* makes the folder */
    next_call(&heard);
    cr_expect(heard.disabled);

    /* away with the folder: it is not there any more */
    cr_assert_eq(g_rename(folder, elsewhere), 0);
    next_call(&heard);
    cr_expect_not(heard.disabled);

    /* and anew, twice, so that the watch is seen to be on the new one */
    cr_assert(disabled_set(path, "newer", NULL, NULL));
    next_call(&heard);
    cr_expect_str_eq(heard.why, "newer");
    cr_assert(disabled_unset(path, NULL, NULL));
    next_call(&heard);
    cr_assert(disabled_set(path, "newest", NULL, NULL));
    next_call(&heard);
    cr_expect_str_eq(heard.why, "newest");
}
