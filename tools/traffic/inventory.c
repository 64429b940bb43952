/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory.c - see inventory.h
 *
 * Read-only: nothing but the lists and descriptions of guests is asked for, and
 * an ordinary user may do that. What was learnt of a guest stays: its frames of
 * a moment ago may still lie in the ring.
 */
#include "tools/traffic/inventory.h"

#include "virt/addresses.h"
#include "virt/virt.h"

#define CLOSE_MS 2000

typedef struct Place {
    Inventory *inventory;
    const char *uri;
    VirtHost *host; /* NULL: not connected */
    bool asking;
    bool told_lost;
    bool answered; /* once at least */
    GError *error; /* of the latest answer */
} Place;

struct Inventory {
    const TrafficOptions *options;
    Output *output;
    VirtPool *pool;
    GPtrArray *places;
    GHashTable *told; /* addresses whose conflict was told */
};

static void
take_guests(Place *place, const GPtrArray *guests)
{
    Inventory *inventory = place->inventory;

    for (guint i = 0; i < guests->len; i++) {
        const VirtAddresses *guest = guests->pdata[i];

        for (guint m = 0; m < guest->macs->len; m++) {
            const char *mac = guest->macs->pdata[m];
            g_autoptr(GError) error = NULL;

            if (!traffic_guests_add(inventory->options->guests, mac,
                                    guest->name, &error) &&
                g_hash_table_add(inventory->told, g_strdup(mac))) {
                output_note(inventory->output, "%s: guest '%s': %s", place->uri,
                            guest->name, error->message);
            }
        }
    }
}

static void
set_error(Place *place, const GError *error)
{
    g_clear_error(&place->error);
    if (error) {
        place->error = g_error_copy(error);
        g_clear_pointer(&place->host, virt_host_unref);
    }
}

static void
on_guests(const GPtrArray *guests, const GError *error, gpointer user)
{
    Place *place = user;

    place->asking = false;
    set_error(place, error);
    if (guests) {
        take_guests(place, guests);
    }
    if (error && !place->told_lost) {
        output_note(place->inventory->output,
                    "%s: %s; guests that come now are not known by name",
                    place->uri, error->message);
    } else if (!error && place->told_lost && place->answered) {
        output_note(place->inventory->output, "%s: it answers again",
                    place->uri);
    }
    place->told_lost = error != NULL;
    place->answered = true;
}

static void
on_opened(VirtHost *host, const GError *error, gpointer user)
{
    Place *place = user;

    if (!host) {
        on_guests(NULL, error, place);
        return;
    }
    place->host = virt_host_ref(host);
    virt_host_addresses(host, on_guests, place);
}

void
inventory_refresh(Inventory *inventory)
{
    for (guint i = 0; i < inventory->places->len; i++) {
        Place *place = inventory->places->pdata[i];

        if (place->asking) {
            continue;
        }
        place->asking = true;
        if (place->host && !virt_host_connected(place->host)) {
            g_clear_pointer(&place->host, virt_host_unref);
        }
        if (place->host) {
            virt_host_addresses(place->host, on_guests, place);
        } else {
            virt_host_open(inventory->pool, place->uri, VIRT_OPEN_READ_ONLY,
                           on_opened, place);
        }
    }
}

static bool
is_asking(const Inventory *inventory)
{
    for (guint i = 0; i < inventory->places->len; i++) {
        if (((Place *)inventory->places->pdata[i])->asking) {
            return true;
        }
    }
    return false;
}

static void
place_free(gpointer data)
{
    Place *place = data;

    virt_host_unref(place->host);
    g_clear_error(&place->error);
    g_free(place);
}

Inventory *
inventory_new(const TrafficOptions *options, Output *output, GError **error)
{
    g_autoptr(Inventory) inventory = g_new0(Inventory, 1);

    inventory->options = options;
    inventory->output = output;
    inventory->places = g_ptr_array_new_with_free_func(place_free);
    inventory->told =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!options->uris) {
        return g_steal_pointer(&inventory);
    }
    inventory->pool = virt_pool_new(NULL);
    for (size_t i = 0; options->uris[i]; i++) {
        Place *place = g_new0(Place, 1);

        /* the first answer is an error's place, not a note's */
        *place = (Place){ .inventory = inventory,
                          .uri = options->uris[i],
                          .told_lost = true };
        g_ptr_array_add(inventory->places, place);
    }
    inventory_refresh(inventory);
    while (is_asking(inventory)) {
        g_main_context_iteration(NULL, TRUE);
    }
    for (guint i = 0; i < inventory->places->len; i++) {
        Place *place = inventory->places->pdata[i];

        if (place->error) {
            g_propagate_error(error, g_steal_pointer(&place->error));
            return NULL;
        }
    }
    return g_steal_pointer(&inventory);
}

void
inventory_free(Inventory *inventory)
{
    if (!inventory) {
        return;
    }
    if (inventory->pool) {
        /* answers under way would come to a place that is gone */
        virt_pool_drain(inventory->pool, CLOSE_MS);
    }
    if (inventory->pool && is_asking(inventory)) {
        return; /* a libvirt that does not answer; the process ends anyway */
    }
    g_ptr_array_unref(inventory->places);
    g_hash_table_unref(inventory->told);
    if (inventory->pool) {
        virt_pool_drain(inventory->pool, CLOSE_MS);
        virt_pool_unref(inventory->pool);
    }
    g_free(inventory);
}
