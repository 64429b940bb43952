/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guestperf.h - a run for those who have tools for QEMU's guestperf
 *
 * guestperf (tests/migration in QEMU's sources) keeps a report of each of its
 * migrations as JSON, which its plot program reads. A run of ours is written
 * with the same members. Its progress is what vmferry's record has of QEMU's
 * statistics; of virsh's methods only the end is known. Timings of guest, QEMU
 * and vCPUs are empty: guestperf's are of its own stress program.
 */
#ifndef EXPERIMENT_GUESTPERF_H
#define EXPERIMENT_GUESTPERF_H

#include "base/json.h"

/**
 * guestperf_report() - In guestperf's format
 * @run: A result, "vmferry-experiment/1", whole
 *
 * Return: a new object; NULL with RESULT_ERROR if it is none
 */
JsonObject *guestperf_report(JsonObject *run, GError **error);

#endif
