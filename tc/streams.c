/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams.c - asking the kernel for its TCP sockets; see streams.h
 *
 * The kernel filters by state and family only; address and port are compared
 * here. An IPv6 socket that talks IPv4 (a mapped address) is reported as IPv4,
 * because its packets are.
 */
#include "tc/streams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "tc/kernel.h"
#include "tc/streams-info.h"

/* The kernel's numbers (net/tcp_states.h), not in its user headers. */
enum {
    STATE_ESTABLISHED = 1,
    STATE_FIN_WAIT1 = 4,
    STATE_FIN_WAIT2 = 5,
    STATE_CLOSE_WAIT = 8,
    STATE_LAST_ACK = 9,
    STATE_CLOSING = 11,
};

typedef struct {
    GArray *streams;
    int family; /* of the destination, AF_UNSPEC: any */
    uint8_t bytes[16];
    uint16_t first_port;
    uint16_t last_port;
} Search;

/* Family of the packets; @text gets the number. */
static int
address_format(int family, const uint32_t words[4], char text[46],
               uint8_t bytes[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    memcpy(bytes, words, 16);
    if (family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        memmove(bytes, bytes + 12, 4);
        family = AF_INET;
    }
    inet_ntop(family, bytes, text, 46);
    return family;
}

static bool
stream_take(struct nlmsghdr *answer, void *data, GError **error)
{
    Search *search = data;
    struct inet_diag_msg *header = nlmsg_data(answer);
    struct nlattr *in[INET_DIAG_MAX + 1];
    StreamInfo stream = { 0 };
    uint8_t bytes[16];
    int family;

    if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        nlmsg_parse(answer, sizeof(*header), in, INET_DIAG_MAX, NULL) < 0) {
        return true;
    }
    stream.match.source_port = ntohs(header->id.idiag_sport);
    stream.match.destination_port = ntohs(header->id.idiag_dport);
    address_format(header->idiag_family, header->id.idiag_src,
                   stream.match.source, bytes);
    family = address_format(header->idiag_family, header->id.idiag_dst,
                            stream.match.destination, bytes);
    if (stream.match.destination_port < search->first_port ||
        stream.match.destination_port > search->last_port ||
        (search->family != AF_UNSPEC &&
         (search->family != family ||
          memcmp(bytes, search->bytes, family == AF_INET ? 4 : 16) != 0))) {
        return true;
    }
    stream.inode = header->idiag_inode;
    stream.queued_bytes = header->idiag_wqueue;
    if (in[INET_DIAG_INFO]) {
        stream_take_info(&stream, nla_data(in[INET_DIAG_INFO]),
                         (size_t)nla_len(in[INET_DIAG_INFO]));
    }
    g_array_append_val(search->streams, stream);
    return true;
}

static bool
search_family(KernelSocket *kernel, int family, Search *search, GError **error)
{
    struct inet_diag_req_v2 request = {
        .sdiag_family = (uint8_t)family,
        .sdiag_protocol = IPPROTO_TCP,
        .idiag_ext = 1 << (INET_DIAG_INFO - 1),
        .idiag_states = 1 << STATE_ESTABLISHED | 1 << STATE_FIN_WAIT1 |
                        1 << STATE_FIN_WAIT2 | 1 << STATE_CLOSE_WAIT |
                        1 << STATE_LAST_ACK | 1 << STATE_CLOSING,
    };

    return kernel_dump(
        kernel,
        kernel_message(SOCK_DIAG_BY_FAMILY, 0, &request, sizeof(request)),
        stream_take, search, error);
}

GArray *
streams_list(const char *destination, uint16_t first_port, uint16_t last_port,
             GError **error)
{
    g_autoptr(KernelSocket) kernel = NULL;
    g_autoptr(GArray) streams = g_array_new(FALSE, TRUE, sizeof(StreamInfo));
    g_autoptr(GError) local = NULL;
    Search search = {
        .streams = streams,
        .family = AF_UNSPEC,
        .first_port = first_port,
        .last_port = last_port,
    };

    if (destination) {
        if (inet_pton(AF_INET, destination, search.bytes) == 1) {
            search.family = AF_INET;
        } else if (inet_pton(AF_INET6, destination, search.bytes) == 1) {
            search.family = AF_INET6;
        } else {
            g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_KERNEL,
                        "looking for streams: '%s' is no numeric address",
                        destination);
            return NULL;
        }
    }
    kernel = kernel_open(NETLINK_SOCK_DIAG, error);
    if (!kernel) {
        return NULL;
    }
    /* IPv4 in IPv6 sockets hides in the second list. A kernel without IPv6
     * has none. */
    if (!search_family(kernel, AF_INET, &search, &local) ||
        (!search_family(kernel, AF_INET6, &search, &local) &&
         !g_error_matches(local, KERNEL_ERROR, ENOENT))) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_KERNEL,
                    "listing TCP sockets: %s%s", local->message,
                    g_error_matches(local, KERNEL_ERROR, ENOENT)
                        ? " (modprobe tcp_diag)"
                        : "");
        return NULL;
    }
    return g_steal_pointer(&streams);
}
