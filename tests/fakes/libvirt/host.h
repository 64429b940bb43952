/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host.h - a host with guests on paper, as long as they have not left it
 *
 * A guest writes random pages of a set, so that a pass of T seconds dirties
 * set x (1 - exp(-rate T / set)) of them; its stream is a real connection to a
 * real address, and its passes last as long as that takes. So what vmferryd
 * shapes has its effect, and many migrations at once cost no more than their
 * bytes.
 *
 *   VMFERRY_FAKE_GUESTS="start=1,to=10.9.0.2:49152,mib=32,rate=300,set=2000,
 *       mbit=80;start=1,to=..."
 *
 * start: seconds after it was made, when it leaves, -1: when libvirt is asked to
 * migrate it; rate: pages a second; set: pages; mbit: it sends no faster; sends:
 * Mbit/s that its one interface, 52:54:00:00:00:NN, is said to send, NN being its
 * number; postcopy=1: it was started with --postcopy; trace: a file of a recorded
 * migration, which it goes through at its own speed, instead of rate, set and
 * mbit. As long as the file VMFERRY_FAKE_PAUSE exists post-copy is paused. If
 * VMFERRY_FAKE_LOG names a file: a line for each end, with its true figures, and
 * for each limit set and each bound of a throttle.
 */
#ifndef FAKES_LIBVIRT_HOST_H
#define FAKES_LIBVIRT_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_MOST_GUESTS 128
#define FAKE_PAGE_BYTES 4096

typedef enum { WAITS, LEAVES, STAYS, GONE } Where;

typedef struct Guest {
    char name[16];
    char uuid[37];
    double start_s;
    char host[46];
    int port;
    double memory_pages, write_pages_s, set_pages, most_bytes_s;
    double traffic_bytes_s; /* of its interface; 0: it has none */
    char trace[160];        /* path; empty: it writes as said above */
    /* under the lock */
    volatile Where where;
    volatile bool asked; /* libvirt was asked to migrate it */
    bool abort;
    bool stopped;
    bool may_postcopy, postcopy; /* started for it; in it */
    double downtime_s;           /* of a completed one */
    unsigned pass;
    uint64_t remaining_pages, normal_pages, sent_bytes;
    double begun_s, ended_s;
    unsigned long long downtime_ms; /* the limit */
    unsigned throttle_percent; /* of its vCPUs, as somebody has told QEMU */
} Guest;

/* All of the host; in a file, if others look as well. */
typedef struct Host {
    pthread_mutex_t lock;
    int n_guests;
    Guest guests[FAKE_MOST_GUESTS];
} Host;

extern Host *fake_host;

/** fake_host_open() - Have fake_host, out of the file @path, which the first to
 * come makes; NULL: in memory, for this process alone */
void fake_host_open(const char *path);

/** fake_guest_live() - Wait, leave, end: all of a Guest; a thread's function */
void *fake_guest_live(void *guest);

/** fake_guest_paused() - In post-copy, and its pages do not come */
bool fake_guest_paused(const Guest *guest);

/** fake_guest_log_limit() - Somebody sets the longest stop */
void fake_guest_log_limit(const Guest *guest, unsigned long long limit_ms);

/** fake_guest_log_throttle() - Somebody bounds QEMU's throttle */
void fake_guest_log_throttle(const Guest *guest, unsigned percent);

/** fake_guest_log_compression() - It was asked for, by @method, "" if untold */
void fake_guest_log_compression(const Guest *guest, const char *method,
                                unsigned long long cache_bytes);

/** fake_seconds() - Of the monotonic clock */
double fake_seconds(void);

#endif
