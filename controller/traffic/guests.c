/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guests.c - see guests.h
 *
 * Two tables, by MAC and by IP address, each with the VLAN in its key; ANY_VLAN
 * there is "in whatever VLAN", and asked second. Networks with names are few
 * and searched one after the other, the longest first.
 */
#include "traffic/guests.h"

#include <string.h>

#include "traffic/address.h"

G_DEFINE_QUARK(vmferry_traffic_error, traffic_error)

#define ANY_VLAN UINT32_MAX
#define MOST_NETWORKS 1024

typedef struct Key {
    TrafficAddress address; /* a MAC lies in the first eight bytes */
    uint32_t vlan;
} Key;
_Static_assert(sizeof(Key) == 20, "no padding: it is compared whole");

typedef struct Network {
    TrafficAddress address;
    uint32_t bits; /* of 128 */
    uint32_t vlan;
    uint32_t number; /* of its name */
} Network;

/* A MAC address that a guest has whom nobody named. */
typedef struct Prefix {
    uint64_t value, mask;
} Prefix;

struct TrafficGuests {
    grefcount refs;
    unsigned bits4, bits6;  /* of 128 */
    GPtrArray *names;       /* of guests */
    GHashTable *numbers;    /* name -> number + 1 */
    GHashTable *macs;       /* Key -> number + 1 */
    GHashTable *addresses;  /* likewise */
    GPtrArray *place_names; /* of networks */
    GArray *networks;       /* Network, the longest first */
    bool with_vlans;        /* some key has a VLAN */
    GArray *prefixes;       /* Prefix */
    GHashTable *learnt;     /* number + 1 of those called by their address */
    unsigned n_learnt;      /* ever */
};

static guint
key_hash(gconstpointer data)
{
    const Key *key = data;
    uint64_t first, second;

    memcpy(&first, key->address.bytes, 8);
    memcpy(&second, key->address.bytes + 8, 8);
    first = (first ^ key->vlan) * UINT64_C(0x9e3779b97f4a7c15);
    second = (second ^ first >> 32) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (guint)((first ^ second) >> 32);
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(Key)) == 0;
}

TrafficGuests *
traffic_guests_new(unsigned bits4, unsigned bits6)
{
    TrafficGuests *guests = g_new0(TrafficGuests, 1);

    g_assert(bits4 <= 32 && bits6 <= 128);
    g_ref_count_init(&guests->refs);
    guests->bits4 = 96 + bits4;
    guests->bits6 = bits6;
    guests->names = g_ptr_array_new_with_free_func(g_free);
    guests->numbers = g_hash_table_new(g_str_hash, g_str_equal);
    guests->macs = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
    guests->addresses =
        g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
    guests->place_names = g_ptr_array_new_with_free_func(g_free);
    guests->networks = g_array_new(FALSE, FALSE, sizeof(Network));
    guests->prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));
    guests->learnt = g_hash_table_new(NULL, NULL);
    return guests;
}

TrafficGuests *
traffic_guests_ref(TrafficGuests *guests)
{
    g_ref_count_inc(&guests->refs);
    return guests;
}

void
traffic_guests_unref(TrafficGuests *guests)
{
    if (!guests || !g_ref_count_dec(&guests->refs)) {
        return;
    }
    g_hash_table_unref(guests->numbers);
    g_hash_table_unref(guests->macs);
    g_hash_table_unref(guests->addresses);
    g_ptr_array_unref(guests->names);
    g_ptr_array_unref(guests->place_names);
    g_array_unref(guests->networks);
    g_array_unref(guests->prefixes);
    g_hash_table_unref(guests->learnt);
    g_free(guests);
}

size_t
traffic_guests_count(const TrafficGuests *guests)
{
    return guests->names->len;
}

const char *
traffic_guests_name(const TrafficGuests *guests, size_t number)
{
    return guests->names->pdata[number];
}

/* --- telling --- */

static bool
parse_vlan(const char *text, uint32_t *vlan)
{
    g_auto(GStrv) ids = g_strsplit(text, ".", -1);
    uint32_t found = 0;

    for (size_t i = 0; ids[i]; i++) {
        guint64 id;

        if (i > 1 || !g_ascii_string_to_unsigned(ids[i], 10, i ? 0 : 1, 4094,
                                                 &id, NULL)) {
            return false;
        }
        found |= (uint32_t)id << (12 * i);
    }
    *vlan = found;
    return found != 0;
}

static bool
name_is_fine(const char *name)
{
    if (!*name || !g_utf8_validate(name, -1, NULL)) {
        return false;
    }
    for (const char *c = name; *c; c = g_utf8_next_char(c)) {
        if (g_unichar_iscntrl(g_utf8_get_char(c))) {
            return false;
        }
    }
    return true;
}

static uint32_t
guest_number(TrafficGuests *guests, const char *name)
{
    gpointer found = g_hash_table_lookup(guests->numbers, name);

    if (!found) {
        char *copy = g_strdup(name);

        g_ptr_array_add(guests->names, copy);
        found = GUINT_TO_POINTER(guests->names->len);
        g_hash_table_insert(guests->numbers, copy, found);
    }
    return GPOINTER_TO_UINT(found) - 1;
}

/* One that was called by its address; false: its name is another guest's, of
 * whom it is one more interface */
static bool
rename_learnt(TrafficGuests *guests, guint found, const char *name)
{
    char **old = (char **)&guests->names->pdata[found - 1];

    if (g_hash_table_contains(guests->numbers, name)) {
        return false;
    }
    g_hash_table_remove(guests->numbers, *old);
    g_free(*old);
    *old = g_strdup(name);
    g_hash_table_insert(guests->numbers, *old, GUINT_TO_POINTER(found));
    return true;
}

static bool
add_key(TrafficGuests *guests, GHashTable *table, const Key *key,
        const char *address, const char *name, GError **error)
{
    guint found = GPOINTER_TO_UINT(g_hash_table_lookup(table, key));

    if (found && g_hash_table_remove(guests->learnt, GUINT_TO_POINTER(found)) &&
        !rename_learnt(guests, found, name)) {
        g_hash_table_remove(table, key);
        found = 0;
    }
    if (found && strcmp(guests->names->pdata[found - 1], name) != 0) {
        g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_CONFLICT,
                    "%s is %s's already, and cannot be %s's too", address,
                    (const char *)guests->names->pdata[found - 1], name);
        return false;
    }
    if (!found) {
        uint32_t number = guest_number(guests, name);

        g_hash_table_insert(table, g_memdup2(key, sizeof(*key)),
                            GUINT_TO_POINTER(number + 1));
        guests->with_vlans = guests->with_vlans || key->vlan != ANY_VLAN;
    }
    return true;
}

static int
compare_networks(gconstpointer a, gconstpointer b)
{
    const Network *first = a, *second = b;

    if (first->bits != second->bits) {
        return first->bits > second->bits ? -1 : 1;
    }
    /* one that is bound to a VLAN before one that is not */
    return (first->vlan > second->vlan) - (first->vlan < second->vlan);
}

static uint32_t
place_number(TrafficGuests *guests, const char *name)
{
    for (guint i = 0; i < guests->place_names->len; i++) {
        if (strcmp(guests->place_names->pdata[i], name) == 0) {
            return i;
        }
    }
    g_ptr_array_add(guests->place_names, g_strdup(name));
    return guests->place_names->len - 1;
}

static bool
add_network(TrafficGuests *guests, const Network *network, const char *address,
            const char *name, GError **error)
{
    Network added = *network;

    for (guint i = 0; i < guests->networks->len; i++) {
        const Network *other = &g_array_index(guests->networks, Network, i);
        const char *theirs = guests->place_names->pdata[other->number];

        if (other->bits != added.bits || other->vlan != added.vlan ||
            memcmp(&other->address, &added.address, sizeof(added.address))) {
            continue;
        }
        if (strcmp(theirs, name) == 0) {
            return true;
        }
        g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_CONFLICT,
                    "network %s is called %s already, and cannot be %s too",
                    address, theirs, name);
        return false;
    }
    if (guests->networks->len >= MOST_NETWORKS) {
        g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_RANGE,
                    "network %s: there are %d with names, and no more can be",
                    address, MOST_NETWORKS);
        return false;
    }
    added.number = place_number(guests, name);
    g_array_append_val(guests->networks, added);
    g_array_sort(guests->networks, compare_networks);
    return true;
}

bool
traffic_guests_add(TrafficGuests *guests, const char *address, const char *name,
                   GError **error)
{
    g_auto(GStrv) parts = g_strsplit(address, "@", 2);
    const char *host = parts[0] ? parts[0] : "";
    const char *slash = strchr(host, '/');
    g_autofree char *shown = g_utf8_make_valid(address, -1);
    Key key = { .vlan = ANY_VLAN };
    uint64_t mac = traffic_mac_parse(host);

    if (!name_is_fine(name)) {
        g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                    "%s: its name is empty, not UTF-8 or has control "
                    "characters",
                    shown);
        return false;
    }
    if (parts[0] && parts[1] && !parse_vlan(parts[1], &key.vlan)) {
        g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                    "%s: behind the @ stands a VLAN, 1 to 4094, or two as in "
                    "10.20",
                    shown);
        return false;
    }
    if (slash) {
        Network network = { .vlan = key.vlan };
        g_autofree char *base = g_strndup(host, (size_t)(slash - host));
        guint64 bits;

        if (traffic_address_parse(base, &network.address)) {
            unsigned most =
                traffic_address_is_ipv4(&network.address) ? 32 : 128;

            if (g_ascii_string_to_unsigned(slash + 1, 10, 0, most, &bits,
                                           NULL)) {
                network.bits = (uint32_t)bits + 128 - most;
                traffic_address_mask(&network.address, network.bits);
                return add_network(guests, &network, shown, name, error);
            }
        }
    } else if (mac && !(mac & TRAFFIC_MAC_GROUP_BIT)) {
        memcpy(key.address.bytes, &mac, sizeof(mac));
        return add_key(guests, guests->macs, &key, shown, name, error);
    } else if (traffic_address_parse(host, &key.address) &&
               !traffic_address_is_group(&key.address)) {
        return add_key(guests, guests->addresses, &key, shown, name, error);
    }
    g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                "\"%s\" is neither the MAC or IP address of one guest nor a "
                "network, as in 52:54:00:12:34:56, 10.0.0.7@10, 10.0.0.0/8",
                shown);
    return false;
}

bool
traffic_guests_learn(TrafficGuests *guests, const char *prefix, GError **error)
{
    static const char rest[] = ":00:00:00:00:01";
    size_t length = strlen(prefix);
    g_autofree char *whole = NULL;
    g_autofree char *shown = g_utf8_make_valid(prefix, -1);
    Prefix added = { 0 };

    if (length >= 2 && length <= 17 && length % 3 == 2) {
        /* the rest is a 1 that is masked away: 0 would be no address */
        whole = g_strconcat(prefix, rest + (length - 2), NULL);
        added.value = traffic_mac_parse(length == 17 ? prefix : whole);
        added.mask = UINT64_C(0xffffffffffff) << 8 * (6 - (length + 1) / 3) &
                     UINT64_C(0xffffffffffff);
    }
    if (!added.value || added.value & TRAFFIC_MAC_GROUP_BIT) {
        g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                    "\"%s\" is not how the MAC address of a guest begins, as "
                    "in 52:54:00",
                    shown);
        return false;
    }
    added.value &= added.mask;
    g_array_append_val(guests->prefixes, added);
    return true;
}

bool
traffic_guests_parse(TrafficGuests *guests, const char *text, size_t length,
                     GError **error)
{
    g_autofree char *copy = g_strndup(text, length);
    g_auto(GStrv) lines = NULL;

    if (memchr(text, '\0', length)) {
        g_set_error_literal(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                            "this is no text: it has zero bytes");
        return false;
    }
    lines = g_strsplit(copy, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        char *equals = strchr(line, '=');

        if (!*line || *line == '#') {
            continue;
        }
        if (!equals) {
            g_autofree char *shown = g_utf8_make_valid(line, -1);

            g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                        "line %zu: \"%s\" is no ADDRESS=NAME", i + 1, shown);
            return false;
        }
        *equals = '\0';
        if (!traffic_guests_add(guests, g_strstrip(line),
                                g_strstrip(equals + 1), error)) {
            g_prefix_error(error, "line %zu: ", i + 1);
            return false;
        }
    }
    return true;
}

/* --- asking --- */

static guint
lookup(const TrafficGuests *guests, GHashTable *table, Key *key, uint32_t vlan)
{
    guint found = 0;

    if (guests->with_vlans) {
        key->vlan = vlan;
        found = GPOINTER_TO_UINT(g_hash_table_lookup(table, key));
    }
    if (!found) {
        key->vlan = ANY_VLAN;
        found = GPOINTER_TO_UINT(g_hash_table_lookup(table, key));
    }
    return found;
}

static const Network *
find_network(const TrafficGuests *guests, const TrafficAddress *address,
             uint32_t vlan)
{
    for (guint i = 0; i < guests->networks->len; i++) {
        const Network *network = &g_array_index(guests->networks, Network, i);
        TrafficAddress masked = *address;

        if (network->vlan != ANY_VLAN && network->vlan != vlan) {
            continue;
        }
        traffic_address_mask(&masked, network->bits);
        /* ::/0 is of IPv6 only */
        if (traffic_address_is_ipv4(address) ==
                traffic_address_is_ipv4(&network->address) &&
            memcmp(&masked, &network->address, sizeof(masked)) == 0) {
            return network;
        }
    }
    return NULL;
}

/* Number + 1 of the guest that has this address; 0: it is none */
static guint
learn(TrafficGuests *guests, uint64_t mac)
{
    char name[18];
    Key key = { .vlan = ANY_VLAN };
    bool fits = false;
    guint found;

    for (guint i = 0; i < guests->prefixes->len && !fits; i++) {
        const Prefix *prefix = &g_array_index(guests->prefixes, Prefix, i);

        fits = (mac & prefix->mask) == prefix->value;
    }
    if (!fits || guests->n_learnt >= TRAFFIC_MOST_LEARNT) {
        return 0;
    }
    for (int i = 0; i < 6; i++) {
        g_snprintf(name + 3 * i, sizeof(name) - 3 * (size_t)i, "%02x%s",
                   (unsigned)(mac >> 8 * (5 - i) & 0xff), i < 5 ? ":" : "");
    }
    found = guest_number(guests, name) + 1;
    memcpy(key.address.bytes, &mac, sizeof(mac));
    g_hash_table_insert(guests->macs, g_memdup2(&key, sizeof(key)),
                        GUINT_TO_POINTER(found));
    g_hash_table_add(guests->learnt, GUINT_TO_POINTER(found));
    guests->n_learnt++;
    return found;
}

static void
find_end(TrafficGuests *guests, const TrafficFrame *frame, uint64_t mac,
         const TrafficAddress *address, TrafficEnd *end)
{
    static const TrafficAddress nobody;
    bool has_ip = frame->ip && memcmp(address, &nobody, sizeof(nobody)) != 0;
    const Network *network;
    guint found = 0;
    Key key = { 0 };

    memset(end, 0, sizeof(*end));
    if (mac & TRAFFIC_MAC_GROUP_BIT) {
        /* whomever an ARP request asks for: it goes to everybody */
        end->kind = TRAFFIC_END_GROUP;
        return;
    }
    if (mac) {
        memcpy(key.address.bytes, &mac, sizeof(mac));
        found = lookup(guests, guests->macs, &key, frame->vlan);
    }
    if (!found && has_ip && g_hash_table_size(guests->addresses) > 0) {
        key.address = *address;
        found = lookup(guests, guests->addresses, &key, frame->vlan);
    }
    if (!found && mac && guests->prefixes->len > 0) {
        found = learn(guests, mac);
    }
    if (found) {
        end->kind = TRAFFIC_END_GUEST;
        end->number = found - 1;
    } else if (has_ip && traffic_address_is_group(address)) {
        end->kind = TRAFFIC_END_GROUP;
    } else if (!has_ip) {
        end->kind = TRAFFIC_END_OTHER;
    } else if ((network = find_network(guests, address, frame->vlan))) {
        end->kind = TRAFFIC_END_NAMED;
        end->number = network->number;
    } else {
        end->kind = TRAFFIC_END_NETWORK;
        end->vlan = frame->vlan;
        end->bits =
            traffic_address_is_ipv4(address) ? guests->bits4 : guests->bits6;
        end->address = *address;
        traffic_address_mask(&end->address, end->bits);
    }
}

void
traffic_guests_ends(TrafficGuests *guests, const TrafficFrame *frame,
                    TrafficEnd *from, TrafficEnd *to)
{
    find_end(guests, frame, frame->source_mac, &frame->source, from);
    find_end(guests, frame, frame->destination_mac, &frame->destination, to);
}

static const char *const kind_names[] = {
    [TRAFFIC_END_GUEST] = "guest",     [TRAFFIC_END_NAMED] = "named",
    [TRAFFIC_END_NETWORK] = "network", [TRAFFIC_END_GROUP] = "multicast",
    [TRAFFIC_END_OTHER] = "other",
};
_Static_assert(G_N_ELEMENTS(kind_names) == TRAFFIC_N_ENDS,
               "a kind without name");

const char *
traffic_end_kind_name(TrafficEndKind kind)
{
    return kind_names[kind];
}

/* "10.0.3.0/24", "10.0.3.0/24 vlan 7.8" */
static bool
read_network(const char *text, TrafficEnd *end)
{
    g_auto(GStrv) parts = g_strsplit(text, " vlan ", 2);
    char *slash = parts[0] ? strchr(parts[0], '/') : NULL;
    TrafficAddress masked;
    unsigned most;
    guint64 bits;

    if (!slash || (parts[1] && !parse_vlan(parts[1], &end->vlan))) {
        return false;
    }
    *slash = '\0';
    if (!traffic_address_parse(parts[0], &end->address)) {
        return false;
    }
    most = traffic_address_is_ipv4(&end->address) ? 32 : 128;
    if (!g_ascii_string_to_unsigned(slash + 1, 10, 0, most, &bits, NULL)) {
        return false;
    }
    end->bits = (uint32_t)bits + 128 - most;
    masked = end->address;
    traffic_address_mask(&masked, end->bits);
    return memcmp(&masked, &end->address, sizeof(masked)) == 0;
}

/* By its name, or by its address if it is called so and has one meanwhile */
static uint32_t
read_guest(TrafficGuests *guests, const char *text)
{
    Key key = { .vlan = ANY_VLAN };
    uint64_t mac = traffic_mac_parse(text);
    guint found = 0;

    if (mac) {
        memcpy(key.address.bytes, &mac, sizeof(mac));
        found = GPOINTER_TO_UINT(g_hash_table_lookup(guests->macs, &key));
    }
    return found ? found - 1 : guest_number(guests, text);
}

bool
traffic_end_read(TrafficGuests *guests, const char *kind, const char *text,
                 TrafficEnd *end, GError **error)
{
    TrafficEnd found = { 0 };
    bool good = name_is_fine(text);

    while (found.kind < TRAFFIC_N_ENDS &&
           strcmp(kind_names[found.kind], kind) != 0) {
        found.kind++;
    }
    if (good && found.kind == TRAFFIC_END_GUEST) {
        found.number = read_guest(guests, text);
    } else if (good && found.kind == TRAFFIC_END_NAMED) {
        found.number = place_number(guests, text);
    } else if (good && found.kind == TRAFFIC_END_NETWORK) {
        good = read_network(text, &found);
    }
    if (!good || found.kind == TRAFFIC_N_ENDS) {
        g_autofree char *shown_kind = g_utf8_make_valid(kind, -1);
        g_autofree char *shown = g_utf8_make_valid(text, -1);

        g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                    "\"%s\" of kind \"%s\" is no end of traffic", shown,
                    shown_kind);
        return false;
    }
    *end = found;
    return true;
}

char *
traffic_end_text(const TrafficGuests *guests, const TrafficEnd *end)
{
    GString *text;

    switch (end->kind) {
    case TRAFFIC_END_GUEST:
        return g_strdup(guests->names->pdata[end->number]);
    case TRAFFIC_END_NAMED:
        return g_strdup(guests->place_names->pdata[end->number]);
    case TRAFFIC_END_NETWORK:
        text = g_string_new(NULL);
        traffic_address_append(text, &end->address);
        g_string_append_printf(text, "/%u",
                               traffic_address_is_ipv4(&end->address)
                                   ? end->bits - 96
                                   : end->bits);
        if (end->vlan) {
            g_string_append_printf(text, " vlan %u", end->vlan & 0xfff);
        }
        if (end->vlan >> 12) {
            g_string_append_printf(text, ".%u", end->vlan >> 12);
        }
        return g_string_free(text, FALSE);
    case TRAFFIC_END_GROUP:
        return g_strdup("multicast");
    default:
        return g_strdup("other");
    }
}
