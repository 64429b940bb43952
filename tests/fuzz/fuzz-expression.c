/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-expression.c - --protect expressions, from text to cls_bpf program
 *
 * What compiles is a program that the kernel's verifier would take as far as
 * it can be told here: jumps go forward and stay inside, the last instruction
 * returns, and every return says "no match" or "the class of this filter". A
 * frame run through it ends with one of the two. What does not compile leaves
 * an error that names libpcap's reason.
 *
 * Names in expressions are looked up; here every look-up fails at once, so
 * that no input waits for a name server.
 */
#include "fuzz.h"

#include <glib.h>
#include <netdb.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <string.h>

#include "tc/expression.h"
#include "tc/reservation.h"

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **result)
{
    return EAI_NONAME;
}

static void
check_program(const struct bpf_insn *code, guint n)
{
    FUZZ_CHECK(n >= 1 && n <= 4096);
    FUZZ_CHECK(BPF_CLASS(code[n - 1].code) == BPF_RET);
    for (guint i = 0; i < n; i++) {
        if (BPF_CLASS(code[i].code) == BPF_RET) {
            FUZZ_CHECK(code[i].k == 0 || code[i].k == UINT32_MAX);
        } else if (code[i].code == (BPF_JMP | BPF_JA)) {
            FUZZ_CHECK(code[i].k < n - i - 1);
        } else if (BPF_CLASS(code[i].code) == BPF_JMP) {
            FUZZ_CHECK(i + 1 + code[i].jt < n && i + 1 + code[i].jf < n);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) program = expression_compile(text, &error);
    uint8_t frame[128];
    const struct bpf_insn *code;
    unsigned result;

    FUZZ_CHECK(!program == !!error);
    if (!program) {
        FUZZ_CHECK(g_error_matches(error, RESERVATION_ERROR,
                                   RESERVATION_ERROR_EXPRESSION));
        FUZZ_CHECK(error->message[0]);
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    code = (const struct bpf_insn *)(void *)program->data;
    check_program(code, program->len);
    for (size_t i = 0; i < sizeof(frame); i++) {
        frame[i] = size ? data[i % size] : 0;
    }
    result = bpf_filter(code, frame, sizeof(frame), sizeof(frame));
    FUZZ_CHECK(result == 0 || result == UINT32_MAX);
    return 0;
}
