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

void
stream_take_info(StreamInfo *stream, const void *data, size_t length)
{
    struct tcp_info info = { 0 };

    memcpy(&info, data, MIN(length, sizeof(info)));
    stream->bytes_sent = info.tcpi_bytes_sent;
    stream->bytes_acked = info.tcpi_bytes_acked;
    stream->rtt_us = info.tcpi_rtt;
    stream->retransmits = info.tcpi_total_retrans;
}
