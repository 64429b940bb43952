/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine.c - versions, processors, the migration link
 */
#include "tools/experiment/machine.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LINK "mig0"
#define MTU_FILE "/sys/class/net/mig0/mtu"

/* First line of a file, NULL without. */
static char *
first_line(const char *path)
{
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return NULL;
    }
    text[strcspn(text, "\n")] = '\0';
    return g_strstrip(text);
}

static void
add_file(JsonObject *json, const char *name, const char *path)
{
    g_autofree char *line = first_line(path);

    jobj_add_string(json, name, line);
}

/* First line that a command on host 1 prints. */
static void
add_command(JsonObject *json, const char *name, Driver *driver,
            const char *const *words)
{
    g_autofree char *out = NULL;

    if (driver_call(driver, words, 30.0, &out, NULL)) {
        out[strcspn(out, "\n")] = '\0';
    }
    jobj_add_string(json, name, out);
}

static void
add_processors(JsonObject *json)
{
    g_autofree char *text = NULL;
    g_autofree char *model = NULL;
    const char *at;

    if (g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL) &&
        (at = strstr(text, "model name")) && (at = strchr(at, ':'))) {
        model = g_strndup(at + 1, strcspn(at + 1, "\n"));
        g_strstrip(model);
    }
    jobj_add_string(json, "processor", model);
    jobj_add_i64(json, "processors", sysconf(_SC_NPROCESSORS_ONLN));
    add_file(json, "governor",
             "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
}

JsonObject *
machine_describe(Driver *driver, const char *vmferry, const char *state)
{
    JsonObject *json = json_object_new_object();
    const char *const program[] = { "exec", "1", vmferry, "--version", NULL };
    const char *const libvirt[] = { "exec", "1", "libvirtd", "--version",
                                    NULL };
    const char *const qemu[] = { "exec", "1", "qemu-system-x86_64", "--version",
                                 NULL };
    const char *const mtu[] = { "exec", "1", "cat", MTU_FILE, NULL };
    g_autofree char *accel = g_build_filename(state, "accel", NULL);
    struct utsname name;

    add_processors(json);
    jobj_add_string(json, "kernel", uname(&name) == 0 ? name.release : NULL);
    add_file(json, "accelerator", accel);
    add_command(json, "vmferry", driver, program);
    add_command(json, "libvirt", driver, libvirt);
    add_command(json, "qemu", driver, qemu);
    jobj_add_string(json, "link", LINK);
    jobj_add_string(json, "link_driver", "veth");
    add_command(json, "mtu", driver, mtu);
    return json;
}
