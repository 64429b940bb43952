/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carry-priv.h - a plan on its way, and what its files share
 */
#ifndef CONSOLIDATE_CARRY_PRIV_H
#define CONSOLIDATE_CARRY_PRIV_H

#include "consolidate/carry.h"

struct ConsCarry {
    const ConsSettings *settings;
    ConsDecision *decision;
    size_t n_moves, n_steps;
    ConsStep *steps;
    int32_t *leg;     /* [step] the guest's move before this one, or -1 */
    guint *from, *to; /* [move] hosts by number */
    guint n_hosts;
    uint64_t *link_bytes_s; /* [host by number] */
    GQueue records;         /* JsonObject * */
    GQueue actions;         /* ConsAction * */
    char *stopped;
    bool over;
    bool unsure; /* rebuilt, and the hosts were not asked yet */
};

#define CARRY_BIT(state) (1u << (state))

const ConsMove *carry_move(const ConsCarry *c, size_t step);
const ConsPower *carry_power(const ConsCarry *c, size_t step);
bool carry_is_ended(const ConsStep *step);

/** carry_new() - With nothing recorded or begun; @decision is taken over */
ConsCarry *carry_new(ConsDecision *decision, const ConsSettings *settings);

/** carry_enter() - The one place where a step changes state, with its record */
void carry_enter(ConsCarry *c, size_t index, ConsStepState next,
                 const char *why, int64_t now_us);
void carry_act(ConsCarry *c, ConsActionKind kind, size_t step);

/** carry_stop() - Nothing more is started; the first reason stays */
void carry_stop(ConsCarry *c, const char *why, int64_t now_us);

/** carry_pump() - Begin what may begin, and see whether all is over */
void carry_pump(ConsCarry *c, int64_t now_us);

/** carry_look_if_late() - A move far slower than forecast is a surprise */
void carry_look_if_late(ConsCarry *c, size_t step, double took_s,
                        int64_t now_us);

/* carry-links.c */

/* What a host's migrations take of it */
typedef struct CarryUse {
    unsigned n;           /* in either direction */
    unsigned n_out, n_in; /* of those that still need the link: */
    uint64_t out_bytes_s, in_bytes_s;
} CarryUse;

/** carry_number_hosts() - Of the decision's moves, with their links */
void carry_number_hosts(ConsCarry *c);

/** carry_use() - Of all hosts, by number; g_free() it */
CarryUse *carry_use(const ConsCarry *c, int64_t now_us);
void carry_use_add(const ConsCarry *c, CarryUse *use, size_t step,
                   bool closing);

/** carry_links_allow() - As links and the configured number of migrations do */
bool carry_links_allow(const ConsCarry *c, const CarryUse *use, size_t step);

#endif
