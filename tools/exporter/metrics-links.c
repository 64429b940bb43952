/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics-links.c - links with their classes, and the queues for them
 */
#include <string.h>

#include "tools/exporter/metrics-priv.h"

static const char *const link_states[] = { "up", "down", "gone", "given-up",
                                           "foreign" };

static const struct {
    PromType type;
    const char *path; /* of a class */
    const char *name;
    const char *help;
} class_figures[] = {
    { PROM_GAUGE, "guarantee_bytes_s",
      "vmferry_link_class_guarantee_bytes_per_second",
      "Guaranteed rate of a traffic class." },
    { PROM_GAUGE, "ceiling_bytes_s",
      "vmferry_link_class_ceiling_bytes_per_second",
      "Ceiling of a traffic class." },
    { PROM_GAUGE, "use_bytes_s", "vmferry_link_class_use_bytes_per_second",
      "What a traffic class sends." },
    { PROM_COUNTER, "bytes", "vmferry_link_class_bytes_total",
      "Bytes that a traffic class has sent." },
    { PROM_COUNTER, "drops", "vmferry_link_class_drops_total",
      "Packets that a traffic class has dropped." },
    { PROM_GAUGE, "backlog_bytes", "vmferry_link_class_backlog_bytes",
      "Bytes that wait in a traffic class." },
};

static const struct {
    const char *path; /* of LINK */
    const char *name;
    const char *help;
} link_figures[] = {
    { "capacity_bytes_s", "vmferry_link_capacity_bytes_per_second",
      "What the link carries." },
    { "use_bytes_s", "vmferry_link_use_bytes_per_second",
      "What everything together sends on the link." },
    { "guaranteed_bytes_s", "vmferry_link_guaranteed_bytes_per_second",
      "Sum of what is guaranteed on the link." },
};

static void
add_classes(JsonObject *links, Prom *prom)
{
    for (size_t f = 0; f < G_N_ELEMENTS(class_figures); f++) {
        JsonObject *link, *class;

        prom_family(prom, class_figures[f].type, class_figures[f].name,
                    class_figures[f].help);
        for (size_t i = 0; (link = picture_item(links, i, MAX_LINKS)); i++) {
            JsonObject *classes = jobj_get(link, "classes");

            for (size_t c = 0; (class = picture_item(classes, c, MAX_CLASSES));
                 c++) {
                prom_known(prom, count_of(class, class_figures[f].path), "link",
                           picture_word(link, "link", ""), "class",
                           picture_word(class, "id", ""), "role",
                           picture_word(class, "role", ""), "owner",
                           picture_word(class, "owner", ""), NULL);
            }
        }
    }
}

static void
add_all_links(const Picture *picture, Prom *prom)
{
    JsonObject *links = list_of(picture->status, "links");
    JsonObject *link, *destination;

    prom_family(prom, PROM_GAUGE, "vmferry_link_state",
                "1 for the state that the link is in, 0 for the others.");
    for (size_t i = 0; (link = picture_item(links, i, MAX_LINKS)); i++) {
        for (size_t s = 0; s < G_N_ELEMENTS(link_states); s++) {
            prom_sample(
                prom,
                strcmp(picture_word(link, "state", ""), link_states[s]) == 0,
                "link", picture_word(link, "link", ""), "state", link_states[s],
                NULL);
        }
    }
    for (size_t f = 0; f < G_N_ELEMENTS(link_figures); f++) {
        prom_family(prom, PROM_GAUGE, link_figures[f].name,
                    link_figures[f].help);
        for (size_t i = 0; (link = picture_item(links, i, MAX_LINKS)); i++) {
            prom_known(prom, number_of(link, link_figures[f].path), "link",
                       picture_word(link, "link", ""), NULL);
        }
    }
    prom_family(prom, PROM_GAUGE,
                "vmferry_destination_capacity_bytes_per_second",
                "Capacity towards a destination where it is less than the "
                "link's.");
    for (size_t i = 0; (link = picture_item(links, i, MAX_LINKS)); i++) {
        JsonObject *list = jobj_get(link, "destinations");

        for (size_t d = 0; (destination = picture_item(list, d, MAX_REASONS));
             d++) {
            prom_known(prom, number_of(destination, "capacity_bytes_s"), "link",
                       picture_word(link, "link", ""), "address",
                       picture_word(destination, "address", ""), NULL);
        }
    }
    add_classes(links, prom);
}

/* ---- queue */

typedef struct QueueOfLink {
    unsigned length;
    double longest_s;
} QueueOfLink;

static void
add_queue(const Picture *picture, Prom *prom)
{
    g_autoptr(GHashTable) queues =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    JsonObject *links = list_of(picture->status, "links");
    JsonObject *queue = list_of(picture->status, "queue");
    g_autoptr(GList) names = NULL;
    JsonObject *item;

    for (size_t i = 0; (item = picture_item(links, i, MAX_LINKS)); i++) {
        g_hash_table_replace(queues, g_strdup(picture_word(item, "link", "")),
                             g_new0(QueueOfLink, 1));
    }
    for (size_t i = 0; (item = picture_item(queue, i, SIZE_MAX)); i++) {
        const char *link = picture_word(item, "link", "");
        QueueOfLink *of = g_hash_table_lookup(queues, link);

        if (!of && g_hash_table_size(queues) < 2 * MAX_LINKS) {
            of = g_new0(QueueOfLink, 1);
            g_hash_table_replace(queues, g_strdup(link), of);
        }
        if (of) {
            of->length++;
            of->longest_s =
                MAX(of->longest_s, known_or(number_of(item, "waiting_s"), 0));
        }
    }
    names = g_list_sort(g_hash_table_get_keys(queues), (GCompareFunc)strcmp);

    prom_family(prom, PROM_GAUGE, "vmferry_queue_length",
                "Migrations that wait for their turn, by link.");
    for (GList *name = names; name; name = name->next) {
        const QueueOfLink *of = g_hash_table_lookup(queues, name->data);

        prom_sample(prom, of->length, "link", name->data, NULL);
    }
    prom_family(prom, PROM_GAUGE, "vmferry_queue_longest_wait_seconds",
                "How long the one that waits longest has waited, 0 if none "
                "does.");
    for (GList *name = names; name; name = name->next) {
        const QueueOfLink *of = g_hash_table_lookup(queues, name->data);

        prom_sample(prom, of->longest_s, "link", name->data, NULL);
    }
}

void
metrics_add_links(const Picture *picture, Prom *prom)
{
    add_all_links(picture, prom);
    add_queue(picture, prom);
}
