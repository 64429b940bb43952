/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate.h - a client that migrates one QEMU over QMP and samples it
 *
 * What it sends follows from what it received and from nothing else (unless
 * asked to poll on a timer), so that a recorded conversation replays.
 */
#ifndef TESTS_MIGRATE_H
#define TESTS_MIGRATE_H

#include "qmp/qmp-migration.h"

typedef struct {
    const char *uri;
    const char *start_at;         /* "cont" is sent, then this event waited for;
                             NULL: the guest runs already */
    uint64_t first_limit_bytes_s; /* max-bandwidth in pass 1 */
    double pass_s;   /* then such that passes last about so long, whatever the
                       guest writes */
    unsigned passes; /* so many; then the limit is lifted */
    unsigned polls_per_pass; /* right after its event */
    unsigned poll_every_ms;  /* beside them, at random around it; 0: never */
} MigrateSetup;

typedef struct Migrate Migrate;

/** migrate_new() - Begin; @transport is taken, @setup copied */
Migrate *migrate_new(QmpTransport *transport, const MigrateSetup *setup);
void migrate_free(Migrate *migrate);

/** migrate_record() - Append each message to @transcript, "> " or "< " */
void migrate_record(Migrate *migrate, GString *transcript);

QmpSession *migrate_session(Migrate *migrate);

/** migrate_ended() - The session closed; why, if that was no success */
bool migrate_ended(const Migrate *migrate, const char **why);

/** migrate_rows() - SampleRow; complete once it ended */
const GArray *migrate_rows(const Migrate *migrate);

/** migrate_final() - Statistics of the completed migration */
const QmpMigration *migrate_final(const Migrate *migrate);

#endif
