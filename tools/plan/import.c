/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import.c - vmferry-plan import: any format in, vmferry's own out
 */
#include <stdio.h>

#include "plan/format.h"
#include "tools/plan/commands.h"
#include "tools/plan/options.h"

int
plan_import_main(int argc, char **argv)
{
    gboolean compact = FALSE;
    const GOptionEntry entries[] = {
        { "compact", 0, 0, G_OPTION_ARG_NONE, &compact,
          "All on one line, a third of the size", NULL },
        { NULL },
    };
    g_autoptr(PlanModel) m = plan_options_model(
        argc, argv, "FILE...",
        "Print the model in vmferry's own format, whatever it came in.",
        entries);
    g_autoptr(JsonObject) json = NULL;

    if (!m) {
        return 2;
    }
    json = plan_format_write(m);
    plan_options_print(json, !compact);
    return 0;
}
