/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leases: what is written is read back, what is broken is refused, what
 * belongs to another boot or device is not ours; and link_check_rate().
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tc/lease.h"

static Lease *
some_lease(void)
{
    static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
    StreamMatch match = { "10.0.0.1", "10.0.0.2", 40000, 49152 };
    LeaseGuard guard = { .minor = 0x4000, .rate_bytes_s = 12500000000 };
    LeaseOwner *owner = lease_owner_new();
    LeaseKey key;
    Lease *lease;

    cr_assert(lease_key_init(&key, "/proc", "eth9", 9, mac, NULL));
    lease = lease_new(&key);
    lease->link_bytes_s = 25000000000;
    lease->parent = 0x10020;
    owner->pid = getpid();
    cr_assert(lease_process_start("/proc", getpid(), &owner->start_ticks));
    owner->name = g_strdup("vm \"a\"\n");
    owner->uuid = g_strdup("u");
    owner->minor = 0x1000;
    owner->guarantee_bytes_s = 1;
    owner->ceiling_bytes_s = UINT64_MAX;
    g_array_append_val(owner->matches, match);
    guard.expression = g_strdup("tcp port 6379");
    g_array_append_val(owner->guards, guard);
    guard.minor = 0x4001;
    guard.expression = NULL;
    guard.macs = g_strsplit("52:54:00:00:00:01 52:54:00:00:00:02", " ", 0);
    g_array_append_val(owner->guards, guard);
    g_ptr_array_add(lease->owners, owner);
    return lease;
}

static char *
text_of(const Lease *lease)
{
    g_autoptr(JsonObject) json = lease_to_json(lease);

    return jobj_to_text(json, false);
}

Test(lease, round_trip)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Lease) lease = some_lease(), back = NULL;
    g_autoptr(JsonObject) json = lease_to_json(lease);
    g_autofree char *before = text_of(lease), *after = NULL;
    LeaseOwner *copy;

    back = lease_from_json(json, &error);
    cr_assert_not_null(back, "%s", error ? error->message : "");
    after = text_of(back);
    cr_assert_str_eq(after, before);
    cr_assert(lease_key_equal(&back->key, &lease->key));

    copy = lease_owner_copy(lease_find(lease, 0x1000));
    g_ptr_array_set_size(lease->owners, 0);
    g_ptr_array_add(lease->owners, copy);
    g_free(after);
    after = text_of(lease);
    cr_assert_str_eq(after, before);
    cr_assert(lease_holds(lease, 0x4001) && !lease_holds(lease, 0x4002));
}

/* Cut at any byte, and with any byte changed, it is read or refused. */
Test(lease, broken_text)
{
    g_autoptr(Lease) lease = some_lease();
    g_autofree char *text = text_of(lease);
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++) {
        g_autofree char *bent = g_strdup(text);
        g_autoptr(JsonObject) cut = jobj_parse(text, i, NULL);
        g_autoptr(JsonObject) json = NULL;
        g_autoptr(Lease) odd = NULL;

        cr_assert_null(cut);
        bent[i] = bent[i] == '9' ? '-' : '9';
        json = jobj_parse(bent, length, NULL);
        odd = json ? lease_from_json(json, NULL) : NULL;
        cr_assert(!odd || odd->key.ifindex > 0);
    }
}

static void
remove_all(const char *run, const char *dir)
{
    g_autofree char *lock = g_build_filename(run, "tc.lock", NULL);

    cr_assert(g_unlink(lock) == 0);
    cr_assert(g_rmdir(run) == 0, "a lease was left behind");
    cr_assert(strcmp(run, dir) == 0 || g_rmdir(dir) == 0);
}

Test(lease, files)
{
    g_autofree char *dir = g_dir_make_tmp("vmferry-lease-XXXXXX", NULL);
    g_autofree char *run = g_build_filename(dir, "run", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(Lease) lease = some_lease(), back = NULL, none = NULL;
    LeaseKey other = lease->key;
    int lock = lease_lock(run, &error);

    cr_assert_geq(lock, 0, "%s", error ? error->message : "");
    cr_assert(lease_load(run, &lease->key, &back, &error));
    cr_assert_null(back);
    cr_assert(lease_store(run, lease, &error));
    cr_assert(lease_load(run, &lease->key, &back, &error));
    cr_assert_not_null(back);

    /* same file, but the machine was booted anew, or it is another card */
    other.boot_id[0] ^= 1;
    cr_assert(lease_load(run, &other, &none, &error));
    cr_assert_null(none);
    other = lease->key;
    other.mac[0] = 'f';
    cr_assert(lease_load(run, &other, &none, &error));
    cr_assert_null(none);

    g_ptr_array_set_size(lease->owners, 0);
    cr_assert(lease_store(run, lease, &error));
    cr_assert(lease_load(run, &lease->key, &none, &error));
    cr_assert_null(none);
    close(lock);
    remove_all(run, dir);
}

/* Who only looks reads a file once, and again when it was replaced. */
Test(lease, peek)
{
    g_autofree char *dir = g_dir_make_tmp("vmferry-lease-XXXXXX", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(Lease) lease = some_lease(), first = NULL, second = NULL;
    g_autoptr(Lease) third = NULL, none = NULL;
    LeaseKey other = lease->key;

    cr_assert(lease_peek(dir, &lease->key, &none, &error));
    cr_assert_null(none);
    cr_assert(lease_store(dir, lease, &error));
    cr_assert(lease_peek(dir, &lease->key, &first, &error));
    cr_assert(lease_peek(dir, &lease->key, &second, &error));
    cr_assert_not_null(first);
    cr_assert_eq(first, second, "it was read again");

    lease_find(lease, 0x1000)->guarantee_bytes_s++;
    cr_assert(lease_store(dir, lease, &error));
    cr_assert(lease_peek(dir, &lease->key, &third, &error));
    cr_assert_eq(lease_find(third, 0x1000)->guarantee_bytes_s,
                 lease_find(lease, 0x1000)->guarantee_bytes_s);
    /* who holds the old one has it as it was */
    cr_assert_eq(lease_find(first, 0x1000)->guarantee_bytes_s + 1,
                 lease_find(lease, 0x1000)->guarantee_bytes_s);

    other.mac[0] = 'f';
    cr_assert(lease_peek(dir, &other, &none, &error));
    cr_assert_null(none);
    lease_discard(dir, &lease->key);
    cr_assert(lease_peek(dir, &lease->key, &none, &error));
    cr_assert_null(none);
    cr_assert(g_rmdir(dir) == 0);
}

Test(lease, lock_held_by_another)
{
    g_autofree char *dir = g_dir_make_tmp("vmferry-lease-XXXXXX", NULL);
    g_autoptr(GError) error = NULL;
    int pipes[2];
    pid_t child;
    char byte;

    cr_assert(pipe(pipes) == 0);
    child = fork();
    if (child == 0) {
        byte = lease_lock(dir, NULL) >= 0;
        if (write(pipes[1], &byte, 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    cr_assert(read(pipes[0], &byte, 1) == 1 && byte == 1);
    cr_assert_lt(lease_lock(dir, &error), 0);
    cr_assert(
        g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_BUSY));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert_geq(lease_lock(dir, NULL), 0, "a dead holder holds nothing");
    remove_all(dir, dir);
}

Test(lease, processes)
{
    uint64_t first, second;
    pid_t child = fork();
    siginfo_t info;

    if (child == 0) {
        pause();
        _exit(0);
    }
    cr_assert(lease_process_start("/proc", getpid(), &first));
    cr_assert(lease_process_start("/proc", child, &second));
    cr_assert_geq(second, first);
    kill(child, SIGKILL);
    cr_assert(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
    cr_assert(!lease_process_start("/proc", child, &first), "a zombie");
    waitpid(child, NULL, 0);
    cr_assert(!lease_process_start("/proc", child, &first));
    cr_assert(!lease_process_start("/nowhere", getpid(), &first));
}

typedef struct {
    char what[40];
    uint64_t before, after;
    double seconds;
    bool good;
} UseCase;

ParameterizedTestParameters(link_rate, in_use)
{
    static UseCase cases[] = {
        { "idle", 5000, 5000, 1, true },
        { "as much as declared", 0, 6250000, 1, true },
        { "within the slack", 0, 6500000, 1, true },
        { "ten times as much", 0, 62500000, 1, false },
        { "over two seconds", 0, 12500000, 2, true },
        { "a short moment", 0, 1250000, 0.1, false },
        { "counters of a new device", 62500000, 0, 1, true },
        { "no time went by", 0, 62500000, 0, true },
    };

    return cr_make_param_array(UseCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(UseCase *c, link_rate, in_use)
{
    Link link = { .device = "eth9", .rate_bytes_s = 6250000 };
    g_autoptr(GError) error = NULL;

    cr_assert_eq(
        link_check_rate(&link, c->before, c->after, c->seconds, &error),
        c->good, "%s", c->what);
    if (!c->good) {
        cr_assert(g_error_matches(error, LINK_ERROR, LINK_ERROR_RATE));
        cr_assert_not_null(strstr(error->message, "--link eth9=RATE"));
    }
}
