/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import-huawei.c - Huawei's data set for topology-aware placement
 *
 * Hosts, of two sides each:
 *
 *     CPU1,RAM1,CPU2,RAM2
 *
 * and requests, of which those with a strategy have a group:
 *
 *     flavor_vcpus,flavor_ram,numa,strategy,group,domain
 *
 *     affinity       the group in one rack
 *     anti-affinity  the group on different hosts
 *     fault_domain   different domains of the group in different racks
 *
 * Which host is in which rack is another data set's; sixteen in a row are
 * taken to be neighbours. numa is 1 for a guest on one side of its host, 2 for
 * one that has half on each.
 */
#include "plan/lines-priv.h"

#include <string.h>

#define IN_A_RACK 16
#define MOST (INT64_C(1) << 30)

typedef struct Request {
    int64_t cpu, memory;
    int64_t numa;
} Request;

typedef struct Host {
    int64_t side[4]; /* processors and memory of the first, of the second */
} Host;

typedef struct Set {
    char *name; /* "affinity 3", "fault_domain 3", the latter with parts */
    PlanRuleKind kind;
    PlanLevel level;
    GArray *members;  /* int32_t; not of a fault domain */
    GPtrArray *parts; /* Set, by domain */
} Set;

static void
set_free(void *data)
{
    Set *set = data;

    g_free(set->name);
    g_clear_pointer(&set->members, g_array_unref);
    g_clear_pointer(&set->parts, g_ptr_array_unref);
    g_free(set);
}

typedef struct Huawei {
    GArray *hosts;    /* Host */
    GArray *requests; /* Request */
    GPtrArray *sets;
    GHashTable *by_name; /* Set, borrowed */
} Huawei;

static void
huawei_clear(Huawei *f)
{
    g_array_unref(f->hosts);
    g_array_unref(f->requests);
    g_hash_table_unref(f->by_name);
    g_ptr_array_unref(f->sets);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Huawei, huawei_clear)

/* The first line, letter by letter but for what ends it */
static void
read_header(PlanLines *l, const char *want)
{
    size_t length;

    if (!plan_lines_next(l)) {
        plan_lines_fail(l, "the text is empty, \"%s\" is expected", want);
        return;
    }
    length = (size_t)(l->line_end - l->line);
    if (length > 0 && l->line[length - 1] == '\r') {
        length--;
    }
    if (length != strlen(want) || memcmp(l->line, want, length) != 0) {
        plan_lines_fail(l, "\"%s\" is expected", want);
    }
}

static void
read_hosts(Huawei *f, PlanLines *l)
{
    read_header(l, "CPU1,RAM1,CPU2,RAM2");
    while (plan_lines_next(l)) {
        Host host;

        if (plan_lines_blank(l)) {
            continue;
        }
        host.side[0] = plan_lines_number(l, "CPU1", 0, MOST);
        host.side[1] = plan_lines_number(l, "RAM1", 0, MOST);
        host.side[2] = plan_lines_number(l, "CPU2", 0, MOST);
        host.side[3] = plan_lines_number(l, "RAM2", 0, MOST);
        plan_lines_end(l);
        g_array_append_val(f->hosts, host);
    }
}

/* The set of that name, new if need be; takes @name */
static Set *
find_set(Huawei *f, GPtrArray *in, char *name, PlanRuleKind kind,
         PlanLevel level)
{
    Set *set = g_hash_table_lookup(f->by_name, name);

    if (set) {
        g_free(name);
        return set;
    }
    set = g_new0(Set, 1);
    set->name = name;
    set->kind = kind;
    set->level = level;
    if (kind == PLAN_RULE_PARTITION) {
        set->parts = g_ptr_array_new_with_free_func(set_free);
    } else {
        set->members = g_array_new(FALSE, FALSE, sizeof(int32_t));
    }
    g_ptr_array_add(in, set);
    g_hash_table_insert(f->by_name, set->name, set);
    return set;
}

static void
join(Huawei *f, PlanLines *l, const char *strategy, int32_t guest)
{
    int64_t group = plan_lines_number(l, "group", 0, INT32_MAX);
    char *name;
    Set *set;

    if (l->error) {
        return;
    }
    name = g_strdup_printf("%.20s %" G_GINT64_FORMAT, strategy, group);
    if (strcmp(strategy, "affinity") == 0) {
        set = find_set(f, f->sets, name, PLAN_RULE_TOGETHER, PLAN_LEVEL_RACK);
    } else if (strcmp(strategy, "anti-affinity") == 0) {
        set = find_set(f, f->sets, name, PLAN_RULE_APART, PLAN_LEVEL_HOST);
    } else if (strcmp(strategy, "fault_domain") == 0) {
        int64_t domain = plan_lines_number(l, "domain", 0, INT32_MAX);

        set = find_set(f, f->sets, name, PLAN_RULE_PARTITION, PLAN_LEVEL_RACK);
        name =
            g_strdup_printf("%s domain %" G_GINT64_FORMAT, set->name, domain);
        set =
            find_set(f, set->parts, name, PLAN_RULE_TOGETHER, PLAN_LEVEL_RACK);
    } else {
        g_free(name);
        plan_lines_fail(l, "the strategy is none of affinity, anti-affinity, "
                           "fault_domain");
        return;
    }
    g_array_append_val(set->members, guest);
}

static void
read_requests(Huawei *f, PlanLines *l)
{
    read_header(l, "flavor_vcpus,flavor_ram,numa,strategy,group,domain");
    while (plan_lines_next(l)) {
        int32_t guest = (int32_t)f->requests->len;
        g_autofree char *strategy = NULL;
        Request request;

        if (plan_lines_blank(l)) {
            continue;
        }
        request.cpu = plan_lines_number(l, "flavor_vcpus", 0, MOST);
        request.memory = plan_lines_number(l, "flavor_ram", 0, MOST);
        request.numa = plan_lines_number(l, "numa", 1, 2);
        strategy = plan_lines_word(l);
        if (*strategy) {
            join(f, l, strategy, guest);
        }
        g_array_append_val(f->requests, request);
    }
}

static void
count(const GPtrArray *sets, size_t *n_groups, size_t *n_rules)
{
    for (guint i = 0; i < sets->len; i++) {
        const Set *set = sets->pdata[i];

        *n_groups += set->parts ? set->parts->len : 1;
        *n_rules += set->parts ? set->parts->len > 1 : set->members->len > 1;
    }
}

static void
fill_group(PlanGroup *group, const Set *set)
{
    group->name = g_strdup(set->name);
    group->n_members = set->members->len;
    group->members =
        g_memdup2(set->members->data, group->n_members * sizeof(int32_t));
}

static void
fill_sets(PlanModel *m, const GPtrArray *sets)
{
    PlanRule *rule = m->rules;
    int32_t n = 0;

    for (guint i = 0; i < sets->len; i++) {
        const Set *set = sets->pdata[i];

        if (!set->parts) {
            fill_group(&m->groups[n], set);
            if (set->members->len > 1) {
                *rule++ = (PlanRule){ .kind = set->kind,
                                      .level = set->level,
                                      .group = n };
            }
            n++;
            continue;
        }
        if (set->parts->len > 1) {
            *rule = (PlanRule){ .kind = PLAN_RULE_PARTITION,
                                .level = PLAN_LEVEL_RACK,
                                .n_groups = set->parts->len,
                                .groups = g_new(int32_t, set->parts->len) };
            for (guint p = 0; p < set->parts->len; p++) {
                rule->groups[p] = n + (int32_t)p;
            }
            rule++;
        }
        for (guint p = 0; p < set->parts->len; p++) {
            fill_group(&m->groups[n++], set->parts->pdata[p]);
        }
    }
}

static PlanModel *
make_model(const Huawei *f, GError **error)
{
    size_t n_groups = 0;
    size_t n_rules = 0;
    g_autoptr(PlanModel) m = NULL;

    count(f->sets, &n_groups, &n_rules);
    m = plan_model_new(2, f->hosts->len, f->requests->len, n_groups, n_rules, 0,
                       0);
    m->resources[0].name = g_strdup("cpu");
    m->resources[1].name = g_strdup("memory");
    for (size_t r = 0; r < 2; r++) {
        m->resources[r].reserve_milli = 800;
        m->resources[r].side_reserve_milli = 800;
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        const Host *host = &g_array_index(f->hosts, Host, h);
        g_autofree char *rack = g_strdup_printf("r%zu", h / IN_A_RACK);

        m->hosts[h].name = g_strdup_printf("h%zu", h);
        m->place[PLAN_LEVEL_RACK][h] =
            plan_model_place(m, PLAN_LEVEL_RACK, rack);
        memcpy(plan_model_divide(m, h), host->side, sizeof(host->side));
        for (size_t r = 0; r < 2; r++) {
            m->capacity[2 * h + r] = m->safe[2 * h + r] =
                host->side[r] + host->side[2 + r];
        }
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        const Request *request = &g_array_index(f->requests, Request, g);

        m->guests[g].name = g_strdup_printf("v%zu", g);
        m->demand[2 * g] = request->cpu;
        m->demand[2 * g + 1] = request->memory;
        m->guests[g].numa = (int32_t)request->numa;
    }
    fill_sets(m, f->sets);
    m->weights.hosts = 1;
    return plan_model_finish(m, error) ? g_steal_pointer(&m) : NULL;
}

PlanModel *
plan_import_huawei(PlanText hosts, PlanText requests, GError **error)
{
    g_auto(Huawei) f = {
        .hosts = g_array_new(FALSE, FALSE, sizeof(Host)),
        .requests = g_array_new(FALSE, FALSE, sizeof(Request)),
        .sets = g_ptr_array_new_with_free_func(set_free),
        .by_name = g_hash_table_new(g_str_hash, g_str_equal),
    };
    PlanLines l = { .at = hosts.text,
                    .end = hosts.text + hosts.length,
                    .what = "the hosts" };

    read_hosts(&f, &l);
    if (!l.error) {
        l = (PlanLines){ .at = requests.text,
                         .end = requests.text + requests.length,
                         .what = "the requests" };
        read_requests(&f, &l);
    }
    if (l.error) {
        g_propagate_error(error, l.error);
        return NULL;
    }
    return make_model(&f, error);
}
