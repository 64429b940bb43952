/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-text.h - a drain in words, and as JSON
 *
 * Pure: no terminal, no clock. Text ends with a newline unless said otherwise;
 * all of it is g_free()d by the caller.
 */
#ifndef CLI_DRAIN_TEXT_H
#define CLI_DRAIN_TEXT_H

#include "base/json.h"
#include "tools/cli/drain.h"

#define DRAIN_PLAN_SCHEMA "vmferry-drain-plan/1"

/** drain_text_plan() - What cannot move and why; then who goes when */
char *drain_text_plan(const Drain *drain, Known deadline_s);

/** drain_text_table() - How far each is, a line a guest that had to move
 * @width: Columns that a line may take */
char *drain_text_table(const Drain *drain, unsigned width);

/** drain_text_progress() - One guest on its way, without a newline */
char *drain_text_progress(const Drain *drain, const DrainGuest *guest);

/** drain_text_end() - How one guest's migration ended, without a newline */
char *drain_text_end(const Drain *drain, const DrainGuest *guest);

/** drain_text_summary() - The last lines: how many have moved, who has not */
char *drain_text_summary(const Drain *drain);

/** drain_json_plan() - The plan, as of drain_text_plan() */
JsonObject *drain_json_plan(const Drain *drain, Known deadline_s);

/** drain_json_summary() - Numbers, and "all", "some" or "none" */
JsonObject *drain_json_summary(const Drain *drain);

#endif
