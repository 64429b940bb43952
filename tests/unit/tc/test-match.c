/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two classifiers must agree: every match is run as the program that
 * cls_bpf gets and as u32 selectors over the same frames.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pcap/pcap.h>
#include <string.h>

#include "tc/expression.h"
#include "tc/shaper.h"

#define MIGRATION (SHAPER_MAJOR | 0x1000)
#define APPLICATION (SHAPER_MAJOR | 0x4000)
#define CONTROL (SHAPER_MAJOR | SHAPER_MINOR_CONTROL)
#define REST (SHAPER_MAJOR | SHAPER_MINOR_REST)

typedef struct {
    uint8_t bytes[128];
    unsigned length;
} Frame;

static void
frame_init(Frame *frame, uint16_t ethertype, const char *mac)
{
    memset(frame, 0, sizeof(*frame));
    for (int i = 0; i < 6; i++) {
        frame->bytes[6 + i] = (uint8_t)g_ascii_strtoull(mac + i * 3, NULL, 16);
    }
    frame->bytes[12] = (uint8_t)(ethertype >> 8);
    frame->bytes[13] = (uint8_t)ethertype;
    frame->length = 100;
}

static void
frame_ip(Frame *frame, const char *mac, const char *source,
         const char *destination, uint8_t protocol, uint16_t sport,
         uint16_t dport)
{
    bool ip6 = strchr(destination, ':');
    uint8_t *ip = frame->bytes + 14;
    uint8_t *l4 = ip + (ip6 ? 40 : 20);

    frame_init(frame, ip6 ? 0x86dd : 0x0800, mac);
    ip[0] = ip6 ? 0x60 : 0x45;
    ip[ip6 ? 6 : 9] = protocol;
    inet_pton(ip6 ? AF_INET6 : AF_INET, source, ip + (ip6 ? 8 : 12));
    inet_pton(ip6 ? AF_INET6 : AF_INET, destination, ip + (ip6 ? 24 : 16));
    l4[0] = (uint8_t)(sport >> 8);
    l4[1] = (uint8_t)sport;
    l4[2] = (uint8_t)(dport >> 8);
    l4[3] = (uint8_t)dport;
}

static bool
run_u32(const ShaperFilter *filter, const Frame *frame)
{
    for (unsigned i = 0; i < filter->n_keys; i++) {
        const ShaperU32Key *key = &filter->keys[i];
        uint32_t word;

        memcpy(&word, frame->bytes + 14 + key->offset, 4);
        if ((ntohl(word) ^ key->value) & key->mask) {
            return false;
        }
    }
    return true;
}

static bool
run_bpf(const ShaperFilter *filter, const Frame *frame)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) program = expression_compile(filter->expression, &error);
    unsigned result;

    cr_assert_not_null(program, "%s", error ? error->message : "");
    result = bpf_filter((const struct bpf_insn *)(void *)program->data,
                        frame->bytes, frame->length, frame->length);
    cr_assert(result == 0 || result == UINT32_MAX,
              "cls_bpf would read %u as a class id", result);
    return result;
}

/* The class as HTB finds it: by preference, first match, else the default. */
static uint32_t
classify(const GArray *filters, const Frame *frame)
{
    for (unsigned pref = 1; pref <= SHAPER_PREF_LAST; pref++) {
        for (guint i = 0; i < filters->len; i++) {
            const ShaperFilter *filter =
                &g_array_index(filters, ShaperFilter, i);

            if (filter->pref == pref &&
                (filter->classifier == SHAPER_CLASSIFIER_BPF
                     ? run_bpf(filter, frame)
                     : run_u32(filter, frame))) {
                return filter->class_id;
            }
        }
    }
    return REST;
}

static GArray *
all_filters(ShaperClassifier classifier)
{
    static const StreamMatch streams[] = {
        { "10.0.0.1", "10.0.0.2", 0, 49152 },
        { "fd00::1", "fd00::2", 40000, 49153 },
    };
    GArray *filters = shaper_filters_new();

    for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
        cr_assert(shaper_match_stream(filters, classifier, MIGRATION,
                                      &streams[i], NULL));
    }
    cr_assert(shaper_match_mac(filters, classifier, APPLICATION,
                               "52:54:00:ab:cd:ef", NULL));
    shaper_match_control(filters, classifier, CONTROL, REST);
    return filters;
}

typedef struct {
    char what[48];
    char mac[20];
    char source[16], destination[16];
    uint8_t protocol;
    uint16_t sport, dport;
    uint32_t want;
} FrameCase;

#define HOST "02:00:00:00:00:01"
#define GUEST "52:54:00:ab:cd:ef"

ParameterizedTestParameters(match, frames)
{
    static FrameCase cases[] = {
        { "the stream", HOST, "10.0.0.1", "10.0.0.2", 6, 40001, 49152,
          MIGRATION },
        { "another port of the range", HOST, "10.0.0.1", "10.0.0.2", 6, 40001,
          49153, REST },
        { "another destination", HOST, "10.0.0.1", "10.0.0.3", 6, 40001, 49152,
          REST },
        { "another source", HOST, "10.0.0.9", "10.0.0.2", 6, 40001, 49152,
          REST },
        { "the other direction", HOST, "10.0.0.2", "10.0.0.1", 6, 49152, 40001,
          REST },
        { "udp to its port", HOST, "10.0.0.1", "10.0.0.2", 17, 40001, 49152,
          REST },
        { "a bulk reply to an ephemeral port", HOST, "10.0.0.1", "10.0.0.2", 6,
          80, 49160, REST },
        { "the stream over IPv6", HOST, "fd00::1", "fd00::2", 6, 40000, 49153,
          MIGRATION },
        { "IPv6 from another port", HOST, "fd00::1", "fd00::2", 6, 40001, 49153,
          REST },
        { "IPv6 to another address", HOST, "fd00::1", "fd00::3", 6, 40000,
          49153, REST },
        { "the guest's own traffic", GUEST, "10.0.0.7", "10.0.0.8", 6, 6379,
          50000, APPLICATION },
        { "the guest's ssh is not ours", GUEST, "10.0.0.7", "10.0.0.8", 6, 22,
          50000, APPLICATION },
        { "a MAC that is nearly the guest's", "52:54:00:ab:cd:ee", "10.0.0.7",
          "10.0.0.8", 6, 6379, 50000, REST },
        { "ssh out", HOST, "10.0.0.1", "10.0.0.9", 6, 50000, 22, CONTROL },
        { "ssh reply", HOST, "10.0.0.1", "10.0.0.9", 6, 22, 50000, CONTROL },
        { "libvirt", HOST, "10.0.0.1", "10.0.0.2", 6, 50000, 16509, CONTROL },
        { "libvirt over TLS and IPv6", HOST, "fd00::1", "fd00::2", 6, 50000,
          16514, CONTROL },
        { "ssh over IPv6", HOST, "fd00::1", "fd00::2", 6, 22, 1, CONTROL },
        { "udp port 22 is no ssh", HOST, "10.0.0.1", "10.0.0.2", 17, 22, 22,
          REST },
        { "icmp", HOST, "10.0.0.1", "10.0.0.2", 1, 0, 0, CONTROL },
        { "neighbour discovery", HOST, "fd00::1", "fd00::2", 58, 0x8700, 0,
          CONTROL },
        { "icmp6 in IPv4 is nothing", HOST, "10.0.0.1", "10.0.0.2", 58, 0, 0,
          REST },
        { "plain web traffic", HOST, "10.0.0.1", "10.0.0.2", 6, 50000, 443,
          REST },
    };

    return cr_make_param_array(FrameCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(FrameCase *c, match, frames)
{
    for (int u32 = 0; u32 < 2; u32++) {
        g_autoptr(GArray) filters =
            all_filters(u32 ? SHAPER_CLASSIFIER_U32 : SHAPER_CLASSIFIER_BPF);
        Frame frame;

        frame_ip(&frame, c->mac, c->source, c->destination, c->protocol,
                 c->sport, c->dport);
        cr_assert_eq(classify(filters, &frame), c->want, "%s by %s: %x",
                     c->what, u32 ? "u32" : "bpf", classify(filters, &frame));
    }
}

Test(match, what_is_not_ip_is_control)
{
    static const uint16_t types[] = { 0x0806, 0x88cc, 0x8100, 0x0042 };

    for (size_t i = 0; i < G_N_ELEMENTS(types) * 2; i++) {
        g_autoptr(GArray) filters =
            all_filters(i % 2 ? SHAPER_CLASSIFIER_U32 : SHAPER_CLASSIFIER_BPF);
        Frame frame;

        frame_init(&frame, types[i / 2], HOST);
        cr_assert_eq(classify(filters, &frame), CONTROL, "%x", types[i / 2]);
    }
}

Test(match, later_fragments_are_no_stream)
{
    for (int u32 = 0; u32 < 2; u32++) {
        g_autoptr(GArray) filters =
            all_filters(u32 ? SHAPER_CLASSIFIER_U32 : SHAPER_CLASSIFIER_BPF);
        Frame frame;

        frame_ip(&frame, HOST, "10.0.0.1", "10.0.0.2", 6, 40001, 49152);
        frame.bytes[14 + 7] = 1;
        cr_assert_eq(classify(filters, &frame), REST);
    }
}

typedef struct {
    char what[40];
    StreamMatch match;
} BadCase;

ParameterizedTestParameters(match, refused)
{
    static BadCase cases[] = {
        { "no destination", { "", "", 0, 49152 } },
        { "a name", { "", "host-2", 0, 49152 } },
        { "mixed families", { "10.0.0.1", "fd00::2", 0, 49152 } },
        { "mixed the other way", { "fd00::1", "10.0.0.2", 0, 49152 } },
        { "no port", { "10.0.0.1", "10.0.0.2", 0, 0 } },
        { "an expression", { "", "0.0.0.0 or udp", 0, 1 } },
    };

    return cr_make_param_array(BadCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadCase *c, match, refused)
{
    g_autoptr(GArray) filters = shaper_filters_new();
    g_autoptr(GError) error = NULL;

    cr_assert(!shaper_match_stream(filters, SHAPER_CLASSIFIER_BPF, MIGRATION,
                                   &c->match, &error),
              "%s", c->what);
    cr_assert(g_error_matches(error, SHAPER_ERROR, SHAPER_ERROR_MATCH));
    cr_assert_eq(filters->len, 0);
}

Test(match, macs_refused)
{
    static const char *const bad[] = { "", "52:54:00:ab:cd",
                                       "52:54:00:ab:cd:ef:01",
                                       "52:54:00:ab:cd:eg", "udp" };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GArray) filters = shaper_filters_new();

        cr_assert(!shaper_match_mac(filters, SHAPER_CLASSIFIER_BPF, APPLICATION,
                                    bad[i], NULL),
                  "%s", bad[i]);
    }
}

Test(match, without_bpf_an_expression_is_refused_with_the_remedy)
{
    g_autoptr(GArray) filters = shaper_filters_new();
    g_autoptr(GError) error = NULL;

    cr_assert(!shaper_match_expression(filters, SHAPER_CLASSIFIER_U32,
                                       APPLICATION, "udp", &error));
    cr_assert_not_null(strstr(error->message, "cls_bpf"));
}

Test(match, two_owners_may_match_the_same)
{
    static const StreamMatch match = { "", "10.0.0.2", 0, 49152 };
    g_autoptr(GArray) filters = shaper_filters_new();

    for (uint32_t id = MIGRATION; id < MIGRATION + 2; id++) {
        cr_assert(shaper_match_stream(filters, SHAPER_CLASSIFIER_BPF, id,
                                      &match, NULL));
    }
    cr_assert_eq(filters->len, 2);
    cr_assert_neq(g_array_index(filters, ShaperFilter, 0).handle,
                  g_array_index(filters, ShaperFilter, 1).handle,
                  "the kernel refuses a second filter of one handle");
}

Test(match, keys_tell_matches_apart)
{
    g_autoptr(GArray) filters = all_filters(SHAPER_CLASSIFIER_U32);

    for (guint i = 0; i < filters->len; i++) {
        for (guint j = 0; j < i; j++) {
            cr_assert_str_neq(g_array_index(filters, ShaperFilter, i).key,
                              g_array_index(filters, ShaperFilter, j).key);
        }
    }
}

typedef struct {
    char what[32];
    char expression[64];
} TextCase;

ParameterizedTestParameters(expression, refused)
{
    static TextCase cases[] = {
        { "empty", "" },
        { "blank", " \t\n" },
        { "nonsense", "tcp porq 22" },
        { "unbalanced", "(tcp" },
        { "matches nothing", "ip and ip6" },
        { "control characters", "tcp\001" },
    };

    return cr_make_param_array(TextCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(TextCase *c, expression, refused)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(expression_compile(c->expression, &error), "%s", c->what);
    cr_assert(g_error_matches(error, RESERVATION_ERROR,
                              RESERVATION_ERROR_EXPRESSION));
}

Test(expression, monsters_are_refused)
{
    g_autofree char *text = g_strnfill(EXPRESSION_LENGTH_MAX + 1, '(');

    cr_assert_null(expression_compile(text, NULL));
}

Test(expression, returns_become_what_cls_bpf_reads)
{
    g_autoptr(GArray) program =
        expression_compile("udp or tcp port 6379", NULL);
    unsigned yes = 0, no = 0;

    for (guint i = 0; i < program->len; i++) {
        const struct bpf_insn *one =
            (const struct bpf_insn *)(void *)(program->data +
                                              i * sizeof(struct bpf_insn));

        if (BPF_CLASS(one->code) == BPF_RET) {
            yes += one->k == UINT32_MAX;
            no += one->k == 0;
            cr_assert(one->k == 0 || one->k == UINT32_MAX);
        }
    }
    cr_assert(yes > 0 && no > 0);
}
