/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * names.c - which names of vmferry.conf an address has
 *
 *   [destination NAME]    NAME ──> addresses, at the start and every few minutes
 *   [destination *.site]  address ──> its name ──> does that have the address?
 *
 * Of a migration that others started only the address is known, and libvirt's
 * URI may spell a host otherwise than the file does. Looking up takes as long as
 * it takes: GResolver does it in threads, and whoever asks is told what is known.
 * A name that points back to another address is nobody's: whoever writes PTR
 * records must not choose the rules.
 */
#include <gio/gio.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"

#define AGAIN_S 300
#define AGAIN_FAILED_S 30
/* So long rules wait for a name server. */
#define PATIENCE_MS 2000
#define MOST_PEERS 256

/* A name that stands in the file. */
typedef struct Named {
    char *name;
    GPtrArray *addresses; /* char *; NULL: not known yet */
    int64_t since_us;     /* first asked */
    bool failed;
} Named;

/* An address that a migration goes to. */
typedef struct Peer {
    char *address;
    char *name; /* that it has beyond doubt, lower case; NULL: none */
    bool asked; /* no answer yet */
    int64_t since_us;
} Peer;

/* What questions under way hold. */
typedef struct Ear {
    Names *names; /* NULL: freed */
} Ear;

struct Names {
    Daemon *daemon;
    GResolver *resolver;
    GCancellable *cancellable;
    GHashTable *named; /* name -> Named * */
    GHashTable *peers; /* address -> Peer * */
    bool patterns;     /* are there any in the file? */
    guint again_source, patience_source;
    Ear *ear;
};

typedef struct Question {
    Ear *ear;
    char *key;  /* of .named, or of .peers */
    char *name; /* of the peer, to be confirmed; NULL: of .named */
} Question;

static void
named_free(gpointer data)
{
    Named *named = data;

    g_clear_pointer(&named->addresses, g_ptr_array_unref);
    g_free(named->name);
    g_free(named);
}

static void
peer_free(gpointer data)
{
    Peer *peer = data;

    g_free(peer->address);
    g_free(peer->name);
    g_free(peer);
}

static Question *
question_new(Names *names, const char *key, const char *name)
{
    Question *question = g_new0(Question, 1);

    question->ear = g_atomic_rc_box_acquire(names->ear);
    question->key = g_strdup(key);
    question->name = g_strdup(name);
    return question;
}

static void
question_free(Question *question)
{
    g_atomic_rc_box_release(question->ear);
    g_free(question->key);
    g_free(question->name);
    g_free(question);
}

/* Rules may be others now. */
static void
tell(Names *names)
{
    Daemon *daemon = names->daemon;

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && outgoing->found) {
            outgoing_pick_rules(outgoing);
        }
    }
}

static bool
holds(const GList *addresses, const char *address)
{
    for (const GList *one = addresses; one; one = one->next) {
        g_autofree char *text = g_inet_address_to_string(one->data);

        if (strcmp(text, address) == 0) {
            return true;
        }
    }
    return false;
}

/* --- names of the file --- */

static void
take_addresses(Names *names, const char *name, const GList *addresses,
               const GError *error)
{
    Named *named = g_hash_table_lookup(names->named, name);
    bool failed = named && named->failed;

    if (!named) {
        return; /* it stands there no more */
    }
    named->failed = error != NULL;
    if (error) {
        if (!failed) {
            daemon_log(G_LOG_LEVEL_WARNING, NULL,
                       "[destination %s]: %s; migrations of others have these "
                       "rules only where the URI says so",
                       name, error->message);
        }
        if (!named->addresses) {
            named->addresses = g_ptr_array_new_with_free_func(g_free);
        }
        return; /* what was known before is as good as ever */
    }
    g_clear_pointer(&named->addresses, g_ptr_array_unref);
    named->addresses = g_ptr_array_new_with_free_func(g_free);
    for (const GList *one = addresses; one; one = one->next) {
        g_ptr_array_add(named->addresses, g_inet_address_to_string(one->data));
    }
}

static void
take_confirmed(Names *names, const Question *question, const GList *addresses)
{
    Peer *peer = g_hash_table_lookup(names->peers, question->key);

    if (peer) {
        peer->asked = false;
        g_free(peer->name);
        peer->name = holds(addresses, peer->address)
                         ? g_ascii_strdown(question->name, -1)
                         : NULL;
    }
}

static void
on_addresses(GObject *resolver, GAsyncResult *result, gpointer user)
{
    Question *question = user;
    Names *names = question->ear->names;
    g_autoptr(GError) error = NULL;
    GList *addresses =
        g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);

    if (names && question->name) {
        take_confirmed(names, question, addresses);
    } else if (names) {
        take_addresses(names, question->key, addresses, error);
    }
    if (names) {
        tell(names);
    }
    g_resolver_free_addresses(addresses);
    question_free(question);
}

static void
ask_for(Names *names, Named *named)
{
    if (!named->since_us) {
        named->since_us = clock_mono_us();
    }
    g_resolver_lookup_by_name_async(names->resolver, named->name,
                                    names->cancellable, on_addresses,
                                    question_new(names, named->name, NULL));
}

/* --- names of addresses --- */

static void
on_name(GObject *resolver, GAsyncResult *result, gpointer user)
{
    Question *question = user;
    Names *names = question->ear->names;
    g_autofree char *name =
        g_resolver_lookup_by_address_finish(G_RESOLVER(resolver), result, NULL);
    Peer *peer =
        names ? g_hash_table_lookup(names->peers, question->key) : NULL;

    if (peer && name) {
        g_resolver_lookup_by_name_async(
            names->resolver, name, names->cancellable, on_addresses,
            question_new(names, question->key, name));
    } else if (peer) {
        peer->asked = false;
        tell(names);
    }
    question_free(question);
}

static Peer *
peer_of(Names *names, const char *address)
{
    Peer *peer = g_hash_table_lookup(names->peers, address);
    g_autoptr(GInetAddress) number = NULL;

    if (peer) {
        return peer;
    }
    if (g_hash_table_size(names->peers) >= MOST_PEERS) {
        g_hash_table_remove_all(names->peers);
    }
    peer = g_new0(Peer, 1);
    peer->address = g_strdup(address);
    peer->since_us = clock_mono_us();
    g_hash_table_insert(names->peers, peer->address, peer);
    number = g_inet_address_new_from_string(address);
    if (number) {
        peer->asked = true;
        g_resolver_lookup_by_address_async(names->resolver, number,
                                           names->cancellable, on_name,
                                           question_new(names, address, NULL));
    }
    return peer;
}

/* --- for whoever looks for rules --- */

char **
names_of(Names *names, const char *address)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    if (names && address) {
        g_hash_table_iter_init(&iter, names->named);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
            const Named *named = value;

            if (named->addresses &&
                g_ptr_array_find_with_equal_func(named->addresses, address,
                                                 g_str_equal, NULL)) {
                g_ptr_array_add(found, g_strdup(named->name));
            }
        }
        if (names->patterns && peer_of(names, address)->name) {
            g_ptr_array_add(found, g_strdup(peer_of(names, address)->name));
        }
    }
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_steal(found, NULL);
}

static gboolean
on_patience_over(gpointer user)
{
    Names *names = user;

    names->patience_source = 0;
    tell(names);
    return G_SOURCE_REMOVE;
}

static bool
is_late(int64_t since_us)
{
    return clock_mono_us() - since_us >= PATIENCE_MS * 1000LL;
}

bool
names_pending(Names *names, const char *address)
{
    GHashTableIter iter;
    gpointer value;
    bool pending = false;

    if (!names || !address) {
        return false;
    }
    g_hash_table_iter_init(&iter, names->named);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Named *named = value;

        pending |= !named->addresses && !is_late(named->since_us);
    }
    if (names->patterns) {
        const Peer *peer = peer_of(names, address);

        pending |= peer->asked && !is_late(peer->since_us);
    }
    if (pending && !names->patience_source) {
        names->patience_source =
            g_timeout_add(PATIENCE_MS + 10, on_patience_over, names);
    }
    return pending;
}

/* --- life --- */

static bool
is_pattern(const char *name)
{
    return strpbrk(name, "*?") != NULL;
}

static bool
is_number(const char *name)
{
    return strpbrk(name, "/:") != NULL || g_hostname_is_ip_address(name);
}

static gboolean
on_again(gpointer user)
{
    Names *names = user;
    GHashTableIter iter;
    gpointer value;
    bool failed = false;

    g_hash_table_iter_init(&iter, names->named);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        failed |= ((Named *)value)->failed;
        ask_for(names, value);
    }
    names->again_source = g_timeout_add_seconds(
        failed ? AGAIN_FAILED_S : AGAIN_S, on_again, names);
    return G_SOURCE_REMOVE;
}

void
names_reload(Names *names)
{
    const GPtrArray *sections = names->daemon->config->destinations;
    g_autoptr(GHashTable) before = names->named;

    names->named =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, named_free);
    names->patterns = false;
    for (guint i = 0; i < sections->len; i++) {
        const ConfigDestination *section = g_ptr_array_index(sections, i);
        Named *named = NULL;

        if (is_pattern(section->name)) {
            names->patterns = true;
        } else if (!is_number(section->name)) {
            if (!g_hash_table_steal_extended(before, section->name, NULL,
                                             (gpointer *)&named)) {
                named = g_new0(Named, 1);
                named->name = g_strdup(section->name);
            }
            g_hash_table_insert(names->named, named->name, named);
        }
    }
    g_clear_handle_id(&names->again_source, g_source_remove);
    if (g_hash_table_size(names->named) > 0) {
        on_again(names);
    }
}

Names *
names_new(Daemon *daemon)
{
    Names *names = g_new0(Names, 1);

    names->daemon = daemon;
    names->resolver = g_resolver_get_default();
    names->cancellable = g_cancellable_new();
    names->named =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, named_free);
    names->peers =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, peer_free);
    names->ear = g_atomic_rc_box_new0(Ear);
    names->ear->names = names;
    names_reload(names);
    return names;
}

void
names_free(Names *names)
{
    if (!names) {
        return;
    }
    g_cancellable_cancel(names->cancellable);
    g_clear_handle_id(&names->again_source, g_source_remove);
    g_clear_handle_id(&names->patience_source, g_source_remove);
    names->ear->names = NULL;
    g_atomic_rc_box_release(names->ear);
    g_hash_table_unref(names->named);
    g_hash_table_unref(names->peers);
    g_object_unref(names->cancellable);
    g_object_unref(names->resolver);
    g_free(names);
}
