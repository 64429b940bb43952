/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * columns-priv.h - what the bound and the fillings share
 */
#ifndef PLAN_COLUMNS_PRIV_H
#define PLAN_COLUMNS_PRIV_H

#include "plan/columns.h"

#define FROM_STEP (-1) /* of a cell: as the one before, in the first ... */
#define FROM_SIDE (-2) /* ... or second resource */

typedef struct Kind {
    int32_t size[2]; /* in units */
    int32_t example; /* a guest of it */
    int32_t numa;
    double count; /* guests */
    double scale; /* worth at first: what its steps are measured in */
    double worth, best;
    double gradient;
} Kind;

typedef struct Type {
    int32_t limit[2];   /* in units; of hosts without sides */
    int32_t side[2][2]; /* [side][resource] half units */
    bool sides;
    int32_t example; /* a host of it */
    double cost;     /* of using one: 1, or 0 of those in use */
    double count;
    double value, best;
    bool as_whole;  /* that one has what the host has left, not its sides */
    int32_t corner; /* of the sides' table, of the best filling */
} Type;

typedef struct Table {
    int32_t kinds; /* bits: which numa take part */
    int32_t size[2];
    double *value;
    int16_t *by; /* kind that was added last, FROM_... */
} Table;

/* Guests that fit a type together, by kind: the columns */
typedef struct Filling {
    uint32_t type;
    uint32_t start, n; /* in Fillings.kinds */
    double lack;       /* what the type's best filling is worth more */
} Filling;

typedef struct Fillings {
    GArray *list;   /* Filling */
    GArray *kinds;  /* int32_t, in rising order */
    GHashTable *by; /* GBytes of type and kinds; NULL: not kept */
} Fillings;

struct PlanColumns {
    const PlanModel *m;
    size_t resource[2];
    size_t n_resources; /* looked at: 1 or 2 */
    int64_t unit[2];
    GArray *kinds;       /* Kind */
    GArray *types;       /* Type */
    int32_t *kind_of;    /* [guest] */
    int32_t *type_of;    /* [host] */
    Table all, one, two; /* all guests; on one side; on both, in all */
    GArray *corners;     /* int32_t, cells of `two` */
    bool bound_to_sides; /* hosts have sides, and every guest a numa */
    int64_t least;
    int64_t lacking; /* guests that find no place, at least */
    double lambda;
    double fill; /* best of the bound, before rounding */
    double now;  /* that of the worths there are */
    bool scaled;
    uint32_t *order;
    GArray *list;  /* int32_t, room for a filling */
    Fillings pool; /* of the tables filled in so far; by NULL: not kept */
};

static inline Kind *
kind(const PlanColumns *c, size_t k)
{
    return &g_array_index(c->kinds, Kind, k);
}

static inline Type *
type(const PlanColumns *c, size_t t)
{
    return &g_array_index(c->types, Type, t);
}

/** plan_fillings_note() - Keep the filling that the tables have for @type; false
 * if it is known */
bool plan_fillings_note(PlanColumns *columns, size_t type);
void plan_fillings_clear(Fillings *pool);

/** plan_columns_round() - Steps that it takes to fill in the tables, about */
uint64_t plan_columns_round(const PlanColumns *columns);

/** plan_columns_price() - The types' values for the worths there are */
void plan_columns_price(PlanColumns *columns);

/** plan_columns_judge() - The bound of these values; worths and values are
 * scaled so that a host that is just needed is worth 1 */
void plan_columns_judge(PlanColumns *columns);

/** plan_columns_filling() - The kinds of @type's best filling, in @columns'
 * list */
void plan_columns_filling(PlanColumns *columns, const Type *type);

#endif
