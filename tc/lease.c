/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lease.c - leases in memory and as JSON; lease-file.c has the files
 */
#include "tc/lease.h"

#include <string.h>

#include "tc/shaper.h"

#define SCHEMA "vmferry-lease/1"

void
lease_guard_clear(LeaseGuard *guard)
{
    g_clear_pointer(&guard->expression, g_free);
    g_clear_pointer(&guard->macs, g_strfreev);
}

LeaseOwner *
lease_owner_new(void)
{
    LeaseOwner *owner = g_new0(LeaseOwner, 1);

    owner->matches = g_array_new(FALSE, TRUE, sizeof(StreamMatch));
    owner->guards = g_array_new(FALSE, TRUE, sizeof(LeaseGuard));
    g_array_set_clear_func(owner->guards, (GDestroyNotify)lease_guard_clear);
    return owner;
}

void
lease_owner_free(LeaseOwner *owner)
{
    if (owner) {
        g_free(owner->name);
        g_free(owner->uuid);
        g_array_unref(owner->matches);
        g_array_unref(owner->guards);
        g_free(owner);
    }
}

LeaseOwner *
lease_owner_copy(const LeaseOwner *owner)
{
    LeaseOwner *copy = lease_owner_new();

    copy->pid = owner->pid;
    copy->start_ticks = owner->start_ticks;
    copy->name = g_strdup(owner->name);
    copy->uuid = g_strdup(owner->uuid);
    copy->minor = owner->minor;
    copy->guarantee_bytes_s = owner->guarantee_bytes_s;
    copy->ceiling_bytes_s = owner->ceiling_bytes_s;
    g_array_append_vals(copy->matches, owner->matches->data,
                        owner->matches->len);
    for (guint i = 0; i < owner->guards->len; i++) {
        LeaseGuard guard = g_array_index(owner->guards, LeaseGuard, i);

        guard.expression = g_strdup(guard.expression);
        guard.macs = g_strdupv(guard.macs);
        g_array_append_val(copy->guards, guard);
    }
    return copy;
}

Lease *
lease_new(const LeaseKey *key)
{
    Lease *lease = g_new0(Lease, 1);

    lease->key = *key;
    lease->holders = 1;
    lease->owners =
        g_ptr_array_new_with_free_func((GDestroyNotify)lease_owner_free);
    return lease;
}

void
lease_free(Lease *lease)
{
    if (lease && g_atomic_int_dec_and_test(&lease->holders)) {
        g_ptr_array_unref(lease->owners);
        g_free(lease);
    }
}

LeaseOwner *
lease_find(const Lease *lease, uint16_t minor)
{
    for (guint i = 0; i < lease->owners->len; i++) {
        LeaseOwner *owner = g_ptr_array_index(lease->owners, i);

        if (owner->minor == minor) {
            return owner;
        }
    }
    return NULL;
}

bool
lease_holds(const Lease *lease, uint16_t minor)
{
    for (guint i = 0; i < lease->owners->len; i++) {
        const LeaseOwner *owner = g_ptr_array_index(lease->owners, i);

        if (owner->minor == minor) {
            return true;
        }
        for (guint j = 0; j < owner->guards->len; j++) {
            if (g_array_index(owner->guards, LeaseGuard, j).minor == minor) {
                return true;
            }
        }
    }
    return false;
}

bool
lease_key_equal(const LeaseKey *a, const LeaseKey *b)
{
    return a->ifindex == b->ifindex && strcmp(a->boot_id, b->boot_id) == 0 &&
           strcmp(a->netns, b->netns) == 0 && strcmp(a->mac, b->mac) == 0;
}

static JsonObject *
match_to_json(const StreamMatch *match)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "source", match->source);
    jobj_add_u64(json, "source_port", match->source_port);
    jobj_add_string(json, "destination", match->destination);
    jobj_add_u64(json, "destination_port", match->destination_port);
    return json;
}

static JsonObject *
guard_to_json(const LeaseGuard *guard)
{
    JsonObject *json = json_object_new_object();

    jobj_add_u64(json, "minor", guard->minor);
    jobj_add_u64(json, "rate_bytes_s", guard->rate_bytes_s);
    if (guard->expression) {
        jobj_add_string(json, "expression", guard->expression);
    } else {
        jobj_add(json, "macs",
                 jobj_new_words((const char *const *)guard->macs));
    }
    return json;
}

static JsonObject *
owner_to_json(const LeaseOwner *owner)
{
    JsonObject *json = json_object_new_object();
    JsonObject *matches = json_object_new_array();
    JsonObject *guards = json_object_new_array();

    jobj_add_i64(json, "pid", owner->pid);
    jobj_add_u64(json, "start_ticks", owner->start_ticks);
    jobj_add_string(json, "name", owner->name);
    jobj_add_string(json, "uuid", owner->uuid);
    jobj_add_u64(json, "minor", owner->minor);
    jobj_add_u64(json, "guarantee_bytes_s", owner->guarantee_bytes_s);
    jobj_add_u64(json, "ceiling_bytes_s", owner->ceiling_bytes_s);
    for (guint i = 0; i < owner->matches->len; i++) {
        json_object_array_add(matches, match_to_json(&g_array_index(
                                           owner->matches, StreamMatch, i)));
    }
    jobj_add(json, "matches", matches);
    for (guint i = 0; i < owner->guards->len; i++) {
        json_object_array_add(guards, guard_to_json(&g_array_index(
                                          owner->guards, LeaseGuard, i)));
    }
    jobj_add(json, "guards", guards);
    return json;
}

JsonObject *
lease_to_json(const Lease *lease)
{
    JsonObject *json = json_object_new_object();
    JsonObject *owners = json_object_new_array();

    jobj_add_string(json, "schema", SCHEMA);
    jobj_add_string(json, "boot_id", lease->key.boot_id);
    jobj_add_string(json, "netns", lease->key.netns);
    jobj_add_string(json, "device", lease->key.device);
    jobj_add_i64(json, "ifindex", lease->key.ifindex);
    jobj_add_string(json, "mac", lease->key.mac);
    jobj_add_u64(json, "link_bytes_s", lease->link_bytes_s);
    jobj_add_u64(json, "parent", lease->parent);
    for (guint i = 0; i < lease->owners->len; i++) {
        json_object_array_add(
            owners, owner_to_json(g_ptr_array_index(lease->owners, i)));
    }
    jobj_add(json, "owners", owners);
    return json;
}

static bool
get_text(JsonObject *json, const char *name, char *text, size_t size)
{
    const char *value;

    return jobj_get_string(json, name, &value) &&
           g_strlcpy(text, value, size) < size;
}

static bool
get_u16(JsonObject *json, const char *name, uint16_t *value)
{
    unsigned wide;

    if (!jobj_get_uint(json, name, UINT16_MAX, &wide)) {
        return false;
    }
    *value = (uint16_t)wide;
    return true;
}

/* An array member's length, 0 if it is none. */
static size_t
get_length(JsonObject *json, const char *name, JsonObject **array)
{
    *array = jobj_get(json, name);
    return json_object_is_type(*array, json_type_array)
               ? json_object_array_length(*array)
               : 0;
}

static bool
match_from_json(JsonObject *json, GArray *matches)
{
    StreamMatch match = { 0 };

    if (!get_text(json, "source", match.source, sizeof(match.source)) ||
        !get_text(json, "destination", match.destination,
                  sizeof(match.destination)) ||
        !get_u16(json, "source_port", &match.source_port) ||
        !get_u16(json, "destination_port", &match.destination_port)) {
        return false;
    }
    g_array_append_val(matches, match);
    return true;
}

static bool
guard_from_json(JsonObject *json, GArray *guards)
{
    LeaseGuard guard = { 0 };
    const char *expression;
    JsonObject *macs;
    size_t n_macs = get_length(json, "macs", &macs);

    if (!get_u16(json, "minor", &guard.minor) ||
        !jobj_get_u64(json, "rate_bytes_s", &guard.rate_bytes_s)) {
        return false;
    }
    if (jobj_get_string(json, "expression", &expression)) {
        guard.expression = g_strdup(expression);
    } else {
        guard.macs = g_new0(char *, n_macs + 1);
        for (size_t i = 0; i < n_macs; i++) {
            guard.macs[i] = g_strdup(
                json_object_get_string(json_object_array_get_idx(macs, i)));
        }
    }
    g_array_append_val(guards, guard);
    return true;
}

static LeaseOwner *
owner_from_json(JsonObject *json)
{
    LeaseOwner *owner = lease_owner_new();
    const char *name = NULL, *uuid = NULL;
    JsonObject *array;
    bool good = true;
    size_t n;

    good = jobj_get_i64(json, "pid", &owner->pid) &&
           jobj_get_u64(json, "start_ticks", &owner->start_ticks) &&
           get_u16(json, "minor", &owner->minor) &&
           jobj_get_u64(json, "guarantee_bytes_s", &owner->guarantee_bytes_s) &&
           jobj_get_u64(json, "ceiling_bytes_s", &owner->ceiling_bytes_s);
    jobj_get_string(json, "name", &name);
    jobj_get_string(json, "uuid", &uuid);
    owner->name = g_strdup(name);
    owner->uuid = g_strdup(uuid);
    n = get_length(json, "matches", &array);
    for (size_t i = 0; i < n && good; i++) {
        good = match_from_json(json_object_array_get_idx(array, i),
                               owner->matches);
    }
    n = get_length(json, "guards", &array);
    for (size_t i = 0; i < n && good; i++) {
        good =
            guard_from_json(json_object_array_get_idx(array, i), owner->guards);
    }
    if (!good) {
        g_clear_pointer(&owner, lease_owner_free);
    }
    return owner;
}

Lease *
lease_from_json(JsonObject *json, GError **error)
{
    LeaseKey key = { 0 };
    g_autoptr(Lease) lease = lease_new(&key);
    const char *schema = NULL;
    uint64_t parent;
    int64_t ifindex;
    JsonObject *owners;
    size_t n = get_length(json, "owners", &owners);

    if (!jobj_get_string(json, "schema", &schema) ||
        strcmp(schema, SCHEMA) != 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_BUSY,
                    "its schema is '%s', not " SCHEMA,
                    schema ? schema : "missing");
        return NULL;
    }
    if (!get_text(json, "boot_id", lease->key.boot_id,
                  sizeof(lease->key.boot_id)) ||
        !get_text(json, "netns", lease->key.netns, sizeof(lease->key.netns)) ||
        !get_text(json, "device", lease->key.device,
                  sizeof(lease->key.device)) ||
        !get_text(json, "mac", lease->key.mac, sizeof(lease->key.mac)) ||
        !jobj_get_i64(json, "ifindex", &ifindex) || ifindex < 1 ||
        ifindex > G_MAXINT ||
        !jobj_get_u64(json, "link_bytes_s", &lease->link_bytes_s) ||
        !jobj_get_u64(json, "parent", &parent) || parent > UINT32_MAX) {
        g_set_error_literal(error, RESERVATION_ERROR, RESERVATION_ERROR_BUSY,
                            "a member is missing or wrong");
        return NULL;
    }
    lease->key.ifindex = (int)ifindex;
    lease->parent = (uint32_t)parent;
    for (size_t i = 0; i < n; i++) {
        LeaseOwner *owner =
            owner_from_json(json_object_array_get_idx(owners, i));

        if (!owner) {
            g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_BUSY,
                        "owner %zu is broken", i);
            return NULL;
        }
        g_ptr_array_add(lease->owners, owner);
    }
    return g_steal_pointer(&lease);
}
