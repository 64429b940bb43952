/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.c - see show.h
 */
#include "tc/show.h"

#include <string.h>

#include "base/units.h"
#include "tc/reservation-site.h"

/* Who has this class, and as what. */
static const char *
class_role(const Site *site, uint16_t minor, const char **owner_name)
{
    *owner_name = NULL;
    for (guint i = 0; site->lease && i < site->lease->owners->len; i++) {
        const LeaseOwner *owner = g_ptr_array_index(site->lease->owners, i);

        *owner_name = owner->name;
        if (owner->minor == minor) {
            return "migration";
        }
        for (guint j = 0; j < owner->guards->len; j++) {
            const LeaseGuard *guard =
                &g_array_index(owner->guards, LeaseGuard, j);

            if (guard->minor == minor) {
                return guard->expression ? "protected" : "application";
            }
        }
    }
    *owner_name = NULL;
    switch (minor) {
    case SHAPER_MINOR_LINK:
        return "link";
    case SHAPER_MINOR_CONTROL:
        return "control";
    case SHAPER_MINOR_REST:
        return "rest";
    default:
        return minor < SHAPER_MINOR_PROTECTED ? "migration" : "protected";
    }
}

static JsonObject *
describe_class(const Site *site, const ShaperClass *class_,
               const ClassStats *stats)
{
    JsonObject *json = json_object_new_object();
    g_autofree char *id = shaper_id_format(class_->id);
    const char *owner;
    const char *role =
        class_role(site, (uint16_t)(class_->id & 0xffff), &owner);

    jobj_add_string(json, "id", id);
    jobj_add_string(json, "role", role);
    jobj_add_string(json, "owner", owner);
    jobj_add_u64(json, "rate_bytes_s", class_->rate_bytes_s);
    jobj_add_u64(json, "ceil_bytes_s", class_->ceil_bytes_s);
    jobj_add_u64(json, "bytes", stats->bytes);
    jobj_add_u64(json, "packets", stats->packets);
    jobj_add_u64(json, "drops", stats->drops);
    jobj_add_u64(json, "backlog_bytes", stats->backlog_bytes);
    return json;
}

static JsonObject *
describe_owner(const Site *site, const LeaseOwner *owner)
{
    JsonObject *json = json_object_new_object();
    g_autofree char *id = shaper_id_format(site_major(site) | owner->minor);

    jobj_add_string(json, "name", owner->name);
    jobj_add_string(json, "uuid", owner->uuid);
    jobj_add_i64(json, "pid", owner->pid);
    jobj_add_bool(json, "alive", site_owner_alive(site, owner));
    jobj_add_string(json, "class", id);
    return json;
}

/* NULL: nothing of ours on it. */
static JsonObject *
describe_link(const Site *site)
{
    g_autofree char *parent = NULL;
    JsonObject *json, *owners, *classes;
    bool leased = site_is_ours(site);
    bool orphan = !leased && site->snapshot->root.handle == SHAPER_MAJOR &&
                  strcmp(site->snapshot->root.kind, "htb") == 0;

    if (!leased && !orphan) {
        return NULL;
    }
    json = json_object_new_object();
    owners = json_object_new_array();
    classes = json_object_new_array();
    if (leased && site->lease->parent) {
        parent = shaper_id_format(site->lease->parent);
    }
    jobj_add_string(json, "device", site->device.name);
    jobj_add_i64(json, "ifindex", site->device.ifindex);
    jobj_add_string(json, "mac", site->key.mac);
    jobj_add_bool(json, "leased", leased);
    jobj_add_string(json, "parent", parent);
    if (leased) {
        jobj_add_u64(json, "link_bytes_s", site->lease->link_bytes_s);
    } else {
        jobj_add(json, "link_bytes_s", NULL);
    }
    for (guint i = 0; leased && i < site->lease->owners->len; i++) {
        json_object_array_add(
            owners,
            describe_owner(site, g_ptr_array_index(site->lease->owners, i)));
    }
    for (guint i = 0; i < site->snapshot->classes->len; i++) {
        const ShaperClass *class_ =
            &g_array_index(site->snapshot->classes, ShaperClass, i);

        if (orphan || site_is_our_class(site, class_->id)) {
            json_object_array_add(
                classes, describe_class(site, class_,
                                        &g_array_index(site->snapshot->stats,
                                                       ClassStats, i)));
        }
    }
    jobj_add(json, "owners", owners);
    jobj_add(json, "classes", classes);
    return json;
}

JsonObject *
reservation_describe(const char *device, const char *run_dir, GError **error)
{
    g_autoptr(Site) site = site_new(run_dir, NULL, error);
    g_autoptr(JsonObject) json = json_object_new_object();
    g_autoptr(GArray) devices = NULL;
    JsonObject *links = json_object_new_array();
    bool found = false;

    jobj_add(json, "links", links);
    if (!site) {
        return NULL;
    }
    devices = device_list(site->kernel, error);
    if (!devices) {
        site_error(site, error);
        return NULL;
    }
    for (guint i = 0; i < devices->len; i++) {
        const Device *one = &g_array_index(devices, Device, i);
        g_autoptr(GError) local = NULL;
        JsonObject *link;

        if (device && strcmp(one->name, device) != 0) {
            continue;
        }
        found = true;
        if (!site_enter(site, one->ifindex, SITE_CLASSES, &local)) {
            /* it may have gone since it was listed */
            if (!g_error_matches(local, RESERVATION_ERROR,
                                 RESERVATION_ERROR_GONE)) {
                g_propagate_error(error, g_steal_pointer(&local));
                return NULL;
            }
            continue;
        }
        link = describe_link(site);
        if (link) {
            json_object_array_add(links, link);
        }
    }
    if (device && !found) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE,
                    "there is no interface '%s' here; see ip link", device);
        return NULL;
    }
    return g_steal_pointer(&json);
}

static const char *
text_or(JsonObject *json, const char *name, const char *otherwise)
{
    const char *text;

    return jobj_get_string(json, name, &text) && text[0] ? text : otherwise;
}

static double
number(JsonObject *json, const char *name)
{
    return known_or(jobj_get_known(json, name), 0);
}

static void
text_add_link(GString *text, JsonObject *link)
{
    JsonObject *owners = jobj_get(link, "owners");
    JsonObject *classes = jobj_get(link, "classes");
    g_autofree char *rate = units_format_rate(number(link, "link_bytes_s"));
    const char *parent = text_or(link, "parent", NULL);
    bool leased = false;

    jobj_get_bool(link, "leased", &leased);
    if (leased) {
        g_string_append_printf(
            text, "%s: %s, %s%s\n", text_or(link, "device", "?"), rate,
            parent ? "below class " : "root qdisc 7666:", parent ? parent : "");
    } else {
        g_string_append_printf(text,
                               "%s: root qdisc 7666: that no lease explains "
                               "(vmferry tc clear --force removes it)\n",
                               text_or(link, "device", "?"));
    }
    for (size_t i = 0; i < json_object_array_length(owners); i++) {
        JsonObject *owner = json_object_array_get_idx(owners, i);
        bool alive = false;

        jobj_get_bool(owner, "alive", &alive);
        g_string_append_printf(
            text, "  guest %s: class %s, process %.0f%s\n",
            text_or(owner, "name", "?"), text_or(owner, "class", "?"),
            number(owner, "pid"), alive ? "" : " (dead; vmferry tc clear)");
    }
    g_string_append_printf(text, "  %-10s %-12s %12s %12s %10s %10s  %s\n",
                           "class", "for", "guaranteed", "at most", "sent",
                           "queued", "guest");
    for (size_t i = 0; i < json_object_array_length(classes); i++) {
        JsonObject *class_ = json_object_array_get_idx(classes, i);
        g_autofree char *guarantee =
            units_format_rate(number(class_, "rate_bytes_s"));
        g_autofree char *ceil =
            units_format_rate(number(class_, "ceil_bytes_s"));
        g_autofree char *sent = units_format_bytes(number(class_, "bytes"));
        g_autofree char *queued =
            units_format_bytes(number(class_, "backlog_bytes"));

        g_string_append_printf(text, "  %-10s %-12s %12s %12s %10s %10s  %s\n",
                               text_or(class_, "id", "?"),
                               text_or(class_, "role", "?"), guarantee, ceil,
                               sent, queued, text_or(class_, "owner", ""));
    }
}

char *
reservation_describe_text(JsonObject *description)
{
    JsonObject *links = jobj_get(description, "links");
    GString *text = g_string_new(NULL);

    if (json_object_array_length(links) == 0) {
        g_string_append(text, "nothing of vmferry's on any link\n");
    }
    for (size_t i = 0; i < json_object_array_length(links); i++) {
        text_add_link(text, json_object_array_get_idx(links, i));
    }
    return g_string_free(text, FALSE);
}
