/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * anonymize.h - results that tell nothing of whose machine it was
 */
#ifndef EXPERIMENT_ANONYMIZE_H
#define EXPERIMENT_ANONYMIZE_H

#include "base/json.h"

/**
 * result_anonymize() - Take out what names machine, hosts, guests and folders
 * @run: A result, whole; changed
 *
 * What stays is what figures hang on: versions of programs, how many
 * processors, accelerator, governor, MTU. Messages stay too, for they are why a
 * run failed, with paths and addresses in them replaced.
 */
void result_anonymize(JsonObject *run);

#endif
