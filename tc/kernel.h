/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel.h - one netlink socket, asked and answered in step
 *
 * The folder talks to three parts of the kernel (links, traffic control,
 * sockets) and always the same way: a request and its acknowledgement, or a
 * request and a dump. libnl builds the messages; the kernel's own sentence on
 * why it refused (the extended acknowledgement) is kept, because "Invalid
 * argument" alone helps nobody.
 *
 * An error has domain KERNEL_ERROR and the errno as its code, so that callers
 * can tell ENOENT from EPERM. Only for the files of this folder.
 */
#ifndef TC_KERNEL_H
#define TC_KERNEL_H

#include <glib.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#define KERNEL_ERROR (kernel_error_quark())
GQuark kernel_error_quark(void);

struct nl_msg;
typedef struct KernelSocket KernelSocket;

/** kernel_open() - @protocol: NETLINK_ROUTE or NETLINK_SOCK_DIAG */
KernelSocket *kernel_open(int protocol, GError **error);
void kernel_close(KernelSocket *kernel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KernelSocket, kernel_close)

/** kernel_message() - Start a message with its fixed header; never NULL */
struct nl_msg *kernel_message(int type, int flags, const void *header,
                              size_t length);

/* The kernel's answers, one message each. False stops with an error that the
 * function must have set. */
typedef bool (*KernelFunc)(struct nlmsghdr *answer, void *data, GError **error);

/**
 * kernel_ask() - Send a request, wait for the acknowledgement
 * @message: Consumed
 * @func: Called for an answer that comes before it, or NULL
 */
bool kernel_ask(KernelSocket *kernel, struct nl_msg *message, KernelFunc func,
                void *data, GError **error);

/**
 * kernel_dump() - Send a dump request, hand out every message
 *
 * A dump that the kernel marks as interrupted (something changed meanwhile)
 * fails with EINTR: the caller asks again from an empty list.
 */
bool kernel_dump(KernelSocket *kernel, struct nl_msg *message, KernelFunc func,
                 void *data, GError **error);

/**
 * kernel_spy() - Have every request shown before it leaves
 * @spy: Called with the netlink message type; NULL: nobody
 *
 * For counting messages, and for tests that die between two of them.
 */
void kernel_spy(void (*spy)(int type, void *data), void *data);

#endif
