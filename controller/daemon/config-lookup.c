/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-lookup.c - the rules for one migration
 *
 * All sections that fit are put into one list, the most specific first, and
 * each key is taken from the first that sets it. So a section for one guest
 * need not repeat what its destination or [daemon] says already.
 */
#include "daemon/config-priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* What migrations of others get unless a [starter] says otherwise. */
#define ALLOWED_OTHERS                                                         \
    (1u << CONFIG_MAY_GUARANTEE | 1u << CONFIG_MAY_ORDER |                     \
     1u << CONFIG_MAY_WAIT)
#define ALLOWED_OURS ((1u << CONFIG_N_MAYS) - 1)

/* One section that fits, or another place that has rules. */
typedef struct Fit {
    const ConfigRules *rules;
    unsigned place; /* metadata, guest, destination, starter, defaults */
    unsigned rank;  /* within the place, the greater the more specific */
    guint order;    /* in the file */
    const char *word, *name;
    unsigned line;
} Fit;

enum {
    FROM_METADATA,
    FROM_GUEST,
    FROM_DESTINATION,
    FROM_STARTER,
    FROM_DEFAULT
};

static gint
by_weight(gconstpointer a, gconstpointer b)
{
    const Fit *one = a, *other = b;

    if (one->place != other->place) {
        return one->place < other->place ? -1 : 1;
    }
    if (one->rank != other->rank) {
        return one->rank > other->rank ? -1 : 1;
    }
    return (one->order > other->order) - (one->order < other->order);
}

static bool
is_pattern(const char *name)
{
    return strpbrk(name, "*?") != NULL;
}

/* Letters that a pattern names, below every exact name's rank. */
static unsigned
pattern_rank(const char *pattern)
{
    unsigned letters = 1;

    for (; *pattern; pattern++) {
        letters += *pattern != '*' && *pattern != '?';
    }
    return MIN(letters, 9999);
}

enum { RANK_ADDRESS = 10000, RANK_NAME = 20000, RANK_UUID = 30000 };

/* 0: does not fit. */
static unsigned
name_rank(const char *pattern, const char *name)
{
    if (!name) {
        return 0;
    }
    if (is_pattern(pattern)) {
        return g_pattern_match_simple(pattern, name) ? pattern_rank(pattern)
                                                     : 0;
    }
    return strcmp(pattern, name) == 0 ? RANK_NAME : 0;
}

static unsigned
guest_rank(const char *section, const char *uuid, const char *name)
{
    if (uuid && g_uuid_string_is_valid(section) &&
        g_ascii_strcasecmp(section, uuid) == 0) {
        return RANK_UUID;
    }
    return name_rank(section, name);
}

static bool
read_address(const char *text, int *family, unsigned char bytes[16])
{
    *family = text && strchr(text, ':') ? AF_INET6 : AF_INET;
    memset(bytes, 0, 16);
    return text && inet_pton(*family, text, bytes) == 1;
}

/* The section's name was checked when it was read. */
static unsigned
address_rank(const char *section, const char *address)
{
    const char *slash = strchr(section, '/');
    g_autofree char *network =
        slash ? g_strndup(section, (size_t)(slash - section))
              : g_strdup(section);
    unsigned char wanted[16], given[16];
    int family, other;
    unsigned bits;

    if (!read_address(network, &family, wanted) ||
        !read_address(address, &other, given) || family != other) {
        return 0;
    }
    bits = family == AF_INET6 ? 128 : 32;
    bits = slash ? (unsigned)strtoul(slash + 1, NULL, 10) : bits;
    for (unsigned i = 0; i < bits; i++) {
        if ((wanted[i / 8] ^ given[i / 8]) & 0x80u >> i % 8) {
            return 0;
        }
    }
    return RANK_ADDRESS + bits;
}

static unsigned
destination_rank(const char *section, const ConfigWho *who)
{
    g_autofree char *lower = who->host ? g_ascii_strdown(who->host, -1) : NULL;
    unsigned rank = name_rank(section, lower);

    for (size_t i = 0; who->names && who->names[i]; i++) {
        rank = MAX(rank, name_rank(section, who->names[i]));
    }
    rank = MAX(rank, address_rank(section, who->address));
    /* a URI may have either */
    return MAX(rank, address_rank(section, who->host));
}

static void
add_fit(GArray *fits, unsigned place, unsigned rank, guint order,
        const ConfigRules *rules, const char *word, const char *name,
        unsigned line)
{
    Fit fit = { rules, place, rank, order, word, name, line };

    if (rank) {
        g_array_append_val(fits, fit);
    }
}

static GArray *
all_fits(const DaemonConfig *config, const ConfigWho *who)
{
    GArray *fits = g_array_new(FALSE, FALSE, sizeof(Fit));

    if (who->metadata && config->daemon.metadata != CONFIG_METADATA_NO) {
        add_fit(fits, FROM_METADATA, 1, 0, who->metadata, NULL, NULL, 0);
    }
    for (guint i = 0; i < config->guests->len; i++) {
        const ConfigGuest *guest = g_ptr_array_index(config->guests, i);

        add_fit(fits, FROM_GUEST, guest_rank(guest->name, who->uuid, who->name),
                i, &guest->rules, "guest", guest->name, guest->line);
    }
    for (guint i = 0; i < config->destinations->len; i++) {
        const ConfigDestination *there =
            g_ptr_array_index(config->destinations, i);

        add_fit(fits, FROM_DESTINATION, destination_rank(there->name, who), i,
                &there->rules, "destination", there->name, there->line);
    }
    for (guint i = 0; i < config->starters->len; i++) {
        const ConfigStarter *starter = g_ptr_array_index(config->starters, i);

        add_fit(fits, FROM_STARTER, name_rank(starter->name, who->starter), i,
                &starter->rules, "starter", starter->name, starter->line);
    }
    add_fit(fits, FROM_DEFAULT, 1, 0, &config->defaults, NULL, NULL, 0);
    g_array_sort(fits, by_weight);
    return fits;
}

unsigned
config_rules_merge(ConfigRules *rules, const ConfigRules *from)
{
    unsigned taken = from->set & ~rules->set;

    for (size_t i = 0; i < config_n_keys; i++) {
        static const size_t sizes[] = {
            [CONFIG_TYPE_COUNT] = sizeof(unsigned),
            [CONFIG_TYPE_NUMBER] = sizeof(double),
            [CONFIG_TYPE_PERCENT] = sizeof(double),
            [CONFIG_TYPE_RATE] = sizeof(uint64_t),
            [CONFIG_TYPE_SECONDS] = sizeof(double),
            [CONFIG_TYPE_MILLI] = sizeof(unsigned),
            [CONFIG_TYPE_CHOICE] = sizeof(unsigned),
            [CONFIG_TYPE_ANY_OF] = sizeof(unsigned),
            [CONFIG_TYPE_CLASS] = sizeof(uint32_t),
        };
        const ConfigKey *key = &config_keys[i];

        if (key->rule != CONFIG_PLAIN && taken & 1u << key->rule) {
            g_assert(sizes[key->type]); /* no rule is a string */
            memcpy((char *)rules + key->at, (const char *)from + key->at,
                   sizes[key->type]);
        }
    }
    rules->set |= taken;
    return taken;
}

static void
at_most(unsigned *value, unsigned most, unsigned rule, unsigned *changed)
{
    if (most < *value) {
        *value = most;
        *changed |= 1u << rule;
    }
}

static void
at_most_double(double *value, double most, unsigned rule, unsigned *changed)
{
    if (most < *value) {
        *value = most;
        *changed |= 1u << rule;
    }
}

/* Where a guest's owner asks for less than he would get. A ceiling does not
 * count: with one of next to nothing he could keep the guest here for ever.
 * Return: bits of the rules that changed */
static unsigned
narrow(ConfigRules *rules, const ConfigRules *by)
{
    unsigned changed = 0;
    unsigned mode = rules->mode;

    if (by->set & 1u << CONFIG_RULE_MODE) {
        at_most(&mode, by->mode, CONFIG_RULE_MODE, &changed);
        rules->mode = (ConfigMode)mode;
    }
    if (by->set & 1u << CONFIG_RULE_POLICY && by->policy == POLICY_NONE &&
        rules->policy != POLICY_NONE) {
        rules->policy = POLICY_NONE;
        changed |= 1u << CONFIG_RULE_POLICY;
    }
    if (by->set & 1u << CONFIG_RULE_DEADLINE && rules->deadline_s > 0 &&
        (by->deadline_s <= 0 || by->deadline_s > rules->deadline_s)) {
        rules->deadline_s = by->deadline_s;
        changed |= 1u << CONFIG_RULE_DEADLINE;
    }
    if (by->set & 1u << CONFIG_RULE_MARGIN) {
        at_most_double(&rules->margin, by->margin, CONFIG_RULE_MARGIN,
                       &changed);
    }
    if (by->set & 1u << CONFIG_RULE_PRIORITY) {
        at_most(&rules->priority, by->priority, CONFIG_RULE_PRIORITY, &changed);
    }
    if (by->set & 1u << CONFIG_RULE_GUARANTEE &&
        by->guarantee_bytes_s < rules->guarantee_bytes_s) {
        rules->guarantee_bytes_s = by->guarantee_bytes_s;
        changed |= 1u << CONFIG_RULE_GUARANTEE;
    }
    if (by->set & 1u << CONFIG_RULE_NEED && by->need_bytes_s > 0 &&
        by->need_bytes_s < rules->need_bytes_s) {
        rules->need_bytes_s = by->need_bytes_s;
        changed |= 1u << CONFIG_RULE_NEED;
    }
    if (by->set & 1u << CONFIG_RULE_ALLOW) {
        changed |= rules->allow & ~by->allow ? 1u << CONFIG_RULE_ALLOW : 0;
        rules->allow &= by->allow;
        rules->allow_most &= by->allow;
    }
    if (by->set & 1u << CONFIG_RULE_DOWNTIME_MAX) {
        at_most(&rules->downtime_max_ms, by->downtime_max_ms,
                CONFIG_RULE_DOWNTIME_MAX, &changed);
    }
    if (by->set & 1u << CONFIG_RULE_THROTTLE_MAX) {
        at_most_double(&rules->throttle_max, by->throttle_max,
                       CONFIG_RULE_THROTTLE_MAX, &changed);
    }
    return changed;
}

static void
note_from(guint from[CONFIG_N_RULES], unsigned taken, guint fit)
{
    for (unsigned rule = 0; from && rule < CONFIG_N_RULES; rule++) {
        from[rule] = taken & 1u << rule ? fit : from[rule];
    }
}

/* Puts them together; @from, if given, tells for each rule the place. */
static void
collect(const DaemonConfig *config, const ConfigWho *who, GArray *fits,
        ConfigRules *rules, guint from[CONFIG_N_RULES])
{
    static const unsigned allow = 1u << CONFIG_RULE_ALLOW;
    bool ours = g_strcmp0(who->starter, CONFIG_STARTER_OURS) == 0 ||
                g_strcmp0(who->starter, CONFIG_STARTER_DRAIN) == 0;
    bool asks = config->daemon.metadata == CONFIG_METADATA_NARROW;
    ConfigRules limit = { 0 };
    unsigned most;
    bool by_default = false;

    *rules = (ConfigRules){ 0 };
    for (guint i = 0; i < fits->len; i++) {
        const Fit *fit = &g_array_index(fits, Fit, i);
        ConfigRules part = *fit->rules;
        unsigned taken;

        if (fit->place == FROM_METADATA && asks) {
            continue;
        }
        if (fit->place == FROM_STARTER) {
            ConfigRules only = part;

            only.set &= allow;
            config_rules_merge(&limit, &only);
            part.set &= ~allow;
        }
        taken = config_rules_merge(rules, &part);
        by_default |= fit->place == FROM_DEFAULT && taken & allow;
        note_from(from, taken, i);
    }
    most = limit.set ? limit.allow : ours ? ALLOWED_OURS : ALLOWED_OTHERS;
    rules->allow &= most;
    rules->allow_most = by_default ? most : rules->allow;
    g_assert(rules->set == config->defaults.set);
    if (asks && fits->len > 0) {
        const Fit *first = &g_array_index(fits, Fit, 0);

        if (first->place == FROM_METADATA) {
            note_from(from, narrow(rules, first->rules), 0);
        }
    }
}

void
daemon_config_rules(const DaemonConfig *config, const ConfigWho *who,
                    ConfigRules *rules)
{
    g_autoptr(GArray) fits = all_fits(config, who);

    collect(config, who, fits, rules, NULL);
}

static char *
fit_words(const Fit *fit, const ConfigKey *key)
{
    if (fit->place == FROM_METADATA) {
        return g_strdup("the guest's metadata");
    }
    if (fit->place == FROM_DEFAULT) {
        return g_strdup_printf("[%s], or its default",
                               key->in & 1u << CONFIG_IN_LADDER ? "ladder"
                                                                : "daemon");
    }
    return g_strdup_printf("[%s %s] (line %u)", fit->word, fit->name,
                           fit->line);
}

char *
daemon_config_explain(const DaemonConfig *config, const ConfigWho *who)
{
    g_autoptr(GArray) fits = all_fits(config, who);
    GString *text = g_string_new(NULL);
    guint from[CONFIG_N_RULES] = { 0 };
    ConfigRules rules;

    collect(config, who, fits, &rules, from);
    for (size_t i = 0; i < config_n_keys; i++) {
        const ConfigKey *key = &config_keys[i];
        g_autofree char *value = NULL, *words = NULL;

        if (key->rule == CONFIG_PLAIN) {
            continue;
        }
        value = config_value_write(key, (const char *)&rules + key->at);
        words = fit_words(&g_array_index(fits, Fit, from[key->rule]), key);
        g_string_append_printf(
            text, "%s = %s, from %s%s\n", key->name, value, words,
            key->rule == CONFIG_RULE_ALLOW ? ", as far as the starter may"
                                           : "");
    }
    return g_string_free(text, FALSE);
}

const ConfigLink *
daemon_config_link(const DaemonConfig *config, const char *device)
{
    for (guint i = 0; i < config->links->len; i++) {
        const ConfigLink *link = g_ptr_array_index(config->links, i);

        if (strcmp(link->name, device) == 0) {
            return link;
        }
    }
    return &config->any_link;
}

const ConfigDestination *
daemon_config_destination(const DaemonConfig *config, const ConfigWho *who)
{
    const ConfigDestination *best = NULL;
    unsigned best_rank = 0;

    for (guint i = 0; i < config->destinations->len; i++) {
        const ConfigDestination *there =
            g_ptr_array_index(config->destinations, i);
        unsigned rank = destination_rank(there->name, who);

        if (rank > best_rank &&
            (there->capacity_bytes_s > 0 || there->incoming > 0)) {
            best = there;
            best_rank = rank;
        }
    }
    return best;
}
