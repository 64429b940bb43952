/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.c - see options.h
 */
#include "tools/consolidate/options.h"

#include <stdio.h>
#include <unistd.h>

#include "consolidate/settings.h"
#include "tools/consolidate/commands.h"
#include "tools/consolidate/service.h"

bool
cons_options_parse(int argc, char **argv, const GOptionEntry *more,
                   const char *parameters, const char *summary, unsigned least,
                   unsigned most, ConsOptions *options)
{
    g_autofree char *name = g_strdup_printf("vmferry-consolidate %s", argv[0]);
    g_autoptr(GError) error = NULL;
    GOptionEntry common[] = {
        { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config,
          "The configuration [" SERVICE_DEFAULT_CONFIG "]", "FILE" },
        { "json", 'j', 0, G_OPTION_ARG_NONE, &options->json,
          "JSON on standard output", NULL },
        { "alone", 0, 0, G_OPTION_ARG_NONE, &options->alone,
          "Do it here, without asking a service", NULL },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet,
          "No notes on standard error", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->words,
          NULL, NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(parameters);
    unsigned n;

    *options = (ConsOptions){ 0 };
    g_option_context_set_summary(context, summary);
    g_option_context_add_main_entries(context, common, NULL);
    if (more) {
        g_option_context_add_main_entries(context, more, NULL);
    }
    g_set_prgname(name);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "error: %s: %s\n", name, error->message);
        return false;
    }
    if (!options->words) {
        options->words = g_new0(char *, 1);
    }
    if (!options->config) {
        options->config = g_strdup(SERVICE_DEFAULT_CONFIG);
    }
    n = g_strv_length(options->words);
    if (n < least || n > most) {
        fprintf(stderr, "error: %s: it takes %s\n", name,
                most == 0 ? "options only" : parameters);
        return false;
    }
    return true;
}

void
cons_options_clear(ConsOptions *options)
{
    g_free(options->config);
    g_strfreev(options->words);
    *options = (ConsOptions){ 0 };
}

int
cons_fail(const char *command, const GError *error)
{
    fflush(stdout);
    fprintf(stderr, "error: vmferry-consolidate %s: %s\n", command,
            error->message);
    return error->domain == G_FILE_ERROR ||
                   g_error_matches(error, CONS_ERROR, CONS_ERROR_SETTING) ||
                   g_error_matches(error, CONS_ERROR, CONS_ERROR_SYNTAX) ||
                   g_error_matches(error, CONS_ERROR, CONS_ERROR_UNKNOWN)
               ? CONSOLIDATE_USAGE
               : CONSOLIDATE_FAILED;
}

void
cons_print_json(JsonObject *json)
{
    g_autofree char *text = jobj_to_text(json, isatty(STDOUT_FILENO));

    puts(text);
}
