/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.h - what a placement is decided on: hosts, guests, rules, weights
 *
 * Plain arrays that a reader fills in and plan_model_finish() checks and
 * completes; from then on nobody writes to them. All amounts are whole
 * numbers, in units of the author's choice, so that a sum kept up to date over
 * a million moves is the same to the digit as one counted afresh.
 *
 *   site ── pod ── rack ── host        a host has a place at each level; that
 *                                      racks lie inside sites is usual, but
 *                                      not asked for
 */
#ifndef PLAN_MODEL_H
#define PLAN_MODEL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_NOWHERE (-1)
#define PLAN_MAX_RESOURCES 32
#define PLAN_MAX_FEATURES 64
#define PLAN_MAX_DIGITS 8
#define PLAN_MAX_CLASSES (PLAN_MAX_DIGITS + 1)
#define PLAN_MAX_FAILURES 16
/* thousandths: what distances and reserves are counted in */
#define PLAN_MILLI 1000

typedef enum {
    PLAN_LEVEL_HOST,
    PLAN_LEVEL_RACK,
    PLAN_LEVEL_POD,
    PLAN_LEVEL_SITE,
    PLAN_N_LEVELS,
} PlanLevel;

/** plan_level_name() - "host", "rack", "pod", "site" */
const char *plan_level_name(PlanLevel level);

typedef struct PlanResource {
    char *name;
    int64_t reserve_milli; /* r: limit = capacity x r / 1000, at most 1000 */
    int64_t side_reserve_milli; /* the same for each side of a host */
    int64_t over_weight; /* cost of a unit used above a host's safe level */
    bool transient;      /* a guest that moves counts at both ends */
} PlanResource;

typedef struct PlanHost {
    char *name;
    uint64_t features;     /* special hardware, bits of feature_names */
    bool closed;           /* takes no guests: maintenance, or off for good */
    bool sides;            /* side_capacity says how it is divided in two */
    int64_t idle_mw;       /* C0 of P = C0 + C1 U, in milliwatts */
    int64_t busy_mw;       /* C0 + C1: at U = 1 of the first resource */
    uint64_t link_bytes_s; /* of its interface, each direction; 0: not known */
} PlanHost;

typedef struct PlanGuest {
    char *name;
    int32_t host;      /* where it runs now, or PLAN_NOWHERE */
    uint64_t requires; /* features that its host must have */
    bool pinned;       /* has to stay where it is */
    int32_t numa;      /* on a host of sides: 1 one of them, 2 half on each, 0
                          wherever there is room */
    int64_t move_cost;
    /* what its migration depends on; memory 0: not known */
    uint64_t memory_bytes;
    uint64_t hot_bytes;    /* written again and again, at most memory */
    uint64_t hot_bytes_s;  /* ... at this rate, as long as it is clean */
    uint64_t cold_bytes_s; /* steadily newly dirtied beside that */
} PlanGuest;

typedef struct PlanGroup {
    char *name;
    size_t n_members;
    int32_t *members;
} PlanGroup;

typedef enum {
    PLAN_RULE_APART,     /* no two members in one place */
    PLAN_RULE_TOGETHER,  /* all members in one place */
    PLAN_RULE_SPREAD,    /* members in at least `at_least` places */
    PLAN_RULE_DEPENDS,   /* each place with a member has one of group `on` */
    PLAN_RULE_PARTITION, /* no place has members of two of `groups` */
    PLAN_RULE_LATENCY,   /* members of `group` and of `on` are near enough */
    PLAN_RULE_SURVIVE, /* after `failures` places fail, there is room elsewhere
                            for the members that were there */
    PLAN_N_RULES,
} PlanRuleKind;

/** plan_rule_name() - "apart", "together", "spread", "depends", "partition",
 * "latency", "survive" */
const char *plan_rule_name(PlanRuleKind kind);

typedef struct PlanRule {
    PlanRuleKind kind;
    PlanLevel level;
    int32_t group;              /* all but partition */
    int32_t on;                 /* depends; latency: may be `group` itself */
    int64_t at_least;           /* spread */
    int64_t failures;           /* survive */
    int64_t mean_us, jitter_us; /* latency; INT64_MAX: any will do */
    size_t n_groups;            /* partition */
    int32_t *groups;
} PlanRule;

/* cost += weight x max(0, target x free(first) - free(second)) at each host */
typedef struct PlanBalance {
    int32_t first, second;
    int64_t target;
    int64_t weight;
} PlanBalance;

typedef struct PlanFlow {
    int32_t a, b;   /* guests */
    int64_t amount; /* what the two exchange, of any one unit */
} PlanFlow;

/* What a packet takes between two hosts, and by how much that varies */
typedef struct PlanLatency {
    int64_t mean_us, jitter_us;
} PlanLatency;

/* The guests of a place take so much in all, and no more */
typedef struct PlanTotal {
    PlanLevel level;
    int32_t place;
    int64_t most[PLAN_MAX_RESOURCES]; /* INT64_MAX: any amount */
} PlanTotal;

/* The guests of two places exchange so much, and no more */
typedef struct PlanTrunk {
    PlanLevel level;
    int32_t a, b;
    int64_t most;
} PlanTrunk;

/* What a unit of each objective costs; 0 switches it off */
typedef struct PlanWeights {
    int64_t hosts;      /* a host that has guests */
    int64_t energy;     /* a milliwatt */
    int64_t traffic;    /* amount x distance, distance in thousandths */
    int64_t move;       /* a unit of a moved guest's move_cost */
    int64_t host_move;  /* a unit of the host to host costs */
    int64_t group_move; /* a guest moved, in the group with the most of them */
} PlanWeights;

typedef struct PlanModel {
    size_t n_resources, n_hosts, n_guests, n_groups, n_rules, n_balances,
        n_flows;
    PlanResource *resources;
    PlanHost *hosts;
    int64_t *capacity; /* [host x n_resources + resource] */
    int64_t *safe;     /* ... where over_weight starts */
    /* [(host x 2 + side) x n_resources + resource], -1 where a resource is not
     * divided; NULL if no host has sides. capacity is the sum of both. */
    int64_t *side_capacity;
    PlanGuest *guests;
    int64_t *demand;   /* [guest x n_resources + resource] */
    int32_t **allowed; /* [guest] sorted hosts, NULL: all; owned */
    size_t *n_allowed;
    PlanGroup *groups;
    PlanRule *rules;
    PlanBalance *balances;
    PlanFlow *flows;
    size_t n_totals, n_trunks;
    PlanTotal *totals;
    PlanTrunk *trunks;
    int32_t *host_moves; /* [from x n_hosts + to], or NULL */
    PlanWeights weights;
    GPtrArray *feature_names;              /* owned strings */
    GPtrArray *place_names[PLAN_N_LEVELS]; /* owned; not for the host level */
    int32_t *place[PLAN_N_LEVELS];         /* [host]; host level: itself */
    /* switches between two guests: on one host, in one rack, pod, site, and
     * in different sites */
    int64_t distance_milli[PLAN_N_LEVELS + 1];
    PlanLatency latency[PLAN_N_LEVELS + 1];
    /* BCube: hosts have addresses of n_digits digits, and from one to another
     * it takes a hop, through one switch, for each digit that differs. Levels
     * then make no distance. */
    size_t n_digits;
    int32_t *address; /* [host x n_digits], or NULL */
    int64_t hop_milli;
    PlanLatency hop;

    /* by plan_model_finish() */
    int64_t *limit;                    /* capacity x reserve, 0 where closed */
    int64_t *side_limit;               /* as side_capacity, or NULL */
    uint32_t *side_rank;               /* [guest] 0 the largest, or NULL */
    int64_t scale[PLAN_MAX_RESOURCES]; /* violation of one unit too much */
    size_t *link_start;                /* [n_guests + 1] into the two below */
    int32_t *link_peer;
    int64_t *link_amount;
    size_t *guest_group_start; /* [n_guests + 1] */
    int32_t *guest_group;
} PlanModel;

#define PLAN_ERROR (plan_error_quark())
GQuark plan_error_quark(void);
typedef enum {
    PLAN_ERROR_SYNTAX, /* not the format at all */
    PLAN_ERROR_MEMBER, /* a member is missing, unknown or senseless */
    PLAN_ERROR_RANGE,  /* numbers too large for exact sums */
} PlanError;

/**
 * plan_model_new() - Arrays of these sizes, everything zero
 *
 * Names, groups' members and rules' groups are the caller's to allocate with
 * GLib; the model frees them. Guests start PLAN_NOWHERE, hosts in place 0 of
 * each level, reserve 1, distances those of a tree (1, 1, 3, 5, 7 switches).
 */
PlanModel *plan_model_new(size_t n_resources, size_t n_hosts, size_t n_guests,
                          size_t n_groups, size_t n_rules, size_t n_balances,
                          size_t n_flows);
void plan_model_free(PlanModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanModel, plan_model_free)

/**
 * plan_model_divide() - Let @host have two sides, with nothing divided yet
 *
 * Return: side_capacity of both, 2 x n_resources, to fill in
 */
int64_t *plan_model_divide(PlanModel *model, size_t host);

/** plan_model_place() - The place of that name at @level, made if need be */
int32_t plan_model_place(PlanModel *model, PlanLevel level, const char *name);

/**
 * plan_model_finish() - Check all indexes and sizes, and derive the rest
 *
 * Return: false with PLAN_ERROR_MEMBER or PLAN_ERROR_RANGE
 */
bool plan_model_finish(PlanModel *model, GError **error);

/** plan_model_reweigh() - Other weights, if the sums stay within bounds */
bool plan_model_reweigh(PlanModel *model, const PlanWeights *weights,
                        GError **error);

/** plan_model_places() - How many places @level has */
size_t plan_model_places(const PlanModel *model, PlanLevel level);

/** plan_model_class() - The level of the innermost place that both hosts share,
 * PLAN_N_LEVELS if there is none; with addresses, digits that differ */
static inline int
plan_model_class(const PlanModel *model, int32_t a, int32_t b)
{
    int apart = 0;

    if (model->address) {
        size_t n = model->n_digits;

        for (size_t i = 0; i < n; i++) {
            apart += model->address[(size_t)a * n + i] !=
                     model->address[(size_t)b * n + i];
        }
        return apart;
    }
    while (apart < PLAN_N_LEVELS &&
           model->place[apart][a] != model->place[apart][b]) {
        apart++;
    }
    return apart;
}

/** plan_model_distance_milli() - Thousandths of switches between two hosts */
static inline int64_t
plan_model_distance_milli(const PlanModel *model, int32_t a, int32_t b)
{
    int apart = plan_model_class(model, a, b);

    return model->address && apart > 0 ? apart * model->hop_milli
                                       : model->distance_milli[apart];
}

/** plan_model_latency() - Between hosts of that apart, as above */
PlanLatency plan_model_latency(const PlanModel *model, int apart);

/** plan_rule_too_slow() - Is a class of hosts too far apart for a rule of
 * latency? */
bool plan_rule_too_slow(const PlanModel *model, const PlanRule *rule,
                        int class);

/** plan_model_hosts() - [guest] Where each runs now; g_free() it */
int32_t *plan_model_hosts(const PlanModel *model);

/** plan_model_fits() - Is there room for @guest on @host, beside what @use
 * [host x n_resources + resource] says of it? */
static inline bool
plan_model_fits(const PlanModel *model, const int64_t *use, int32_t guest,
                int32_t host)
{
    size_t n = model->n_resources;

    for (size_t r = 0; r < n; r++) {
        int64_t demand = model->demand[(size_t)guest * n + r];
        size_t at = (size_t)host * n + r;

        if (demand > 0 && use[at] + demand > model->limit[at]) {
            return false;
        }
    }
    return true;
}

/** plan_model_book() - The demand of @guest in @use of @host; @sign -1: off it */
static inline void
plan_model_book(const PlanModel *model, int64_t *use, int32_t guest,
                int32_t host, int sign)
{
    size_t n = model->n_resources;

    for (size_t r = 0; r < n; r++) {
        use[(size_t)host * n + r] +=
            sign * model->demand[(size_t)guest * n + r];
    }
}

/** plan_model_link() - Bytes a second of @host's interface, or @otherwise if it
 * does not say */
static inline uint64_t
plan_model_link(const PlanModel *model, int32_t host, uint64_t otherwise)
{
    uint64_t rate = model->hosts[host].link_bytes_s;

    return rate ? rate : otherwise;
}

/** plan_model_allows() - May @guest run on @host, looking at these two only? */
bool plan_model_allows(const PlanModel *model, int32_t guest, int32_t host);

#endif
