/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-fetch.c - the traffic of other hosts, as commands print it
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "store/traffic-store.h"
#include "tools/consolidate/fetch.h"
#include "traffic/write.h"

#define MINUTE INT64_C(60000000)

static char *folder;

static void
set_up(void)
{
    folder = g_dir_make_tmp("fetch-XXXXXX", NULL);
}

static void
tear_down(void)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(folder);
    g_free(folder);
}

TestSuite(fetch, .init = set_up, .fini = tear_down);

typedef struct Heard {
    GMainLoop *loop;
    GPtrArray *notes;
} Heard;

static void
on_note(const char *text, gpointer user)
{
    g_ptr_array_add(((Heard *)user)->notes, g_strdup(text));
}

static void
on_idle(gpointer user)
{
    g_main_loop_quit(((Heard *)user)->loop);
}

static const FetchListener listener = { on_note, on_idle };

static Heard
heard_new(void)
{
    return (Heard){ g_main_loop_new(NULL, FALSE),
                    g_ptr_array_new_with_free_func(g_free) };
}

static void
heard_clear(Heard *heard)
{
    g_main_loop_unref(heard->loop);
    g_ptr_array_unref(heard->notes);
}

/* The configuration of two hosts, one of which has this command. */
static Service *
service_with(const char *command, const char *limit)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ConsSettings) settings = NULL;
    g_autofree char *text = g_strdup_printf(
        "[service]\nstate = %s\ncommand-time = %s\n[host a]\nuri = "
        "test:///a\n[host b]\nuri = test:///b\n[reach b]\ntraffic = %s\n",
        folder, limit, command);
    Service *service = service_parse(text, "conf", &settings, &error);

    cr_assert_not_null(service, "%s", error ? error->message : "");
    return service;
}

static Service *
service_of(const char *command)
{
    return service_with(command, "2min");
}

static void
append(GString *out, int64_t from_us, int64_t period_us)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    g_autoptr(TrafficSummary) summary = traffic_summary_new(guests);
    g_autoptr(JsonObject) json = NULL;
    g_autofree char *line = NULL;
    TrafficRow row = { .sum = { 1000, 1 } };

    summary->from_us = from_us;
    summary->to_us = from_us + MINUTE;
    summary->period_us = period_us;
    summary->sampled_1_in = 1;
    cr_assert(traffic_end_read(guests, "guest", "db", &row.from, NULL));
    cr_assert(traffic_end_read(guests, "guest", "web", &row.to, NULL));
    g_array_append_val(summary->rows, row);
    json = traffic_write_json(summary);
    line = jobj_to_text(json, false);
    g_string_append_printf(out, "%s\n", line);
}

static char *
printed(const GString *text)
{
    char *path = g_build_filename(folder, "printed", NULL);

    cr_assert(g_file_set_contents(path, text->str, -1, NULL));
    return path;
}

static bool
on_stored(TrafficSummary *summary, gpointer user)
{
    unsigned *n = user;

    (*n)++;
    traffic_summary_free(summary);
    return true;
}

static unsigned
n_kept(const Fetch *fetch)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    g_autoptr(TrafficStore) store =
        traffic_store_open_to_read(fetch_files(fetch)[0], NULL);
    unsigned n = 0;

    cr_assert_null(fetch_files(fetch)[1]);
    if (store) {
        cr_assert(traffic_store_read(store, 0, INT64_MAX, guests, on_stored, &n,
                                     NULL));
    }
    return n;
}

Test(fetch, what_is_new_is_kept_once)
{
    int64_t now_us = clock_wall_us() / MINUTE * MINUTE;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *path = NULL, *command = NULL;
    g_autoptr(Service) service = NULL;
    Heard heard = heard_new();

    append(text, now_us - MINUTE, MINUTE);
    append(text, now_us, MINUTE);
    path = printed(text);
    command = g_strdup_printf("cat %s", path);
    service = service_of(command);
    {
        g_autoptr(Fetch) fetch = fetch_new(service, 3600, &listener, &heard);

        cr_assert_eq(n_kept(fetch), 0);
        cr_assert(fetch_look(fetch));
        g_main_loop_run(heard.loop);
        cr_assert_eq(n_kept(fetch), 2);
        /* the next period will not be over for a minute */
        cr_assert_not(fetch_look(fetch));
    }
    append(text, now_us + MINUTE, MINUTE);
    g_free(printed(text));
    {
        /* another process, which finds what there is */
        g_autoptr(Fetch) fetch = fetch_new(service, 3600, &listener, &heard);

        cr_assert(fetch_look(fetch));
        g_main_loop_run(heard.loop);
        cr_assert_eq(n_kept(fetch), 3);
    }
    cr_assert_eq(heard.notes->len, 0);
    heard_clear(&heard);
}

Test(fetch, it_is_asked_for_what_is_missing)
{
    g_autofree char *path = g_build_filename(folder, "said", NULL);
    g_autofree char *command =
        g_strdup_printf("sh -c 'printf %%s \"$0\" >%s' {since}", path);
    g_autoptr(Service) service = service_of(command);
    Heard heard = heard_new();
    g_autoptr(Fetch) fetch = fetch_new(service, 3600, &listener, &heard);
    g_autofree char *since = NULL, *whole = NULL;
    int64_t at_us, age_us;

    cr_assert(fetch_look(fetch));
    g_main_loop_run(heard.loop);
    cr_assert(g_file_get_contents(path, &since, NULL, NULL));
    cr_assert(g_str_has_suffix(since, "Z"), "%s", since);
    since[strlen(since) - 1] = '\0';
    whole = g_strconcat(since, ".000000+00:00", NULL);
    cr_assert(clock_parse_utc(whole, &at_us, NULL), "%s", whole);
    age_us = clock_wall_us() - at_us;
    cr_assert(age_us >= 60 * MINUTE && age_us < 62 * MINUTE);
    heard_clear(&heard);
}

static char *
note_of(const char *command, const char *limit)
{
    g_autoptr(Service) service = service_with(command, limit);
    Heard heard = heard_new();
    g_autoptr(Fetch) fetch = fetch_new(service, 3600, &listener, &heard);
    char *note;

    if (fetch_look(fetch)) {
        g_main_loop_run(heard.loop);
    }
    cr_assert_eq(heard.notes->len, 1, "%s", command);
    note = g_strdup(heard.notes->pdata[0]);
    cr_assert(g_str_has_prefix(note, "the traffic of host 'b': "), "%s", note);
    heard_clear(&heard);
    return note;
}

Test(fetch, whatever_goes_wrong_is_told)
{
    g_autofree char *fails =
        note_of("sh -c 'echo no route >&2; exit 255'", "2min");
    g_autofree char *none = note_of("/nonexistent/ssh b", "2min");
    g_autofree char *hangs = note_of("sleep 600", "1s");
    g_autofree char *words = note_of("echo no JSON", "2min");
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *path = NULL, *command = NULL, *whole = NULL;

    cr_assert(strstr(fails, "no route"), "%s", fails);
    cr_assert(strstr(none, "/nonexistent/ssh"), "%s", none);
    cr_assert(strstr(hangs, "did not end within 1 s"), "%s", hangs);
    cr_assert_not_null(words);
    append(text, clock_wall_us() - MINUTE, 0);
    path = printed(text);
    command = g_strdup_printf("cat %s", path);
    whole = note_of(command, "2min");
    cr_assert(strstr(whole, "--period"), "%s", whole);
}

Test(fetch, a_command_that_runs_is_left_behind)
{
    g_autoptr(Service) service = service_of("sleep 600");
    Heard heard = heard_new();
    Fetch *fetch = fetch_new(service, 3600, &listener, &heard);

    cr_assert(fetch_look(fetch));
    cr_assert(fetch_look(fetch), "it still runs");
    fetch_free(fetch);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    cr_assert_eq(heard.notes->len, 0);
    heard_clear(&heard);
}
