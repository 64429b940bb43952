/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * least-squares.c - Householder QR with column pivoting
 *
 * Column j is reflected onto e_j by H = I - 2 v v' / v'v, v = x -+ |x| e_j
 * with the sign that does not cancel (Golub, Van Loan, 5.1 and 5.4). The
 * longest remaining column goes first, so the diagonal of R falls and tells
 * the rank.
 */
#include "forecast/least-squares.h"

#include <math.h>
#include <string.h>

#include <glib.h>

static double
length_of(const double *vector, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += vector[i] * vector[i];
    }
    return sqrt(sum);
}

/* Apply the reflection of @v, of squared length @square, to @vector. */
static void
reflect(const double *v, double square, double *vector, size_t n)
{
    double dot = 0.0;

    for (size_t i = 0; i < n; i++) {
        dot += v[i] * vector[i];
    }
    dot *= 2.0 / square;
    for (size_t i = 0; i < n; i++) {
        vector[i] -= dot * v[i];
    }
}

static void
pivot(double *matrix, size_t rows, size_t columns, size_t j, size_t *order)
{
    double longest = -1.0;
    size_t best = j;

    for (size_t c = j; c < columns; c++) {
        double length = length_of(matrix + c * rows + j, rows - j);

        if (length > longest) {
            longest = length;
            best = c;
        }
    }
    if (best != j) {
        size_t swap = order[j];

        order[j] = order[best];
        order[best] = swap;
        for (size_t i = 0; i < rows; i++) {
            double value = matrix[j * rows + i];

            matrix[j * rows + i] = matrix[best * rows + i];
            matrix[best * rows + i] = value;
        }
    }
}

bool
least_squares(double *matrix, double *right, size_t rows, size_t columns,
              double tolerance, double *solution)
{
    double scale[LEAST_SQUARES_MOST_COLUMNS];
    double result[LEAST_SQUARES_MOST_COLUMNS];
    double diagonal[LEAST_SQUARES_MOST_COLUMNS];
    size_t order[LEAST_SQUARES_MOST_COLUMNS];

    g_assert(columns >= 1 && columns <= LEAST_SQUARES_MOST_COLUMNS);
    g_assert(rows >= columns);

    for (size_t j = 0; j < columns; j++) {
        order[j] = j;
        scale[j] = length_of(matrix + j * rows, rows);
        if (!(scale[j] > 0.0) || !isfinite(scale[j])) {
            return false;
        }
        for (size_t i = 0; i < rows; i++) {
            matrix[j * rows + i] /= scale[j];
        }
    }

    for (size_t j = 0; j < columns; j++) {
        double *x, length, square;

        pivot(matrix, rows, columns, j, order);
        x = matrix + j * rows + j;
        length = length_of(x, rows - j);
        if (!(length > tolerance)) {
            return false;
        }
        diagonal[j] = x[0] > 0.0 ? -length : length;
        x[0] -= diagonal[j]; /* x is v now */
        square = 2.0 * length * (length + fabs(x[0] + diagonal[j]));
        for (size_t c = j + 1; c < columns; c++) {
            reflect(x, square, matrix + c * rows + j, rows - j);
        }
        reflect(x, square, right + j, rows - j);
    }

    for (size_t j = columns; j-- > 0;) {
        double sum = right[j];

        for (size_t c = j + 1; c < columns; c++) {
            sum -= matrix[c * rows + j] * result[c];
        }
        result[j] = sum / diagonal[j];
    }
    for (size_t j = 0; j < columns; j++) {
        result[j] /= scale[order[j]];
        if (!isfinite(result[j])) {
            return false;
        }
    }
    for (size_t j = 0; j < columns; j++) {
        solution[order[j]] = result[j];
    }
    return true;
}
