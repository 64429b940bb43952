/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-prepare-priv.h - inside of a migration's plan
 */
#ifndef CLI_MIGRATE_PREPARE_PRIV_H
#define CLI_MIGRATE_PREPARE_PRIV_H

#include "tools/cli/migrate-prepare.h"

struct MigratePlan {
    const MigrateOptions *options;
    VirtHost *source;
    VirtHost *destination; /* NULL: with --p2p, where we may not connect */
    VirtGuest *guest;
    SampleCounters counters; /* of it, when it was found */
    Link link;
    bool has_link;
    GError *link_problem; /* why we could not reserve ourselves */
    SessionSpec spec;
    GPtrArray *warnings;
};

#endif
