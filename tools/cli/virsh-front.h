/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virsh-front.h - "alias virsh='vmferry virsh'"
 *
 * Reads a virsh command line just far enough to tell whether it is a migration
 * of ours. Whatever else it is, the real virsh gets it untouched: other
 * commands, several commands in one string, interactive mode, and also every
 * line that virsh would refuse, so that the refusal is virsh's own.
 */
#ifndef CLI_VIRSH_FRONT_H
#define CLI_VIRSH_FRONT_H

#include <glib.h>
#include <stdbool.h>

#include "tools/cli/global-options.h"

#define VIRSH_FRONT_ERROR (virsh_front_error_quark())
GQuark virsh_front_error_quark(void);
typedef enum {
    VIRSH_FRONT_ERROR_REFUSED,   /* a global option that we cannot honour */
    VIRSH_FRONT_ERROR_NOT_FOUND, /* no virsh in PATH but ourselves */
    VIRSH_FRONT_ERROR_EXEC,
} VirshFrontError;

typedef enum {
    VIRSH_CALL_EXEC,    /* not ours: hand the words to the real virsh */
    VIRSH_CALL_MIGRATE, /* ours */
    VIRSH_CALL_REFUSED, /* ours, with an option that we cannot honour */
} VirshCallKind;

typedef struct VirshCall {
    VirshCallKind kind;
    GlobalOptions global; /* as far as read */
    char **words;         /* of the command, without "migrate"; only then */
} VirshCall;

/**
 * virsh_call_parse() - Whose is this command line?
 * @argc: Words of @argv, at least 1
 * @argv: As virsh would get it, its own name first; its order is kept
 * @call: Filled in; clear it with virsh_call_clear()
 * @error: Set exactly with VIRSH_CALL_REFUSED
 */
VirshCallKind virsh_call_parse(int argc, char **argv, VirshCall *call,
                               GError **error);
void virsh_call_clear(VirshCall *call);

/**
 * virsh_split() - Words of a string that virsh would take for one command
 * @text: What stood as the only word behind virsh's options
 *
 * Quotes and backslashes are read as virsh reads them.
 * Return: NULL-terminated words, g_strfreev() them; NULL if the string holds
 * several commands, a comment or an unfinished quote
 */
char **virsh_split(const char *text);

/**
 * virsh_find() - The real virsh
 * @path: Search path, as PATH
 * @self: Our own executable, which is passed over under whatever name
 * @tried: Paths to pass over as well, separated by colons; NULL: none
 *
 * Return: the path, g_free() it; NULL with @error
 */
char *virsh_find(const char *path, const char *self, const char *tried,
                 GError **error);

/**
 * virsh_exec() - Become the real virsh
 * @argv: Words for it, its name first; NULL-terminated
 *
 * Return: only on failure, with @error set
 */
void virsh_exec(char **argv, GError **error);

#endif
