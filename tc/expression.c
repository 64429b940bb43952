/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * expression.c - see expression.h
 */
#include "tc/expression.h"

#include <linux/filter.h>
#include <pcap/pcap.h>
#include <string.h>

#include "tc/reservation.h"

#define SNAP_BYTES 262144
#define CLS_BPF_MATCH 0xffffffffu

static bool
program_take(GArray *program, const struct bpf_program *compiled,
             GError **error)
{
    if (compiled->bf_len == 0 || compiled->bf_len > BPF_MAXINSNS) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_EXPRESSION,
                    "%u instructions, the kernel takes %u", compiled->bf_len,
                    (unsigned)BPF_MAXINSNS);
        return false;
    }
    for (unsigned i = 0; i < compiled->bf_len; i++) {
        const struct bpf_insn *in = &compiled->bf_insns[i];
        struct sock_filter out = { in->code, in->jt, in->jf, in->k };

        if (BPF_CLASS(in->code) == BPF_RET) {
            if (BPF_RVAL(in->code) != BPF_K) {
                g_set_error(error, RESERVATION_ERROR,
                            RESERVATION_ERROR_EXPRESSION,
                            "returns a computed value at instruction %u", i);
                return false;
            }
            out.k = in->k ? CLS_BPF_MATCH : 0;
        }
        /* "protochain" loops; the kernel runs forward jumps only */
        if (in->code == (BPF_JMP | BPF_JA) && in->k >= compiled->bf_len - i) {
            g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_EXPRESSION,
                        "compiles to a loop, which the kernel does not run");
            return false;
        }
        g_array_append_val(program, out);
    }
    return true;
}

GArray *
expression_compile(const char *expression, GError **error)
{
    g_autoptr(GArray) program =
        g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
    g_autofree char *shown = g_utf8_make_valid(expression, -1);
    struct bpf_program compiled = { 0 };
    pcap_t *pcap;
    bool good;

    if (expression[strspn(expression, " \t\r\n")] == '\0') {
        g_set_error_literal(error, RESERVATION_ERROR,
                            RESERVATION_ERROR_EXPRESSION,
                            "an empty pcap expression would match everything");
        return NULL;
    }
    if (strlen(expression) > EXPRESSION_LENGTH_MAX) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_EXPRESSION,
                    "a pcap expression of %zu characters is too long, %d are "
                    "taken",
                    strlen(expression), EXPRESSION_LENGTH_MAX);
        return NULL;
    }

    pcap = pcap_open_dead(DLT_EN10MB, SNAP_BYTES);
    if (!pcap) {
        g_set_error_literal(error, RESERVATION_ERROR,
                            RESERVATION_ERROR_EXPRESSION,
                            "libpcap gives no handle");
        return NULL;
    }
    if (pcap_compile(pcap, &compiled, expression, 1, PCAP_NETMASK_UNKNOWN)) {
        g_autofree char *reason = g_utf8_make_valid(pcap_geterr(pcap), -1);

        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_EXPRESSION,
                    "pcap expression '%s': %s (see pcap-filter(7))", shown,
                    reason);
        pcap_close(pcap);
        return NULL;
    }
    good = program_take(program, &compiled, error);
    pcap_freecode(&compiled);
    pcap_close(pcap);
    if (!good) {
        g_prefix_error(error, "pcap expression '%s': ", shown);
        return NULL;
    }
    return g_steal_pointer(&program);
}
