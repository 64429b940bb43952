/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-drain-options.c - what a drain is asked, and what each migration then is
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "tools/cli/drain-options.h"

static DrainOptions *
parse(const char *line, GError **error)
{
    g_auto(GStrv) words = NULL;
    bool help = false;

    if (!g_shell_parse_argv(line, NULL, &words, NULL)) {
        words = g_new0(char *, 1);
    }
    return drain_options_parse((const char *const *)words, NULL, &help, error);
}

static DrainOptions *
parse_good(const char *line)
{
    g_autoptr(GError) error = NULL;
    DrainOptions *options = parse(line, &error);

    cr_assert_not_null(options, "%s: %s", line, error ? error->message : "");
    return options;
}

#define TO "--to qemu+tcp://h2/system "

Test(drain_options, defaults)
{
    g_autoptr(DrainOptions) options = parse_good(TO);

    cr_assert_eq(options->to->len, 1);
    cr_assert_eq(options->only->len, 0);
    cr_assert_eq(options->parallel, 0);
    cr_assert(options->sample && options->p2p);
    cr_assert_not(options->yes || options->json || options->plan_only ||
                  options->resume || options->deadline_s.known);
    cr_assert_str_eq(options->state_path, DRAIN_STATE_PATH);
    cr_assert_eq(options->passed->len, 0);
}

Test(drain_options, lists_and_numbers)
{
    g_autoptr(DrainOptions) options = parse_good(
        TO "--to qemu+tcp://h3/system --exclude vm-a --exclude 'vm b' --only c "
           "--parallel 3 --deadline 90 --no-sample --no-p2p --json --yes");

    cr_assert_eq(options->to->len, 2);
    cr_assert_eq(options->exclude->len, 2);
    cr_assert_str_eq(options->exclude->pdata[1], "vm b");
    cr_assert_eq(options->only->len, 1);
    cr_assert_eq(options->parallel, 3);
    cr_assert_eq(options->deadline_s.value, 90);
    cr_assert_not(options->sample || options->p2p);
    cr_assert(options->json && options->yes);
}

Test(drain_options, a_migration_of_a_persistent_guest)
{
    g_autoptr(DrainOptions) options =
        parse_good(TO "--downtime 500 --link eth0=50mbit --protect "
                      "'tcp port 80'=5mbit --protect 'udp port 53'=1mbit "
                      "--postcopy --auto-converge --parallel-connections 4");
    g_autoptr(GError) error = NULL;
    g_autoptr(MigrateOptions) migrate = drain_options_migrate(
        options, "uuid-a", "qemu+tcp://h3/system", true, &error);
    unsigned flags = VIRT_MIGRATE_LIVE | VIRT_MIGRATE_PEER2PEER |
                     VIRT_MIGRATE_PERSIST_DEST | VIRT_MIGRATE_UNDEFINE_SOURCE |
                     VIRT_MIGRATE_POSTCOPY | VIRT_MIGRATE_AUTO_CONVERGE |
                     VIRT_MIGRATE_PARALLEL;

    cr_assert_not_null(migrate, "%s", error ? error->message : "");
    cr_assert_str_eq(migrate->domain, "uuid-a");
    cr_assert_str_eq(migrate->desturi, "qemu+tcp://h3/system");
    cr_assert_eq(migrate->spec->flags, flags);
    cr_assert_eq(migrate->downtime_ms, 500);
    cr_assert_str_eq(migrate->link_device, "eth0");
    cr_assert_eq(migrate->protected_specs->len, 2);
}

Test(drain_options, a_migration_of_a_transient_guest)
{
    g_autoptr(DrainOptions) options = parse_good(TO "--no-p2p --policy none");
    g_autoptr(MigrateOptions) migrate = drain_options_migrate(
        options, "--odd", "qemu+tcp://h2/system", false, NULL);

    cr_assert_not_null(migrate);
    cr_assert_str_eq(migrate->domain, "--odd");
    cr_assert_eq(migrate->spec->flags, (unsigned)VIRT_MIGRATE_LIVE);
    cr_assert_eq(migrate->policy, POLICY_NONE);
}

Test(drain_options, resumed_as_it_was_begun)
{
    g_autoptr(DrainOptions) begun =
        parse_good(TO "--exclude vm-a --yes --json --state /tmp/a --parallel 2 "
                      "--bandwidth 100 --connect test:///default");
    g_autoptr(DrainOptions) now = parse_good("--resume --state /tmp/b");
    g_autoptr(GError) error = NULL;
    g_autoptr(DrainOptions) again = drain_options_resume(
        (const char *const *)begun->given->pdata, now, &error);

    cr_assert_not_null(again, "%s", error ? error->message : "");
    cr_assert(again->resume);
    cr_assert_not(again->yes || again->json);
    cr_assert_str_eq(again->state_path, "/tmp/b");
    cr_assert_str_eq(again->exclude->pdata[0], "vm-a");
    cr_assert_eq(again->parallel, 2);
    cr_assert_eq(again->passed->len, 2);
    cr_assert_str_eq(again->global.connect_uri, "test:///default");
    cr_assert_eq(again->given->len, begun->given->len);
}

Test(drain_options, words_of_a_state_file_are_checked_too)
{
    static const char *const words[] = { "--to", "qemu+tcp://h2/system",
                                         "--parallel", "none", NULL };
    static const char *const help[] = { "--help", NULL };
    g_autoptr(DrainOptions) now = parse_good("--resume");
    g_autoptr(GError) error = NULL;

    cr_assert_null(drain_options_resume(words, now, &error));
    cr_assert_not_null(error);
    g_clear_error(&error);
    cr_assert_null(drain_options_resume(help, now, &error));
    cr_assert_not_null(error);
}

typedef struct BadLine {
    char line[100];
    char says[60];
} BadLine;

ParameterizedTestParameters(drain_options, refused)
{
    static BadLine cases[] = {
        { "", "--to DESTURI" },
        { "vm-a", "unexpected data 'vm-a'" },
        { TO "--fast", "--fast" },
        { TO "--to qemu+tcp://h2/system", "given twice" },
        { TO "--to ''", "empty" },
        { TO "--exclude ''", "empty" },
        { TO "--parallel 0", "--parallel" },
        { TO "--parallel 1001", "--parallel" },
        { TO "--deadline 0", "--deadline" },
        { TO "--deadline 1e3", "--deadline" },
        { TO "--plan-only --yes", "mutually exclusive" },
        { TO "--plan-only --report a.html", "mutually exclusive" },
        { TO "--yes --yes", "already seen" },
        /* by the rules of migrate, before anything is connected */
        { TO "--link eth0=50", "--link" },
        { TO "--postcopy-after-precopy", "postcopy" },
        { TO "--policy none --margin 2", "--margin" },
        { TO "--timeout-suspend", "--timeout" },
        { TO "--tls-destination x", "tls" },
        { TO "--bandwidth much", "bandwidth" },
        { TO "--allow magic", "--allow" },
        { TO "--migrateuri tcp://10.0.0.2 --to qemu+tcp://h3/system",
          "one --to" },
        { "--resume --to qemu+tcp://h2/system", "--to cannot be given" },
        { "--resume --parallel 2", "--parallel cannot be given" },
    };

    return cr_make_param_array(BadLine, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadLine *c, drain_options, refused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DrainOptions) options = parse(c->line, &error);

    cr_assert_null(options, "%s", c->line);
    cr_assert_not_null(strstr(error->message, c->says), "%s: %s", c->line,
                       error->message);
}

Test(drain_options, help_names_every_option)
{
    g_autofree char *text = drain_options_help();

    cr_assert_not_null(strstr(text, "--plan-only"));
    cr_assert_not_null(strstr(text, "--postcopy-bandwidth"));
    cr_assert_not_null(strstr(text, "Exit status"));
}
