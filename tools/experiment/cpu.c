/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpu.c - /proc/stat, and the processes of the testbed
 */
#include "tools/experiment/cpu.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOOK_MS 500

/* Of the whole machine, and of us. */
typedef struct CpuReading {
    bool good;
    double all_s;   /* of all processors, whoever had them */
    double busy_s;  /* ... user, nice, system, interrupts */
    double work_s;  /* ... user, system */
    double nice_s;  /* ... of niced processes, in user mode */
    double steal_s; /* ... taken by a hypervisor */
    double ours_s;  /* of this process and of children that ended */
} CpuReading;

/* A process of the testbed. */
typedef struct CpuProcess {
    double first_s; /* what it had when the watch began; 0: it began later */
    double last_s;
} CpuProcess;

struct CpuWatch {
    char *token;
    guint source;
    bool begun; /* the first look is done */
    CpuReading from;
    GHashTable *processes; /* "pid start" -> CpuProcess */
};

/* Numbers between spaces, as many as there are, at most @n. */
static size_t
read_numbers(const char *text, double *numbers, size_t n)
{
    size_t got = 0;

    while (got < n) {
        char *end = NULL;

        numbers[got] = g_ascii_strtod(text, &end);
        if (end == text) {
            break;
        }
        got++;
        text = end;
    }
    return got;
}

static bool
parse_machine(const char *text, CpuReading *reading)
{
    double t[8]; /* user nice system idle iowait irq softirq steal */
    double tick = (double)sysconf(_SC_CLK_TCK);

    *reading = (CpuReading){ 0 };
    if (!g_str_has_prefix(text, "cpu ") ||
        read_numbers(text + strlen("cpu"), t, G_N_ELEMENTS(t)) !=
            G_N_ELEMENTS(t)) {
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(t); i++) {
        reading->all_s += t[i] / tick;
    }
    reading->work_s = (t[0] + t[2]) / tick;
    reading->nice_s = t[1] / tick;
    reading->busy_s = (t[0] + t[1] + t[2] + t[5] + t[6]) / tick;
    reading->steal_s = t[7] / tick;
    return true;
}

static bool
read_machine(CpuReading *reading)
{
    g_autofree char *text = NULL;

    return g_file_get_contents("/proc/stat", &text, NULL, NULL) &&
           parse_machine(text, reading);
}

static double
usage_s(int who)
{
    struct rusage usage;

    if (getrusage(who, &usage) != 0) {
        return 0.0;
    }
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Whether this process lives in the testbed: its nodes have a mark. */
static bool
in_testbed(const char *pid, const char *token)
{
    g_autofree char *path =
        g_strdup_printf("/proc/%s/root/run/vmferry-testbed", pid);
    g_autofree char *mark = NULL;

    return g_file_get_contents(path, &mark, NULL, NULL) &&
           g_str_has_prefix(mark, token);
}

static void
read_process(CpuWatch *watch, const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
    g_autofree char *text = NULL;
    g_autofree char *name = NULL;
    const char *at;
    enum { USER = 10, SYSTEM = 11, START = 18, N_FIELDS };
    double fields[N_FIELDS]; /* of proc(5), from ppid on */
    CpuProcess *process;
    double seconds;

    /* the name may hold anything; behind its ")" stand " S " and numbers */
    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !(at = strrchr(text, ')')) || strlen(at) < strlen(") S ") ||
        read_numbers(at + strlen(") S"), fields, N_FIELDS) != N_FIELDS) {
        return;
    }
    seconds = (fields[USER] + fields[SYSTEM]) / (double)sysconf(_SC_CLK_TCK);
    name = g_strdup_printf("%s %.0f", pid, fields[START]);
    process = g_hash_table_lookup(watch->processes, name);
    if (!process) {
        process = g_new0(CpuProcess, 1);
        process->first_s = watch->begun ? 0.0 : seconds;
        g_hash_table_insert(watch->processes, g_steal_pointer(&name), process);
    }
    process->last_s = seconds;
}

static void
look(CpuWatch *watch)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *name;

    while (proc && (name = g_dir_read_name(proc))) {
        if (g_ascii_isdigit(*name) && in_testbed(name, watch->token)) {
            read_process(watch, name);
        }
    }
    watch->begun = true;
}

static gboolean
on_look(gpointer user)
{
    look(user);
    return G_SOURCE_CONTINUE;
}

static void
read_all(CpuReading *reading)
{
    *reading = (CpuReading){ 0 };
    reading->good = read_machine(reading);
    reading->ours_s = usage_s(RUSAGE_SELF) + usage_s(RUSAGE_CHILDREN);
}

CpuWatch *
cpu_watch_start(const char *token)
{
    CpuWatch *watch = g_new0(CpuWatch, 1);

    watch->token = g_strdup(token);
    watch->processes =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    look(watch);
    read_all(&watch->from);
    watch->source = g_timeout_add(LOOK_MS, on_look, watch);
    return watch;
}

CpuShares
cpu_shares_between(const char *from, const char *to)
{
    CpuShares shares = { unknown(), unknown(), unknown(), unknown() };
    CpuReading a, b;

    if (from && to && parse_machine(from, &a) && parse_machine(to, &b) &&
        b.all_s > a.all_s) {
        shares.busy = known((b.busy_s - a.busy_s) / (b.all_s - a.all_s));
        shares.niced = known((b.nice_s - a.nice_s) / (b.all_s - a.all_s));
        shares.steal = known((b.steal_s - a.steal_s) / (b.all_s - a.all_s));
    }
    return shares;
}

CpuShares
cpu_watch_end(CpuWatch *watch)
{
    CpuShares shares = { unknown(), unknown(), unknown(), unknown() };
    const CpuReading *from = &watch->from;
    CpuReading to;
    GHashTableIter iter;
    gpointer value;
    double all_s, known_s;

    look(watch);
    read_all(&to);
    all_s = to.all_s - from->all_s;
    known_s = to.ours_s - from->ours_s;
    g_hash_table_iter_init(&iter, watch->processes);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const CpuProcess *process = value;

        known_s += process->last_s - process->first_s;
    }
    if (from->good && to.good && all_s > 0) {
        double foreign_s = to.work_s - from->work_s - known_s;

        shares.busy = known((to.busy_s - from->busy_s) / all_s);
        shares.foreign = known(MAX(foreign_s, 0.0) / all_s);
        shares.niced = known((to.nice_s - from->nice_s) / all_s);
        shares.steal = known((to.steal_s - from->steal_s) / all_s);
    }
    g_source_remove(watch->source);
    g_hash_table_unref(watch->processes);
    g_free(watch->token);
    g_free(watch);
    return shares;
}
