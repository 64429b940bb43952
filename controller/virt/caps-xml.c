/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * caps-xml.c - can a host with these capabilities run that guest?
 *
 *   <guest><os_type>hvm
 *     <arch name='x86_64'>
 *       <machine canonical='pc-i440fx-7.2'>pc</machine>   for every type ...
 *       <domain type='kvm'>
 *         <machine>...</machine>                          ... or for this one
 *
 * libvirt would find out itself, after the migration was set up and with a
 * message that leaves the remedy to the reader.
 */
#include <string.h>

#include "virt/virt-priv.h"

typedef struct Reader {
    const VirtGuestInfo *guest; /* NULL: only the host's UUID is wanted */
    GString *path;
    GString *text;
    char *uuid;
    /* where we are */
    bool right_arch;
    bool right_type; /* inside <domain>: ours; outside of one: true */
    /* what was found */
    bool arch, type, machine;
    char *relative; /* newest machine type of the guest's family */
} Reader;

/* "pc-q35-7.2" -> "pc-q35"; a name without a version is its own family. */
static size_t
family_length(const char *machine)
{
    const char *dash = strrchr(machine, '-');

    return dash && g_ascii_isdigit(dash[1]) ? (size_t)(dash - machine)
                                            : strlen(machine);
}

/* Compares "7.2" and "10.0" by their numbers. */
static bool
newer(const char *a, const char *b)
{
    while (*a && *b) {
        char *end_a, *end_b;
        guint64 x = g_ascii_strtoull(a, &end_a, 10);
        guint64 y = g_ascii_strtoull(b, &end_b, 10);

        if (end_a == a || end_b == b) {
            return strcmp(a, b) > 0;
        }
        if (x != y) {
            return x > y;
        }
        a = end_a + (*end_a == '.');
        b = end_b + (*end_b == '.');
    }
    return *a != '\0';
}

static void
saw_machine(Reader *reader, const char *name)
{
    const char *wanted = reader->guest->machine;
    size_t family;

    if (!wanted) {
        return;
    }
    if (!strcmp(name, wanted)) {
        reader->machine = true;
    }
    family = family_length(wanted);
    if (family_length(name) != family || strncmp(name, wanted, family) ||
        !name[family]) {
        return;
    }
    if (!reader->relative ||
        newer(name + family + 1, reader->relative + family + 1)) {
        g_free(reader->relative);
        reader->relative = g_strdup(name);
    }
}

static void
on_start(GMarkupParseContext *context, const char *element, const char **names,
         const char **values, gpointer user, GError **error)
{
    Reader *reader = user;
    const char *name = NULL, *type = NULL, *canonical = NULL;

    for (size_t i = 0; names[i]; i++) {
        name = !strcmp(names[i], "name") ? values[i] : name;
        type = !strcmp(names[i], "type") ? values[i] : type;
        canonical = !strcmp(names[i], "canonical") ? values[i] : canonical;
    }
    g_string_append_printf(reader->path, "/%s", element);
    g_string_truncate(reader->text, 0);
    if (!reader->guest) {
        return;
    }
    if (!strcmp(reader->path->str, "/capabilities/guest/arch")) {
        reader->right_arch =
            !reader->guest->arch || !g_strcmp0(name, reader->guest->arch);
        reader->right_type = true;
        reader->arch |= reader->right_arch;
    } else if (!strcmp(reader->path->str, "/capabilities/guest/arch/domain")) {
        reader->right_type =
            !reader->guest->type || !g_strcmp0(type, reader->guest->type);
        reader->type |= reader->right_arch && reader->right_type;
    } else if (!strcmp(element, "machine") && canonical && reader->right_arch &&
               reader->right_type) {
        saw_machine(reader, canonical);
    }
}

static void
on_end(GMarkupParseContext *context, const char *element, gpointer user,
       GError **error)
{
    Reader *reader = user;
    const char *path = reader->path->str;

    if (!strcmp(path, "/capabilities/host/uuid") && !reader->uuid) {
        reader->uuid = g_strdup(g_strstrip(reader->text->str));
    }
    if (reader->guest) {
        if (!strcmp(element, "machine") && reader->right_arch &&
            reader->right_type) {
            saw_machine(reader, g_strstrip(reader->text->str));
        } else if (!strcmp(path, "/capabilities/guest/arch/domain")) {
            reader->right_type = true;
        } else if (!strcmp(path, "/capabilities/guest")) {
            reader->right_arch = false;
        }
    }
    g_string_truncate(reader->path, reader->path->len - strlen(element) - 1);
    g_string_truncate(reader->text, 0);
}

static void
on_text(GMarkupParseContext *context, const char *text, gsize length,
        gpointer user, GError **error)
{
    g_string_append_len(((Reader *)user)->text, text, length);
}

static bool
caps_read(Reader *reader, const char *xml, GError **error)
{
    static const GMarkupParser parser = { on_start, on_end, on_text, NULL,
                                          NULL };
    bool fine;

    reader->path = g_string_new(NULL);
    reader->text = g_string_new(NULL);
    fine = virt_xml_parse(&parser, reader, xml, "reading a host's capabilities",
                          error);
    g_string_free(reader->path, TRUE);
    g_string_free(reader->text, TRUE);
    return fine;
}

char *
virt_caps_host_uuid(const char *xml)
{
    Reader reader = { 0 };

    if (!caps_read(&reader, xml, NULL)) {
        g_clear_pointer(&reader.uuid, g_free);
    }
    return reader.uuid;
}

static void
explain(const Reader *reader, GError **error)
{
    const VirtGuestInfo *guest = reader->guest;
    g_autofree char *hint = NULL;

    if (!reader->arch) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_MACHINE,
                    "the destination runs no guests of architecture '%s': "
                    "install a QEMU for it there (on Debian one of the "
                    "qemu-system packages)",
                    guest->arch);
    } else if (!reader->type) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_MACHINE,
                    "the destination offers no domain type '%s', which the "
                    "guest uses: %s",
                    guest->type,
                    !strcmp(guest->type, "kvm")
                        ? "enable virtualization there (is there a /dev/kvm?)"
                        : "choose a host with the same hypervisor");
    } else {
        if (reader->relative) {
            hint = g_strdup_printf(
                ", or run the guest with a type that both know (the newest of "
                "this family there is '%s'; a change takes a restart)",
                reader->relative);
        }
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_MACHINE,
                    "the destination lacks the guest's machine type '%s': "
                    "install a QEMU there that knows it%s",
                    guest->machine, hint ? hint : "");
    }
}

bool
virt_caps_check(const char *xml, const VirtGuestInfo *guest, GError **error)
{
    /* Drivers other than QEMU's have no machine types. */
    Reader reader = { .guest = guest, .machine = !guest->machine };
    bool fine = caps_read(&reader, xml, error);

    if (fine && !(reader.arch && reader.type && reader.machine)) {
        explain(&reader, error);
        fine = false;
    }
    g_free(reader.uuid);
    g_free(reader.relative);
    return fine;
}
