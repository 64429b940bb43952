/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-drain-state.c - a drain written down and read again, or refused
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/drain-state.h"

static const char *const words[] = { "--to", "qemu+tcp://h2/system",
                                     "--exclude", "vm-z", NULL };

static Drain *
a_drain(void)
{
    Drain *drain = drain_new();
    DrainGuest *guest;

    drain->source_uri = g_strdup("qemu:///system");
    drain->source_name = g_strdup("h1");
    g_ptr_array_add(drain->hosts, drain_host_new("qemu+tcp://h2/system", "h2"));
    guest = drain_guest_new("uuid-a", "vm-a");
    guest->host = 0;
    guest->status = DRAIN_MOVED;
    guest->persistent = guest->autostart = true;
    g_ptr_array_add(drain->guests, guest);
    guest = drain_guest_new("uuid-b", "vm-\"b\"\n");
    guest->host = 0;
    guest->status = DRAIN_FAILED;
    guest->lost = true; /* nobody knows: to be looked at anew */
    g_ptr_array_add(drain->guests, guest);
    guest = drain_guest_new("uuid-c", "vm-c");
    drain_guest_keep(guest, g_strdup("it has snapshots"));
    g_ptr_array_add(drain->guests, guest);
    return drain;
}

static char *
a_path(const char *name)
{
    g_autofree char *folder = g_dir_make_tmp("drain-XXXXXX", NULL);

    return g_build_filename(folder, "below", name, NULL);
}

static void
remove_path(const char *path)
{
    g_autofree char *below = g_path_get_dirname(path);
    g_autofree char *folder = g_path_get_dirname(below);
    g_autofree char *lock = g_strconcat(path, ".lock", NULL);

    g_unlink(path);
    g_unlink(lock);
    g_rmdir(below);
    g_rmdir(folder);
}

Test(drain_state, what_is_written_is_read)
{
    g_autoptr(Drain) drain = a_drain();
    g_autoptr(DrainState) state = drain_state_of(drain, words, "2026-01-02");
    g_autoptr(GError) error = NULL;
    g_autoptr(DrainState) back = NULL;
    g_autofree char *path = a_path("drain.json");
    const DrainStateGuest *guest;
    GStatBuf st;

    cr_assert(drain_state_store(path, state, &error), "%s",
              error ? error->message : "");
    cr_assert_eq(g_stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    back = drain_state_load(path, &error);
    cr_assert_not_null(back, "%s", error ? error->message : "");
    cr_assert_str_eq(back->source_name, "h1");
    cr_assert_null(back->source_uuid);
    cr_assert_str_eq(back->begun, "2026-01-02");
    cr_assert_eq(g_strv_length(back->words), 4);
    cr_assert_str_eq(back->words[3], "vm-z");
    cr_assert_eq(back->guests->len, 3);
    cr_assert_eq(drain_state_unfinished(back), 1);

    guest = back->guests->pdata[0];
    cr_assert_eq(guest->status, DRAIN_MOVED);
    cr_assert(guest->persistent && guest->autostart);
    cr_assert_str_eq(guest->destination, "qemu+tcp://h2/system");
    guest = back->guests->pdata[1];
    cr_assert_eq(guest->status, DRAIN_RUNS);
    cr_assert_str_eq(guest->name, "vm-\"b\"\n");
    guest = back->guests->pdata[2];
    cr_assert_eq(guest->status, DRAIN_STAYS);
    cr_assert_null(guest->destination);
    remove_path(path);
}

Test(drain_state, none_is_told_from_bad)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = a_path("drain.json");

    cr_assert_null(drain_state_load(path, &error));
    cr_assert(
        g_error_matches(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_NONE));
    g_clear_error(&error);
    cr_assert_null(drain_state_load("/", &error));
    cr_assert(
        g_error_matches(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FILE));
    remove_path(path);
}

Test(drain_state, a_folder_that_cannot_be_is_told)
{
    g_autoptr(Drain) drain = a_drain();
    g_autoptr(DrainState) state = drain_state_of(drain, words, "now");
    g_autoptr(GError) error = NULL;

    cr_assert_not(drain_state_store("/proc/no/drain.json", state, &error));
    cr_assert(
        g_error_matches(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FILE));
    cr_assert_not_null(strstr(error->message, "--state"));
}

Test(drain_state, only_one_at_a_time)
{
    g_autofree char *path = a_path("drain.json");
    g_autoptr(GError) error = NULL;
    int first = drain_state_lock(path, &error), second;

    cr_assert_geq(first, 0, "%s", error ? error->message : "");
    cr_assert_eq(drain_state_lock(path, &error), -1);
    cr_assert(
        g_error_matches(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_BUSY));
    close(first);
    second = drain_state_lock(path, NULL);
    cr_assert_geq(second, 0);
    close(second);
    remove_path(path);
}

#define HEAD                                                                   \
    "{\"schema\":\"vmferry-drain/1\",\"begun\":\"now\","                       \
    "\"source\":{\"uri\":\"u\",\"name\":\"n\"},"
#define GUEST(rest)                                                            \
    HEAD "\"words\":[],\"guests\":[{\"uuid\":\"u\",\"name\":\"n\"," rest "}]}"

typedef struct BadState {
    char text[280];
    char says[48]; /* empty: it is fine */
} BadState;

ParameterizedTestParameters(drain_state, malformed)
{
    static BadState cases[] = {
        { "", ""
              "byte 0" },
        { "{", "byte" },
        { "[]", "vmferry-drain/1" },
        { "{}", "vmferry-drain/1" },
        { "null", "null" },
        { "{\"schema\":\"vmferry-drain/2\"}", "vmferry-drain/1" },
        { "{\"schema\":\"vmferry-drain/1\"}", "'begun'" },
        { HEAD "\"words\":[]}", "list 'guests'" },
        { HEAD "\"words\":{},\"guests\":[]}", "list 'words'" },
        { HEAD "\"words\":[1],\"guests\":[]}", "word 1 is no text" },
        { HEAD "\"words\":[],\"guests\":[1]}", "guest 1: there is no text" },
        { GUEST("\"status\":\"waits\""), "'persistent'" },
        { GUEST("\"status\":\"waits\",\"persistent\":1,\"autostart\":true"),
          "'persistent'" },
        { GUEST("\"status\":\"lost\",\"persistent\":true,\"autostart\":true"),
          "'lost' is no status" },
        { GUEST("\"status\":\"waits\",\"persistent\":true,\"autostart\":true"),
          "no destination" },
        { GUEST("\"status\":\"waits\",\"persistent\":true,\"autostart\":true,"
                "\"destination\":7"),
          "no destination" },
        { GUEST("\"status\":\"stays\",\"persistent\":true,\"autostart\":true"),
          "" },
        { HEAD "\"words\":[],\"guests\":[]}", "" },
    };

    return cr_make_param_array(BadState, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadState *c, drain_state, malformed)
{
    g_autofree char *path = a_path("drain.json");
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GError) error = NULL;
    g_autoptr(DrainState) state = NULL;

    cr_assert_eq(g_mkdir_with_parents(folder, 0700), 0);
    cr_assert(g_file_set_contents(path, c->text, -1, NULL));
    state = drain_state_load(path, &error);
    remove_path(path);
    if (!*c->says) {
        cr_assert_not_null(state, "%s: %s", c->text,
                           error ? error->message : "");
        return;
    }
    cr_assert_null(state, "%s", c->text);
    cr_assert(
        g_error_matches(error, DRAIN_STATE_ERROR, DRAIN_STATE_ERROR_FORMAT));
    cr_assert_not_null(strstr(error->message, c->says), "%s: %s", c->text,
                       error->message);
    cr_assert_not_null(strstr(error->message, path));
    cr_assert_not_null(strstr(error->message, "remove it"));
}
