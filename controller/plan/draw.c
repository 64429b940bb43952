/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * draw.c - see draw.h
 *
 *   a ▓▓▓▓▓░░  ▓▓░░░░░     use of each resource before and after, and the limit
 *   x a -> b ▬▬▬▬          a move a row, over time
 *   a out  ▁▁▂▂▇▇▂         what of an interface is booked
 *
 * Coordinates are whole numbers, tenths of a pixel: a locale cannot put commas
 * into them.
 */
#include "plan/draw.h"

#include <inttypes.h>

#define WIDTH 10000
#define LEFT 2600 /* where names end and pictures begin */
#define RIGHT 200
#define ROW 180
#define MOST_ROWS 120

typedef struct Drawing {
    const PlanModel *m;
    const PlanMoves *moves;
    GString *out;
    int64_t y;
    GArray *hosts; /* int32_t: those that moves concern */
} Drawing;

static void
add_text(Drawing *d, int64_t x, const char *style, const char *text)
{
    g_autofree char *escaped = g_markup_escape_text(text, -1);

    g_string_append_printf(d->out,
                           "<text x=\"%" PRId64 "\" y=\"%" PRId64
                           "\" class=\"%s\">%s</text>\n",
                           x, d->y + ROW - 50, style, escaped);
}

static void
add_bar(Drawing *d, int64_t x, int64_t width, int64_t height, const char *style,
        const char *title)
{
    g_autofree char *escaped = g_markup_escape_text(title ? title : "", -1);

    g_string_append_printf(
        d->out,
        "<rect x=\"%" PRId64 "\" y=\"%" PRId64 "\" width=\"%" PRId64
        "\" height=\"%" PRId64 "\" class=\"%s\"><title>%s</title></rect>\n",
        x, d->y + ROW - 30 - height, MAX(width, 0), height, style, escaped);
}

static void
add_heading(Drawing *d, const char *text)
{
    d->y += ROW;
    add_text(d, 100, "h", text);
    d->y += ROW + 40;
}

static void
note_host(GArray *hosts, bool *seen, int32_t host)
{
    if (host != PLAN_NOWHERE && !seen[host]) {
        seen[host] = true;
        g_array_append_val(hosts, host);
    }
}

static int64_t
time_x(const Drawing *d, double at_s)
{
    double span = MAX(d->moves->makespan_s, 1e-9);

    return LEFT + (int64_t)((WIDTH - LEFT - RIGHT) * at_s / span);
}

static void
add_left_out(Drawing *d, guint n)
{
    if (n > MOST_ROWS) {
        g_autofree char *text = g_strdup_printf("and %u more", n - MOST_ROWS);

        add_text(d, 100, "n", text);
        d->y += ROW;
    }
}

static void
draw_use(Drawing *d, int32_t host, const int32_t *where, int64_t x,
         int64_t width)
{
    const PlanModel *m = d->m;
    int64_t each = (ROW - 40) / (int64_t)MAX(1, m->n_resources);

    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t limit = m->limit[(size_t)host * m->n_resources + r];
        int64_t use = 0;
        double share;
        g_autofree char *title = NULL;

        for (size_t g = 0; g < m->n_guests; g++) {
            use += where[g] == host ? m->demand[g * m->n_resources + r] : 0;
        }
        share = limit > 0 ? (double)use / (double)limit : use > 0 ? 1.25 : 0;
        title = g_strdup_printf("%s: %s %" PRId64 " of %" PRId64,
                                m->hosts[host].name, m->resources[r].name, use,
                                limit);
        g_string_append_printf(
            d->out,
            "<rect x=\"%" PRId64 "\" y=\"%" PRId64 "\" width=\"%" PRId64
            "\" height=\"%" PRId64 "\" class=\"%s\"><title>",
            x, d->y + 10 + (int64_t)r * each,
            (int64_t)(MIN(share, 1.25) * (double)width * 0.8), MAX(each - 4, 2),
            share > 1 ? "o" : "u");
        {
            g_autofree char *escaped = g_markup_escape_text(title, -1);

            g_string_append_printf(d->out, "%s</title></rect>\n", escaped);
        }
    }
    g_string_append_printf(
        d->out, "<path d=\"M%" PRId64 " %" PRId64 "v%d\" class=\"l\"/>\n",
        x + width * 8 / 10, d->y, ROW - 20);
}

static void
draw_hosts(Drawing *d, const int32_t *target)
{
    const PlanModel *m = d->m;
    g_autofree int32_t *now = plan_model_hosts(m);
    g_autofree int32_t *then = g_new(int32_t, m->n_guests + 1);
    int64_t half = (WIDTH - LEFT - RIGHT) / 2;

    for (size_t g = 0; g < m->n_guests; g++) {
        then[g] = target[g] == PLAN_NOWHERE ? now[g] : target[g];
    }
    for (guint i = 0; i < d->moves->left_out->len; i++) {
        int32_t guest = g_array_index(d->moves->left_out, int32_t, i);

        then[guest] = now[guest];
    }
    add_heading(d,
                "Hosts before and after: use of each resource, to its limit");
    for (guint i = 0; i < MIN(d->hosts->len, MOST_ROWS); i++) {
        int32_t host = g_array_index(d->hosts, int32_t, i);

        add_text(d, 100, "n", m->hosts[host].name);
        draw_use(d, host, now, LEFT, half - 200);
        draw_use(d, host, then, LEFT + half, half - 200);
        d->y += ROW;
    }
    add_left_out(d, d->hosts->len);
}

static void
draw_moves(Drawing *d)
{
    const PlanModel *m = d->m;
    GArray *moves = d->moves->moves;
    g_autofree char *heading =
        g_strdup_printf("%u moves in %" PRId64 " s", moves->len,
                        (int64_t)(d->moves->makespan_s + 0.5));

    add_heading(d, heading);
    for (guint i = 0; i < MIN(moves->len, MOST_ROWS); i++) {
        const PlanMove *move = &g_array_index(moves, PlanMove, i);
        int64_t x = time_x(d, move->start_s);
        g_autofree char *name = g_strdup_printf(
            "%s: %s to %s%s", m->guests[move->guest].name,
            move->from == PLAN_NOWHERE ? "boot" : m->hosts[move->from].name,
            m->hosts[move->to].name, move->bypass ? ", a stop" : "");
        g_autofree char *title = g_strdup_printf(
            "%s, from %" PRId64 " s to %" PRId64 " s, %" PRIu64 " MB", name,
            (int64_t)move->start_s, (int64_t)(move->end_s + 0.5),
            move->duration.bytes / 1000000);

        add_text(d, 100, "n", name);
        add_bar(d, x, MAX(time_x(d, move->end_s) - x, 10), ROW - 60,
                move->bypass ? "b" : "g", title);
        d->y += ROW;
    }
    add_left_out(d, moves->len);
}

/* What is booked of one direction of an interface, between any two events */
static void
draw_link(Drawing *d, int32_t host, bool out, uint64_t link_bytes_s)
{
    GArray *moves = d->moves->moves;
    g_autofree char *name =
        g_strdup_printf("%s %s", d->m->hosts[host].name, out ? "out" : "in");
    bool any = false;

    for (guint i = 0; i < moves->len; i++) {
        const PlanMove *at = &g_array_index(moves, PlanMove, i);
        double next = G_MAXDOUBLE;
        uint64_t rate = 0;

        if ((out ? at->from : at->to) != host) {
            continue;
        }
        any = true;
        /* from this start on, until anything changes */
        for (int event = 0; event < 2; event++) {
            double start = event ? at->end_s : at->start_s;
            int64_t x;

            next = G_MAXDOUBLE;
            rate = 0;
            for (guint k = 0; k < moves->len; k++) {
                const PlanMove *other = &g_array_index(moves, PlanMove, k);

                if ((out ? other->from : other->to) != host ||
                    other->from == PLAN_NOWHERE) {
                    continue;
                }
                if (other->start_s <= start && other->end_s > start) {
                    rate += other->rate_bytes_s;
                }
                if (other->start_s > start) {
                    next = MIN(next, other->start_s);
                }
                if (other->end_s > start) {
                    next = MIN(next, other->end_s);
                }
            }
            if (rate > 0 && next < G_MAXDOUBLE) {
                double share =
                    MIN(1, (double)rate / (double)MAX(link_bytes_s, 1));

                x = time_x(d, start);
                add_bar(d, x, time_x(d, next) - x,
                        (int64_t)((ROW - 60) * share), "k", name);
            }
        }
    }
    if (any) {
        add_text(d, 100, "n", name);
        d->y += ROW;
    }
}

char *
plan_draw_moves(const PlanModel *m, const PlanMoves *moves,
                const int32_t *target, uint64_t link_bytes_s)
{
    g_autofree bool *seen = g_new0(bool, m->n_hosts + 1);
    g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(int32_t));
    Drawing d = {
        .m = m, .moves = moves, .out = g_string_new(NULL), .hosts = hosts
    };
    GString *all = g_string_new(NULL);

    for (guint i = 0; i < moves->moves->len; i++) {
        const PlanMove *move = &g_array_index(moves->moves, PlanMove, i);

        note_host(hosts, seen, move->from);
        note_host(hosts, seen, move->to);
    }
    draw_hosts(&d, target);
    draw_moves(&d);
    add_heading(&d, "Interfaces: what is booked of them");
    for (guint i = 0; i < MIN(hosts->len, MOST_ROWS / 2); i++) {
        int32_t host = g_array_index(hosts, int32_t, i);
        uint64_t link = plan_model_link(m, host, link_bytes_s);

        draw_link(&d, host, true, link);
        draw_link(&d, host, false, link);
    }
    g_string_append_printf(
        all,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %" PRId64
        "\" width=\"%d\">\n<style>text{font:120px sans-serif}.h{font-weight:"
        "bold}.u{fill:#4a7ebb}.o{fill:#c0392b}.g{fill:#5a9e6f}.b{fill:#d08a2e}"
        ".k{fill:#7f8c9b}.l{stroke:#222;stroke-width:10}</style>\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        WIDTH, d.y + ROW, WIDTH / 10);
    g_string_append(all, d.out->str);
    g_string_append(all, "</svg>\n");
    g_string_free(d.out, TRUE);
    return g_string_free(all, FALSE);
}
