/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmdline.h - the grammar of a virsh command line, over any table of options
 *
 * virsh has a grammar of its own, which getopt cannot be talked into: a word
 * that is no option fills the first value in table order that is still empty,
 * an option may come once only, "--flag=x" is an error, "--" ends options. Our
 * tables add options of ours, some of which may be repeated; one that may, and
 * is filled by position, takes all words that are left. The words and their order decide, nothing else: no
 * file is read and no connection made here.
 */
#ifndef CLI_CMDLINE_H
#define CLI_CMDLINE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMDLINE_ERROR (cmdline_error_quark())
GQuark cmdline_error_quark(void);
typedef enum {
    CMDLINE_ERROR_SYNTAX, /* no such option, given twice, value missing ... */
    CMDLINE_ERROR_VALUE,  /* a value that is empty, malformed, out of range */
    CMDLINE_ERROR_RULE,   /* options that need or exclude one another */
} CmdlineError;

typedef enum {
    CMDLINE_FLAG,   /* no value */
    CMDLINE_STRING, /* "<string>" in messages */
    CMDLINE_NUMBER, /* "<number>" in messages; not parsed by the grammar */
    CMDLINE_ALIAS,  /* another spelling of the option named by @value */
} CmdlineKind;

enum {
    CMDLINE_BY_POSITION = 1 << 0, /* words without option fill it */
    CMDLINE_REQUIRED = 1 << 1,
    CMDLINE_REPEATABLE = 1 << 2,
    CMDLINE_OWN = 1 << 3, /* vmferry's own: a group of its own in the help */
};

typedef struct CmdlineOption {
    const char *name; /* without the dashes; NULL ends a table */
    CmdlineKind kind;
    unsigned attributes; /* CMDLINE_ */
    const char *value;   /* what the help calls the value; alias: the target */
    const char *help;
} CmdlineOption;

typedef struct Cmdline Cmdline;

/**
 * cmdline_parse() - Sort words into options
 * @command: Its name in messages, "migrate"
 * @options: Table, ended by a NULL name; must outlive the result
 * @words: NULL-terminated, without the command's name; copied
 *
 * "-c URI" is taken as "--connect URI" where the table has such an option.
 * Required options are not checked if --help was given.
 * Return: free with cmdline_free(); NULL with CMDLINE_ERROR_SYNTAX. A message
 * may have several lines, one error each.
 */
Cmdline *cmdline_parse(const char *command, const CmdlineOption *options,
                       const char *const *words, GError **error);
void cmdline_free(Cmdline *cmdline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cmdline, cmdline_free)

/** cmdline_help() - Was --help among the words? */
bool cmdline_help(const Cmdline *cmdline);

/** cmdline_given() - Was the option given, with or without a value? */
bool cmdline_given(const Cmdline *cmdline, const char *name);

/** cmdline_values() - All values of a repeatable option, in order; borrowed */
const GPtrArray *cmdline_values(const Cmdline *cmdline, const char *name);

/* The value of an option. Each sets @value only if the option was given, and
 * returns false with CMDLINE_ERROR_VALUE if it is empty (strings), malformed
 * or out of range. Numbers are read as virsh reads them: decimal, leading
 * blanks and a sign allowed; the unsigned ones refuse any minus. */
bool cmdline_string(const Cmdline *cmdline, const char *name,
                    const char **value, GError **error);
bool cmdline_int(const Cmdline *cmdline, const char *name, int *value,
                 GError **error);
bool cmdline_uint(const Cmdline *cmdline, const char *name, unsigned *value,
                  GError **error);
bool cmdline_u64(const Cmdline *cmdline, const char *name, uint64_t *value,
                 GError **error);

/** cmdline_exclusive() - Refuse @a and @b together */
bool cmdline_exclusive(const Cmdline *cmdline, const char *a, const char *b,
                       GError **error);

/** cmdline_requires() - Refuse @option without @needed */
bool cmdline_requires(const Cmdline *cmdline, const char *option,
                      const char *needed, GError **error);

/**
 * cmdline_format_options() - The lines of a help text
 * @own: vmferry's own options, or all others
 *
 * Return: "    --timeout <number>  run action ...\n" for each; g_free() it
 */
char *cmdline_format_options(const CmdlineOption *options, bool own);

#endif
