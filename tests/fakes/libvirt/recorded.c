/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recorded.c - a recorded migration (docs/trace-format.md), gone through again
 *
 * The pages that pass k sends are not in a trace. They follow from what it had
 * to send, what was dirtied during it, and what the next one had to send:
 *
 *   sent(k) = to_send(k) + dirty(k) - to_send(k + 1)
 *
 * The reader is one of its own: what stands before libvirt in vmferryd must not
 * bring vmferry's reader along.
 */
#include "recorded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_PASSES 512
#define PAGE_WIRE_BYTES 4104 /* with its header */
#define CHUNK_BYTES 65536
#define MOST_CELLS 24

typedef struct Pass {
    unsigned iter;
    double pages_to_send; /* at its start */
    double sent_pages;    /* so that what it dirtied comes out at the next */
    double sent_bytes;
    double duration_s;
    bool final; /* the guest was stopped */
} Pass;

typedef struct Trace {
    int n_passes;
    Pass passes[MOST_PASSES];
} Trace;

/* The columns that count here, by their names in the header. */
enum { ITER, TO_SEND, DURATION, DIRTY, SENT, FINAL, N_COLUMNS };

static const char *const names[N_COLUMNS] = { "iter",       "pages_to_send",
                                              "duration_s", "dirty_pages",
                                              "sent_bytes", "final" };

static int
split(char *line, char **cells)
{
    int n = 0;

    line[strcspn(line, "\r\n")] = '\0';
    while (line && n < MOST_CELLS) {
        cells[n++] = strsep(&line, ",");
    }
    return n;
}

static bool
find_columns(char *line, int *columns)
{
    char *cells[MOST_CELLS];
    int n = split(line, cells), found = 0;

    for (int i = 0; i < n; i++) {
        for (int c = 0; c < N_COLUMNS; c++) {
            if (!strcmp(cells[i], names[c])) {
                columns[c] = i;
                found++;
            }
        }
    }
    return found == N_COLUMNS;
}

/* @dirty: of each pass, below 0: not known */
static void
derive(Trace *trace, const double *dirty)
{
    for (int i = 0; i < trace->n_passes; i++) {
        Pass *pass = &trace->passes[i];
        double sent = i + 1 == trace->n_passes ? pass->pages_to_send
                      : dirty[i] < 0 ? pass->sent_bytes / PAGE_WIRE_BYTES
                                     : pass->pages_to_send + dirty[i] -
                                           trace->passes[i + 1].pages_to_send;

        pass->sent_pages = sent < 0                     ? 0
                           : sent > pass->pages_to_send ? pass->pages_to_send
                                                        : sent;
        if (pass->sent_bytes <= 0) {
            pass->sent_bytes = pass->sent_pages * PAGE_WIRE_BYTES;
        }
    }
}

static bool
trace_read(const char *path, Trace *trace)
{
    FILE *file = fopen(path, "r");
    double dirty[MOST_PASSES];
    char line[1024], *cells[MOST_CELLS];
    int columns[N_COLUMNS];
    bool good =
        file && fgets(line, sizeof(line), file) && find_columns(line, columns);

    trace->n_passes = 0;
    while (good && trace->n_passes < MOST_PASSES &&
           fgets(line, sizeof(line), file)) {
        Pass *pass = &trace->passes[trace->n_passes];
        int n = split(line, cells);

        for (int c = 0; c < N_COLUMNS; c++) {
            good = good && columns[c] < n;
        }
        if (!good) {
            break;
        }
        *pass = (Pass){
            .iter = (unsigned)strtoul(cells[columns[ITER]], NULL, 10),
            .pages_to_send = strtod(cells[columns[TO_SEND]], NULL),
            .duration_s = strtod(cells[columns[DURATION]], NULL),
            .sent_bytes = strtod(cells[columns[SENT]], NULL),
            .final = !strcmp(cells[columns[FINAL]], "1"),
        };
        dirty[trace->n_passes++] =
            *cells[columns[DIRTY]] ? strtod(cells[columns[DIRTY]], NULL) : -1;
    }
    if (file) {
        fclose(file);
    }
    if (!good || trace->n_passes == 0) {
        fprintf(stderr, "fake libvirt: %s is no trace\n", path);
        return false;
    }
    derive(trace, dirty);
    return true;
}

/* What was sent then, as fast as then; @until_s: when that was over. */
static bool
send_recorded(Guest *guest, int fd, const Pass *pass, double until_s)
{
    static const char chunk[CHUNK_BYTES];
    double sent = 0, told = 0, ahead_s;

    while (sent < pass->sent_bytes && !guest->abort) {
        double now = fmin(sizeof(chunk), ceil(pass->sent_bytes - sent)), pages;

        if (!fake_send_all(fd, chunk, (size_t)now)) {
            return false;
        }
        sent += now;
        pages =
            floor(pass->sent_pages * fmin(sent / pass->sent_bytes, 1)) - told;
        told += pages;
        pthread_mutex_lock(&fake_host->lock);
        guest->remaining_pages -= (uint64_t)pages;
        guest->normal_pages += (uint64_t)pages;
        guest->sent_bytes += (uint64_t)now;
        pthread_mutex_unlock(&fake_host->lock);
        ahead_s = until_s - fake_seconds() -
                  pass->duration_s * (1 - sent / pass->sent_bytes);
        if (ahead_s > 0.002) {
            usleep((useconds_t)(ahead_s * 1e6));
        }
    }
    ahead_s = until_s - fake_seconds();
    if (ahead_s > 0) {
        usleep((useconds_t)(ahead_s * 1e6));
    }
    return !guest->abort;
}

bool
fake_migrate_recorded(Guest *guest, int fd, double *downtime_ms)
{
    Trace trace;
    double until_s = guest->begun_s;

    if (!trace_read(guest->trace, &trace)) {
        return false;
    }
    for (int i = 0; i < trace.n_passes; i++) {
        const Pass *pass = &trace.passes[i];

        guest->stopped |= pass->final;
        pthread_mutex_lock(&fake_host->lock);
        guest->pass = pass->iter;
        guest->remaining_pages = (uint64_t)pass->pages_to_send;
        pthread_mutex_unlock(&fake_host->lock);
        until_s += pass->duration_s;
        *downtime_ms += pass->final ? pass->duration_s * 1000 : 0;
        if (!send_recorded(guest, fd, pass, until_s)) {
            return false;
        }
    }
    guest->abort = !guest->stopped;
    return guest->stopped;
}
