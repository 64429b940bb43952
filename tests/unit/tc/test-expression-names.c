/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-expression-names.c - what of an expression would be looked up
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tc/expression.h"

typedef struct Case {
    char text[96];
    char name[32]; /* "": none */
} Case;

ParameterizedTestParameters(expression_names, words)
{
    static Case cases[] = {
        { "tcp port 6379", "" },
        { "tcp port http or https and not port 22", "" },
        { "tcp portrange 1000-2000", "" },
        { "host 10.0.0.1 and (port 80 or 443)", "" },
        { "net 10.0/16 or net 192.168.0.0 mask 255.255.0.0", "" },
        { "ip6 host fe80::1 or ether host 52:54:00:00:00:01", "" },
        { "ether src 52-54-00-00-00-01 or ether dst 5254.0000.0001", "" },
        { "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "" },
        { "ip[6:2]&0x1fff=0 and len<=1500 and vlan 7", "" },
        { "ip proto \\tcp and src net fd00::/8", "" },
        { "host db", "db" },
        { "tcp and src host db.example.org", "db.example.org" },
        { "port 80 and db", "" }, /* which is a port's name then */
        { "port 80 and host db", "db" },
        { "tcp src port http and dst db", "db" },
        { "10.0.0.1 or db-2", "db-2" },
        { "gateway router", "router" },
        { "net office", "office" },
        { "host \\tcp", "tcp" },
        { "!host(db)", "db" },
        { "host 10.0.0.1 or face", "face" },
        { "", "" },
        { "((", "" },
    };

    return cr_make_param_array(Case, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Case *one, expression_names, words)
{
    g_autofree char *name = expression_host_name(one->text);

    cr_expect_str_eq(name ? name : "", one->name, "%s: %s", one->text,
                     name ? name : "none");
}

/* All that libpcap takes without asking anybody is taken here as well. */
Test(expression_names, what_has_none_compiles)
{
    static const char *const fine[] = {
        "tcp port http or https and not port 22",
        "ether src 52-54-00-00-00-01",
        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
        "ip proto \\tcp or src net fd00::/8",
        "icmp[icmptype] == icmp-echo or icmp6",
        "pppoes and ip",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(fine); i++) {
        g_autofree char *name = expression_host_name(fine[i]);
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) program = expression_compile(fine[i], &error);

        cr_expect_null(name, "%s: %s", fine[i], name);
        cr_expect_not_null(program, "%s", error ? error->message : "");
    }
}
