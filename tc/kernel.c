/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel.c - see kernel.h
 *
 * Sequence numbers are checked, so that the rest of an interrupted dump is
 * never taken for the answer to the next question.
 */
#include "tc/kernel.h"

#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

G_DEFINE_QUARK(vmferry_kernel_error, kernel_error)

struct KernelSocket {
    struct nl_sock *socket;
    uint32_t sequence;
};

static void (*kernel_spy_func)(int type, void *data);
static void *kernel_spy_data;

void
kernel_spy(void (*spy)(int type, void *data), void *data)
{
    kernel_spy_func = spy;
    kernel_spy_data = data;
}

KernelSocket *
kernel_open(int protocol, GError **error)
{
    g_autoptr(KernelSocket) kernel = g_new0(KernelSocket, 1);
    int code, yes = 1;

    kernel->socket = nl_socket_alloc();
    if (!kernel->socket) {
        g_error("netlink: out of memory");
    }
    code = nl_connect(kernel->socket, protocol);
    if (code < 0) {
        g_set_error(error, KERNEL_ERROR, EPROTONOSUPPORT,
                    "opening a netlink socket: %s", nl_geterror(code));
        return NULL;
    }
    /* Both are luxuries: without them errors are terser, nothing else. */
    (void)setsockopt(nl_socket_get_fd(kernel->socket), SOL_NETLINK,
                     NETLINK_EXT_ACK, &yes, sizeof(yes));
    (void)setsockopt(nl_socket_get_fd(kernel->socket), SOL_NETLINK,
                     NETLINK_CAP_ACK, &yes, sizeof(yes));
    nl_socket_set_msg_buf_size(kernel->socket, 64 * 1024);
    return g_steal_pointer(&kernel);
}

void
kernel_close(KernelSocket *kernel)
{
    if (kernel) {
        nl_socket_free(kernel->socket);
        g_free(kernel);
    }
}

struct nl_msg *
kernel_message(int type, int flags, const void *header, size_t length)
{
    /* Room for the largest classifier: 4096 instructions of 8 bytes. */
    struct nl_msg *message = nlmsg_alloc_size(40 * 1024);

    if (!message ||
        !nlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) ||
        nlmsg_append(message, (void *)header, length, NLMSG_ALIGNTO) < 0) {
        g_error("netlink: out of memory");
    }
    return message;
}

/* The kernel's sentence behind an error message, NULL if it has none. */
static const char *
kernel_reason(struct nlmsghdr *answer)
{
    struct nlmsgerr *header = nlmsg_data(answer);
    size_t skip = sizeof(*header);
    struct nlattr *attribute;
    int rest;

    if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS)) {
        return NULL;
    }
    if (!(answer->nlmsg_flags & NLM_F_CAPPED)) {
        skip += header->msg.nlmsg_len - NLMSG_HDRLEN;
    }
    if (skip > (size_t)nlmsg_datalen(answer)) {
        return NULL;
    }
    attribute = (struct nlattr *)((char *)header + NLMSG_ALIGN(skip));
    rest = nlmsg_datalen(answer) - (int)NLMSG_ALIGN(skip);
    for (; nla_ok(attribute, rest); attribute = nla_next(attribute, &rest)) {
        if (nla_type(attribute) == NLMSGERR_ATTR_MSG &&
            nla_len(attribute) > 0 &&
            memchr(nla_data(attribute), 0, (size_t)nla_len(attribute))) {
            return nla_data(attribute);
        }
    }
    return NULL;
}

/* 1: done, 0: go on, -1: error set */
static int
kernel_take(struct nlmsghdr *answer, bool dump, KernelFunc func, void *data,
            GError **error)
{
    struct nlmsgerr *failure;
    const char *reason;
    int code = 0;

    switch (answer->nlmsg_type) {
    case NLMSG_NOOP:
        return 0;
    case NLMSG_DONE:
        if (nlmsg_datalen(answer) >= (int)sizeof(int)) {
            code = *(int *)nlmsg_data(answer);
        }
        if (code < 0) {
            g_set_error_literal(error, KERNEL_ERROR, -code, g_strerror(-code));
            return -1;
        }
        return 1;
    case NLMSG_OVERRUN:
        g_set_error_literal(error, KERNEL_ERROR, ENOBUFS,
                            "netlink answers were lost");
        return -1;
    case NLMSG_ERROR:
        if (nlmsg_datalen(answer) < (int)sizeof(*failure)) {
            g_set_error_literal(error, KERNEL_ERROR, EPROTO,
                                "truncated netlink answer");
            return -1;
        }
        failure = nlmsg_data(answer);
        if (failure->error == 0) {
            return 1;
        }
        reason = kernel_reason(answer);
        g_set_error(error, KERNEL_ERROR, -failure->error, "%s%s%s%s",
                    g_strerror(-failure->error), reason ? " (kernel: " : "",
                    reason ? reason : "", reason ? ")" : "");
        return -1;
    default:
        if (dump && answer->nlmsg_flags & NLM_F_DUMP_INTR) {
            g_set_error_literal(error, KERNEL_ERROR, EINTR,
                                "the list changed while it was read");
            return -1;
        }
        if (func && !func(answer, data, error)) {
            return -1;
        }
        return 0;
    }
}

static bool
kernel_talk(KernelSocket *kernel, struct nl_msg *message, int flags,
            KernelFunc func, void *data, GError **error)
{
    struct nlmsghdr *request = nlmsg_hdr(message);
    bool dump = flags & NLM_F_DUMP;
    int code, state = 0;

    request->nlmsg_flags |= (uint16_t)(flags | NLM_F_REQUEST);
    request->nlmsg_seq = ++kernel->sequence;
    request->nlmsg_pid = nl_socket_get_local_port(kernel->socket);
    if (kernel_spy_func) {
        kernel_spy_func(request->nlmsg_type, kernel_spy_data);
    }
    code = nl_send(kernel->socket, message);
    nlmsg_free(message);
    if (code < 0) {
        g_set_error(error, KERNEL_ERROR, EIO, "sending to netlink: %s",
                    nl_geterror(code));
        return false;
    }

    while (state == 0) {
        g_autofree unsigned char *buffer = NULL;
        struct sockaddr_nl from;
        struct nlmsghdr *answer;
        int length;

        length = nl_recv(kernel->socket, &from, &buffer, NULL);
        if (length <= 0) {
            g_set_error(error, KERNEL_ERROR, EIO, "reading from netlink: %s",
                        length ? nl_geterror(length) : "nothing came");
            return false;
        }
        answer = (struct nlmsghdr *)buffer;
        for (; state == 0 && nlmsg_ok(answer, length);
             answer = nlmsg_next(answer, &length)) {
            if (from.nl_pid == 0 && answer->nlmsg_seq == kernel->sequence) {
                state = kernel_take(answer, dump, func, data, error);
            }
        }
    }
    return state > 0;
}

bool
kernel_ask(KernelSocket *kernel, struct nl_msg *message, KernelFunc func,
           void *data, GError **error)
{
    return kernel_talk(kernel, message, NLM_F_ACK, func, data, error);
}

bool
kernel_dump(KernelSocket *kernel, struct nl_msg *message, KernelFunc func,
            void *data, GError **error)
{
    return kernel_talk(kernel, message, NLM_F_DUMP, func, data, error);
}
