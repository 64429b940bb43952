/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.c - see options.h
 */
#include "tools/plan/options.h"

#include <stdio.h>

#include "plan/format.h"
#include "tools/plan/files.h"

int
plan_options_fail(const char *command, const char *message)
{
    fflush(stdout);
    fprintf(stderr, "error: vmferry-plan %s: %s\n", command, message);
    return 2;
}

PlanModel *
plan_options_model(int argc, char **argv, const char *words,
                   const char *summary, const GOptionEntry *entries)
{
    g_autofree char *from = NULL;
    g_auto(GStrv) files = NULL;
    const char *command = argv[0];
    const GOptionEntry common[] = {
        { "from", 0, 0, G_OPTION_ARG_STRING, &from,
          "What the files are, json if not said", "FORMAT" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL,
          words },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autofree char *formats =
        g_strdup_printf("Formats and their files:\n%s", plan_file_formats());
    g_autofree char *program = g_strdup_printf("vmferry-plan %s", command);
    g_autoptr(GError) error = NULL;
    PlanModel *model = NULL;

    g_set_prgname(program);
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, formats);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        plan_options_fail(command, error->message);
        return NULL;
    }
    if (!files) {
        plan_options_fail(command, "no model is given");
        return NULL;
    }
    model = plan_file_load(from ? from : "json", files, &error);
    if (!model) {
        plan_options_fail(command, error->message);
    }
    return model;
}

GBytes *
plan_options_file(int argc, char **argv, const char *summary, const char *what,
                  const GOptionEntry *entries, PlanText *text)
{
    const char *command = argv[0];
    g_autoptr(GOptionContext) context = g_option_context_new(summary);
    g_autofree char *program = g_strdup_printf("vmferry-plan %s", command);
    g_autoptr(GError) error = NULL;
    GBytes *bytes;
    gsize length;

    g_set_prgname(program);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        plan_options_fail(command, error->message);
        return NULL;
    }
    if (argc != 2) {
        plan_options_fail(command, what);
        return NULL;
    }
    bytes = plan_file_read(argv[1], &error);
    if (!bytes) {
        plan_options_fail(command, error->message);
        return NULL;
    }
    text->text = g_bytes_get_data(bytes, &length);
    text->length = length;
    if (!text->text) {
        text->text = "";
    }
    return bytes;
}

void
plan_options_print(JsonObject *object, bool pretty)
{
    g_autofree char *text = jobj_to_text(object, pretty);

    printf("%s\n", text);
}

int32_t *
plan_options_placement(const PlanModel *model, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = plan_file_read(name, &error);
    int32_t *host_of = NULL;

    if (bytes) {
        gsize length;
        const char *text = g_bytes_get_data(bytes, &length);

        host_of =
            plan_format_read_placement(model, text ? text : "", length, &error);
        if (!host_of) {
            g_prefix_error(&error, "%s: ", name);
        }
    }
    if (!host_of) {
        fprintf(stderr, "error: %s: %s\n", g_get_prgname(), error->message);
    }
    return host_of;
}
