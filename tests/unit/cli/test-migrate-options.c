/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-migrate-options.c - what each option becomes, what is refused and how
 *
 * Words are split at blanks. Lines that virsh understands as well are compared
 * with the real virsh by compare-virsh.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib/gstdio.h>

#include "describe.h"

static MigrateOptions *
parse(const char *text, const GlobalOptions *global, GError **error)
{
    g_auto(GStrv) raw = g_strsplit(text, " ", 0);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    MigrateOptions *options;
    bool help;

    for (size_t i = 0; raw[i]; i++) {
        if (*raw[i]) {
            /* a blank inside a word is written as ~ */
            g_ptr_array_add(words, g_strdelimit(raw[i], "~", ' '));
        }
    }
    g_ptr_array_add(words, NULL);
    options = migrate_options_parse((const char *const *)words->pdata, global,
                                    &help, error);
    cr_assert_not(help);
    return options;
}

/* For lines that must be good. */
static MigrateOptions *
parsed(const char *text)
{
    g_autoptr(GError) error = NULL;
    MigrateOptions *options = parse(text, NULL, &error);

    cr_assert(options, "%s: %s", text, error ? error->message : "NULL");
    return options;
}

typedef struct {
    char words[100]; /* behind "test qemu:///x" */
    char want[140];
} SpecCase;

#define URI3 "uri3 test to qemu:///x "
#define PLAIN "migrate3 test to qemu:///x "

ParameterizedTestParameters(migrate_options, virsh_options)
{
    static SpecCase cases[] = {
        { "", PLAIN "flags=0x0" },
        { "--live", PLAIN "flags=0x1" },
        { "--p2p", URI3 "flags=0x2" },
        { "--direct", URI3 "flags=0x0" },
        { "--p2p --direct", URI3 "flags=0x2" },
        { "--p2p --tunnelled --policy none", URI3 "flags=0x6" },
        { "--p2p --tunneled --policy none", URI3 "flags=0x6" },
        { "--persistent", PLAIN "flags=0x8" },
        { "--undefinesource", PLAIN "flags=0x10" },
        { "--suspend", PLAIN "flags=0x20" },
        { "--copy-storage-all", PLAIN "flags=0x40" },
        { "--copy-storage-inc", PLAIN "flags=0x80" },
        { "--copy-storage-all --copy-storage-synchronous-writes",
          PLAIN "flags=0x40040" },
        { "--copy-storage-inc --copy-storage-synchronous-writes",
          PLAIN "flags=0x40080" },
        { "--change-protection", PLAIN "flags=0x100" },
        { "--unsafe", PLAIN "flags=0x200" },
        { "--offline --persistent", PLAIN "flags=0x408" },
        { "--compressed", PLAIN "flags=0x800" },
        { "--abort-on-error", PLAIN "flags=0x1000" },
        { "--auto-converge", PLAIN "flags=0x2000" },
        { "--rdma-pin-all", PLAIN "flags=0x4000" },
        { "--postcopy", PLAIN "flags=0x8000" },
        { "--postcopy --postcopy-after-precopy", PLAIN "flags=0x8000" },
        { "--postcopy --postcopy-resume", PLAIN "flags=0x88000" },
        { "--zerocopy", PLAIN "flags=0x100000" },
        { "--tls", PLAIN "flags=0x10000" },
        { "--tls --tls-destination h",
          PLAIN "flags=0x10000 tls.destination=s:h" },
        { "--parallel", PLAIN "flags=0x20000" },
        { "--parallel --parallel-connections 4",
          PLAIN "flags=0x20000 parallel.connections=i:4" },
        { "--verbose", PLAIN "flags=0x0" },
        { "--migrateuri tcp://h", PLAIN "flags=0x0 migrate_uri=s:tcp://h" },
        { "tcp://h", PLAIN "flags=0x0 migrate_uri=s:tcp://h" },
        { "tcp://h spice://g 10.0.0.1 new",
          PLAIN "flags=0x0 migrate_uri=s:tcp://h graphics_uri=s:spice://g "
                "listen_address=s:10.0.0.1 destination_name=s:new" },
        { "--graphicsuri spice://g",
          PLAIN "flags=0x0 graphics_uri=s:spice://g" },
        { "--listen-address ::1", PLAIN "flags=0x0 listen_address=s:::1" },
        { "--dname new", PLAIN "flags=0x0 destination_name=s:new" },
        { "--live --timeout 5", PLAIN "flags=0x1" },
        { "--live --timeout 5 --timeout-suspend", PLAIN "flags=0x1" },
        { "--live --timeout 5 --postcopy --timeout-postcopy",
          PLAIN "flags=0x8001" },
        { "--timeout 0", PLAIN "flags=0x0" },
        { "--migrate-disks vda", PLAIN "flags=0x0 migrate_disks=s:vda" },
        { "--migrate-disks vda,vdb,,sdc",
          PLAIN "flags=0x0 migrate_disks=s:vda migrate_disks=s:vdb "
                "migrate_disks=s: migrate_disks=s:sdc" },
        { "--disks-port 49200", PLAIN "flags=0x0 disks_port=i:49200" },
        { "--disks-port 0", PLAIN "flags=0x0" },
        { "--disks-uri tcp://h:1", PLAIN "flags=0x0 disks_uri=s:tcp://h:1" },
        { "--comp-methods mt,xbzrle",
          PLAIN "flags=0x0 compression=s:mt compression=s:xbzrle" },
        { "--comp-mt-level 0", PLAIN "flags=0x0 compression.mt.level=i:0" },
        { "--comp-mt-threads 2", PLAIN "flags=0x0 compression.mt.threads=i:2" },
        { "--comp-mt-dthreads -2",
          PLAIN "flags=0x0 compression.mt.dthreads=i:-2" },
        { "--comp-xbzrle-cache 67108864",
          PLAIN "flags=0x0 compression.xbzrle.cache=U:67108864" },
        { "--auto-converge --auto-converge-initial 20",
          PLAIN "flags=0x2000 auto_converge.initial=i:20" },
        { "--auto-converge-increment 10",
          PLAIN "flags=0x0 auto_converge.increment=i:10" },
        { "--postcopy-bandwidth 10",
          PLAIN "flags=0x0 bandwidth.postcopy=U:10" },
        { "--bandwidth 18446744073709551615",
          PLAIN "flags=0x0 bandwidth=U:18446744073709551615" },
        /* in virsh's order, whatever the order of the words */
        { "--bandwidth 5 --dname n --disks-port 7 --migrateuri u",
          PLAIN "flags=0x0 migrate_uri=s:u disks_port=i:7 "
                "destination_name=s:n bandwidth=U:5" },
    };

    return cr_make_param_array(SpecCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(SpecCase *c, migrate_options, virsh_options)
{
    g_autofree char *words = g_strdup_printf("test qemu:///x %s", c->words);
    g_autoptr(MigrateOptions) options = parsed(words);
    g_autofree char *got = describe_spec(options);

    cr_assert_str_eq(got, c->want, "%s: %s", c->words, got);
}

typedef struct {
    char words[140];
    char want[200];
} RefusalCase;

#define MALFORMED(value, option)                                               \
    "Numeric value '" value "' for <" option                                   \
    "> option is malformed or out of range"
#define EMPTY(option)                                                          \
    "Failed to get option '" option "': Option argument is empty"
#define NO_STEERING(option)                                                    \
    "--" option " has no effect with --policy none: nothing is reserved then"

ParameterizedTestParameters(migrate_options, refusals)
{
    static RefusalCase cases[] = {
        /* as virsh says it */
        { "", "command 'migrate' requires <domain> option\n"
              "command 'migrate' requires <desturi> option" },
        { "test", "command 'migrate' requires <desturi> option" },
        { "a b --livve", "command 'migrate' doesn't support option --livve" },
        { "a b --live --offline",
          "Options --live and --offline are mutually exclusive" },
        { "a b --timeout-suspend --timeout-postcopy",
          "Options --timeout-suspend and --timeout-postcopy are mutually "
          "exclusive" },
        { "a b --postcopy-after-precopy",
          "Option --postcopy is required by option --postcopy-after-precopy" },
        { "a b --postcopy-resume",
          "Option --postcopy is required by option --postcopy-resume" },
        { "a b --timeout-postcopy",
          "Option --postcopy is required by option --timeout-postcopy" },
        { "a b --persistent-xml /dev/null",
          "Option --persistent is required by option --persistent-xml" },
        { "a b --tls-destination h",
          "Option --tls is required by option --tls-destination" },
        { "a b --timeout 5",
          "migrate: Unexpected timeout for offline migration" },
        { "a b --live --timeout-suspend",
          "migrate: Unexpected --timeout-* option without --timeout" },
        { "a b --live --timeout 0 --timeout-suspend",
          "migrate: Unexpected --timeout-* option without --timeout" },
        { "a b --live --timeout -1", MALFORMED("-1", "timeout") },
        { "a b --live --timeout 5s", MALFORMED("5s", "timeout") },
        { "a b --bandwidth -1", MALFORMED("-1", "bandwidth") },
        { "a b --bandwidth 50mbit", MALFORMED("50mbit", "bandwidth") },
        { "a b --postcopy-bandwidth x", MALFORMED("x", "postcopy-bandwidth") },
        { "a b --disks-port x", MALFORMED("x", "disks-port") },
        { "a b --comp-mt-level x", MALFORMED("x", "comp-mt-level") },
        { "a b --comp-mt-threads x", MALFORMED("x", "comp-mt-threads") },
        { "a b --comp-mt-dthreads x", MALFORMED("x", "comp-mt-dthreads") },
        { "a b --comp-xbzrle-cache x", MALFORMED("x", "comp-xbzrle-cache") },
        { "a b --auto-converge-initial x",
          MALFORMED("x", "auto-converge-initial") },
        { "a b --auto-converge-increment x",
          MALFORMED("x", "auto-converge-increment") },
        { "a b --parallel-connections 4294967296",
          MALFORMED("4294967296", "parallel-connections") },
        { "--domain= b", EMPTY("domain") },
        { "a --desturi=", EMPTY("desturi") },
        { "a b --migrateuri=", EMPTY("migrateuri") },
        { "a b --migrate-disks=", EMPTY("migrate-disks") },
        { "a b --xml=", EMPTY("xml") },
        { "a b --copy-storage-synchronous-writes",
          "'--copy-storage-synchronous-writes' requires one of "
          "'--copy-storage-all', 'copy-storage-inc'" },
        { "a b --xml /does/not/exist",
          "cannot read file '/does/not/exist': Failed to open file "
          "\xe2\x80\x9c/does/not/exist\xe2\x80\x9d: No such file or "
          "directory" },
        { "a b --xml /", "cannot read file '/': it is a folder" },

        /* ours: values */
        { "a b --policy fast", "--policy: " },
        { "a b --policy=", EMPTY("policy") },
        { "a b --deadline 0",
          "'0' is no value for --deadline: give a number from 0.001 to "
          "1000000000 s" },
        { "a b --deadline -5",
          "'-5' is no value for --deadline: give a number from 0.001 to "
          "1000000000 s" },
        { "a b --deadline 5min",
          "'5min' is no value for --deadline: give a number from 0.001 to "
          "1000000000 s" },
        { "a b --deadline inf",
          "'inf' is no value for --deadline: give a number from 0.001 to "
          "1000000000 s" },
        { "a b --deadline 0x10",
          "'0x10' is no value for --deadline: give a number from 0.001 to "
          "1000000000 s" },
        { "a b --deadline .",
          "'.' is no value for --deadline: give a number from 0.001 to "
          "1000000000 s" },
        { "a b --deadline 1.2.3",
          "'1.2.3' is no value for --deadline: give a number from 0.001 to "
          "1000000000 s" },
        { "a b --allow postcopy",
          "--allow: step \"postcopy\" is unknown: use guarantee, order, wait, "
          "downtime, auto-converge, post-copy, abort, default, all or none" },
        { "a b --policy none --allow post-copy",
          "--allow has no effect with --policy none: only the default policy "
          "takes steps" },
        { "a b --throttle-max 100", "'100' is no value for --throttle-max: "
                                    "give a number from 1 to 99 %" },
        { "a b --downtime-max 0",
          "'0' is no value for --downtime-max: give a number from 1 to 2000000 "
          "ms" },
        { "a b --cut-off 0",
          "'0' is no value for --cut-off: give a number from 0.001 to "
          "1000000000 s" },
        { "a b --downtime 0",
          "'0' is no value for --downtime: give a number from 1 to 2000000 "
          "ms" },
        { "a b --downtime 2000001",
          "'2000001' is no value for --downtime: give a number from 1 to "
          "2000000 ms" },
        { "a b --margin 0.9",
          "'0.9' is no value for --margin: give a number from 1 to 100" },
        { "a b --predictor first",
          "'first' is no value for --predictor: it is ensemble, last or "
          "oracle=FILE" },
        { "a b --predictor oracle=",
          "--predictor oracle= names no file: it takes a run record, as "
          "--record writes it" },
        { "a b --policy paper --predictor last",
          "--predictor has no effect with --policy paper: only the default "
          "policy has a choice" },
        { "a b --predictor last --queue",
          "Options --predictor and --queue are mutually exclusive" },
        { "a b --link eth1=100",
          "--link eth1: rate '100' has no unit (virsh would read MiB/s, tc "
          "bit/s); write for example 100mbit or 100MiB/s" },
        { "a b --link eth1=fast",
          "--link eth1: 'fast' is no rate; write it as in tc, for example "
          "50mbit or 6MiB/s" },
        { "a b --link =1gbit",
          "'' is no name of an interface; write --link DEV[=RATE], for "
          "example --link eth1=1gbit" },
        { "a b --link a/b",
          "'a/b' is no name of an interface; write --link DEV[=RATE], for "
          "example --link eth1=1gbit" },
        { "a b --link sixteen-letters0",
          "'sixteen-letters0' is no name of an interface; write --link "
          "DEV[=RATE], for example --link eth1=1gbit" },
        { "a b --protect tcp~port~80",
          "'tcp port 80' is no value for --protect; write "
          "'EXPRESSION'=RATE, for example 'tcp port 6379'=20mbit" },
        { "a b --protect =5mbit",
          "'=5mbit' is no value for --protect; write 'EXPRESSION'=RATE, for "
          "example 'tcp port 6379'=20mbit" },
        { "a b --protect udp=5",
          "--protect 'udp': rate '5' has no unit (virsh would read MiB/s, tc "
          "bit/s); write for example 5mbit or 5MiB/s" },
        { "a b --protect ip[0]=69",
          "--protect 'ip[0]': rate '69' has no unit (virsh would read MiB/s, "
          "tc bit/s); write for example 69mbit or 69MiB/s" },
        { "a b --parent 1",
          "'1' is no class for --parent; write MAJOR:MINOR as tc does "
          "(hexadecimal), for example 1:10" },
        { "a b --parent 1:",
          "'1:' is no class for --parent; write MAJOR:MINOR as tc does "
          "(hexadecimal), for example 1:10" },
        { "a b --parent 0:1",
          "'0:1' is no class for --parent; write MAJOR:MINOR as tc does "
          "(hexadecimal), for example 1:10" },
        { "a b --parent 1:10000",
          "'1:10000' is no class for --parent; write MAJOR:MINOR as tc does "
          "(hexadecimal), for example 1:10" },
        { "a b --parent ffff:1",
          "'ffff:1' is no class for --parent; write MAJOR:MINOR as tc does "
          "(hexadecimal), for example 1:10" },
        { "a b --parent 1:-1",
          "'1:-1' is no class for --parent; write MAJOR:MINOR as tc does "
          "(hexadecimal), for example 1:10" },
        { "a b --parent 7666:10",
          "--parent 7666:10: 7666: is vmferry's own tree, which is joined "
          "without --parent" },

        /* ours: what cannot be had together */
        { "a b --p2p --tunnelled",
          "--tunnelled: a tunnelled migration cannot be told from libvirt's "
          "control traffic; use --policy none, or migrate over plain TCP" },
        { "a b --p2p --tunnelled --policy paper",
          "--tunnelled: a tunnelled migration cannot be told from libvirt's "
          "control traffic; use --policy none, or migrate over plain TCP" },
        { "a b rdma://h",
          "--migrateuri rdma://h: RDMA passes by the kernel's traffic "
          "control; use --policy none, or migrate over plain TCP" },
        { "a b unix:///s",
          "--migrateuri unix:///s: a unix socket leaves by no link that "
          "vmferry could know; use --policy none, or migrate over plain TCP" },
        { "a b --policy none --deadline 5", NO_STEERING("deadline") },
        { "a b --policy none --margin 2", NO_STEERING("margin") },
        { "a b --policy none --protect udp=5mbit", NO_STEERING("protect") },
        { "a b --policy none --parent 1:1", NO_STEERING("parent") },
        { "a b --offline --persistent --deadline 5",
          "--deadline has no effect with --offline: nothing is reserved "
          "then" },
        { "a b --offline --persistent --policy paper",
          "--policy paper has no effect with --offline: there are no "
          "iterations to reserve bandwidth for" },
        { "a b --postcopy --postcopy-resume --policy default",
          "--policy default has no effect with --postcopy-resume: there are "
          "no iterations to reserve bandwidth for" },
        { "a b --dry-run --record r.json",
          "Options --dry-run and --record are mutually exclusive" },
        { "a b --dry-run --report r.html",
          "Options --dry-run and --report are mutually exclusive" },
        { "a b --compressed --no-compression",
          "Options --compressed and --no-compression are mutually exclusive" },
        { "a b --dry-run --cut-off 5",
          "Options --dry-run and --cut-off are mutually exclusive" },
        { "a b --record=", EMPTY("record") },
        { "a b --connect=", EMPTY("connect") },
    };

    return cr_make_param_array(RefusalCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RefusalCase *c, migrate_options, refusals)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MigrateOptions) options = parse(c->words, NULL, &error);

    cr_assert_null(options, "%s was taken", c->words);
    cr_assert_not_null(error);
    if (g_str_has_suffix(c->want, ": ")) {
        /* the rest is the policy's own sentence */
        cr_assert(g_str_has_prefix(error->message, c->want) &&
                      strlen(error->message) > strlen(c->want) + 10,
                  "%s: %s", c->words, error->message);
        return;
    }
    cr_assert_str_eq(error->message, c->want, "%s: %s", c->words,
                     error->message);
}

Test(migrate_options, timeout_actions)
{
    g_autoptr(MigrateOptions) none = parsed("a b --live");
    g_autoptr(MigrateOptions) plain = parsed("a b --live --timeout 7");
    g_autoptr(MigrateOptions) suspend =
        parsed("a b --live --timeout 7 --timeout-suspend");
    g_autoptr(MigrateOptions) postcopy =
        parsed("a b --live --timeout 7 --postcopy --timeout-postcopy");

    cr_assert_eq(none->timeout_action, MIGRATE_TIMEOUT_NONE);
    cr_assert_eq(plain->timeout_s, 7);
    cr_assert_eq(plain->timeout_action, MIGRATE_TIMEOUT_SUSPEND);
    cr_assert_eq(suspend->timeout_action, MIGRATE_TIMEOUT_SUSPEND);
    cr_assert_eq(postcopy->timeout_action, MIGRATE_TIMEOUT_POSTCOPY);
}

Test(migrate_options, what_the_client_does_itself)
{
    g_autoptr(MigrateOptions) options =
        parsed("a b --verbose --postcopy --postcopy-after-precopy tcp://h:1");
    g_autoptr(MigrateOptions) plain = parsed("a b");

    cr_assert(options->verbose);
    cr_assert(options->postcopy_after_precopy);
    cr_assert_str_eq(options->migrateuri, "tcp://h:1");
    cr_assert_not(plain->verbose);
    cr_assert_not(plain->postcopy_after_precopy);
    cr_assert_null(plain->migrateuri);
}

Test(migrate_options, direct_is_told_apart_from_p2p)
{
    g_autoptr(MigrateOptions) direct = parsed("a b --direct");
    g_autoptr(MigrateOptions) p2p = parsed("a b --p2p");

    cr_assert(direct->spec->direct);
    cr_assert_not(p2p->spec->direct);
}

Test(migrate_options, xml_files_are_read)
{
    g_autofree char *folder = g_dir_make_tmp("vmferry-XXXXXX", NULL);
    g_autofree char *xml = g_build_filename(folder, "a.xml", NULL);
    g_autofree char *persistent = g_build_filename(folder, "b.xml", NULL);
    g_autofree char *words = g_strdup_printf(
        "a b --persistent --xml %s --persistent-xml=%s", xml, persistent);
    g_autoptr(MigrateOptions) options = NULL;

    cr_assert(g_file_set_contents(xml, "<domain/>\n", -1, NULL));
    cr_assert(g_file_set_contents(persistent, "<keep/>", -1, NULL));
    options = parsed(words);
    cr_assert_str_eq(virt_migrate_spec_string(options->spec, "destination_xml"),
                     "<domain/>\n");
    cr_assert_str_eq(virt_migrate_spec_string(options->spec, "persistent_xml"),
                     "<keep/>");
    g_unlink(xml);
    g_unlink(persistent);
    g_rmdir(folder);
}

Test(migrate_options, xml_that_is_no_text_or_too_large_is_refused)
{
    g_autofree char *folder = g_dir_make_tmp("vmferry-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "a.xml", NULL);
    g_autofree char *words = g_strdup_printf("a b --xml %s", file);
    g_autofree char *no_text =
        g_strdup_printf("cannot read file '%s': it is no text", file);
    g_autofree char *too_large =
        g_strdup_printf("cannot read file '%s': larger than 10 MiB", file);
    g_autofree char *large = g_malloc0(10 * 1024 * 1024 + 1);
    g_autoptr(GError) first = NULL;
    g_autoptr(GError) second = NULL;

    cr_assert(g_file_set_contents(file, "<a>\0</a>", 8, NULL));
    cr_assert_null(parse(words, NULL, &first));
    cr_assert_str_eq(first->message, no_text);
    cr_assert(g_file_set_contents(file, large, 10 * 1024 * 1024 + 1, NULL));
    cr_assert_null(parse(words, NULL, &second));
    cr_assert_str_eq(second->message, too_large);
    g_unlink(file);
    g_rmdir(folder);
}

Test(migrate_options, own_defaults)
{
    g_autoptr(MigrateOptions) options = parsed("a b");

    cr_assert_eq(options->policy, POLICY_DEFAULT);
    cr_assert_not(options->deadline_s.known);
    cr_assert_not(options->margin.known);
    cr_assert_not(options->cut_off_s.known);
    cr_assert_eq(options->downtime_ms, 0);
    cr_assert_null(options->link_device);
    cr_assert_eq(options->link_rate_bytes_s, 0);
    cr_assert_eq(options->protected_specs->len, 0);
    cr_assert_eq(options->parent, 0);
    cr_assert_null(options->record_path);
    cr_assert_null(options->report_path);
    cr_assert_not(options->json);
    cr_assert_not(options->dry_run);
}

Test(migrate_options, own_values)
{
    g_autoptr(MigrateOptions) options =
        parsed("a b --policy paper --deadline 90.5 --downtime 300 "
               "--link eth1=1gbit --parent 1:1f --margin 1.5 --cut-off 180 "
               "--record r.json --report r.html --history h.db --json");

    cr_assert_eq(options->policy, POLICY_PAPER);
    cr_assert_float_eq(options->deadline_s.value, 90.5, 1e-9);
    cr_assert_eq(options->downtime_ms, 300);
    cr_assert_str_eq(options->link_device, "eth1");
    cr_assert_eq(options->link_rate_bytes_s, 125000000);
    cr_assert_eq(options->parent, 0x1001f);
    cr_assert_float_eq(options->margin.value, 1.5, 1e-9);
    cr_assert_float_eq(options->cut_off_s.value, 180, 1e-9);
    cr_assert_str_eq(options->record_path, "r.json");
    cr_assert_str_eq(options->report_path, "r.html");
    cr_assert_str_eq(options->history, "h.db");
    cr_assert(options->json);
}

Test(migrate_options, without_forecasts_no_daemon_is_asked)
{
    g_autoptr(MigrateOptions) last = parsed("a b --predictor last");
    g_autoptr(MigrateOptions) usual = parsed("a b --predictor ensemble");

    cr_assert(last->last_value && last->alone);
    cr_assert_not(usual->last_value || usual->alone);
}

Test(migrate_options, an_oracle_is_read_before_anything_begins)
{
    g_autoptr(MigrateOptions) options = parsed(
        "a b --predictor oracle=" TEST_DATA "/records/real-default.json");

    cr_assert(options->oracle && options->alone && !options->last_value);
    cr_assert_geq(options->oracle->n_points, 4);
    cr_assert_geq(options->oracle_memory_bytes, UINT64_C(256) << 20);
}

static void
refused_oracle(const char *text, const char *why)
{
    g_autofree char *folder = g_dir_make_tmp("oracle-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "r.json", NULL);
    g_autofree char *value = g_strdup_printf("oracle=%s", path);
    const char *const words[] = { "a", "b", "--predictor", value, NULL };
    g_autoptr(GError) error = NULL;
    bool help = false;

    cr_assert(g_file_set_contents(path, text, -1, NULL));
    cr_assert_null(migrate_options_parse(words, NULL, &help, &error));
    cr_assert(g_error_matches(error, MIGRATE_OPTIONS_ERROR,
                              MIGRATE_OPTIONS_ERROR_FILE));
    cr_assert(strstr(error->message, "is no run record that could serve"), "%s",
              error->message);
    cr_assert(strstr(error->message, why), "%s", error->message);
    g_unlink(path);
    g_rmdir(folder);
}

Test(migrate_options, an_oracle_that_tells_nothing_is_refused)
{
    refused_oracle("{}", "schema");
    refused_oracle("not a record", "");
    refused_oracle("", "");
}

/* The default steps stay allowed unless somebody says none of them. */
Test(migrate_options, steps_of_the_ladder)
{
    g_autoptr(MigrateOptions) none = parsed("a b --allow none");
    g_autoptr(MigrateOptions) usual = parsed("a b --deadline 5");
    g_autoptr(MigrateOptions) more =
        parsed("a b --live --allow downtime,post-copy --downtime-max 900");
    g_autoptr(MigrateOptions) fewer = parsed("a b --allow wait,abort");
    g_autoptr(MigrateOptions) slow =
        parsed("a b --live --allow auto-converge --throttle-max 45");
    g_autoptr(MigrateOptions) wide =
        parsed("a b --live --parallel --allow post-copy");

    cr_assert(none->climbs);
    cr_assert_eq(none->ladder.allowed, 0);
    cr_assert_not(none->ladder.deadline_is_end);
    cr_assert_eq(usual->ladder.allowed, LADDER_DEFAULT);
    cr_assert(usual->ladder.deadline_is_end);
    cr_assert_eq(usual->spec->flags, 0);
    cr_assert_eq(more->ladder.allowed, LADDER_DEFAULT |
                                           LADDER_BIT(LADDER_DOWNTIME) |
                                           LADDER_BIT(LADDER_POSTCOPY));
    cr_assert_float_eq(more->ladder.downtime_most_s, 0.9, 1e-9);
    cr_assert(more->spec->flags & VIRT_MIGRATE_POSTCOPY);
    cr_assert_not(more->monitor_allowed);
    cr_assert_eq(fewer->ladder.allowed,
                 LADDER_BIT(LADDER_WAIT) | LADDER_BIT(LADDER_ABORT));
    cr_assert(slow->spec->flags & VIRT_MIGRATE_AUTO_CONVERGE);
    cr_assert(slow->monitor_allowed);
    cr_assert_float_eq(slow->ladder.throttle_most, 0.45, 1e-9);
    cr_assert_eq(slow->spec->params->len, 2);
    cr_assert_not(wide->spec->flags & VIRT_MIGRATE_POSTCOPY);
}

Test(migrate_options, link_without_rate_means_the_nics_own)
{
    g_autoptr(MigrateOptions) options = parsed("a b --link bond0.7");

    cr_assert_str_eq(options->link_device, "bond0.7");
    cr_assert_eq(options->link_rate_bytes_s, 0);
}

Test(migrate_options, protected_expressions_split_at_the_last_equal_sign)
{
    g_autoptr(MigrateOptions) options =
        parsed("a b --protect tcp~port~6379=20mbit "
               "--protect=ip[0]&15=5~and~udp=6MiB/s");
    const ProtectedSpec *specs =
        (const ProtectedSpec *)options->protected_specs->data;

    cr_assert_eq(options->protected_specs->len, 2);
    cr_assert_str_eq(specs[0].expression, "tcp port 6379");
    cr_assert_eq(specs[0].rate_bytes_s, 2500000);
    cr_assert_str_eq(specs[1].expression, "ip[0]&15=5 and udp");
    cr_assert_eq(specs[1].rate_bytes_s, 6 * 1024 * 1024);
}

Test(migrate_options, nothing_is_reserved_where_nothing_iterates)
{
    g_autoptr(MigrateOptions) offline = parsed("a b --offline --persistent");
    g_autoptr(MigrateOptions) resume =
        parsed("a b --postcopy --postcopy-resume");
    g_autoptr(MigrateOptions) tunnelled =
        parsed("a b --p2p --tunnelled --policy none");

    cr_assert_eq(offline->policy, POLICY_NONE);
    cr_assert_eq(resume->policy, POLICY_NONE);
    cr_assert_eq(tunnelled->policy, POLICY_NONE);
}

Test(migrate_options, connection_comes_from_the_nearest_place)
{
    GlobalOptions global;
    g_autoptr(MigrateOptions) nowhere = NULL;
    g_autoptr(MigrateOptions) environment = NULL;
    g_autoptr(MigrateOptions) before = NULL;
    g_autoptr(MigrateOptions) behind = NULL;

    global_options_init(&global);
    g_unsetenv("VIRSH_DEFAULT_CONNECT_URI");
    nowhere = parse("a b", &global, NULL);
    g_setenv("VIRSH_DEFAULT_CONNECT_URI", "test:///environment", TRUE);
    environment = parse("a b", &global, NULL);
    global.connect_uri = (char *)"test:///before";
    global.quiet = true;
    before = parse("a b", &global, NULL);
    behind = parse("a b -c test:///behind", &global, NULL);

    cr_assert_null(nowhere->global.connect_uri);
    cr_assert_str_eq(environment->global.connect_uri, "test:///environment");
    cr_assert_str_eq(before->global.connect_uri, "test:///before");
    cr_assert(before->global.quiet);
    cr_assert_str_eq(behind->global.connect_uri, "test:///behind");
}

Test(migrate_options, the_words_are_kept_for_the_record)
{
    g_autoptr(MigrateOptions) options = parsed("a b --live --json");

    cr_assert_eq(options->given->len, 4);
    cr_assert_str_eq(g_ptr_array_index(options->given, 2), "--live");
}

Test(migrate_options, help_needs_nothing_else)
{
    const char *words[] = { "--help", NULL };
    g_autoptr(GError) error = NULL;
    g_autofree char *text = migrate_options_help();
    bool help = false;

    cr_assert_null(migrate_options_parse(words, NULL, &help, &error));
    cr_assert(help);
    cr_assert_null(error);
    for (const CmdlineOption *option = migrate_options_table(); option->name;
         option++) {
        g_autofree char *dashed = g_strdup_printf("--%s", option->name);

        cr_assert(option->kind == CMDLINE_ALIAS || strstr(text, dashed), "%s",
                  dashed);
    }
}
