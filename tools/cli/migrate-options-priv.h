/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-options-priv.h - the two halves of the option reader
 */
#ifndef CLI_MIGRATE_OPTIONS_PRIV_H
#define CLI_MIGRATE_OPTIONS_PRIV_H

#include "tools/cli/migrate-options.h"

/**
 * migrate_options_read_own() - vmferry's own options; virsh's are read already
 */
bool migrate_options_read_own(MigrateOptions *options, const Cmdline *cmdline,
                              GError **error);

#endif
