/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-cons-store.c - loads and documents of a consolidation manager
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

#include "store/cons-store.h"

#define SECOND INT64_C(1000000)

static char *folder;
static char *path;

static void
set_up(void)
{
    folder = g_dir_make_tmp("cons-store-XXXXXX", NULL);
    path = g_build_filename(folder, "history.db", NULL);
}

static void
tear_down(void)
{
    g_autofree char *journal = g_strconcat(path, "-journal", NULL);

    g_unlink(path);
    g_unlink(journal);
    g_rmdir(folder);
    g_free(folder);
    g_free(path);
}

TestSuite(cons_store, .init = set_up, .fini = tear_down);

static void
add_text(const ConsSample *sample, int64_t at_us, gpointer user)
{
    g_string_append_printf(user, "%s %s %g %d;",
                           sample->host ? "host" : "guest", sample->name,
                           sample->cpu, (int)(at_us / SECOND));
}

static char *
samples_of(ConsStore *store, int64_t from_us)
{
    GString *text = g_string_new(NULL);

    cr_assert(cons_store_samples(store, from_us, add_text, text, NULL));
    return g_string_free(text, FALSE);
}

Test(cons_store, loads_are_kept_for_as_long_as_was_said)
{
    g_autoptr(ConsStore) store = cons_store_open(path, NULL);
    g_autofree char *all = NULL, *late = NULL, *kept = NULL;
    /* a host and a guest may have one name */
    ConsSample samples[] = { { "a", true, 0.5, 100 }, { "a", false, 700, 7 } };

    cr_assert_not_null(store);
    for (int t = 1; t <= 3; t++) {
        cr_assert(cons_store_add_samples(store, t * SECOND, samples,
                                         G_N_ELEMENTS(samples), 10 * SECOND,
                                         NULL));
    }
    all = samples_of(store, 0);
    cr_assert_str_eq(all, "host a 0.5 1;guest a 700 1;host a 0.5 2;guest a 700 "
                          "2;host a 0.5 3;guest a 700 3;");
    late = samples_of(store, 3 * SECOND);
    cr_assert_str_eq(late, "host a 0.5 3;guest a 700 3;");
    cr_assert(cons_store_add_samples(store, 12 * SECOND, samples, 1,
                                     10 * SECOND, NULL));
    kept = samples_of(store, 0);
    cr_assert_str_eq(kept,
                     "host a 0.5 2;guest a 700 2;host a 0.5 3;guest a 700 3;"
                     "host a 0.5 12;");
}

static void
add(ConsStore *store, int64_t at_us, ConsDocumentKind kind, const char *plan,
    const char *guest, const char *json)
{
    char *texts[] = { g_strdup(plan), g_strdup(guest), g_strdup(json) };
    ConsDocument document = { at_us, kind, texts[0], texts[1], texts[2] };

    cr_assert(cons_store_add(store, &document, 100 * SECOND, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_free(texts[i]);
    }
}

static char *
documents_of(ConsStore *store, ConsStoreQuery query)
{
    g_autoptr(GPtrArray) documents = cons_store_read(store, &query, NULL);
    GString *text = g_string_new(NULL);

    cr_assert_not_null(documents);
    for (guint i = 0; i < documents->len; i++) {
        const ConsDocument *document = documents->pdata[i];

        g_string_append_printf(text, "%s:%s:%s;", document->plan,
                               document->guest ? document->guest : "-",
                               document->json);
    }
    return g_string_free(text, FALSE);
}

Test(cons_store, documents_are_found_by_plan_guest_and_kind)
{
    g_autoptr(ConsStore) store = cons_store_open(path, NULL);
    g_autofree char *all = NULL, *plan = NULL, *guest = NULL, *newest = NULL;
    g_autofree char *old = NULL;

    add(store, SECOND, CONS_DOCUMENT_DECISION, "p1", NULL, "{\"v\":1}");
    add(store, 2 * SECOND, CONS_DOCUMENT_STEP, "p1", "db", "{\"v\":2}");
    add(store, 2 * SECOND, CONS_DOCUMENT_STEP, "p1", "web", "{\"v\":3}");
    add(store, 3 * SECOND, CONS_DOCUMENT_DECISION, "p2", NULL, "{\"v\":4}");
    /* told again: the later one counts */
    add(store, 4 * SECOND, CONS_DOCUMENT_DECISION, "p2", NULL, "{\"v\":5}");
    all = documents_of(store, (ConsStoreQuery){ 0 });
    cr_assert_str_eq(all, "p2:-:{\"v\":5};p1:web:{\"v\":3};p1:db:{\"v\":2};"
                          "p1:-:{\"v\":1};");
    plan = documents_of(
        store, (ConsStoreQuery){ .plan = "p1",
                                 .kinds = 1u << CONS_DOCUMENT_DECISION });
    cr_assert_str_eq(plan, "p1:-:{\"v\":1};");
    guest = documents_of(store, (ConsStoreQuery){ .guest = "db" });
    cr_assert_str_eq(guest, "p1:db:{\"v\":2};");
    newest = documents_of(store, (ConsStoreQuery){ .most = 1 });
    cr_assert_str_eq(newest, "p2:-:{\"v\":5};");
    add(store, 103 * SECOND, CONS_DOCUMENT_PLAN, "p3", NULL, "{\"v\":6}");
    old = documents_of(store, (ConsStoreQuery){ 0 });
    cr_assert_str_eq(old, "p3:-:{\"v\":6};p2:-:{\"v\":5};");
}

Test(cons_store, reading_makes_no_file)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(cons_store_open_to_read(path, &error));
    cr_assert_eq(error->code, STORE_ERROR_NONE_YET);
    cr_assert_not(g_file_test(path, G_FILE_TEST_EXISTS));
}

Test(cons_store, another_programs_file_is_refused)
{
    g_autoptr(GError) error = NULL;

    cr_assert(g_file_set_contents(path, "no database at all, but long enough",
                                  -1, NULL));
    cr_assert_null(cons_store_open(path, &error));
    cr_assert_eq(error->code, STORE_ERROR_CORRUPT, "%s", error->message);
}
