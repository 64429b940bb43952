/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virsh-recorder.c - preloaded into the real virsh, it answers for libvirt
 *
 * virsh parses its command line, and calls virDomainMigrate3() or
 * virDomainMigrateToURI3() with what it made of it. Both are replaced here by
 * functions that write the call down, in the words of describe.h, to the file
 * named by VIRSH_RECORD, and end the process.
 *
 * What virsh's worker thread refuses itself ends with g_main_loop_quit(), which
 * has no effect on a loop that does not run yet: virsh 9.0 then waits for ever.
 * So that is replaced too, by one that waits for the loop.
 */
#include <dlfcn.h>
#include <glib.h>
#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void __attribute__((noreturn))
record(const char *call, virDomainPtr domain, const char *desturi,
       virTypedParameterPtr params, unsigned n_params, unsigned flags)
{
    FILE *file = fopen(getenv("VIRSH_RECORD"), "w");

    if (!file) {
        abort();
    }
    fprintf(file, "%s %s to %s flags=0x%x", call, virDomainGetName(domain),
            desturi, flags);
    for (unsigned i = 0; i < n_params; i++) {
        switch (params[i].type) {
        case VIR_TYPED_PARAM_STRING:
            fprintf(file, " %s=s:%s", params[i].field, params[i].value.s);
            break;
        case VIR_TYPED_PARAM_INT:
            fprintf(file, " %s=i:%d", params[i].field, params[i].value.i);
            break;
        case VIR_TYPED_PARAM_ULLONG:
            fprintf(file, " %s=U:%llu", params[i].field, params[i].value.ul);
            break;
        default:
            fprintf(file, " %s=?", params[i].field);
        }
    }
    fputc('\n', file);
    fclose(file);
    _exit(0);
}

int
virDomainMigrateToURI3(virDomainPtr domain, const char *desturi,
                       virTypedParameterPtr params, unsigned n_params,
                       unsigned flags)
{
    record("uri3", domain, desturi, params, n_params, flags);
}

virDomainPtr
virDomainMigrate3(virDomainPtr domain, virConnectPtr destination,
                  virTypedParameterPtr params, unsigned n_params,
                  unsigned flags)
{
    record("migrate3", domain, virConnectGetURI(destination), params, n_params,
           flags);
}

void
g_main_loop_quit(GMainLoop *loop)
{
    void (*quit)(GMainLoop *);

    *(void **)&quit = dlsym(RTLD_NEXT, "g_main_loop_quit");
    while (!g_main_loop_is_running(loop)) {
        g_usleep(1000);
    }
    quit(loop);
}
