/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample-records.h - made-up but believable runs for the tests of the report
 */
#ifndef SAMPLE_RECORDS_H
#define SAMPLE_RECORDS_H

#include "report/record.h"

/** sample_record() - A migration played through on a 50 Mbit/s link
 * @kind: POLICY_NONE: shares the link with four flows and is cut off after
 *        180 s; another: reserves, and completes
 *
 * The same record every time; run_record_free() it.
 */
RunRecord *sample_record(PolicyKind kind);

#endif
