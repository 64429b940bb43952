/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-schema.c - what this QEMU's monitor can do, by its own word
 *
 * Patches are carried to other versions, so that no version number tells what
 * is there. query-qmp-schema does: a list in which a command names the type of
 * its arguments, and that type, elsewhere in the list, its members.
 */
#include <string.h>

#include "base/json.h"
#include "virt/guest-dirty-priv.h"

static JsonObject *
find_entity(JsonObject *schema, const char *name, const char *meta)
{
    for (size_t i = 0; i < json_object_array_length(schema); i++) {
        JsonObject *entity = json_object_array_get_idx(schema, i);
        const char *is_name, *is_meta;

        if (jobj_get_string(entity, "name", &is_name) &&
            jobj_get_string(entity, "meta-type", &is_meta) &&
            g_str_equal(is_name, name) && g_str_equal(is_meta, meta)) {
            return entity;
        }
    }
    return NULL;
}

bool
virt_schema_takes(JsonObject *schema, const char *command, const char *argument)
{
    JsonObject *entity, *members;
    const char *type, *name;

    if (!json_object_is_type(schema, json_type_array)) {
        return false;
    }
    entity = find_entity(schema, command, "command");
    if (!entity || !jobj_get_string(entity, "arg-type", &type)) {
        return false;
    }
    entity = find_entity(schema, type, "object");
    members = entity ? jobj_get(entity, "members") : NULL;
    if (!json_object_is_type(members, json_type_array)) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(members); i++) {
        if (jobj_get_string(json_object_array_get_idx(members, i), "name",
                            &name) &&
            g_str_equal(name, argument)) {
            return true;
        }
    }
    return false;
}

typedef struct Question {
    VirtCanSample done;
    gpointer user;
} Question;

static void
on_schema(VirtGuest *guest, const char *reply, const GError *error,
          gpointer user)
{
    g_autofree Question *question = user;
    g_autoptr(JsonObject) answer =
        reply ? jobj_parse(reply, strlen(reply), NULL) : NULL;

    question->done(guest,
                   answer && virt_schema_takes(jobj_get(answer, "return"),
                                               "calc-dirty-rate", "windows"),
                   error, question->user);
}

void
virt_guest_can_sample_curve(VirtGuest *guest, VirtCanSample done, gpointer user)
{
    Question *question = g_new(Question, 1);

    *question = (Question){ done, user };
    virt_guest_monitor(guest, "{\"execute\":\"query-qmp-schema\"}", on_schema,
                       question);
}
