/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams-info.c - see streams-info.h
 *
 * A file of its own, because libnl includes the C library's <netinet/tcp.h>,
 * whose struct tcp_info is older than the kernel's and lacks tcpi_bytes_sent.
 */
#include "tc/streams-info.h"

#include <linux/tcp.h>
#include <string.h>

/* Ethernet, TCP, and the option that nearly every connection carries. */
#define ETHERNET_BYTES 14
#define TCP_BYTES 20
#define TIMESTAMP_BYTES 12
#define IPV4_BYTES 20
#define IPV6_BYTES 40

void
stream_take_info(StreamInfo *stream, const void *data, size_t length)
{
    struct tcp_info info = { 0 };

    memcpy(&info, data, MIN(length, sizeof(info)));
    stream->bytes_sent = info.tcpi_bytes_sent;
    stream->bytes_acked = info.tcpi_bytes_acked;
    stream->rtt_us = info.tcpi_rtt;
    stream->busy_us = info.tcpi_busy_time;
    stream->rwnd_limited_us = info.tcpi_rwnd_limited;
    stream->sndbuf_limited_us = info.tcpi_sndbuf_limited;
    stream->retransmitted_bytes = info.tcpi_bytes_retrans;
    if (info.tcpi_bytes_sent > 0) {
        bool v6 = strchr(stream->match.destination, ':') != NULL;
        uint64_t header_bytes =
            ETHERNET_BYTES + (v6 ? IPV6_BYTES : IPV4_BYTES) + TCP_BYTES +
            (info.tcpi_options & TCPI_OPT_TIMESTAMPS ? TIMESTAMP_BYTES : 0);

        stream->wire_bytes =
            info.tcpi_bytes_sent + info.tcpi_segs_out * header_bytes;
    }
}
