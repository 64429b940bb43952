/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpu.c - /proc/stat, and the processes of the testbed
 */
#include "tools/experiment/cpu.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOOK_MS 500

/* Of the whole machine, and of us. */
typedef struct CpuReading {
    bool good;
    double all_s;   /* of all processors, whoever had them */
    double busy_s;  /* ... user, nice, system, interrupts */
    double work_s;  /* ... user, nice, system */
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

static bool
read_machine(CpuReading *reading)
{
    g_autofree char *text = NULL;
    unsigned long long t[8] = { 0 };
    double tick = (double)sysconf(_SC_CLK_TCK);

    if (!g_file_get_contents("/proc/stat", &text, NULL, NULL) ||
        sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0],
               &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) != 8) {
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(t); i++) {
        reading->all_s += (double)t[i] / tick;
    }
    reading->work_s = (double)(t[0] + t[1] + t[2]) / tick;
    reading->busy_s = reading->work_s + (double)(t[5] + t[6]) / tick;
    reading->steal_s = (double)t[7] / tick;
    return true;
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
    unsigned long long user, system, start;
    CpuProcess *process;
    double seconds;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !(at = strrchr(text, ')')) ||
        sscanf(at + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d "
               "%*d %*d %*d %*d %*d %llu",
               &user, &system, &start) != 3) {
        return;
    }
    seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    name = g_strdup_printf("%s %llu", pid, start);
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
cpu_watch_end(CpuWatch *watch)
{
    CpuShares shares = { unknown(), unknown(), unknown() };
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
        shares.steal = known((to.steal_s - from->steal_s) / all_s);
    }
    g_source_remove(watch->source);
    g_hash_table_unref(watch->processes);
    g_free(watch->token);
    g_free(watch);
    return shares;
}
