/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place.c - see place.h
 */
#include "tools/consolidate/place.h"

#include <string.h>

#include "virt/guest.h"

#define MOST_BYTES 65536

typedef struct Reader {
    Place *place;
    unsigned elements;
} Reader;

void
place_free(Place *place)
{
    if (place) {
        g_free(place->group);
        g_array_unref(place->rules);
        g_strfreev(place->away);
        g_strfreev(place->near);
        g_free(place);
    }
}

static const char *
local_name(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon ? colon + 1 : name;
}

/* Names with blanks between them, each once */
static char **
names_of(const char *text)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t\n;", -1);
    GPtrArray *names = g_ptr_array_new();

    for (char **word = words; *word; word++) {
        if (**word) {
            g_ptr_array_add(names, g_strdup(*word));
        }
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static bool
add_levels(Place *place, PlanRuleKind kind, const char *text)
{
    g_auto(GStrv) words = names_of(text);
    bool known = words[0] != NULL;

    for (char **word = words; *word; word++) {
        bool found = false;

        for (int level = 0; level < PLAN_N_LEVELS; level++) {
            if (strcmp(*word, plan_level_name((PlanLevel)level)) == 0) {
                ConsGroupRule rule = { .kind = kind,
                                       .level = (PlanLevel)level };

                g_array_append_val(place->rules, rule);
                found = true;
            }
        }
        known = known && found;
    }
    return known;
}

/* NULL: fine; else what is expected */
static const char *
take(Place *place, const char *name, const char *value)
{
    if (strcmp(name, "group") == 0) {
        g_free(place->group);
        place->group = g_strdup(value);
        return *value ? NULL : "a name";
    }
    if (strcmp(name, "apart") == 0 || strcmp(name, "together") == 0) {
        return add_levels(place,
                          *name == 'a' ? PLAN_RULE_APART : PLAN_RULE_TOGETHER,
                          value)
                   ? NULL
                   : "host, rack, pod or site";
    }
    if (strcmp(name, "keep-away") == 0) {
        g_strfreev(place->away);
        place->away = names_of(value);
        return NULL;
    }
    if (strcmp(name, "keep-near") == 0) {
        g_strfreev(place->near);
        place->near = names_of(value);
        return NULL;
    }
    if (strcmp(name, "pinned") == 0) {
        place->pinned = strcmp(value, "yes") == 0;
        return place->pinned || strcmp(value, "no") == 0 ? NULL : "yes or no";
    }
    return "group, apart, together, keep-away, keep-near or pinned";
}

static void
on_start(GMarkupParseContext *context, const char *element, const char **names,
         const char **values, gpointer user, GError **error)
{
    Reader *reader = user;

    if (reader->elements++ > 0 || strcmp(local_name(element), "place") != 0) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "one element \"place\" without others in it is expected");
        return;
    }
    for (size_t i = 0; names[i]; i++) {
        const char *expected = strcmp(names[i], "xmlns") == 0 ||
                                       g_str_has_prefix(names[i], "xmlns:")
                                   ? NULL
                                   : take(reader->place, names[i], values[i]);

        if (expected) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                        "%s=\"%s\": %s is expected", names[i], values[i],
                        expected);
            return;
        }
    }
    if (reader->place->rules->len > 0 && !reader->place->group) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "apart and together are of a group, and none is named");
    }
}

Place *
place_parse(const char *xml, GError **error)
{
    static const GMarkupParser parser = { .start_element = on_start };
    g_autoptr(Place) place = g_new0(Place, 1);
    Reader reader = { .place = place };
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(&parser, 0, &reader, NULL);
    g_autoptr(GError) why = NULL;
    size_t length = strnlen(xml, MOST_BYTES);

    place->rules = g_array_new(FALSE, FALSE, sizeof(ConsGroupRule));
    place->away = g_new0(char *, 1);
    place->near = g_new0(char *, 1);
    if (!g_markup_parse_context_parse(context, xml, (gssize)length, &why) ||
        !g_markup_parse_context_end_parse(context, &why)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "metadata of " VIRT_PLACE_METADATA ": %s", why->message);
        return NULL;
    }
    return g_steal_pointer(&place);
}

static void
add_pair(Cluster *cluster, PlanRuleKind kind, const char *guest,
         const char *other)
{
    bool first = strcmp(guest, other) < 0;
    g_autofree char *name = g_strdup_printf(
        "%s %s %s", first ? guest : other,
        kind == PLAN_RULE_APART ? "away from" : "near", first ? other : guest);
    ConsGroupRule rule = { .kind = kind, .level = PLAN_LEVEL_HOST };

    if (strcmp(guest, other) != 0) {
        cluster_add_member(cluster, name, guest);
        cluster_add_member(cluster, name, other);
        cluster_add_rule(cluster, name, rule);
    }
}

void
place_apply(const Place *place, const ConsSettings *settings, Cluster *cluster,
            const char *guest)
{
    for (guint i = 0; place->group && i < settings->groups->len; i++) {
        const ConsGroupSettings *told = settings->groups->pdata[i];

        if (strcmp(told->name, place->group) != 0) {
            continue;
        }
        for (char **name = told->members; *name; name++) {
            cluster_add_member(cluster, place->group, *name);
        }
        for (guint k = 0; k < told->rules->len; k++) {
            const ConsGroupRule *rule =
                &g_array_index(told->rules, ConsGroupRule, k);

            if (rule->kind == PLAN_RULE_APART ||
                rule->kind == PLAN_RULE_TOGETHER) {
                cluster_add_rule(cluster, place->group, *rule);
            }
        }
    }
    if (place->group) {
        cluster_add_member(cluster, place->group, guest);
    }
    for (guint i = 0; i < place->rules->len; i++) {
        cluster_add_rule(cluster, place->group,
                         g_array_index(place->rules, ConsGroupRule, i));
    }
    for (char **other = place->away; *other; other++) {
        add_pair(cluster, PLAN_RULE_APART, guest, *other);
    }
    for (char **other = place->near; *other; other++) {
        add_pair(cluster, PLAN_RULE_TOGETHER, guest, *other);
    }
}
