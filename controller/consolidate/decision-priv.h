/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decision-priv.h - a decision to be filled in
 */
#ifndef CONSOLIDATE_DECISION_PRIV_H
#define CONSOLIDATE_DECISION_PRIV_H

#include "consolidate/decide.h"

ConsDecision *cons_decision_new(const char *id, int64_t at_us);

#endif
