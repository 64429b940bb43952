/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-direct.c - one tiny QEMU migrates to another; x1 against QEMU's trace
 *
 *   this program ──socketpair── QEMU source ──unix socket── QEMU destination
 *        │                         └── trace.log: migration_bitmap_sync_end
 *        └── session, sampler: rows
 *
 * The guest is some 100 bytes of ROM of our own: it enters protected mode and
 * writes to 4096 pages, one after the other, for ever. No firmware, disk, OS.
 *
 * QEMU's trace point gives the newly dirtied pages since the counter was last
 * reset, which happens at a sync at least a second after the last reset.
 * max-bandwidth follows what the guest writes, so that passes last longer than
 * that; shorter ones are told apart by adding up: see compare().
 *
 * Usage: qmp-direct QEMU [--with PROPERTY=VALUE]... [--record FILE]. PROPERTY
 * is one of QEMU's "migration" object, x-multifd=on. With --record the
 * conversation is kept as a transcript, and nothing is polled on a timer.
 */
#include <gio/gio.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migrate.h"

#define SKIPPED 77
#define WITHIN_S 90
#define MIB (UINT64_C(1) << 20)

/* What the reset vector runs into, at F000:0000. */
static const uint8_t guest_enter[] = {
    0xfa,                                           /* cli */
    0x2e, 0x66, 0x0f, 0x01, 0x16, 0x80, 0x00,       /* lgdt cs:[0x80] */
    0x0f, 0x20, 0xc0,                               /* mov eax, cr0 */
    0x0c, 0x01,                                     /* or al, 1 */
    0x0f, 0x22, 0xc0,                               /* mov cr0, eax */
    0x66, 0xea, 0x20, 0x00, 0x0f, 0x00, 0x08, 0x00, /* jmp 8:0xf0020 */
};

/* 32 bits, at 0xf0020. First every page once, then a word to the pvpanic
 * device, which QEMU makes an event of, then on at leisure. */
static const uint8_t guest_write[] = {
    0x66, 0xb8, 0x10, 0x00,             /* mov ax, 0x10 */
    0x8e, 0xd8,                         /* mov ds, ax */
    0xbf, 0x00, 0x00, 0x20, 0x00,       /* mov edi, 2 MiB */
    0xb9, 0x00, 0x10, 0x00, 0x00,       /* mov ecx, 4096 pages */
    0xff, 0x07,                         /* fill: inc dword [edi] */
    0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, /* add edi, 4096 */
    0xe2, 0xf6,                         /* loop fill */
    0x66, 0xba, 0x05, 0x05,             /* mov dx, 0x505 */
    0xb0, 0x02,                         /* mov al, 2 */
    0xee,                               /* out dx, al */
    0xbf, 0x00, 0x00, 0x20, 0x00,       /* again: mov edi, 2 MiB */
    0xb9, 0x00, 0x10, 0x00, 0x00,       /* mov ecx, 4096 pages */
    0xff, 0x07,                         /* page: inc dword [edi] */
    0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, /* add edi, 4096 */
    0xba, 0xa0, 0x86, 0x01, 0x00,       /* mov edx, 100000 */
    0x4a,                               /* wait: dec edx */
    0x75, 0xfd,                         /* jnz wait */
    0xe2, 0xee,                         /* loop page */
    0xeb, 0xe2,                         /* jmp again */
};

/* Pointer to the table, and the table: null, code, data; flat. */
static const uint8_t guest_gdt[] = {
    0x17, 0x00, 0x88, 0x00, 0x0f, 0x00, 0x00, 0x00, /* limit, 0xf0088 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00,
    0x00, 0x9a, 0xcf, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00,
};

static const uint8_t guest_reset[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 };

typedef struct {
    char *dir;
    GString *globals; /* options for both QEMUs */
    GSubprocess *source, *destination;
    QmpSession *there; /* with the destination */
    bool there_ready;
    char *there_why;
    bool timed_out;
} Bench;

static bool
write_guest(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "guest.bin", NULL);
    g_autofree uint8_t *rom = g_malloc0(65536);

    memcpy(rom, guest_enter, sizeof(guest_enter));
    memcpy(rom + 0x20, guest_write, sizeof(guest_write));
    memcpy(rom + 0x80, guest_gdt, sizeof(guest_gdt));
    memcpy(rom + 0xfff0, guest_reset, sizeof(guest_reset));
    return g_file_set_contents(path, (const char *)rom, 65536, error);
}

static void
child_setup(gpointer user)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Start a QEMU whose monitor is the returned transport. */
static QmpTransport *
start_qemu(const char *qemu, const Bench *bench, bool incoming,
           GSubprocess **child, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE);
    g_autofree char *line = g_strdup_printf(
        "%s -S -accel tcg -machine pc -m 64 -nodefaults -display none "
        "-bios guest.bin -device pvpanic -chardev socket,id=qmp,fd=3 "
        "-mon chardev=qmp,mode=control%s %s",
        qemu, bench->globals->str,
        incoming ? "-incoming unix:migrate.sock"
                 : "-trace enable=migration_bitmap_sync_end -D trace.log");
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "socketpair: %s",
                    g_strerror(errno));
        return NULL;
    }
    g_subprocess_launcher_set_cwd(launcher, bench->dir);
    g_subprocess_launcher_set_child_setup(launcher, child_setup, NULL, NULL);
    g_subprocess_launcher_take_fd(launcher, fds[1], 3);
    *child = g_subprocess_launcher_spawnv(launcher, (const char *const *)words,
                                          error);
    if (!*child) {
        close(fds[0]);
        return NULL;
    }
    return qmp_transport_new_fd(fds[0], error);
}

static void
there_state(QmpSession *session, QmpState state, const GError *why,
            gpointer user)
{
    Bench *bench = user;

    if (state == QMP_READY) {
        bench->there_ready = true;
    } else if (state == QMP_CLOSED) {
        bench->there_why = g_strdup(why->message);
    }
}

static gboolean
on_timeout(gpointer user)
{
    ((Bench *)user)->timed_out = true;
    return G_SOURCE_CONTINUE;
}

/* "1234@1700000000.123456:migration_bitmap_sync_end dirty_pages 4096" */
static GArray *
read_trace(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "trace.log", NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    GArray *pages = g_array_new(FALSE, FALSE, sizeof(uint64_t));

    if (!g_file_get_contents(path, &text, NULL, error)) {
        g_array_unref(pages);
        return NULL;
    }
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        const char *at = strstr(lines[i], "migration_bitmap_sync_end "
                                          "dirty_pages ");

        if (at) {
            uint64_t count = g_ascii_strtoull(strrchr(at, ' '), NULL, 10);

            g_array_append_val(pages, count);
        }
    }
    return pages;
}

/*
 * Trace line i (from 0) belongs to the sync that ends row i, counted from 1.
 * Its number is what was dirtied since the last reset; a reset happens at a
 * sync a second or more after the last. A row of which both neighbours and
 * itself last clearly longer is therefore one to one. For the others the
 * number is the sum over some rows that end with it. A row stands between two
 * polls, and QEMU counts a page as sent and takes it from what remains one
 * after the other: each of the two may be a page off.
 */
static unsigned
compare(const GArray *rows, const GArray *trace, unsigned *wrong)
{
    unsigned exact = 0;

    *wrong = 0;
    printf("%4s %10s %9s %9s %9s %12s\n", "iter", "to send", "x1", "trace", "s",
           "bytes/s");
    for (unsigned i = 0; i < rows->len; i++) {
        const SampleRow *row = &g_array_index(rows, SampleRow, i);
        unsigned sync = row->iter + row->merged - 1; /* that ends it */
        uint64_t traced;
        double sum = 0;
        bool found = false;

        if (!row->dirty_pages.known || sync >= trace->len) {
            printf("%4u %10" PRIu64 " %9s %9s %9.3f %12.0f%s\n", row->iter,
                   row->pages_to_send, "?", "-", row->duration_s,
                   row->bandwidth_bytes_s, row->final ? "  final" : "");
            continue;
        }
        traced = g_array_index(trace, uint64_t, sync);
        for (unsigned back = 0; back <= i && !found; back++) {
            const SampleRow *from = &g_array_index(rows, SampleRow, i - back);

            sum += from->dirty_pages.value;
            found = ABS(sum - (double)traced) <= 2 + back;
            if (row->merged == 1 && row->duration_s > 1.05 &&
                (i == 0 || from[back == 0 ? -1 : 0].duration_s > 1.05)) {
                break; /* no excuse to add up */
            }
        }
        *wrong += !found;
        exact += found && row->merged == 1 && row->duration_s > 1.05;
        printf("%4u %10" PRIu64 " %9.0f %9" PRIu64 " %9.3f %12.0f%s%s\n",
               row->iter, row->pages_to_send, row->dirty_pages.value, traced,
               row->duration_s, row->bandwidth_bytes_s,
               row->final ? "  final" : "", found ? "" : "  WRONG");
    }
    return exact;
}

static int
judge(Bench *bench, Migrate *migrate, GString *transcript, const char *record)
{
    const GArray *rows = migrate_rows(migrate);
    const QmpMigration *final = migrate_final(migrate);
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) trace = read_trace(bench->dir, &error);
    unsigned exact, wrong;
    double sent = 0;
    int failed = 0;

    if (!trace) {
        printf("not ok: no trace: %s\n", error->message);
        return 1;
    }
    exact = compare(rows, trace, &wrong);
    for (unsigned i = 0; i < rows->len; i++) {
        sent += (double)g_array_index(rows, SampleRow, i).sent_bytes;
    }
    printf("downtime %g ms, total %g ms, %" PRIu64 " bytes, %u syncs\n",
           final->downtime_ms.value, final->total_ms.value,
           final->poll.sent_bytes, trace->len);
    if (wrong > 0 || exact < 4) {
        printf("not ok: %u rows differ from the trace, %u compared one to one "
               "(want 0 and at least 4)\n",
               wrong, exact);
        failed = 1;
    }
    if (rows->len == 0 ||
        !g_array_index(rows, SampleRow, rows->len - 1).final) {
        printf("not ok: the last row is not the blackout\n");
        failed = 1;
    }
    if (ABS(sent - (double) final->poll.sent_bytes) > rows->len) {
        printf("not ok: the rows' bytes add up to %.0f, QEMU sent %" PRIu64
               "\n",
               sent, final->poll.sent_bytes);
        failed = 1;
    }
    if (!final->downtime_ms.known || final->poll.remaining_bytes != 0) {
        printf("not ok: no final statistics\n");
        failed = 1;
    }
    if (record && !failed) {
        GString *text = g_string_new(
            "# Recorded by tests/system/qmp-direct --record, QEMU on TCG.\n"
            "# Newly dirtied pages of QEMU's trace point, sync by sync:\n#");

        for (unsigned i = 0; i < trace->len; i++) {
            g_string_append_printf(text, " %" PRIu64,
                                   g_array_index(trace, uint64_t, i));
        }
        g_string_append_printf(text, "\n%s", transcript->str);
        failed = !g_file_set_contents(record, text->str, -1, &error);
        g_string_free(text, TRUE);
    }
    return failed;
}

static int
run(Bench *bench, const char *qemu, const char *record)
{
    MigrateSetup setup = {
        .uri = "unix:migrate.sock",
        .start_at = "GUEST_CRASHLOADED",
        .first_limit_bytes_s = 4 * MIB,
        .pass_s = 2.2,
        .passes = 7,
        .polls_per_pass = record ? 3 : 1,
        .poll_every_ms = record ? 0 : 80,
    };
    QmpHandlers handlers = { .state = there_state, .user = bench };
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) transcript = g_string_new(NULL);
    QmpTransport *transport;
    Migrate *migrate;
    const char *why = NULL;
    int failed;

    transport = write_guest(bench->dir, &error)
                    ? start_qemu(qemu, bench, true, &bench->destination, &error)
                    : NULL;
    if (!transport) {
        printf("not ok: destination: %s\n", error->message);
        return 1;
    }
    bench->there = qmp_session_new(transport, &handlers);
    qmp_session_attach(bench->there, NULL);
    while (!bench->there_ready && !bench->there_why && !bench->timed_out) {
        g_main_context_iteration(NULL, TRUE);
    }
    transport = start_qemu(qemu, bench, false, &bench->source, &error);
    if (!transport) {
        printf("not ok: source: %s\n", error->message);
        return 1;
    }
    migrate = migrate_new(transport, &setup);
    migrate_record(migrate, transcript);
    qmp_session_attach(migrate_session(migrate), NULL);
    while (!migrate_ended(migrate, &why) && !bench->there_why &&
           !bench->timed_out) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (why || bench->there_why || bench->timed_out) {
        printf("not ok: %s\n", why ? why
                               : bench->there_why
                                   ? bench->there_why
                                   : "not within the time, or interrupted");
        failed = 1;
    } else {
        g_subprocess_wait(bench->source, NULL, NULL);
        failed = judge(bench, migrate, transcript, record);
    }
    migrate_free(migrate);
    return failed;
}

static void
stop(GSubprocess *child)
{
    if (child) {
        g_subprocess_force_exit(child);
        g_subprocess_wait(child, NULL, NULL);
        g_object_unref(child);
    }
}

int
main(int argc, char **argv)
{
    static const char *const left[] = { "guest.bin", "trace.log",
                                        "migrate.sock" };
    const char *record = NULL;
    bool usage = argc < 2;
    g_autofree char *qemu = argc >= 2 ? g_find_program_in_path(argv[1]) : NULL;
    g_autoptr(GError) error = NULL;
    Bench bench = { 0 };
    unsigned timer;
    int status;

    bench.globals = g_string_new(NULL);
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--record") == 0) {
            record = argv[i + 1];
        } else if (i + 1 < argc && strcmp(argv[i], "--with") == 0) {
            g_string_append_printf(bench.globals, " -global migration.%s",
                                   argv[i + 1]);
        } else {
            usage = true;
        }
    }
    if (usage) {
        fprintf(stderr,
                "usage: %s QEMU [--with PROPERTY=VALUE]... [--record FILE]\n",
                argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!qemu) {
        printf("SKIP: there is no %s on this machine\n", argv[1]);
        return SKIPPED;
    }
    bench.dir = g_dir_make_tmp("vmferry-XXXXXX", &error);
    if (!bench.dir) {
        printf("not ok: %s\n", error->message);
        return 1;
    }
    /* Ctrl-C and a test runner's patience end it as the time limit does */
    g_unix_signal_add(SIGINT, on_timeout, &bench);
    g_unix_signal_add(SIGTERM, on_timeout, &bench);
    timer = g_timeout_add_seconds(WITHIN_S, on_timeout, &bench);
    status = run(&bench, qemu, record);
    g_source_remove(timer);
    qmp_session_unref(bench.there);
    stop(bench.source);
    stop(bench.destination);
    for (size_t i = 0; i < G_N_ELEMENTS(left); i++) {
        g_autofree char *path = g_build_filename(bench.dir, left[i], NULL);

        unlink(path);
    }
    rmdir(bench.dir);
    g_free(bench.dir);
    g_string_free(bench.globals, TRUE);
    g_free(bench.there_why);
    return status;
}
