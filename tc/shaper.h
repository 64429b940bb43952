/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shaper.h - which HTB classes a link should have, and how to get there
 *
 *   root 7666: htb default 10
 *     7666:1     link          rate = ceil = 0.97 of the link, so that the
 *                              queue builds up here and not in the wire
 *         :2     control       small guarantee, first to be served
 *         :10    rest          what the guarantees leave, never nothing
 *         :1000  migrations    rate = guarantee, ceil = what it may borrow
 *         :4000  protected     rate = need, ceil = link; also the migrating
 *                              guest's own application
 *
 * (Minor numbers are hexadecimal, as tc writes them.) Pure: this module
 * compares the tree that is wanted with the one that is present and returns
 * the changes; shaper-nl.c talks to the kernel. So every rule here is tested
 * without a namespace.
 */
#ifndef TC_SHAPER_H
#define TC_SHAPER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tc/shaper-match.h"

#define SHAPER_ERROR (shaper_error_quark())
GQuark shaper_error_quark(void);
typedef enum {
    SHAPER_ERROR_RATE,  /* the guarantees do not fit the link */
    SHAPER_ERROR_MATCH, /* an address, or an expression u32 cannot do */
} ShaperError;

#define SHAPER_MAJOR 0x76660000u
enum {
    SHAPER_MINOR_LINK = 0x1,
    SHAPER_MINOR_CONTROL = 0x2,
    SHAPER_MINOR_REST = 0x10,
    SHAPER_MINOR_MIGRATION = 0x1000,
    SHAPER_MINOR_PROTECTED = 0x4000,
    SHAPER_MINOR_END = 0x8000, /* one past the last of ours */
};

/* No class gets less: HTB wants a rate, and TCP an acknowledgement. */
#define SHAPER_RATE_MIN_BYTES_S 1000u

typedef enum { SHAPER_LEAF_PFIFO, SHAPER_LEAF_FQ_CODEL } ShaperLeaf;

typedef struct ShaperClass {
    uint32_t id;     /* major << 16 | minor */
    uint32_t parent; /* id, or that of the root qdisc */
    uint64_t rate_bytes_s;
    uint64_t ceil_bytes_s;
    uint32_t burst_ticks;   /* as the kernel keeps it: the time the burst */
    uint32_t cburst_ticks;  /* takes at rate (ceil), in units of 64 ns */
    uint32_t quantum_bytes; /* leaves: share of what is borrowed */
    uint32_t prio;          /* leaves: 0 borrows first, 7 last */
    bool inner;             /* has children: no leaf qdisc, no quantum */
    ShaperLeaf leaf;
} ShaperClass;

typedef struct ShaperTree {
    bool own_root;      /* HTB 7666: is the link's root; false: absent, or our
                        classes live below a foreign one */
    GArray *classes;    /* of ShaperClass, parents before children */
    GArray *filters;    /* of ShaperFilter */
    uint32_t u32_lists; /* present: bit n for a u32 list at pref n */
} ShaperTree;

ShaperTree *shaper_tree_new(void);
void shaper_tree_free(ShaperTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ShaperTree, shaper_tree_free)

/** shaper_tree_class() - Borrow a class of the tree, NULL if it has none */
const ShaperClass *shaper_tree_class(const ShaperTree *tree, uint32_t id);

typedef struct ShaperMigration {
    uint16_t minor;
    uint64_t guarantee_bytes_s;
    uint64_t ceiling_bytes_s;
    const StreamMatch *matches;
    size_t n_matches;
} ShaperMigration;

/* A class with a guarantee: a protected expression, or (with MACs instead) the
 * application of a migrating guest. */
typedef struct ShaperGuard {
    uint16_t minor;
    uint64_t rate_bytes_s;
    const char *expression;  /* NULL: by source MAC */
    const char *const *macs; /* NULL-terminated */
} ShaperGuard;

typedef struct ShaperWant {
    uint64_t link_bytes_s; /* Nt; below a parent: the ceil of that class */
    uint32_t frame_bytes;  /* longest on the wire, 0: 1514 */
    uint32_t parent;       /* class of a foreign HTB, 0: our own root */
    uint64_t parent_room_bytes_s; /* what that class still guarantees */
    ShaperLeaf leaf;
    ShaperClassifier classifier;
    const ShaperMigration *migrations; /* none at all: no tree */
    size_t n_migrations;
    const ShaperGuard *guards;
    size_t n_guards;
} ShaperWant;

/**
 * shaper_tree_build() - The tree for what is wanted
 * @want: Migrations, guarantees and the link they share
 * @error: SHAPER_ERROR_RATE if the guarantees do not fit (the message tells
 *         what would), SHAPER_ERROR_MATCH
 *
 * Return: the tree, empty without migrations; NULL with @error
 */
ShaperTree *shaper_tree_build(const ShaperWant *want, GError **error);

/* The numbers behind it, each rule by itself. */
uint64_t shaper_root_bytes_s(uint64_t link_bytes_s);     /* 0.97 of the link */
uint64_t shaper_control_bytes_s(uint64_t root_bytes_s);  /* :2 */
uint64_t shaper_rest_min_bytes_s(uint64_t root_bytes_s); /* least of :10 */
uint32_t shaper_burst_bytes(uint64_t rate_bytes_s, uint32_t frame_bytes);
uint32_t shaper_burst_ticks(uint64_t rate_bytes_s, uint32_t burst_bytes);
uint32_t shaper_quantum_bytes(uint64_t rate_bytes_s, uint32_t frame_bytes);

typedef enum {
    SHAPER_OP_ADD_ROOT, /* HTB 7666: instead of the kernel's default */
    SHAPER_OP_DEL_ROOT, /* and back */
    SHAPER_OP_ADD_CLASS,
    SHAPER_OP_CHANGE_CLASS,
    SHAPER_OP_DEL_CLASS,
    SHAPER_OP_ADD_LEAF,
    SHAPER_OP_ADD_FILTER,
    SHAPER_OP_DEL_FILTER,
    SHAPER_OP_DEL_LIST, /* u32: the empty list that filters leave behind */
    SHAPER_N_OPS
} ShaperOpKind;

typedef struct ShaperOp {
    ShaperOpKind kind;
    ShaperClass class_;  /* *_CLASS, ADD_LEAF; DEL_CLASS: as present */
    ShaperFilter filter; /* *_FILTER, DEL_LIST; owned by the list */
} ShaperOp;

/**
 * shaper_diff() - The shortest list of changes
 * @wanted: What shaper_tree_build() returned
 * @present: What is there and is ours
 *
 * In the order given, each prefix of the list leaves a working tree: the
 * guarantees never exceed the root on the way if they do not at its ends,
 * what can be changed in place is, and a filter appears after its class and
 * goes before it. Applied, a second call returns an empty list.
 *
 * Return: a GArray of ShaperOp, g_array_unref() it
 */
GArray *shaper_diff(const ShaperTree *wanted, const ShaperTree *present);

/** shaper_op_describe() - The change in words; g_free() it */
char *shaper_op_describe(const ShaperOp *op);

/** shaper_id_parse() - "1:2a" as tc writes class ids */
bool shaper_id_parse(const char *text, uint32_t *id);

/** shaper_id_format() - g_free() it */
char *shaper_id_format(uint32_t id);

#endif
