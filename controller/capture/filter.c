/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * filter.c - what the kernel does before a frame is copied
 *
 *     ld  #random          4 instructions before those of the expression
 *     mod #N
 *     jeq #0, next
 *     ret #0
 *     next: the expression; it returns how many bytes are to be copied, or 0
 *
 * Linux' classic BPF has random numbers, libpcap's language has not. So libpcap
 * gets the plain filter, which it also needs where it filters by itself, and
 * the longer one is attached to the socket in its place.
 */
#include "capture/capture-priv.h"

#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

/* pcap_compile() is recursive: an expression of megabytes ends its stack. */
#define MOST_LETTERS 4096

static bool
compile(pcap_t *pcap, const char *expression, struct bpf_program *program,
        GError **error)
{
    /* an empty expression is one that takes all, and cuts it off */
    if (!expression) {
        expression = "";
    }
    if (strlen(expression) > MOST_LETTERS) {
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FILTER,
                    "a filter of %zu characters is too long, %d are the most",
                    strlen(expression), MOST_LETTERS);
        return false;
    }
    if (pcap_compile(pcap, program, expression, 1, PCAP_NETMASK_UNKNOWN)) {
        g_autofree char *reason = g_utf8_make_valid(pcap_geterr(pcap), -1);
        g_autofree char *shown = g_utf8_make_valid(expression, -1);

        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FILTER,
                    "filter '%s': %s (see pcap-filter(7))", shown, reason);
        return false;
    }
    return true;
}

bool
capture_filter_set(pcap_t *pcap, const char *expression, GError **error)
{
    struct bpf_program program;
    bool done;

    if (!compile(pcap, expression, &program, error)) {
        return false;
    }
    done = pcap_setfilter(pcap, &program) == 0;
    if (!done) {
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FILTER,
                    "setting the filter: %s", pcap_geterr(pcap));
    }
    pcap_freecode(&program);
    return done;
}

bool
capture_filter_sample(pcap_t *pcap, const char *expression, uint32_t one_in)
{
    const struct sock_filter head[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, one_in),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct bpf_program program;
    struct sock_fprog whole;
    g_autofree struct sock_filter *code = NULL;
    bool done;

    if (!compile(pcap, expression, &program, NULL)) {
        return false;
    }
    code = g_new(struct sock_filter, G_N_ELEMENTS(head) + program.bf_len);
    memcpy(code, head, sizeof(head));
    for (guint i = 0; i < program.bf_len; i++) {
        const struct bpf_insn *from = &program.bf_insns[i];

        /* the same fields, of a type of its own */
        code[G_N_ELEMENTS(head) + i] =
            (struct sock_filter){ from->code, from->jt, from->jf, from->k };
    }
    whole.len = (unsigned short)(G_N_ELEMENTS(head) + program.bf_len);
    whole.filter = code;
    done = G_N_ELEMENTS(head) + program.bf_len <= BPF_MAXINSNS &&
           setsockopt(pcap_fileno(pcap), SOL_SOCKET, SO_ATTACH_FILTER, &whole,
                      sizeof(whole)) == 0;
    pcap_freecode(&program);
    return done;
}
