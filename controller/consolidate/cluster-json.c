/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cluster-json.c - a cluster as JSON, and back
 *
 * Flows name guests by number, for there may be a hundred thousand of them.
 */
#include <string.h>

#include "base/clock.h"
#include "consolidate/cluster.h"

static JsonObject *
host_to_json(const ClusterHost *host)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "name", host->name);
    jobj_add_string(json, "state", cluster_host_state_name(host->state));
    if (host->why) {
        jobj_add_string(json, "why", host->why);
    }
    jobj_add_string(json, "rack", host->rack);
    jobj_add_string(json, "pod", host->pod);
    jobj_add_string(json, "site", host->site);
    jobj_add_u64(json, "link_bytes_s", host->link_bytes_s);
    jobj_add_i64(json, "cpu_milli", host->cpu_milli);
    jobj_add_u64(json, "memory_bytes", host->memory_bytes);
    jobj_add_i64(json, "slots", host->slots);
    jobj_add_i64(json, "idle_mw", host->idle_mw);
    jobj_add_i64(json, "busy_mw", host->busy_mw);
    jobj_add(json, "features",
             jobj_new_words((const char *const *)host->features));
    jobj_add_bool(json, "closed", host->closed);
    jobj_add_i64(json, "own_cpu_milli", host->own_cpu_milli);
    jobj_add_u64(json, "own_memory_bytes", host->own_memory_bytes);
    return json;
}

static JsonObject *
guest_to_json(const Cluster *cluster, const ClusterGuest *guest)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "name", guest->name);
    if (guest->uuid) {
        jobj_add_string(json, "uuid", guest->uuid);
    }
    jobj_add_string(json, "host",
                    cluster_host(cluster, (size_t)guest->host)->name);
    jobj_add_i64(json, "vcpus", guest->vcpus);
    if (guest->cpu_milli >= 0) {
        jobj_add_i64(json, "cpu_milli", guest->cpu_milli);
    }
    jobj_add_u64(json, "memory_bytes", guest->memory_bytes);
    jobj_add_u64(json, "resident_bytes", guest->resident_bytes);
    jobj_add_u64(json, "hot_bytes", guest->hot_bytes);
    jobj_add_u64(json, "hot_bytes_s", guest->hot_bytes_s);
    jobj_add_u64(json, "cold_bytes_s", guest->cold_bytes_s);
    jobj_add_bool(json, "moving", guest->moving);
    if (guest->fixed) {
        jobj_add_string(json, "fixed", guest->fixed);
    }
    jobj_add_bool(json, "gone", guest->gone);
    return json;
}

JsonObject *
cluster_to_json(const Cluster *cluster)
{
    JsonObject *json = json_object_new_object();
    JsonObject *hosts = json_object_new_array();
    JsonObject *guests = json_object_new_array();
    JsonObject *flows = json_object_new_array();
    g_autofree char *at = clock_format_utc(cluster->at_us);

    jobj_add_string(json, "format", CLUSTER_FORMAT);
    jobj_add_string(json, "at", at);
    for (guint i = 0; i < cluster->hosts->len; i++) {
        json_object_array_add(hosts, host_to_json(cluster_host(cluster, i)));
    }
    jobj_add(json, "hosts", hosts);
    for (guint i = 0; i < cluster->guests->len; i++) {
        json_object_array_add(
            guests, guest_to_json(cluster, cluster_guest(cluster, i)));
    }
    jobj_add(json, "guests", guests);
    for (guint i = 0; i < cluster->flows->len; i++) {
        const ClusterFlow *flow =
            &g_array_index(cluster->flows, ClusterFlow, i);
        JsonObject *one = json_object_new_object();

        jobj_add_i64(one, "a", flow->a);
        jobj_add_i64(one, "b", flow->b);
        jobj_add_double(one, "bytes_s", flow->bytes_s);
        json_object_array_add(flows, one);
    }
    jobj_add(json, "flows", flows);
    jobj_add_double(json, "flow_span_s", cluster->flow_span_s);
    if (cluster->groups->len > 0) {
        jobj_add(json, "groups", cluster_groups_to_json(cluster));
    }
    return json;
}

/* A reader of one object: remembers the first thing that is wrong. */
typedef struct Reader {
    JsonObject *json;
    char *where;
    GError **error;
    bool failed;
} Reader;

static void
fail(Reader *r, const char *member, const char *what)
{
    if (!r->failed) {
        g_set_error(r->error, CONS_ERROR, CONS_ERROR_SYNTAX, "%s.%s: %s",
                    r->where, member, what);
        r->failed = true;
    }
}

static char *
read_string(Reader *r, const char *member, bool needed)
{
    const char *text = NULL;

    if (!jobj_get_string(r->json, member, &text) &&
        (needed || jobj_get(r->json, member))) {
        fail(r, member, "is no string");
    }
    return g_strdup(text);
}

static int64_t
read_whole(Reader *r, const char *member, int64_t most)
{
    int64_t value = 0;

    if (!jobj_get_i64(r->json, member, &value)) {
        if (jobj_get(r->json, member)) {
            fail(r, member, "is no whole number");
        }
        return 0;
    }
    if (value < 0 || value > most) {
        fail(r, member, "is out of range");
        return 0;
    }
    return value;
}

static bool
read_bool(Reader *r, const char *member)
{
    bool value = false;

    if (!jobj_get_bool(r->json, member, &value) && jobj_get(r->json, member)) {
        fail(r, member, "is neither true nor false");
    }
    return value;
}

#define MOST_BYTES ((int64_t)1 << 56)
#define MOST_SMALL ((int64_t)1 << 40)

static void
read_place(Reader *r, const char *member, char **place)
{
    char *text = read_string(r, member, false);

    if (text) {
        g_free(*place);
        *place = text;
    }
}

static bool
read_host(Cluster *cluster, Reader *r)
{
    g_autofree char *name = read_string(r, "name", true);
    g_autofree char *state = read_string(r, "state", true);
    JsonObject *features = jobj_get(r->json, "features");
    ClusterHost *host;
    int number = -1;

    if (r->failed) {
        return false;
    }
    if (cluster_find_host(cluster, name) >= 0) {
        fail(r, "name", "is there twice");
        return false;
    }
    for (int i = 0; i < CLUSTER_N_HOST_STATES; i++) {
        if (g_str_equal(state, cluster_host_state_name(i))) {
            number = i;
        }
    }
    if (number < 0) {
        fail(r, "state", "is none of up, unknown, asleep");
        return false;
    }
    host = cluster_add_host(cluster, name);
    host->state = (ClusterHostState)number;
    host->why = read_string(r, "why", false);
    read_place(r, "rack", &host->rack);
    read_place(r, "pod", &host->pod);
    read_place(r, "site", &host->site);
    host->link_bytes_s = (uint64_t)read_whole(r, "link_bytes_s", MOST_BYTES);
    host->cpu_milli = read_whole(r, "cpu_milli", MOST_SMALL);
    host->memory_bytes = (uint64_t)read_whole(r, "memory_bytes", MOST_BYTES);
    host->slots = read_whole(r, "slots", MOST_SMALL);
    host->idle_mw = read_whole(r, "idle_mw", MOST_SMALL);
    host->busy_mw = read_whole(r, "busy_mw", MOST_SMALL);
    host->closed = read_bool(r, "closed");
    host->own_cpu_milli = read_whole(r, "own_cpu_milli", MOST_SMALL);
    host->own_memory_bytes =
        (uint64_t)read_whole(r, "own_memory_bytes", MOST_BYTES);
    if (features) {
        g_autoptr(GStrvBuilder) words = g_strv_builder_new();

        if (!json_object_is_type(features, json_type_array)) {
            fail(r, "features", "is no list");
            return false;
        }
        for (size_t i = 0; i < json_object_array_length(features); i++) {
            JsonObject *word = json_object_array_get_idx(features, i);

            if (!json_object_is_type(word, json_type_string)) {
                fail(r, "features", "is no list of strings");
                return false;
            }
            g_strv_builder_add(words, json_object_get_string(word));
        }
        g_strfreev(host->features);
        host->features = g_strv_builder_end(words);
    }
    return !r->failed;
}

static bool
read_guest(Cluster *cluster, Reader *r, GHashTable *hosts)
{
    g_autofree char *name = read_string(r, "name", true);
    g_autofree char *host = read_string(r, "host", true);
    ClusterGuest *guest;
    gpointer index;

    if (r->failed) {
        return false;
    }
    index = g_hash_table_lookup(hosts, host);
    if (!index) {
        fail(r, "host", "is none of hosts");
        return false;
    }
    guest = cluster_add_guest(cluster, name, GPOINTER_TO_INT(index) - 1);
    if (!guest) {
        fail(r, "name", "is there twice");
        return false;
    }
    guest->uuid = read_string(r, "uuid", false);
    guest->vcpus = read_whole(r, "vcpus", MOST_SMALL);
    guest->cpu_milli = jobj_get(r->json, "cpu_milli")
                           ? read_whole(r, "cpu_milli", MOST_SMALL)
                           : -1;
    guest->memory_bytes = (uint64_t)read_whole(r, "memory_bytes", MOST_BYTES);
    if (jobj_get(r->json, "resident_bytes")) { /* not in older ones */
        guest->resident_bytes =
            (uint64_t)read_whole(r, "resident_bytes", MOST_BYTES);
    }
    guest->hot_bytes = (uint64_t)read_whole(r, "hot_bytes", MOST_BYTES);
    guest->hot_bytes_s = (uint64_t)read_whole(r, "hot_bytes_s", MOST_BYTES);
    guest->cold_bytes_s = (uint64_t)read_whole(r, "cold_bytes_s", MOST_BYTES);
    guest->moving = read_bool(r, "moving");
    guest->fixed = read_string(r, "fixed", false);
    guest->gone = read_bool(r, "gone");
    return !r->failed;
}

static bool
read_flow(Cluster *cluster, Reader *r)
{
    int64_t most = (int64_t)cluster->guests->len - 1;
    int64_t a = read_whole(r, "a", most);
    int64_t b = read_whole(r, "b", most);
    double bytes_s = -1;

    if (r->failed) {
        return false;
    }
    if (a == b || a > most || b > most) {
        fail(r, "b", "is no other guest");
        return false;
    }
    if (!jobj_get_double(r->json, "bytes_s", &bytes_s) || bytes_s < 0 ||
        bytes_s > 1e18) {
        fail(r, "bytes_s", "is no rate");
        return false;
    }
    cluster_add_flow(cluster, (int32_t)a, (int32_t)b, bytes_s);
    return true;
}

static bool
read_list(Cluster *cluster, JsonObject *json, const char *member,
          GHashTable *hosts, GError **error)
{
    JsonObject *list = jobj_get(json, member);

    if (!list || !json_object_is_type(list, json_type_array)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX, "%s: is no list",
                    member);
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        g_autofree char *where = g_strdup_printf("%s[%zu]", member, i);
        Reader r = { json_object_array_get_idx(list, i), where, error, false };
        bool fine;

        switch (member[0]) {
        case 'h':
            fine = read_host(cluster, &r);
            if (fine) {
                g_hash_table_insert(hosts, cluster_host(cluster, i)->name,
                                    GINT_TO_POINTER((int)i + 1));
            }
            break;
        case 'g':
            fine = read_guest(cluster, &r, hosts);
            break;
        default:
            fine = read_flow(cluster, &r);
            break;
        }
        if (!fine) {
            return false;
        }
    }
    return true;
}

Cluster *
cluster_from_json(JsonObject *json, GError **error)
{
    g_autoptr(Cluster) cluster = cluster_new(0);
    g_autoptr(GHashTable) hosts = g_hash_table_new(g_str_hash, g_str_equal);
    const char *format = NULL;
    const char *at = NULL;

    if (!jobj_get_string(json, "format", &format) ||
        strcmp(format, CLUSTER_FORMAT) != 0) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "format: is not \"%s\"", CLUSTER_FORMAT);
        return NULL;
    }
    if (!jobj_get_string(json, "at", &at)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX, "at: is no time");
        return NULL;
    }
    if (!clock_parse_utc(at, &cluster->at_us, error)) {
        g_prefix_error(error, "at: ");
        return NULL;
    }
    if (!read_list(cluster, json, "hosts", hosts, error) ||
        !read_list(cluster, json, "guests", hosts, error) ||
        !read_list(cluster, json, "flows", hosts, error) ||
        !cluster_groups_from_json(cluster, jobj_get(json, "groups"), error)) {
        return NULL;
    }
    if (!jobj_get_double(json, "flow_span_s", &cluster->flow_span_s)) {
        cluster->flow_span_s = 0;
    }
    return g_steal_pointer(&cluster);
}
