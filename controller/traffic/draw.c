/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * draw.c - the matrix as a heat map
 *
 * Rows send, columns receive. A cell's colour is the logarithm of its bytes:
 * traffic spans many powers of ten, and a linear scale would show one cell.
 * Ends that talk most to each other stand side by side: beginning with the
 * loudest, the next is always the one that exchanges most with those that stand
 * already; guests come first, then the outside. What is between ends that are not drawn is in "all others", so that
 * the cells add up to everything but the tail.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "report/report-svg.h"
#include "traffic/write.h"

#define CELL 22.0
#define TOP 74.0
#define STEPS 9 /* shades */
#define NAME_LETTERS 26
#define LETTER 6.6

typedef struct Map {
    const TrafficSummary *summary;
    GPtrArray *ends;  /* TrafficEnd *, borrowed from rows; NULL: all others */
    GPtrArray *names; /* char * */
    uint64_t *cells;  /* bytes, from row to column */
    size_t n;
    GString *out;
    double left, side;
    ChartScale shade;
} Map;

static guint
end_hash(gconstpointer data)
{
    const uint8_t *bytes = data;
    guint hash = 5381;

    for (size_t i = 0; i < sizeof(TrafficEnd); i++) {
        hash = hash * 33 + bytes[i];
    }
    return hash;
}

static gboolean
end_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(TrafficEnd)) == 0;
}

typedef struct Loudness {
    const TrafficEnd *end;
    uint64_t bytes;
} Loudness;

static int
compare_loudness(gconstpointer a, gconstpointer b)
{
    const Loudness *first = a, *second = b;

    if (first->bytes != second->bytes) {
        return first->bytes > second->bytes ? -1 : 1;
    }
    return memcmp(first->end, second->end, sizeof(TrafficEnd));
}

/* The @most ends with the most bytes. */
static GPtrArray *
loudest(const TrafficSummary *summary, size_t most, bool *all)
{
    g_autoptr(GHashTable) sums =
        g_hash_table_new_full(end_hash, end_equal, NULL, g_free);
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(Loudness));
    GPtrArray *ends = g_ptr_array_new();
    GHashTableIter iter;
    gpointer end, sum;

    for (guint i = 0; i < summary->rows->len; i++) {
        TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        TrafficEnd *both[] = { &row->from, &row->to };

        for (int e = 0; e < 2; e++) {
            uint64_t *bytes = g_hash_table_lookup(sums, both[e]);

            if (!bytes) {
                bytes = g_new0(uint64_t, 1);
                g_hash_table_insert(sums, both[e], bytes);
            }
            *bytes += row->sum.bytes;
        }
    }
    g_hash_table_iter_init(&iter, sums);
    while (g_hash_table_iter_next(&iter, &end, &sum)) {
        Loudness loudness = { end, *(uint64_t *)sum };

        g_array_append_val(order, loudness);
    }
    g_array_sort(order, compare_loudness);
    for (guint i = 0; i < MIN(order->len, most); i++) {
        g_ptr_array_add(
            ends, (gpointer)(uintptr_t)g_array_index(order, Loudness, i).end);
    }
    *all = order->len <= most;
    return ends;
}

static void
fill_cells(Map *map)
{
    g_autoptr(GHashTable) places = g_hash_table_new(end_hash, end_equal);

    memset(map->cells, 0, sizeof(*map->cells) * map->n * map->n);
    for (guint i = 0; i < map->ends->len; i++) {
        if (map->ends->pdata[i]) {
            g_hash_table_insert(places, map->ends->pdata[i],
                                GUINT_TO_POINTER(i + 1));
        }
    }
    for (guint i = 0; i < map->summary->rows->len; i++) {
        const TrafficRow *row =
            &g_array_index(map->summary->rows, TrafficRow, i);
        guint from = GPOINTER_TO_UINT(g_hash_table_lookup(places, &row->from));
        guint to = GPOINTER_TO_UINT(g_hash_table_lookup(places, &row->to));

        /* who is not drawn is the last, "all others" */
        from = from ? from - 1 : (guint)map->n - 1;
        to = to ? to - 1 : (guint)map->n - 1;
        map->cells[from * map->n + to] += row->sum.bytes;
    }
}

static bool
stands_before(const Map *map, size_t a, size_t b, const uint64_t *pull)
{
    const TrafficEnd *first = map->ends->pdata[a];
    const TrafficEnd *second = map->ends->pdata[b];
    bool first_is = first->kind == TRAFFIC_END_GUEST;
    bool second_is = second->kind == TRAFFIC_END_GUEST;

    return first_is != second_is ? first_is : pull[a] > pull[b];
}

/* Neighbours beside each other; "all others" stays the last. */
static void
arrange(Map *map, size_t n)
{
    g_autofree uint64_t *pull = g_new0(uint64_t, n + 1);
    g_autofree size_t *left = g_new(size_t, n + 1);
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    size_t n_left = n;

    for (size_t i = 0; i < n; i++) {
        left[i] = i;
    }
    while (n_left > 0) {
        size_t best = 0, chosen;

        for (size_t i = 1; i < n_left; i++) {
            if (stands_before(map, left[i], left[best], pull)) {
                best = i;
            }
        }
        chosen = left[best];
        g_ptr_array_add(order, map->ends->pdata[chosen]);
        memmove(&left[best], &left[best + 1],
                sizeof(*left) * (--n_left - best));
        for (size_t i = 0; i < n_left; i++) {
            pull[left[i]] += map->cells[chosen * map->n + left[i]] +
                             map->cells[left[i] * map->n + chosen];
        }
    }
    for (size_t i = 0; i < n; i++) {
        map->ends->pdata[i] = order->pdata[i];
    }
    fill_cells(map);
}

static char *
shortened(const char *name)
{
    glong length = g_utf8_strlen(name, -1);
    g_autofree char *begin = NULL;

    if (length <= NAME_LETTERS) {
        return g_strdup(name);
    }
    begin = g_utf8_substring(name, 0, NAME_LETTERS - 1);
    return g_strdup_printf("%s…", begin);
}

static void
draw_names(Map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        g_autofree char *name = shortened(map->names->pdata[i]);
        double middle = (double)i * CELL + CELL / 2;

        svg_text(map->out, "n", map->left - 6, map->side + middle + 4, SVG_END,
                 name);
        g_string_append(map->out, "<g transform=\"translate(");
        svg_number(map->out, map->left + middle + 4);
        g_string_append_c(map->out, ' ');
        svg_number(map->out, map->side - 6);
        g_string_append(map->out, ") rotate(-90)\">");
        svg_text(map->out, "n", 0, 0, SVG_START, name);
        g_string_append(map->out, "</g>\n");
    }
}

static void
shade_class(const Map *map, uint64_t bytes, char *name, size_t size)
{
    g_snprintf(name, (gulong)size, "c%d",
               (int)lround(chart_at(&map->shade, (double)bytes)));
}

static void
draw_cells(Map *map)
{
    const TrafficSummary *summary = map->summary;

    for (size_t from = 0; from < map->n; from++) {
        for (size_t to = 0; to < map->n; to++) {
            uint64_t bytes = map->cells[from * map->n + to];
            g_autofree char *amount = units_format_bytes((double)bytes);
            g_autofree char *hint = NULL;
            char class_name[8] = "e";

            if (bytes > 0) {
                shade_class(map, bytes, class_name, sizeof(class_name));
                hint =
                    g_strdup_printf("%s to %s: %s, %.1f %%",
                                    (const char *)map->names->pdata[from],
                                    (const char *)map->names->pdata[to], amount,
                                    100.0 * (double)bytes /
                                        (double)MAX(summary->total.bytes, 1));
            }
            svg_rect(map->out, class_name, map->left + (double)to * CELL + 1,
                     map->side + (double)from * CELL + 1, CELL - 2, CELL - 2,
                     hint);
        }
    }
}

static void
draw_legend(Map *map, double x, double y)
{
    g_autofree char *low = units_format_bytes(map->shade.low);
    g_autofree char *high = units_format_bytes(map->shade.high);

    for (int i = 0; i < STEPS; i++) {
        char class_name[8];

        g_snprintf(class_name, sizeof(class_name), "c%d", i);
        svg_rect(map->out, class_name, x + i * 16, y, 15, 10, NULL);
    }
    svg_text(map->out, "s", x, y + 22, SVG_START, low);
    svg_text(map->out, "s", x + STEPS * 16, y + 22, SVG_END, high);
}

static void
draw_heading(Map *map)
{
    const TrafficSummary *summary = map->summary;
    g_autofree char *from = clock_format_utc(summary->from_us);
    g_autofree char *bytes = units_format_bytes((double)summary->total.bytes);
    g_autofree char *seconds =
        units_format_seconds((double)(summary->to_us - summary->from_us) / 1e6);
    g_autoptr(GString) line = g_string_new(NULL);
    TrafficSum tail = { 0 };
    uint64_t dropped = 0;
    bool counted = false;

    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        tail.bytes += summary->tail[c].bytes;
    }
    for (guint i = 0; i < summary->sources->len; i++) {
        const TrafficSource *source = summary->sources->pdata[i];

        counted = counted || source->counts_drops;
        dropped += source->dropped;
    }
    svg_text(map->out, "h", 12, 22, SVG_START, "Traffic, from row to column");
    g_string_append_printf(line, "%.19sZ, %s: %s", from, seconds, bytes);
    if (summary->total.packets > 0) {
        g_string_append_printf(line, " in %" G_GUINT64_FORMAT " packets",
                               summary->total.packets);
    }
    svg_text(map->out, "s", 12, 40, SVG_START, line->str);
    g_string_truncate(line, 0);
    if (summary->sampled_1_in > 1) {
        g_string_append_printf(line, "estimated from 1 in %u; ",
                               summary->sampled_1_in);
    }
    if (tail.bytes > 0) {
        g_autofree char *text = units_format_bytes((double)tail.bytes);

        g_string_append_printf(line, "%s in small pairs, not drawn; ", text);
    }
    if (counted) {
        g_string_append_printf(line, "%" G_GUINT64_FORMAT " packets dropped; ",
                               dropped);
    }
    if (summary->incomplete) {
        g_string_append_printf(line, "incomplete: %s; ", summary->incomplete);
    }
    g_string_truncate(line, line->len > 2 ? line->len - 2 : 0);
    svg_text(map->out, "s", 12, 56, SVG_START, line->str);
}

static void
draw_style(GString *out)
{
    /* one hue, light to dark; dark to light on a dark ground */
    static const char *const shades[STEPS] = {
        "#e3eef9", "#cfe1f2", "#b5d4e9", "#93c3df", "#6daed5",
        "#4b97c9", "#2f7ebc", "#1864aa", "#0a4a90",
    };

    /* all of it under the picture's class, for it may stand in a page */
    g_string_append(
        out, "<style>\n"
             ".traffic text{font-family:sans-serif;font-size:12px;fill:#222}\n"
             ".traffic .h{font-size:15px;font-weight:bold}\n"
             ".traffic .s{font-size:11px;fill:#555}\n"
             ".traffic .bg{fill:#fff}.traffic .e{fill:#f4f4f4}\n");
    for (int i = 0; i < STEPS; i++) {
        g_string_append_printf(out, ".traffic .c%d{fill:%s}\n", i, shades[i]);
    }
    g_string_append(out, "@media (prefers-color-scheme:dark){\n"
                         ".traffic text{fill:#ddd}.traffic .s{fill:#aaa}\n"
                         ".traffic .bg{fill:#161616}.traffic .e{fill:#222}\n");
    for (int i = 0; i < STEPS; i++) {
        g_string_append_printf(out, ".traffic .c%d{fill:%s}\n", i,
                               shades[STEPS - 1 - i]);
    }
    g_string_append(out, "}\n</style>\n");
}

static void
set_shade(Map *map)
{
    double low = INFINITY, high = 0;

    for (size_t i = 0; i < map->n * map->n; i++) {
        if (map->cells[i] > 0) {
            low = fmin(low, (double)map->cells[i]);
            high = fmax(high, (double)map->cells[i]);
        }
    }
    if (high <= 0) {
        low = high = 1;
    }
    /* one value alone is the darkest */
    low = fmin(low, high / 10);
    map->shade = (ChartScale){
        .low = low, .high = high, .from = 0, .to = STEPS - 1, .log = true
    };
}

char *
traffic_write_svg(const TrafficSummary *summary, size_t most)
{
    bool all;
    g_autoptr(GPtrArray) ends = loudest(summary, most, &all);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    size_t n_drawn = ends->len, letters = 4;
    GString *out = g_string_new(NULL);
    Map map = { .summary = summary, .ends = ends, .names = names, .out = out };
    double width, height;

    if (!all) {
        g_ptr_array_add(ends, NULL);
    }
    map.n = ends->len;
    map.cells = g_new0(uint64_t, map.n * map.n + 1);
    fill_cells(&map);
    arrange(&map, n_drawn);
    set_shade(&map);
    for (guint i = 0; i < ends->len; i++) {
        const TrafficEnd *end = ends->pdata[i];
        char *name = end ? traffic_end_text(summary->guests, end)
                         : g_strdup("all others");

        letters =
            MAX(letters, (size_t)MIN(g_utf8_strlen(name, -1), NAME_LETTERS));
        g_ptr_array_add(names, name);
    }
    map.left = 20 + (double)letters * LETTER;
    map.side = TOP + (double)letters * LETTER;
    width = MAX(map.left + (double)map.n * CELL + 20, 480);
    height = map.side + (double)map.n * CELL + 50;

    g_string_append(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                         "class=\"traffic\" viewBox=\"0 0 ");
    svg_number(out, width);
    g_string_append_c(out, ' ');
    svg_number(out, height);
    g_string_append(out, "\" width=\"");
    svg_number(out, width);
    g_string_append(out, "\" height=\"");
    svg_number(out, height);
    g_string_append(out, "\" role=\"img\" aria-label=\"Traffic between guests "
                         "as a heat map\">\n");
    draw_style(out);
    svg_rect(out, "bg", 0, 0, width, height, NULL);
    draw_heading(&map);
    if (map.n == 0) {
        svg_text(out, "n", 12, TOP + 20, SVG_START, "No frame was counted.");
    } else {
        draw_names(&map);
        draw_cells(&map);
        draw_legend(&map, map.left, map.side + (double)map.n * CELL + 14);
    }
    g_free(map.cells);
    svg_close(out);
    return g_string_free(out, FALSE);
}
