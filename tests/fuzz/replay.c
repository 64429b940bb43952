/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.c - run a fuzz target over files, without a fuzzer
 *
 * Each argument is a file or a directory of files. Every input is run whole
 * and, if it is short, also cut off after every byte: a decoder meets the end
 * of its input anywhere. The bytes sit in a block of just their size, so that
 * a sanitizer sees the first byte read too far. No input at all is an error:
 * an empty corpus must not look like a passed test.
 */
#include "fuzz.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define CUT_LIMIT 512

static unsigned n_inputs;

static void
run_bytes(const char *bytes, size_t size)
{
    /* malloc(0) may give NULL, which a fuzzer never hands over */
    uint8_t *exact = malloc(size ? size : 1);

    if (!exact) {
        perror("malloc");
        exit(1);
    }
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static bool
run_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = NULL;
    gsize size;

    if (!g_file_get_contents(path, &bytes, &size, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return false;
    }
    /* the name is the last line of the log if the target aborts */
    printf("%s: %zu bytes\n", path, size);
    fflush(stdout);
    run_bytes(bytes, size);
    for (size_t cut = 0; size <= CUT_LIMIT && cut < size; cut++) {
        run_bytes(bytes, cut);
    }
    n_inputs++;
    return true;
}

static bool
run_path(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = NULL;
    const char *name;
    bool all = true;

    if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
        return run_file(path);
    }
    dir = g_dir_open(path, 0, &error);
    if (!dir) {
        fprintf(stderr, "%s\n", error->message);
        return false;
    }
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *inside = g_build_filename(path, name, NULL);

        all = run_path(inside) && all;
    }
    return all;
}

int
main(int argc, char **argv)
{
    bool all = true;

    for (int i = 1; i < argc; i++) {
        all = run_path(argv[i]) && all;
    }
    printf("%u inputs\n", n_inputs);
    if (n_inputs == 0) {
        fprintf(stderr, "no input: name files or directories of them\n");
        return 1;
    }
    return all ? 0 : 1;
}
