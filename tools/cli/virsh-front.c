/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virsh-front.c - telling our migrations from everything else virsh does
 *
 * The real virsh is the first one in PATH that is not this very file. It may
 * still be a script that calls us again, which would go round for ever: what
 * is started and is a script is noted in the environment, and not tried twice.
 */
#include "tools/cli/virsh-front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

G_DEFINE_QUARK(vmferry_virsh_front_error, virsh_front_error)

#define TRIED_VARIABLE "VMFERRY_VIRSH_TRIED"

void
virsh_call_clear(VirshCall *call)
{
    global_options_clear(&call->global);
    g_clear_pointer(&call->words, g_strfreev);
}

VirshCallKind
virsh_call_parse(int argc, char **argv, VirshCall *call, GError **error)
{
    g_auto(GStrv) words = NULL;
    const char *refused;
    int first;

    *call = (VirshCall){ .kind = VIRSH_CALL_EXEC };
    first = global_options_parse(argc, argv, &call->global, &refused);
    if (first < 0 || first >= argc) {
        return call->kind;
    }

    if (argc - first == 1) {
        words = virsh_split(argv[first]);
    } else {
        words = g_strdupv(argv + first);
    }
    if (!words || !words[0] || strcmp(words[0], "migrate") != 0) {
        return call->kind;
    }

    call->words = g_strdupv(words + 1);
    call->kind = VIRSH_CALL_MIGRATE;
    if (refused) {
        call->kind = VIRSH_CALL_REFUSED;
        g_set_error(error, VIRSH_FRONT_ERROR, VIRSH_FRONT_ERROR_REFUSED,
                    "vmferry cannot honour virsh's option --%s for a "
                    "migration; leave it out, or call virsh itself",
                    refused);
    }
    return call->kind;
}

char **
virsh_split(const char *text)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    const char *p = text;

    while (*p) {
        g_autoptr(GString) word = NULL;
        bool in_single = false;
        bool in_double = false;

        if (*p == ' ' || *p == '\t') {
            p++;
            continue;
        }
        if (p[0] == '\\' && p[1] == '\n') {
            p += 2;
            continue;
        }
        if (*p == ';' || *p == '\n' || *p == '#') {
            return NULL;
        }
        word = g_string_new(NULL);
        for (; *p; p++) {
            if (!in_single && !in_double && strchr(" \t;\n", *p)) {
                break;
            }
            if (*p == '\'' && !in_double) {
                in_single = !in_single;
            } else if (*p == '"' && !in_single) {
                in_double = !in_double;
            } else if (*p == '\\' && !in_single) {
                if (*++p == '\0') {
                    return NULL;
                }
                if (*p != '\n') {
                    g_string_append_c(word, *p);
                }
            } else {
                g_string_append_c(word, *p);
            }
        }
        /* virsh forgives a missing ', but that is for virsh to do. */
        if (in_single || in_double) {
            return NULL;
        }
        g_ptr_array_add(words, g_string_free(g_steal_pointer(&word), FALSE));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

static bool
is_listed(const char *list, const char *path)
{
    g_auto(GStrv) paths = g_strsplit(list, ":", 0);

    return g_strv_contains((const char *const *)paths, path);
}

char *
virsh_find(const char *path, const char *self, const char *tried,
           GError **error)
{
    g_auto(GStrv) folders = g_strsplit(path ? path : "", ":", 0);
    struct stat own = { 0 };
    bool passed_over = false;

    if (stat(self, &own) < 0) {
        own.st_ino = 0;
    }
    for (size_t i = 0; folders[i]; i++) {
        g_autofree char *file =
            g_build_filename(*folders[i] ? folders[i] : ".", "virsh", NULL);
        struct stat st;

        if (stat(file, &st) < 0 || !S_ISREG(st.st_mode) ||
            access(file, X_OK) < 0) {
            continue;
        }
        if ((own.st_ino != 0 && st.st_ino == own.st_ino &&
             st.st_dev == own.st_dev) ||
            (tried && is_listed(tried, file))) {
            passed_over = true;
            continue;
        }
        return g_steal_pointer(&file);
    }
    g_set_error(error, VIRSH_FRONT_ERROR, VIRSH_FRONT_ERROR_NOT_FOUND,
                "there is no virsh in PATH%s; install it (Debian: "
                "libvirt-clients)",
                passed_over ? " but vmferry itself or what calls it" : "");
    return NULL;
}

static bool
is_script(const char *path)
{
    char head[2] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool script;

    if (fd < 0) {
        return false;
    }
    script = read(fd, head, sizeof(head)) == sizeof(head) &&
             memcmp(head, "#!", 2) == 0;
    close(fd);
    return script;
}

void
virsh_exec(char **argv, GError **error)
{
    const char *tried = g_getenv(TRIED_VARIABLE);
    g_autofree char *file =
        virsh_find(g_getenv("PATH"), "/proc/self/exe", tried, error);

    if (!file) {
        return;
    }
    if (is_script(file)) {
        g_autofree char *more = g_strdup_printf("%s%s%s", tried ? tried : "",
                                                tried ? ":" : "", file);

        g_setenv(TRIED_VARIABLE, more, TRUE);
    } else {
        g_unsetenv(TRIED_VARIABLE);
    }
    fflush(stdout);
    execv(file, argv);
    g_set_error(error, VIRSH_FRONT_ERROR, VIRSH_FRONT_ERROR_EXEC,
                "starting %s: %s", file, g_strerror(errno));
}
