/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.c - a guest's life: it waits, connects, sends pass after pass, stops
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"
#include "recorded.h"

#define PAGE_WIRE_BYTES 4104 /* with its header */
#define CHUNK_PAGES 16

static int
dial(const Guest *guest)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)guest->port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, guest->host, &to.sin_addr);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool
fake_send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool
fake_guest_paused(const Guest *guest)
{
    const char *path = getenv("VMFERRY_FAKE_PAUSE");

    return guest->postcopy && path && access(path, F_OK) == 0;
}

/* As fast as the connection takes it and the guest's own limit allows. */
static bool
send_pages(Guest *guest, int fd, uint64_t pages)
{
    static const char chunk[CHUNK_PAGES * PAGE_WIRE_BYTES];
    double begun_s = fake_seconds(), sent = 0;

    while (pages > 0 && !guest->abort) {
        uint64_t now = pages < CHUNK_PAGES ? pages : CHUNK_PAGES;
        double ahead_s;

        while (fake_guest_paused(guest) && !guest->abort) {
            usleep(10000);
        }
        if (!fake_send_all(fd, chunk, now * PAGE_WIRE_BYTES)) {
            return false;
        }
        pages -= now;
        sent += (double)(now * PAGE_WIRE_BYTES);
        pthread_mutex_lock(&fake_host->lock);
        guest->remaining_pages -= now;
        guest->normal_pages += now;
        guest->sent_bytes += now * PAGE_WIRE_BYTES;
        pthread_mutex_unlock(&fake_host->lock);
        ahead_s = sent / guest->most_bytes_s - (fake_seconds() - begun_s);
        if (ahead_s > 0.002) {
            usleep((useconds_t)(ahead_s * 1e6));
        }
    }
    return !guest->abort;
}

static double
dirtied(const Guest *guest, double during_s)
{
    return guest->set_pages > 0
               ? guest->set_pages *
                     (1 - exp(-guest->write_pages_s * during_s *
                              (1 - guest->throttle_percent / 100.0) /
                              guest->set_pages))
               : 0;
}

static void
next_pass(Guest *guest, double pages)
{
    pthread_mutex_lock(&fake_host->lock);
    guest->pass++;
    guest->remaining_pages = (uint64_t)pages;
    pthread_mutex_unlock(&fake_host->lock);
}

static void
log_end(const Guest *guest, const char *how, double downtime_ms)
{
    const char *path = getenv("VMFERRY_FAKE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;

    if (file) {
        fprintf(file,
                "{\"guest\":\"%s\",\"end\":\"%s\",\"seconds\":%.3f,"
                "\"passes\":%u,\"bytes\":%llu,\"downtime_ms\":%.0f}\n",
                guest->name, how, fake_seconds() - guest->begun_s, guest->pass,
                (unsigned long long)guest->sent_bytes, downtime_ms);
        fclose(file);
    }
}

void
fake_guest_log_limit(const Guest *guest, unsigned long long limit_ms)
{
    const char *path = getenv("VMFERRY_FAKE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;

    if (file) {
        fprintf(file, "{\"guest\":\"%s\",\"limit_ms\":%llu}\n", guest->name,
                limit_ms);
        fclose(file);
    }
}

void
fake_guest_log_throttle(const Guest *guest, unsigned percent)
{
    const char *path = getenv("VMFERRY_FAKE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;

    if (file) {
        fprintf(file, "{\"guest\":\"%s\",\"throttle\":%u}\n", guest->name,
                percent);
        fclose(file);
    }
}

void
fake_guest_log_compression(const Guest *guest, const char *method,
                           unsigned long long cache_bytes)
{
    const char *path = getenv("VMFERRY_FAKE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;

    if (file) {
        fprintf(file,
                "{\"guest\":\"%s\",\"compression\":\"%s\","
                "\"cache\":%llu}\n",
                guest->name, method, cache_bytes);
        fclose(file);
    }
}

static bool
migrate(Guest *guest, int fd, double *downtime_ms)
{
    double pages = guest->memory_pages, pass_s, rate, stopped_s;

    if (*guest->trace) {
        return fake_migrate_recorded(guest, fd, downtime_ms);
    }
    next_pass(guest, pages);
    for (;;) {
        double begun_s = fake_seconds();

        if (!send_pages(guest, fd, (uint64_t)pages)) {
            return false;
        }
        pass_s = fake_seconds() - begun_s;
        if (guest->postcopy) {
            /* What it has written so far follows, and it writes elsewhere. */
            next_pass(guest, dirtied(guest, pass_s));
            *downtime_ms = 10;
            return send_pages(guest, fd, guest->remaining_pages);
        }
        rate = pages * PAGE_WIRE_BYTES / fmax(pass_s, 1e-3);
        pages = dirtied(guest, pass_s);
        if (pages * PAGE_WIRE_BYTES / rate <=
            (double)guest->downtime_ms / 1000) {
            break;
        }
        next_pass(guest, pages);
    }
    stopped_s = fake_seconds();
    guest->stopped = true;
    next_pass(guest, pages);
    if (!send_pages(guest, fd, (uint64_t)pages)) {
        return false;
    }
    *downtime_ms = (fake_seconds() - stopped_s) * 1000;
    return true;
}

static void
finish(Guest *guest, bool completed, double downtime_ms)
{
    log_end(guest, completed ? "completed" : "failed", downtime_ms);
    pthread_mutex_lock(&fake_host->lock);
    guest->downtime_s = downtime_ms / 1000;
    guest->ended_s = fake_seconds();
    guest->where = completed ? GONE : STAYS;
    pthread_mutex_unlock(&fake_host->lock);
}

void *
fake_guest_live(void *data)
{
    Guest *guest = data;
    double downtime_ms = 0;
    bool completed;
    int fd;

    while (guest->start_s < 0 && !guest->asked) {
        usleep(1000);
    }
    usleep((useconds_t)(fmax(guest->start_s, 0) * 1e6));
    fd = dial(guest);
    pthread_mutex_lock(&fake_host->lock);
    guest->where = LEAVES;
    guest->begun_s = fake_seconds();
    pthread_mutex_unlock(&fake_host->lock);
    completed = fd >= 0 && migrate(guest, fd, &downtime_ms);
    finish(guest, completed, downtime_ms);
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}
