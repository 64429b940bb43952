/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * traces.c - PlanetLab's traces out of a tar archive
 *
 * A tar is headers of 512 bytes, each followed by its file, filled up to a
 * multiple of that. Name, size in octal, type: that is all we need; folders and
 * comments of git are passed over.
 */
#include <string.h>

#include "plan/lines-priv.h"
#include "plan/simulate.h"

#define BLOCK 512
#define AT_SIZE 124
#define AT_TYPE 156

static bool
read_file(GByteArray *percent, PlanText text, const char *name, size_t *n_steps,
          GError **error)
{
    PlanLines l = { .at = text.text,
                    .end = text.text + text.length,
                    .what = name };
    size_t n = 0;

    while (plan_lines_next(&l)) {
        guint8 value;

        if (plan_lines_blank(&l)) {
            continue;
        }
        value = (guint8)plan_lines_number(&l, "percent", 0, 100);
        plan_lines_end(&l);
        g_byte_array_append(percent, &value, 1);
        n++;
    }
    if (!l.error && (n == 0 || (*n_steps && n != *n_steps))) {
        plan_lines_fail(&l, "%zu values, %zu are expected", n,
                        MAX(*n_steps, 1));
    }
    if (l.error) {
        g_propagate_error(error, l.error);
        return false;
    }
    *n_steps = n;
    return true;
}

/* Octal digits up to a blank or a zero; SIZE_MAX if it is none */
static size_t
octal(const char *at, size_t length)
{
    size_t value = 0;

    for (size_t i = 0; i < length && at[i] && at[i] != ' '; i++) {
        if (at[i] < '0' || at[i] > '7' || value > SIZE_MAX >> 4) {
            return SIZE_MAX;
        }
        value = value * 8 + (size_t)(at[i] - '0');
    }
    return value;
}

PlanTraces *
plan_traces_new(PlanText tar, GError **error)
{
    g_autoptr(GByteArray) percent = g_byte_array_new();
    g_autoptr(GArray) hashes = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    size_t n_steps = 0;
    size_t at = 0;
    PlanTraces *traces;

    while (at + BLOCK <= tar.length && tar.text[at]) {
        const char *header = tar.text + at;
        size_t size = octal(header + AT_SIZE, 12);
        g_autofree char *raw = g_strndup(header, 100);
        g_autofree char *name = g_utf8_make_valid(raw, -1);

        if (size > tar.length - at - BLOCK) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_SYNTAX,
                        "the archive ends within \"%s\"", name);
            return NULL;
        }
        if (header[AT_TYPE] == '0' || header[AT_TYPE] == '\0') {
            PlanText text = { header + BLOCK, size };
            const char *slash = strrchr(raw, '/');
            uint64_t hash = plan_traces_hash(slash ? slash + 1 : raw);

            if (!read_file(percent, text, name, &n_steps, error)) {
                return NULL;
            }
            g_array_append_val(hashes, hash);
        }
        at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    if (hashes->len == 0) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_SYNTAX,
                    "no tar archive with files");
        return NULL;
    }
    traces = g_new0(PlanTraces, 1);
    traces->n_guests = hashes->len;
    traces->n_steps = n_steps;
    traces->hash =
        (uint64_t *)(void *)g_array_free(g_steal_pointer(&hashes), FALSE);
    traces->percent = g_byte_array_free(g_steal_pointer(&percent), FALSE);
    return traces;
}

void
plan_traces_free(PlanTraces *traces)
{
    if (traces) {
        g_free(traces->percent);
        g_free(traces->hash);
        g_free(traces);
    }
}
