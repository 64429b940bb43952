/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-exporter-picture.c - a daemon that says what it likes
 *
 * Any JSON object, taken for each of the documents that the exporter reads:
 * what comes out is always metrics in their format, each series once, and a
 * document of bounded length that is JSON.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "tools/exporter/picture.h"

#define T0 1772366400000000ll

/* name{label="value",...} number; a quote in a value has its backslash. */
static void
check_sample(const char *line)
{
    const char *c = line + strcspn(line, "{ ");

    FUZZ_CHECK(c > line && strncmp(line, "vmferry_", 8) == 0);
    if (*c == '{') {
        do {
            c++;
            FUZZ_CHECK(g_ascii_islower(*c));
            c += strcspn(c, "=");
            FUZZ_CHECK(c[0] == '=' && c[1] == '"');
            for (c += 2; *c != '"'; c++) {
                FUZZ_CHECK(*c != '\0');
                if (*c == '\\') {
                    c++;
                    FUZZ_CHECK(*c == '\\' || *c == '"' || *c == 'n');
                }
            }
            c++;
        } while (*c == ',');
        FUZZ_CHECK(*c == '}');
        c++;
    }
    FUZZ_CHECK(*c == ' ');
    if (strcmp(c + 1, "NaN") != 0 && strcmp(c + 1, "+Inf") != 0 &&
        strcmp(c + 1, "-Inf") != 0) {
        char *end;

        g_ascii_strtod(c + 1, &end);
        FUZZ_CHECK(end > c + 1 && *end == '\0');
    }
}

static void
check_metrics(const Picture *picture, const PictureExporter *exporter)
{
    g_autoptr(Prom) prom = prom_new();
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = NULL;
    const char *text;

    picture_metrics(picture, exporter, prom, T0);
    text = prom_text(prom, NULL);
    FUZZ_CHECK(g_utf8_validate(text, -1, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i + 1]; i++) {
        if (lines[i][0] != '#') {
            const char *value = strrchr(lines[i], ' ');

            check_sample(lines[i]);
            FUZZ_CHECK(g_hash_table_add(
                seen, g_strndup(lines[i], (size_t)(value - lines[i]))));
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const PictureExporter exporter = { .version = "1" };
    g_autoptr(JsonObject) input = jobj_parse((const char *)data, size, NULL);
    g_autoptr(Picture) picture = picture_new();
    const char *session;

    if (!input || !json_object_is_type(input, json_type_object)) {
        return 0;
    }
    picture_connected(picture, input, T0);
    for (int i = 0; i < 2; i++) {
        picture_set_status(picture, input, T0 + i * G_USEC_PER_SEC);
        while ((session = picture_unseen_session(picture))) {
            picture_set_iterations(picture, session,
                                   jobj_get(input, "iterations"));
        }
        picture_event(picture, input);
        picture_set_metrics(picture, input);
        picture_set_runs(picture, input);
        check_metrics(picture, &exporter);
    }
    for (int whole = 0; whole < 2; whole++) {
        g_autoptr(JsonObject) document =
            picture_document(picture, whole != 0, &exporter, T0);
        g_autofree char *text = jobj_to_text(document, false);
        g_autoptr(JsonObject) again = jobj_parse(text, strlen(text), NULL);

        FUZZ_CHECK(again);
        /* the status as it came, and beside it what is kept */
        FUZZ_CHECK(strlen(text) < 40 * size + 100000);
    }
    picture_lost(picture, "gone", T0);
    check_metrics(picture, &exporter);
    return 0;
}
