/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * meters.c - rates out of the counters of links and classes
 *
 * A class is known by its link, its id and its owner: ids are used again. A
 * counter that fell, or a clock that did, begins anew.
 */
#include "tools/exporter/meters.h"

#include <math.h>
#include <string.h>

#include "base/known.h"
#include "tools/exporter/picture-priv.h"

/* A class's counter, to make a rate of it. */
typedef struct Meter {
    double bytes;
    int64_t at_us;
    Known rate_bytes_s; /* over the interval before at_us */
    bool present;
} Meter;

struct Meters {
    GHashTable *table; /* "link class owner" -> Meter */
};

Meters *
meters_new(void)
{
    Meters *meters = g_new0(Meters, 1);

    meters->table =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return meters;
}

void
meters_free(Meters *meters)
{
    if (!meters) {
        return;
    }
    g_hash_table_unref(meters->table);
    g_free(meters);
}

/* Below that an interval says more about the clock than about the class. */
#define LEAST_INTERVAL_US 500000

static Known
read_meter(Meters *meters, const char *link, JsonObject *class, int64_t now_us)
{
    g_autofree char *key =
        g_strdup_printf("%s %s %s", link, picture_word(class, "id", ""),
                        picture_word(class, "owner", ""));
    Known bytes = jobj_get_known(class, "bytes");
    Meter *meter = g_hash_table_lookup(meters->table, key);
    int64_t passed_us;

    if (!bytes.known) {
        return unknown();
    }
    if (!meter) {
        if (g_hash_table_size(meters->table) >= MAX_LINKS * MAX_CLASSES) {
            return unknown();
        }
        meter = g_new0(Meter, 1);
        meter->bytes = bytes.value;
        meter->at_us = now_us;
        g_hash_table_insert(meters->table, g_steal_pointer(&key), meter);
    }
    meter->present = true;
    passed_us = now_us - meter->at_us;
    if (passed_us < 0 || bytes.value < meter->bytes) {
        /* the clock was set, or it is another class of the same name */
        meter->rate_bytes_s = unknown();
        meter->bytes = bytes.value;
        meter->at_us = now_us;
    } else if (passed_us >= LEAST_INTERVAL_US) {
        meter->rate_bytes_s =
            known((bytes.value - meter->bytes) * 1e6 / (double)passed_us);
        meter->bytes = bytes.value;
        meter->at_us = now_us;
    }
    return meter->rate_bytes_s;
}

static gboolean
is_absent(gpointer key, gpointer value, gpointer user)
{
    bool absent = !((Meter *)value)->present;

    ((Meter *)value)->present = false;
    return absent;
}

static void
set_rate(JsonObject *object, Known rate)
{
    if (!jobj_get_known(object, "use_bytes_s").known && rate.known) {
        jobj_add_double(object, "use_bytes_s", round(rate.value));
    }
}

void
meters_complete(Meters *meters, JsonObject *status, int64_t now_us)
{
    JsonObject *links = jobj_get(status, "links");
    JsonObject *link, *class;

    for (size_t i = 0; (link = picture_item(links, i, MAX_LINKS)); i++) {
        const char *name = picture_word(link, "link", "");
        JsonObject *classes = jobj_get(link, "classes");
        Known sum = unknown(), whole = unknown();

        for (size_t c = 0; (class = picture_item(classes, c, MAX_CLASSES));
             c++) {
            Known use;

            set_rate(class, read_meter(meters, name, class, now_us));
            use = jobj_get_known(class, "use_bytes_s");
            if (strcmp(picture_word(class, "role", ""), "link") == 0) {
                whole = use;
            } else if (use.known) {
                sum = known(known_or(sum, 0) + use.value);
            }
        }
        set_rate(link, whole.known ? whole : sum);
    }
    g_hash_table_foreach_remove(meters->table, is_absent, NULL);
}
