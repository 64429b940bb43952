/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settings.h - what the consolidation manager is told: vmferry-consolidate.conf
 *
 * A key file. A section or key that is not known is refused with its line, for
 * it is mostly misspelt; so is a value that makes no sense, a group with a
 * member twice, a host named twice.
 *
 *     [consolidate]   mode, cycle, schedule
 *     [reserve]       cpu, memory
 *     [objectives]    hosts, energy, traffic: watts
 *     [triggers]      overloaded, underloaded, far-traffic, ...
 *     [budget]        horizon, margin, cool-down, moves per hour, prices
 *     [network]       link, switches between hosts of a rack, pod, site
 *     [host NAME]     uri, rack, pod, site, link, power, commands
 *     [guest NAME]    hosts, requires, pinned, downtime
 *     [group NAME]    members, apart, together, spread, survive
 *
 * All that a placement costs is counted in watts, and all that a move costs in
 * joules, so that one can be weighed against the other over a horizon. An
 * objective that is no power is given one: traffic = 1 makes a megabyte a second
 * through one switch worth a watt.
 */
#ifndef CONSOLIDATE_SETTINGS_H
#define CONSOLIDATE_SETTINGS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "plan/model.h"

#define CONS_ERROR (cons_error_quark())
GQuark cons_error_quark(void);
typedef enum {
    CONS_ERROR_SYNTAX,  /* a text that is not what it should be */
    CONS_ERROR_SETTING, /* a section, key or value of the configuration */
    CONS_ERROR_UNKNOWN, /* no such host, guest or plan */
    CONS_ERROR_STATE,   /* not now: another plan is on its way, paused, ... */
    CONS_ERROR_FIT,     /* it does not fit */
} ConsError;

typedef enum {
    CONS_MODE_ADVISE,  /* says what it would do */
    CONS_MODE_APPROVE, /* ... and does it when somebody agrees */
    CONS_MODE_AUTO,    /* ... and does it */
    CONS_N_MODES,
} ConsMode;

/** cons_mode_name() - "advise", "approve", "auto" */
const char *cons_mode_name(ConsMode mode);
bool cons_mode_parse(const char *text, ConsMode *mode);

typedef enum {
    CONS_OVERLOAD_OFF,
    CONS_OVERLOAD_STATIC, /* above a fixed share of the host */
    CONS_OVERLOAD_MAD,    /* 1 - s x median absolute deviation of its history */
    CONS_OVERLOAD_IQR,    /* 1 - s x interquartile range */
    CONS_N_OVERLOADS,
} ConsOverload;

typedef enum {
    CONS_DEMAND_LAST,   /* the newest sample */
    CONS_DEMAND_MEAN,   /* the mean of the window */
    CONS_DEMAND_LINEAR, /* the window's line, carried on by `ahead` */
    CONS_N_DEMANDS,
} ConsDemand;

typedef struct ConsHostSettings {
    char *name;
    char *uri;               /* libvirt's; NULL: a host of a simulation */
    char *rack, *pod, *site; /* NULL: one and the same for all that say none */
    uint64_t link_bytes_s;   /* 0: that of [network] */
    int64_t cpu_milli;       /* thousandths of a core; 0: as it is found */
    uint64_t memory_bytes;   /* 0: as it is found */
    int64_t slots;           /* guests at most; 0: any number */
    int64_t idle_mw, busy_mw;
    char **features;         /* what it has that not all have; never NULL */
    char *bridge;            /* whose traffic counts; NULL: all */
    char *power_down, *wake; /* commands; NULL: stays on */
    double wake_s;           /* from the command until it takes guests */
    bool closed;             /* takes no guests, keeps those that it has */
} ConsHostSettings;

typedef struct ConsGuestSettings {
    char *name;
    char **hosts;      /* where it may run; empty: anywhere. Never NULL */
    char **requires;   /* features; never NULL */
    bool pinned;       /* never moved */
    double downtime_s; /* a move that stops it for longer is refused; 0: any */
} ConsGuestSettings;

typedef struct ConsGroupRule {
    PlanRuleKind kind; /* apart, together, spread, survive */
    PlanLevel level;
    int64_t number; /* spread: places at least; survive: failures */
} ConsGroupRule;

typedef struct ConsGroupSettings {
    char *name;
    char **members; /* guests; never NULL */
    GArray *rules;  /* ConsGroupRule */
} ConsGroupSettings;

typedef struct ConsSettings {
    ConsMode mode;
    double cycle_s;       /* between looks at the hosts */
    GArray *open_minutes; /* of two ints: minutes of the UTC day [from, to) in
                                which moves may start; empty: at any time */

    double reserve_cpu, reserve_memory; /* share that guests may fill */
    double overcommit_cpu; /* of a host's cores, by guests' demand: 1 */

    double hosts_w;   /* of a host that has guests */
    double energy_w;  /* of each watt that the hosts' power curve says */
    double traffic_w; /* of 1 MB/s through one switch */

    ConsOverload overload;
    double overload_factor;          /* static: the share; mad, iqr: s */
    unsigned overload_k, overload_n; /* k of the newest n samples */
    double underload;                /* share; 0: off */
    unsigned underload_k, underload_n;
    double wake_above;        /* share of the awake hosts' room in use, ahead */
    double wake_above_memory; /* ... of their memory, now; 1: off */
    bool constraints;         /* broken rules are mended */
    int far_minute;           /* of the UTC day; -1: not at a set time */
    double far_every_s;       /* sliding; 0: not. Both off: no such trigger */
    double far_span_s;        /* of traffic that counts, up to now */
    double far_above_bytes_s; /* between racks, from where on it is looked at */
    double far_threshold;     /* patent: A' of a cluster's edges */
    size_t far_set;           /* patent: M, 0: what a host holds */
    ConsDemand demand;
    double window_s; /* of samples that make a demand */
    double ahead_s;  /* how far the demand is forecast */
    double headroom; /* standard deviations of the window added to a demand */

    double horizon_s;   /* for how long a better placement counts */
    double margin;      /* share by which the gain exceeds the cost */
    double cool_down_s; /* of a guest, after a move */
    double no_return_s; /* after a move a guest does not go back for so long */
    unsigned moves_per_hour; /* 0: any number */
    unsigned most_moves;     /* of one plan; 0: any number */
    unsigned parallel;       /* migrations at a time at one host; 0: as fits */
    double move_w;           /* price of a second of migration, in watts */
    double downtime_w;       /* ... of a second of downtime */
    double each_move_j;      /* ... of any move at all */
    uint64_t writes_bytes_s; /* of a guest of which it is not known */
    double surprise; /* a move that takes so many times what was forecast ends
                        the plan; 0: never */
    uint64_t search_work; /* deltas that a search may ask for */
    uint64_t seed;

    uint64_t link_bytes_s;   /* of hosts that do not say */
    bool link_said;          /* ... by the configuration, not assumed */
    double downtime_limit_s; /* of migrations */
    int64_t distance_milli[PLAN_N_LEVELS + 1];

    GPtrArray *hosts;  /* ConsHostSettings * */
    GPtrArray *guests; /* ConsGuestSettings * */
    GPtrArray *groups; /* ConsGroupSettings * */
} ConsSettings;

/** cons_settings_new() - The defaults, with no host */
ConsSettings *cons_settings_new(void);

/**
 * cons_settings_parse() - Read a configuration
 * @text: UTF-8, terminated
 * @name: Of the file, for messages
 *
 * Return: NULL with CONS_ERROR_SETTING or CONS_ERROR_SYNTAX: "NAME:12: ..."
 */
ConsSettings *cons_settings_parse(const char *text, const char *name,
                                  GError **error);
void cons_settings_free(ConsSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsSettings, cons_settings_free)

/** cons_group_new() - Of that name, with no member and no rule */
ConsGroupSettings *cons_group_new(const char *name);
void cons_group_free(gpointer group);

/* Borrowed; NULL if there is none of that name. */
const ConsHostSettings *cons_settings_host(const ConsSettings *settings,
                                           const char *name);
/** cons_settings_host_at() - As cons_settings_host(), for one that is probably
 * number @i: a cluster's hosts are in the order of the settings */
const ConsHostSettings *cons_settings_host_at(const ConsSettings *settings,
                                              size_t i, const char *name);
const ConsGuestSettings *cons_settings_guest(const ConsSettings *settings,
                                             const char *name);

/** cons_settings_add_host() - For simulations; what it has is to be filled in */
ConsHostSettings *cons_settings_add_host(ConsSettings *settings,
                                         const char *name);

#endif
