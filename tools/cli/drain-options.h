/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-options.h - what "vmferry drain" was asked to do
 *
 * Its own options say which guests, where to, and how many at once. The rest
 * are those of "vmferry migrate", handed on to each migration: they are checked
 * here, once, before anything is connected.
 */
#ifndef CLI_DRAIN_OPTIONS_H
#define CLI_DRAIN_OPTIONS_H

#include <glib.h>
#include <stdbool.h>

#include "base/known.h"
#include "tools/cli/global-options.h"
#include "tools/cli/migrate-options.h"

#define DRAIN_OPTIONS_ERROR (drain_options_error_quark())
GQuark drain_options_error_quark(void);
typedef enum {
    DRAIN_OPTIONS_ERROR_MISSING, /* an option without which nothing goes */
    DRAIN_OPTIONS_ERROR_RULE,    /* options that contradict one another */
} DrainOptionsError;

#define DRAIN_STATE_PATH "/var/lib/vmferry/drain.json"

/* Strings are owned; NULL: not given. */
typedef struct DrainOptions {
    GlobalOptions global;
    GPtrArray *to;      /* char *, DESTURI */
    GPtrArray *exclude; /* char *, name, id or UUID */
    GPtrArray *only;    /* likewise; empty: all */
    bool plan_only;
    bool yes;
    bool sample; /* before the plan; false with --no-sample */
    bool p2p;
    Known deadline_s;  /* of the whole */
    unsigned parallel; /* at once on one link at most; 0: as planned */
    bool resume;
    char *state_path;
    char *report_path;
    char *history; /* see history_path() */
    bool json;
    GPtrArray *passed; /* char *, words for each migration */
    GPtrArray *given;  /* char *, the words as given, but those that say how to
                          run: with them a drain resumes; ended by NULL */
} DrainOptions;

/**
 * drain_options_parse() - Read the words after "drain"
 * @help: Set to true if --help was among them; NULL is returned then, without
 *        an error
 *
 * With --resume only those options are taken that say how to run, not what to
 * do: drain_options_resume() has the rest.
 */
DrainOptions *drain_options_parse(const char *const *words,
                                  const GlobalOptions *global, bool *help,
                                  GError **error);
void drain_options_free(DrainOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DrainOptions, drain_options_free)

/**
 * drain_options_resume() - The options of the drain that is resumed
 * @words: The words that were given then, of the state file
 * @now: Of this call: state file, --yes, --json, --report
 */
DrainOptions *drain_options_resume(const char *const *words,
                                   const DrainOptions *now, GError **error);

/**
 * drain_options_migrate() - Options of one guest's migration
 * @persistent: It is defined on its host: it will be on the destination, and
 *              no longer here
 *
 * Return: migrate_options_free() it
 */
MigrateOptions *drain_options_migrate(const DrainOptions *options,
                                      const char *uuid, const char *desturi,
                                      bool persistent, GError **error);

/** drain_options_help() - g_free() it */
char *drain_options_help(void);

#endif
