/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * caps.c - would that host take the guest, and if not, what does one do?
 */
#include "test-virt.h"

typedef struct CapsCase {
    char what[48];
    char arch[12], type[8], machine[24];
    bool fits;
    char says[2][48];
} CapsCase;

ParameterizedTestParameters(caps, fit)
{
    static CapsCase cases[] = {
        { "by its own name", "x86_64", "qemu", "pc-i440fx-7.2", true },
        { "by an alias", "x86_64", "kvm", "q35", true },
        { "what the alias stands for", "x86_64", "kvm", "pc-q35-7.2", true },
        { "only inside <domain>", "x86_64", "kvm", "microvm", true },
        { "that one with the other type",
          "x86_64",
          "qemu",
          "microvm",
          false,
          { "'microvm'", "install a QEMU" } },
        { "newer than known there",
          "x86_64",
          "qemu",
          "pc-i440fx-10.0",
          false,
          { "'pc-i440fx-10.0'", "'pc-i440fx-7.2'" } },
        { "the newest of its family",
          "x86_64",
          "kvm",
          "pc-q35-9.2",
          false,
          { "lacks the guest's machine type", "'pc-q35-7.2'" } },
        { "no relatives", "x86_64", "qemu", "isapc-9", false, { "'isapc-9'" } },
        { "other architecture",
          "aarch64",
          "qemu",
          "virt-7.2",
          false,
          { "'aarch64'", "install a QEMU" } },
        { "no KVM for it",
          "i686",
          "kvm",
          "pc",
          false,
          { "'kvm'", "/dev/kvm" } },
        { "machine of another architecture",
          "i686",
          "qemu",
          "microvm",
          false,
          { "'microvm'" } },
    };

    return cr_make_param_array(CapsCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(CapsCase *c, caps, fit)
{
    g_autofree char *xml = data_file("capabilities.xml");
    g_autoptr(GError) error = NULL;
    VirtGuestInfo guest = { .arch = c->arch,
                            .type = c->type,
                            .machine = c->machine };

    cr_assert_eq(virt_caps_check(xml, &guest, &error), c->fits, "%s: %s",
                 c->what, error ? error->message : "fits");
    cr_assert_eq(error == NULL, c->fits);
    if (error) {
        cr_assert(g_error_matches(error, VIRT_ERROR, VIRT_ERROR_MACHINE));
        for (size_t i = 0; i < G_N_ELEMENTS(c->says); i++) {
            cr_assert_not_null(strstr(error->message, c->says[i]), "%s: %s",
                               c->what, error->message);
        }
    }
}

Test(caps, uuid_of_the_host)
{
    g_autofree char *xml = data_file("capabilities.xml");
    g_autofree char *uuid = virt_caps_host_uuid(xml);

    cr_assert_str_eq(uuid, "0b9de09d-b5b5-4d2a-8a7b-3c0a5f1e7c11");
    cr_assert_null(virt_caps_host_uuid("<capabilities/>"));
    cr_assert_null(virt_caps_host_uuid("<capabilities>"));
}

Test(caps, not_xml_is_another_error)
{
    g_autoptr(GError) error = NULL;
    VirtGuestInfo guest = { 0 };

    cr_assert_not(virt_caps_check("<capabilities>", &guest, &error));
    cr_assert(g_error_matches(error, VIRT_ERROR, VIRT_ERROR_XML));
}

/* The test driver knows one architecture, and our own test domain fits. */
Test(caps, asked_over_a_connection)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    g_autoptr(GError) error = NULL;

    cr_assert(virt_host_check_guest_now(host, guest, &error), "%s",
              error ? error->message : "");
    g_free(((VirtGuestInfo *)virt_guest_info(guest))->arch);
    ((VirtGuestInfo *)virt_guest_info(guest))->arch = g_strdup("s390x");
    cr_assert_not(virt_host_check_guest_now(host, guest, &error));
    cr_assert(g_error_matches(error, VIRT_ERROR, VIRT_ERROR_MACHINE));
    cr_assert_not_null(strstr(error->message, "guest 'test'"));
    cr_assert_not_null(strstr(error->message, "s390x"));
}
