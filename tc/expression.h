/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * expression.h - a pcap expression as a program for cls_bpf
 *
 * libpcap compiles to classic BPF that returns how many bytes to capture: its
 * snap length or 0. cls_bpf reads the same number differently: 0 is "no match",
 * 0xffffffff "the class this filter names", and anything else is taken for a
 * class id. So every return but 0 becomes 0xffffffff.
 */
#ifndef TC_EXPRESSION_H
#define TC_EXPRESSION_H

#include <glib.h>
#include <stdbool.h>

/* Longer is a mistake, and libpcap's optimiser takes seconds over monsters. */
#define EXPRESSION_LENGTH_MAX 1000

/**
 * expression_compile() - Compile for Ethernet frames
 * @expression: As for tcpdump; not empty, which would mean everything
 * @error: RESERVATION_ERROR_EXPRESSION with libpcap's reason
 *
 * Not thread-safe, for libpcap is not. Names of hosts are looked up.
 * Return: a GArray of struct sock_filter, g_array_unref() it
 */
GArray *expression_compile(const char *expression, GError **error);

/**
 * expression_host_name() - What of it would be looked up; pure
 *
 * Compiling an expression without such a word does not wait for anybody.
 * Return: the first word that libpcap would ask a name server for, or one that
 * is not known to be anything else; g_free() it. NULL: there is none
 */
char *expression_host_name(const char *expression);

#endif
