/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worth.h - moves that do not pay in time are not made
 *
 * What a placement costs is taken as a rate, so much a second; what a migration
 * costs is paid once. A better placement has to last for some time, the horizon,
 * to be worth getting there.
 */
#ifndef PLAN_WORTH_H
#define PLAN_WORTH_H

#include "plan/state.h"

typedef struct PlanWorth {
    double horizon_s;  /* what is saved counts for so long */
    double move_price; /* a second of migration costs so much a second ... */
    double downtime_price; /* ... and a second in which the guest is stopped */
    uint64_t link_bytes_s; /* of hosts that do not say */
    double downtime_limit_s; /* of migrations */
    double each_price;       /* of any migration, however short */
} PlanWorth;

/**
 * plan_worth_keep() - Send home who does not save what its migration costs
 * @state: The placement that is aimed at; changed
 *
 * Looked at are guests one by one, all that leave a host or come to one, and
 * all that are linked by hosts that they leave or come to, for a host is
 * emptied by all its guests or not at all. A set goes home if nothing is broken
 * more then and what that costs over the horizon is no more than the
 * migrations. Terms that count moves are left out.
 *
 * Return: guests sent home
 */
size_t plan_worth_keep(PlanState *state, const PlanWorth *worth);

/** plan_worth_running() - What the placement costs a second, moves apart */
double plan_worth_running(const PlanState *state);

/** plan_worth_price() - What the migrations to the placement cost, as above */
double plan_worth_price(const PlanState *state, const PlanWorth *worth);

#endif
