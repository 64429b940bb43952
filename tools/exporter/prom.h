/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * prom.h - Prometheus' text format, written so that it cannot be wrong
 *
 * Families are opened one after the other, samples follow their family. What
 * would be a mistake of ours (a bad name, a counter that is not called _total,
 * a family twice) ends the program in an assertion, for tests to see. Whatever
 * comes from outside goes into label values alone, and is escaped there; two
 * samples with the same labels, which would make Prometheus refuse the whole
 * answer, are the first one. Pure.
 */
#ifndef EXPORTER_PROM_H
#define EXPORTER_PROM_H

#include <glib.h>
#include <stdbool.h>

#include "base/known.h"

/* The version 0.0.4 of the format, as Prometheus wants it named. */
#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef enum {
    PROM_GAUGE,
    PROM_COUNTER,
    PROM_HISTOGRAM,
    PROM_N_TYPES
} PromType;

typedef struct Prom Prom;

Prom *prom_new(void);
void prom_free(Prom *prom);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Prom, prom_free)

/**
 * prom_family() - Open a family; samples that follow belong to it
 * @name: [a-z_][a-z0-9_]*, a counter's ends in _total and no other's does
 * @help: One sentence
 */
void prom_family(Prom *prom, PromType type, const char *name, const char *help);

/**
 * prom_known() - One value of the open family; nothing if it is not known
 * @...: Pairs of label name and label value, then NULL. A value that is NULL
 * stands for "", bytes that are no UTF-8 are replaced
 */
void prom_known(Prom *prom, Known value, ...) G_GNUC_NULL_TERMINATED;

/** prom_sample() - Likewise, of a plain number */
#define prom_sample(prom, value, ...)                                          \
    prom_known(prom, known(value), __VA_ARGS__)

/**
 * prom_histogram() - The one sample of an open histogram
 * @bounds:    Upper bounds, ascending
 * @counts:    In each bucket alone; one more than bounds, the last has what is
 *             above them all
 * @sum:       Of all values that were observed
 */
void prom_histogram(Prom *prom, const double *bounds, const double *counts,
                    size_t n_bounds, double sum);

/** prom_text() - All of it so far; borrowed until the next call */
const char *prom_text(const Prom *prom, size_t *length);

#endif
