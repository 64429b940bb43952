/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-cmdline.c - virsh's grammar, on a small table of its own
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <limits.h>

#include "tools/cli/cmdline.h"

static const CmdlineOption table[] = {
    { "domain", CMDLINE_STRING, CMDLINE_BY_POSITION | CMDLINE_REQUIRED, NULL,
      "a guest" },
    { "live", CMDLINE_FLAG, 0, NULL, "while it runs" },
    { "alive", CMDLINE_ALIAS, 0, "live", NULL },
    { "uri", CMDLINE_STRING, CMDLINE_BY_POSITION | CMDLINE_REQUIRED, NULL,
      "where to" },
    { "count", CMDLINE_NUMBER, CMDLINE_BY_POSITION, NULL, "how many" },
    { "name", CMDLINE_STRING, CMDLINE_BY_POSITION, "word", "how called" },
    { "connect", CMDLINE_STRING, CMDLINE_OWN, "uri", "from where" },
    { "add", CMDLINE_STRING, CMDLINE_OWN | CMDLINE_REPEATABLE, NULL, "more" },
    { NULL, CMDLINE_FLAG, 0, NULL, NULL },
};

/* What came out, in table order: "domain=a live uri=b add=x add=y". */
static char *
describe(const Cmdline *cmdline)
{
    GString *text = g_string_new(cmdline_help(cmdline) ? "help" : "");

    for (const CmdlineOption *option = table; option->name; option++) {
        const GPtrArray *values;

        if (option->kind == CMDLINE_ALIAS) {
            continue;
        }
        values = cmdline_values(cmdline, option->name);
        for (guint i = 0; i < values->len; i++) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "",
                                   option->name);
            if (option->kind != CMDLINE_FLAG) {
                g_string_append_printf(text, "=%s",
                                       (char *)g_ptr_array_index(values, i));
            }
        }
    }
    return g_string_free(text, FALSE);
}

typedef struct {
    char words[80]; /* split at blanks; "''" stands for an empty word */
    char want[100];
} GrammarCase;

static void
split(const char *text, GPtrArray *words)
{
    g_auto(GStrv) parts = g_strsplit(text, " ", 0);

    for (size_t i = 0; parts[i]; i++) {
        if (*parts[i]) {
            g_ptr_array_add(words,
                            g_strdup(strcmp(parts[i], "''") ? parts[i] : ""));
        }
    }
    g_ptr_array_add(words, NULL);
}

ParameterizedTestParameters(cmdline, accepts)
{
    static GrammarCase cases[] = {
        { "a b", "domain=a uri=b" },
        { "--live a b", "domain=a live uri=b" },
        { "a --live b", "domain=a live uri=b" },
        { "a b --live", "domain=a live uri=b" },
        { "a b --alive", "domain=a live uri=b" },
        { "--uri b a", "domain=a uri=b" },
        { "--uri=b a", "domain=a uri=b" },
        /* words fill what is empty, also behind an option that was named */
        { "--domain a b 3", "domain=a uri=b count=3" },
        { "--count 3 a b c", "domain=a uri=b count=3 name=c" },
        { "a b 3 c", "domain=a uri=b count=3 name=c" },
        /* a value may look like an option, or hold further equal signs */
        { "--uri --live a", "domain=a uri=--live" },
        { "--uri=x=y a", "domain=a uri=x=y" },
        { "--uri= a", "domain=a uri=" },
        { "'' b", "domain= uri=b" },
        { "-- a b", "domain=a uri=b" },
        { "a -- --live", "domain=a uri=--live" },
        { "-- -- b", "domain=-- uri=b" },
        /* one dash makes no option, and neither do two with nothing sane */
        { "-x b", "domain=-x uri=b" },
        { "--- b", "domain=--- uri=b" },
        { "--=1 b", "domain=--=1 uri=b" },
        /* but for virsh's -c, which we take behind the command as well */
        { "-c qemu:///x a b", "domain=a uri=b connect=qemu:///x" },
        { "a b -c qemu:///x", "domain=a uri=b connect=qemu:///x" },
        { "a b --connect=q", "domain=a uri=b connect=q" },
        { "a -- -c", "domain=a uri=-c" },
        { "--add 1 a --add=2 b", "domain=a uri=b add=1 add=2" },
        { "--help", "help" },
        { "a --help", "help domain=a" },
    };

    return cr_make_param_array(GrammarCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(GrammarCase *c, cmdline, accepts)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(Cmdline) cmdline = NULL;
    g_autofree char *got = NULL;

    split(c->words, words);
    cmdline =
        cmdline_parse("move", table, (const char *const *)words->pdata, &error);
    cr_assert(cmdline, "%s: %s", c->words, error ? error->message : "NULL");
    got = describe(cmdline);
    cr_assert_str_eq(got, c->want, "%s: %s", c->words, got);
}

ParameterizedTestParameters(cmdline, refuses)
{
    static GrammarCase cases[] = {
        { "", "command 'move' requires <domain> option\n"
              "command 'move' requires <uri> option" },
        { "a", "command 'move' requires <uri> option" },
        { "--uri b", "command 'move' requires <domain> option" },
        { "a b 3 c d", "unexpected data 'd'" },
        { "a b --size 3", "command 'move' doesn't support option --size" },
        { "a b --size=3", "command 'move' doesn't support option --size" },
        { "a b --Live", "command 'move' doesn't support option --Live" },
        { "a b --liv", "command 'move' doesn't support option --liv" },
        { "a b --live=yes", "invalid '=' after option --live" },
        { "a b --alive=yes", "invalid '=' after option --live" },
        { "a b --help=yes", "invalid '=' after option --help" },
        { "a b --live --live", "option --live already seen" },
        { "a b --live --alive", "option --live already seen" },
        { "a b --domain c", "option --domain already seen" },
        { "--uri a --uri b c", "option --uri already seen" },
        { "a b --uri", "option --uri already seen" },
        { "a --uri", "expected syntax: --uri <string>" },
        { "a b --count", "expected syntax: --count <number>" },
        { "a b -c", "expected syntax: --connect <string>" },
        /* errors are found from left to right, help or not */
        { "--help --size", "command 'move' doesn't support option --size" },
    };

    return cr_make_param_array(GrammarCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(GrammarCase *c, cmdline, refuses)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(Cmdline) cmdline = NULL;

    split(c->words, words);
    cmdline =
        cmdline_parse("move", table, (const char *const *)words->pdata, &error);
    cr_assert_null(cmdline, "%s was taken", c->words);
    cr_assert(g_error_matches(error, CMDLINE_ERROR, CMDLINE_ERROR_SYNTAX));
    cr_assert_str_eq(error->message, c->want, "%s: %s", c->words,
                     error->message);
}

typedef struct {
    char text[32];
    bool is_int, is_uint, is_u64;
    uint64_t want; /* of the widest that takes it */
} NumberCase;

ParameterizedTestParameters(cmdline, numbers)
{
    static NumberCase cases[] = {
        { "0", true, true, true, 0 },
        { "7", true, true, true, 7 },
        { "+7", true, true, true, 7 },
        { " 7", true, true, true, 7 },
        { "007", true, true, true, 7 },
        { "-7", true, false, false, (uint64_t)-7 },
        { "-0", true, false, false, 0 },
        { "2147483647", true, true, true, INT_MAX },
        { "2147483648", false, true, true, 2147483648 },
        { "4294967295", false, true, true, UINT_MAX },
        { "4294967296", false, false, true, 4294967296 },
        { "18446744073709551615", false, false, true, UINT64_MAX },
        { "18446744073709551616", false, false, false, 0 },
        { "-2147483649", false, false, false, 0 },
        { "", false, false, false, 0 },
        { "7 ", false, false, false, 0 },
        { "7k", false, false, false, 0 },
        { "0x10", false, false, false, 0 },
        { "1.5", false, false, false, 0 },
        { "seven", false, false, false, 0 },
    };

    return cr_make_param_array(NumberCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(NumberCase *c, cmdline, numbers)
{
    const char *words[] = { "a", "b", "--count", c->text, NULL };
    g_autoptr(Cmdline) cmdline = cmdline_parse("move", table, words, NULL);
    g_autofree char *message =
        g_strdup_printf("Numeric value '%s' for <count> option is malformed "
                        "or out of range",
                        c->text);
    bool ok[3];

    for (int form = 0; form < 3; form++) {
        g_autoptr(GError) error = NULL;
        int integer = 0;
        unsigned natural = 0;
        uint64_t wide = 0;
        bool want = form == 0 ? c->is_int : form == 1 ? c->is_uint : c->is_u64;

        ok[form] = form == 0 ? cmdline_int(cmdline, "count", &integer, &error)
                   : form == 1
                       ? cmdline_uint(cmdline, "count", &natural, &error)
                       : cmdline_u64(cmdline, "count", &wide, &error);
        cr_assert_eq(ok[form], want, "'%s' as form %d", c->text, form);
        if (ok[form]) {
            uint64_t got = form == 0   ? (uint64_t)(int64_t)integer
                           : form == 1 ? natural
                                       : wide;

            cr_assert_eq(got, c->want, "'%s' as form %d", c->text, form);
        } else {
            cr_assert_str_eq(error->message, message);
        }
    }
}

Test(cmdline, number_not_given_keeps_its_default)
{
    const char *words[] = { "a", "b", NULL };
    g_autoptr(Cmdline) cmdline = cmdline_parse("move", table, words, NULL);
    unsigned number = 42;

    cr_assert(cmdline_uint(cmdline, "count", &number, NULL));
    cr_assert_eq(number, 42);
}

Test(cmdline, empty_string_is_no_value)
{
    const char *words[] = { "a", "b", "--name=", NULL };
    g_autoptr(Cmdline) cmdline = cmdline_parse("move", table, words, NULL);
    g_autoptr(GError) error = NULL;
    const char *name = NULL;

    cr_assert_not(cmdline_string(cmdline, "name", &name, &error));
    cr_assert_str_eq(error->message,
                     "Failed to get option 'name': Option argument is empty");
}

Test(cmdline, help_shows_virsh_and_own_options_apart)
{
    g_autofree char *theirs = cmdline_format_options(table, false);
    g_autofree char *ours = cmdline_format_options(table, true);

    cr_assert_str_eq(theirs,
                     "    [--domain] <string>             a guest\n"
                     "    --live                          while it runs\n"
                     "    [--uri] <string>                where to\n"
                     "    --count <number>                how many\n"
                     "    --name <word>                   how called\n");
    cr_assert_str_eq(ours, "    --connect <uri>                 from where\n"
                           "    --add <string>                  more\n");
}
