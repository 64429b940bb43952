/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams.h - the migration's TCP connections in the kernel's socket table
 *
 * libvirtd opens the connection and hands it to QEMU, so neither the owner nor
 * the source port is known beforehand; the destination port is one of libvirt's
 * migration range or the one in --migrateuri. NETLINK_SOCK_DIAG lists sockets
 * with tcp_info, whose bytes_acked is the stream's own counter.
 */
#ifndef TC_STREAMS_H
#define TC_STREAMS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tc/reservation.h"

typedef struct StreamInfo {
    StreamMatch match;     /* the exact four-tuple */
    uint64_t inode;        /* socket inode, 0 if not told */
    uint64_t bytes_sent;   /* payload, retransmissions included, 0 if the
                              kernel does not tell */
    uint64_t bytes_acked;  /* payload acknowledged */
    uint64_t queued_bytes; /* payload written and not acknowledged: what has to
                              pass yet when QEMU has sent its last byte */
    uint64_t wire_bytes;   /* bytes_sent with the headers of its segments, as
                              a queueing discipline counts them; 0 if the
                              kernel does not tell */
    uint64_t rtt_us;
    /* Time so far with data outstanding or waiting, and of it for the
     * receiver's window and for the send buffer; 0 all if not told. */
    uint64_t busy_us, rwnd_limited_us, sndbuf_limited_us;
    uint64_t retransmitted_bytes;
} StreamInfo;

/**
 * streams_list() - TCP connections to a destination
 * @destination: Numeric address; NULL: any
 * @first_port: Range of destination ports, inclusive
 * @last_port: 49152..49215 unless configured otherwise
 *
 * Only established ones (and those closing). Needs no privilege.
 * Return: an array of StreamInfo, g_array_unref() it; NULL with @error
 */
GArray *streams_list(const char *destination, uint16_t first_port,
                     uint16_t last_port, GError **error);

/**
 * streams_inodes() - The sockets that a process holds
 * @proc_dir: NULL: /proc
 *
 * Of a process of another user this takes CAP_SYS_PTRACE.
 * Return: an array of uint64_t, g_array_unref() it; NULL with
 * RESERVATION_ERROR_PERMISSION or RESERVATION_ERROR_GONE
 */
GArray *streams_inodes(const char *proc_dir, int64_t pid, GError **error);

/**
 * streams_bound_unsent() - Bound what waits in a connection before it is sent
 * @pid: In: a process that holds it, 0: not known; out: the one that does, 0:
 *       none that we may see
 * @bytes: TCP_NOTSENT_LOWAT, see tcp(7)
 *
 * Whoever writes to it sleeps above; nothing is lost. It takes CAP_SYS_PTRACE
 * and Linux 5.6, and ends with the connection.
 * Return: false with RESERVATION_ERROR_PERMISSION or RESERVATION_ERROR_GONE,
 * and then nothing has changed
 */
bool streams_bound_unsent(int64_t *pid, uint64_t inode, uint32_t bytes,
                          GError **error);

#endif
