/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree that is wanted, and the way to it from any other.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "tc/shaper.h"

#define MBIT 125000u

typedef struct {
    ShaperMigration migrations[4];
    ShaperGuard guards[4];
    ShaperWant want;
} Case;

static StreamMatch some_match = { .destination = "10.0.0.2",
                                  .destination_port = 49152 };

static void
case_init(Case *c, uint64_t link_bytes_s)
{
    memset(c, 0, sizeof(*c));
    c->want.link_bytes_s = link_bytes_s;
    c->want.migrations = c->migrations;
    c->want.guards = c->guards;
}

static void
case_add(Case *c, uint64_t guarantee_bytes_s, uint64_t ceiling_bytes_s)
{
    size_t i = c->want.n_migrations++;

    c->migrations[i] = (ShaperMigration){
        .minor = (uint16_t)(SHAPER_MINOR_MIGRATION + i),
        .guarantee_bytes_s = guarantee_bytes_s,
        .ceiling_bytes_s = ceiling_bytes_s,
    };
}

static void
case_protect(Case *c, const char *expression, uint64_t rate_bytes_s)
{
    size_t i = c->want.n_guards++;

    c->guards[i] = (ShaperGuard){
        .minor = (uint16_t)(SHAPER_MINOR_PROTECTED + i),
        .rate_bytes_s = rate_bytes_s,
        .expression = expression,
    };
}

static ShaperTree *
case_build(const Case *c)
{
    g_autoptr(GError) error = NULL;
    ShaperTree *tree = shaper_tree_build(&c->want, &error);

    cr_assert_not_null(tree, "%s", error ? error->message : "");
    return tree;
}

static const ShaperClass *
get(const ShaperTree *tree, uint32_t minor)
{
    const ShaperClass *class_ = shaper_tree_class(tree, SHAPER_MAJOR | minor);

    cr_assert_not_null(class_, "no class %x", minor);
    return class_;
}

Test(tree, none_without_migrations)
{
    Case c;
    g_autoptr(ShaperTree) tree = NULL;

    case_init(&c, 50 * MBIT);
    tree = case_build(&c);
    cr_assert(!tree->own_root);
    cr_assert_eq(tree->classes->len, 0);
    cr_assert_eq(tree->filters->len, 0);
}

Test(tree, of_the_specification)
{
    Case c;
    g_autoptr(ShaperTree) tree = NULL;
    uint64_t root;

    case_init(&c, 50 * MBIT);
    case_add(&c, 30 * MBIT, UINT64_MAX);
    case_protect(&c, "tcp port 6379", 5 * MBIT);
    tree = case_build(&c);
    root = get(tree, SHAPER_MINOR_LINK)->rate_bytes_s;

    cr_assert(tree->own_root);
    cr_assert_eq(root, 50 * MBIT / 100 * 97);
    cr_assert_eq(get(tree, SHAPER_MINOR_LINK)->ceil_bytes_s, root);
    cr_assert_eq(get(tree, SHAPER_MINOR_CONTROL)->prio, 0);
    cr_assert_eq(get(tree, SHAPER_MINOR_CONTROL)->ceil_bytes_s, root);
    cr_assert_eq(get(tree, 0x1000)->rate_bytes_s, 30 * MBIT);
    cr_assert_eq(get(tree, 0x1000)->ceil_bytes_s, root);
    cr_assert_eq(get(tree, 0x4000)->rate_bytes_s, 5 * MBIT);
    /* an application borrows before a migration does */
    cr_assert_lt(get(tree, 0x4000)->prio, get(tree, 0x1000)->prio);
    /* everything is given away, nothing twice */
    cr_assert_eq(get(tree, SHAPER_MINOR_REST)->rate_bytes_s +
                     get(tree, SHAPER_MINOR_CONTROL)->rate_bytes_s + 35 * MBIT,
                 root);
}

Test(tree, hard_cap_and_floor)
{
    Case c;
    g_autoptr(ShaperTree) tree = NULL;

    case_init(&c, 50 * MBIT);
    case_add(&c, 10 * MBIT, 10 * MBIT);
    case_add(&c, 0, 0);
    case_add(&c, 10 * MBIT, 5 * MBIT);
    case_add(&c, SHAPER_RATE_MIN_BYTES_S, SHAPER_RATE_MIN_BYTES_S);
    tree = case_build(&c);
    cr_assert_eq(get(tree, 0x1000)->ceil_bytes_s, 10 * MBIT);
    cr_assert_eq(get(tree, 0x1001)->rate_bytes_s, 60625);
    cr_assert_eq(get(tree, 0x1001)->ceil_bytes_s, 60625);
    cr_assert_eq(get(tree, 0x1002)->ceil_bytes_s, 10 * MBIT,
                 "a ceiling below the guarantee is lifted to it");
    cr_assert_eq(get(tree, 0x1003)->rate_bytes_s, SHAPER_RATE_MIN_BYTES_S,
                 "one that stays empty costs nothing");
}

typedef struct {
    char what[48];
    uint64_t link_bytes_s, first_bytes_s, second_bytes_s;
    bool fits;
} FitCase;

ParameterizedTestParameters(tree, fits)
{
    /* of 6062500: 121250 control, 60625 the rest at least */
    static FitCase cases[] = {
        { "exactly full", 50 * MBIT, 6062500 - 121250 - 60625, 0, true },
        { "one byte too much", 50 * MBIT, 6062500 - 121250 - 60624, 0, false },
        { "two that do not fit together", 50 * MBIT, 30 * MBIT, 30 * MBIT,
          false },
        { "a sum that wraps around", 50 * MBIT, UINT64_MAX, UINT64_MAX, false },
        { "a link too slow to divide", 5000, 0, 0, false },
        { "above 2^32 bytes per second", 12500000000, 9000000000, 2000000000,
          true },
    };

    return cr_make_param_array(FitCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(FitCase *fit, tree, fits)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ShaperTree) tree = NULL;
    Case c;

    case_init(&c, fit->link_bytes_s);
    case_add(&c, fit->first_bytes_s, UINT64_MAX);
    if (fit->second_bytes_s) {
        case_add(&c, fit->second_bytes_s, UINT64_MAX);
    }
    tree = shaper_tree_build(&c.want, &error);
    cr_assert_eq(tree != NULL, fit->fits, "%s: %s", fit->what,
                 error ? error->message : "");
    if (!tree) {
        cr_assert(g_error_matches(error, SHAPER_ERROR, SHAPER_ERROR_RATE));
    }
}

Test(tree, below_a_parent_there_is_neither_control_nor_rest)
{
    Case c;
    g_autoptr(ShaperTree) tree = NULL;

    case_init(&c, 50 * MBIT);
    c.want.parent = 0x10020;
    c.want.parent_room_bytes_s = 20 * MBIT;
    case_add(&c, 20 * MBIT, UINT64_MAX);
    tree = case_build(&c);
    cr_assert(!tree->own_root);
    cr_assert_eq(tree->classes->len, 1);
    cr_assert_eq(shaper_tree_class(tree, 0x11000)->parent, 0x10020);
    cr_assert_eq(shaper_tree_class(tree, 0x11000)->ceil_bytes_s, 50 * MBIT);
    cr_assert_eq(tree->filters->len, 0);
    c.migrations[0].guarantee_bytes_s++;
    cr_assert_null(shaper_tree_build(&c.want, NULL));
}

/* What the kernel would have after the operations. Checks on the way that each
 * is possible and that guarantees stay within the root. */
static ShaperTree *
simulate(const ShaperTree *from, const GArray *ops)
{
    ShaperTree *tree = shaper_tree_new();

    tree->own_root = from->own_root;
    tree->u32_lists = from->u32_lists;
    g_array_append_vals(tree->classes, from->classes->data, from->classes->len);
    for (guint i = 0; i < from->filters->len; i++) {
        shaper_filter_copy(tree->filters,
                           &g_array_index(from->filters, ShaperFilter, i));
    }
    for (guint i = 0; i < ops->len; i++) {
        const ShaperOp *op = &g_array_index(ops, ShaperOp, i);
        ShaperClass *have =
            (ShaperClass *)(void *)shaper_tree_class(tree, op->class_.id);
        uint64_t sum = 0;
        guint j;

        switch (op->kind) {
        case SHAPER_OP_ADD_ROOT:
            cr_assert(!tree->own_root);
            tree->own_root = true;
            break;
        case SHAPER_OP_DEL_ROOT:
            cr_assert(tree->own_root);
            tree->own_root = false;
            g_array_set_size(tree->classes, 0);
            g_array_set_size(tree->filters, 0);
            tree->u32_lists = 0;
            break;
        case SHAPER_OP_ADD_CLASS:
            cr_assert_null(have);
            cr_assert((op->class_.parent & 0xffff) == 0 ||
                      shaper_tree_class(tree, op->class_.parent));
            g_array_append_val(tree->classes, op->class_);
            break;
        case SHAPER_OP_CHANGE_CLASS:
            cr_assert_not_null(have);
            *have = op->class_;
            break;
        case SHAPER_OP_DEL_CLASS:
            cr_assert_not_null(have);
            for (j = 0; j < tree->filters->len; j++) {
                cr_assert_neq(
                    g_array_index(tree->filters, ShaperFilter, j).class_id,
                    op->class_.id, "a filter still points to the class");
            }
            for (j = 0; j < tree->classes->len; j++) {
                cr_assert_neq(
                    g_array_index(tree->classes, ShaperClass, j).parent,
                    op->class_.id, "the class still has children");
            }
            for (j = 0; &g_array_index(tree->classes, ShaperClass, j) != have;
                 j++) {
            }
            g_array_remove_index(tree->classes, j);
            break;
        case SHAPER_OP_ADD_LEAF:
            cr_assert_not_null(have);
            have->leaf = SHAPER_LEAF_FQ_CODEL;
            break;
        case SHAPER_OP_ADD_FILTER:
            cr_assert_not_null(shaper_tree_class(tree, op->filter.class_id));
            shaper_filter_copy(tree->filters, &op->filter);
            if (op->filter.classifier == SHAPER_CLASSIFIER_U32) {
                tree->u32_lists |= 1u << op->filter.pref;
            }
            break;
        case SHAPER_OP_DEL_FILTER:
            for (j = 0; j < tree->filters->len; j++) {
                const ShaperFilter *filter =
                    &g_array_index(tree->filters, ShaperFilter, j);

                if (filter->class_id == op->filter.class_id &&
                    strcmp(filter->key, op->filter.key) == 0) {
                    break;
                }
            }
            cr_assert_lt(j, tree->filters->len);
            g_array_remove_index(tree->filters, j);
            break;
        case SHAPER_OP_DEL_LIST:
            for (j = 0; j < tree->filters->len; j++) {
                cr_assert_neq(
                    g_array_index(tree->filters, ShaperFilter, j).pref,
                    op->filter.pref, "the list is not empty");
            }
            tree->u32_lists &= ~(1u << op->filter.pref);
            break;
        case SHAPER_N_OPS:
            cr_assert_fail();
        }
        for (j = 0; j < tree->classes->len; j++) {
            const ShaperClass *one =
                &g_array_index(tree->classes, ShaperClass, j);

            sum += one->inner ? 0 : one->rate_bytes_s;
        }
        if (shaper_tree_class(tree, SHAPER_MAJOR | 1)) {
            cr_assert_leq(sum, get(tree, 1)->rate_bytes_s,
                          "guarantees above the root after operation %u", i);
        }
    }
    return tree;
}

static GArray *
walk(const ShaperTree *from, const ShaperTree *to)
{
    g_autoptr(GArray) again = NULL;
    g_autoptr(ShaperTree) reached = NULL;
    GArray *ops = shaper_diff(to, from);

    reached = simulate(from, ops);
    again = shaper_diff(to, reached);
    cr_assert_eq(again->len, 0, "applied, there must be nothing left to do");
    return ops;
}

static unsigned
count(const GArray *ops, ShaperOpKind kind)
{
    unsigned n = 0;

    for (guint i = 0; i < ops->len; i++) {
        n += g_array_index(ops, ShaperOp, i).kind == kind;
    }
    return n;
}

Test(diff, building_and_removing)
{
    g_autoptr(ShaperTree) empty = shaper_tree_new();
    g_autoptr(ShaperTree) tree = NULL;
    g_autoptr(GArray) up = NULL, down = NULL;
    Case c;

    case_init(&c, 50 * MBIT);
    case_add(&c, 30 * MBIT, UINT64_MAX);
    case_protect(&c, "tcp port 6379", 5 * MBIT);
    tree = case_build(&c);
    up = walk(empty, tree);
    cr_assert_eq(g_array_index(up, ShaperOp, 0).kind, SHAPER_OP_ADD_ROOT);
    cr_assert_eq(count(up, SHAPER_OP_ADD_CLASS), 5);
    cr_assert_eq(up->len, 1 + 5 + 2);
    down = walk(tree, empty);
    cr_assert_eq(down->len, 1);
}

Test(diff, a_changed_guarantee_is_two_changes_in_place)
{
    g_autoptr(ShaperTree) before = NULL, after = NULL;
    g_autoptr(GArray) ops = NULL;
    Case c;

    case_init(&c, 50 * MBIT);
    case_add(&c, 30 * MBIT, UINT64_MAX);
    c.migrations[0].matches = &some_match;
    c.migrations[0].n_matches = 1;
    before = case_build(&c);
    c.migrations[0].guarantee_bytes_s = 40 * MBIT;
    after = case_build(&c);
    ops = walk(before, after);
    cr_assert_eq(ops->len, 2);
    cr_assert_eq(count(ops, SHAPER_OP_CHANGE_CLASS), 2);
    cr_assert_eq(g_array_index(ops, ShaperOp, 0).class_.id,
                 SHAPER_MAJOR | SHAPER_MINOR_REST, "what shrinks goes first");
}

Test(diff, a_new_stream_is_one_filter)
{
    g_autoptr(ShaperTree) before = NULL, after = NULL;
    g_autoptr(GArray) ops = NULL, back = NULL;
    Case c;

    case_init(&c, 50 * MBIT);
    case_add(&c, 30 * MBIT, UINT64_MAX);
    before = case_build(&c);
    c.migrations[0].matches = &some_match;
    c.migrations[0].n_matches = 1;
    after = case_build(&c);
    ops = walk(before, after);
    cr_assert_eq(ops->len, 1);
    cr_assert_eq(count(ops, SHAPER_OP_ADD_FILTER), 1);
    back = walk(after, before);
    cr_assert_eq(back->len, 1);
    cr_assert_eq(count(back, SHAPER_OP_DEL_FILTER), 1);
}

Test(diff, the_same_match_twice_is_one_filter)
{
    StreamMatch twice[2] = { some_match, some_match };
    g_autoptr(ShaperTree) tree = NULL;
    Case c;

    case_init(&c, 50 * MBIT);
    case_add(&c, 30 * MBIT, UINT64_MAX);
    c.migrations[0].matches = twice;
    c.migrations[0].n_matches = 2;
    tree = case_build(&c);
    cr_assert_eq(tree->filters->len, 2); /* it and control's */
}

Test(diff, fq_codel_comes_to_a_class_that_lacks_it)
{
    g_autoptr(ShaperTree) plain = NULL, better = NULL;
    g_autoptr(GArray) ops = NULL;
    Case c;

    case_init(&c, 50 * MBIT);
    case_add(&c, 30 * MBIT, UINT64_MAX);
    plain = case_build(&c);
    c.want.leaf = SHAPER_LEAF_FQ_CODEL;
    better = case_build(&c);
    ops = walk(plain, better);
    cr_assert_eq(ops->len, 3); /* control, rest, migration; not the inner */
    cr_assert_eq(count(ops, SHAPER_OP_ADD_LEAF), 3);
}

/* From any prefix of any walk, as a killed process leaves it, to any tree. */
Test(diff, from_every_broken_state)
{
    GRand *rand = g_rand_new_with_seed(7666);

    for (int round = 0; round < 300; round++) {
        g_autoptr(ShaperTree) here = shaper_tree_new();

        bool u32 = g_rand_boolean(rand); /* a kernel has cls_bpf or not */

        for (int step = 0; step < 6; step++) {
            g_autoptr(ShaperTree) there = NULL, full = NULL;
            g_autoptr(GArray) ops = NULL;
            ShaperTree *next;
            Case c;
            int n = g_rand_int_range(rand, 0, 4);

            case_init(&c, (uint64_t)g_rand_int_range(rand, 40, 60) * MBIT);
            if (u32) {
                c.want.classifier = SHAPER_CLASSIFIER_U32;
            }
            for (int i = 0; i < n; i++) {
                case_add(&c, (uint64_t)g_rand_int_range(rand, 0, 10) * MBIT,
                         UINT64_MAX);
                c.migrations[i].matches = &some_match;
                c.migrations[i].n_matches = (size_t)g_rand_boolean(rand);
            }
            if (g_rand_boolean(rand) &&
                c.want.classifier == SHAPER_CLASSIFIER_BPF) {
                case_protect(&c, "udp", (uint64_t)n * MBIT);
            }
            there = case_build(&c);
            ops = shaper_diff(there, here);
            full = simulate(here, ops);
            cr_assert_eq(full->classes->len, there->classes->len);
            g_array_set_size(
                ops, (guint)g_rand_int_range(rand, 0, (gint32)ops->len + 1));
            next = simulate(here, ops);
            shaper_tree_free(here);
            here = next;
        }
    }
    g_rand_free(rand);
}
