/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-traffic-send.c - frames as fast as one core sends them
 *
 * bench-traffic-send DEVICE COUNT BYTES: COUNT frames of BYTES each between a
 * thousand pairs of guests, 52:54:00:00:XX:XX, with sendmmsg() past the queue.
 * Prints how many were sent and in how many microseconds.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>

#include "base/clock.h"

#define BATCH 256
#define PAIRS 1024
#define MOST_BYTES 1514

static void
make_frame(unsigned char *frame, unsigned pair)
{
    static const unsigned char head[] = { 0x52, 0x54, 0, 0, 0, 0, 0x52, 0x54,
                                          0,    0,    0, 0, 8, 0, 0x45 };

    memcpy(frame, head, sizeof(head));
    frame[4] = (unsigned char)(1 + pair % 32);
    frame[10] = (unsigned char)(1 + pair / 32);
    frame[5] = frame[11] = 1;
    frame[23] = 253; /* a protocol for experiments */
}

int
main(int argc, char **argv)
{
    static unsigned char frames[PAIRS][MOST_BYTES];
    static struct iovec parts[BATCH];
    static struct mmsghdr batch[BATCH];
    struct sockaddr_ll to = { .sll_family = AF_PACKET };
    unsigned long count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    unsigned long size = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    unsigned long sent = 0;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;
    int64_t began_us;

    if (count < 1 || size < 60 || size > MOST_BYTES || fd < 0) {
        fprintf(stderr, "usage: bench-traffic-send DEVICE COUNT BYTES\n");
        return 2;
    }
    to.sll_ifindex = (int)if_nametoindex(argv[1]);
    to.sll_protocol = htons(ETH_P_ALL);
    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)(void *)&to, sizeof(to)) != 0) {
        perror(argv[1]);
        return 1;
    }
    for (unsigned i = 0; i < PAIRS; i++) {
        make_frame(frames[i], i);
    }
    began_us = clock_mono_us();
    while (sent < count) {
        unsigned n = (unsigned)(count - sent < BATCH ? count - sent : BATCH);
        int done;

        for (unsigned i = 0; i < n; i++) {
            parts[i] = (struct iovec){ frames[(sent + i) % PAIRS], size };
            batch[i].msg_hdr =
                (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
        }
        done = sendmmsg(fd, batch, n, 0);
        if (done < 0 && errno != ENOBUFS && errno != EINTR) {
            perror("sendmmsg");
            return 1;
        }
        sent += done > 0 ? (unsigned long)done : 0;
    }
    printf("%lu %ld\n", sent, (long)(clock_mono_us() - began_us));
    return 0;
}
