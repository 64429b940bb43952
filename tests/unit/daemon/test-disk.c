/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-disk.c - what waits to be written, and who reads it meanwhile
 *
 * The disk is slow at will: somebody else holds the history, which the one
 * thread wants before it comes to the files behind it.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <sqlite3.h>

#include "daemon/daemon-priv.h"

static char *folder;

static void
setup(void)
{
    folder = g_dir_make_tmp("disk-XXXXXX", NULL);
}

static void
teardown(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);

    cr_expect_eq(system(command), 0);
    g_clear_pointer(&folder, g_free);
}

static void
sql(sqlite3 *database, const char *command)
{
    cr_assert_eq(sqlite3_exec(database, command, NULL, NULL, NULL), SQLITE_OK,
                 "%s: %s", command, sqlite3_errmsg(database));
}

static StoreRun *
a_run(void)
{
    StoreRun *run = store_run_new();

    g_free(run->guest_uuid);
    run->guest_uuid = g_strdup("5f1c0b9e-7c55-4f0e-9a35-6c9c5ce7a0a1");
    return run;
}

Test(disk, what_waits_is_read_as_if_it_were_written, .init = setup,
     .fini = teardown)
{
    g_autofree char *history = g_build_filename(folder, "history.db", NULL);
    g_autofree char *path = g_build_filename(folder, "r", "1.json", NULL);
    g_autofree char *waits = NULL, *later = NULL, *after = NULL, *text = NULL;
    Store *store = store_open(history, NULL);
    Disk *disk = disk_new();
    sqlite3 *other;

    cr_assert(store);
    store_close(store);
    cr_assert_eq(sqlite3_open(history, &other), SQLITE_OK);
    sql(other, "BEGIN EXCLUSIVE");
    disk_remember(disk, history, a_run(), "1");
    disk_write(disk, path, g_strdup("{}"), false, "1");
    waits = disk_text(disk, path);
    cr_expect_not(g_file_test(path, G_FILE_TEST_EXISTS), "not written yet");
    cr_expect_str_eq(waits ? waits : "none", "{}");
    disk_write(disk, path, g_strdup("{\"a\":1}"), false, "1");
    later = disk_text(disk, path);
    cr_expect_str_eq(later ? later : "none", "{\"a\":1}", "the last one");
    cr_expect_null(disk_text(disk, history), "no text");
    sql(other, "ROLLBACK");
    sqlite3_close(other);
    while ((after = disk_text(disk, path))) {
        g_clear_pointer(&after, g_free);
        g_usleep(1000);
    }
    cr_expect(g_file_get_contents(path, &text, NULL, NULL),
              "what waits no more is in its file");
    cr_expect_str_eq(text ? text : "none", "{\"a\":1}");
    disk_free(disk);
}

Test(disk, all_is_written_at_the_end, .init = setup, .fini = teardown)
{
    Disk *disk = disk_new();

    for (unsigned i = 0; i < 50; i++) {
        g_autofree char *name = g_strdup_printf("%u.json", i);
        g_autofree char *path = g_build_filename(folder, name, NULL);

        disk_write(disk, path, g_strdup(name), false, "1");
    }
    disk_free(disk);
    for (unsigned i = 0; i < 50; i++) {
        g_autofree char *name = g_strdup_printf("%u.json", i);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *text = NULL;

        cr_expect(g_file_get_contents(path, &text, NULL, NULL), "%s", name);
        cr_expect_str_eq(text ? text : "none", name);
    }
}
