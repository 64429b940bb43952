/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ladder-priv.h - inside of the ladder
 *
 * ladder.c        what is done, and when
 * ladder-words.c  names, settings, what rules steps out, reasons
 */
#ifndef LADDER_PRIV_H
#define LADDER_PRIV_H

#include "policy/ladder.h"

/* What an iteration looks like from its start. */
typedef struct Outlook {
    const LadderInput *input;
    double bandwidth;          /* of pages, as it is now */
    double left_s;             /* to the deadline, INFINITY */
    MigrationForecast now;     /* at what it has */
    MigrationForecast raised;  /* with all that is free */
    MigrationForecast ordered; /* with others at their floors */
    LadderVerdict verdict;     /* by the best guess */
    bool sure;                 /* even by the low end */
    bool clear;                /* by a quarter and more */
    Known enough_downtime_s;   /* limit that would end it in time */
    Known enough_throttle;     /* share that would */
    unsigned would_help;       /* LADDER_BITs, whether allowed or not */
} Outlook;

/** ladder_would_help_words() - "39.1 Mbit/s, post-copy"; g_free() it */
char *ladder_would_help_words(const Outlook *outlook);

/** ladder_verdict_words() - What will not be, with its numbers; g_free() it */
char *ladder_verdict_words(const Outlook *outlook);

/** ladder_take_words() - "raises the downtime limit from 0.30 to 0.82 s" */
char *ladder_take_words(LadderStep step, double value, double old_value,
                        bool undo);

#endif
