/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu-passes.c - are the patched QEMU's figures exact?
 *
 *   this program ──QMP── QEMU source ──unix socket── QEMU destination
 *                           └── trace.log: migration_bitmap_sync_end
 *
 * Two QEMUs built by qemu-patches/build, and a guest of some 100 bytes of ROM
 * that knows its own working set: it writes to 512 hot pages all the time and
 * takes some 15 s to come round 10240 cold ones. Of each MIGRATION_PASS we ask
 *
 *   - dirty-pages: what QEMU's trace point says, exactly. Its number counts
 *     from the last reset on, and a reset comes at a sync more than a second
 *     after the last; so passes of both kinds are made, longer and shorter.
 *   - dirty-pages again: the identity of docs/sampling.md, within one page
 *   - hot-pages + cold-pages = dirty-pages, and hot as the guest is made
 *   - remaining, sent and dirty pages fit together; sent-bytes add up
 *   - query-migrate-working-set: adds up, and finds the hot pages
 *
 * Usage: qemu-passes QEMU, or qemu-passes 7.2 (or 10.0) for the one that
 * qemu-patches/build has put below $VMFERRY_QEMU_STATE or build/qemu.
 */
#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/qmp-session.h"

#define SKIPPED 77
#define WITHIN_S 180
#define TIMEOUT_MS 60000
#define PAGE_BYTES 4096
#define HOT_PAGES 512
#define PASSES 16

/* What the reset vector runs into, at F000:0000. */
static const uint8_t guest_enter[] = {
    0xfa,                                           /* cli */
    0x2e, 0x66, 0x0f, 0x01, 0x16, 0x80, 0x00,       /* lgdt cs:[0x80] */
    0x0f, 0x20, 0xc0,                               /* mov eax, cr0 */
    0x0c, 0x01,                                     /* or al, 1 */
    0x0f, 0x22, 0xc0,                               /* mov cr0, eax */
    0x66, 0xea, 0x20, 0x00, 0x0f, 0x00, 0x08, 0x00, /* jmp 8:0xf0020 */
};

/* 32 bits, at 0xf0020. Tells through the pvpanic device that it runs. */
static const uint8_t guest_write[] = {
    0x66, 0xb8, 0x10, 0x00,             /* mov ax, 0x10 */
    0x8e, 0xd8,                         /* mov ds, ax */
    0x66, 0xba, 0x05, 0x05,             /* mov dx, 0x505 */
    0xb0, 0x02,                         /* mov al, 2 */
    0xee,                               /* out dx, al */
    0xbe, 0x00, 0x00, 0x60, 0x00,       /* mov esi, 6 MiB */
    0xbf, 0x00, 0x00, 0x20, 0x00,       /* again: mov edi, 2 MiB */
    0xb9, 0x00, 0x02, 0x00, 0x00,       /* mov ecx, HOT_PAGES */
    0xff, 0x07,                         /* hot: inc dword [edi] */
    0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, /* add edi, 4096 */
    0xe2, 0xf6,                         /* loop hot */
    0xff, 0x06,                         /* inc dword [esi] */
    0x81, 0xc6, 0x00, 0x10, 0x00, 0x00, /* add esi, 4096 */
    0x81, 0xfe, 0x00, 0x00, 0xe0, 0x02, /* cmp esi, 46 MiB */
    0x72, 0x05,                         /* jb on */
    0xbe, 0x00, 0x00, 0x60, 0x00,       /* mov esi, 6 MiB */
    0xba, 0x40, 0x42, 0x0f, 0x00,       /* on: mov edx, 1000000 */
    0x4a,                               /* wait: dec edx */
    0x75, 0xfd,                         /* jnz wait */
    0xeb, 0xcd,                         /* jmp again */
};

/* Pointer to the table, and the table: null, code, data; flat. */
static const uint8_t guest_gdt[] = {
    0x17, 0x00, 0x88, 0x00, 0x0f, 0x00, 0x00, 0x00, /* limit, 0xf0088 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00,
    0x00, 0x9a, 0xcf, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00,
};

static const uint8_t guest_reset[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 };

/* How long each pass is to last, s; over and over */
static const double pass_s[] = { 1.8, 1.8, 0.3, 0.3, 1.8, 0.3, 0.3, 0.3 };

/* One MIGRATION_PASS, and what we asked right after it */
typedef struct {
    uint64_t pass, duration_us, dirty, remaining, sent, zero, sent_bytes;
    uint64_t hot, cold;
    bool running;
    uint64_t handled; /* C of the identity */
    uint64_t syncs;   /* of the answer; pass - 1 unless it came too late */
    uint64_t block_hot, block_cold, in_all_syncs;
    bool polled, adds_up;
} Pass;

/* A QEMU and our conversation with it */
typedef struct {
    GSubprocess *child;
    QmpSession *session;
    bool ready, guest_runs, completed;
    char *closed;    /* why */
    GArray *passes;  /* Pass */
    unsigned events; /* passes that were not asked about yet are behind this */
    bool malformed;
} Peer;

typedef struct {
    char *dir;
    Peer source, destination;
    bool timed_out;
    unsigned failures;
} Bench;

G_GNUC_PRINTF(2, 3)
static void
fail(Bench *bench, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("not ok: ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    bench->failures++;
}

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
on_state(QmpSession *session, QmpState state, const GError *why, gpointer user)
{
    Peer *peer = user;

    if (state == QMP_READY) {
        peer->ready = true;
    } else if (state == QMP_CLOSED) {
        peer->closed = g_strdup(why ? why->message : "closed");
    }
}

static void
on_pass(Peer *peer, JsonObject *data)
{
    Pass pass = { 0 };

    if (!jobj_get_u64(data, "pass", &pass.pass) ||
        !jobj_get_u64(data, "duration-us", &pass.duration_us) ||
        !jobj_get_u64(data, "dirty-pages", &pass.dirty) ||
        !jobj_get_u64(data, "remaining-pages", &pass.remaining) ||
        !jobj_get_u64(data, "sent-pages", &pass.sent) ||
        !jobj_get_u64(data, "zero-pages", &pass.zero) ||
        !jobj_get_u64(data, "sent-bytes", &pass.sent_bytes) ||
        !jobj_get_u64(data, "hot-pages", &pass.hot) ||
        !jobj_get_u64(data, "cold-pages", &pass.cold) ||
        !jobj_get_bool(data, "vm-running", &pass.running)) {
        peer->malformed = true;
        return;
    }
    g_array_append_val(peer->passes, pass);
}

static void
on_event(QmpSession *session, const QmpEvent *event, gpointer user)
{
    Peer *peer = user;
    const char *status;

    if (strcmp(event->name, "MIGRATION_PASS") == 0) {
        on_pass(peer, event->data);
    } else if (strcmp(event->name, "GUEST_CRASHLOADED") == 0) {
        peer->guest_runs = true;
    } else if (strcmp(event->name, "MIGRATION") == 0 &&
               jobj_get_string(event->data, "status", &status)) {
        peer->completed |= strcmp(status, "completed") == 0;
        peer->malformed |= strcmp(status, "failed") == 0;
    }
}

static void
child_setup(gpointer user)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Run the loop until @done, or no more can come */
static bool
wait_for(Bench *bench, const bool *done)
{
    while (!*done && !bench->source.closed && !bench->destination.closed &&
           !bench->source.malformed && !bench->timed_out) {
        g_main_context_iteration(NULL, TRUE);
    }
    return *done;
}

static bool
start_qemu(Bench *bench, Peer *peer, const char *qemu, const char *options,
           GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE);
    g_autofree char *line = g_strdup_printf(
        "%s -S -accel tcg -machine pc -m 64 -nodefaults -display none "
        "-bios guest.bin -device pvpanic -chardev socket,id=qmp,fd=3 "
        "-mon chardev=qmp,mode=control %s",
        qemu, options);
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    QmpHandlers handlers = { .state = on_state,
                             .event = on_event,
                             .user = peer };
    QmpTransport *transport;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "socketpair: %s",
                    g_strerror(errno));
        return false;
    }
    g_subprocess_launcher_set_cwd(launcher, bench->dir);
    g_subprocess_launcher_set_child_setup(launcher, child_setup, NULL, NULL);
    g_subprocess_launcher_take_fd(launcher, fds[1], 3);
    peer->child = g_subprocess_launcher_spawnv(
        launcher, (const char *const *)words, error);
    if (!peer->child) {
        close(fds[0]);
        return false;
    }
    transport = qmp_transport_new_fd(fds[0], error);
    if (!transport) {
        return false;
    }
    peer->passes = g_array_new(FALSE, FALSE, sizeof(Pass));
    peer->session = qmp_session_new(transport, &handlers);
    qmp_session_attach(peer->session, NULL);
    if (!wait_for(bench, &peer->ready)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "%s does not speak QMP: %s", qemu,
                    peer->closed ? peer->closed : "no answer");
        return false;
    }
    return true;
}

typedef struct {
    JsonObject *result;
    char *why;
    bool done;
} Answer;

static void
answered(QmpSession *session, JsonObject *result, const GError *error,
         gpointer user)
{
    Answer *answer = user;

    answer->result = result ? json_object_get(result) : NULL;
    answer->why = error ? g_strdup(error->message) : NULL;
    answer->done = true;
}

/* Send a command, @arguments as JSON text or NULL; wait for what it returns.
 * NULL, and a failure noted, if that is an error. */
static JsonObject *
ask(Bench *bench, const char *command, const char *arguments)
{
    g_autoptr(GError) error = NULL;
    JsonObject *object =
        arguments ? jobj_parse(arguments, strlen(arguments), &error) : NULL;
    Answer answer = { 0 };

    if (error || !qmp_session_command(bench->source.session, command, object,
                                      TIMEOUT_MS, answered, &answer, &error)) {
        fail(bench, "%s: %s", command, error->message);
        return NULL;
    }
    /* every command is answered, at the latest when the session closes */
    while (!answer.done) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (answer.why) {
        fail(bench, "%s", answer.why);
        g_free(answer.why);
    }
    return answer.result;
}

static bool
tell(Bench *bench, const char *command, const char *arguments)
{
    g_autoptr(JsonObject) result = ask(bench, command, arguments);

    return result != NULL;
}

static void
ask_working_set(Bench *bench, Pass *pass)
{
    g_autoptr(JsonObject) info = ask(bench, "query-migrate-working-set", NULL);
    JsonObject *blocks = info ? jobj_get(info, "blocks") : NULL;

    if (!blocks || !jobj_get_u64(info, "syncs", &pass->syncs)) {
        return;
    }
    pass->adds_up = true;
    for (size_t i = 0; i < json_object_array_length(blocks); i++) {
        JsonObject *block = json_object_array_get_idx(blocks, i);
        JsonObject *histogram = jobj_get(block, "histogram");
        uint64_t hot = 0, cold = 0, pages = 0, sum = 0;

        jobj_get_u64(block, "hot-pages", &hot);
        jobj_get_u64(block, "cold-pages", &cold);
        jobj_get_u64(block, "pages", &pages);
        pass->block_hot += hot;
        pass->block_cold += cold;
        pass->adds_up &= json_object_array_length(histogram) == 9;
        for (size_t n = 0; n < json_object_array_length(histogram); n++) {
            uint64_t count =
                json_object_get_uint64(json_object_array_get_idx(histogram, n));

            sum += count;
            if (n > 0 && n == MIN(pass->syncs, 8)) {
                pass->in_all_syncs += count;
            }
            /* no page is in more syncs than there were */
            pass->adds_up &= n <= pass->syncs || count == 0;
        }
        pass->adds_up &= sum == pages;
    }
}

/* What stock QEMU lets one work out; unset if a sync came in between */
static void
ask_identity(Bench *bench, Pass *pass)
{
    g_autoptr(JsonObject) info = ask(bench, "query-migrate", NULL);
    uint64_t syncs, remaining, normal, zero;

    if (info && jobj_get_u64(info, "ram.dirty-sync-count", &syncs) &&
        jobj_get_u64(info, "ram.remaining", &remaining) &&
        jobj_get_u64(info, "ram.normal", &normal) &&
        jobj_get_u64(info, "ram.duplicate", &zero) && syncs == pass->pass) {
        pass->handled = remaining / PAGE_BYTES + normal + zero;
        pass->polled = true;
    }
}

static void
set_limit(Bench *bench, int64_t bytes_s)
{
    g_autofree char *arguments =
        g_strdup_printf("{\"max-bandwidth\": %" PRId64 "}", bytes_s);

    tell(bench, "migrate-set-parameters", arguments);
}

/* Ask about the pass that has just begun, and let it last as it should */
static void
follow_pass(Bench *bench, unsigned i)
{
    Pass pass = g_array_index(bench->source.passes, Pass, i);

    if (!pass.running) {
        return;
    }
    ask_identity(bench, &pass);
    if (pass.pass >= PASSES) {
        set_limit(bench, INT64_C(1) << 30);
    } else if (pass.pass >= 2) {
        set_limit(bench, (int64_t)((double)pass.remaining * PAGE_BYTES /
                                   pass_s[pass.pass % G_N_ELEMENTS(pass_s)]));
    }
    if (pass.pass < PASSES) {
        ask_working_set(bench, &pass);
    }
    g_array_index(bench->source.passes, Pass, i) = pass;
}

static bool
migrate(Bench *bench)
{
    Peer *source = &bench->source;

    if (!tell(bench, "migrate-set-capabilities",
              "{\"capabilities\": [{\"capability\": \"events\", \"state\": "
              "true}, {\"capability\": \"working-set\", \"state\": true}]}") ||
        !tell(bench, "migrate-set-parameters",
              "{\"max-bandwidth\": 8388608, \"downtime-limit\": 5}") ||
        !tell(bench, "cont", NULL) || !wait_for(bench, &source->guest_runs) ||
        !tell(bench, "migrate", "{\"uri\": \"unix:migrate.sock\"}")) {
        return false;
    }
    while (!source->completed && !source->closed && !source->malformed &&
           !bench->timed_out) {
        if (source->events < source->passes->len) {
            follow_pass(bench, source->events++);
        } else {
            g_main_context_iteration(NULL, TRUE);
        }
    }
    if (source->malformed) {
        fail(bench, "the migration failed, or MIGRATION_PASS lacks a member");
    } else if (!source->completed) {
        fail(bench, "%s",
             source->closed ? source->closed : "not within the time");
    }
    return source->completed && !source->malformed;
}

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
        if (strstr(lines[i], "migration_bitmap_sync_end dirty_pages ")) {
            uint64_t count = g_ascii_strtoull(strrchr(lines[i], ' '), NULL, 10);

            g_array_append_val(pages, count);
        }
    }
    return pages;
}

/*
 * The trace point counts from its last reset on, and it is reset at a sync
 * more than a second after the last reset. Near that second we cannot tell,
 * so there it may be either; but it has to be one of the two, to the page.
 */
static void
judge_trace(Bench *bench, const GArray *passes, const GArray *trace)
{
    unsigned after_reset = 0, inside = 0;
    uint64_t counted = 0; /* since the reset, as we think */
    double since_s = 0;

    for (unsigned i = 0; i < passes->len; i++) {
        const Pass *pass = &g_array_index(passes, Pass, i);
        uint64_t traced = g_array_index(trace, uint64_t, i);
        bool unsure = since_s > 0.97 && since_s < 1.03;
        bool fresh = since_s >= 1.0;

        /* what the previous sync did to the counter */
        if (unsure) {
            fresh = traced == pass->dirty;
        }
        if (i > 0 && fresh) {
            counted = 0;
            since_s = 0;
        }
        counted += pass->dirty;
        since_s += (double)pass->duration_us / 1e6;
        if (traced != counted) {
            fail(bench,
                 "pass %u: dirty-pages %" PRIu64 ", the trace point "
                 "went from %" PRIu64 " to %" PRIu64,
                 i + 1, pass->dirty, counted - pass->dirty, traced);
            counted = traced;
        } else if (i > 0) {
            *(fresh ? &after_reset : &inside) += 1;
        }
    }
    printf("trace: %u passes right after a reset, %u inside a period\n",
           after_reset, inside);
    if (after_reset < 3 || inside < 3) {
        fail(bench, "too few passes of one kind (want 3 of each)");
    }
}

static void
judge_passes(Bench *bench, const GArray *passes, const GArray *trace)
{
    unsigned compared = 0;

    printf("%4s %8s %8s %8s %8s %8s %8s %8s %9s %10s\n", "pass", "ms", "dirty",
           "trace", "identity", "hot", "cold", "in all", "left", "bytes");
    for (unsigned i = 0; i < passes->len; i++) {
        const Pass *pass = &g_array_index(passes, Pass, i);
        const Pass *before = i > 0 ? pass - 1 : NULL;
        bool known = before && pass->polled && before->polled;
        int64_t identity =
            known ? (int64_t)(pass->handled - before->handled) : -1;

        printf("%4" PRIu64 " %8.1f %8" PRIu64 " %8" PRIu64 " %8" PRId64
               " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %9" PRIu64 " %10" PRIu64
               "%s\n",
               pass->pass, (double)pass->duration_us / 1e3, pass->dirty,
               g_array_index(trace, uint64_t, i), identity, pass->hot,
               pass->cold, pass->in_all_syncs, pass->remaining,
               pass->sent_bytes, pass->running ? "" : "  stopped");
        if (pass->pass != i + 1 || pass->running != (i + 1 < passes->len)) {
            fail(bench, "pass %u: out of order", i + 1);
        }
        if (pass->hot + pass->cold != pass->dirty) {
            fail(bench, "pass %u: hot and cold do not add up", i + 1);
        }
        if (before &&
            pass->remaining != before->remaining - pass->sent + pass->dirty) {
            fail(bench, "pass %u: what remains does not follow", i + 1);
        }
        if (known) {
            compared++;
            if (ABS(identity - (int64_t)pass->dirty) > 1) {
                fail(bench, "pass %u: the identity says %" PRId64, i + 1,
                     identity);
            }
        }
        /* Pages that still waited are dirty, but not newly so. Once the limit
         * is lifted, a pass may be over before the guest has run at all. */
        if (i >= 2 && i < PASSES &&
            (pass->hot + before->remaining - before->dirty + 32 < HOT_PAGES ||
             pass->hot > HOT_PAGES + 64)) {
            fail(bench, "pass %u: the guest has %d hot pages", i + 1,
                 HOT_PAGES);
        }
        if (pass->syncs > 0 && !pass->adds_up) {
            fail(bench, "pass %u: the histogram does not add up", i + 1);
        }
        if (pass->syncs == i && i >= 2 &&
            (pass->block_hot != pass->hot || pass->block_cold != pass->cold ||
             pass->in_all_syncs + 32 < HOT_PAGES)) {
            fail(bench, "pass %u: the working set is another", i + 1);
        }
    }
    if (compared < 8) {
        fail(bench, "the identity could be compared %u times only", compared);
    }
}

/*
 * At the last event the guest stands still and nothing was sent since it
 * stopped, so the sum is what was sent while it ran. 7.2 counts both in the
 * same place. 10.0 counts what left its buffers of 32 KiB, and the stream's
 * headers too.
 */
static void
judge_bytes(Bench *bench, const GArray *passes, unsigned version)
{
    g_autoptr(JsonObject) info = ask(bench, "query-migrate", NULL);
    int64_t running = 0, all = 0, pages = 0, normal = 0, zero = 0, sum = 0;
    int64_t slack = version < 80000 ? 0 : 64 << 10;
    const Pass *last = &g_array_index(passes, Pass, passes->len - 1);

    for (unsigned i = 0; i < passes->len; i++) {
        sum += (int64_t)g_array_index(passes, Pass, i).sent_bytes;
        pages += (int64_t)g_array_index(passes, Pass, i).sent;
    }
    if (!info || !jobj_get_i64(info, "ram.precopy-bytes", &running) ||
        !jobj_get_i64(info, "ram.normal", &normal) ||
        !jobj_get_i64(info, "ram.duplicate", &zero) ||
        !jobj_get_i64(info, "ram.transferred", &all)) {
        fail(bench, "no final statistics");
        return;
    }
    printf("sent-bytes add up to %" PRId64 "; sent while the guest ran %" PRId64
           ", in all %" PRId64 "\n",
           sum, running, all);
    if (ABS(sum - running) > slack || sum > all) {
        fail(bench, "sent-bytes do not add up");
    }
    if (pages + (int64_t)last->remaining != normal + zero) {
        fail(bench,
             "sent-pages do not add up: %" PRId64 " and %" PRIu64
             " at last, of %" PRId64,
             pages, last->remaining, normal + zero);
    }
}

static void
run(Bench *bench, const char *qemu)
{
    Peer *source = &bench->source;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) trace = NULL;

    if (!write_guest(bench->dir, &error) ||
        !start_qemu(bench, &bench->destination, qemu,
                    "-incoming unix:migrate.sock", &error) ||
        !start_qemu(bench, source, qemu,
                    "-trace enable=migration_bitmap_sync_end -D trace.log",
                    &error)) {
        fail(bench, "%s", error->message);
        return;
    }
    if (!migrate(bench)) {
        return;
    }
    judge_bytes(bench, source->passes, qmp_session_version(source->session));
    tell(bench, "quit", NULL);
    g_subprocess_wait(source->child, NULL, NULL);
    trace = read_trace(bench->dir, &error);
    if (!trace || trace->len != source->passes->len) {
        fail(bench, "%s",
             trace ? "not one trace line per event" : error->message);
        return;
    }
    judge_passes(bench, source->passes, trace);
    judge_trace(bench, source->passes, trace);
}

static gboolean
on_timeout(gpointer user)
{
    ((Bench *)user)->timed_out = true;
    return G_SOURCE_CONTINUE;
}

static void
stop(Peer *peer)
{
    g_clear_pointer(&peer->session, qmp_session_unref);
    if (peer->child) {
        g_subprocess_force_exit(peer->child);
        g_subprocess_wait(peer->child, NULL, NULL);
        g_object_unref(peer->child);
    }
    g_clear_pointer(&peer->passes, g_array_unref);
    g_free(peer->closed);
}

/* "7.2" names the one that qemu-patches/build installed */
static char *
find_qemu(const char *name)
{
    const char *state = g_getenv("VMFERRY_QEMU_STATE");
    const char *source = g_getenv("VMFERRY_SOURCE");

    if (strchr(name, '/')) {
        return g_strdup(name);
    }
    return state ? g_build_filename(state, "prefix", name, "bin",
                                    "qemu-system-x86_64", NULL)
                 : g_build_filename(source ? source : ".", "build", "qemu",
                                    "prefix", name, "bin", "qemu-system-x86_64",
                                    NULL);
}

int
main(int argc, char **argv)
{
    static const char *const left[] = { "guest.bin", "trace.log",
                                        "migrate.sock" };
    g_autofree char *qemu = argc == 2 ? find_qemu(argv[1]) : NULL;
    g_autoptr(GError) error = NULL;
    Bench bench = { 0 };

    if (!qemu) {
        fprintf(stderr, "usage: %s QEMU | 7.2 | 10.0\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!g_file_test(qemu, G_FILE_TEST_IS_EXECUTABLE)) {
        printf("SKIP: there is no %s; qemu-patches/build makes it\n", qemu);
        return SKIPPED;
    }
    bench.dir = g_dir_make_tmp("vmferry-XXXXXX", &error);
    if (!bench.dir) {
        printf("not ok: %s\n", error->message);
        return 1;
    }
    g_unix_signal_add(SIGINT, on_timeout, &bench);
    g_unix_signal_add(SIGTERM, on_timeout, &bench);
    g_timeout_add_seconds(WITHIN_S, on_timeout, &bench);
    run(&bench, qemu);
    stop(&bench.source);
    stop(&bench.destination);
    for (size_t i = 0; i < G_N_ELEMENTS(left); i++) {
        g_autofree char *path = g_build_filename(bench.dir, left[i], NULL);

        unlink(path);
    }
    rmdir(bench.dir);
    g_free(bench.dir);
    printf("%s\n", bench.failures == 0 ? "ok" : "FAILED");
    return bench.failures == 0 ? 0 : 1;
}
