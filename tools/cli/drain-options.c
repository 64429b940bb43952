/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-options.c - reads them; nothing is connected here
 *
 * What is handed on stands in the table of "vmferry migrate", is put together as
 * words and read as that reads them, so that an option means the same in both,
 * and what is wrong is said in the same words.
 */
#include "tools/cli/drain-options.h"

#include <string.h>

#include "tools/cli/own-values.h"

G_DEFINE_QUARK(vmferry_drain_options_error, drain_options_error)

#define MOST_PARALLEL 1000

#define O CMDLINE_OWN
#define R CMDLINE_REPEATABLE
static const CmdlineOption own_options[] = {
    { "to", CMDLINE_STRING, O | R, "uri",
      "where guests may go (repeatable: they are spread by free memory)" },
    { "exclude", CMDLINE_STRING, O | R, "guest", "it stays (repeatable)" },
    { "only", CMDLINE_STRING, O | R, "guest",
      "no others than these (repeatable)" },
    { "plan-only", CMDLINE_FLAG, O, NULL,
      "say what cannot move and what would be done; change nothing" },
    { "yes", CMDLINE_FLAG, O, NULL, "do not ask whether the plan is right" },
    { "deadline", CMDLINE_NUMBER, O, "seconds",
      "all should have moved by then" },
    { "parallel", CMDLINE_NUMBER, O, "n", "at most so many at once on a link" },
    { "no-sample", CMDLINE_FLAG, O, NULL,
      "plan by history and memory alone, do not sample dirty pages" },
    { "no-p2p", CMDLINE_FLAG, O, NULL,
      "drive the migrations from here, not from the source's libvirtd" },
    { "resume", CMDLINE_FLAG, O, NULL,
      "go on with the drain that was interrupted" },
    { "state", CMDLINE_STRING, O, "file", "where it is remembered" },
    { "report", CMDLINE_STRING, O, "file",
      "write an HTML report on all migrations" },
    { "history", CMDLINE_STRING, O, "file|none",
      "where migrations are remembered for the next forecast" },
    { "json", CMDLINE_FLAG, O, NULL, "JSON lines on standard output" },
    { "connect", CMDLINE_STRING, O, "uri",
      "hypervisor connection of the source (also -c, and before the command)" },
};
#undef O
#undef R

/* Those of "vmferry migrate" that each migration gets; with what is said of
 * them here, where that differs. */
static const struct {
    const char *name, *help;
} passed_on[] = {
    { "policy", NULL },
    { "link", NULL },
    { "alone", "reserve and order here, also where vmferryd runs" },
    { "socket", NULL },
    { "downtime", NULL },
    { "margin", NULL },
    { "allow", NULL },
    { "downtime-max", NULL },
    { "throttle-max", NULL },
    { "cut-off",
      "abort a migration that is not over after this time of its own" },
    { "protect", NULL },
    { "parent", NULL },
    { "migrateuri", "where memory goes, tcp://ADDRESS (with one --to)" },
    { "bandwidth", NULL },
    { "unsafe", NULL },
    { "copy-storage-all", NULL },
    { "copy-storage-inc", NULL },
    { "abort-on-error", NULL },
    { "auto-converge", NULL },
    { "auto-converge-initial", NULL },
    { "auto-converge-increment", NULL },
    { "compressed", NULL },
    { "no-compression", NULL },
    { "comp-methods", NULL },
    { "postcopy", NULL },
    { "postcopy-after-precopy", NULL },
    { "postcopy-bandwidth", NULL },
    { "timeout", NULL },
    { "timeout-suspend", NULL },
    { "timeout-postcopy", NULL },
    { "tls", NULL },
    { "tls-destination", NULL },
    { "parallel-connections", "several connections for each guest" },
    { "zerocopy", NULL },
};

/* Ours, marked as own, and behind them what is handed on. */
static const CmdlineOption *
option_table(void)
{
    static CmdlineOption
        table[G_N_ELEMENTS(own_options) + G_N_ELEMENTS(passed_on) + 1];

    if (table->name) {
        return table;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(passed_on); i++) {
        const CmdlineOption *known = migrate_options_table();
        CmdlineOption *copy = &table[G_N_ELEMENTS(own_options) + i];

        while (known->name && strcmp(known->name, passed_on[i].name) != 0) {
            known++;
        }
        g_assert(known->name);
        *copy = *known;
        copy->attributes &= CMDLINE_REPEATABLE;
        copy->help = passed_on[i].help ? passed_on[i].help : known->help;
    }
    memcpy(table, own_options, sizeof(own_options));
    return table;
}

/* They say how to run: with --resume they are this call's. */
static const char *const of_the_run[] = { "yes",    "json",   "state",
                                          "report", "resume", "plan-only",
                                          NULL };

void
drain_options_free(DrainOptions *options)
{
    if (!options) {
        return;
    }
    global_options_clear(&options->global);
    g_ptr_array_unref(options->to);
    g_ptr_array_unref(options->exclude);
    g_ptr_array_unref(options->only);
    g_ptr_array_unref(options->passed);
    g_ptr_array_unref(options->given);
    g_free(options->state_path);
    g_free(options->report_path);
    g_free(options->history);
    g_free(options);
}

static DrainOptions *
options_new(const GlobalOptions *global)
{
    DrainOptions *options = g_new0(DrainOptions, 1);

    global_options_init(&options->global);
    if (global) {
        options->global = *global;
        options->global.connect_uri = g_strdup(global->connect_uri);
    }
    options->to = g_ptr_array_new_with_free_func(g_free);
    options->exclude = g_ptr_array_new_with_free_func(g_free);
    options->only = g_ptr_array_new_with_free_func(g_free);
    options->passed = g_ptr_array_new_with_free_func(g_free);
    options->given = g_ptr_array_new_with_free_func(g_free);
    return options;
}

static void
add_word(GPtrArray *words, const char *name, const char *value)
{
    g_ptr_array_add(words, g_strconcat("--", name, NULL));
    if (value) {
        g_ptr_array_add(words, g_strdup(value));
    }
}

/* An option with all its values, as words. */
static bool
add_option(GPtrArray *words, const Cmdline *cmdline,
           const CmdlineOption *option, GError **error)
{
    const char *value = NULL;

    if (!cmdline_given(cmdline, option->name)) {
        return true;
    }
    if (option->kind == CMDLINE_FLAG) {
        add_word(words, option->name, NULL);
        return true;
    }
    if (option->attributes & CMDLINE_REPEATABLE) {
        const GPtrArray *values = cmdline_values(cmdline, option->name);

        for (guint i = 0; i < values->len; i++) {
            add_word(words, option->name, values->pdata[i]);
        }
        return true;
    }
    if (!cmdline_string(cmdline, option->name, &value, error)) {
        return false;
    }
    add_word(words, option->name, value);
    return true;
}

static bool
keep_words(DrainOptions *options, const Cmdline *cmdline, GError **error)
{
    for (const CmdlineOption *o = option_table(); o->name; o++) {
        if (!g_strv_contains(of_the_run, o->name) &&
            !add_option(options->given, cmdline, o, error)) {
            return false;
        }
        if (!(o->attributes & CMDLINE_OWN) &&
            !add_option(options->passed, cmdline, o, error)) {
            return false;
        }
    }
    if (cmdline_given(cmdline, "parallel-connections")) {
        add_word(options->passed, "parallel", NULL);
    }
    /* From before the command, or from the environment. */
    if (options->global.connect_uri && !cmdline_given(cmdline, "connect")) {
        add_word(options->given, "connect", options->global.connect_uri);
    }
    g_ptr_array_add(options->given, NULL);
    return true;
}

static bool
read_list(GPtrArray *list, const Cmdline *cmdline, const char *name,
          GError **error)
{
    const GPtrArray *values = cmdline_values(cmdline, name);

    for (guint i = 0; i < values->len; i++) {
        const char *value = values->pdata[i];

        if (!*value) {
            g_set_error(error, DRAIN_OPTIONS_ERROR, DRAIN_OPTIONS_ERROR_RULE,
                        "--%s: a value is empty", name);
            return false;
        }
        for (guint j = 0; j < list->len; j++) {
            if (g_str_equal(list->pdata[j], value)) {
                g_set_error(error, DRAIN_OPTIONS_ERROR,
                            DRAIN_OPTIONS_ERROR_RULE,
                            "--%s '%s' is given twice", name, value);
                return false;
            }
        }
        g_ptr_array_add(list, g_strdup(value));
    }
    return true;
}

static bool
read_own(DrainOptions *options, const Cmdline *cmdline, GError **error)
{
    const char *connect = NULL, *history = NULL;
    Known parallel = unknown();

    if (!read_list(options->to, cmdline, "to", error) ||
        !read_list(options->exclude, cmdline, "exclude", error) ||
        !read_list(options->only, cmdline, "only", error) ||
        !cmdline_string(cmdline, "connect", &connect, error) ||
        !cmdline_string(cmdline, "history", &history, error) ||
        !own_number(cmdline, "deadline", 0.001, 1e9, "s", &options->deadline_s,
                    error) ||
        !own_number(cmdline, "parallel", 1, MOST_PARALLEL, "", &parallel,
                    error)) {
        return false;
    }
    if (connect) {
        g_free(options->global.connect_uri);
        options->global.connect_uri = g_strdup(connect);
    }
    if (!options->global.connect_uri) {
        options->global.connect_uri =
            g_strdup(g_getenv("VIRSH_DEFAULT_CONNECT_URI"));
    }
    options->history = g_strdup(history);
    options->parallel = (unsigned)known_or(parallel, 0);
    options->sample = !cmdline_given(cmdline, "no-sample");
    options->p2p = !cmdline_given(cmdline, "no-p2p");
    return true;
}

static bool
read_run(DrainOptions *options, const Cmdline *cmdline, GError **error)
{
    const char *state = NULL, *report = NULL;

    if (!cmdline_string(cmdline, "state", &state, error) ||
        !cmdline_string(cmdline, "report", &report, error) ||
        !cmdline_exclusive(cmdline, "plan-only", "yes", error) ||
        !cmdline_exclusive(cmdline, "plan-only", "report", error)) {
        return false;
    }
    options->state_path = g_strdup(state ? state : DRAIN_STATE_PATH);
    options->report_path = g_strdup(report);
    options->yes = cmdline_given(cmdline, "yes");
    options->json = cmdline_given(cmdline, "json");
    options->plan_only = cmdline_given(cmdline, "plan-only");
    options->resume = cmdline_given(cmdline, "resume");
    return true;
}

/* What makes no sense for any guest is said before one is looked at. */
static bool
check_passed(const DrainOptions *options, GError **error)
{
    g_autoptr(MigrateOptions) trial = drain_options_migrate(
        options, "guest", options->to->pdata[0], true, error);

    if (!trial) {
        return false;
    }
    if (trial->migrateuri && options->to->len > 1) {
        g_set_error_literal(error, DRAIN_OPTIONS_ERROR,
                            DRAIN_OPTIONS_ERROR_RULE,
                            "--migrateuri is the address of one host: give one "
                            "--to with it");
        return false;
    }
    return true;
}

static bool
check_resume(const Cmdline *cmdline, GError **error)
{
    for (const CmdlineOption *o = option_table(); o->name; o++) {
        if (cmdline_given(cmdline, o->name) &&
            !g_strv_contains(of_the_run, o->name)) {
            g_set_error(error, DRAIN_OPTIONS_ERROR, DRAIN_OPTIONS_ERROR_RULE,
                        "--%s cannot be given with --resume: it goes on as the "
                        "drain was begun (for another one leave --resume out)",
                        o->name);
            return false;
        }
    }
    return true;
}

DrainOptions *
drain_options_parse(const char *const *words, const GlobalOptions *global,
                    bool *help, GError **error)
{
    g_autoptr(Cmdline) cmdline =
        cmdline_parse("drain", option_table(), words, error);
    g_autoptr(DrainOptions) options = NULL;

    *help = cmdline && cmdline_help(cmdline);
    if (!cmdline || *help) {
        return NULL;
    }
    options = options_new(global);
    if (!read_run(options, cmdline, error)) {
        return NULL;
    }
    if (options->resume) {
        return check_resume(cmdline, error) ? g_steal_pointer(&options) : NULL;
    }
    if (!read_own(options, cmdline, error) ||
        !keep_words(options, cmdline, error)) {
        return NULL;
    }
    if (options->to->len == 0) {
        g_set_error_literal(error, DRAIN_OPTIONS_ERROR,
                            DRAIN_OPTIONS_ERROR_MISSING,
                            "where to? Give --to DESTURI, for example --to "
                            "qemu+ssh://host-2/system");
        return NULL;
    }
    return check_passed(options, error) ? g_steal_pointer(&options) : NULL;
}

DrainOptions *
drain_options_resume(const char *const *words, const DrainOptions *now,
                     GError **error)
{
    bool help = false;
    DrainOptions *options =
        drain_options_parse(words, &now->global, &help, error);

    if (!options) {
        if (help) {
            g_set_error_literal(error, DRAIN_OPTIONS_ERROR,
                                DRAIN_OPTIONS_ERROR_RULE,
                                "the words of the drain ask for help");
        }
        return NULL;
    }
    g_free(options->state_path);
    g_free(options->report_path);
    options->state_path = g_strdup(now->state_path);
    options->report_path = g_strdup(now->report_path);
    options->yes = now->yes;
    options->json = now->json;
    options->plan_only = now->plan_only;
    options->resume = true;
    return options;
}

MigrateOptions *
drain_options_migrate(const DrainOptions *options, const char *uuid,
                      const char *desturi, bool persistent, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    bool help;

    add_word(words, "domain", uuid);
    add_word(words, "desturi", desturi);
    add_word(words, "live", NULL);
    if (options->p2p) {
        add_word(words, "p2p", NULL);
    }
    if (persistent) {
        add_word(words, "persistent", NULL);
        add_word(words, "undefinesource", NULL);
    }
    for (guint i = 0; i < options->passed->len; i++) {
        g_ptr_array_add(words, g_strdup(options->passed->pdata[i]));
    }
    if (options->history) {
        add_word(words, "history", options->history);
    }
    g_ptr_array_add(words, NULL);
    return migrate_options_parse((const char *const *)words->pdata,
                                 &options->global, &help, error);
}

char *
drain_options_help(void)
{
    g_autofree char *own = cmdline_format_options(option_table(), true);
    g_autofree char *passed = cmdline_format_options(option_table(), false);

    return g_strdup_printf(
        "usage: vmferry drain --to URI... [OPTION]...\n"
        "       vmferry drain --resume [--yes] [--state FILE]\n"
        "\n"
        "Move all running guests off this host, in the order and as many at "
        "once as it\n"
        "takes the least time. Says first what cannot move, and what it would "
        "do.\n"
        "\n"
        "%s"
        "    --help                          this text\n"
        "\n"
        "For each migration, as with vmferry migrate:\n"
        "%s"
        "\n"
        "Exit status: 0 all have moved, 3 some, 1 none.\n"
        "See vmferry-drain(1) for examples.\n",
        own, passed);
}
