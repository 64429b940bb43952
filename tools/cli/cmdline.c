/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmdline.c - words into options, the way virsh sorts them
 *
 * The messages are virsh's own, so that whoever knows them from virsh, or
 * greps for them in a log, finds them again.
 */
#include "tools/cli/cmdline.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

G_DEFINE_QUARK(vmferry_cmdline_error, cmdline_error)

struct Cmdline {
    const char *command;
    const CmdlineOption *options;
    size_t n_options;
    bool help;
    GPtrArray **values; /* for each option: char *, empty if not given */
};

static Cmdline *
cmdline_new(const char *command, const CmdlineOption *options)
{
    Cmdline *cmdline = g_new0(Cmdline, 1);

    cmdline->command = command;
    cmdline->options = options;
    while (options[cmdline->n_options].name) {
        cmdline->n_options++;
    }
    cmdline->values = g_new0(GPtrArray *, cmdline->n_options);
    for (size_t i = 0; i < cmdline->n_options; i++) {
        cmdline->values[i] = g_ptr_array_new_with_free_func(g_free);
    }
    return cmdline;
}

void
cmdline_free(Cmdline *cmdline)
{
    if (!cmdline) {
        return;
    }
    for (size_t i = 0; i < cmdline->n_options; i++) {
        g_ptr_array_unref(cmdline->values[i]);
    }
    g_free(cmdline->values);
    g_free(cmdline);
}

/* Index of an option in the table, aliases followed; n_options if unknown. */
static size_t
option_find(const Cmdline *cmdline, const char *name)
{
    for (size_t i = 0; i < cmdline->n_options; i++) {
        if (strcmp(cmdline->options[i].name, name) == 0) {
            if (cmdline->options[i].kind == CMDLINE_ALIAS) {
                return option_find(cmdline, cmdline->options[i].value);
            }
            return i;
        }
    }
    return cmdline->n_options;
}

/* For callers that name an option of their own table. */
static size_t
option_index(const Cmdline *cmdline, const char *name)
{
    size_t i = option_find(cmdline, name);

    g_assert(i < cmdline->n_options);
    return i;
}

static bool
option_is_given(const Cmdline *cmdline, size_t i)
{
    return cmdline->values[i]->len > 0;
}

static const char *
option_value_kind(const CmdlineOption *option)
{
    return option->kind == CMDLINE_NUMBER ? "number" : "string";
}

/* "--name", "--name=value" or "--name value"; *position is moved on. */
static bool
take_option(Cmdline *cmdline, const char *const *words, size_t *position,
            GError **error)
{
    const char *word = words[*position] + 2;
    const char *equals = strchr(word, '=');
    g_autofree char *name =
        equals ? g_strndup(word, (size_t)(equals - word)) : g_strdup(word);
    const CmdlineOption *option;
    const char *value = NULL;
    size_t i;

    if (strcmp(name, "help") == 0) {
        if (equals) {
            g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_SYNTAX,
                        "invalid '=' after option --%s", name);
            return false;
        }
        cmdline->help = true;
        return true;
    }

    i = option_find(cmdline, name);
    if (i == cmdline->n_options) {
        g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_SYNTAX,
                    "command '%s' doesn't support option --%s",
                    cmdline->command, name);
        return false;
    }
    option = &cmdline->options[i];
    if (option_is_given(cmdline, i) &&
        !(option->attributes & CMDLINE_REPEATABLE)) {
        g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_SYNTAX,
                    "option --%s already seen", option->name);
        return false;
    }

    if (option->kind == CMDLINE_FLAG) {
        if (equals) {
            g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_SYNTAX,
                        "invalid '=' after option --%s", option->name);
            return false;
        }
        value = "";
    } else if (equals) {
        value = equals + 1;
    } else if (words[*position + 1]) {
        value = words[++*position];
    } else {
        g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_SYNTAX,
                    "expected syntax: --%s <%s>", option->name,
                    option_value_kind(option));
        return false;
    }
    g_ptr_array_add(cmdline->values[i], g_strdup(value));
    return true;
}

/* A word that is no option fills the first empty value of the table; one that
 * may be repeated takes all that is left. */
static bool
take_data(Cmdline *cmdline, const char *word, GError **error)
{
    for (size_t i = 0; i < cmdline->n_options; i++) {
        unsigned attributes = cmdline->options[i].attributes;

        if (attributes & CMDLINE_BY_POSITION &&
            (attributes & CMDLINE_REPEATABLE || !option_is_given(cmdline, i))) {
            g_ptr_array_add(cmdline->values[i], g_strdup(word));
            return true;
        }
    }
    g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_SYNTAX,
                "unexpected data '%s'", word);
    return false;
}

/* All that is missing is named at once, a line each. */
static bool
check_required(const Cmdline *cmdline, GError **error)
{
    g_autoptr(GString) missing = g_string_new(NULL);

    for (size_t i = 0; i < cmdline->n_options; i++) {
        if (cmdline->options[i].attributes & CMDLINE_REQUIRED &&
            !option_is_given(cmdline, i)) {
            g_string_append_printf(missing,
                                   "%scommand '%s' requires <%s> option",
                                   missing->len > 0 ? "\n" : "",
                                   cmdline->command, cmdline->options[i].name);
        }
    }
    if (missing->len > 0) {
        g_set_error_literal(error, CMDLINE_ERROR, CMDLINE_ERROR_SYNTAX,
                            missing->str);
        return false;
    }
    return true;
}

Cmdline *
cmdline_parse(const char *command, const CmdlineOption *options,
              const char *const *words, GError **error)
{
    g_autoptr(Cmdline) cmdline = cmdline_new(command, options);
    bool data_only = false;

    for (size_t i = 0; words[i]; i++) {
        const char *word = words[i];
        bool ok;

        if (!data_only && strcmp(word, "--") == 0) {
            data_only = true;
            continue;
        }
        if (!data_only && g_str_has_prefix(word, "--") &&
            g_ascii_isalnum(word[2])) {
            ok = take_option(cmdline, words, &i, error);
        } else if (!data_only && strcmp(word, "-c") == 0 &&
                   option_find(cmdline, "connect") < cmdline->n_options) {
            const char *pair[] = { "--connect", words[i + 1], NULL };
            size_t at = 0;

            ok = take_option(cmdline, pair, &at, error);
            i += at;
        } else {
            ok = take_data(cmdline, word, error);
        }
        if (!ok) {
            return NULL;
        }
    }
    if (!cmdline->help && !check_required(cmdline, error)) {
        return NULL;
    }
    return g_steal_pointer(&cmdline);
}

bool
cmdline_help(const Cmdline *cmdline)
{
    return cmdline->help;
}

bool
cmdline_given(const Cmdline *cmdline, const char *name)
{
    return option_is_given(cmdline, option_index(cmdline, name));
}

const GPtrArray *
cmdline_values(const Cmdline *cmdline, const char *name)
{
    return cmdline->values[option_index(cmdline, name)];
}

static const char *
value_raw(const Cmdline *cmdline, const char *name)
{
    size_t i = option_index(cmdline, name);

    g_assert(cmdline->options[i].kind != CMDLINE_FLAG);
    if (!option_is_given(cmdline, i)) {
        return NULL;
    }
    return g_ptr_array_index(cmdline->values[i], 0);
}

bool
cmdline_string(const Cmdline *cmdline, const char *name, const char **value,
               GError **error)
{
    const char *raw = value_raw(cmdline, name);

    if (!raw) {
        return true;
    }
    if (*raw == '\0') {
        g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_VALUE,
                    "Failed to get option '%s': Option argument is empty",
                    name);
        return false;
    }
    *value = raw;
    return true;
}

static bool
malformed(const char *name, const char *raw, GError **error)
{
    g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_VALUE,
                "Numeric value '%s' for <%s> option is malformed or out of "
                "range",
                raw, name);
    return false;
}

bool
cmdline_int(const Cmdline *cmdline, const char *name, int *value,
            GError **error)
{
    const char *raw = value_raw(cmdline, name);
    char *end = NULL;
    long number;

    if (!raw) {
        return true;
    }
    errno = 0;
    number = strtol(raw, &end, 10);
    if (errno || end == raw || *end || number < INT_MIN || number > INT_MAX) {
        return malformed(name, raw, error);
    }
    *value = (int)number;
    return true;
}

bool
cmdline_u64(const Cmdline *cmdline, const char *name, uint64_t *value,
            GError **error)
{
    const char *raw = value_raw(cmdline, name);
    char *end = NULL;
    unsigned long long number;

    if (!raw) {
        return true;
    }
    errno = 0;
    number = strtoull(raw, &end, 10);
    /* strtoull takes "-1" for the largest number there is. */
    if (errno || end == raw || *end || strchr(raw, '-')) {
        return malformed(name, raw, error);
    }
    *value = number;
    return true;
}

bool
cmdline_uint(const Cmdline *cmdline, const char *name, unsigned *value,
             GError **error)
{
    uint64_t number = *value;

    if (!cmdline_u64(cmdline, name, &number, error)) {
        return false;
    }
    if (number > UINT_MAX) {
        return malformed(name, value_raw(cmdline, name), error);
    }
    *value = (unsigned)number;
    return true;
}

bool
cmdline_exclusive(const Cmdline *cmdline, const char *a, const char *b,
                  GError **error)
{
    if (cmdline_given(cmdline, a) && cmdline_given(cmdline, b)) {
        g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_RULE,
                    "Options --%s and --%s are mutually exclusive", a, b);
        return false;
    }
    return true;
}

bool
cmdline_requires(const Cmdline *cmdline, const char *option, const char *needed,
                 GError **error)
{
    if (cmdline_given(cmdline, option) && !cmdline_given(cmdline, needed)) {
        g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_RULE,
                    "Option --%s is required by option --%s", needed, option);
        return false;
    }
    return true;
}

char *
cmdline_format_options(const CmdlineOption *options, bool own)
{
    GString *text = g_string_new(NULL);

    for (const CmdlineOption *option = options; option->name; option++) {
        g_autofree char *head = NULL;

        if (option->kind == CMDLINE_ALIAS ||
            own != ((option->attributes & CMDLINE_OWN) != 0)) {
            continue;
        }
        if (option->attributes & CMDLINE_REQUIRED) {
            head = g_strdup_printf("[--%s] <%s>", option->name,
                                   option_value_kind(option));
        } else if (option->kind == CMDLINE_FLAG) {
            head = g_strdup_printf("--%s", option->name);
        } else {
            head = g_strdup_printf("--%s <%s>", option->name,
                                   option->value ? option->value
                                                 : option_value_kind(option));
        }
        g_string_append_printf(text, "    %-30s  %s\n", head, option->help);
    }
    return g_string_free(text, FALSE);
}
