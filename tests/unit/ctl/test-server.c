/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-server.c - the server over pairs of sockets, and on a socket of its own
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl-daemon.h"
#include "ctl/client.h"
#include "ctl/peer.h"

/* Let the server work as long as it has something to do. */
static void
turn(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

/* One line that the server has written, NULL: none, or it closed. */
static char *
read_line(int fd)
{
    GString *line = g_string_new(NULL);
    char c;

    turn();
    while (recv(fd, &c, 1, MSG_DONTWAIT) == 1) {
        if (c == '\n') {
            return g_string_free(line, FALSE);
        }
        g_string_append_c(line, c);
        if (line->len % 1024 == 0) {
            turn();
        }
    }
    g_string_free(line, TRUE);
    return NULL;
}

static bool
is_closed(int fd)
{
    char c;

    turn();
    return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void
say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
                 (ssize_t)strlen(text));
}

/* Past the greeting. */
static int
guest(FakeDaemon *fake, bool may_steer)
{
    int fd = fake_daemon_connect(fake, may_steer);
    g_autofree char *greeting = read_line(fd);

    cr_assert_not_null(greeting);
    return fd;
}

Test(ctl_server, it_greets)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    int reader = fake_daemon_connect(fake, false);
    int steerer = fake_daemon_connect(fake, true);
    g_autofree char *to_reader = read_line(reader);
    g_autofree char *to_steerer = read_line(steerer);

    cr_expect_str_eq(to_reader,
                     "{\"greeting\":{\"protocol\":1,\"daemon\":\"vmferryd\","
                     "\"version\":\"0.1.0\",\"rights\":[\"read\"]}}");
    cr_expect(strstr(to_steerer, "\"rights\":[\"read\",\"steer\"]"), "%s",
              to_steerer);
    close(reader);
    close(steerer);
}

typedef struct {
    bool may_steer;
    char request[120];
    char want[120];
} AskCase;

ParameterizedTestParameters(ctl_server, answers)
{
    static AskCase cases[] = {
        { true, "{\"id\":1,\"command\":\"version\"}",
          "{\"id\":1,\"return\":{\"protocol\":1" },
        { false, "{\"id\":\"a\",\"command\":\"status\"}",
          "{\"id\":\"a\",\"return\":{\"protocol\":1,\"time\":" },
        { false, "{\"id\":-3,\"command\":\"queue\"}",
          "{\"id\":-3,\"return\":{\"queue\":[{\"position\":1" },
        { true,
          "{\"id\":2,\"command\":\"hold\",\"arguments\":"
          "{\"session\":\"vm-a\"}}",
          "{\"id\":2,\"return\":{\"session\":\"17\"}}" },
        { true,
          "{\"id\":2,\"command\":\"hold\",\"arguments\":"
          "{\"session\":\"vm-z\"}}",
          "{\"id\":2,\"error\":{\"class\":\"not-found\",\"message\":\"there is "
          "no session 'vm-z'\"" },
        { false,
          "{\"id\":2,\"command\":\"hold\",\"arguments\":"
          "{\"session\":\"vm-a\"}}",
          "{\"id\":2,\"error\":{\"class\":\"not-permitted\"" },
        { false, "{\"id\":2,\"command\":\"metrics\"}",
          "{\"id\":2,\"error\":{\"class\":\"unavailable\"" },
        { true, "{\"id\":2,\"command\":\"stop\"}",
          "{\"id\":2,\"error\":{\"class\":\"unknown-command\",\"message\":"
          "\"'stop' is no command" },
        { true, "{\"id\":2,\"command\":\"cancel\"}",
          "{\"id\":2,\"error\":{\"class\":\"bad-argument\",\"message\":"
          "\"cancel: session is missing\"" },
        { true, "{\"command\":\"status\"}",
          "{\"id\":null,\"error\":{\"class\":\"malformed\"" },
        { false,
          "{\"id\":3,\"command\":\"subscribe\",\"arguments\":"
          "{\"events\":[\"mode\",\"held\"]}}",
          "{\"id\":3,\"return\":{\"events\":[\"held\",\"mode\"]}}" },
    };

    return cr_make_param_array(AskCase, cases, G_N_ELEMENTS(cases));
}

/* ... and after each of them the next one is answered. */
ParameterizedTest(const AskCase *c, ctl_server, answers)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    int fd = guest(fake, c->may_steer);
    g_autofree char *answer = NULL;
    g_autofree char *next = NULL;

    say(fd, c->request);
    cr_expect_null(read_line(fd), "no line yet");
    say(fd, "\n");
    answer = read_line(fd);
    cr_expect(answer && g_str_has_prefix(answer, c->want), "%s", answer);
    say(fd, "{\"id\":9,\"command\":\"version\"}\n");
    next = read_line(fd);
    cr_expect(next && g_str_has_prefix(next, "{\"id\":9,"), "%s", next);
    close(fd);
}

Test(ctl_server, nonsense_ends_the_conversation)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    int fd = guest(fake, true);
    g_autofree char *first = NULL;
    g_autofree char *last = NULL;

    say(fd, "{\"id\":1,\"command\":\"version\"}\nGET / HTTP/1.1\n"
            "{\"id\":2,\"command\":\"hold\",\"arguments\":"
            "{\"session\":\"17\"}}\n");
    first = read_line(fd);
    last = read_line(fd);
    cr_expect(g_str_has_prefix(first, "{\"id\":1,"), "%s", first);
    cr_expect(g_str_has_prefix(last, "{\"id\":null,\"error\":{\"class\":"
                                     "\"malformed\",\"message\":\"line 2: "),
              "%s", last);
    cr_expect(is_closed(fd));
    cr_expect_str_eq(fake_daemon_log(fake), "", "nothing after it was done");
    cr_expect_eq(fake_daemon_gone(fake), 1);
    close(fd);
}

Test(ctl_server, a_line_too_long_is_refused)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    int fd = guest(fake, true);
    g_autofree char *text = g_strnfill(CTL_MAX_REQUEST_BYTES + 1, 'x');
    g_autofree char *last = NULL;
    size_t sent = 0, length = strlen(text);

    while (sent < length) {
        ssize_t n =
            send(fd, text + sent, length - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0) {
            sent += (size_t)n;
        }
        turn();
    }
    last = read_line(fd);
    cr_expect(last && strstr(last, "\"class\":\"too-long\""), "%s", last);
    cr_expect(is_closed(fd));
    close(fd);
}

Test(ctl_server, who_is_in_no_group_is_turned_away)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    CtlPeer stranger = { .uid = 1000, .program = "test" };
    g_autofree char *last = NULL;
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    cr_expect_eq(ctl_server_add(fake_daemon_server(fake), fds[0], &stranger),
                 0);
    last = read_line(fds[1]);
    cr_expect(g_str_has_prefix(last, "{\"id\":null,\"error\":{\"class\":"
                                     "\"not-permitted\""),
              "%s", last);
    cr_expect(is_closed(fds[1]));
    close(fds[1]);
}

Test(ctl_server, there_are_limits_of_clients)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    int fds[65];
    unsigned n_of_user = 0, n = 0;
    g_autofree char *line = NULL;

    while (n_of_user < 17) { /* of uid 1000 */
        g_autofree char *hello = NULL;

        fds[n_of_user] = fake_daemon_connect(fake, false);
        hello = read_line(fds[n_of_user++]);
        if (strstr(hello, "\"class\":\"busy\"")) {
            break;
        }
    }
    cr_expect_eq(n_of_user, 17, "the 17th was refused, not the %uth",
                 n_of_user);
    while (n_of_user + n <= 64 && !line) { /* root has what remains */
        g_autofree char *hello = NULL;

        fds[n_of_user + n] = fake_daemon_connect(fake, true);
        hello = read_line(fds[n_of_user + n++]);
        if (strstr(hello, "\"class\":\"busy\"")) {
            line = g_steal_pointer(&hello);
        }
    }
    cr_expect_eq(ctl_server_counters(fake_daemon_server(fake)).clients,
                 16 + n - (line ? 1 : 0));
    close(fds[0]); /* one goes, another may come */
    turn();
    close(fake_daemon_connect(fake, true));
    for (unsigned i = 1; i < n_of_user + n; i++) {
        close(fds[i]);
    }
    turn();
    cr_expect_eq(ctl_server_counters(fake_daemon_server(fake)).clients, 0);
}

Test(ctl_server, events_go_to_those_who_subscribed)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    int all = guest(fake, true);
    int other = guest(fake, false);
    int none = guest(fake, false);
    g_autofree char *line = NULL;

    cr_expect_not(
        ctl_server_wants(fake_daemon_server(fake), CTL_EVENT_DECISION));
    say(all, "{\"id\":1,\"command\":\"subscribe\"}\n");
    say(other, "{\"id\":1,\"command\":\"subscribe\",\"arguments\":"
               "{\"session\":\"18\"}}\n");
    g_free(read_line(all));
    g_free(read_line(other));
    cr_expect(ctl_server_wants(fake_daemon_server(fake), CTL_EVENT_DECISION));

    fake_daemon_tick(fake);
    line = read_line(all);
    cr_expect(g_str_has_prefix(line, "{\"event\":\"session-changed\","
                                     "\"seq\":1,\"time\":\"2"),
              "%s", line);
    cr_expect(strstr(line, "\"session\":\"17\"}}"), "%s", line);
    cr_expect_null(read_line(other), "it wants another session");
    cr_expect_null(read_line(none));

    say(all, "{\"id\":2,\"command\":\"subscribe\",\"arguments\":"
             "{\"events\":[\"mode\"]}}\n");
    g_free(read_line(all));
    fake_daemon_tick(fake);
    cr_expect_null(read_line(all), "it wants other events");
    say(all, "{\"id\":3,\"command\":\"unsubscribe\"}\n");
    say(other, "{\"id\":3,\"command\":\"unsubscribe\"}\n");
    g_free(read_line(all));
    g_free(read_line(other));
    cr_expect_not(ctl_server_wants(fake_daemon_server(fake), CTL_EVENT_MODE));
    close(all);
    close(other);
    close(none);
}

Test(ctl_server, who_does_not_read_events_is_closed)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    CtlServer *server = fake_daemon_server(fake);
    int slow = guest(fake, false);
    int quick = guest(fake, false);
    unsigned ticks = 0;

    say(slow, "{\"id\":1,\"command\":\"subscribe\"}\n");
    say(quick, "{\"id\":1,\"command\":\"subscribe\"}\n");
    g_free(read_line(quick));
    while (ctl_server_counters(server).dropped == 0 && ticks < 20000) {
        g_autofree char *line = NULL;

        fake_daemon_tick(fake);
        ticks++;
        line = read_line(quick);
        cr_assert(line && strstr(line, "\"event\":"));
    }
    cr_expect_eq(ctl_server_counters(server).dropped, 1);
    cr_expect_eq(ctl_server_counters(server).clients, 1);
    cr_expect_gt(ticks, 500, "a megabyte waits before");
    close(slow);
    close(quick);
}

/* Who asks a thousand times and reads nothing stops itself, and gets it all
 * when it reads. */
Test(ctl_server, who_does_not_read_answers_is_not_read)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    static const char ask[] = "{\"id\":1,\"command\":\"status\"}\n";
    int fd = guest(fake, false);
    unsigned asked = 0, answered = 0;
    size_t at = 0;

    while (asked < 3000) {
        ssize_t n =
            send(fd, ask + at, strlen(ask) - at, MSG_DONTWAIT | MSG_NOSIGNAL);

        turn();
        if (n < 0) {
            break;
        }
        at += (size_t)n;
        if (at == strlen(ask)) {
            at = 0;
            asked++;
        }
    }
    cr_expect_lt(ctl_server_counters(fake_daemon_server(fake)).requests, asked);
    if (at > 0) { /* complete the line that was cut */
        asked++;
    }
    while (answered < asked) {
        g_autofree char *line = read_line(fd);

        if (at > 0 && send(fd, ask + at, strlen(ask) - at,
                           MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
            at = 0; /* it is shorter than what a socket takes at once */
        }
        cr_assert_not_null(line, "%u of %u", answered, asked);
        answered++;
    }
    cr_expect_eq(ctl_server_counters(fake_daemon_server(fake)).dropped, 0);
    close(fd);
}

Test(ctl_server, answers_may_come_later)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    int fd = guest(fake, true);
    int gone = guest(fake, true);
    g_autofree char *busy = NULL;

    fake_daemon_wait(fake);
    say(gone, "{\"id\":1,\"command\":\"status\"}\n");
    turn();
    close(gone);
    for (unsigned i = 0; i < 33; i++) {
        say(fd, "{\"id\":1,\"command\":\"queue\"}\n");
    }
    busy = read_line(fd);
    cr_expect(busy && strstr(busy, "\"class\":\"busy\""), "%s", busy);
    cr_expect_null(read_line(fd));
    fake_daemon_answer(fake);
    for (unsigned i = 0; i < 32; i++) {
        g_autofree char *line = read_line(fd);

        cr_assert(line && strstr(line, "\"return\":{\"queue\":"), "%s", line);
    }
    cr_expect_null(read_line(fd));
    close(fd);
}

Test(ctl_server, it_may_end_with_requests_unanswered)
{
    FakeDaemon *fake = fake_daemon_new(NULL, NULL);
    int fd = guest(fake, true);

    fake_daemon_wait(fake);
    say(fd, "{\"id\":1,\"command\":\"status\"}\n"
            "{\"id\":2,\"command\":\"hold\",\"arguments\":"
            "{\"session\":\"17\"}}\n");
    turn();
    fake_daemon_free(fake); /* answers them when the server is gone */
    cr_expect(is_closed(fd));
    close(fd);
}

Test(ctl_server, what_an_announcer_leaves_is_told)
{
    g_autoptr(FakeDaemon) fake = fake_daemon_new(NULL, NULL);
    int fd = guest(fake, true);

    say(fd, "{\"id\":1,\"command\":\"announce\",\"arguments\":{\"uuid\":"
            "\"6b2f2f6c-8c2f-4c3e-9c59-0c1f2b7a7d11\",\"destination\":"
            "\"qemu+ssh://b/system\"}}\n");
    g_free(read_line(fd));
    close(fd);
    turn();
    cr_expect(g_str_has_suffix(fake_daemon_log(fake), "announcer gone\n"));
}

/* --- on a socket of its own --- */

typedef struct {
    char *folder, *path;
} Place;

static Place
place_new(void)
{
    Place place = { .folder = g_dir_make_tmp("ctl-XXXXXX", NULL) };

    place.path = g_build_filename(place.folder, "below", "control.sock", NULL);
    return place;
}

static void
place_clear(Place *place)
{
    g_autofree char *below = g_path_get_dirname(place->path);

    unlink(place->path);
    rmdir(below);
    rmdir(place->folder);
    g_free(place->folder);
    g_free(place->path);
}

static int
open_socket(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd
                                                                          : -1;
}

Test(ctl_server, only_one_listens_and_takes_its_socket_away)
{
    Place place = place_new();
    g_autoptr(GError) error = NULL;
    FakeDaemon *first = fake_daemon_new(place.path, &error);
    FakeDaemon *second;

    cr_assert_not_null(first, "%s", error ? error->message : "");
    second = fake_daemon_new(place.path, &error);
    cr_assert_null(second);
    cr_expect(g_error_matches(error, CTL_ERROR, CTL_ERROR_BUSY), "%s",
              error->message);
    cr_expect(strstr(error->message, place.path), "%s", error->message);
    fake_daemon_free(first);
    cr_expect(access(place.path, F_OK) != 0);
    place_clear(&place);
}

Test(ctl_server, what_a_killed_daemon_left_is_replaced)
{
    Place place = place_new();
    g_autoptr(GError) error = NULL;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_autofree char *below = g_path_get_dirname(place.path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    g_autoptr(FakeDaemon) fake = NULL;
    int fd;

    g_mkdir(below, 0755);
    g_strlcpy(address.sun_path, place.path, sizeof(address.sun_path));
    cr_assert_eq(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
    close(dead);
    fake = fake_daemon_new(place.path, &error);
    cr_assert_not_null(fake, "%s", error ? error->message : "");
    fd = open_socket(place.path);
    cr_expect_geq(fd, 0);
    close(fd);
    g_clear_pointer(&fake, fake_daemon_free);
    place_clear(&place);
}

Test(ctl_server, what_is_no_socket_is_left_alone)
{
    Place place = place_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *below = g_path_get_dirname(place.path);
    FakeDaemon *fake;

    g_mkdir(below, 0755);
    cr_assert(g_file_set_contents(place.path, "precious", -1, NULL));
    fake = fake_daemon_new(place.path, &error);
    cr_assert_null(fake);
    cr_expect(strstr(error->message, "it is no socket, and left alone"), "%s",
              error->message);
    cr_expect_eq(access(place.path, F_OK), 0);
    place_clear(&place);
}

Test(ctl_server, a_group_that_does_not_exist_is_named)
{
    CtlServerSpec spec = { .version = "0", .steer_group = "no-such-group" };
    CtlBackend backend = { 0 };
    g_autoptr(GError) error = NULL;

    cr_assert_null(ctl_server_new_quiet(&spec, &backend, &error));
    cr_expect(strstr(error->message, "'no-such-group'"), "%s", error->message);
}

typedef struct {
    char what[40];
    uid_t uid;
    gid_t gid;
    gid_t more; /* 0: none */
    bool want_read, want_steer;
} RightsCase;

ParameterizedTestParameters(ctl_server, rights)
{
    static RightsCase cases[] = {
        { "root", 0, 0, 0, true, true },
        { "nobody in particular", 1000, 1000, 0, false, false },
        { "the reading group", 1000, 50, 0, true, false },
        { "the steering group", 1000, 60, 0, true, true },
        { "reading as a further group", 1000, 1000, 50, true, false },
        { "steering as a further group", 1000, 1000, 60, true, true },
        { "root's group is no root", 1000, 0, 0, false, false },
    };

    return cr_make_param_array(RightsCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const RightsCase *c, ctl_server, rights)
{
    const CtlGroups groups = { true, true, 50, 60 };
    const CtlGroups none = { 0 };
    gid_t more[] = { 7, c->more };
    CtlPeer peer = { .uid = c->uid, .gid = c->gid };

    ctl_peer_may(&peer, &groups, more, c->more ? 2 : 1);
    cr_expect_eq(peer.may_read, c->want_read, "%s", c->what);
    cr_expect_eq(peer.may_steer, c->want_steer, "%s", c->what);
    ctl_peer_may(&peer, &none, more, c->more ? 2 : 1);
    cr_expect_eq(peer.may_read, c->uid == 0, "%s, without groups", c->what);
}

/* Another user's process asks: 0: may steer, 1: may look, 2: neither. */
static int
ask_as(const char *path, gid_t group)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        CtlClient *client;
        JsonObject *result;

        if (setgroups(group ? 1 : 0, &group) != 0 ||
            setresgid(65533, 65533, 65533) != 0 ||
            setresuid(65533, 65533, 65533) != 0) {
            _exit(9);
        }
        client = ctl_client_open(path, 5000, NULL);
        if (!client) {
            _exit(2);
        }
        result = ctl_client_call(client, CTL_COMMAND_RELOAD, NULL, NULL);
        _exit(result ? 0 : 1);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    return WEXITSTATUS(status);
}

static void
on_reload(gpointer self, CtlRequest *request)
{
    const CtlPeer *peer = ctl_request_peer(request);

    cr_expect_eq(peer->uid, 65533);
    cr_expect_gt(peer->pid, 0);
    cr_expect_str_neq(peer->program, "?");
    ctl_request_return(request, NULL);
}

Test(ctl_server, the_kernel_tells_who_it_is)
{
    Place place = place_new();
    CtlServerSpec spec = { .path = place.path,
                           .version = "0",
                           .read_group = "daemon",
                           .steer_group = "sys" };
    CtlBackend backend = { .commands = { [CTL_COMMAND_RELOAD] = on_reload } };
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlServer) server = NULL;
    struct group *group;
    gid_t reading, steering;
    CtlGroups groups;

    if (geteuid() != 0) {
        cr_skip_test("only root can become other users");
    }
    cr_assert_eq(chmod(place.folder, 0755), 0);
    cr_assert_not_null(group = getgrnam("daemon"));
    reading = group->gr_gid;
    cr_assert_not_null(group = getgrnam("sys"));
    steering = group->gr_gid;
    server = ctl_server_new(&spec, &backend, &error);
    cr_assert_not_null(server, "%s", error ? error->message : "");
    cr_expect_eq(ask_as(place.path, 0), 2);
    cr_expect_eq(ask_as(place.path, reading), 1);
    cr_expect_eq(ask_as(place.path, steering), 0);
    cr_assert(ctl_groups_resolve("sys", NULL, &groups, NULL));
    ctl_server_take_groups(server, &groups);
    cr_expect_eq(ask_as(place.path, reading), 2);
    cr_expect_eq(ask_as(place.path, steering), 1);
    cr_expect_not(ctl_groups_resolve("no-such-group", NULL, &groups, NULL));
    ctl_server_take_groups(server, &groups);
    cr_expect_eq(ask_as(place.path, steering), 1, "nothing was changed");
    g_clear_pointer(&server, ctl_server_free);
    place_clear(&place);
}
