/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-options.h - what "vmferry migrate" was asked to do
 *
 * The options of "virsh migrate" (libvirt 9.0) become the flags and typed
 * parameters that virsh would hand to libvirt, as a VirtMigrateSpec;
 * vmferry's own stand beside them. What is wrong
 * or cannot be honoured is refused here, before anything is connected.
 */
#ifndef CLI_MIGRATE_OPTIONS_H
#define CLI_MIGRATE_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/known.h"
#include "policy/ladder.h"
#include "policy/policy.h"
#include "tc/reservation.h"
#include "tools/cli/cmdline.h"
#include "tools/cli/global-options.h"
#include "virt/migration.h"

#define MIGRATE_OPTIONS_ERROR (migrate_options_error_quark())
GQuark migrate_options_error_quark(void);
typedef enum {
    MIGRATE_OPTIONS_ERROR_VALUE,   /* a value of ours that makes no sense */
    MIGRATE_OPTIONS_ERROR_RULE,    /* options that contradict one another */
    MIGRATE_OPTIONS_ERROR_REFUSED, /* cannot be honoured, see the message */
    MIGRATE_OPTIONS_ERROR_FILE,    /* of --xml, --persistent-xml or --predictor
                                      oracle= unreadable */
} MigrateOptionsError;

typedef enum {
    MIGRATE_TIMEOUT_NONE,
    MIGRATE_TIMEOUT_SUSPEND,
    MIGRATE_TIMEOUT_POSTCOPY,
} MigrateTimeoutAction;

/* All strings are owned; NULL: not given. */
typedef struct MigrateOptions {
    GlobalOptions global; /* connect_uri: also from --connect, and from
                             VIRSH_DEFAULT_CONNECT_URI */
    char *domain;         /* name, id or UUID, looked up as virsh does */
    char *desturi;
    VirtMigrateSpec *spec;  /* flags, parameters in virsh's order, desturi */
    bool needs_destination; /* neither --p2p nor --direct: the client connects
                               to desturi itself */
    unsigned timeout_s;     /* after which timeout_action is taken; 0: never */
    MigrateTimeoutAction timeout_action;
    bool postcopy_after_precopy; /* switch when iteration 2 starts */
    bool verbose;                /* show progress */
    const char *migrateuri;      /* borrowed from spec; NULL: not given */

    /* vmferry's own */
    PolicyKind policy;
    Known deadline_s;     /* for the whole migration */
    Known margin;         /* over the dirtying bandwidth */
    unsigned downtime_ms; /* QEMU's limit; 0: what is set stays */
    char *link_device;
    uint64_t link_rate_bytes_s; /* 0: the NIC's own */
    GArray *protected_specs;    /* ProtectedSpec */
    uint32_t parent;            /* tc handle, major << 16 | minor; 0: none */
    char *record_path;          /* .csv: a trace; otherwise the run record */
    char *report_path;
    char *history; /* file, "none"; NULL: see history.h */
    bool json;
    bool dry_run;
    bool no_compression;   /* pages are not compressed by our choice */
    bool working_set;      /* have hot and cold pages told; taints */
    Known cut_off_s;       /* abort the job then, status cut-off */
    bool last_value;       /* the last pass decides, no forecast does */
    ForecastCurve *oracle; /* forecasts go by this recorded guest; NULL: none */
    char *oracle_path;
    uint64_t oracle_memory_bytes; /* of the recorded guest */
    bool climbs;                  /* the convergence ladder is asked, with: */
    LadderSettings ladder;
    bool monitor_allowed; /* auto-converge was named: goes by the monitor */
    bool alone;           /* no daemon is asked */
    bool queue;           /* it tells whose turn it is */
    char *socket;         /* the daemon's; NULL: not given */

    GPtrArray *given; /* char *, the words as given; for the record */
} MigrateOptions;

/** migrate_options_table() - Every option, virsh's first, in virsh's order */
const CmdlineOption *migrate_options_table(void);

/**
 * migrate_options_parse() - Read the words after "migrate"
 * @words: NULL-terminated
 * @global: Options before the command; copied. NULL: none
 * @help: Set to true if --help was among them; then NULL is returned without
 *        an error
 *
 * Reads the files of --xml, --persistent-xml and --predictor oracle=, and the
 * environment variable VIRSH_DEFAULT_CONNECT_URI, nothing else.
 * Return: free with migrate_options_free(); NULL with an error of CMDLINE_ERROR
 * (virsh's messages), MIGRATE_OPTIONS_ERROR, UNITS_ERROR or POLICY_ERROR
 */
MigrateOptions *migrate_options_parse(const char *const *words,
                                      const GlobalOptions *global, bool *help,
                                      GError **error);
void migrate_options_free(MigrateOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MigrateOptions, migrate_options_free)

/** migrate_options_help() - Text of "vmferry migrate --help"; g_free() it */
char *migrate_options_help(void);

#endif
