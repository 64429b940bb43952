/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * act.h - a command carried out by the service, or here where there is none
 */
#ifndef CONSOLIDATE_ACT_H
#define CONSOLIDATE_ACT_H

#include "tools/consolidate/options.h"

typedef enum {
    ACT_PLAN,     /* decide and show */
    ACT_APPLY,    /* ... and carry out */
    ACT_EVACUATE, /* empty .host, carried out */
    ACT_RELEASE,
    ACT_PAUSE,
    ACT_RESUME,
    ACT_STATUS,
    ACT_N_KINDS
} ActKind;

/**
 * act() - Do it; everything is printed
 * @word: The host; of ACT_APPLY the id of a plan; NULL
 *
 * Return: the exit status
 */
int act(ActKind kind, const char *word, const ConsOptions *options);

#endif
