/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-session.h - one migration, from the first connection to the record
 *
 * Joins libvirt, the sampler, the forecaster, the policy, the reservation, the
 * record and the live view: the program's main loop.
 */
#ifndef CLI_MIGRATE_SESSION_H
#define CLI_MIGRATE_SESSION_H

#include "tools/cli/migrate-options.h"

/**
 * migrate_session_run() - Migrate, and say how it went
 *
 * Prints what virsh prints, as far as --verbose, --json and the terminal ask
 * for it; errors go to stderr. What follows the command (virsh's blank line,
 * --timing) is the caller's.
 * Return: an exit status, 0 on success, 1 otherwise, as virsh
 */
int migrate_session_run(const MigrateOptions *options);

#endif
