/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memwriter.c - a test guest's own life: writes memory, counts, answers
 *
 * It runs as the guest's first process when the init script is through, and
 * does three things in one thread:
 *
 *  - writes whole random pages of a working set at a steady rate. The bytes
 *    are pseudo-random, so that neither zero-page detection nor compression
 *    makes a page cheaper than 4096 bytes. A stall (the blackout of a
 *    migration) is not made up for: the credit is capped at 100 ms;
 *  - checks memory. Each page begins with the number of its last write, which
 *    is kept in a table as well: a page that a migration lost or brought
 *    twice in the wrong order shows when it is written next ("errors");
 *  - answers on TCP port 7777. One line in, one line of JSON out:
 *      status            counter (a tick every 10 ms), pages written, errors,
 *                        boot id: the same boot that counts on has moved, one
 *                        that begins anew has been restarted
 *      rate=PAGES_S      new rate from now on
 *      set=MIB           working set in use, at most the one at start
 *      check             compares every page with the table, then status
 *
 * Static, no library but libc: it is the only program the image needs
 * beside busybox.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
#define PAGES_PER_MIB 256u
#define TICK_US 10000
#define CREDIT_MAX_US 100000
#define HEARTBEAT_TICKS 500
#define PORT 7777
#define MAX_CLIENTS 16

struct client {
    int fd; /* -1: free */
    size_t used;
    char line[128];
};

static struct {
    const char *name;
    const char *workload;
    char boot_id[40];
    uint8_t *pages;
    uint64_t *stamps; /* number of the last write of each page */
    uint64_t n_pages; /* allocated */
    uint64_t n_used;  /* in the working set now */
    double rate_pages_s;
    double credit_pages;
    uint64_t written;
    uint64_t errors;
    uint64_t ticks;
    uint64_t random;
} self;

static struct client clients[MAX_CLIENTS];

static uint64_t
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/* xorshift64: fast, and no page ever looks like another */
static uint64_t
random_next(void)
{
    self.random ^= self.random << 13;
    self.random ^= self.random >> 7;
    self.random ^= self.random << 17;
    return self.random;
}

static void
page_write(uint64_t index)
{
    uint64_t *page = (uint64_t *)(self.pages + index * PAGE_BYTES);

    if (page[0] != self.stamps[index]) {
        self.errors++;
    }
    self.written++;
    self.stamps[index] = self.written;
    page[0] = self.written;
    for (size_t i = 1; i < PAGE_BYTES / sizeof(*page); i++) {
        page[i] = random_next();
    }
}

static void
pages_check(void)
{
    for (uint64_t i = 0; i < self.n_pages; i++) {
        if (*(uint64_t *)(self.pages + i * PAGE_BYTES) != self.stamps[i]) {
            self.errors++;
        }
    }
}

static int
status_print(char *out, size_t size)
{
    return snprintf(
        out, size,
        "{\"name\":\"%s\",\"workload\":\"%s\",\"boot_id\":\"%s\","
        "\"counter\":%llu,\"pages_written\":%llu,\"errors\":%llu,"
        "\"rate_pages_s\":%.1f,\"set_mib\":%llu,\"uptime_ms\":%llu}\n",
        self.name, self.workload, self.boot_id, (unsigned long long)self.ticks,
        (unsigned long long)self.written, (unsigned long long)self.errors,
        self.rate_pages_s, (unsigned long long)(self.n_used / PAGES_PER_MIB),
        (unsigned long long)(now_us() / 1000u));
}

/* Answers one line; a line nobody knows is told so. */
static void
client_answer(struct client *client, char *line)
{
    char out[512];
    int length;
    double value;

    if (strcmp(line, "check") == 0) {
        pages_check();
    } else if (sscanf(line, "rate=%lf", &value) == 1 && value >= 0 &&
               value <= 1e7) {
        self.rate_pages_s = value;
    } else if (sscanf(line, "set=%lf", &value) == 1 && value >= 1 &&
               value * PAGES_PER_MIB <= (double)self.n_pages) {
        self.n_used = (uint64_t)value * PAGES_PER_MIB;
    } else if (strcmp(line, "status") != 0) {
        length = snprintf(out, sizeof(out),
                          "{\"error\":\"commands are: status, check, "
                          "rate=PAGES_S, set=MIB (at most %llu)\"}\n",
                          (unsigned long long)(self.n_pages / PAGES_PER_MIB));
        (void)!write(client->fd, out, (size_t)length);
        return;
    }
    length = status_print(out, sizeof(out));
    (void)!write(client->fd, out, (size_t)length);
}

static void
client_close(struct client *client)
{
    close(client->fd);
    client->fd = -1;
    client->used = 0;
}

static void
client_read(struct client *client)
{
    ssize_t got = read(client->fd, client->line + client->used,
                       sizeof(client->line) - 1 - client->used);
    char *end;

    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            client_close(client);
        }
        return;
    }
    client->used += (size_t)got;
    client->line[client->used] = '\0';
    while ((end = strchr(client->line, '\n'))) {
        size_t rest = client->used - (size_t)(end + 1 - client->line);

        *end = '\0';
        client_answer(client, client->line);
        memmove(client->line, end + 1, rest + 1);
        client->used = rest;
    }
    if (client->used == sizeof(client->line) - 1) {
        client_close(client);
    }
}

static int
server_open(void)
{
    /* both families: an IPv6 socket takes IPv4 as well */
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(PORT),
    };
    int one = 1;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        perror("memwriter: socket");
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, MAX_CLIENTS) < 0) {
        perror("memwriter: port 7777");
        close(fd);
        return -1;
    }
    return fd;
}

/* Keeps the newest callers: a full table drops its first entry. */
static void
server_accept(int server)
{
    int fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *slot = &clients[0];

    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        if (clients[i].fd < 0) {
            slot = &clients[i];
            break;
        }
    }
    if (slot->fd >= 0) {
        client_close(slot);
    }
    slot->fd = fd;
    slot->used = 0;
}

/* Serves the network until @until_us. */
static void
serve(int server, uint64_t until_us)
{
    for (;;) {
        struct pollfd fds[MAX_CLIENTS + 1] = {
            { .fd = server, .events = POLLIN },
        };
        uint64_t now = now_us();

        if (now >= until_us) {
            return;
        }
        for (size_t i = 0; i < MAX_CLIENTS; i++) {
            fds[i + 1] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
        }
        if (poll(fds, MAX_CLIENTS + 1, (int)((until_us - now + 999) / 1000)) <=
            0) {
            continue;
        }
        for (size_t i = 0; i < MAX_CLIENTS; i++) {
            if (fds[i + 1].revents && clients[i].fd >= 0) {
                client_read(&clients[i]);
            }
        }
        if (fds[0].revents) {
            server_accept(server);
        }
    }
}

static void
boot_id_read(void)
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

    if (!file || !fgets(self.boot_id, sizeof(self.boot_id), file)) {
        strcpy(self.boot_id, "unknown");
    }
    self.boot_id[strcspn(self.boot_id, "\n")] = '\0';
    if (file) {
        fclose(file);
    }
}

static bool
memory_prepare(uint64_t set_mib)
{
    self.n_pages = set_mib * PAGES_PER_MIB;
    self.n_used = self.n_pages;
    self.random = now_us() | 1;
    if (self.n_pages == 0) {
        return true;
    }
    self.pages = mmap(NULL, self.n_pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    self.stamps = calloc(self.n_pages, sizeof(*self.stamps));
    if (self.pages == MAP_FAILED || !self.stamps) {
        fprintf(stderr,
                "memwriter: no memory for a working set of %llu MiB: give "
                "the guest more or set= less\n",
                (unsigned long long)set_mib);
        return false;
    }
    for (uint64_t i = 0; i < self.n_pages; i++) {
        page_write(i);
    }
    self.written = self.n_pages;
    return true;
}

/* memwriter NAME WORKLOAD RATE_PAGES_S SET_MIB */
int
main(int argc, char **argv)
{
    uint64_t next_us;
    uint64_t last_us;
    int server;

    if (argc != 5) {
        fprintf(stderr, "usage: memwriter NAME WORKLOAD PAGES_S SET_MIB\n");
        return 2;
    }
    self.name = argv[1];
    self.workload = argv[2];
    self.rate_pages_s = strtod(argv[3], NULL);
    signal(SIGPIPE, SIG_IGN);
    /* as the first process it is everybody's parent in the end */
    signal(SIGCHLD, SIG_IGN);
    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        clients[i].fd = -1;
    }
    boot_id_read();
    server = server_open();
    if (server < 0 || !memory_prepare(strtoull(argv[4], NULL, 10))) {
        return 1;
    }
    printf("VMFERRY-READY %s\n", self.name);
    fflush(stdout);

    last_us = now_us();
    next_us = last_us + TICK_US;
    for (;;) {
        uint64_t now;
        uint64_t elapsed_us;

        serve(server, next_us);
        now = now_us();
        elapsed_us = now - last_us;
        last_us = now;
        if (elapsed_us > CREDIT_MAX_US) {
            elapsed_us = CREDIT_MAX_US;
        }
        if (self.n_used > 0) {
            self.credit_pages += self.rate_pages_s * (double)elapsed_us / 1e6;
        }
        for (; self.credit_pages >= 1; self.credit_pages -= 1) {
            page_write(random_next() % self.n_used);
        }
        self.ticks++;
        if (self.ticks % HEARTBEAT_TICKS == 0) {
            char out[512];

            status_print(out, sizeof(out));
            printf("heartbeat %s", out);
            fflush(stdout);
        }
        next_us = now + TICK_US;
    }
}
