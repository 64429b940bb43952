/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page.h - a plan as a page: the cluster before and after, who moved where and when,
 * what each brought
 */
#ifndef CONSOLIDATE_PAGE_H
#define CONSOLIDATE_PAGE_H

#include "consolidate/decide.h"

/**
 * page_of_plan() - HTML that needs nothing else, and is well-formed XML
 * @before: The cluster that it was decided about, cluster_to_json(); may be NULL
 * @over: What became of it, cons_carry_to_json(), with "cluster" as it was seen
 *        then if that is known; NULL: nothing yet
 *
 * Return: g_free() it
 */
char *page_of_plan(const ConsDecision *decision, JsonObject *before,
                   JsonObject *over);

#endif
