/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * power.h - a command that switches a host off, or on again
 */
#ifndef CONSOLIDATE_POWER_H
#define CONSOLIDATE_POWER_H

#include <glib.h>
#include <stdbool.h>

typedef struct Power Power;

/** PowerDone - @why is NULL if it ended with status 0; borrowed */
typedef void (*PowerDone)(Power *power, const char *why, gpointer user);

/**
 * power_start() - Run it
 * @command: Words as a shell would read them; run without one, with the name of
 *           the host in $VMFERRY_HOST
 * @limit_s: It is killed then
 *
 * @done is called once, never from within. Return: power_free() it, which may
 * be done from @done
 */
Power *power_start(const char *command, const char *host, double limit_s,
                   PowerDone done, gpointer user);

/** power_free() - Of a command that runs nobody hears any more; it goes on */
void power_free(Power *power);

#endif
