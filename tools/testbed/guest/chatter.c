/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chatter.c - a test guest talks to another one, at a steady rate
 *
 *     chatter 10.77.1.3:256        KiB a second, UDP to port 7778 there
 *
 * What the other one sends to that port is read and thrown away. A stall (the
 * blackout of a migration) is not made up for, and a mate that is not there yet
 * is waited for: who listens is all the same to a datagram.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PORT 7778
#define DATAGRAM 1400
#define TICK_MS 20

static int64_t
now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int
listening(void)
{
    struct sockaddr_in here = { .sin_family = AF_INET,
                                .sin_port = htons(PORT) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0) {
        perror("chatter: port 7778");
        exit(1);
    }
    return fd;
}

int
main(int argc, char **argv)
{
    struct sockaddr_in mate = { .sin_family = AF_INET,
                                .sin_port = htons(PORT) };
    char bytes[2048];
    char *colon = argc == 2 ? strchr(argv[1], ':') : NULL;
    double bytes_s, credit = 0;
    int64_t last_us;
    int fd;

    if (colon) {
        *colon = '\0';
    }
    if (!colon || inet_pton(AF_INET, argv[1], &mate.sin_addr) != 1 ||
        !((bytes_s = atof(colon + 1) * 1024) > 0)) {
        fprintf(stderr, "usage: chatter ADDRESS:KIB_PER_SECOND\n");
        return 2;
    }
    memset(bytes, 'c', sizeof(bytes));
    fd = listening();
    last_us = now_us();
    for (;;) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        int64_t at_us;

        poll(&wait, 1, TICK_MS);
        while (recv(fd, bytes, sizeof(bytes), 0) >= 0) {
        }
        at_us = now_us();
        credit += bytes_s * (double)(at_us - last_us) / 1e6;
        last_us = at_us;
        if (credit > bytes_s / 5 + DATAGRAM) {
            credit = bytes_s / 5 + DATAGRAM;
        }
        for (; credit >= DATAGRAM; credit -= DATAGRAM) {
            if (sendto(fd, bytes, DATAGRAM, 0, (struct sockaddr *)&mate,
                       sizeof(mate)) < 0) {
                break; /* no way to it now: the next tick tries again */
            }
        }
    }
}
