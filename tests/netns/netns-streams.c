/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netns-streams.c - traffic for the tests; see netns.h
 *
 * Each end of a stream is a child that dies with the test.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "netns.h"

static socklen_t
address_init(struct sockaddr_storage *address, bool ip6, const char *host,
             uint16_t port)
{
    memset(address, 0, sizeof(*address));
    if (ip6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        inet_pton(AF_INET6, host, &in6->sin6_addr);
        return sizeof(*in6);
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)address;

        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        inet_pton(AF_INET, host, &in->sin_addr);
        return sizeof(*in);
    }
}

static void
far_enter(void)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/ns/net", netns_far_pid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
        _exit(1);
    }
    close(fd);
}

static int
end_socket(bool ip6, const char *host, uint16_t port)
{
    int fd = socket(ip6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage address;
    socklen_t length = address_init(&address, ip6, host, port);
    int yes = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, length) != 0) {
        _exit(2);
    }
    return fd;
}

/* A child that listens, or connects, then writes or reads for ever. */
static void
end_start(bool far, bool listens, bool writes, bool ip6, uint16_t port,
          uint16_t other_port)
{
    const char *near_host = ip6 ? NEAR6 : NEAR4;
    const char *far_host = ip6 ? FAR6 : FAR4;
    static char block[65536];
    int ready[2], fd;
    ssize_t n;
    char byte = 'y';

    cr_assert(pipe(ready) == 0);
    if (fork() != 0) {
        close(ready[1]);
        cr_assert(read(ready[0], &byte, 1) == 1, "an end did not start");
        close(ready[0]);
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (far) {
        far_enter();
    }
    fd = end_socket(ip6, far ? far_host : near_host, port);
    if (listens) {
        if (listen(fd, 8) != 0 || write(ready[1], &byte, 1) != 1) {
            _exit(3);
        }
        fd = accept(fd, NULL, NULL);
    } else {
        struct sockaddr_storage address;
        socklen_t length =
            address_init(&address, ip6, far ? near_host : far_host, other_port);

        if (connect(fd, (struct sockaddr *)&address, length) != 0 ||
            write(ready[1], &byte, 1) != 1) {
            _exit(4);
        }
    }
    do {
        n = writes ? write(fd, block, sizeof(block))
                   : read(fd, block, sizeof(block));
    } while (n > 0);
    _exit(0);
}

void
netns_pour(bool ip6, bool far_listens, uint16_t near_port, uint16_t far_port)
{
    if (far_listens) {
        end_start(true, true, false, ip6, far_port, 0);
        end_start(false, false, true, ip6, near_port, far_port);
    } else {
        end_start(false, true, true, ip6, near_port, 0);
        end_start(true, false, false, ip6, far_port, near_port);
    }
}

double
netns_fetch_s(uint16_t far_port, size_t bytes)
{
    g_autofree char *block = g_malloc0(bytes);
    struct sockaddr_storage address;
    socklen_t length = address_init(&address, false, FAR4, far_port);
    struct timeval limit = { 20, 0 };
    int64_t start_us;
    size_t done = 0;
    int fd;

    end_start(true, true, false, false, far_port, 0);
    start_us = clock_mono_us();
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    cr_assert(connect(fd, (struct sockaddr *)&address, length) == 0,
              "no connection to port %u", far_port);
    while (done < bytes) {
        ssize_t n = write(fd, block + done, bytes - done);

        cr_assert(n > 0, "port %u takes nothing", far_port);
        done += (size_t)n;
    }
    /* the far side closes after it has read the end */
    shutdown(fd, SHUT_WR);
    cr_assert(read(fd, block, 1) == 0);
    close(fd);
    return (double)(clock_mono_us() - start_us) / 1e6;
}

void
netns_wait_sent(const char *device, const char *id, uint64_t bytes)
{
    int64_t deadline_us = clock_mono_us() + 20000000;

    while (netns_class_get(device, id, "Sent") <= bytes) {
        cr_assert_lt(clock_mono_us(), deadline_us,
                     "class %s of %s sends nothing", id, device);
        g_usleep(5000);
    }
}

void
netns_rates(const char *device, const char *const *ids, double *rates, size_t n,
            double seconds)
{
    g_autofree uint64_t *before = g_new0(uint64_t, n);
    int64_t start_us = clock_mono_us();
    double took_s;

    for (size_t i = 0; i < n; i++) {
        before[i] = netns_class_get(device, ids[i], "Sent");
    }
    g_usleep((gulong)(seconds * 1e6));
    took_s = (double)(clock_mono_us() - start_us) / 1e6;
    for (size_t i = 0; i < n; i++) {
        rates[i] =
            (double)(netns_class_get(device, ids[i], "Sent") - before[i]) /
            took_s;
    }
}
