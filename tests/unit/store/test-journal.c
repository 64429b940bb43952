/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-journal.c - what stands open, whenever somebody dies
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/journal.h"

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

static char *folder;
static char *path;
static const JournalOwner me = { "boot-1", 100, 7 };

static void
setup(void)
{
    folder = g_dir_make_tmp("journal-XXXXXX", NULL);
    cr_assert_not_null(folder);
    path = g_build_filename(folder, "deep", "journal.db", NULL);
}

static void
teardown(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);

    cr_expect_eq(system(command), 0);
    g_free(path);
    g_free(folder);
}

TestSuite(journal, .init = setup, .fini = teardown);

static Journal *
open_as(const JournalOwner *owner)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *aside = NULL;
    Journal *journal = journal_open(path, owner, &aside, &error);

    cr_assert_not_null(journal, "%s", error ? error->message : "");
    cr_assert_null(aside, "%s", aside);
    return journal;
}

static JournalEntry *
speed_entry(int64_t old_value, int64_t new_value)
{
    JournalEntry *entry = journal_entry_new(JOURNAL_SPEED);

    entry->session = g_strdup("s1");
    entry->guest_uuid = g_strdup(UUID);
    entry->guest_name = g_strdup("vm-a");
    entry->had_old = true;
    entry->old_value = old_value;
    entry->new_value = new_value;
    return entry;
}

static JournalEntry *
class_entry(const char *detail)
{
    JournalEntry *entry = journal_entry_new(JOURNAL_CLASS);

    entry->session = g_strdup("s1");
    entry->link = g_strdup("eth0");
    entry->detail = g_strdup(detail);
    return entry;
}

static void
intend(Journal *journal, JournalEntry *entry)
{
    g_autoptr(GError) error = NULL;

    cr_assert(journal_intend(journal, &entry, 1, 1000, &error), "%s",
              error ? error->message : "");
}

static GPtrArray *
list(Journal *journal)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *entries = journal_list(journal, &error);

    cr_assert_not_null(entries, "%s", error ? error->message : "");
    return entries;
}

static unsigned
n_open(Journal *journal)
{
    g_autoptr(GPtrArray) entries = list(journal);

    return entries->len;
}

Test(journal, keeps_what_is_open)
{
    g_autoptr(Journal) journal = open_as(&me);
    g_autoptr(JournalEntry) speed = speed_entry(100, 8796093022207);
    g_autoptr(JournalEntry) class_ = class_entry("7666:1000");
    g_autoptr(GPtrArray) entries = NULL;
    const JournalEntry *entry;

    intend(journal, class_);
    intend(journal, speed);
    g_clear_pointer(&journal, journal_close);
    journal = open_as(&(JournalOwner){ "boot-1", 200, 8 });
    entries = list(journal);
    cr_assert_eq(entries->len, 2);
    entry = g_ptr_array_index(entries, 0);
    cr_expect_eq(entry->kind, JOURNAL_CLASS);
    cr_expect_str_eq(entry->link, "eth0");
    cr_expect_str_eq(entry->detail, "7666:1000");
    cr_expect_null(entry->guest_uuid);
    cr_expect_not(entry->had_old);
    entry = g_ptr_array_index(entries, 1);
    cr_expect_eq(entry->id, speed->id);
    cr_expect_eq(entry->kind, JOURNAL_SPEED);
    cr_expect_str_eq(entry->guest_uuid, UUID);
    cr_expect_str_eq(entry->guest_name, "vm-a");
    cr_expect_str_eq(entry->session, "s1");
    cr_expect(entry->had_old);
    cr_expect_eq(entry->old_value, 100);
    cr_expect_eq(entry->new_value, 8796093022207);
    cr_expect_eq(entry->at_us, 1000);
    cr_expect_eq(entry->owner_pid, 100);
    cr_expect_eq(entry->owner_start_ticks, 7);
    cr_expect_str_eq(entry->boot_id, "boot-1");

    cr_assert(journal_settle(journal, speed->id, NULL));
    cr_assert(journal_settle(journal, speed->id, NULL), "twice is once");
    cr_expect_eq(n_open(journal), 1);
    cr_assert(journal_settle_session(journal, "s2", NULL));
    cr_expect_eq(n_open(journal), 1, "not of that session");
    cr_assert(journal_settle_session(journal, "s1", NULL));
    cr_expect_eq(n_open(journal), 0);
}

Test(journal, the_value_before_the_first_change_comes_back)
{
    g_autoptr(Journal) journal = open_as(&me);
    g_autoptr(JournalEntry) first = speed_entry(100, 50);
    g_autoptr(JournalEntry) second = speed_entry(50, 20);
    g_autoptr(GPtrArray) entries = NULL;
    const JournalEntry *entry;

    intend(journal, first);
    intend(journal, second);
    cr_expect_eq(first->id, second->id);
    entries = list(journal);
    cr_assert_eq(entries->len, 1);
    entry = g_ptr_array_index(entries, 0);
    cr_expect_eq(entry->old_value, 100);
    cr_expect_eq(entry->new_value, 20);
}

Test(journal, all_of_several_or_none)
{
    g_autoptr(Journal) journal = open_as(&me);
    g_autoptr(GError) error = NULL;
    g_autoptr(JournalEntry) good = speed_entry(1, 2);
    g_autoptr(JournalEntry) bad = journal_entry_new(JOURNAL_DOWNTIME);
    JournalEntry *both[] = { good, bad };

    cr_assert_not(journal_intend(journal, both, 2, 1, &error));
    cr_expect(g_error_matches(error, JOURNAL_ERROR, JOURNAL_ERROR_VALUE));
    cr_expect_eq(good->id, 0);
    cr_expect_eq(n_open(journal), 0);
}

Test(journal, an_earlier_boot_means_nothing)
{
    g_autoptr(Journal) journal = open_as(&me);
    g_autoptr(JournalEntry) speed = speed_entry(1, 2);

    intend(journal, speed);
    g_clear_pointer(&journal, journal_close);
    journal = open_as(&(JournalOwner){ "boot-2", 5, 5 });
    cr_expect_eq(n_open(journal), 0);
    g_clear_pointer(&journal, journal_close);
    journal = open_as(&me);
    cr_expect_eq(n_open(journal), 0);
}

/* --- death --- */

static unsigned steps_left;

static void
die_at(const char *sql, void *data)
{
    if (steps_left-- == 0) {
        _exit(9);
    }
}

/* What of a change could be told apart afterwards: the knobs themselves, in a
 * page that outlives the process. */
typedef struct Knobs {
    int speed, downtime;
} Knobs;

/* One migration: two knobs changed, one of them twice, both put back. */
static void
live(Knobs *knobs)
{
    GError *error = NULL;
    Journal *journal = journal_open(path, &me, NULL, &error);
    JournalEntry *speed = speed_entry(knobs->speed, 50);
    JournalEntry *downtime = speed_entry(knobs->downtime, 900);

    downtime->kind = JOURNAL_DOWNTIME;
    if (!journal || !journal_intend(journal, &speed, 1, 1, &error)) {
        _exit(1);
    }
    knobs->speed = 50;
    speed->old_value = 50;
    speed->new_value = 20;
    if (!journal_intend(journal, (JournalEntry *[]){ speed, downtime }, 2, 2,
                        &error)) {
        _exit(1);
    }
    knobs->speed = 20;
    knobs->downtime = 900;
    knobs->speed = 100;
    if (!journal_settle(journal, speed->id, &error)) {
        _exit(1);
    }
    knobs->downtime = 300;
    if (!journal_settle_session(journal, "s1", &error)) {
        _exit(1);
    }
    journal_close(journal);
    _exit(0);
}

static void
put_back(Knobs *knobs)
{
    g_autoptr(Journal) journal = open_as(&(JournalOwner){ "boot-1", 300, 1 });
    g_autoptr(GPtrArray) entries = list(journal);

    for (guint i = 0; i < entries->len; i++) {
        const JournalEntry *entry = g_ptr_array_index(entries, i);
        int *knob =
            entry->kind == JOURNAL_SPEED ? &knobs->speed : &knobs->downtime;

        cr_expect(entry->had_old);
        *knob = (int)entry->old_value;
        cr_assert(journal_settle(journal, entry->id, NULL));
    }
    cr_expect_eq(n_open(journal), 0);
}

static Knobs *
shared_knobs(void)
{
    Knobs *knobs = mmap(NULL, sizeof(Knobs), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    cr_assert(knobs != MAP_FAILED);
    *knobs = (Knobs){ 100, 300 };
    return knobs;
}

Test(journal, death_before_every_single_statement)
{
    Knobs *knobs = shared_knobs();
    int status = 0, deaths = 0;

    for (unsigned step = 0;; step++) {
        pid_t child = fork();

        if (child == 0) {
            steps_left = step;
            journal_spy(die_at, NULL);
            live(knobs);
        }
        cr_assert(waitpid(child, &status, 0) == child);
        cr_assert(WIFEXITED(status));
        cr_assert_neq(WEXITSTATUS(status), 1, "step %u: the life fails", step);
        put_back(knobs);
        cr_expect_eq(knobs->speed, 100, "step %u", step);
        cr_expect_eq(knobs->downtime, 300, "step %u", step);
        if (WEXITSTATUS(status) == 0) {
            break;
        }
        deaths++;
    }
    cr_expect_gt(deaths, 15, "only %d statements?", deaths);
    munmap(knobs, sizeof(*knobs));
}

Test(journal, death_at_any_moment)
{
    Knobs *knobs = shared_knobs();
    GRand *rand = g_rand_new_with_seed(4);

    for (int round = 0; round < 30; round++) {
        pid_t child = fork();
        int status = 0;

        if (child == 0) {
            live(knobs);
        }
        g_usleep((gulong)g_rand_int_range(rand, 0, 30000));
        kill(child, SIGKILL);
        cr_assert(waitpid(child, &status, 0) == child);
        put_back(knobs);
        cr_expect_eq(knobs->speed, 100, "round %d", round);
        cr_expect_eq(knobs->downtime, 300, "round %d", round);
    }
    g_rand_free(rand);
    munmap(knobs, sizeof(*knobs));
}

/* --- several processes --- */

Test(journal, two_processes_write)
{
    enum { N = 25 };
    g_autoptr(Journal) journal = NULL;
    int status = 0;

    for (int who = 0; who < 2; who++) {
        if (fork() == 0) {
            JournalOwner owner = { "boot-1", who, 1 };
            Journal *mine = journal_open(path, &owner, NULL, NULL);

            for (int i = 0; mine && i < N; i++) {
                g_autofree char *detail = g_strdup_printf("%d:%d", who, i);
                JournalEntry *entry = class_entry(detail);

                if (!journal_intend(mine, &entry, 1, i, NULL)) {
                    _exit(1);
                }
                journal_entry_free(entry);
            }
            _exit(mine ? 0 : 2);
        }
    }
    for (int who = 0; who < 2; who++) {
        cr_assert(wait(&status) > 0);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    journal = open_as(&me);
    cr_expect_eq(n_open(journal), 2 * N);
}

Test(journal, somebody_who_holds_it_for_too_long)
{
    g_autoptr(Journal) journal = open_as(&me);
    g_autoptr(JournalEntry) entry = speed_entry(1, 2);
    g_autoptr(GError) error = NULL;
    sqlite3 *other = NULL;

    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                 SQLITE_OK);
    cr_expect_not(journal_intend(journal, &entry, 1, 1, &error));
    cr_expect(g_error_matches(error, JOURNAL_ERROR, JOURNAL_ERROR_BUSY), "%s",
              error->message);
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    intend(journal, entry);
}

/* --- damage --- */

static void
expect_set_aside(const char *content, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *aside = NULL, *there = NULL, *kept = NULL;
    g_autoptr(Journal) journal = NULL;
    g_autoptr(JournalEntry) entry = speed_entry(1, 2);
    gsize kept_length = 0;

    journal = journal_open(path, &me, &aside, &error);
    cr_assert_not_null(journal, "%s", error ? error->message : "");
    cr_assert_not_null(aside);
    there = g_strconcat(path, ".damaged-1", NULL);
    cr_expect_not_null(strstr(aside, there), "%s", aside);
    cr_assert(g_file_get_contents(there, &kept, &kept_length, NULL));
    cr_expect(kept_length == length && memcmp(kept, content, length) == 0,
              "for somebody to look at");
    intend(journal, entry);
    cr_expect_eq(n_open(journal), 1);
}

static void
make_folder(void)
{
    g_autofree char *deep = g_path_get_dirname(path);

    cr_assert_eq(g_mkdir_with_parents(deep, 0755), 0);
}

Test(journal, a_file_of_something_else_is_set_aside)
{
    static const char junk[] = "this has never been a database, at no time";

    make_folder();
    cr_assert(g_file_set_contents(path, junk, sizeof(junk), NULL));
    expect_set_aside(junk, sizeof(junk));
}

Test(journal, a_damaged_page_is_found_when_it_is_opened)
{
    g_autoptr(Journal) journal = open_as(&me);
    g_autofree char *content = NULL;
    gsize length = 0;

    for (int i = 0; i < 100; i++) {
        g_autofree char *detail = g_strdup_printf("%0100d", i);
        g_autoptr(JournalEntry) entry = class_entry(detail);

        intend(journal, entry);
    }
    g_clear_pointer(&journal, journal_close);
    cr_assert(g_file_get_contents(path, &content, &length, NULL));
    cr_assert_gt(length, 4 * 4096);
    memset(content + 2 * 4096, 0x5a, 4096);
    memset(content + 3 * 4096, 0xa5, 4096);
    cr_assert(g_file_set_contents(path, content, (gssize)length, NULL));
    expect_set_aside(content, length);
}

Test(journal, a_database_of_others_is_left_alone)
{
    g_autoptr(GError) error = NULL;
    sqlite3 *db = NULL;

    make_folder();
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE theirs (x)", NULL, NULL, NULL);
    sqlite3_close(db);
    cr_expect_null(journal_open(path, &me, NULL, &error));
    cr_expect(g_error_matches(error, JOURNAL_ERROR, JOURNAL_ERROR_ACCESS));
    cr_expect_not_null(strstr(error->message, "not vmferry's"));
}

Test(journal, a_later_version_is_left_alone)
{
    g_autoptr(Journal) journal = open_as(&me);
    g_autoptr(GError) error = NULL;
    sqlite3 *db = NULL;

    g_clear_pointer(&journal, journal_close);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    cr_expect_null(journal_open(path, &me, NULL, &error));
    cr_expect(g_error_matches(error, JOURNAL_ERROR, JOURNAL_ERROR_NEWER));
}

Test(journal, a_row_of_a_later_kind_is_left_alone)
{
    g_autoptr(Journal) journal = open_as(&me);
    sqlite3 *db = NULL;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db,
                              "INSERT INTO change VALUES (1, 'boot-1', "
                              "'moon-phase', 'u', '', '', '', '', 1, 2, 3, 4, "
                              "5)",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(db);
    cr_expect_eq(n_open(journal), 0);
}

Test(journal, a_folder_that_cannot_be)
{
    g_autoptr(GError) error = NULL;

    cr_expect_null(journal_open("/dev/null/j/journal.db", &me, NULL, &error));
    cr_expect(g_error_matches(error, JOURNAL_ERROR, JOURNAL_ERROR_ACCESS));
}

/* --- no room --- */

/* Writes until it is refused; true if that came, with the error expected. */
static bool
fill(Journal *journal, JournalError want, unsigned *written)
{
    for (*written = 0; *written < 20000; (*written)++) {
        g_autofree char *detail = g_strdup_printf("%0200u", *written);
        g_autoptr(JournalEntry) entry = class_entry(detail);
        JournalEntry *one = entry;
        g_autoptr(GError) error = NULL;

        if (!journal_intend(journal, &one, 1, 1, &error)) {
            cr_expect(g_error_matches(error, JOURNAL_ERROR, (gint)want), "%s",
                      error->message);
            cr_expect_eq(entry->id, 0);
            return true;
        }
    }
    return false;
}

Test(journal, a_full_disk_refuses_the_change)
{
    g_autofree char *deep = g_path_get_dirname(path);
    g_autoptr(Journal) journal = NULL;
    unsigned written;

    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        fprintf(stderr, "SKIPPED: needs root and mount namespaces\n");
        cr_skip_test("needs root and mount namespaces");
    }
    make_folder();
    cr_assert_eq(mount("none", deep, "tmpfs", 0, "size=512k"), 0);
    journal = open_as(&me);
    cr_assert(fill(journal, JOURNAL_ERROR_FULL, &written), "%u written",
              written);
    cr_expect_gt(written, 10);
    cr_expect_eq(n_open(journal), written, "what was promised is there");
    g_clear_pointer(&journal, journal_close);
    cr_assert_eq(umount2(deep, MNT_DETACH), 0);
}

Test(journal, a_file_that_may_not_grow_refuses_the_change)
{
    struct rlimit limit = { 200000, 200000 };
    g_autoptr(Journal) journal = open_as(&me);
    unsigned written;

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert(fill(journal, JOURNAL_ERROR_ACCESS, &written), "%u written",
              written);
    cr_expect_eq(n_open(journal), written);
}
