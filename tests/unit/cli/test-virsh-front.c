/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-virsh-front.c - whose command line is it, and where is the real virsh
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "tools/cli/dispatch.h"
#include "tools/cli/virsh-front.h"

typedef struct {
    char line[100]; /* behind "virsh", words separated by | */
    char want[120];
} CallCase;

static char *
describe(const VirshCall *call, const GError *error)
{
    GString *text = g_string_new(NULL);
    const GlobalOptions *global = &call->global;

    if (call->kind == VIRSH_CALL_EXEC) {
        return g_string_free(g_string_append(text, "exec"), FALSE);
    }
    if (call->kind == VIRSH_CALL_REFUSED) {
        return g_string_free(g_string_append(text, error->message), FALSE);
    }
    g_string_append(text, "ours");
    if (global->connect_uri) {
        g_string_append_printf(text, " c=%s", global->connect_uri);
    }
    g_string_append_printf(text, "%s%s%s", global->quiet ? " q" : "",
                           global->readonly ? " r" : "",
                           global->timing ? " t" : "");
    if (global->keepalive_interval >= 0) {
        g_string_append_printf(text, " k=%d", global->keepalive_interval);
    }
    if (global->keepalive_count >= 0) {
        g_string_append_printf(text, " K=%d", global->keepalive_count);
    }
    g_string_append(text, ":");
    for (size_t i = 0; call->words[i]; i++) {
        g_string_append_printf(text, "|%s", call->words[i]);
    }
    return g_string_free(text, FALSE);
}

ParameterizedTestParameters(virsh_front, whose)
{
    static CallCase cases[] = {
        { "migrate|a|b", "ours:|a|b" },
        { "migrate|--live|a|b|--bandwidth=5",
          "ours:|--live|a|b|--bandwidth=5" },
        { "-c|qemu:///x|migrate|a|b", "ours c=qemu:///x:|a|b" },
        { "--connect|qemu:///x|migrate|a|b", "ours c=qemu:///x:|a|b" },
        { "--connect=qemu:///x|migrate|a|b", "ours c=qemu:///x:|a|b" },
        { "--conn=qemu:///x|migrate|a|b", "ours c=qemu:///x:|a|b" },
        { "-cqemu:///x|migrate|a|b", "ours c=qemu:///x:|a|b" },
        { "-c|one|-c|two|migrate|a|b", "ours c=two:|a|b" },
        { "-qrt|migrate|a|b", "ours q r t:|a|b" },
        { "-qc|u|migrate|a|b", "ours c=u q:|a|b" },
        { "--quiet|--readonly|--timing|migrate|a|b", "ours q r t:|a|b" },
        { "-k|5|-K|0x3|migrate|a|b", "ours k=5 K=3:|a|b" },
        { "--keepalive-interval=0|migrate|a|b", "ours k=0:|a|b" },
        { "-e|^x|migrate|a|b", "ours:|a|b" },
        { "--|migrate|a|b", "ours:|a|b" },
        /* what stands behind the command is the command's */
        { "migrate|a|b|-q", "ours:|a|b|-q" },
        { "migrate|--help", "ours:|--help" },
        /* one string, one command */
        { "migrate", "ours:" },
        { "migrate --live a b", "ours:|--live|a|b" },
        { "migrate a 'b c' \"d;e\" f\\ g", "ours:|a|b c|d;e|f g" },
        { "  migrate\ta b ", "ours:|a|b" },
        { "-c|u|migrate a b", "ours c=u:|a|b" },
        /* not ours: the real virsh gets all of it */
        { "", "exec" },
        { "-c|u", "exec" },
        { "list|--all", "exec" },
        { "list", "exec" },
        { "-c|u|migrate-setspeed|a|5", "exec" },
        { "help|migrate", "exec" },
        { "-h|migrate|a|b", "exec" },
        { "-v", "exec" },
        { "-V|migrate|a|b", "exec" },
        { "--version=long", "exec" },
        { "migrate a b; list", "exec" },
        { "migrate a b\nlist", "exec" },
        { "list; migrate a b", "exec" },
        { "migrate a b;", "exec" },
        { "# migrate a b", "exec" },
        { "migrate a 'b", "exec" },
        { "migrate a \"b", "exec" },
        { "migrate a b\\", "exec" },
        { "cd /; migrate a b", "exec" },
        /* mistakes before the command are virsh's to report */
        { "-Z|migrate|a|b", "exec" },
        { "--colour|migrate|a|b", "exec" },
        { "-c", "exec" },
        { "-k|soon|migrate|a|b", "exec" },
        { "-K|-1|migrate|a|b", "exec" },
        { "--quiet=yes|migrate|a|b", "exec" },
        /* ours, but not to be had */
        { "-d|0|migrate|a|b",
          "vmferry cannot honour virsh's option --debug for a migration; "
          "leave it out, or call virsh itself" },
        { "-l|/tmp/x|migrate|a|b",
          "vmferry cannot honour virsh's option --log for a migration; "
          "leave it out, or call virsh itself" },
        { "-d|0|list", "exec" },
    };

    return cr_make_param_array(CallCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(CallCase *c, virsh_front, whose)
{
    g_autofree char *line =
        g_strdup_printf("virsh%s%s", *c->line ? "|" : "", c->line);
    g_auto(GStrv) words = g_strsplit(line, "|", 0);
    g_auto(GStrv) before = g_strdupv(words);
    g_autoptr(GError) error = NULL;
    g_autofree char *got = NULL;
    VirshCall call;

    virsh_call_parse((int)g_strv_length(words), words, &call, &error);
    got = describe(&call, error);
    cr_assert_str_eq(got, c->want, "%s: %s", c->line, got);
    cr_assert_eq(error != NULL, call.kind == VIRSH_CALL_REFUSED);
    for (size_t i = 0; before[i]; i++) {
        cr_assert_str_eq(words[i], before[i], "the words were moved");
    }
    virsh_call_clear(&call);
}

static char *
make_program(const char *folder, const char *name, int mode)
{
    char *file = g_build_filename(folder, name, NULL);

    cr_assert(g_file_set_contents(file, "#!/bin/sh\n", -1, NULL));
    cr_assert_eq(g_chmod(file, mode), 0);
    return file;
}

Test(virsh_front, real_virsh_is_never_ourselves)
{
    g_autofree char *folder = g_dir_make_tmp("vmferry-XXXXXX", NULL);
    g_autofree char *ours = g_build_filename(folder, "ours", NULL);
    g_autofree char *theirs = g_build_filename(folder, "theirs", NULL);
    g_autofree char *dead = g_build_filename(folder, "dead", NULL);
    g_autofree char *link = g_build_filename(ours, "virsh", NULL);
    g_autofree char *path =
        g_strdup_printf("/does/not/exist:%s:%s:%s", dead, ours, theirs);
    g_autofree char *only_us = g_strdup_printf("%s:%s", dead, ours);
    g_autofree char *self = NULL, *real = NULL, *not_executable = NULL;
    g_autofree char *found = NULL, *again = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) nothing = NULL;

    g_mkdir(ours, 0700);
    g_mkdir(theirs, 0700);
    g_mkdir(dead, 0700);
    self = make_program(ours, "vmferry", 0755);
    real = make_program(theirs, "virsh", 0755);
    not_executable = make_program(dead, "virsh", 0644);
    cr_assert_eq(symlink(self, link), 0);

    found = virsh_find(path, self, NULL, &error);
    cr_assert_str_eq(found, real);

    /* a script that was started already and has called us again */
    again = virsh_find(path, self, real, &error);
    cr_assert_null(again);
    cr_assert_str_eq(error->message,
                     "there is no virsh in PATH but vmferry itself or what "
                     "calls it; install it (Debian: libvirt-clients)");
    g_clear_error(&error);
    cr_assert_null(virsh_find(only_us, self, NULL, &error));
    cr_assert(
        g_error_matches(error, VIRSH_FRONT_ERROR, VIRSH_FRONT_ERROR_NOT_FOUND));
    cr_assert_null(virsh_find(NULL, self, NULL, &nothing));
    cr_assert_str_eq(nothing->message,
                     "there is no virsh in PATH; install it (Debian: "
                     "libvirt-clients)");

    g_unlink(link);
    g_unlink(self);
    g_unlink(real);
    g_unlink(not_executable);
    g_rmdir(ours);
    g_rmdir(theirs);
    g_rmdir(dead);
    g_rmdir(folder);
}

Test(virsh_front, programs_are_looked_for_in_order)
{
    g_autofree char *folder = g_dir_make_tmp("vmferry-XXXXXX", NULL);
    g_autofree char *first = g_build_filename(folder, "1", NULL);
    g_autofree char *second = g_build_filename(folder, "2", NULL);
    const char *const folders[] = { "/does/not/exist", first, second, NULL };
    g_autofree char *plan = NULL, *plan2 = NULL, *predict = NULL;
    g_autofree char *found_plan = NULL, *found_predict = NULL;

    g_mkdir(first, 0700);
    g_mkdir(second, 0700);
    plan = make_program(first, "vmferry-plan", 0755);
    plan2 = make_program(second, "vmferry-plan", 0755);
    predict = make_program(second, "vmferry-predict", 0755);

    found_plan = dispatch_find("plan", folders);
    found_predict = dispatch_find("predict", folders);
    cr_assert_str_eq(found_plan, plan);
    cr_assert_str_eq(found_predict, predict);
    cr_assert_null(dispatch_find("drain", folders));
    /* no way out of the folders, and no empty name */
    cr_assert_null(dispatch_find("../2/vmferry-plan", folders));
    cr_assert_null(dispatch_find("", folders));
    cr_assert_null(dispatch_find("-plan", folders));

    g_unlink(plan);
    g_unlink(plan2);
    g_unlink(predict);
    g_rmdir(first);
    g_rmdir(second);
    g_rmdir(folder);
}
