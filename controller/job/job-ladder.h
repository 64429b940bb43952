/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-ladder.h - what a job tells the ladder, and how both are written down
 */
#ifndef JOB_LADDER_H
#define JOB_LADDER_H

#include "base/json.h"
#include "job/job.h"

/** job_ladder_to_json() - What a replay of its advice takes */
JsonObject *job_ladder_to_json(const JobLadder *ladder);

/** job_ladder_from_json() - False if a member is missing or makes no sense */
bool job_ladder_from_json(JsonObject *json, JobLadder *ladder);

#endif
