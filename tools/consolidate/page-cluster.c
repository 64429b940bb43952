/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page-cluster.c - see page-cluster.h
 *
 *                 before                          after
 *   left
 *    host1   [a1   ][c1   ][     free    ]   [a1   ][a2   ][c1   ][     ]
 *            ======                  12 %    ========               21 %
 *
 * A guest's box is as wide as its share of the host's memory, for that it has at
 * every moment; below it how busy the host's cores are. The traffic is drawn by
 * traffic/draw.c, as vmferry-traffic does.
 */
#include "tools/consolidate/page-cluster.h"

#include <string.h>

#include "report/report-svg.h"
#include "traffic/write.h"

#define WIDTH 980.0
#define NAMES 120.0
#define PANEL 420.0
#define BAR 350.0 /* of a panel; the rest is words */
#define GAP 20.0
#define ROW 42.0
#define RACK 24.0
#define LETTER 7.0
#define NAME_LETTERS 16
#define MOST_HOSTS 60
#define MOST_ENDS 30

const char page_cluster_style[] =
    "svg.cluster .free { fill: var(--band); }\n"
    "svg.cluster .guest { fill: var(--area); stroke: var(--paper); }\n"
    "svg.cluster .moved { fill: var(--stream); stroke: var(--paper); }\n"
    "svg.cluster text.in-moved { fill: var(--paper); }\n"
    "svg.cluster .busy { fill: var(--application); }\n"
    "svg.cluster .full { fill: var(--other); }\n"
    "svg.cluster text.rack { font-weight: 600; }\n"
    "svg.traffic { width: auto; max-width: 100%; }\n";

typedef struct Picture {
    GString *out;
    const Cluster *sides[2]; /* before, after: the same hosts */
    GHashTable *moved;       /* names of guests, borrowed */
    double y;
} Picture;

/* --- hosts --- */

static int
by_name(gconstpointer a, gconstpointer b)
{
    const ClusterGuest *x = *(ClusterGuest *const *)a;
    const ClusterGuest *y = *(ClusterGuest *const *)b;

    return strcmp(x->name, y->name);
}

/* Return: ClusterGuest *, borrowed */
static GPtrArray *
guests_of(const Cluster *cluster, int32_t host)
{
    GPtrArray *guests = g_ptr_array_new();

    for (guint g = 0; g < cluster->guests->len; g++) {
        if (cluster_guest(cluster, g)->host == host) {
            g_ptr_array_add(guests, cluster_guest(cluster, g));
        }
    }
    g_ptr_array_sort(guests, by_name);
    return guests;
}

static char *
shortened(const char *name, size_t letters)
{
    g_autofree char *begin = NULL;

    if ((size_t)g_utf8_strlen(name, -1) <= letters) {
        return g_strdup(name);
    }
    begin = g_utf8_substring(name, 0, (glong)letters - 1);
    return g_strdup_printf("%s…", begin);
}

static void
add_guests(Picture *picture, const ClusterHost *host, const GPtrArray *guests,
           double x)
{
    double all = (double)host->own_memory_bytes, left = x;

    for (guint i = 0; i < guests->len; i++) {
        all += (double)((ClusterGuest *)guests->pdata[i])->memory_bytes;
    }
    all = MAX(MAX(all, (double)host->memory_bytes), 1);
    svg_rect(picture->out, "free", x, picture->y, BAR, 20, NULL);
    for (guint i = 0; i < guests->len; i++) {
        const ClusterGuest *guest = guests->pdata[i];
        bool moved = g_hash_table_contains(picture->moved, guest->name);
        double width = MAX(BAR * (double)guest->memory_bytes / all, 2);
        double letters = (width - 8) / LETTER;
        g_autofree char *hint =
            g_strdup_printf("%s: %.0f MiB, %.2f cores", guest->name,
                            (double)guest->memory_bytes / (1 << 20),
                            (double)MAX(guest->cpu_milli, 0) / 1000);

        svg_rect(picture->out, moved ? "moved" : "guest", left, picture->y,
                 width, 20, hint);
        if (letters >= 2) {
            g_autofree char *name = shortened(guest->name, (size_t)letters);

            svg_text(picture->out, moved ? "in-moved" : "in", left + 4,
                     picture->y + 14, SVG_START, name);
        }
        left += width;
    }
}

static void
add_load(Picture *picture, const ClusterHost *host, const GPtrArray *guests,
         double x)
{
    double used = (double)host->own_cpu_milli, share;
    g_autofree char *text = NULL;

    for (guint i = 0; i < guests->len; i++) {
        used += (double)MAX(((ClusterGuest *)guests->pdata[i])->cpu_milli, 0);
    }
    if (host->cpu_milli <= 0) {
        return;
    }
    share = used / (double)host->cpu_milli;
    text = g_strdup_printf("%.0f %%", 100 * share);
    svg_rect(picture->out, "free", x, picture->y + 23, BAR, 5, NULL);
    svg_rect(picture->out, share > 0.9 ? "full" : "busy", x, picture->y + 23,
             BAR * MIN(share, 1), 5, text);
    svg_text(picture->out, "soft", x + BAR + 8, picture->y + 29, SVG_START,
             text);
}

static void
add_host(Picture *picture, guint index)
{
    g_autofree char *name =
        shortened(cluster_host(picture->sides[0], index)->name, NAME_LETTERS);

    svg_text(picture->out, "name", NAMES - 10, picture->y + 14, SVG_END, name);
    for (int side = 0; side < 2; side++) {
        const ClusterHost *host = cluster_host(picture->sides[side], index);
        g_autoptr(GPtrArray) guests =
            guests_of(picture->sides[side], (int32_t)index);
        double x = NAMES + side * (PANEL + GAP);

        if (host->state != CLUSTER_HOST_UP) {
            svg_text(picture->out, "soft", x + 4, picture->y + 14, SVG_START,
                     host->state == CLUSTER_HOST_ASLEEP ? "asleep"
                                                        : "does not answer");
            continue;
        }
        add_guests(picture, host, guests, x);
        add_load(picture, host, guests, x);
    }
    picture->y += ROW;
}

/* Which are drawn: all, or those that the plan is about if there are many. */
static GArray *
choose_hosts(const Cluster *cluster, const ConsDecision *decision)
{
    GArray *chosen = g_array_new(FALSE, FALSE, sizeof(guint));
    bool all = cluster->hosts->len <= MOST_HOSTS;

    for (guint h = 0; h < cluster->hosts->len && chosen->len < MOST_HOSTS;
         h++) {
        const char *name = cluster_host(cluster, h)->name;
        bool wanted = all;

        for (guint i = 0; i < decision->moves->len && !wanted; i++) {
            const ConsMove *move = decision->moves->pdata[i];

            wanted = !strcmp(move->from, name) || !strcmp(move->to, name);
        }
        for (guint i = 0; i < decision->powers->len && !wanted; i++) {
            const ConsPower *power = decision->powers->pdata[i];

            wanted = !strcmp(power->host, name);
        }
        if (wanted) {
            g_array_append_val(chosen, h);
        }
    }
    return chosen;
}

static int
by_rack(gconstpointer a, gconstpointer b, gpointer user)
{
    const Cluster *cluster = user;
    guint i = *(const guint *)a, k = *(const guint *)b;
    const ClusterHost *x = cluster_host(cluster, i);
    const ClusterHost *y = cluster_host(cluster, k);
    int order = strcmp(x->site, y->site);

    order = order ? order : strcmp(x->pod, y->pod);
    order = order ? order : strcmp(x->rack, y->rack);
    return order ? order : (i > k) - (i < k);
}

static bool
same_rack(const ClusterHost *a, const ClusterHost *b)
{
    return !strcmp(a->rack, b->rack) && !strcmp(a->pod, b->pod) &&
           !strcmp(a->site, b->site);
}

static void
add_hosts(GString *out, const ConsDecision *decision, const Cluster *before,
          const Cluster *after, bool seen)
{
    g_autoptr(GArray) chosen = choose_hosts(before, decision);
    g_autoptr(GHashTable) moved = g_hash_table_new(g_str_hash, g_str_equal);
    Picture picture = { out, { before, after }, moved, 26 };
    const ClusterHost *last = NULL;
    double height = picture.y + chosen->len * ROW;

    g_array_sort_with_data(chosen, by_rack, (gpointer)before);
    for (guint i = 0; i < decision->moves->len; i++) {
        g_hash_table_add(moved, ((ConsMove *)decision->moves->pdata[i])->guest);
    }
    for (guint i = 0; i < chosen->len; i++) {
        const ClusterHost *host =
            cluster_host(before, g_array_index(chosen, guint, i));

        height += *host->rack && (!last || !same_rack(last, host)) ? RACK : 0;
        last = host;
    }
    svg_open(out, WIDTH, height, "cluster", "Hosts and guests");
    svg_text(out, "soft", NAMES, 14, SVG_START, "before");
    svg_text(out, "soft", NAMES + PANEL + GAP, 14, SVG_START,
             seen ? "after" : "after, as planned");
    last = NULL;
    for (guint i = 0; i < chosen->len; i++) {
        guint index = g_array_index(chosen, guint, i);
        const ClusterHost *host = cluster_host(before, index);

        if (*host->rack && (!last || !same_rack(last, host))) {
            g_autofree char *rack =
                g_strjoin(*host->pod || *host->site ? "/" : "", host->site,
                          host->pod, host->rack, NULL);

            svg_text(out, "rack", 4, picture.y + 14, SVG_START, rack);
            picture.y += RACK;
        }
        last = host;
        add_host(&picture, index);
    }
    svg_close(out);
    if (chosen->len < before->hosts->len) {
        g_string_append_printf(out,
                               "<p class=\"note\">%u of %u hosts, those that "
                               "the plan is about.</p>\n",
                               chosen->len, before->hosts->len);
    }
}

/* --- what it is drawn of --- */

static Cluster *
read_cluster(JsonObject *json)
{
    return json ? cluster_from_json(json, NULL) : NULL;
}

static bool
same_hosts(const Cluster *a, const Cluster *b)
{
    bool same = a->hosts->len == b->hosts->len;

    for (guint i = 0; i < a->hosts->len && same; i++) {
        same = !strcmp(cluster_host(a, i)->name, cluster_host(b, i)->name);
    }
    return same;
}

static Cluster *
as_planned(const Cluster *before, const ConsDecision *decision)
{
    Cluster *after = cluster_copy(before);

    for (guint i = 0; i < decision->moves->len; i++) {
        const ConsMove *move = decision->moves->pdata[i];
        int32_t guest = cluster_find_guest(after, move->guest);
        int32_t host = cluster_find_host(after, move->to);

        if (guest >= 0 && host >= 0) {
            cluster_guest(after, (size_t)guest)->host = host;
        }
    }
    for (guint i = 0; i < decision->powers->len; i++) {
        const ConsPower *power = decision->powers->pdata[i];
        int32_t host = cluster_find_host(after, power->host);

        if (host >= 0) {
            cluster_host(after, (size_t)host)->state =
                power->on ? CLUSTER_HOST_UP : CLUSTER_HOST_ASLEEP;
        }
    }
    return after;
}

static bool
take_end(TrafficGuests *guests, const Cluster *cluster, int32_t guest,
         TrafficEnd *end)
{
    return traffic_end_read(guests, "guest",
                            cluster_guest(cluster, (size_t)guest)->name, end,
                            NULL);
}

static void
add_traffic(GString *out, const Cluster *cluster)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    g_autoptr(TrafficSummary) summary = traffic_summary_new(guests);
    g_autofree char *map = NULL;

    summary->to_us = cluster->at_us;
    summary->from_us = cluster->at_us - (int64_t)(cluster->flow_span_s * 1e6);
    summary->sampled_1_in = 1;
    for (guint i = 0; i < cluster->flows->len; i++) {
        const ClusterFlow *flow =
            &g_array_index(cluster->flows, ClusterFlow, i);
        TrafficRow row = { 0 }, back;

        if (!take_end(guests, cluster, flow->a, &row.from) ||
            !take_end(guests, cluster, flow->b, &row.to)) {
            continue;
        }
        row.sum.bytes =
            traffic_count_of(flow->bytes_s * cluster->flow_span_s / 2);
        back = row;
        back.from = row.to;
        back.to = row.from;
        g_array_append_val(summary->rows, row);
        g_array_append_val(summary->rows, back);
        summary->total.bytes += 2 * row.sum.bytes;
    }
    g_array_sort(summary->rows, traffic_row_compare);
    map = traffic_write_svg(summary, MOST_ENDS);
    g_string_append(out, "<h2>Who talked to whom</h2>\n<p class=\"note\">As it "
                         "was decided by. Both directions together are known; "
                         "each cell has half of them.</p>\n");
    g_string_append(out, map);
    g_string_append_c(out, '\n');
}

void
page_add_cluster(GString *out, const ConsDecision *decision, JsonObject *before,
                 JsonObject *after)
{
    g_autoptr(Cluster) was = read_cluster(before);
    g_autoptr(Cluster) is = was ? read_cluster(after) : NULL;
    bool seen = is && same_hosts(was, is);

    if (!was) {
        return;
    }
    if (!seen) {
        cluster_free(is);
        is = as_planned(was, decision);
    }
    g_string_append(out,
                    "<h2>The cluster</h2>\n<p class=\"note\">A guest is as "
                    "wide as its part of the host's memory; those that "
                    "the plan moves are filled. Below, how busy the cores "
                    "are.</p>\n");
    add_hosts(out, decision, was, is, seen);
    if (was->flows->len > 0) {
        add_traffic(out, was);
    }
}
