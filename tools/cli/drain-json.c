/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-json.c - a drain for programs; see drain-text.h
 */
#include <math.h>

#include "tools/cli/drain-text.h"

static JsonObject *
guest_json(const Drain *drain, const DrainGuest *guest)
{
    JsonObject *json = json_object_new_object();
    bool planned = guest->status == DRAIN_WAITS || guest->status == DRAIN_RUNS;

    jobj_add_string(json, "name", guest->name);
    jobj_add_string(json, "uuid", guest->uuid);
    jobj_add_string(json, "status", drain_status_name(guest->status));
    jobj_add_u64(json, "memory_bytes", guest->memory_bytes);
    jobj_add_bool(json, "persistent", guest->persistent);
    jobj_add_bool(json, "autostart", guest->autostart);
    jobj_add_bool(json, "excluded", guest->excluded);
    jobj_add(json, "obstacles", jobj_new_strings(guest->obstacles));
    jobj_add(json, "cautions", jobj_new_strings(guest->cautions));
    jobj_add_string(json, "destination",
                    guest->host >= 0
                        ? ((DrainHost *)drain->hosts->pdata[guest->host])->uri
                        : NULL);
    jobj_add_bool(json, "network_intensive", guest->intensive);
    jobj_add_double(json, "need_bytes_s", guest->need_bytes_s);
    if (planned) {
        jobj_add_double(json, "start_s", guest->slot.start_s);
        /* null: never */
        jobj_add_double(json, "end_s", guest->slot.end_s);
        jobj_add_bool(json, "guessed", guest->curve.guessed);
        jobj_add_string(json, "reason", guest->slot.reason);
    }
    return json;
}

JsonObject *
drain_json_plan(const Drain *drain, Known deadline_s)
{
    JsonObject *json = json_object_new_object();
    JsonObject *links = json_object_new_array();
    JsonObject *hosts = json_object_new_array();
    JsonObject *guests = json_object_new_array();

    jobj_add_string(json, "schema", DRAIN_PLAN_SCHEMA);
    jobj_add_string(json, "source", drain->source_uri);
    for (guint i = 0; i < drain->links->len; i++) {
        const DrainLink *link = drain->links->pdata[i];
        JsonObject *object = json_object_new_object();

        jobj_add_string(object, "device", link->device);
        jobj_add_string(object, "chain", link->chain);
        jobj_add_double(object, "rate_bytes_s", link->rate_bytes_s);
        json_object_array_add(links, object);
    }
    jobj_add(json, "links", links);
    for (guint i = 0; i < drain->hosts->len; i++) {
        const DrainHost *host = drain->hosts->pdata[i];
        JsonObject *object = json_object_new_object();

        jobj_add_string(object, "uri", host->uri);
        jobj_add_string(object, "name", host->name);
        jobj_add_known(object, "free_bytes", host->free_bytes);
        jobj_add_string(
            object, "link",
            host->link >= 0
                ? ((DrainLink *)drain->links->pdata[host->link])->device
                : NULL);
        json_object_array_add(hosts, object);
    }
    jobj_add(json, "destinations", hosts);
    for (guint i = 0; i < drain->guests->len; i++) {
        json_object_array_add(guests,
                              guest_json(drain, drain->guests->pdata[i]));
    }
    jobj_add(json, "guests", guests);
    jobj_add_double(json, "looked_s", drain->looked_s);
    jobj_add_double(json, "total_s", drain->total_s);
    jobj_add_double(json, "at_once_s", drain->at_once_s);
    jobj_add_known(json, "deadline_s", deadline_s);
    return json;
}

JsonObject *
drain_json_summary(const Drain *drain)
{
    static const DrainStatus told[] = { DRAIN_MOVED, DRAIN_FAILED, DRAIN_STAYS,
                                        DRAIN_WAITS, DRAIN_GONE };
    JsonObject *json = json_object_new_object();
    JsonObject *guests = json_object_new_array();
    int status = drain_exit_status(drain, false);

    jobj_add_string(json, "event", "drained");
    jobj_add_string(json, "status",
                    status == 0   ? "all"
                    : status == 1 ? "none"
                                  : "some");
    for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
        jobj_add_u64(json, drain_status_name(told[i]),
                     drain_count(drain, told[i]));
    }
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];
        JsonObject *object = json_object_new_object();

        jobj_add_string(object, "name", guest->name);
        jobj_add_string(object, "status", drain_status_name(guest->status));
        jobj_add_known(object, "total_s", guest->total_s);
        jobj_add_known(object, "downtime_s", guest->downtime_s);
        jobj_add_known(object, "bytes", guest->bytes);
        jobj_add_string(object, "why", guest->why);
        json_object_array_add(guests, object);
    }
    jobj_add(json, "guests", guests);
    return json;
}
