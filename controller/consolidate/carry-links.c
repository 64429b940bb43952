/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carry-links.c - how many migrations at a time a host and its link bear
 */
#include "consolidate/carry-priv.h"

#define MICRO 1e6
/* Before the end of one that fills the link, the next is begun: libvirt needs a
 * second or more at both ends of a migration, in which nothing is sent. What is
 * left is counted with pages of zeros, which go in no time and of which most
 * come last: so the longer it took, the earlier it is taken to end. Who begins
 * the migrations keeps the next one back until then. */
#define CLOSING_LEAST_S 5
#define CLOSING_MOST_S 20
#define CLOSING_SHARE 0.5 /* of the time since it was begun */

static uint64_t
link_of(const ConsCarry *c, const char *host)
{
    const ConsHostSettings *told = cons_settings_host(c->settings, host);

    return told && told->link_bytes_s ? told->link_bytes_s
                                      : c->settings->link_bytes_s;
}

static guint
host_number(ConsCarry *c, GHashTable *numbers, const char *host)
{
    gpointer number = g_hash_table_lookup(numbers, host);

    if (!number) {
        c->link_bytes_s[c->n_hosts] = link_of(c, host);
        number = GUINT_TO_POINTER(++c->n_hosts);
        g_hash_table_insert(numbers, (gpointer)host, number);
    }
    return GPOINTER_TO_UINT(number) - 1;
}

void
carry_number_hosts(ConsCarry *c)
{
    g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);

    c->from = g_new0(guint, c->n_moves + 1);
    c->to = g_new0(guint, c->n_moves + 1);
    c->link_bytes_s = g_new0(uint64_t, 2 * c->n_moves + 1);
    for (size_t i = 0; i < c->n_moves; i++) {
        c->from[i] = host_number(c, numbers, carry_move(c, i)->from);
        c->to[i] = host_number(c, numbers, carry_move(c, i)->to);
    }
}

static bool
is_busy(const ConsStep *step)
{
    return step->state == CONS_STEP_CHECKING ||
           step->state == CONS_STEP_STARTING ||
           step->state == CONS_STEP_RUNNING;
}

/* Its share of the link is about to be free. */
static bool
is_closing(const ConsStep *step, int64_t now_us)
{
    double since_s = (double)(now_us - step->started_us) / MICRO;

    return step->state == CONS_STEP_RUNNING && step->started_us > 0 &&
           step->left_s >= 0 &&
           step->left_s <=
               CLAMP(CLOSING_SHARE * since_s, CLOSING_LEAST_S, CLOSING_MOST_S);
}

void
carry_use_add(const ConsCarry *c, CarryUse *use, size_t step, bool closing)
{
    uint64_t rate_bytes_s = carry_move(c, step)->rate_bytes_s;
    CarryUse *from = &use[c->from[step]];
    CarryUse *to = &use[c->to[step]];

    from->n++;
    to->n++;
    if (!closing) {
        from->n_out++;
        from->out_bytes_s += rate_bytes_s;
        to->n_in++;
        to->in_bytes_s += rate_bytes_s;
    }
}

CarryUse *
carry_use(const ConsCarry *c, int64_t now_us)
{
    CarryUse *use = g_new0(CarryUse, c->n_hosts + 1);

    for (size_t i = 0; i < c->n_moves; i++) {
        if (is_busy(&c->steps[i])) {
            carry_use_add(c, use, i, is_closing(&c->steps[i], now_us));
        }
    }
    return use;
}

/* As links and the configured number of migrations a host allow. */
bool
carry_links_allow(const ConsCarry *c, const CarryUse *use, size_t step)
{
    uint64_t rate_bytes_s = carry_move(c, step)->rate_bytes_s;
    const CarryUse *from = &use[c->from[step]];
    const CarryUse *to = &use[c->to[step]];
    unsigned most = c->settings->parallel;

    return (from->n_out == 0 || from->out_bytes_s + rate_bytes_s <=
                                    c->link_bytes_s[c->from[step]]) &&
           (to->n_in == 0 ||
            to->in_bytes_s + rate_bytes_s <= c->link_bytes_s[c->to[step]]) &&
           (most == 0 || (from->n < most && to->n < most));
}
