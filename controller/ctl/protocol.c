/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * protocol.c - see protocol.h
 *
 * Each command has a table of its arguments. A request that names another one,
 * or gives one a value that makes no sense, is refused by name, for whoever
 * misspells "deadline_s" must not believe that it was set.
 */
#include "ctl/protocol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

G_DEFINE_QUARK(vmferry_ctl_error, ctl_error)

static const char *const error_names[] = {
    [CTL_ERROR_MALFORMED] = "malformed",
    [CTL_ERROR_TOO_LONG] = "too-long",
    [CTL_ERROR_UNKNOWN_COMMAND] = "unknown-command",
    [CTL_ERROR_BAD_ARGUMENT] = "bad-argument",
    [CTL_ERROR_NOT_PERMITTED] = "not-permitted",
    [CTL_ERROR_NOT_FOUND] = "not-found",
    [CTL_ERROR_AMBIGUOUS] = "ambiguous",
    [CTL_ERROR_REFUSED] = "refused",
    [CTL_ERROR_UNAVAILABLE] = "unavailable",
    [CTL_ERROR_BUSY] = "busy",
    [CTL_ERROR_FAILED] = "failed",
    [CTL_ERROR_NO_DAEMON] = "no-daemon",
    [CTL_ERROR_CLOSED] = "closed",
    [CTL_ERROR_SYSTEM] = "system",
};
G_STATIC_ASSERT(G_N_ELEMENTS(error_names) == CTL_N_ERRORS);

static const char *const event_names[] = {
    [CTL_EVENT_SESSION_BEGUN] = "session-begun",
    [CTL_EVENT_SESSION_CHANGED] = "session-changed",
    [CTL_EVENT_SESSION_ITERATION] = "session-iteration",
    [CTL_EVENT_SESSION_ADMITTED] = "session-admitted",
    [CTL_EVENT_SESSION_ENDED] = "session-ended",
    [CTL_EVENT_DECISION] = "decision",
    [CTL_EVENT_HELD] = "held",
    [CTL_EVENT_RELEASED] = "released",
    [CTL_EVENT_WARNING] = "warning",
    [CTL_EVENT_LINK_CHANGED] = "link-changed",
    [CTL_EVENT_FOREIGN_CHANGE] = "foreign-change",
    [CTL_EVENT_MODE] = "mode",
    [CTL_N_EVENTS] = NULL,
};
G_STATIC_ASSERT(G_N_ELEMENTS(event_names) == CTL_N_EVENTS + 1);

static const char *const ladder_steps[] = {
    "guarantee", "order", "wait",    "downtime", "auto-converge",
    "post-copy", "abort", "ceiling", NULL
};
static const char *const flag_names[] = {
    "postcopy", "auto-converge", "parallel",  "p2p", "persistent",
    "tls",      "storage",       "tunnelled", NULL
};
static const char *const policies[] = { "default", "paper", "none", NULL };
static const char *const steerers[] = { "daemon", "self", NULL };
static const char *const starters[] = { "vmferry", "drain", NULL };

typedef enum {
    ARG_STRING, /* not empty, at most .most bytes */
    ARG_UUID,
    ARG_NUMBER,  /* .least to .most */
    ARG_INTEGER, /* likewise, whole */
    ARG_BOOL,
    ARG_WORD,      /* one of .words */
    ARG_WORDS,     /* array of them */
    ARG_PROTECTED, /* array of {"expression", "rate_bytes_s"} */
    ARG_CLASS,     /* "1:10" */
} ArgKind;

enum { ARG_REQUIRED = 1 << 0, ARG_NULLABLE = 1 << 1 };

typedef struct Arg {
    const char *name; /* NULL ends a table */
    ArgKind kind;
    unsigned attributes; /* ARG_ */
    double least, most;
    const char *const *words; /* NULL-terminated */
} Arg;

#define LONGEST_NAME 256
#define LONGEST_TEXT 4096
#define MOST_SECONDS 1e9
#define MOST_RATE 1e15
#define MOST_PROTECTED 64

#define SESSION                                                                \
    {                                                                          \
        "session", ARG_STRING, ARG_REQUIRED, 0, LONGEST_NAME, NULL             \
    }
#define REASON                                                                 \
    {                                                                          \
        "reason", ARG_STRING, 0, 0, LONGEST_TEXT, NULL                         \
    }
#define END                                                                    \
    {                                                                          \
        NULL, ARG_STRING, 0, 0, 0, NULL                                        \
    }

static const Arg no_args[] = { END };
static const Arg session_args[] = { SESSION, END };
static const Arg reason_args[] = { SESSION, REASON, END };
static const Arg history_args[] = {
    { "guest", ARG_STRING, 0, 0, LONGEST_NAME, NULL },
    { "limit", ARG_INTEGER, 0, 1, 1000, NULL },
    END,
};
static const Arg subscribe_args[] = {
    { "events", ARG_WORDS, 0, 0, 0, event_names },
    { "session", ARG_STRING, 0, 0, LONGEST_NAME, NULL },
    END,
};
static const Arg set_args[] = {
    SESSION,
    { "deadline_s", ARG_NUMBER, ARG_NULLABLE, 0.001, MOST_SECONDS, NULL },
    { "priority", ARG_INTEGER, 0, 0, 9, NULL },
    { "policy", ARG_WORD, 0, 0, 0, policies },
    { "downtime_limit_s", ARG_NUMBER, 0, 0.001, 2000, NULL },
    { "margin", ARG_NUMBER, 0, 1, 100, NULL },
    END,
};
static const Arg announce_args[] = {
    { "uuid", ARG_UUID, ARG_REQUIRED, 0, 0, NULL },
    { "guest", ARG_STRING, 0, 0, LONGEST_NAME, NULL },
    { "destination", ARG_STRING, ARG_REQUIRED, 0, LONGEST_TEXT, NULL },
    { "migrate_uri", ARG_STRING, ARG_NULLABLE, 0, LONGEST_TEXT, NULL },
    { "policy", ARG_WORD, 0, 0, 0, policies },
    { "margin", ARG_NUMBER, 0, 1, 100, NULL },
    { "deadline_s", ARG_NUMBER, ARG_NULLABLE, 0.001, MOST_SECONDS, NULL },
    { "downtime_limit_s", ARG_NUMBER, 0, 0.001, 2000, NULL },
    { "priority", ARG_INTEGER, 0, 0, 9, NULL },
    { "protected", ARG_PROTECTED, 0, 0, MOST_PROTECTED, NULL },
    { "link_device", ARG_STRING, ARG_NULLABLE, 0, 15, NULL },
    { "link_rate_bytes_s", ARG_NUMBER, ARG_NULLABLE, 1, MOST_RATE, NULL },
    { "parent", ARG_CLASS, ARG_NULLABLE, 0, 0, NULL },
    { "allow", ARG_WORDS, 0, 0, 0, ladder_steps },
    { "downtime_max_s", ARG_NUMBER, ARG_NULLABLE, 0.001, 2000, NULL },
    { "throttle_max", ARG_NUMBER, ARG_NULLABLE, 0, 1, NULL },
    { "flags", ARG_WORDS, 0, 0, 0, flag_names },
    { "memory_bytes", ARG_NUMBER, ARG_NULLABLE, 0, MOST_RATE, NULL },
    { "queue", ARG_BOOL, 0, 0, 0, NULL },
    { "steer", ARG_WORD, 0, 0, 0, steerers },
    { "starter", ARG_WORD, 0, 0, 0, starters },
    END,
};
static const Arg disable_args[] = {
    { "now", ARG_BOOL, 0, 0, 0, NULL },
    END,
};

static const struct {
    const char *name;
    const Arg *args;
} commands[] = {
    [CTL_COMMAND_VERSION] = { "version", no_args },
    [CTL_COMMAND_STATUS] = { "status", no_args },
    [CTL_COMMAND_QUEUE] = { "queue", no_args },
    [CTL_COMMAND_METRICS] = { "metrics", no_args },
    [CTL_COMMAND_HISTORY] = { "history", history_args },
    [CTL_COMMAND_SHOW] = { "show", session_args },
    [CTL_COMMAND_SUBSCRIBE] = { "subscribe", subscribe_args },
    [CTL_COMMAND_UNSUBSCRIBE] = { "unsubscribe", no_args },
    [CTL_COMMAND_HOLD] = { "hold", reason_args },
    [CTL_COMMAND_RELEASE] = { "release", session_args },
    [CTL_COMMAND_CANCEL] = { "cancel", reason_args },
    [CTL_COMMAND_SET] = { "set", set_args },
    [CTL_COMMAND_ANNOUNCE] = { "announce", announce_args },
    [CTL_COMMAND_WITHDRAW] = { "withdraw", session_args },
    [CTL_COMMAND_DISABLE] = { "disable", disable_args },
    [CTL_COMMAND_ENABLE] = { "enable", no_args },
    [CTL_COMMAND_RELOAD] = { "reload", no_args },
};
G_STATIC_ASSERT(G_N_ELEMENTS(commands) == CTL_N_COMMANDS);

const char *
ctl_error_name(CtlError code)
{
    return error_names[code];
}

CtlError
ctl_error_parse(const char *name)
{
    for (size_t i = 0; i < CTL_ERROR_NO_DAEMON; i++) {
        if (strcmp(error_names[i], name) == 0) {
            return (CtlError)i;
        }
    }
    return CTL_ERROR_FAILED;
}

const char *
ctl_command_name(CtlCommand command)
{
    return commands[command].name;
}

bool
ctl_command_parse(const char *name, CtlCommand *command, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            *command = (CtlCommand)i;
            return true;
        }
    }
    g_set_error(error, CTL_ERROR, CTL_ERROR_UNKNOWN_COMMAND,
                "'%.64s' is no command of protocol %d", name, CTL_PROTOCOL);
    return false;
}

bool
ctl_command_steers(CtlCommand command)
{
    return command >= CTL_COMMAND_HOLD;
}

const char *
ctl_event_name(CtlEvent event)
{
    return event_names[event];
}

bool
ctl_event_parse(const char *name, CtlEvent *event, GError **error)
{
    for (size_t i = 0; event_names[i]; i++) {
        if (strcmp(event_names[i], name) == 0) {
            *event = (CtlEvent)i;
            return true;
        }
    }
    g_set_error(error, CTL_ERROR, CTL_ERROR_BAD_ARGUMENT,
                "'%.64s' is no event of protocol %d", name, CTL_PROTOCOL);
    return false;
}

static bool G_GNUC_PRINTF(2, 3) refuse(GError **error, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, CTL_ERROR, CTL_ERROR_BAD_ARGUMENT, what);
    return false;
}

/* A string without a NUL inside, NULL if the member is none. */
static const char *
string_of(JsonObject *value)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text
                                                                     : NULL;
}

static char *
words_of(const Arg *arg)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; arg->words[i]; i++) {
        g_string_append_printf(text, "%s%s", i ? ", " : "", arg->words[i]);
    }
    return g_string_free(text, FALSE);
}

static bool
check_word(const Arg *arg, JsonObject *value, GError **error)
{
    const char *text = string_of(value);
    g_autofree char *words = NULL;

    for (size_t i = 0; text && arg->words[i]; i++) {
        if (strcmp(text, arg->words[i]) == 0) {
            return true;
        }
    }
    words = words_of(arg);
    return text ? refuse(error, "%s: '%.64s' is none of %s", arg->name, text,
                         words)
                : refuse(error, "%s: a string is wanted, one of %s", arg->name,
                         words);
}

static bool
check_words(const Arg *arg, JsonObject *value, GError **error)
{
    if (!json_object_is_type(value, json_type_array)) {
        return refuse(error, "%s: an array of strings is wanted", arg->name);
    }
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        if (!check_word(arg, json_object_array_get_idx(value, i), error)) {
            return false;
        }
    }
    return true;
}

static bool
check_number(const Arg *arg, JsonObject *value, GError **error)
{
    bool whole = json_object_is_type(value, json_type_int);
    double number = json_object_get_double(value);

    if (!whole && (arg->kind == ARG_INTEGER ||
                   !json_object_is_type(value, json_type_double))) {
        return refuse(error, "%s: %s is wanted", arg->name,
                      arg->kind == ARG_INTEGER ? "an integer" : "a number");
    }
    /* one that is no number is in no range */
    if (!(number >= arg->least && number <= arg->most)) {
        char least[UNITS_NUMBER_SIZE], most[UNITS_NUMBER_SIZE];

        units_write_number(arg->least, least);
        units_write_number(arg->most, most);
        return refuse(error, "%s: a number from %s to %s is wanted", arg->name,
                      least, most);
    }
    return true;
}

static bool
check_string(const Arg *arg, JsonObject *value, GError **error)
{
    const char *text = string_of(value);

    if (!text || !*text || strlen(text) > (size_t)arg->most) {
        return refuse(error, "%s: a string of 1 to %.0f bytes is wanted",
                      arg->name, arg->most);
    }
    for (const char *c = text; *c; c++) {
        if (g_ascii_iscntrl(*c)) {
            return refuse(error, "%s: it holds a control character", arg->name);
        }
    }
    return true;
}

static bool
check_protected(const Arg *arg, JsonObject *value, GError **error)
{
    static const Arg expression = {
        "protected: expression", ARG_STRING, 0, 0, LONGEST_TEXT, NULL
    };
    static const Arg rate = {
        "protected: rate_bytes_s", ARG_NUMBER, 0, 1, MOST_RATE, NULL
    };

    if (!json_object_is_type(value, json_type_array) ||
        json_object_array_length(value) > (size_t)arg->most) {
        return refuse(error, "%s: an array of at most %.0f objects is wanted",
                      arg->name, arg->most);
    }
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        JsonObject *one = json_object_array_get_idx(value, i);

        if (!json_object_is_type(one, json_type_object) ||
            json_object_object_length(one) != 2) {
            return refuse(error,
                          "%s: {\"expression\", \"rate_bytes_s\"} is wanted",
                          arg->name);
        }
        if (!check_string(&expression, jobj_get(one, "expression"), error) ||
            !check_number(&rate, jobj_get(one, "rate_bytes_s"), error)) {
            return false;
        }
    }
    return true;
}

static bool
check_class(const Arg *arg, JsonObject *value, GError **error)
{
    const char *text = string_of(value);
    char *end = NULL;

    if (text && g_ascii_isxdigit(*text) && strtoul(text, &end, 16) <= 0xffff &&
        *end == ':' && g_ascii_isxdigit(end[1]) &&
        strtoul(end + 1, &end, 16) <= 0xffff && !*end) {
        return true;
    }
    return refuse(error, "%s: a class as \"1:10\" is wanted", arg->name);
}

static bool
check_value(const Arg *arg, JsonObject *value, GError **error)
{
    if (!value && (arg->attributes & ARG_NULLABLE)) {
        return true;
    }
    switch (arg->kind) {
    case ARG_STRING:
        return check_string(arg, value, error);
    case ARG_UUID:
        return (string_of(value) && g_uuid_string_is_valid(string_of(value))) ||
               refuse(error, "%s: a UUID is wanted", arg->name);
    case ARG_NUMBER:
    case ARG_INTEGER:
        return check_number(arg, value, error);
    case ARG_BOOL:
        return json_object_is_type(value, json_type_boolean) ||
               refuse(error, "%s: true or false is wanted", arg->name);
    case ARG_WORD:
        return check_word(arg, value, error);
    case ARG_WORDS:
        return check_words(arg, value, error);
    case ARG_PROTECTED:
        return check_protected(arg, value, error);
    case ARG_CLASS:
        return check_class(arg, value, error);
    }
    g_assert_not_reached();
}

static bool
check_arguments(CtlCommand command, JsonObject *arguments, GError **error)
{
    const Arg *args = commands[command].args;

    if (arguments) {
        json_object_object_foreach (arguments, name, value) {
            const Arg *arg = args;

            while (arg->name && strcmp(arg->name, name) != 0) {
                arg++;
            }
            if (!arg->name) {
                return refuse(error, "'%.64s' is no argument of it", name);
            }
            if (!check_value(arg, value, error)) {
                return false;
            }
        }
    }
    for (const Arg *arg = args; arg->name; arg++) {
        if ((arg->attributes & ARG_REQUIRED) &&
            !json_object_object_get_ex(arguments, arg->name, NULL)) {
            return refuse(error, "%s is missing", arg->name);
        }
    }
    if (command == CTL_COMMAND_SET &&
        json_object_object_length(arguments) < 2) {
        return refuse(error, "nothing is named to be changed");
    }
    return true;
}

bool
ctl_request_read(JsonObject *message, JsonObject **id, CtlCommand *command,
                 JsonObject **arguments, GError **error)
{
    JsonObject *its_id = NULL;
    JsonObject *its_arguments = NULL;
    const char *name;

    *id = NULL;
    json_object_object_get_ex(message, "id", &its_id);
    if (!json_object_is_type(its_id, json_type_string) &&
        !json_object_is_type(its_id, json_type_int)) {
        g_set_error_literal(error, CTL_ERROR, CTL_ERROR_MALFORMED,
                            "the request has no id, a string or an integer");
        return false;
    }
    if (json_object_is_type(its_id, json_type_string) &&
        json_object_get_string_len(its_id) > LONGEST_NAME) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_MALFORMED,
                    "the id is longer than %d bytes", LONGEST_NAME);
        return false;
    }
    *id = its_id;
    name = string_of(jobj_get(message, "command"));
    if (!name) {
        g_set_error_literal(error, CTL_ERROR, CTL_ERROR_MALFORMED,
                            "the request has no command, a string");
        return false;
    }
    json_object_object_foreach (message, member, value) {
        if (strcmp(member, "id") != 0 && strcmp(member, "command") != 0 &&
            strcmp(member, "arguments") != 0) {
            g_set_error(error, CTL_ERROR, CTL_ERROR_MALFORMED,
                        "'%.64s' is no member of a request", member);
            return false;
        }
        (void)value;
    }
    if (!ctl_command_parse(name, command, error)) {
        return false;
    }
    if (json_object_object_get_ex(message, "arguments", &its_arguments) &&
        !json_object_is_type(its_arguments, json_type_object)) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_MALFORMED,
                    "%s: its arguments are no object", name);
        return false;
    }
    if (!check_arguments(*command, its_arguments, error)) {
        g_prefix_error(error, "%s: ", name);
        return false;
    }
    *arguments = its_arguments;
    return true;
}
