/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-traffic-store.c - traffic matrices kept in a file, and read back
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "store/traffic-store.h"
#include "traffic/write.h"

#define S INT64_C(1000000)

static char *folder;
static char *path;

static void
setup(void)
{
    folder = g_dir_make_tmp("traffic-store-XXXXXX", NULL);
    cr_assert_not_null(folder);
    path = g_build_filename(folder, "traffic.db", NULL);
}

static void
teardown(void)
{
    g_autofree char *journal = g_strconcat(path, "-journal", NULL);

    g_unlink(path);
    g_unlink(journal);
    cr_expect_eq(g_rmdir(folder), 0, "something was left in %s", folder);
    g_free(path);
    g_free(folder);
}

TestSuite(traffic_store, .init = setup, .fini = teardown);

static TrafficGuests *
some_guests(void)
{
    static const char text[] = "52:54:00:00:00:01=a\n52:54:00:00:00:02=b's\n"
                               "52:54:00:00:00:03=silent\n10.9.0.0/16=lab\n";
    TrafficGuests *guests = traffic_guests_new(24, 64);

    cr_assert(traffic_guests_parse(guests, text, strlen(text), NULL));
    return guests;
}

static TrafficSummary *
some_summary(TrafficGuests *guests, int64_t from_us, uint32_t bytes)
{
    TrafficSpec spec = { 16, 4 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    TrafficSummary *summary;
    TrafficSource *source;

    for (uint32_t i = 0; i < 40; i++) {
        TrafficFrame frame = { .wire_bytes = bytes + i,
                               .source_mac = 0x525400000001,
                               .destination_mac = 7,
                               .ip = 4 };

        memcpy(frame.destination.bytes + 10, "\xff\xff\x0a", 3);
        frame.destination.bytes[13] = (uint8_t)(i % 10);
        frame.destination.bytes[14] = (uint8_t)i;
        if (i % 5 == 0) {
            frame.destination_mac = 0x525400000002;
        }
        traffic_matrix_add(matrix, &frame);
    }
    summary = traffic_matrix_summary(matrix);
    summary->from_us = from_us;
    summary->to_us = from_us + 300 * S;
    summary->period_us = 300 * S;
    summary->late = 3;
    summary->not_understood = 4;
    source = traffic_summary_add_source(summary, "br0");
    source->counts_drops = true;
    source->dropped = 5;
    source->interface_dropped = 6;
    traffic_summary_add_source(summary, "a file");
    return summary;
}

static TrafficStore *
open_store(void)
{
    g_autoptr(GError) error = NULL;
    TrafficStore *store = traffic_store_open(path, &error);

    cr_assert_not_null(store, "%s", error ? error->message : "");
    return store;
}

static void
add(TrafficStore *store, const TrafficSummary *summary, int64_t keep_us)
{
    g_autoptr(GError) error = NULL;

    cr_assert(traffic_store_add(store, summary, keep_us, &error), "%s",
              error ? error->message : "");
}

static bool
on_stored(TrafficSummary *summary, gpointer user)
{
    g_ptr_array_add(user, summary);
    return true;
}

static GPtrArray *
read_back(TrafficStore *store, int64_t from_us, int64_t to_us,
          TrafficGuests *guests)
{
    GPtrArray *all =
        g_ptr_array_new_with_free_func((GDestroyNotify)traffic_summary_free);
    g_autoptr(GError) error = NULL;

    cr_assert(traffic_store_read(store, from_us, to_us, guests, on_stored, all,
                                 &error),
              "%s", error ? error->message : "");
    return all;
}

Test(traffic_store, what_is_kept_comes_back)
{
    g_autoptr(TrafficGuests) guests = some_guests();
    g_autoptr(TrafficGuests) others = traffic_guests_new(24, 64);
    g_autoptr(TrafficSummary) summary = some_summary(guests, 900 * S, 100);
    g_autoptr(TrafficStore) store = open_store();
    g_autoptr(TrafficStore) reader = NULL;
    g_autoptr(GPtrArray) all = NULL, same = NULL;
    g_autoptr(JsonObject) want = traffic_write_json(summary);
    g_autoptr(JsonObject) have = NULL;
    g_autofree char *want_text = jobj_to_text(want, true);
    g_autofree char *have_text = NULL;
    g_autofree char *csv = traffic_write_csv(summary, true);
    g_autofree char *csv_back = NULL;

    cr_assert_gt(summary->tail[TRAFFIC_WITH_OUTSIDE].packets, 0,
                 "a matrix without a tail shows little");
    add(store, summary, 0);
    reader = traffic_store_open_to_read(path, NULL);
    cr_assert_not_null(reader);
    /* with the guests that it was made of, to the letter */
    same = read_back(reader, 0, INT64_MAX, guests);
    cr_assert_eq(same->len, 1);
    g_array_set_size(((TrafficSummary *)same->pdata[0])->sent, 3);
    g_array_set_size(((TrafficSummary *)same->pdata[0])->received, 3);
    have = traffic_write_json(same->pdata[0]);
    have_text = jobj_to_text(have, true);
    cr_assert_str_eq(have_text, want_text);
    /* and by one who knew nobody; CSV has no order of guests */
    all = read_back(reader, 0, INT64_MAX, others);
    csv_back = traffic_write_csv(all->pdata[0], true);
    cr_assert_eq(strlen(csv_back), strlen(csv));
    cr_assert_eq(traffic_guests_count(others), 2, "the silent one is not kept");
}

Test(traffic_store, only_what_began_in_that_time_is_read)
{
    g_autoptr(TrafficGuests) guests = some_guests();
    g_autoptr(TrafficStore) store = open_store();
    g_autoptr(GPtrArray) some = NULL, none = NULL;
    int64_t from_us = 1, last_us = 1, period_us = 1;

    cr_assert(traffic_store_span(store, &from_us, &last_us, &period_us, NULL));
    cr_assert(from_us == 0 && last_us == 0 && period_us == 0);
    for (int i = 9; i >= 0; i--) {
        g_autoptr(TrafficSummary) summary =
            some_summary(guests, i * 300 * S, (uint32_t)(100 + i));

        add(store, summary, 0);
    }
    some = read_back(store, 600 * S, 1500 * S, guests);
    cr_assert_eq(some->len, 3);
    for (guint i = 0; i < 3; i++) {
        cr_assert_eq(((TrafficSummary *)some->pdata[i])->from_us,
                     (600 + i * 300) * S);
    }
    none = read_back(store, 601 * S, 900 * S, guests);
    cr_assert_eq(none->len, 0);
    cr_assert(traffic_store_span(store, &from_us, &last_us, &period_us, NULL));
    cr_assert(from_us == 0 && last_us == 2700 * S && period_us == 300 * S);
}

static int64_t
count(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t n;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
    n = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return n;
}

Test(traffic_store, old_ones_go_with_all_they_had)
{
    g_autoptr(TrafficGuests) guests = some_guests();
    g_autoptr(TrafficStore) store = open_store();
    g_autoptr(TrafficSummary) late = some_summary(guests, 90000 * S, 1);

    for (int i = 0; i < 5; i++) {
        g_autoptr(TrafficSummary) summary =
            some_summary(guests, i * 300 * S, 100);

        add(store, summary, 600 * S);
    }
    /* it ended at 1500 s: what ended before 900 s is gone */
    cr_assert_eq(count("SELECT count(*) FROM matrix"), 3);
    cr_assert_eq(count("SELECT count(DISTINCT matrix) FROM pair"), 3);
    cr_assert_gt(count("SELECT count(*) FROM party"), 2);
    traffic_summary_truncate(late, 1);
    add(store, late, 600 * S);
    cr_assert_eq(count("SELECT count(*) FROM matrix"), 1);
    cr_assert_eq(count("SELECT count(*) FROM pair"), 1);
    cr_assert_eq(count("SELECT count(*) FROM class"), 3);
    cr_assert_eq(count("SELECT count(*) FROM source"), 2);
    /* a, b's: one pair, both guests */
    cr_assert_eq(count("SELECT count(*) FROM party"), 2);
}

static void
expect_refused(bool to_read, StoreError code, const char *want)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TrafficStore) store =
        to_read ? traffic_store_open_to_read(path, &error)
                : traffic_store_open(path, &error);

    cr_assert_null(store);
    cr_assert(g_error_matches(error, STORE_ERROR, code), "%s", error->message);
    cr_assert(strstr(error->message, path), "%s", error->message);
    cr_assert(strstr(error->message, want), "%s", error->message);
}

static void
run_sql(const char *sql)
{
    sqlite3 *db = NULL;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

Test(traffic_store, files_that_are_not_ours_are_left_alone)
{
    expect_refused(true, STORE_ERROR_NONE_YET, "there is none yet");
    run_sql("CREATE TABLE x (y)");
    expect_refused(false, STORE_ERROR_CORRUPT, "not vmferry's");
    expect_refused(true, STORE_ERROR_CORRUPT, "not vmferry's");
    g_unlink(path);
    cr_assert(g_file_set_contents(path,
                                  "no database at all, but long enough "
                                  "to be one, one would think........."
                                  "....................................",
                                  -1, NULL));
    expect_refused(false, STORE_ERROR_CORRUPT, "not a database");
    g_unlink(path);
    traffic_store_close(open_store());
    run_sql("PRAGMA user_version = 2");
    expect_refused(false, STORE_ERROR_NEWER, "later vmferry");
}

/* Whatever somebody wrote there: an error, no crash. */
Test(traffic_store, a_damaged_matrix_is_told)
{
    static const char *const damages[] = {
        "UPDATE party SET name = name || char(10)",
        "UPDATE party SET kind = 'robot'",
        "DROP TABLE source",
        "UPDATE party SET name = CAST(x'ff' AS TEXT) WHERE id = 1",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autoptr(TrafficGuests) guests = some_guests();
        g_autoptr(TrafficGuests) others = traffic_guests_new(24, 64);
        g_autoptr(TrafficSummary) summary = some_summary(guests, 0, 100);
        g_autoptr(TrafficStore) store = open_store();
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(
            (GDestroyNotify)traffic_summary_free);
        g_autoptr(GError) error = NULL;

        add(store, summary, 0);
        run_sql(damages[i]);
        cr_assert(!traffic_store_read(store, 0, INT64_MAX, others, on_stored,
                                      all, &error),
                  "%s", damages[i]);
        cr_assert(g_error_matches(error, STORE_ERROR, STORE_ERROR_CORRUPT),
                  "%s: %s", damages[i], error->message);
        cr_assert(strstr(error->message, path), "%s", error->message);
        g_unlink(path);
    }
}
