/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page.h - a plan as a page: who moved where and when, what each brought
 */
#ifndef CONSOLIDATE_PAGE_H
#define CONSOLIDATE_PAGE_H

#include "consolidate/decide.h"

/**
 * page_of_plan() - HTML that needs nothing else, and is well-formed XML
 * @over: What became of it, cons_carry_to_json(); NULL: nothing yet
 *
 * Return: g_free() it
 */
char *page_of_plan(const ConsDecision *decision, JsonObject *over);

#endif
