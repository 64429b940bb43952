/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-store.c - the history, in files of its own
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib/gstdio.h>
#include <math.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define OTHER "6695eb01-f6a4-8304-79aa-97f2502e1940"

static char *folder;
static char *path;

static void
setup(void)
{
    folder = g_dir_make_tmp("store-XXXXXX", NULL);
    cr_assert_not_null(folder);
    path = g_build_filename(folder, "deep", "history.db", NULL);
}

static void
teardown(void)
{
    static const char *const names[] = { "history.db", "history.db-wal",
                                         "history.db-shm" };
    g_autofree char *deep = g_path_get_dirname(path);

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *file = g_build_filename(deep, names[i], NULL);

        g_unlink(file);
    }
    g_rmdir(deep);
    cr_expect_eq(g_rmdir(folder), 0, "something was left in %s", folder);
    g_free(path);
    g_free(folder);
}

TestSuite(store, .init = setup, .fini = teardown);

static StoreRun *
make_run(const char *uuid, double seconds)
{
    static int n_made;
    StoreRun *run = store_run_new();
    StorePoint points[] = { { 20.5, 30000 }, { 2.25, 7000 }, { 0.5, 1999 } };

    run->guest_uuid = g_strdup(uuid);
    run->guest_name = g_strdup("vm-a");
    run->started_us =
        1700000000000000 + n_made++ * 2 * (int64_t)STORE_SAME_START_US;
    run->policy = g_strdup("default");
    run->outcome = g_strdup("completed");
    run->total_s = known(seconds);
    run->bandwidth_bytes_s = known(12.5e6);
    g_array_append_vals(run->points, points, G_N_ELEMENTS(points));
    return run;
}

static Store *
open_store(void)
{
    g_autoptr(GError) error = NULL;
    Store *store = store_open(path, &error);

    cr_assert_not_null(store, "%s", error ? error->message : "");
    return store;
}

static void
add(Store *store, const char *uuid, double seconds)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreRun) run = make_run(uuid, seconds);

    cr_assert(store_add(store, run, &error), "%s", error ? error->message : "");
}

static GPtrArray *
runs_of(Store *store, const char *uuid, unsigned most)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *runs = store_runs(store, uuid, most, &error);

    cr_assert_not_null(runs, "%s", error ? error->message : "");
    return runs;
}

Test(store, keeps_runs_of_each_guest)
{
    g_autoptr(Store) store = open_store();
    g_autoptr(GPtrArray) runs = NULL;
    const StoreRun *run;

    add(store, UUID, 60);
    add(store, OTHER, 5);
    add(store, UUID, 70);
    g_clear_pointer(&store, store_close);
    store = store_open_to_read(path, NULL);
    cr_assert_not_null(store);

    runs = runs_of(store, UUID, 10);
    cr_assert_eq(runs->len, 2);
    run = g_ptr_array_index(runs, 0);
    cr_assert_eq(run->total_s.value, 70, "the latest first");
    cr_assert_str_eq(run->guest_uuid, UUID);
    cr_assert_str_eq(run->guest_name, "vm-a");
    cr_assert_str_eq(run->policy, "default");
    cr_assert_str_eq(run->outcome, "completed");
    cr_assert_eq(run->started_us, 1700000020000000);
    cr_assert_eq(run->bandwidth_bytes_s.value, 12.5e6);
    cr_assert_not(run->downtime_s.known);
    cr_assert_eq(run->points->len, 3);
    cr_assert_eq(g_array_index(run->points, StorePoint, 1).duration_s, 2.25);
    cr_assert_eq(g_array_index(run->points, StorePoint, 2).pages, 1999);
}

Test(store, the_latest_of_all_or_of_one)
{
    g_autoptr(Store) store = open_store();
    static const struct {
        const char *uuid, *name;
        int64_t started_us;
    } made[] = {
        { UUID, "vm-a", 30000000 },
        { OTHER, "vm-b", 50000000 },
        { UUID, "vm-a", 40000000 },
        { OTHER, NULL, 10000000 },
    };
    static const struct {
        const char *guest;
        unsigned most;
        const char *want;
    } asked[] = {
        { NULL, 9, "50 40 30 10 " }, { NULL, 2, "50 40 " },
        { "vm-a", 9, "40 30 " },     { OTHER, 9, "50 10 " },
        { "vm-z", 9, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(made); i++) {
        g_autoptr(StoreRun) run = make_run(made[i].uuid, 1);

        g_free(run->guest_name);
        run->guest_name = g_strdup(made[i].name);
        run->started_us = made[i].started_us;
        cr_assert(store_add(store, run, NULL));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
        g_autoptr(GPtrArray) runs =
            store_latest(store, asked[i].guest, asked[i].most, NULL);
        g_autoptr(GString) got = g_string_new(NULL);

        cr_assert_not_null(runs);
        for (guint j = 0; j < runs->len; j++) {
            const StoreRun *run = g_ptr_array_index(runs, j);

            g_string_append_printf(got, "%" G_GINT64_FORMAT " ",
                                   run->started_us / 1000000);
        }
        cr_expect_str_eq(got->str, asked[i].want, "%s", asked[i].guest);
    }
}

/* vmferryd and "vmferry migrate" both saw it. */
Test(store, two_notes_of_one_migration_are_one)
{
    g_autoptr(Store) store = open_store();
    g_autoptr(StoreRun) run = make_run(UUID, 60);
    g_autoptr(GPtrArray) runs = NULL, others = NULL;

    cr_assert(store_add(store, run, NULL));
    run->started_us -= STORE_SAME_START_US;
    run->total_s = known(61);
    cr_assert(store_add(store, run, NULL));
    runs = runs_of(store, UUID, 10);
    cr_assert_eq(runs->len, 1);
    cr_assert_eq(((StoreRun *)g_ptr_array_index(runs, 0))->total_s.value, 60);
    cr_assert_eq(((StoreRun *)g_ptr_array_index(runs, 0))->points->len, 3);

    g_free(run->guest_uuid);
    run->guest_uuid = g_strdup(OTHER);
    cr_assert(store_add(store, run, NULL));
    others = runs_of(store, OTHER, 10);
    cr_assert_eq(others->len, 1, "another guest's is another");
}

Test(store, a_guest_never_seen_has_none)
{
    g_autoptr(Store) store = open_store();
    g_autoptr(GPtrArray) runs = runs_of(store, "' OR 1=1 --", 10);

    cr_assert_eq(runs->len, 0);
}

Test(store, bounds)
{
    g_autoptr(Store) store = open_store();
    g_autoptr(GPtrArray) few = NULL, all = NULL;

    for (int i = 0; i < 120; i++) {
        add(store, UUID, i);
    }
    few = runs_of(store, UUID, 3);
    cr_assert_eq(few->len, 3);
    all = runs_of(store, UUID, 1000);
    cr_assert_eq(all->len, 100);
    cr_assert_eq(((StoreRun *)g_ptr_array_index(all, 99))->total_s.value, 20);
}

Test(store, senseless_numbers_are_left_out)
{
    g_autoptr(Store) store = open_store();
    g_autoptr(StoreRun) run = make_run(UUID, NAN);
    StorePoint bad[] = {
        { NAN, 1 }, { 1, INFINITY }, { -1, 5 }, { 0, 5 }, { 1, -5 }
    };
    g_autoptr(GPtrArray) runs = NULL;

    g_array_append_vals(run->points, bad, G_N_ELEMENTS(bad));
    cr_assert(store_add(store, run, NULL));
    runs = runs_of(store, UUID, 1);
    cr_assert_not(((StoreRun *)g_ptr_array_index(runs, 0))->total_s.known);
    cr_assert_eq(((StoreRun *)g_ptr_array_index(runs, 0))->points->len, 3);
}

Test(store, a_run_without_uuid_is_refused)
{
    g_autoptr(Store) store = open_store();
    g_autoptr(StoreRun) run = make_run("", 1);
    g_autoptr(GError) error = NULL;

    cr_assert_not(store_add(store, run, &error));
    cr_assert(g_error_matches(error, STORE_ERROR, STORE_ERROR_VALUE));
}

Test(store, none_yet)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(store_open_to_read(path, &error));
    cr_assert(g_error_matches(error, STORE_ERROR, STORE_ERROR_NONE_YET));
    cr_assert_not_null(strstr(error->message, path));
    cr_assert_not(g_file_test(path, G_FILE_TEST_EXISTS), "looking made it");
}

/* What is in the file before, and which error comes of it. */
typedef struct Foreign {
    char what[32];
    char sql[160]; /* carried out in it; "": see .text */
    char text[80]; /* written over it */
    int code;
    char says[40];
} Foreign;

ParameterizedTestParameters(store, foreign)
{
    static Foreign cases[] = {
        { "no database", "",
          "this is a text that is no database at all, and "
          "longer than that",
          STORE_ERROR_CORRUPT, "move the file away" },
        { "somebody else's", "CREATE TABLE bookmarks (url TEXT)", "",
          STORE_ERROR_CORRUPT, "not vmferry's" },
        { "a later schema",
          "PRAGMA application_id = 0x766d6679;"
          "PRAGMA user_version = 99",
          "", STORE_ERROR_NEWER, "later vmferry" },
    };

    return cr_make_param_array(Foreign, cases, G_N_ELEMENTS(cases));
}

static void
run_sql(const char *sql)
{
    sqlite3 *db = NULL;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    sqlite3_close(db);
}

ParameterizedTest(Foreign *c, store, foreign)
{
    g_autofree char *deep = g_path_get_dirname(path);
    g_autofree char *before = NULL, *after = NULL;
    gsize n_before, n_after;

    cr_assert_eq(g_mkdir(deep, 0755), 0);
    if (*c->sql) {
        run_sql(c->sql);
    } else {
        cr_assert(g_file_set_contents(path, c->text, -1, NULL));
    }
    cr_assert(g_file_get_contents(path, &before, &n_before, NULL));
    for (int to_read = 0; to_read < 2; to_read++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Store) store = to_read ? store_open_to_read(path, &error)
                                         : store_open(path, &error);

        cr_assert_null(store, "%s", c->what);
        cr_assert(g_error_matches(error, STORE_ERROR, c->code), "%s: %s",
                  c->what, error->message);
        cr_assert_not_null(strstr(error->message, c->says), "%s",
                           error->message);
        cr_assert_not_null(strstr(error->message, path));
    }
    cr_assert(g_file_get_contents(path, &after, &n_after, NULL));
    cr_assert_eq(n_before, n_after, "%s: the file was changed", c->what);
    cr_assert_eq(memcmp(before, after, n_before), 0, "%s", c->what);
}

/* A page of the file is overwritten behind the header. */
Test(store, damage_is_an_error_and_no_crash)
{
    g_autofree char *content = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) runs = NULL;
    g_autoptr(Store) store = open_store();

    for (int i = 0; i < 90; i++) {
        add(store, UUID, i);
    }
    g_clear_pointer(&store, store_close);
    cr_assert(g_file_get_contents(path, &content, &length, NULL));
    cr_assert_gt(length, 8192);
    memset(content + 4096, 0x5a, length - 4096);
    cr_assert(g_file_set_contents(path, content, (gssize)length, NULL));

    store = store_open_to_read(path, &error);
    if (store) {
        runs = store_runs(store, UUID, 100, &error);
        cr_assert_null(runs);
    }
    cr_assert(g_error_matches(error, STORE_ERROR, STORE_ERROR_CORRUPT), "%s",
              error->message);
}

Test(store, a_folder_in_its_place)
{
    g_autoptr(GError) error = NULL;

    cr_assert_eq(g_mkdir_with_parents(path, 0755), 0);
    cr_assert_null(store_open(path, &error));
    cr_assert(g_error_matches(error, STORE_ERROR, STORE_ERROR_ACCESS), "%s",
              error->message);
    cr_assert_eq(g_rmdir(path), 0);
}

Test(store, where_no_folder_can_be_made)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(store_open("/proc/none/history.db", &error));
    cr_assert(g_error_matches(error, STORE_ERROR, STORE_ERROR_ACCESS), "%s",
              error->message);
    cr_assert_not_null(strstr(error->message, "/proc/none/history.db"));
}

/* As a user without rights in the folder reads it. */
Test(store, reading_needs_no_right_to_write)
{
    g_autofree char *deep = g_path_get_dirname(path);
    g_autoptr(GPtrArray) runs = NULL;
    g_autoptr(Store) store = open_store();

    if (geteuid() == 0) {
        /* root would not notice; files it leaves go with the folder */
        cr_assert_eq(g_chmod(folder, 0755), 0);
    }
    add(store, UUID, 1);
    g_clear_pointer(&store, store_close);
    cr_assert_eq(g_chmod(deep, 0555), 0);
    if (geteuid() == 0) {
        cr_assert_eq(seteuid(65534), 0);
    }
    store = store_open_to_read(path, NULL);
    cr_assert_not_null(store);
    runs = runs_of(store, UUID, 10);
    cr_assert_eq(runs->len, 1);
    if (getuid() == 0) {
        cr_assert_eq(seteuid(0), 0);
    }
    cr_assert_eq(g_chmod(deep, 0755), 0);
}

Test(store, two_writers_and_a_reader)
{
    g_autoptr(Store) one = open_store();
    g_autoptr(Store) two = open_store();
    g_autoptr(Store) reader = store_open_to_read(path, NULL);
    g_autoptr(GPtrArray) runs = NULL;

    add(one, UUID, 1);
    add(two, UUID, 2);
    add(one, UUID, 3);
    runs = runs_of(reader, UUID, 10);
    cr_assert_eq(runs->len, 3);
}

Test(store, somebody_holds_it)
{
    g_autoptr(Store) store = open_store();
    g_autoptr(StoreRun) run = make_run(UUID, 1);
    g_autoptr(GError) error = NULL;
    sqlite3 *other = NULL;
    int64_t began_us = g_get_monotonic_time();

    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL),
                 SQLITE_OK);
    cr_assert_not(store_add(store, run, &error));
    cr_assert(g_error_matches(error, STORE_ERROR, STORE_ERROR_BUSY), "%s",
              error->message);
    cr_assert_gt(g_get_monotonic_time() - began_us, 1500000, "it waited");
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(other);
    cr_assert(store_add(store, run, NULL));
}
