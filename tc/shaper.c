/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shaper.c - numbers, tree and difference; see shaper.h
 *
 * Numbers. What a class does not send because its timer fires late is lost
 * beyond what its bucket holds, and on a busy host timers are late by whole
 * milliseconds. So a bucket holds 10 ms of its rate as long as that is at most
 * 256 KiB, and 1 ms where that is more, but never less than two frames. The
 * kernel counts it in 64 ns ticks of the class's rate and 32 bits of them.
 * The quantum is what a class sends before the next one of its priority may
 * borrow; without ours the kernel would take a tenth of a second of rate, and
 * warn. Both are multiples of the rate, so classes borrow in proportion to
 * their guarantees.
 *
 * The control class is served first and may borrow everything, so management
 * stays alive under a link rate that was declared far too small, while its
 * guarantee costs the others little.
 *
 * A packet that a class sends on its own account is charged in time at the
 * class's rate, and the debt stays when the rate is raised: one segment of
 * 64 KiB sent at 8 kbit/s would leave it without its guarantee for a minute.
 * So a migration is guaranteed at least a hundredth of the link, like the rest.
 *
 * Order of changes. Guarantees must not exceed the root on the way, so what
 * shrinks shrinks before what grows grows, and the root grows first and
 * shrinks last. A filter that came too late costs a few packets in the rest
 * class; one that pointed to no class would too.
 */
#include "tc/shaper.h"

#include <string.h>

#include "base/units.h"

G_DEFINE_QUARK(vmferry_shaper_error, shaper_error)

#define FRAME_BYTES 1514u
#define TICKS_PER_S 15625000u     /* of 64 ns: PSCHED_SHIFT is 6 */
#define QUANTUM_MAX_BYTES 200000u /* above, the kernel calls it big */
#define BURST_SLOW_MAX_BYTES 262144u
#define LINK_MIN_BYTES_S 10000u
#define CONTROL_MIN_BYTES_S 32000u /* 256 kbit/s: ssh can be typed in */
#define CONTROL_MAX_BYTES_S 1250000u

ShaperTree *
shaper_tree_new(void)
{
    ShaperTree *tree = g_new0(ShaperTree, 1);

    tree->classes = g_array_new(FALSE, TRUE, sizeof(ShaperClass));
    tree->filters = shaper_filters_new();
    return tree;
}

void
shaper_tree_free(ShaperTree *tree)
{
    if (tree) {
        g_array_unref(tree->classes);
        g_array_unref(tree->filters);
        g_free(tree);
    }
}

const ShaperClass *
shaper_tree_class(const ShaperTree *tree, uint32_t id)
{
    for (guint i = 0; i < tree->classes->len; i++) {
        const ShaperClass *class_ =
            &g_array_index(tree->classes, ShaperClass, i);

        if (class_->id == id) {
            return class_;
        }
    }
    return NULL;
}

uint64_t
shaper_root_bytes_s(uint64_t link_bytes_s)
{
    return link_bytes_s - link_bytes_s / 100 * 3 - link_bytes_s % 100 * 3 / 100;
}

uint64_t
shaper_control_bytes_s(uint64_t root_bytes_s)
{
    uint64_t rate =
        CLAMP(root_bytes_s / 50, CONTROL_MIN_BYTES_S, CONTROL_MAX_BYTES_S);

    return MAX(MIN(rate, root_bytes_s / 10), SHAPER_RATE_MIN_BYTES_S);
}

uint64_t
shaper_rest_min_bytes_s(uint64_t root_bytes_s)
{
    return MAX(root_bytes_s / 100, SHAPER_RATE_MIN_BYTES_S);
}

uint32_t
shaper_burst_bytes(uint64_t rate_bytes_s, uint32_t frame_bytes)
{
    uint64_t bytes = MIN(rate_bytes_s / 100, BURST_SLOW_MAX_BYTES);

    bytes = MAX(bytes, rate_bytes_s / 1000);
    bytes = MAX(bytes, (uint64_t)frame_bytes * 2);
    return (uint32_t)MIN(bytes, UINT32_MAX);
}

uint32_t
shaper_burst_ticks(uint64_t rate_bytes_s, uint32_t burst_bytes)
{
    /* 2^32 bytes * 15625000 fits 64 bits; round up, never to nothing */
    uint64_t ticks = (uint64_t)burst_bytes * TICKS_PER_S;

    ticks = ticks / rate_bytes_s + (ticks % rate_bytes_s != 0);
    return (uint32_t)CLAMP(ticks, 1, UINT32_MAX);
}

uint32_t
shaper_quantum_bytes(uint64_t rate_bytes_s, uint32_t frame_bytes)
{
    uint64_t bytes = MAX(rate_bytes_s / 1000, frame_bytes);

    return (uint32_t)MIN(bytes, QUANTUM_MAX_BYTES);
}

static void
tree_add_class(ShaperTree *tree, const ShaperWant *want, uint32_t id,
               uint32_t parent, uint64_t rate_bytes_s, uint64_t ceil_bytes_s,
               uint32_t prio)
{
    uint32_t frame_bytes = want->frame_bytes ? want->frame_bytes : FRAME_BYTES;
    uint64_t ceil = MAX(ceil_bytes_s, rate_bytes_s);
    ShaperClass class_ = {
        .id = id,
        .parent = parent,
        .rate_bytes_s = rate_bytes_s,
        .ceil_bytes_s = ceil,
        .burst_ticks = shaper_burst_ticks(
            rate_bytes_s, shaper_burst_bytes(rate_bytes_s, frame_bytes)),
        .cburst_ticks =
            shaper_burst_ticks(ceil, shaper_burst_bytes(ceil, frame_bytes)),
        .quantum_bytes = shaper_quantum_bytes(rate_bytes_s, frame_bytes),
        .prio = prio,
        .inner = id == (SHAPER_MAJOR | SHAPER_MINOR_LINK),
        .leaf = want->leaf,
    };

    g_array_append_val(tree->classes, class_);
}

/* What a migration is guaranteed at least; see the head of the file. One that
 * is to stay empty, for the sake of the application class beside it, gets into
 * no debt. */
static uint64_t
migration_bytes_s(const ShaperMigration *migration, uint64_t root_bytes_s)
{
    if (migration->n_matches == 0 &&
        migration->ceiling_bytes_s == SHAPER_RATE_MIN_BYTES_S) {
        return SHAPER_RATE_MIN_BYTES_S;
    }
    return MAX(migration->guarantee_bytes_s,
               shaper_rest_min_bytes_s(root_bytes_s));
}

/* What all guarantees together take, the floor of the rest included. */
static bool
want_fits(const ShaperWant *want, uint64_t root_bytes_s, uint64_t *left_bytes_s,
          GError **error)
{
    uint64_t room = want->parent ? want->parent_room_bytes_s : root_bytes_s;
    uint64_t fixed = want->parent ? 0
                                  : shaper_control_bytes_s(root_bytes_s) +
                                        shaper_rest_min_bytes_s(root_bytes_s);
    uint64_t sum = fixed;

    for (size_t i = 0; i < want->n_migrations; i++) {
        uint64_t rate = migration_bytes_s(&want->migrations[i], root_bytes_s);

        sum = sum + rate < sum ? UINT64_MAX : sum + rate;
    }
    for (size_t i = 0; i < want->n_guards; i++) {
        uint64_t rate =
            MAX(want->guards[i].rate_bytes_s, SHAPER_RATE_MIN_BYTES_S);

        sum = sum + rate < sum ? UINT64_MAX : sum + rate;
    }
    if (sum > room) {
        g_autofree char *asked = units_format_rate((double)sum);
        g_autofree char *have = units_format_rate((double)room);

        g_set_error(error, SHAPER_ERROR, SHAPER_ERROR_RATE,
                    "guarantees of %s do not fit into the %s that %s has to "
                    "give; lower --protect or the other migrations' "
                    "guarantees, or declare a faster link",
                    asked, have,
                    want->parent ? "the parent class" : "the link");
        return false;
    }
    *left_bytes_s = room - sum;
    return true;
}

static bool
want_filters(ShaperTree *tree, const ShaperWant *want, uint32_t major,
             GError **error)
{
    for (size_t i = 0; i < want->n_migrations; i++) {
        const ShaperMigration *migration = &want->migrations[i];

        for (size_t j = 0; j < migration->n_matches; j++) {
            if (!shaper_match_stream(tree->filters, want->classifier,
                                     major | migration->minor,
                                     &migration->matches[j], error)) {
                return false;
            }
        }
    }
    for (size_t i = 0; i < want->n_guards; i++) {
        const ShaperGuard *guard = &want->guards[i];

        if (guard->expression) {
            if (!shaper_match_expression(tree->filters, want->classifier,
                                         major | guard->minor,
                                         guard->expression, error)) {
                return false;
            }
            continue;
        }
        for (size_t j = 0; guard->macs && guard->macs[j]; j++) {
            if (!shaper_match_mac(tree->filters, want->classifier,
                                  major | guard->minor, guard->macs[j],
                                  error)) {
                return false;
            }
        }
    }
    return true;
}

ShaperTree *
shaper_tree_build(const ShaperWant *want, GError **error)
{
    g_autoptr(ShaperTree) tree = shaper_tree_new();
    uint32_t major = want->parent ? want->parent & 0xffff0000u : SHAPER_MAJOR;
    uint32_t parent = want->parent ? want->parent : major | SHAPER_MINOR_LINK;
    uint64_t root_bytes_s = want->parent
                                ? want->link_bytes_s
                                : shaper_root_bytes_s(want->link_bytes_s);
    uint64_t left_bytes_s;

    if (want->n_migrations == 0) {
        return g_steal_pointer(&tree);
    }
    if (root_bytes_s < LINK_MIN_BYTES_S) {
        g_autofree char *rate = units_format_rate((double)root_bytes_s);

        g_set_error(error, SHAPER_ERROR, SHAPER_ERROR_RATE,
                    "a link of %s is too slow to be divided; was its rate "
                    "declared in the right unit?",
                    rate);
        return NULL;
    }
    if (!want_fits(want, root_bytes_s, &left_bytes_s, error)) {
        return NULL;
    }

    if (!want->parent) {
        tree->own_root = true;
        tree_add_class(tree, want, parent, major, root_bytes_s, root_bytes_s,
                       0);
        tree_add_class(tree, want, major | SHAPER_MINOR_CONTROL, parent,
                       shaper_control_bytes_s(root_bytes_s), root_bytes_s, 0);
        tree_add_class(tree, want, major | SHAPER_MINOR_REST, parent,
                       shaper_rest_min_bytes_s(root_bytes_s) + left_bytes_s,
                       root_bytes_s, 2);
    }
    for (size_t i = 0; i < want->n_migrations; i++) {
        const ShaperMigration *migration = &want->migrations[i];

        tree_add_class(tree, want, major | migration->minor, parent,
                       migration_bytes_s(migration, root_bytes_s),
                       MIN(migration->ceiling_bytes_s, root_bytes_s), 2);
    }
    for (size_t i = 0; i < want->n_guards; i++) {
        tree_add_class(
            tree, want, major | want->guards[i].minor, parent,
            MAX(want->guards[i].rate_bytes_s, SHAPER_RATE_MIN_BYTES_S),
            root_bytes_s, 1);
    }

    if (!want_filters(tree, want, major, error)) {
        return NULL;
    }
    if (!want->parent) {
        shaper_match_control(tree->filters, want->classifier,
                             major | SHAPER_MINOR_CONTROL,
                             major | SHAPER_MINOR_REST);
    }
    return g_steal_pointer(&tree);
}

static void
op_clear(ShaperOp *op)
{
    shaper_filter_clear(&op->filter);
}

static void
op_add_class(GArray *ops, ShaperOpKind kind, const ShaperClass *class_)
{
    ShaperOp op = { .kind = kind, .class_ = *class_ };

    g_array_append_val(ops, op);
}

static void
op_add_filter(GArray *ops, ShaperOpKind kind, const ShaperFilter *filter)
{
    ShaperOp op = { .kind = kind, .filter = *filter };

    op.filter.expression = g_strdup(filter->expression);
    g_array_append_val(ops, op);
}

static bool
class_differs(const ShaperClass *a, const ShaperClass *b)
{
    if (a->rate_bytes_s != b->rate_bytes_s ||
        a->ceil_bytes_s != b->ceil_bytes_s ||
        a->burst_ticks != b->burst_ticks ||
        a->cburst_ticks != b->cburst_ticks) {
        return true;
    }
    /* the kernel ignores both once a class has children */
    return !a->inner &&
           (a->quantum_bytes != b->quantum_bytes || a->prio != b->prio);
}

static const ShaperFilter *
tree_filter(const ShaperTree *tree, const ShaperFilter *like)
{
    for (guint i = 0; i < tree->filters->len; i++) {
        const ShaperFilter *filter =
            &g_array_index(tree->filters, ShaperFilter, i);

        if (filter->class_id == like->class_id && filter->pref == like->pref &&
            strcmp(filter->key, like->key) == 0) {
            return filter;
        }
    }
    return NULL;
}

/* A present class stays if it is wanted where it is; the kernel cannot move
 * one to another parent. */
static bool
class_stays(const ShaperTree *wanted, const ShaperClass *present)
{
    const ShaperClass *want = shaper_tree_class(wanted, present->id);

    return want && want->parent == present->parent;
}

static void
diff_delete(GArray *ops, const ShaperTree *wanted, const ShaperTree *present)
{
    /* children before parents: the list has parents first */
    for (guint i = present->classes->len; i-- > 0;) {
        const ShaperClass *class_ =
            &g_array_index(present->classes, ShaperClass, i);

        if (class_stays(wanted, class_)) {
            continue;
        }
        for (guint j = 0; j < present->filters->len; j++) {
            const ShaperFilter *filter =
                &g_array_index(present->filters, ShaperFilter, j);

            if (filter->class_id == class_->id) {
                op_add_filter(ops, SHAPER_OP_DEL_FILTER, filter);
            }
        }
        op_add_class(ops, SHAPER_OP_DEL_CLASS, class_);
    }
}

typedef enum {
    DIFF_INNER_RAISE,
    DIFF_LOWER,
    DIFF_ADD,
    DIFF_RAISE,
    DIFF_INNER_LOWER
} DiffStep;

static void
diff_classes(GArray *ops, const ShaperTree *wanted, const ShaperTree *present,
             DiffStep step)
{
    for (guint i = 0; i < wanted->classes->len; i++) {
        const ShaperClass *want =
            &g_array_index(wanted->classes, ShaperClass, i);
        const ShaperClass *have = shaper_tree_class(present, want->id);
        bool lower;

        if (!have || have->parent != want->parent) {
            if (step == (want->inner ? DIFF_INNER_RAISE : DIFF_ADD)) {
                op_add_class(ops, SHAPER_OP_ADD_CLASS, want);
                if (!want->inner && want->leaf != SHAPER_LEAF_PFIFO) {
                    op_add_class(ops, SHAPER_OP_ADD_LEAF, want);
                }
            }
            continue;
        }
        lower = want->rate_bytes_s < have->rate_bytes_s;
        if (class_differs(want, have) &&
            step == (want->inner ? lower ? DIFF_INNER_LOWER : DIFF_INNER_RAISE
                     : lower     ? DIFF_LOWER
                                 : DIFF_RAISE)) {
            op_add_class(ops, SHAPER_OP_CHANGE_CLASS, want);
        }
        if (step == DIFF_ADD && !want->inner && want->leaf != have->leaf &&
            want->leaf != SHAPER_LEAF_PFIFO) {
            op_add_class(ops, SHAPER_OP_ADD_LEAF, want);
        }
    }
}

static void
diff_filters(GArray *ops, const ShaperTree *wanted, const ShaperTree *present)
{
    for (guint i = 0; i < wanted->filters->len; i++) {
        const ShaperFilter *want =
            &g_array_index(wanted->filters, ShaperFilter, i);

        if (!tree_filter(present, want)) {
            op_add_filter(ops, SHAPER_OP_ADD_FILTER, want);
        }
    }
    for (guint i = 0; i < present->filters->len; i++) {
        const ShaperFilter *have =
            &g_array_index(present->filters, ShaperFilter, i);
        const ShaperClass *class_ = shaper_tree_class(present, have->class_id);

        /* those of a class that goes went with it */
        if (!tree_filter(wanted, have) &&
            (!class_ || class_stays(wanted, class_))) {
            op_add_filter(ops, SHAPER_OP_DEL_FILTER, have);
        }
    }
}

/* The kernel drops an empty u32 list only with the last one of the qdisc. */
static void
diff_lists(GArray *ops, const ShaperTree *wanted, const ShaperTree *present)
{
    for (unsigned pref = 1; pref <= SHAPER_PREF_LAST; pref++) {
        ShaperOp op = {
            .kind = SHAPER_OP_DEL_LIST,
            .filter = { .pref = (uint16_t)pref,
                        .classifier = SHAPER_CLASSIFIER_U32 },
        };
        bool used = false;

        for (guint i = 0; i < wanted->filters->len; i++) {
            const ShaperFilter *filter =
                &g_array_index(wanted->filters, ShaperFilter, i);

            used |= filter->pref == pref &&
                    filter->classifier == SHAPER_CLASSIFIER_U32;
        }
        if (present->u32_lists & 1u << pref && !used) {
            g_array_append_val(ops, op);
        }
    }
}

GArray *
shaper_diff(const ShaperTree *wanted, const ShaperTree *present)
{
    GArray *ops = g_array_new(FALSE, TRUE, sizeof(ShaperOp));
    ShaperOp root = { .kind = SHAPER_OP_ADD_ROOT };

    g_array_set_clear_func(ops, (GDestroyNotify)op_clear);
    if (present->own_root && !wanted->own_root) {
        /* takes classes and filters along */
        root.kind = SHAPER_OP_DEL_ROOT;
        g_array_append_val(ops, root);
        return ops;
    }
    if (wanted->own_root && !present->own_root) {
        g_array_append_val(ops, root);
    }
    diff_classes(ops, wanted, present, DIFF_INNER_RAISE);
    diff_delete(ops, wanted, present);
    diff_classes(ops, wanted, present, DIFF_LOWER);
    diff_classes(ops, wanted, present, DIFF_ADD);
    diff_classes(ops, wanted, present, DIFF_RAISE);
    diff_filters(ops, wanted, present);
    diff_lists(ops, wanted, present);
    diff_classes(ops, wanted, present, DIFF_INNER_LOWER);
    return ops;
}

/* One to four hexadecimal digits; moves @text behind them. */
static bool
id_part_parse(const char **text, uint32_t *part)
{
    int digits = 0;

    *part = 0;
    while (digits < 4 && g_ascii_isxdigit(**text)) {
        *part = *part << 4 | (uint32_t)g_ascii_xdigit_value(**text);
        (*text)++;
        digits++;
    }
    return digits > 0;
}

bool
shaper_id_parse(const char *text, uint32_t *id)
{
    uint32_t major, minor;

    if (!id_part_parse(&text, &major) || *text++ != ':' ||
        !id_part_parse(&text, &minor) || *text != '\0' || major == 0 ||
        major == 0xffff || minor == 0) {
        return false;
    }
    *id = major << 16 | minor;
    return true;
}

char *
shaper_id_format(uint32_t id)
{
    return g_strdup_printf("%x:%x", id >> 16, id & 0xffff);
}

char *
shaper_op_describe(const ShaperOp *op)
{
    g_autofree char *class_ = shaper_id_format(op->class_.id);
    g_autofree char *target = shaper_id_format(op->filter.class_id);
    g_autofree char *rate = units_format_rate((double)op->class_.rate_bytes_s);
    g_autofree char *ceil = units_format_rate((double)op->class_.ceil_bytes_s);

    switch (op->kind) {
    case SHAPER_OP_ADD_ROOT:
        return g_strdup("add qdisc 7666: htb default 10 as root");
    case SHAPER_OP_DEL_ROOT:
        return g_strdup("delete root qdisc 7666: htb");
    case SHAPER_OP_ADD_CLASS:
        return g_strdup_printf("add class %s guaranteed %s, at most %s", class_,
                               rate, ceil);
    case SHAPER_OP_CHANGE_CLASS:
        return g_strdup_printf("change class %s to guaranteed %s, at most %s",
                               class_, rate, ceil);
    case SHAPER_OP_DEL_CLASS:
        return g_strdup_printf("delete class %s", class_);
    case SHAPER_OP_ADD_LEAF:
        return g_strdup_printf("add qdisc fq_codel to class %s", class_);
    case SHAPER_OP_ADD_FILTER:
        return g_strdup_printf("add filter to class %s: %s", target,
                               op->filter.expression ? op->filter.expression
                                                     : op->filter.key);
    case SHAPER_OP_DEL_FILTER:
        return g_strdup_printf("delete filter to class %s (%s)", target,
                               op->filter.key);
    case SHAPER_OP_DEL_LIST:
        return g_strdup_printf("delete the u32 list at pref %u",
                               op->filter.pref);
    case SHAPER_N_OPS:
        break;
    }
    g_assert_not_reached();
}
