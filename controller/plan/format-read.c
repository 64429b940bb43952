/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format-read.c - see format.h
 */
#include "plan/format-reader.h"

#include <string.h>

static void
read_resource(Reader *r, JsonObject *object, size_t i)
{
    PlanResource *resource = &r->m->resources[i];

    reader_at(r, "resources[%zu]", i);
    reader_members_known(r, object,
                         "name reserve side_reserve transient over_weight ");
    resource->name = reader_take_name(r, object, r->resources, i);
    resource->reserve_milli = 800;
    reader_milli(r, object, "reserve", &resource->reserve_milli);
    resource->side_reserve_milli = resource->reserve_milli;
    reader_milli(r, object, "side_reserve", &resource->side_reserve_milli);
    reader_flag(r, object, "transient", &resource->transient);
    reader_whole(r, object, "over_weight", &resource->over_weight);
}

/* Digits of a BCube; all hosts have as many as the first, or none */
static void
read_address(Reader *r, JsonObject *object, size_t i)
{
    PlanModel *m = r->m;
    size_t n;
    JsonObject *list = reader_list(r, object, "address", false, &n);

    if (i == 0 && list) {
        if (n < 1 || n > PLAN_MAX_DIGITS) {
            reader_wrong(r, "address", "1 to %d digits are expected",
                         PLAN_MAX_DIGITS);
            return;
        }
        m->n_digits = n;
        m->address = g_new0(int32_t, m->n_hosts * n);
    }
    if (!r->error && (list ? n : 0) != m->n_digits) {
        reader_wrong(r, "address",
                     "%zu digits are expected, as the first host has",
                     m->n_digits);
    }
    for (size_t k = 0; !r->error && k < m->n_digits; k++) {
        int64_t digit;

        if (!reader_is_whole(json_object_array_get_idx(list, k), &digit) ||
            digit > INT32_MAX) {
            reader_wrong(r, "address", "whole numbers from 0 on are expected");
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
    JsonObject *list = reader_list(r, object, "sides", false, &n_sides);
    int64_t *sides;

    if (list && n_sides != 2) {
        reader_wrong(r, "sides", "two are expected, not %zu", n_sides);
    }
    if (!list || r->error) {
        return;
    }
    sides = plan_model_divide(m, i);
    for (size_t side = 0; side < 2; side++) {
        reader_amount_list(r, json_object_array_get_idx(list, side), "sides",
                           sides + side * n);
    }
    for (size_t k = 0; !r->error && k < n; k++) {
        int64_t *capacity = &m->capacity[i * n + k];

        if (sides[k] < 0 && sides[n + k] < 0) {
            continue;
        }
        if (*capacity != 0) {
            reader_wrong(r, "capacity",
                         "%s is named in sides, which are added up",
                         m->resources[k].name);
        }
        sides[k] = MAX(0, sides[k]);
        sides[n + k] = MAX(0, sides[n + k]);
        if (sides[k] > INT64_MAX / 4 || sides[n + k] > INT64_MAX / 4) {
            reader_wrong(r, "sides", "%s: the amount is too large",
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

    reader_at(r, "hosts[%zu]", i);
    reader_members_known(
        r, object,
        "name rack pod site address capacity sides safe features "
        "closed idle_mw busy_mw link_bytes_s ");
    host->name = reader_take_name(r, object, r->hosts, i);
    for (int level = PLAN_LEVEL_RACK; level < PLAN_N_LEVELS; level++) {
        const char *name =
            reader_text(r, object, plan_level_name((PlanLevel)level), false);

        m->place[level][i] =
            plan_model_place(m, (PlanLevel)level, name ? name : "");
    }
    reader_amounts(r, object, "capacity", m->capacity + i * n);
    read_address(r, object, i);
    read_sides(r, object, i);
    memcpy(m->safe + i * n, m->capacity + i * n, n * sizeof(int64_t));
    reader_amounts(r, object, "safe", m->safe + i * n);
    host->features = reader_features(r, object, "features");
    reader_flag(r, object, "closed", &host->closed);
    reader_whole(r, object, "idle_mw", &host->idle_mw);
    host->busy_mw = host->idle_mw;
    reader_whole(r, object, "busy_mw", &host->busy_mw);
    reader_unsigned(r, object, "link_bytes_s", &host->link_bytes_s);
}

static void
read_guest(Reader *r, JsonObject *object, size_t i)
{
    PlanModel *m = r->m;
    PlanGuest *guest = &m->guests[i];

    reader_at(r, "guests[%zu]", i);
    reader_members_known(
        r, object,
        "name host demand numa requires pinned allowed move_cost "
        "memory_bytes hot_bytes hot_bytes_s cold_bytes_s ");
    guest->name = reader_take_name(r, object, r->guests, i);
    if (reader_member(r, object, "host")) {
        guest->host = reader_ref(r, object, "host", r->hosts, "host");
    }
    reader_amounts(r, object, "demand", m->demand + i * m->n_resources);
    if (reader_member(r, object, "numa")) {
        int64_t numa = 0;

        reader_whole(r, object, "numa", &numa);
        if (numa < 1 || numa > 2) {
            reader_wrong(r, "numa",
                         "1, one side of its host, or 2, half on each, is "
                         "expected");
        }
        guest->numa = (int32_t)numa;
    }
    guest->requires = reader_features(r, object, "requires");
    reader_flag(r, object, "pinned", &guest->pinned);
    if (reader_member(r, object, "allowed")) {
        m->allowed[i] = reader_refs(r, object, "allowed", r->hosts, "host",
                                    &m->n_allowed[i]);
    }
    reader_whole(r, object, "move_cost", &guest->move_cost);
    reader_unsigned(r, object, "memory_bytes", &guest->memory_bytes);
    reader_unsigned(r, object, "hot_bytes", &guest->hot_bytes);
    reader_unsigned(r, object, "hot_bytes_s", &guest->hot_bytes_s);
    reader_unsigned(r, object, "cold_bytes_s", &guest->cold_bytes_s);
}

static const char *const names[] = { "host", "rack", "pod", "site", "far" };
G_STATIC_ASSERT(G_N_ELEMENTS(names) == PLAN_N_LEVELS + 1);

/* An hour at most, so that a path of some is no question of range */
static void
read_latency(Reader *r, JsonObject *object, const char *name,
             PlanLatency *latency)
{
    JsonObject *value = reader_member(r, object, name);

    if (!value) {
        return;
    }
    reader_at(r, "latencies.%s", name);
    reader_members_known(r, value, "mean_us jitter_us ");
    reader_whole(r, value, "mean_us", &latency->mean_us);
    reader_whole(r, value, "jitter_us", &latency->jitter_us);
    if (latency->mean_us > INT64_C(3600000000) ||
        latency->jitter_us > INT64_C(3600000000)) {
        reader_wrong(r, "", "an hour is the most that a latency can be");
    }
    reader_at(r, "latencies");
}

static void
read_rest(Reader *r, JsonObject *top)
{
    PlanModel *m = r->m;
    JsonObject *object = reader_member(r, top, "distances");
    size_t n;

    if (object) {
        reader_at(r, "distances");
        reader_members_known(r, object, "host rack pod site far hop ");
        reader_milli(r, object, "hop", &m->hop_milli);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
            reader_milli(r, object, names[i], &m->distance_milli[i]);
        }
    }
    object = reader_member(r, top, "latencies");
    if (object) {
        reader_at(r, "latencies");
        reader_members_known(r, object, "host rack pod site far hop ");
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
            read_latency(r, object, names[i], &m->latency[i]);
        }
        read_latency(r, object, "hop", &m->hop);
    }
    object = reader_member(r, top, "weights");
    if (object) {
        reader_at(r, "weights");
        reader_members_known(r, object,
                             "hosts energy traffic move host_move group_move ");
        reader_whole(r, object, "hosts", &m->weights.hosts);
        reader_whole(r, object, "energy", &m->weights.energy);
        reader_whole(r, object, "traffic", &m->weights.traffic);
        reader_whole(r, object, "move", &m->weights.move);
        reader_whole(r, object, "host_move", &m->weights.host_move);
        reader_whole(r, object, "group_move", &m->weights.group_move);
    }
    reader_at(r, "%s", "");
    object = reader_list(r, top, "host_moves", false, &n);
    if (object && n != m->n_hosts) {
        reader_wrong(r, "host_moves", "%zu rows are expected, one a host",
                     m->n_hosts);
    }
    if (!object || r->error) {
        return;
    }
    m->host_moves = g_new0(int32_t, m->n_hosts * m->n_hosts);
    for (size_t i = 0; !r->error && i < n; i++) {
        JsonObject *row = json_object_array_get_idx(object, i);

        reader_at(r, "host_moves[%zu]", i);
        if (!json_object_is_type(row, json_type_array) ||
            json_object_array_length(row) != m->n_hosts) {
            reader_wrong(r, "", "an array of %zu numbers is expected",
                         m->n_hosts);
            return;
        }
        for (size_t j = 0; j < m->n_hosts; j++) {
            int64_t cost;

            if (!reader_is_whole(json_object_array_get_idx(row, j), &cost) ||
                cost > INT32_MAX) {
                reader_wrong(r, "",
                             "whole numbers from 0 to 2^31 - 1 are expected");
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
        { "groups", false, reader_group },
        { "rules", false, reader_rule },
        { "balances", false, reader_balance },
        { "traffic", false, reader_flow },
        { "totals", false, reader_total },
        { "trunks", false, reader_trunk },
    };
    JsonObject *list[G_N_ELEMENTS(lists)];
    size_t n[G_N_ELEMENTS(lists)];
    const char *format;

    reader_members_known(
        r, top,
        "format comment resources hosts guests groups rules "
        "balances traffic distances latencies totals trunks weights "
        "host_moves ");
    format = reader_text(r, top, "format", true);
    if (format && strcmp(format, PLAN_FORMAT_MODEL) != 0) {
        reader_wrong(r, "format", "\"%s\" is not \"%s\"", format,
                     PLAN_FORMAT_MODEL);
    }
    for (size_t k = 0; k < G_N_ELEMENTS(lists); k++) {
        list[k] = reader_list(r, top, lists[k].name, lists[k].required, &n[k]);
    }
    if (!r->error && n[0] > PLAN_MAX_RESOURCES) {
        reader_wrong(r, "resources",
                     "%zu are more than the %d that are possible", n[0],
                     PLAN_MAX_RESOURCES);
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
        g_strcmp0(reader_text(&r, top, "format", true),
                  PLAN_FORMAT_PLACEMENT) != 0) {
        reader_wrong(&r, "format", "\"%s\" is expected", PLAN_FORMAT_PLACEMENT);
    }
    placement = reader_member(&r, top, "placement");
    if (!r.error && !json_object_is_type(placement, json_type_object)) {
        reader_wrong(&r, "placement", "an object, host by guest, is expected");
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        g_hash_table_insert(hosts, m->hosts[h].name,
                            GINT_TO_POINTER((gint)h + 1));
    }
    if (!r.error &&
        (size_t)json_object_object_length(placement) != m->n_guests) {
        reader_wrong(&r, "placement", "it has %d guests, the model %zu",
                     json_object_object_length(placement), m->n_guests);
    }
    reader_at(&r, "placement");
    for (size_t g = 0; !r.error && g < m->n_guests; g++) {
        JsonObject *value = NULL;

        if (!json_object_object_get_ex(placement, m->guests[g].name, &value)) {
            reader_wrong(&r, m->guests[g].name, "this guest is missing");
        } else if (!value) {
            host_of[g] = PLAN_NOWHERE;
        } else {
            host_of[g] =
                reader_find_value(&r, hosts, "host", m->guests[g].name, value);
        }
    }
    if (r.error) {
        g_propagate_error(error, r.error);
        return NULL;
    }
    return g_steal_pointer(&host_of);
}
