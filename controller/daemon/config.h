/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config.h - /etc/vmferry/vmferry.conf as a value
 *
 * What the administrator wants, read once and handed around. A file is taken
 * whole or not at all: every mistake in it is reported with its line, and then
 * nothing of it holds. To reload is to read anew and to say what differs;
 * sessions look their rules up again.
 *
 * Sections that are about a guest, a destination or a starter hold rules. The
 * rules for one migration are put together key by key, and of all sections that
 * set a key the most specific one wins; daemon_config_rules() says which is
 * which. The keys, their units and defaults stand in one table, config-keys.c.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

#define DAEMON_CONFIG_PATH "/etc/vmferry/vmferry.conf"
#define DAEMON_CONFIG_MAX_BYTES (1u << 20)

#define CONFIG_ERROR (config_error_quark())
GQuark config_error_quark(void);
typedef enum {
    CONFIG_ERROR_FILE,     /* cannot be read */
    CONFIG_ERROR_CONTENT,  /* mistakes in it, one a line of the message */
    CONFIG_ERROR_METADATA, /* a guest's metadata say what they may not */
} ConfigError;

typedef enum {
    CONFIG_MODE_OBSERVE, /* nothing is changed anywhere */
    CONFIG_MODE_ADVISE,  /* likewise, and what would be done is said */
    CONFIG_MODE_ENFORCE,
    CONFIG_N_MODES
} ConfigMode;

const char *config_mode_name(ConfigMode mode);

/* What may be done to a migration; bits 1 << CONFIG_MAY_... in .allow. Up to
 * "abort" these are the steps of policy/ladder.h, with the same bits. */
typedef enum {
    CONFIG_MAY_GUARANTEE,     /* bandwidth of its own, more if it takes more */
    CONFIG_MAY_ORDER,         /* after others: queued, or held at a floor */
    CONFIG_MAY_WAIT,          /* for a minimum of the pages that remain */
    CONFIG_MAY_DOWNTIME,      /* raise the downtime limit, to downtime-max */
    CONFIG_MAY_AUTO_CONVERGE, /* slow its vCPUs, to throttle-max */
    CONFIG_MAY_POST_COPY,
    CONFIG_MAY_ABORT,
    CONFIG_MAY_CEILING, /* less than what is free */
    CONFIG_N_MAYS
} ConfigMay;

const char *config_may_name(ConfigMay may);

/* What rules in a guest's libvirt metadata are good for. */
typedef enum {
    CONFIG_METADATA_NO,
    CONFIG_METADATA_NARROW, /* to ask for less than the configuration gives */
    CONFIG_METADATA_YES,    /* as if they stood in the file */
} ConfigMetadata;

typedef enum {
    CONFIG_RULE_MODE,
    CONFIG_RULE_POLICY,
    CONFIG_RULE_DEADLINE,
    CONFIG_RULE_MARGIN,
    CONFIG_RULE_PRIORITY,
    CONFIG_RULE_GUARANTEE,
    CONFIG_RULE_CEILING,
    CONFIG_RULE_NEED,
    CONFIG_RULE_ALLOW,
    CONFIG_RULE_DOWNTIME_MAX,
    CONFIG_RULE_THROTTLE_MAX,
    CONFIG_N_RULES
} ConfigRule;

typedef struct ConfigRules {
    unsigned set; /* bits 1 << CONFIG_RULE_...: what this place says; the
                     fields of the others mean nothing */
    ConfigMode mode;
    PolicyKind policy;
    double deadline_s;          /* for the whole migration; 0: none */
    double margin;              /* over the dirtying bandwidth */
    unsigned priority;          /* 0 last .. 9 first */
    uint64_t guarantee_bytes_s; /* never less; 0: what it takes */
    uint64_t ceiling_bytes_s;   /* never more; 0: the link */
    uint64_t need_bytes_s;      /* of the guest's own application while it
                                   migrates; 0: from its traffic */
    unsigned allow;             /* bits 1 << CONFIG_MAY_... */
    unsigned downtime_max_ms;   /* bound for raising the limit */
    double throttle_max;        /* fraction of CPU time that may be taken */
    unsigned allow_most;        /* of rules put together: what root may name
                                   beyond .allow for a migration of its own */
} ConfigRules;

/* [daemon], without its rules. Strings that may be "none" are NULL then. */
typedef struct ConfigDaemon {
    char *connect; /* libvirt URI */
    char *history; /* NULL: none is kept */
    char *journal;
    char *records; /* folder of run records, NULL: none are kept */
    unsigned log;  /* 0 error, 1 warning, 2 info, 3 debug */
    ConfigMetadata metadata;
    double cleaner_after_s; /* 0: nobody cleans up after a dead daemon */
    bool bound_unsent;      /* in the sockets of streams that are steered */
} ConfigDaemon;

typedef struct ConfigControl {
    char *socket;
    char *read_group;  /* may look beside root; NULL: nobody */
    char *steer_group; /* may look and steer; NULL: nobody */
} ConfigControl;

typedef struct ConfigLink {
    char *name; /* of the interface */
    unsigned line;
    uint64_t capacity_bytes_s; /* 0: the NIC's speed, or as measured */
    uint32_t parent;           /* class of a foreign HTB; 0: own root */
    double share_max;          /* of the link, for all migrations' guarantees */
    double intensive;  /* Thr: mean traffic that makes a guest intensive */
    unsigned parallel; /* migrations at once; 0: as [queue] says */
} ConfigLink;

typedef struct ConfigGuest {
    char *name; /* UUID in lower case, name or pattern */
    unsigned line;
    ConfigRules rules;
} ConfigGuest;

typedef struct ConfigDestination {
    char *name; /* address, ADDRESS/PREFIX, host name or pattern of one */
    unsigned line;
    ConfigRules rules;
    uint64_t capacity_bytes_s; /* towards it; 0: no other than the link's */
    unsigned incoming;         /* migrations at once; 0: no limit */
} ConfigDestination;

typedef struct ConfigStarter {
    char *name; /* or pattern */
    unsigned line;
    ConfigRules rules; /* .allow limits what the others allow */
} ConfigStarter;

typedef struct ConfigProtect {
    char *name; /* for people */
    unsigned line;
    char *match; /* pcap expression */
    uint64_t rate_bytes_s;
    char *link; /* interface; NULL: every link */
} ConfigProtect;

typedef enum { CONFIG_ORDER_FORECAST, CONFIG_ORDER_ARRIVAL } ConfigOrder;

typedef struct ConfigQueue {
    ConfigOrder order;
    unsigned parallel; /* migrations at once on a link; 0: no limit */
    double wait_max_s; /* nobody is queued for longer */
} ConfigQueue;

/* Bounds within which the last runs of a link have to stay. */
typedef struct ConfigBreaker {
    bool on;
    unsigned runs;       /* that are looked at */
    double coverage_min; /* of outcomes, within the forecast's interval */
    double reserved_min; /* of its guarantee, that a run has to have got */
    double kept_min;     /* of runs, that got it */
} ConfigBreaker;

typedef struct DaemonConfig {
    ConfigRules defaults; /* of [daemon] and [ladder]: all are set */
    ConfigDaemon daemon;
    ConfigControl control;
    ConfigQueue queue;
    ConfigBreaker breaker;
    ConfigLink any_link;     /* defaults of [link]; .name is NULL */
    GPtrArray *links;        /* of ConfigLink, as in the file */
    GPtrArray *guests;       /* of ConfigGuest */
    GPtrArray *destinations; /* of ConfigDestination */
    GPtrArray *starters;     /* of ConfigStarter */
    GPtrArray *protects;     /* of ConfigProtect */
} DaemonConfig;

/** daemon_config_new() - What holds without a file */
DaemonConfig *daemon_config_new(void);
void daemon_config_free(DaemonConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DaemonConfig, daemon_config_free)

/**
 * daemon_config_parse() - Read the text of a file; pure
 * @text: Bytes, not necessarily terminated
 * @file: Its name, for messages: "FILE:LINE: what is wrong"
 *
 * Return: free with daemon_config_free(); NULL with CONFIG_ERROR_CONTENT, the
 * message of which has a line for each mistake
 */
DaemonConfig *daemon_config_parse(const char *text, size_t length,
                                  const char *file, GError **error);

/**
 * daemon_config_load() - Read a file
 * @path: NULL: DAEMON_CONFIG_PATH, and then a file that is not there is as good
 *        as an empty one
 *
 * Compiles the expressions of [protect] as well, and refuses names of hosts in
 * them: nothing is looked up. Nothing is changed.
 */
DaemonConfig *daemon_config_load(const char *path, GError **error);

/** daemon_config_to_text() - All that holds, as a file would say it; g_free() */
char *daemon_config_to_text(const DaemonConfig *config);

/**
 * daemon_config_diff() - What differs, for the log of a reload
 * @restart: Set if some of it holds only after a restart; or NULL
 *
 * Return: a line for each value, "[guest vm-a] mode: observe -> enforce"; ""
 * if nothing does. g_free() it
 */
char *daemon_config_diff(const DaemonConfig *before, const DaemonConfig *after,
                         bool *restart);

/* A migration, as far as it is known. Any string may be NULL. */
typedef struct ConfigWho {
    const char *uuid, *name;     /* of the guest */
    const char *host, *address;  /* of the destination: as in its URI, and the
                                    numeric data address */
    const char *starter;         /* CONFIG_STARTER_OURS, or another word */
    const ConfigRules *metadata; /* of the guest */
    const char *const *names;    /* of the destination, found to have .address;
                                    in lower case, NULL-terminated */
} ConfigWho;

/* As in the protocol's SESSION. */
#define CONFIG_STARTER_OURS "vmferry" /* vmferry migrate, announced */
#define CONFIG_STARTER_DRAIN "drain"  /* vmferry drain: ours as well */
#define CONFIG_STARTER_OTHER "others" /* whoever we do not know */

/**
 * daemon_config_rules() - The rules for one migration
 * @rules: All of them set
 *
 * Each key is taken from the first of these that sets it: the guest's metadata,
 * with metadata=yes; [guest UUID]; [guest NAME]; [guest PATTERN], the one with more letters first;
 * [destination]: the host's name, then the longest prefix of the address, then
 * patterns of names; [starter]; [daemon] and [ladder]. Among equals the one that
 * stands first in the file.
 *
 * "allow" is different: what these allow is limited to what [starter] allows.
 * Where no [starter] that fits says anything, that is everything for our own
 * migrations, and guarantee, order and wait for those of others.
 *
 * With metadata=narrow the guest's metadata are looked at last, and only what
 * asks for less counts: a lower mode, policy none, fewer steps, smaller bounds,
 * margin, priority and guarantee, a later deadline.
 */
void daemon_config_rules(const DaemonConfig *config, const ConfigWho *who,
                         ConfigRules *rules);

/** daemon_config_explain() - The same with where each comes from, a line each:
 * "mode = enforce, from [guest vm-*] (line 12)"; g_free() it */
char *daemon_config_explain(const DaemonConfig *config, const ConfigWho *who);

/** daemon_config_link() - [link NAME], or what holds for a link without one */
const ConfigLink *daemon_config_link(const DaemonConfig *config,
                                     const char *device);

/** daemon_config_destination() - Section that fits best and sets a capacity or
 * a limit; NULL: none does. Borrowed
 * @who: .host, .address and .names count */
const ConfigDestination *daemon_config_destination(const DaemonConfig *config,
                                                   const ConfigWho *who);

#define CONFIG_METADATA_URI "urn:vmferry:guest:1"

/**
 * config_rules_from_metadata() - Rules out of a guest's libvirt metadata; pure
 * @xml: As virDomainGetMetadata() returns it, one element "guest" whose
 *       attributes are keys of [guest]
 * @rules: .set tells which there were
 *
 * Return: false with CONFIG_ERROR_METADATA if any of it is not understood: then
 * none of it counts
 */
bool config_rules_from_metadata(const char *xml, ConfigRules *rules,
                                GError **error);

#endif
