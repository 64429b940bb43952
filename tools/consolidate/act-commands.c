/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * act-commands.c - the words of the commands that look and act
 */
#include "tools/consolidate/act.h"
#include "tools/consolidate/commands.h"

static int
run(ActKind kind, int argc, char **argv, const char *parameters,
    const char *summary, unsigned least, unsigned most)
{
    ConsOptions options;
    int status = CONSOLIDATE_USAGE;

    if (cons_options_parse(argc, argv, NULL, parameters, summary, least, most,
                           &options)) {
        status = act(kind, options.words[0], &options);
    }
    cons_options_clear(&options);
    return status;
}

int
consolidate_plan_main(int argc, char **argv)
{
    return run(ACT_PLAN, argc, argv, NULL,
               "Looks at all hosts and says what should move, and why. Changes "
               "nothing.",
               0, 0);
}

int
consolidate_apply_main(int argc, char **argv)
{
    return run(ACT_APPLY, argc, argv, "[PLAN]",
               "Carries out the plan that the service told last, or PLAN. "
               "Without a\nservice a plan is made and carried out.",
               0, 1);
}

int
consolidate_evacuate_main(int argc, char **argv)
{
    return run(ACT_EVACUATE, argc, argv, "HOST",
               "Moves all guests off HOST, which takes none until it is "
               "released.",
               1, 1);
}

int
consolidate_release_main(int argc, char **argv)
{
    return run(ACT_RELEASE, argc, argv, "HOST",
               "Lets guests onto HOST again after \"evacuate\".", 1, 1);
}

int
consolidate_status_main(int argc, char **argv)
{
    return run(ACT_STATUS, argc, argv, NULL,
               "Shows hosts, their load and the plan on its way.", 0, 0);
}

int
consolidate_pause_main(int argc, char **argv)
{
    return run(ACT_PAUSE, argc, argv, NULL,
               "Decides nothing more and begins no more moves; those on their "
               "way\ncome to their end.",
               0, 0);
}

int
consolidate_resume_main(int argc, char **argv)
{
    return run(ACT_RESUME, argc, argv, NULL, "Goes on after \"pause\".", 0, 0);
}
