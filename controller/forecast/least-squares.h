/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * least-squares.h - small least squares on the caller's arrays
 *
 * Householder QR with column pivoting and scaled columns; nothing is
 * allocated. grey.c uses LAPACK, which tells the condition too; this is for
 * members that solve a few columns at every step.
 */
#ifndef FORECAST_LEAST_SQUARES_H
#define FORECAST_LEAST_SQUARES_H

#include <stdbool.h>
#include <stddef.h>

#define LEAST_SQUARES_MOST_COLUMNS 12

/**
 * least_squares() - Minimise the length of matrix * solution - right
 * @matrix: @rows x @columns, one column after another; overwritten
 * @right: @rows numbers; overwritten
 * @columns: At most LEAST_SQUARES_MOST_COLUMNS and @rows
 * @tolerance: A scaled column whose part that is independent of the others is
 *             shorter than this share counts as dependent
 * @solution: @columns numbers; untouched on failure
 *
 * Return: false if columns depend on each other or a number is not finite
 */
bool least_squares(double *matrix, double *right, size_t rows, size_t columns,
                   double tolerance, double *solution);

#endif
