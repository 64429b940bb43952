/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host.c - which guests there are: VMFERRY_FAKE_GUESTS, read once
 */
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

Host *fake_host;

double
fake_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
parse_word(Guest *guest, const char *word)
{
    double value = 0;
    char rest[64];

    if (sscanf(word, "to=%45[^:]:%d", guest->host, &guest->port) == 2) {
        return;
    }
    if (sscanf(word, "trace=%159s", guest->trace) == 1) {
        return;
    }
    if (sscanf(word, "%15[a-z]=%lf", rest, &value) != 2) {
        return;
    }
    if (!strcmp(rest, "start")) {
        guest->start_s = value;
    } else if (!strcmp(rest, "mib")) {
        guest->memory_pages = value * 256;
    } else if (!strcmp(rest, "rate")) {
        guest->write_pages_s = value;
    } else if (!strcmp(rest, "set")) {
        guest->set_pages = value;
    } else if (!strcmp(rest, "mbit")) {
        guest->most_bytes_s = value * 1e6 / 8;
    } else if (!strcmp(rest, "postcopy")) {
        guest->may_postcopy = value > 0;
    } else if (!strcmp(rest, "sends")) {
        guest->traffic_bytes_s = value * 1e6 / 8;
    }
}

static void
parse_guests(void)
{
    char *text = strdup(getenv("VMFERRY_FAKE_GUESTS") ?: ""), *save, *one;

    for (one = strtok_r(text, ";", &save);
         one && fake_host->n_guests < FAKE_MOST_GUESTS;
         one = strtok_r(NULL, ";", &save)) {
        Guest *guest = &fake_host->guests[fake_host->n_guests++];
        char *inner, *word;

        snprintf(guest->name, sizeof(guest->name), "vm%d", fake_host->n_guests);
        snprintf(guest->uuid, sizeof(guest->uuid),
                 "00000000-0000-4000-8000-%012d", fake_host->n_guests);
        guest->most_bytes_s = 12.5e6;
        guest->memory_pages = 8192;
        guest->downtime_ms = 300;
        for (word = strtok_r(one, ",", &inner); word;
             word = strtok_r(NULL, ",", &inner)) {
            parse_word(guest, word);
        }
    }
    free(text);
}

/* The first to come makes it. */
void
fake_host_open(const char *path)
{
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    bool fresh = !path || lseek(fd, 0, SEEK_END) == 0;

    if (fd >= 0 && fresh && ftruncate(fd, sizeof(Host)) != 0) {
        perror(path);
        _exit(1);
    }
    fake_host = mmap(NULL, sizeof(Host), PROT_READ | PROT_WRITE,
                     path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
    if (fresh) {
        pthread_mutexattr_t shared;

        pthread_mutexattr_init(&shared);
        pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        /* whoever looks may be killed while he does */
        pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&fake_host->lock, &shared);
        parse_guests();
    }
}
