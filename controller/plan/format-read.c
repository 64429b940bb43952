/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format-read.c - see format.h
 *
 * A Reader holds the first thing that was wrong and where. Getters do nothing
 * once it is set, so that the code below reads like the format. The path to
 * the present object is kept as text.
 */
#include "plan/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

typedef struct Reader {
    GError *error;
    char where[96]; /* "hosts[3]" */
    PlanModel *m;
    GHashTable *resources, *hosts, *guests, *groups; /* name -> index + 1 */
} Reader;

static void G_GNUC_PRINTF(3, 4)
    wrong(Reader *r, const char *member, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    if (r->error) {
        return;
    }
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    r->error =
        g_error_new(PLAN_ERROR, PLAN_ERROR_MEMBER, "%s%s%s: %s", r->where,
                    *r->where && *member ? "." : "", member, text);
}

static void G_GNUC_PRINTF(2, 3) at(Reader *r, const char *format, ...)
{
    va_list args;

    if (!r->error) {
        va_start(args, format);
        g_vsnprintf(r->where, sizeof(r->where), format, args);
        va_end(args);
    }
}

/* @words: with a blank after each */
static bool
is_word_of(const char *words, const char *name)
{
    size_t length = strlen(name);

    while (*words) {
        size_t word = strcspn(words, " ");

        if (word == length && strncmp(words, name, length) == 0) {
            return true;
        }
        words += word + 1;
    }
    return false;
}

/* @known_names: with a blank after each */
static void
members_known(Reader *r, JsonObject *object, const char *known_names)
{
    if (!r->error && !json_object_is_type(object, json_type_object)) {
        wrong(r, "", "an object is expected");
    }
    if (r->error) {
        return;
    }
    json_object_object_foreach (object, name, value) {
        (void)value;
        if (!is_word_of(known_names, name)) {
            wrong(r, name, "the format knows no such member, but %s",
                  known_names);
            return;
        }
    }
}

static JsonObject *
member(Reader *r, JsonObject *object, const char *name)
{
    JsonObject *value = NULL;

    if (!r->error) {
        json_object_object_get_ex(object, name, &value);
    }
    return value;
}

static bool
whole(JsonObject *value, int64_t *number)
{
    if (!json_object_is_type(value, json_type_int) ||
        json_object_get_uint64(value) > INT64_MAX ||
        json_object_get_int64(value) < 0) {
        return false;
    }
    *number = json_object_get_int64(value);
    return true;
}

/* Absent keeps what is there. */
static void
get_whole(Reader *r, JsonObject *object, const char *name, int64_t *number)
{
    JsonObject *value = member(r, object, name);

    if (value && !whole(value, number)) {
        wrong(r, name, "a whole number from 0 on is expected");
    }
}

static void
get_unsigned(Reader *r, JsonObject *object, const char *name, uint64_t *number)
{
    int64_t value = (int64_t)*number;

    get_whole(r, object, name, &value);
    *number = (uint64_t)value;
}

/* A fraction kept in thousandths */
static void
get_milli(Reader *r, JsonObject *object, const char *name, int64_t *milli)
{
    JsonObject *value = member(r, object, name);
    double number;

    if (!value) {
        return;
    }
    if ((!json_object_is_type(value, json_type_double) &&
         !json_object_is_type(value, json_type_int)) ||
        !((number = json_object_get_double(value)) >= 0) || number > 1e9 ||
        fabs(number * PLAN_MILLI - round(number * PLAN_MILLI)) > 1e-6) {
        wrong(r, name,
              "a number from 0 on with at most three decimals is expected");
        return;
    }
    *milli = (int64_t)round(number * PLAN_MILLI);
}

static void
get_flag(Reader *r, JsonObject *object, const char *name, bool *flag)
{
    JsonObject *value = member(r, object, name);

    if (value && !json_object_is_type(value, json_type_boolean)) {
        wrong(r, name, "true or false is expected");
    } else if (value) {
        *flag = json_object_get_boolean(value);
    }
}

static const char *
get_text(Reader *r, JsonObject *object, const char *name, bool required)
{
    JsonObject *value = member(r, object, name);
    const char *text = NULL;

    if (!value && !required) {
        return NULL;
    }
    if (!json_object_is_type(value, json_type_string) ||
        strlen(text = json_object_get_string(value)) !=
            (size_t)json_object_get_string_len(value)) {
        wrong(r, name, "a text is expected");
        return NULL;
    }
    return text;
}

static int32_t
find(Reader *r, GHashTable *table, const char *what, const char *where,
     const char *name)
{
    gpointer index = name ? g_hash_table_lookup(table, name) : NULL;

    if (!index && name) {
        wrong(r, where, "there is no %s \"%s\"", what, name);
    }
    return index ? GPOINTER_TO_INT(index) - 1 : 0;
}

static int32_t
find_value(Reader *r, GHashTable *table, const char *what, const char *where,
           JsonObject *value)
{
    if (!r->error && !json_object_is_type(value, json_type_string)) {
        wrong(r, where, "the name of a %s is expected", what);
    }
    return r->error
               ? 0
               : find(r, table, what, where, json_object_get_string(value));
}

static int32_t
get_ref(Reader *r, JsonObject *object, const char *name, GHashTable *table,
        const char *what)
{
    return find(r, table, what, name, get_text(r, object, name, true));
}

/* An array of the top object, NULL if absent; its length goes to @n. */
static JsonObject *
get_list(Reader *r, JsonObject *object, const char *name, bool required,
         size_t *n)
{
    JsonObject *list = member(r, object, name);

    *n = 0;
    if (!r->error &&
        (list ? !json_object_is_type(list, json_type_array) : required)) {
        wrong(r, name, "an array is expected");
    }
    if (r->error || !list) {
        return NULL;
    }
    *n = json_object_array_length(list);
    return list;
}

/* The name of element @i, new in @table. */
static char *
take_name(Reader *r, JsonObject *object, GHashTable *table, size_t i)
{
    const char *name = get_text(r, object, "name", true);

    if (name && *name == '\0') {
        wrong(r, "name", "it is empty");
    }
    if (!r->error && !g_hash_table_insert(table, (gpointer)name,
                                          GINT_TO_POINTER((gint)i + 1))) {
        wrong(r, "name", "\"%s\" comes twice", name);
    }
    return g_strdup(name ? name : "");
}

/* Amounts by resource: {"cpu": 4, "memory": 8}, absent ones stay */
static void
get_amount_list(Reader *r, JsonObject *value, const char *name,
                int64_t *amounts)
{
    if (r->error) {
        return;
    }
    if (!json_object_is_type(value, json_type_object)) {
        wrong(r, name, "an object, amount by resource, is expected");
        return;
    }
    json_object_object_foreach (value, resource, amount) {
        int32_t index = find(r, r->resources, "resource", name, resource);

        if (!r->error && !whole(amount, &amounts[index])) {
            wrong(r, name, "%s: a whole number from 0 on is expected",
                  resource);
        }
    }
}

static void
get_amounts(Reader *r, JsonObject *object, const char *name, int64_t *amounts)
{
    JsonObject *value = member(r, object, name);

    if (value) {
        get_amount_list(r, value, name, amounts);
    }
}

static uint64_t
get_features(Reader *r, JsonObject *object, const char *name)
{
    size_t n;
    JsonObject *list = get_list(r, object, name, false, &n);
    GPtrArray *names = r->m->feature_names;
    uint64_t features = 0;

    for (size_t i = 0; !r->error && i < n; i++) {
        JsonObject *value = json_object_array_get_idx(list, i);
        const char *feature;
        guint index;

        if (!json_object_is_type(value, json_type_string)) {
            wrong(r, name, "names of features are expected");
            break;
        }
        feature = json_object_get_string(value);
        if (!g_ptr_array_find_with_equal_func(names, feature, g_str_equal,
                                              &index)) {
            index = names->len;
            if (index == PLAN_MAX_FEATURES) {
                wrong(r, name,
                      "\"%s\" is one feature more than the %d that "
                      "are possible",
                      feature, PLAN_MAX_FEATURES);
                break;
            }
            g_ptr_array_add(names, g_strdup(feature));
        }
        features |= UINT64_C(1) << index;
    }
    return features;
}

static int32_t *
get_refs(Reader *r, JsonObject *object, const char *name, GHashTable *table,
         const char *what, size_t *n)
{
    JsonObject *list = get_list(r, object, name, true, n);
    int32_t *refs = g_new0(int32_t, *n + 1); /* NULL is no list at all */

    for (size_t i = 0; !r->error && i < *n; i++) {
        refs[i] = find_value(r, table, what, name,
                             json_object_array_get_idx(list, i));
    }
    return refs;
}

static void
read_resource(Reader *r, JsonObject *object, size_t i)
{
    PlanResource *resource = &r->m->resources[i];

    at(r, "resources[%zu]", i);
    members_known(r, object,
                  "name reserve side_reserve transient over_weight ");
    resource->name = take_name(r, object, r->resources, i);
    resource->reserve_milli = 800;
    get_milli(r, object, "reserve", &resource->reserve_milli);
    resource->side_reserve_milli = resource->reserve_milli;
    get_milli(r, object, "side_reserve", &resource->side_reserve_milli);
    get_flag(r, object, "transient", &resource->transient);
    get_whole(r, object, "over_weight", &resource->over_weight);
}

/* Digits of a BCube; all hosts have as many as the first, or none */
static void
read_address(Reader *r, JsonObject *object, size_t i)
{
    PlanModel *m = r->m;
    size_t n;
    JsonObject *list = get_list(r, object, "address", false, &n);

    if (i == 0 && list) {
        if (n < 1 || n > PLAN_MAX_DIGITS) {
            wrong(r, "address", "1 to %d digits are expected", PLAN_MAX_DIGITS);
            return;
        }
        m->n_digits = n;
        m->address = g_new0(int32_t, m->n_hosts * n);
    }
    if (!r->error && (list ? n : 0) != m->n_digits) {
        wrong(r, "address", "%zu digits are expected, as the first host has",
              m->n_digits);
    }
    for (size_t k = 0; !r->error && k < m->n_digits; k++) {
        int64_t digit;

        if (!whole(json_object_array_get_idx(list, k), &digit) ||
            digit > INT32_MAX) {
            wrong(r, "address", "whole numbers from 0 on are expected");
            return;
        }
        m->address[i * m->n_digits + k] = (int32_t)digit;
    }
}

/* Two objects of amounts; what they name is the host's sum of both. */
static void
read_sides(Reader *r, JsonObject *object, size_t i)
{
    PlanModel *m = r->m;
    size_t n = m->n_resources;
    size_t n_sides;
    JsonObject *list = get_list(r, object, "sides", false, &n_sides);
    int64_t *sides;

    if (list && n_sides != 2) {
        wrong(r, "sides", "two are expected, not %zu", n_sides);
    }
    if (!list || r->error) {
        return;
    }
    sides = plan_model_divide(m, i);
    for (size_t side = 0; side < 2; side++) {
        get_amount_list(r, json_object_array_get_idx(list, side), "sides",
                        sides + side * n);
    }
    for (size_t k = 0; !r->error && k < n; k++) {
        int64_t *capacity = &m->capacity[i * n + k];

        if (sides[k] < 0 && sides[n + k] < 0) {
            continue;
        }
        if (*capacity != 0) {
            wrong(r, "capacity", "%s is named in sides, which are added up",
                  m->resources[k].name);
        }
        sides[k] = MAX(0, sides[k]);
        sides[n + k] = MAX(0, sides[n + k]);
        if (sides[k] > INT64_MAX / 4 || sides[n + k] > INT64_MAX / 4) {
            wrong(r, "sides", "%s: the amount is too large",
                  m->resources[k].name);
            return;
        }
        *capacity = sides[k] + sides[n + k];
    }
}

static void
read_host(Reader *r, JsonObject *object, size_t i)
{
    PlanModel *m = r->m;
    PlanHost *host = &m->hosts[i];
    size_t n = m->n_resources;

    at(r, "hosts[%zu]", i);
    members_known(r, object,
                  "name rack pod site address capacity sides safe features "
                  "closed idle_mw busy_mw link_bytes_s ");
    host->name = take_name(r, object, r->hosts, i);
    for (int level = PLAN_LEVEL_RACK; level < PLAN_N_LEVELS; level++) {
        const char *name =
            get_text(r, object, plan_level_name((PlanLevel)level), false);

        m->place[level][i] =
            plan_model_place(m, (PlanLevel)level, name ? name : "");
    }
    get_amounts(r, object, "capacity", m->capacity + i * n);
    read_address(r, object, i);
    read_sides(r, object, i);
    memcpy(m->safe + i * n, m->capacity + i * n, n * sizeof(int64_t));
    get_amounts(r, object, "safe", m->safe + i * n);
    host->features = get_features(r, object, "features");
    get_flag(r, object, "closed", &host->closed);
    get_whole(r, object, "idle_mw", &host->idle_mw);
    host->busy_mw = host->idle_mw;
    get_whole(r, object, "busy_mw", &host->busy_mw);
    get_unsigned(r, object, "link_bytes_s", &host->link_bytes_s);
}

static void
read_guest(Reader *r, JsonObject *object, size_t i)
{
    PlanModel *m = r->m;
    PlanGuest *guest = &m->guests[i];

    at(r, "guests[%zu]", i);
    members_known(r, object,
                  "name host demand numa requires pinned allowed move_cost "
                  "memory_bytes hot_bytes hot_bytes_s cold_bytes_s ");
    guest->name = take_name(r, object, r->guests, i);
    if (member(r, object, "host")) {
        guest->host = get_ref(r, object, "host", r->hosts, "host");
    }
    get_amounts(r, object, "demand", m->demand + i * m->n_resources);
    if (member(r, object, "numa")) {
        int64_t numa = 0;

        get_whole(r, object, "numa", &numa);
        if (numa < 1 || numa > 2) {
            wrong(r, "numa",
                  "1, one side of its host, or 2, half on each, is "
                  "expected");
        }
        guest->numa = (int32_t)numa;
    }
    guest->requires = get_features(r, object, "requires");
    get_flag(r, object, "pinned", &guest->pinned);
    if (member(r, object, "allowed")) {
        m->allowed[i] =
            get_refs(r, object, "allowed", r->hosts, "host", &m->n_allowed[i]);
    }
    get_whole(r, object, "move_cost", &guest->move_cost);
    get_unsigned(r, object, "memory_bytes", &guest->memory_bytes);
    get_unsigned(r, object, "hot_bytes", &guest->hot_bytes);
    get_unsigned(r, object, "hot_bytes_s", &guest->hot_bytes_s);
    get_unsigned(r, object, "cold_bytes_s", &guest->cold_bytes_s);
}

static void
read_group(Reader *r, JsonObject *object, size_t i)
{
    PlanGroup *group = &r->m->groups[i];

    at(r, "groups[%zu]", i);
    members_known(r, object, "name members ");
    group->name = take_name(r, object, r->groups, i);
    group->members =
        get_refs(r, object, "members", r->guests, "guest", &group->n_members);
}

/* One of the names that @name_of gives for 0 .. @n - 1 */
static int
get_word(Reader *r, JsonObject *object, const char *name, int n,
         const char *(*name_of)(int))
{
    const char *text = get_text(r, object, name, true);
    g_autoptr(GString) all = g_string_new(NULL);

    for (int i = 0; i < n; i++) {
        if (g_strcmp0(text, name_of(i)) == 0) {
            return i;
        }
        g_string_append_printf(all, "%s%s", i ? ", " : "", name_of(i));
    }
    if (text) {
        wrong(r, name, "\"%s\" is none of %s", text, all->str);
    }
    return 0;
}

static const char *
level_word(int i)
{
    return plan_level_name((PlanLevel)i);
}

static const char *
rule_word(int i)
{
    return plan_rule_name((PlanRuleKind)i);
}

static void
read_latency_rule(Reader *r, JsonObject *object, PlanRule *rule)
{
    rule->mean_us = rule->jitter_us = INT64_MAX;
    rule->group = rule->on = get_ref(r, object, "group", r->groups, "group");
    if (member(r, object, "on")) {
        rule->on = get_ref(r, object, "on", r->groups, "group");
    }
    if (member(r, object, "level")) {
        wrong(r, "level", "a latency is between hosts, it has no level");
    }
    if (!member(r, object, "mean_us") && !member(r, object, "jitter_us")) {
        wrong(r, "mean_us", "this or jitter_us is expected");
    }
    get_whole(r, object, "mean_us", &rule->mean_us);
    get_whole(r, object, "jitter_us", &rule->jitter_us);
}

static void
read_rule(Reader *r, JsonObject *object, size_t i)
{
    PlanRule *rule = &r->m->rules[i];

    at(r, "rules[%zu]", i);
    members_known(r, object,
                  "kind level group on at_least groups failures mean_us "
                  "jitter_us ");
    rule->kind =
        (PlanRuleKind)get_word(r, object, "kind", PLAN_N_RULES, rule_word);
    if (rule->kind == PLAN_RULE_LATENCY) {
        read_latency_rule(r, object, rule);
        return;
    }
    rule->level =
        (PlanLevel)get_word(r, object, "level", PLAN_N_LEVELS, level_word);
    if (rule->kind == PLAN_RULE_PARTITION) {
        rule->groups =
            get_refs(r, object, "groups", r->groups, "group", &rule->n_groups);
        return;
    }
    rule->group = get_ref(r, object, "group", r->groups, "group");
    if (rule->kind == PLAN_RULE_DEPENDS) {
        rule->on = get_ref(r, object, "on", r->groups, "group");
    }
    if (rule->kind == PLAN_RULE_SPREAD) {
        get_whole(r, object, "at_least", &rule->at_least);
    }
    if (rule->kind == PLAN_RULE_SURVIVE) {
        rule->failures = 1;
        get_whole(r, object, "failures", &rule->failures);
    }
}

/* The place of that name, which some host has to be in */
static int32_t
get_place(Reader *r, JsonObject *object, const char *name, PlanLevel level)
{
    const char *text = get_text(r, object, name, true);
    guint at = 0;

    if (text && !g_ptr_array_find_with_equal_func(r->m->place_names[level],
                                                  text, g_str_equal, &at)) {
        wrong(r, name, "no host is in %s \"%s\"", plan_level_name(level), text);
    }
    return (int32_t)at;
}

static PlanLevel
get_outer_level(Reader *r, JsonObject *object)
{
    PlanLevel level =
        (PlanLevel)get_word(r, object, "level", PLAN_N_LEVELS, level_word);

    if (level == PLAN_LEVEL_HOST) {
        wrong(r, "level", "rack, pod or site is expected");
        return PLAN_LEVEL_RACK;
    }
    return level;
}

static void
read_total(Reader *r, JsonObject *object, size_t i)
{
    PlanTotal *total = &r->m->totals[i];

    at(r, "totals[%zu]", i);
    members_known(r, object, "level place most ");
    total->level = get_outer_level(r, object);
    total->place = get_place(r, object, "place", total->level);
    for (size_t k = 0; k < PLAN_MAX_RESOURCES; k++) {
        total->most[k] = INT64_MAX;
    }
    get_amounts(r, object, "most", total->most);
    if (!member(r, object, "most")) {
        wrong(r, "most", "an object, amount by resource, is expected");
    }
}

static void
read_trunk(Reader *r, JsonObject *object, size_t i)
{
    PlanTrunk *trunk = &r->m->trunks[i];

    at(r, "trunks[%zu]", i);
    members_known(r, object, "level a b most ");
    trunk->level = get_outer_level(r, object);
    trunk->a = get_place(r, object, "a", trunk->level);
    trunk->b = get_place(r, object, "b", trunk->level);
    if (!r->error && trunk->a == trunk->b) {
        wrong(r, "b", "another place than a is expected");
    }
    if (!member(r, object, "most")) {
        wrong(r, "most", "a whole number from 0 on is expected");
    }
    get_whole(r, object, "most", &trunk->most);
}

static void
read_balance(Reader *r, JsonObject *object, size_t i)
{
    PlanBalance *balance = &r->m->balances[i];

    at(r, "balances[%zu]", i);
    members_known(r, object, "first second target weight ");
    balance->first = get_ref(r, object, "first", r->resources, "resource");
    balance->second = get_ref(r, object, "second", r->resources, "resource");
    balance->target = balance->weight = 1;
    get_whole(r, object, "target", &balance->target);
    get_whole(r, object, "weight", &balance->weight);
}

static void
read_flow(Reader *r, JsonObject *object, size_t i)
{
    PlanFlow *flow = &r->m->flows[i];

    at(r, "traffic[%zu]", i);
    members_known(r, object, "a b amount ");
    flow->a = get_ref(r, object, "a", r->guests, "guest");
    flow->b = get_ref(r, object, "b", r->guests, "guest");
    if (!member(r, object, "amount")) {
        wrong(r, "amount", "a whole number from 0 on is expected");
    }
    get_whole(r, object, "amount", &flow->amount);
}

static const char *const names[] = { "host", "rack", "pod", "site", "far" };
G_STATIC_ASSERT(G_N_ELEMENTS(names) == PLAN_N_LEVELS + 1);

/* An hour at most, so that a path of some is no question of range */
static void
read_latency(Reader *r, JsonObject *object, const char *name,
             PlanLatency *latency)
{
    JsonObject *value = member(r, object, name);

    if (!value) {
        return;
    }
    at(r, "latencies.%s", name);
    members_known(r, value, "mean_us jitter_us ");
    get_whole(r, value, "mean_us", &latency->mean_us);
    get_whole(r, value, "jitter_us", &latency->jitter_us);
    if (latency->mean_us > INT64_C(3600000000) ||
        latency->jitter_us > INT64_C(3600000000)) {
        wrong(r, "", "an hour is the most that a latency can be");
    }
    at(r, "latencies");
}

static void
read_rest(Reader *r, JsonObject *top)
{
    PlanModel *m = r->m;
    JsonObject *object = member(r, top, "distances");
    size_t n;

    if (object) {
        at(r, "distances");
        members_known(r, object, "host rack pod site far hop ");
        get_milli(r, object, "hop", &m->hop_milli);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
            get_milli(r, object, names[i], &m->distance_milli[i]);
        }
    }
    object = member(r, top, "latencies");
    if (object) {
        at(r, "latencies");
        members_known(r, object, "host rack pod site far hop ");
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
            read_latency(r, object, names[i], &m->latency[i]);
        }
        read_latency(r, object, "hop", &m->hop);
    }
    object = member(r, top, "weights");
    if (object) {
        at(r, "weights");
        members_known(r, object,
                      "hosts energy traffic move host_move group_move ");
        get_whole(r, object, "hosts", &m->weights.hosts);
        get_whole(r, object, "energy", &m->weights.energy);
        get_whole(r, object, "traffic", &m->weights.traffic);
        get_whole(r, object, "move", &m->weights.move);
        get_whole(r, object, "host_move", &m->weights.host_move);
        get_whole(r, object, "group_move", &m->weights.group_move);
    }
    at(r, "%s", "");
    object = get_list(r, top, "host_moves", false, &n);
    if (object && n != m->n_hosts) {
        wrong(r, "host_moves", "%zu rows are expected, one a host", m->n_hosts);
    }
    if (!object || r->error) {
        return;
    }
    m->host_moves = g_new0(int32_t, m->n_hosts * m->n_hosts);
    for (size_t i = 0; !r->error && i < n; i++) {
        JsonObject *row = json_object_array_get_idx(object, i);

        at(r, "host_moves[%zu]", i);
        if (!json_object_is_type(row, json_type_array) ||
            json_object_array_length(row) != m->n_hosts) {
            wrong(r, "", "an array of %zu numbers is expected", m->n_hosts);
            return;
        }
        for (size_t j = 0; j < m->n_hosts; j++) {
            int64_t cost;

            if (!whole(json_object_array_get_idx(row, j), &cost) ||
                cost > INT32_MAX) {
                wrong(r, "", "whole numbers from 0 to 2^31 - 1 are expected");
                return;
            }
            m->host_moves[i * m->n_hosts + j] = (int32_t)cost;
        }
    }
}

static void
read_top(Reader *r, JsonObject *top)
{
    typedef void (*ReadOne)(Reader *, JsonObject *, size_t);
    static const struct {
        const char *name;
        bool required;
        ReadOne read;
    } lists[] = {
        { "resources", true, read_resource },
        { "hosts", true, read_host },
        { "guests", true, read_guest },
        { "groups", false, read_group },
        { "rules", false, read_rule },
        { "balances", false, read_balance },
        { "traffic", false, read_flow },
        { "totals", false, read_total },
        { "trunks", false, read_trunk },
    };
    JsonObject *list[G_N_ELEMENTS(lists)];
    size_t n[G_N_ELEMENTS(lists)];
    const char *format;

    members_known(r, top,
                  "format comment resources hosts guests groups rules "
                  "balances traffic distances latencies totals trunks weights "
                  "host_moves ");
    format = get_text(r, top, "format", true);
    if (format && strcmp(format, PLAN_FORMAT_MODEL) != 0) {
        wrong(r, "format", "\"%s\" is not \"%s\"", format, PLAN_FORMAT_MODEL);
    }
    for (size_t k = 0; k < G_N_ELEMENTS(lists); k++) {
        list[k] = get_list(r, top, lists[k].name, lists[k].required, &n[k]);
    }
    if (!r->error && n[0] > PLAN_MAX_RESOURCES) {
        wrong(r, "resources", "%zu are more than the %d that are possible",
              n[0], PLAN_MAX_RESOURCES);
    }
    if (r->error) {
        return;
    }
    r->m = plan_model_new(n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
    r->m->n_totals = n[7];
    r->m->totals = g_new0(PlanTotal, n[7]);
    r->m->n_trunks = n[8];
    r->m->trunks = g_new0(PlanTrunk, n[8]);
    for (size_t k = 0; k < G_N_ELEMENTS(lists); k++) {
        for (size_t i = 0; !r->error && i < n[k]; i++) {
            lists[k].read(r, json_object_array_get_idx(list[k], i), i);
        }
    }
    if (!r->error) {
        read_rest(r, top);
    }
}

PlanModel *
plan_format_read(const char *text, size_t length, GError **error)
{
    g_autoptr(JsonObject) top = jobj_parse(text, length, error);
    g_autoptr(GHashTable) resources = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) hosts = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) guests = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) groups = g_hash_table_new(g_str_hash, g_str_equal);
    Reader r = {
        .resources = resources,
        .hosts = hosts,
        .guests = guests,
        .groups = groups,
    };
    g_autoptr(PlanModel) model = NULL;

    if (!top) {
        return NULL;
    }
    read_top(&r, top);
    model = r.m;
    if (r.error) {
        g_propagate_error(error, r.error);
        return NULL;
    }
    return plan_model_finish(model, error) ? g_steal_pointer(&model) : NULL;
}

int32_t *
plan_format_read_placement(const PlanModel *m, const char *text, size_t length,
                           GError **error)
{
    g_autoptr(JsonObject) top = jobj_parse(text, length, error);
    g_autoptr(GHashTable) hosts = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree int32_t *host_of = g_new0(int32_t, m->n_guests);
    JsonObject *placement = NULL;
    Reader r = { .hosts = hosts };

    if (!top) {
        return NULL;
    }
    if (!json_object_is_type(top, json_type_object) ||
        g_strcmp0(get_text(&r, top, "format", true), PLAN_FORMAT_PLACEMENT) !=
            0) {
        wrong(&r, "format", "\"%s\" is expected", PLAN_FORMAT_PLACEMENT);
    }
    placement = member(&r, top, "placement");
    if (!r.error && !json_object_is_type(placement, json_type_object)) {
        wrong(&r, "placement", "an object, host by guest, is expected");
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        g_hash_table_insert(hosts, m->hosts[h].name,
                            GINT_TO_POINTER((gint)h + 1));
    }
    if (!r.error &&
        (size_t)json_object_object_length(placement) != m->n_guests) {
        wrong(&r, "placement", "it has %d guests, the model %zu",
              json_object_object_length(placement), m->n_guests);
    }
    at(&r, "placement");
    for (size_t g = 0; !r.error && g < m->n_guests; g++) {
        JsonObject *value = NULL;

        if (!json_object_object_get_ex(placement, m->guests[g].name, &value)) {
            wrong(&r, m->guests[g].name, "this guest is missing");
        } else if (!value) {
            host_of[g] = PLAN_NOWHERE;
        } else {
            host_of[g] =
                find_value(&r, hosts, "host", m->guests[g].name, value);
        }
    }
    if (r.error) {
        g_propagate_error(error, r.error);
        return NULL;
    }
    return g_steal_pointer(&host_of);
}
