/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine.h - on what an experiment ran
 */
#ifndef EXPERIMENT_MACHINE_H
#define EXPERIMENT_MACHINE_H

#include "base/json.h"
#include "tools/experiment/driver.h"

/**
 * machine_describe() - Processors, governor, kernel, programs, the link
 * @vmferry: Path of the program
 * @state: The testbed's, which is up
 * @link: The source's interface
 *
 * All of it is the source's. What cannot be found out is null. Return: a new object
 */
JsonObject *machine_describe(Driver *driver, const char *vmferry,
                             const char *state, const char *link);

#endif
