/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dispatch.c - from the first words of a command line to what carries it out
 */
#include "tools/cli/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK(vmferry_dispatch_error, dispatch_error)

void
cli_error(const char *message)
{
    g_auto(GStrv) lines = g_strsplit(message, "\n", 0);

    /* Standard output first, or "2>&1" would mix the two up. */
    fflush(stdout);
    for (size_t i = 0; lines[i]; i++) {
        if (*lines[i]) {
            fprintf(stderr, "error: %s\n", lines[i]);
        }
    }
    fflush(stderr);
}

static const Command *
command_find(const Command *commands, const char *name)
{
    for (; commands->name; commands++) {
        if (strcmp(commands->name, name) == 0) {
            return commands;
        }
    }
    return NULL;
}

char *
dispatch_find(const char *name, const char *const *folders)
{
    g_autofree char *program = g_strconcat("vmferry-", name, NULL);

    if (!g_ascii_isalnum(*name) ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
        return NULL;
    }
    for (size_t i = 0; folders[i]; i++) {
        g_autofree char *file =
            g_build_filename(*folders[i] ? folders[i] : ".", program, NULL);

        if (g_file_test(file, G_FILE_TEST_IS_REGULAR) &&
            access(file, X_OK) == 0) {
            return g_steal_pointer(&file);
        }
    }
    return NULL;
}

/* The folders in which vmferry-X may lie. */
static char **
program_folders(const char *helper_dir)
{
    GPtrArray *folders = g_ptr_array_new();
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_auto(GStrv) path =
        g_strsplit(g_getenv("PATH") ? g_getenv("PATH") : "", ":", 0);

    g_ptr_array_add(folders, g_strdup(helper_dir));
    if (self) {
        g_ptr_array_add(folders, g_path_get_dirname(self));
    }
    for (size_t i = 0; path[i]; i++) {
        g_ptr_array_add(folders, g_strdup(path[i]));
    }
    g_ptr_array_add(folders, NULL);
    return (char **)g_ptr_array_free(folders, FALSE);
}

/* Become vmferry-NAME; returns the exit status if that fails. */
static int
run_program(const char *name, char **argv, const char *helper_dir)
{
    g_auto(GStrv) folders = program_folders(helper_dir);
    g_autofree char *file = dispatch_find(name, (const char *const *)folders);
    g_autofree char *message = NULL;

    if (file) {
        g_autofree char *program = g_path_get_basename(file);
        char *own_name = argv[0];

        fflush(stdout);
        argv[0] = program;
        execv(file, argv);
        argv[0] = own_name;
        message = g_strdup_printf("starting %s: %s", file, g_strerror(errno));
    } else {
        message = g_strdup_printf("'%s' is no command of vmferry, and there "
                                  "is no program vmferry-%s; see vmferry "
                                  "--help",
                                  name, name);
    }
    cli_error(message);
    return 1;
}

static void
print_usage(const Command *commands, FILE *out)
{
    fputs("usage: vmferry [-c URI] [-q] [-r] [-t] COMMAND [ARG]...\n"
          "       vmferry --version | --help | help COMMAND\n"
          "\n"
          "Live migration of QEMU/KVM guests with predicted iterations and "
          "reserved\n"
          "bandwidth.\n"
          "\n"
          "Commands:\n",
          out);
    for (; commands->name; commands++) {
        fprintf(out, "    %-10s %s\n", commands->name, commands->help);
    }
    fputs("    X          any other name runs the program vmferry-X\n"
          "\n"
          "Options before migrate, forecast and drain, as in virsh:\n"
          "    -c, --connect URI             hypervisor connection\n"
          "    -k, --keepalive-interval NUM  seconds, 0 disables\n"
          "    -K, --keepalive-count NUM     missed answers until it is lost\n"
          "    -q, --quiet                   no empty line after the command\n"
          "    -r, --readonly                connect read-only\n"
          "    -t, --timing                  print the time taken\n",
          out);
}

static int
show_help(const Command *commands, const char *name, const char *helper_dir)
{
    const Command *command = command_find(commands, name);
    char *words[] = { (char *)name, (char *)"--help", NULL };

    if (command) {
        GlobalOptions global;

        global_options_init(&global);
        return command->run(&global, 2, words);
    }
    return run_program(name, words, helper_dir);
}

int
dispatch_run(const Command *commands, const char *version,
             const char *helper_dir, int argc, char **argv)
{
    const Command *command;
    const char *refused;
    GlobalOptions global;
    int first;
    int status;

    if (argc < 2) {
        print_usage(commands, stderr);
        return 1;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0) {
        printf("vmferry %s\n", version);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_usage(commands, stdout);
        return 0;
    }
    if (strcmp(argv[1], "help") == 0) {
        return show_help(commands, argv[2], helper_dir);
    }

    first = global_options_parse(argc, argv, &global, &refused);
    if (first < 0 || refused) {
        g_autofree char *message = g_strdup_printf(
            "option '%s' cannot be used before a command; see vmferry --help",
            argv[1]);

        global_options_clear(&global);
        cli_error(message);
        return 1;
    }
    if (first >= argc) {
        global_options_clear(&global);
        cli_error("no command is given; see vmferry --help");
        return 1;
    }
    command = command_find(commands, argv[first]);
    if (first > 1 && !(command && command->takes_globals)) {
        g_autofree char *message = g_strdup_printf(
            "option '%s' before '%s' has no meaning; only migrate, forecast "
            "and drain take options there",
            argv[1], argv[first]);

        global_options_clear(&global);
        cli_error(message);
        return 1;
    }
    status = command ? command->run(&global, argc - first, argv + first)
                     : run_program(argv[first], argv + first, helper_dir);
    global_options_clear(&global);
    return status;
}
