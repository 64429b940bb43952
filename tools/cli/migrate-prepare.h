/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-prepare.h - from options to a session that could start
 *
 * Connects, finds the guest, asks the destination whether it can run there,
 * and finds the link. Changes nothing; needs no privilege but libvirt's.
 */
#ifndef CLI_MIGRATE_PREPARE_H
#define CLI_MIGRATE_PREPARE_H

#include "session/session.h"
#include "tools/cli/migrate-options.h"
#include "virt/virt.h"

/* The steps of a plan, for who makes several. */

/**
 * migrate_find_link() - By which link would the stream leave?
 * @destination: NULL: no connection there
 */
bool migrate_find_link(const MigrateOptions *options,
                       const VirtHost *destination, Link *link, GError **error);

/* What a link sends, watched while the rest is prepared. */
typedef struct LinkWatch {
    int ifindex; /* 0: not watched */
    uint64_t bytes;
    int64_t at_us;
} LinkWatch;

/** migrate_watch_link() - From now on
 * @ifindex: 0: none */
void migrate_watch_link(LinkWatch *watch, int ifindex);

/**
 * migrate_check_link() - Is more in use than the link is said to carry?
 * @watch: Begun before. Blocks for what is left of its second, and for another
 *         one if that was more
 *
 * LINK_ERROR_RATE if its rate cannot be true.
 */
bool migrate_check_link(const Link *link, LinkWatch *watch, GError **error);

/**
 * migrate_fill_spec() - What session_start() takes
 * @link: NULL: not known
 *
 * All that is handed in is borrowed by @spec.
 */
void migrate_fill_spec(SessionSpec *spec, const MigrateOptions *options,
                       VirtGuest *guest, VirtHost *destination,
                       const Link *link);

typedef struct MigratePlan MigratePlan;

/**
 * migrate_plan_new() - Resolve everything that options leave open
 * @options: Borrowed by the plan
 *
 * Return: migrate_plan_free() it; NULL with an error that names the thing and
 * the remedy
 */
MigratePlan *migrate_plan_new(VirtPool *pool, const MigrateOptions *options,
                              GError **error);
void migrate_plan_free(MigratePlan *plan);

/** migrate_plan_spec() - What session_start() takes; lives with the plan */
const SessionSpec *migrate_plan_spec(const MigratePlan *plan);

/** migrate_plan_link_problem() - Why nobody but a daemon could reserve for it,
 * NULL: we could as well; borrowed */
const GError *migrate_plan_link_problem(const MigratePlan *plan);

/** migrate_plan_is_local() - Does the guest leave this very host? */
bool migrate_plan_is_local(const MigratePlan *plan);

/** migrate_plan_warnings() - char *, things to know before it starts */
const GPtrArray *migrate_plan_warnings(const MigratePlan *plan);

/**
 * migrate_plan_describe() - What a run would do, for --dry-run
 *
 * Return: text, or JSON with @json; g_free() it. NULL with an error if it
 * could not start at all: a foreign root, a rate that does not fit.
 */
char *migrate_plan_describe(MigratePlan *plan, bool json, GError **error);

#endif
