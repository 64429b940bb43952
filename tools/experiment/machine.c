/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine.c - versions, processors, the migration link
 */
#include "tools/experiment/machine.h"

#include <string.h>

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

#define ADD(...)                                                               \
    add_command(json, name, driver,                                            \
                (const char *const[]){ "exec", "1", __VA_ARGS__, NULL })

static void
add_file(JsonObject *json, const char *name, Driver *driver, const char *path)
{
    ADD("cat", path);
}

static void
add_program(JsonObject *json, const char *name, Driver *driver,
            const char *program)
{
    ADD(program, "--version");
}

static void
add_shell(JsonObject *json, const char *name, Driver *driver,
          const char *script)
{
    ADD("sh", "-c", script);
}

static void
add_processors(JsonObject *json, Driver *driver)
{
    g_autofree char *out = NULL;
    static const char *const count[] = { "exec", "1", "getconf",
                                         "_NPROCESSORS_ONLN", NULL };

    add_shell(json, "processor", driver,
              "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo");
    if (driver_call(driver, count, 30.0, &out, NULL)) {
        jobj_add_i64(json, "processors", g_ascii_strtoll(out, NULL, 10));
    }
    add_file(json, "governor", driver,
             "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
}

JsonObject *
machine_describe(Driver *driver, const char *vmferry, const char *state,
                 const char *link)
{
    JsonObject *json = json_object_new_object();
    g_autofree char *accel_file = g_build_filename(state, "accel", NULL);
    g_autofree char *accel = first_line(accel_file);
    g_autofree char *nic = g_strdup_printf("/sys/class/net/%s", link);
    g_autofree char *mtu = g_build_filename(nic, "mtu", NULL);
    /* a veth has no device */
    g_autofree char *link_driver = g_strdup_printf(
        "basename \"$(readlink %s/device/driver || echo veth)\"", nic);

    add_processors(json, driver);
    add_file(json, "kernel", driver, "/proc/sys/kernel/osrelease");
    jobj_add_string(json, "accelerator", accel);
    add_program(json, "vmferry", driver, vmferry);
    add_program(json, "libvirt", driver, "libvirtd");
    add_program(json, "qemu", driver, "qemu-system-x86_64");
    jobj_add_string(json, "link", link);
    add_shell(json, "link_driver", driver, link_driver);
    add_file(json, "mtu", driver, mtu);
    return json;
}
