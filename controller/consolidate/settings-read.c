/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settings-read.c - vmferry-consolidate.conf, line by line
 *
 * Every key is a row of a table: its section, what its value looks like, and
 * where it goes. Line by line and not by GKeyFile, for that forgets the lines.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/units.h"
#include "consolidate/settings-value.h"

typedef enum {
    IN_SERVICE,
    IN_RESERVE,
    IN_OBJECTIVES,
    IN_TRIGGERS,
    IN_BUDGET,
    IN_NETWORK,
    IN_HOST,
    IN_GUEST,
    IN_GROUP,
    N_SECTIONS,
} Section;

static const char *const section_names[] = {
    "consolidate", "reserve", "objectives", "triggers", "budget",
    "network",     "host",    "guest",      "group",
};
G_STATIC_ASSERT(G_N_ELEMENTS(section_names) == N_SECTIONS);

typedef enum {
    AS_NUMBER,  /* double, from least to most */
    AS_SHARE,   /* double */
    AS_TIME,    /* double, seconds */
    AS_COUNT,   /* unsigned */
    AS_COUNT64, /* uint64_t or int64_t */
    AS_CORES,   /* int64_t, thousandths */
    AS_RATE,    /* uint64_t */
    AS_BYTES,   /* uint64_t */
    AS_POWER,   /* int64_t, milliwatts */
    AS_BOOL,
    AS_TEXT,  /* char * */
    AS_WORDS, /* char ** */
    AS_OWN,   /* read() */
} As;

typedef struct Key {
    Section section;
    const char *name;
    As as;
    size_t offset;
    double least, most; /* of numbers and counts */
    bool (*read)(void *into, const char *text, GError **error);
} Key;

static bool
setting_error(GError **error, const char *text, const char *wanted)
{
    g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING, "\"%s\" is not %s", text,
                wanted);
    return false;
}

static bool
read_mode(void *into, const char *text, GError **error)
{
    ConsSettings *s = into;

    return cons_mode_parse(text, &s->mode) ||
           setting_error(error, text, "advise, approve or auto");
}

static bool
read_open(void *into, const char *text, GError **error)
{
    ConsSettings *s = into;
    g_auto(GStrv) spans = NULL;

    if (!cons_value_words(text, &spans, error)) {
        return false;
    }
    g_array_set_size(s->open_minutes, 0);
    for (char **span = spans; *span; span++) {
        g_auto(GStrv) ends = g_strsplit(*span, "-", 2);
        int minutes[2];

        if (g_strv_length(ends) != 2) {
            return setting_error(error, *span, "a span, like 22:00-06:00");
        }
        if (!cons_value_minute(ends[0], &minutes[0], error) ||
            !cons_value_minute(ends[1], &minutes[1], error)) {
            return false;
        }
        g_array_append_val(s->open_minutes, minutes);
    }
    return true;
}

static bool
read_overloaded(void *into, const char *text, GError **error)
{
    static const struct {
        const char *name;
        ConsOverload overload;
        double most;
    } kinds[] = {
        { "static", CONS_OVERLOAD_STATIC, 1 },
        { "mad", CONS_OVERLOAD_MAD, 100 },
        { "iqr", CONS_OVERLOAD_IQR, 100 },
    };
    ConsSettings *s = into;
    g_auto(GStrv) words = g_strsplit(text, " ", 2);

    if (strcmp(text, "off") == 0) {
        s->overload = CONS_OVERLOAD_OFF;
        return true;
    }
    for (size_t i = 0; words[0] && i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(words[0], kinds[i].name) == 0 && words[1]) {
            if (!cons_value_number(g_strstrip(words[1]), 0.01, kinds[i].most,
                                   &s->overload_factor, error)) {
                return false;
            }
            s->overload = kinds[i].overload;
            return true;
        }
    }
    return setting_error(error, text, "off, static 0.9, mad 2.5 or iqr 1.5");
}

static bool
k_of_n(const char *text, unsigned *k, unsigned *n, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 3);
    double a, b;

    if (g_strv_length(words) != 3 || strcmp(words[1], "of") != 0 ||
        !cons_value_number(words[0], 1, 100, &a, NULL) ||
        !cons_value_number(words[2], 1, 100, &b, NULL) || a > b ||
        a != floor(a) || b != floor(b)) {
        return setting_error(error, text,
                             "like 3 of 5, with 100 samples at most");
    }
    *k = (unsigned)a;
    *n = (unsigned)b;
    return true;
}

static bool
read_overloaded_samples(void *into, const char *text, GError **error)
{
    ConsSettings *s = into;

    return k_of_n(text, &s->overload_k, &s->overload_n, error);
}

static bool
read_underloaded_samples(void *into, const char *text, GError **error)
{
    ConsSettings *s = into;

    return k_of_n(text, &s->underload_k, &s->underload_n, error);
}

static bool
read_underloaded(void *into, const char *text, GError **error)
{
    ConsSettings *s = into;

    if (strcmp(text, "off") == 0) {
        s->underload = 0;
        return true;
    }
    return cons_value_share(text, &s->underload, error);
}

static bool
read_far(void *into, const char *text, GError **error)
{
    ConsSettings *s = into;

    if (strcmp(text, "off") == 0) {
        s->far_minute = -1;
        s->far_every_s = 0;
        return true;
    }
    if (g_str_has_prefix(text, "every ")) {
        double every;

        if (!cons_value_duration(text + strlen("every "), &every, error)) {
            return false;
        }
        if (every <= 0) {
            return setting_error(error, text, "a time above 0");
        }
        s->far_every_s = every;
        s->far_minute = -1;
        return true;
    }
    if (!cons_value_minute(text, &s->far_minute, NULL)) {
        return setting_error(error, text,
                             "off, a time of the day like 00:00, or every 1h");
    }
    s->far_minute %= 24 * 60;
    s->far_every_s = 0;
    return true;
}

static bool
read_demand(void *into, const char *text, GError **error)
{
    static const char *const names[] = { "last", "mean", "linear" };
    ConsSettings *s = into;

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == CONS_N_DEMANDS);
    for (int i = 0; i < CONS_N_DEMANDS; i++) {
        if (strcmp(text, names[i]) == 0) {
            s->demand = (ConsDemand)i;
            return true;
        }
    }
    return setting_error(error, text, "last, mean or linear");
}

/* What is assumed without it serves for planning, and for nothing else. */
static bool
read_link(void *into, const char *text, GError **error)
{
    ConsSettings *s = into;
    g_autoptr(GError) why = NULL;

    if (!units_parse_rate(text, &s->link_bytes_s, &why)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING, "%s", why->message);
        return false;
    }
    s->link_said = true;
    return true;
}

static bool
read_switches(void *into, const char *text, GError **error)
{
    ConsSettings *s = into;
    g_auto(GStrv) words = g_strsplit_set(text, ";,", -1);
    int64_t milli[PLAN_N_LEVELS + 1];

    if (g_strv_length(words) != PLAN_N_LEVELS + 1) {
        return setting_error(
            error, text,
            "five numbers, like 1;1;3;5;7: on one host, in one "
            "rack, pod, site, and beyond");
    }
    for (int i = 0; i <= PLAN_N_LEVELS; i++) {
        double number;

        if (!cons_value_number(g_strstrip(words[i]), 0.001, 1000, &number,
                               error)) {
            return false;
        }
        milli[i] = llround(number * PLAN_MILLI);
        if (i > 0 && milli[i] < milli[i - 1]) {
            return setting_error(error, text, "rising");
        }
    }
    memcpy(s->distance_milli, milli, sizeof(milli));
    return true;
}

static bool
add_rules(ConsGroupSettings *group, PlanRuleKind kind, const char *text,
          bool with_number, GError **error)
{
    g_auto(GStrv) parts = NULL;

    if (!cons_value_words(text, &parts, error)) {
        return false;
    }
    for (char **part = parts; *part; part++) {
        g_auto(GStrv) words = g_strsplit(*part, " ", 2);
        ConsGroupRule rule = { .kind = kind };
        double number = 0;

        if (with_number != (words[1] != NULL)) {
            return setting_error(error, *part,
                                 with_number ? "a level and a number, like "
                                               "rack 2"
                                             : "one of host, rack, pod, site");
        }
        if (!cons_value_level(words[0], &rule.level, error) ||
            (with_number &&
             !cons_value_number(g_strstrip(words[1]), 1,
                                kind == PLAN_RULE_SURVIVE ? PLAN_MAX_FAILURES
                                                          : 1000000,
                                &number, error))) {
            return false;
        }
        rule.number = (int64_t)number;
        g_array_append_val(group->rules, rule);
    }
    return true;
}

static bool
read_apart(void *into, const char *text, GError **error)
{
    return add_rules(into, PLAN_RULE_APART, text, false, error);
}

static bool
read_together(void *into, const char *text, GError **error)
{
    return add_rules(into, PLAN_RULE_TOGETHER, text, false, error);
}

static bool
read_spread(void *into, const char *text, GError **error)
{
    return add_rules(into, PLAN_RULE_SPREAD, text, true, error);
}

static bool
read_survive(void *into, const char *text, GError **error)
{
    return add_rules(into, PLAN_RULE_SURVIVE, text, true, error);
}

#define S(member) offsetof(ConsSettings, member)
#define H(member) offsetof(ConsHostSettings, member)
#define G(member) offsetof(ConsGuestSettings, member)

static const Key keys[] = {
    { IN_SERVICE, "mode", AS_OWN, .read = read_mode },
    { IN_SERVICE, "cycle", AS_TIME, S(cycle_s), 1, 86400 },
    { IN_SERVICE, "moves-may-start", AS_OWN, .read = read_open },
    { IN_SERVICE, "search-work", AS_COUNT64, S(search_work), 1000, 1e12 },
    { IN_SERVICE, "seed", AS_COUNT64, S(seed), 0, 1e15 },

    { IN_RESERVE, "cpu", AS_SHARE, S(reserve_cpu), 0.01, 1 },
    { IN_RESERVE, "memory", AS_SHARE, S(reserve_memory), 0.01, 1 },
    { IN_RESERVE, "cpu-overcommit", AS_NUMBER, S(overcommit_cpu), 0.1, 100 },

    { IN_OBJECTIVES, "hosts", AS_NUMBER, S(hosts_w), 0, 1e6 },
    { IN_OBJECTIVES, "energy", AS_NUMBER, S(energy_w), 0, 1000 },
    { IN_OBJECTIVES, "traffic", AS_NUMBER, S(traffic_w), 0, 1e6 },

    { IN_TRIGGERS, "overloaded", AS_OWN, .read = read_overloaded },
    { IN_TRIGGERS, "overloaded-samples", AS_OWN,
      .read = read_overloaded_samples },
    { IN_TRIGGERS, "underloaded", AS_OWN, .read = read_underloaded },
    { IN_TRIGGERS, "underloaded-samples", AS_OWN,
      .read = read_underloaded_samples },
    { IN_TRIGGERS, "wake-above", AS_SHARE, S(wake_above), 0.01, 1 },
    { IN_TRIGGERS, "wake-above-memory", AS_SHARE, S(wake_above_memory), 0.01,
      1 },
    { IN_TRIGGERS, "constraints", AS_BOOL, S(constraints) },
    { IN_TRIGGERS, "far-traffic", AS_OWN, .read = read_far },
    { IN_TRIGGERS, "far-traffic-span", AS_TIME, S(far_span_s), 1, 1e8 },
    { IN_TRIGGERS, "far-traffic-above", AS_RATE, S(far_above_bytes_s) },
    { IN_TRIGGERS, "cluster-threshold", AS_NUMBER, S(far_threshold), 0, 1e15 },
    { IN_TRIGGERS, "cluster-guests", AS_COUNT64, S(far_set), 0, 1e6 },
    { IN_TRIGGERS, "demand", AS_OWN, .read = read_demand },
    { IN_TRIGGERS, "window", AS_TIME, S(window_s), 1, 1e7 },
    { IN_TRIGGERS, "ahead", AS_TIME, S(ahead_s), 0, 1e6 },
    { IN_TRIGGERS, "headroom", AS_NUMBER, S(headroom), 0, 100 },

    { IN_BUDGET, "horizon", AS_TIME, S(horizon_s), 1, 1e9 },
    { IN_BUDGET, "margin", AS_NUMBER, S(margin), 0, 1000 },
    { IN_BUDGET, "cool-down", AS_TIME, S(cool_down_s), 0, 1e9 },
    { IN_BUDGET, "no-return", AS_TIME, S(no_return_s), 0, 1e9 },
    { IN_BUDGET, "moves-per-hour", AS_COUNT, S(moves_per_hour), 0, 1e6 },
    { IN_BUDGET, "moves-per-plan", AS_COUNT, S(most_moves), 0, 1e6 },
    { IN_BUDGET, "parallel-per-host", AS_COUNT, S(parallel), 0, 1000 },
    { IN_BUDGET, "price-of-moving", AS_NUMBER, S(move_w), 0, 1e9 },
    { IN_BUDGET, "price-of-downtime", AS_NUMBER, S(downtime_w), 0, 1e9 },
    { IN_BUDGET, "price-of-each-move", AS_NUMBER, S(each_move_j), 0, 1e12 },
    { IN_BUDGET, "writes-assumed", AS_BYTES, S(writes_bytes_s) },
    { IN_BUDGET, "surprise", AS_NUMBER, S(surprise), 0, 1e6 },

    { IN_NETWORK, "link", AS_OWN, .read = read_link },
    { IN_NETWORK, "switches", AS_OWN, .read = read_switches },
    { IN_NETWORK, "downtime-limit", AS_TIME, S(downtime_limit_s), 0.001, 1000 },

    { IN_HOST, "uri", AS_TEXT, H(uri) },
    { IN_HOST, "rack", AS_TEXT, H(rack) },
    { IN_HOST, "pod", AS_TEXT, H(pod) },
    { IN_HOST, "site", AS_TEXT, H(site) },
    { IN_HOST, "link", AS_RATE, H(link_bytes_s) },
    { IN_HOST, "cores", AS_CORES, H(cpu_milli), 0, 1e6 },
    { IN_HOST, "memory", AS_BYTES, H(memory_bytes) },
    { IN_HOST, "guests", AS_COUNT64, H(slots), 0, 1e6 },
    { IN_HOST, "idle-power", AS_POWER, H(idle_mw) },
    { IN_HOST, "busy-power", AS_POWER, H(busy_mw) },
    { IN_HOST, "features", AS_WORDS, H(features) },
    { IN_HOST, "bridge", AS_TEXT, H(bridge) },
    { IN_HOST, "power-down", AS_TEXT, H(power_down) },
    { IN_HOST, "wake", AS_TEXT, H(wake) },
    { IN_HOST, "wake-time", AS_TIME, H(wake_s), 0, 1e5 },
    { IN_HOST, "closed", AS_BOOL, H(closed) },

    { IN_GUEST, "hosts", AS_WORDS, G(hosts) },
    { IN_GUEST, "requires", AS_WORDS, G(requires) },
    { IN_GUEST, "pinned", AS_BOOL, G(pinned) },
    { IN_GUEST, "downtime", AS_TIME, G(downtime_s), 0, 1e5 },

    { IN_GROUP, "members", AS_WORDS, offsetof(ConsGroupSettings, members) },
    { IN_GROUP, "apart", AS_OWN, .read = read_apart },
    { IN_GROUP, "together", AS_OWN, .read = read_together },
    { IN_GROUP, "spread", AS_OWN, .read = read_spread },
    { IN_GROUP, "survive", AS_OWN, .read = read_survive },
};

typedef struct Place {
    Section section;
    void *into;
} Place;

static bool
in_range(const Key *key, double number, const char *text, GError **error)
{
    if (key->most > 0 && (number < key->least || number > key->most)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                    "\"%s\" is not from %g to %g", text, key->least, key->most);
        return false;
    }
    return true;
}

static bool
read_rate(const Key *key, char *at, const char *text, GError **error)
{
    uint64_t rate;
    g_autoptr(GError) why = NULL;

    if (!units_parse_rate(text, &rate, &why)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING, "%s", why->message);
        return false;
    }
    if (key->offset == S(far_above_bytes_s) && key->section == IN_TRIGGERS) {
        *(double *)(void *)at = (double)rate;
    } else {
        *(uint64_t *)(void *)at = rate;
    }
    return true;
}

static bool
read_value(const Key *key, void *into, const char *text, GError **error)
{
    char *at = (char *)into + key->offset;
    double number = 0;

    switch (key->as) {
    case AS_NUMBER:
        return cons_value_number(text, key->least, key->most,
                                 (double *)(void *)at, error);
    case AS_SHARE:
        if (!cons_value_share(text, &number, error) ||
            !in_range(key, number, text, error)) {
            return false;
        }
        *(double *)(void *)at = number;
        return true;
    case AS_TIME:
        if (!cons_value_duration(text, &number, error) ||
            !in_range(key, number, text, error)) {
            return false;
        }
        *(double *)(void *)at = number;
        return true;
    case AS_COUNT:
    case AS_COUNT64:
        if (!cons_value_number(text, key->least, key->most, &number, error)) {
            return false;
        }
        if (number != floor(number)) {
            return setting_error(error, text, "a whole number");
        }
        if (key->as == AS_COUNT) {
            *(unsigned *)(void *)at = (unsigned)number;
        } else {
            *(uint64_t *)(void *)at = (uint64_t)number;
        }
        return true;
    case AS_CORES:
        if (!cons_value_number(text, key->least, key->most, &number, error)) {
            return false;
        }
        *(int64_t *)(void *)at = llround(number * 1000);
        return true;
    case AS_RATE:
        return read_rate(key, at, text, error);
    case AS_BYTES:
        return cons_value_bytes(text, (uint64_t *)(void *)at, error);
    case AS_POWER:
        return cons_value_power(text, (int64_t *)(void *)at, error);
    case AS_BOOL:
        return cons_value_bool(text, (bool *)(void *)at, error);
    case AS_TEXT:
        if (!*text) {
            return setting_error(error, text, "a text");
        }
        g_free(*(char **)(void *)at);
        *(char **)(void *)at = g_strdup(text);
        return true;
    case AS_WORDS:
        return cons_value_words(text, (char ***)(void *)at, error);
    case AS_OWN:
        break;
    }
    return key->read(into, text, error);
}

static bool
enter_section(ConsSettings *s, const char *header, Place *place, GError **error)
{
    const char *space = strchr(header, ' ');
    g_autofree char *word =
        space ? g_strndup(header, (gsize)(space - header)) : g_strdup(header);
    g_autofree char *name = g_strdup(space ? space + 1 : "");
    size_t i = 0;

    g_strstrip(name);
    while (i < N_SECTIONS && strcmp(word, section_names[i]) != 0) {
        i++;
    }
    if (i == N_SECTIONS) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                    "there is no section [%s]", header);
        return false;
    }
    if ((i >= IN_HOST) != (*name != '\0')) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                    i >= IN_HOST ? "[%s] needs a name: [%s NAME]"
                                 : "[%s] is [%s], without a name",
                    header, section_names[i]);
        return false;
    }
    place->section = (Section)i;
    place->into = s;
    if (i == IN_HOST) {
        place->into = cons_settings_add_host(s, name);
    } else if (i == IN_GUEST) {
        ConsGuestSettings *guest = g_new0(ConsGuestSettings, 1);

        guest->name = g_strdup(name);
        guest->hosts = g_new0(char *, 1);
        guest->requires = g_new0(char *, 1);
        g_ptr_array_add(s->guests, guest);
        place->into = guest;
    } else if (i == IN_GROUP) {
        ConsGroupSettings *group = g_new0(ConsGroupSettings, 1);

        group->name = g_strdup(name);
        group->members = g_new0(char *, 1);
        group->rules = g_array_new(FALSE, FALSE, sizeof(ConsGroupRule));
        g_ptr_array_add(s->groups, group);
        place->into = group;
    }
    return true;
}

static bool
take_key(const Place *place, const char *name, const char *value,
         GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].section == place->section &&
            strcmp(keys[i].name, name) == 0) {
            if (!read_value(&keys[i], place->into, value, error)) {
                g_prefix_error(error, "%s: ", name);
                return false;
            }
            return true;
        }
    }
    g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING, "[%s] has no key \"%s\"",
                section_names[place->section], name);
    return false;
}

/* What the lines together say has to make sense as well. */
static bool
check_all(const ConsSettings *s, GError **error)
{
    if (s->overload == CONS_OVERLOAD_STATIC &&
        s->overload_factor <= s->reserve_cpu) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                    "overloaded = static %g is not above the reserve cpu = %g: "
                    "a host that is just full would be relieved for ever; "
                    "raise one or lower the other",
                    s->overload_factor, s->reserve_cpu);
        return false;
    }
    if (s->underload >= s->reserve_cpu) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                    "underloaded = %g is not below the reserve cpu = %g",
                    s->underload, s->reserve_cpu);
        return false;
    }
    for (guint i = 0; i < s->hosts->len; i++) {
        const ConsHostSettings *host = g_ptr_array_index(s->hosts, i);

        if (host->busy_mw < host->idle_mw) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                        "host %s: its busy-power is less than its idle-power",
                        host->name);
            return false;
        }
    }
    for (guint i = 0; i < s->guests->len; i++) {
        const ConsGuestSettings *guest = g_ptr_array_index(s->guests, i);

        for (char **name = guest->hosts; *name; name++) {
            if (!cons_settings_host(s, *name)) {
                g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                            "guest %s: hosts: there is no [host %s]",
                            guest->name, *name);
                return false;
            }
        }
    }
    return true;
}

/* A line of what is not empty and no comment; @line is changed. */
static bool
take_line(ConsSettings *s, char *line, Place *place, GHashTable *seen,
          GError **error)
{
    char *equals;
    g_autofree char *once = NULL;

    if (line[0] == '[') {
        size_t length = strlen(line);

        if (line[length - 1] != ']') {
            g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                        "a section ends with ]");
            return false;
        }
        line[length - 1] = '\0';
        once = g_strdup(line);
        if (!g_hash_table_add(seen, g_steal_pointer(&once))) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                        "[%s] is there twice", line + 1);
            return false;
        }
        return enter_section(s, g_strstrip(line + 1), place, error);
    }
    equals = strchr(line, '=');
    if (!equals || place->section == N_SECTIONS) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    equals ? "a key before the first [section]"
                           : "neither [section] nor key = value");
        return false;
    }
    *equals = '\0';
    g_strchomp(line);
    once = g_strdup_printf("%p %s", place->into, line);
    if (place->into == s) {
        g_free(once);
        once = g_strdup_printf("%d %s", place->section, line);
    }
    if (!g_hash_table_add(seen, g_steal_pointer(&once))) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                    "%s is there twice in this section", line);
        return false;
    }
    return take_key(place, line, g_strstrip(equals + 1), error);
}

ConsSettings *
cons_settings_parse(const char *text, const char *name, GError **error)
{
    g_autoptr(ConsSettings) s = cons_settings_new();
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = NULL;
    Place place = { N_SECTIONS, NULL };

    if (!g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX, "%s: is no UTF-8",
                    name);
        return NULL;
    }
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);

        if (*line && *line != '#' && *line != ';' &&
            !take_line(s, line, &place, seen, error)) {
            g_prefix_error(error, "%s:%zu: ", name, i + 1);
            return NULL;
        }
    }
    if (!check_all(s, error)) {
        g_prefix_error(error, "%s: ", name);
        return NULL;
    }
    return g_steal_pointer(&s);
}
