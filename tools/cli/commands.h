/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commands.h - the commands that live in the vmferry program itself
 *
 * Each gets its own name in argv[0] and returns an exit status.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "tools/cli/global-options.h"

int command_migrate(const GlobalOptions *global, int argc, char **argv);
int command_virsh(const GlobalOptions *global, int argc, char **argv);
int command_forecast(const GlobalOptions *global, int argc, char **argv);
int command_status(const GlobalOptions *global, int argc, char **argv);
int command_queue(const GlobalOptions *global, int argc, char **argv);
int command_history(const GlobalOptions *global, int argc, char **argv);
int command_show(const GlobalOptions *global, int argc, char **argv);
int command_hold(const GlobalOptions *global, int argc, char **argv);
int command_release(const GlobalOptions *global, int argc, char **argv);
int command_cancel(const GlobalOptions *global, int argc, char **argv);
int command_set(const GlobalOptions *global, int argc, char **argv);
int command_disable(const GlobalOptions *global, int argc, char **argv);
int command_enable(const GlobalOptions *global, int argc, char **argv);
int command_drain(const GlobalOptions *global, int argc, char **argv);
int command_tc(const GlobalOptions *global, int argc, char **argv);

#endif
