/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import-btrplace.c - instances of BtrPlace, JSON
 *
 * Nodes are hosts, VMs guests, shareable resources resources (with reserve 1).
 * A node that is off, or that an "offline" constraint keeps so, is closed.
 * "running" asks that a VM runs, which every guest has to; "preserve" raises
 * its demand; "spread" keeps VMs on different nodes; "among" keeps them in one
 * of several sets of nodes, which become racks and have to be the same sets in
 * every such constraint; "resourceCapacity" of one node lowers its capacity.
 * Anything else is refused by its name, not overlooked. Moves cost 1 each.
 */
#include <inttypes.h>

#include "base/json.h"
#include "plan/import.h"

typedef struct Group {
    JsonObject *vms; /* borrowed */
    PlanRuleKind kind;
} Group;

typedef struct BtrPlace {
    GError *error;
    PlanModel *m;
    GHashTable *nodes, *vms; /* id -> index + 1 */
    GArray *node_ids, *vm_ids;
    GPtrArray *views;  /* shareable resources, borrowed */
    JsonObject *parts; /* of the first "among" */
    GArray *groups;    /* Group */
} BtrPlace;

static void G_GNUC_PRINTF(2, 3) wrong(BtrPlace *b, const char *format, ...)
{
    va_list args;

    if (!b->error) {
        va_start(args, format);
        b->error =
            g_error_new_valist(PLAN_ERROR, PLAN_ERROR_MEMBER, format, args);
        va_end(args);
    }
}

static JsonObject *
get(BtrPlace *b, JsonObject *object, const char *name, enum json_type type)
{
    JsonObject *value = jobj_get(object, name);

    if (!b->error && !json_object_is_type(value, type)) {
        wrong(b, "%s: %s is expected", name,
              type == json_type_array ? "an array" : "an object");
    }
    return b->error ? NULL : value;
}

/* An identity: a whole number from 0 to 2^30 */
static int
get_id(BtrPlace *b, JsonObject *value, const char *what)
{
    int64_t id = -1;

    if (json_object_is_type(value, json_type_int)) {
        id = json_object_get_int64(value);
    }
    if (id < 0 || id > 1 << 30) {
        wrong(b, "%s: an identity is expected", what);
        return 0;
    }
    return (int)id;
}

static int32_t
find(BtrPlace *b, GHashTable *table, int id, const char *what)
{
    gpointer index = g_hash_table_lookup(table, GINT_TO_POINTER(id));

    if (!index) {
        wrong(b, "there is no %s %d", what, id);
        return 0;
    }
    return GPOINTER_TO_INT(index) - 1;
}

static void
take_id(BtrPlace *b, GHashTable *table, GArray *ids, int id, const char *what)
{
    if (!g_hash_table_insert(table, GINT_TO_POINTER(id),
                             GINT_TO_POINTER((gint)ids->len + 1))) {
        wrong(b, "%s %d comes twice", what, id);
    }
    g_array_append_val(ids, id);
}

static void
read_ids(BtrPlace *b, JsonObject *list, GHashTable *table, GArray *ids,
         const char *what)
{
    size_t n = list ? json_object_array_length(list) : 0;

    for (size_t i = 0; !b->error && i < n; i++) {
        take_id(b, table, ids,
                get_id(b, json_object_array_get_idx(list, i), what), what);
    }
}

static int
id_of_key(BtrPlace *b, const char *key)
{
    guint64 id = 0;

    if (!g_ascii_string_to_unsigned(key, 10, 0, 1 << 30, &id, NULL)) {
        wrong(b, "\"%s\" is no identity", key);
    }
    return (int)id;
}

/* All nodes and VMs, in the order of the file; nodes that run first */
static void
read_mapping(BtrPlace *b, JsonObject *mapping)
{
    JsonObject *online = get(b, mapping, "onlineNodes", json_type_object);
    JsonObject *offline = get(b, mapping, "offlineNodes", json_type_array);
    JsonObject *ready = get(b, mapping, "readyVMs", json_type_array);

    if (b->error) {
        return;
    }
    json_object_object_foreach (online, key, node) {
        JsonObject *running = get(b, node, "runningVMs", json_type_array);
        JsonObject *sleeping = get(b, node, "sleepingVMs", json_type_array);

        if (sleeping && json_object_array_length(sleeping) > 0) {
            wrong(b, "node %s: sleeping VMs are not supported", key);
        }
        take_id(b, b->nodes, b->node_ids, id_of_key(b, key), "node");
        read_ids(b, running, b->vms, b->vm_ids, "VM");
    }
    read_ids(b, offline, b->nodes, b->node_ids, "node");
    read_ids(b, ready, b->vms, b->vm_ids, "VM");
}

static void
read_constraint(BtrPlace *b, JsonObject *constraint)
{
    const char *id = NULL;
    Group group = { 0 };

    if (!jobj_get_string(constraint, "id", &id)) {
        wrong(b, "constraints: id: a text is expected");
        return;
    }
    if (g_str_equal(id, "spread") || g_str_equal(id, "among")) {
        group.vms = get(b, constraint, "vms", json_type_array);
        group.kind =
            g_str_equal(id, "spread") ? PLAN_RULE_APART : PLAN_RULE_TOGETHER;
        if (group.kind == PLAN_RULE_TOGETHER) {
            JsonObject *parts = get(b, constraint, "parts", json_type_array);

            if (b->parts && parts && !json_object_equal(parts, b->parts)) {
                wrong(b, "constraints: among: all have to have the same "
                         "parts, two differ");
            }
            b->parts = b->parts ? b->parts : parts;
        }
        g_array_append_val(b->groups, group);
    } else if (!g_str_equal(id, "online") && !g_str_equal(id, "offline") &&
               !g_str_equal(id, "running") && !g_str_equal(id, "preserve") &&
               !g_str_equal(id, "resourceCapacity")) {
        wrong(b, "constraints: \"%s\" is not supported", id);
    }
}

static void
read_amounts(BtrPlace *b, JsonObject *view, size_t r)
{
    static const char *const whose[] = { "nodes", "vms" };
    PlanModel *m = b->m;
    int64_t normal[2] = { 0, 0 };
    const char *name = NULL;

    jobj_get_string(view, "rcId", &name);
    m->resources[r].name = g_strdup(name ? name : "resource");
    for (int k = 0; k < 2; k++) {
        JsonObject *amounts = get(b, view, whose[k], json_type_object);
        JsonObject *value =
            jobj_get(view, k ? "defConsumption" : "defCapacity");
        size_t n = k ? m->n_guests : m->n_hosts;
        int64_t *into = k ? m->demand : m->capacity;

        /* the files write these as text */
        normal[k] = value ? json_object_get_int64(value) : 0;
        for (size_t i = 0; i < n; i++) {
            into[i * m->n_resources + r] = normal[k];
        }
        if (!amounts) {
            return;
        }
        json_object_object_foreach (amounts, key, amount) {
            int id = id_of_key(b, key);
            gpointer index =
                g_hash_table_lookup(k ? b->vms : b->nodes, GINT_TO_POINTER(id));

            if (!json_object_is_type(amount, json_type_int)) {
                wrong(b, "%s of %s: a whole number is expected",
                      m->resources[r].name, key);
                return;
            }
            if (index) {
                into[(size_t)(GPOINTER_TO_INT(index) - 1) * m->n_resources +
                     r] = json_object_get_int64(amount);
            }
        }
    }
}

static int32_t
find_resource(BtrPlace *b, JsonObject *constraint)
{
    const char *name = NULL;

    jobj_get_string(constraint, "rc", &name);
    for (size_t r = 0; name && r < b->m->n_resources; r++) {
        if (g_str_equal(b->m->resources[r].name, name)) {
            return (int32_t)r;
        }
    }
    wrong(b, "constraints: there is no resource \"%s\"", name ? name : "");
    return 0;
}

/* Constraints that change hosts and guests */
static void
apply_constraint(BtrPlace *b, JsonObject *constraint)
{
    PlanModel *m = b->m;
    const char *id = NULL;
    int64_t amount = 0;

    jobj_get_string(constraint, "id", &id);
    if (g_str_equal(id, "offline")) {
        int node = get_id(b, jobj_get(constraint, "node"), "node");

        m->hosts[find(b, b->nodes, node, "node")].closed = true;
    } else if (g_str_equal(id, "preserve")) {
        int vm = get_id(b, jobj_get(constraint, "vm"), "VM");
        size_t r = (size_t)find_resource(b, constraint);
        size_t g = (size_t)find(b, b->vms, vm, "VM");
        int64_t *demand;

        if (b->error || !jobj_get_i64(constraint, "amount", &amount)) {
            wrong(b, "constraints: preserve: amount is missing");
            return;
        }
        demand = &m->demand[g * m->n_resources + r];
        *demand = MAX(*demand, amount);
    } else if (g_str_equal(id, "resourceCapacity")) {
        JsonObject *list = get(b, constraint, "nodes", json_type_array);
        size_t r = (size_t)find_resource(b, constraint);
        int64_t *capacity;
        int node;

        if (b->error || json_object_array_length(list) != 1 ||
            !jobj_get_i64(constraint, "amount", &amount)) {
            wrong(b, "constraints: resourceCapacity of one node and an amount "
                     "is supported, nothing else");
            return;
        }
        node = get_id(b, json_object_array_get_idx(list, 0), "node");
        capacity = &m->capacity[(size_t)find(b, b->nodes, node, "node") *
                                    m->n_resources +
                                r];
        *capacity = MIN(*capacity, amount);
    }
}

static void
fill_places(BtrPlace *b)
{
    size_t n = b->parts ? json_object_array_length(b->parts) : 0;

    for (size_t p = 0; p < n; p++) {
        JsonObject *part = json_object_array_get_idx(b->parts, p);
        g_autofree char *name = g_strdup_printf("part%zu", p);
        int32_t place = plan_model_place(b->m, PLAN_LEVEL_RACK, name);

        if (!json_object_is_type(part, json_type_array)) {
            wrong(b, "constraints: among: parts are arrays of nodes");
            return;
        }
        for (size_t i = 0; i < json_object_array_length(part); i++) {
            int id = get_id(b, json_object_array_get_idx(part, i), "node");

            b->m->place[PLAN_LEVEL_RACK][find(b, b->nodes, id, "node")] = place;
        }
    }
}

static void
fill_groups(BtrPlace *b)
{
    for (guint k = 0; k < b->groups->len && !b->error; k++) {
        const Group *from = &g_array_index(b->groups, Group, k);
        PlanGroup *group = &b->m->groups[k];
        bool apart = from->kind == PLAN_RULE_APART;

        group->name = g_strdup_printf("%s%u", apart ? "spread" : "among", k);
        group->n_members = json_object_array_length(from->vms);
        group->members = g_new0(int32_t, group->n_members);
        for (size_t i = 0; i < group->n_members; i++) {
            int id = get_id(b, json_object_array_get_idx(from->vms, i), "VM");

            group->members[i] = find(b, b->vms, id, "VM");
        }
        b->m->rules[k] = (PlanRule){
            .kind = from->kind,
            .level = apart ? PLAN_LEVEL_HOST : PLAN_LEVEL_RACK,
            .group = (int32_t)k,
        };
    }
}

static void
fill_hosts_and_guests(BtrPlace *b, JsonObject *model)
{
    PlanModel *m = b->m;
    JsonObject *online = jobj_get(model, "mapping.onlineNodes");
    JsonObject *offline = jobj_get(model, "mapping.offlineNodes");
    JsonObject *attributes = jobj_get(model, "attributes.vms");

    for (size_t h = 0; h < m->n_hosts; h++) {
        m->hosts[h].name =
            g_strdup_printf("n%d", g_array_index(b->node_ids, int, h));
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        int id = g_array_index(b->vm_ids, int, g);
        g_autofree char *path = g_strdup_printf("%d", id);
        int64_t megabytes = 0;

        m->guests[g].name = g_strdup_printf("vm%d", id);
        if (jobj_get_i64(jobj_get(attributes, path), "memUsed", &megabytes) &&
            megabytes > 0 && megabytes < 1 << 30) {
            m->guests[g].memory_bytes = (uint64_t)megabytes * 1000000;
        }
    }
    for (size_t i = 0; i < json_object_array_length(offline); i++) {
        int id = get_id(b, json_object_array_get_idx(offline, i), "node");

        m->hosts[find(b, b->nodes, id, "node")].closed = true;
    }
    json_object_object_foreach (online, key, node) {
        JsonObject *running = jobj_get(node, "runningVMs");
        int32_t host = find(b, b->nodes, id_of_key(b, key), "node");

        for (size_t i = 0; i < json_object_array_length(running); i++) {
            int id = get_id(b, json_object_array_get_idx(running, i), "VM");

            m->guests[find(b, b->vms, id, "VM")].host = host;
        }
    }
}

/* A node that "online" asks for although it is off, or which says both, is not
 * looked into: our planner does not switch hosts on. */
static void
read_all(BtrPlace *b, JsonObject *top)
{
    JsonObject *model = get(b, top, "model", json_type_object);
    JsonObject *mapping = get(b, model, "mapping", json_type_object);
    JsonObject *views = get(b, model, "views", json_type_array);
    JsonObject *constraints = get(b, top, "constraints", json_type_array);

    if (!b->error) {
        read_mapping(b, mapping);
    }
    for (size_t i = 0; !b->error && i < json_object_array_length(views); i++) {
        JsonObject *view = json_object_array_get_idx(views, i);
        const char *id = NULL;

        if (jobj_get_string(view, "id", &id) &&
            g_str_equal(id, "shareableResource")) {
            g_ptr_array_add(b->views, view);
        }
    }
    if (!b->error && b->views->len > PLAN_MAX_RESOURCES) {
        wrong(b, "views: %u resources are more than %d", b->views->len,
              PLAN_MAX_RESOURCES);
    }
    for (size_t i = 0; !b->error && i < json_object_array_length(constraints);
         i++) {
        read_constraint(b, json_object_array_get_idx(constraints, i));
    }
    if (b->error) {
        return;
    }
    b->m = plan_model_new(b->views->len, b->node_ids->len, b->vm_ids->len,
                          b->groups->len, b->groups->len, 0, 0);
    fill_hosts_and_guests(b, model);
    for (guint r = 0; !b->error && r < b->views->len; r++) {
        read_amounts(b, b->views->pdata[r], r);
    }
    for (size_t i = 0; !b->error && i < json_object_array_length(constraints);
         i++) {
        apply_constraint(b, json_object_array_get_idx(constraints, i));
    }
    if (!b->error) {
        fill_places(b);
        fill_groups(b);
    }
    for (size_t i = 0; i < b->m->n_hosts * b->m->n_resources; i++) {
        b->m->safe[i] = MAX(0, b->m->capacity[i]);
    }
    b->m->weights.move = 1;
}

PlanModel *
plan_import_btrplace(PlanText text, GError **error)
{
    g_autoptr(JsonObject) top = jobj_parse(text.text, text.length, error);
    BtrPlace b = { 0 };
    g_autoptr(PlanModel) model = NULL;

    if (!top) {
        return NULL;
    }
    b.nodes = g_hash_table_new(NULL, NULL);
    b.vms = g_hash_table_new(NULL, NULL);
    b.node_ids = g_array_new(FALSE, FALSE, sizeof(int));
    b.vm_ids = g_array_new(FALSE, FALSE, sizeof(int));
    b.views = g_ptr_array_new();
    b.groups = g_array_new(FALSE, FALSE, sizeof(Group));
    read_all(&b, top);
    model = b.m;
    g_hash_table_unref(b.nodes);
    g_hash_table_unref(b.vms);
    g_array_unref(b.node_ids);
    g_array_unref(b.vm_ids);
    g_ptr_array_unref(b.views);
    g_array_unref(b.groups);
    if (b.error) {
        g_propagate_error(error, b.error);
        return NULL;
    }
    return plan_model_finish(model, error) ? g_steal_pointer(&model) : NULL;
}
