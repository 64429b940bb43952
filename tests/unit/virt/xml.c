/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xml.c - domains of tests/data/virt/, and what is no domain
 */
#include "test-virt.h"

Test(xml, a_running_kvm_guest)
{
    g_autofree char *xml = data_file("kvm-guest.xml");
    g_autoptr(GError) error = NULL;
    g_autoptr(VirtGuestInfo) info = virt_guest_info_parse(xml, &error);
    VirtInterface *first, *second;

    cr_assert_not_null(info, "%s", error ? error->message : "");
    cr_assert_str_eq(info->name, "web & db");
    cr_assert_str_eq(info->uuid, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
    cr_assert_eq(info->id, 7);
    cr_assert_eq(info->memory_bytes, 4ull << 30);
    cr_assert_eq(info->vcpus, 4);
    cr_assert_str_eq(info->arch, "x86_64");
    cr_assert_str_eq(info->machine, "pc-q35-7.2");
    cr_assert_str_eq(info->emulator, "/usr/bin/qemu-system-x86_64");
    cr_assert_str_eq(info->type, "kvm");
    cr_assert_str_eq(info->accelerator, "kvm");
    cr_assert(info->balloon);
    cr_assert_eq(info->balloon_period_s, 10);
    cr_assert_eq(info->interfaces->len, 2);
    first = info->interfaces->pdata[0];
    second = info->interfaces->pdata[1];
    cr_assert_str_eq(first->device, "vnet3");
    cr_assert_str_eq(first->mac, "52:54:00:4a:3b:2c");
    cr_assert_str_eq(first->model, "virtio");
    cr_assert_null(second->device, "a device of its own has no tap");
    cr_assert_str_eq(second->mac, "52:54:00:6d:90:02");
}

Test(xml, a_defined_tcg_guest)
{
    g_autofree char *xml = data_file("tcg-guest.xml");
    g_autoptr(VirtGuestInfo) info = virt_guest_info_parse(xml, NULL);

    cr_assert_not_null(info);
    cr_assert_eq(info->id, -1);
    cr_assert_str_eq(info->accelerator, "tcg");
    cr_assert_str_eq(info->type, "qemu");
    cr_assert_not(info->balloon, "model 'none' is no balloon");
    cr_assert_eq(info->balloon_period_s, 0);
    cr_assert_eq(info->interfaces->len, 0);
    /* 512 MiB and 8 KiB, written in bytes */
    cr_assert_eq(info->memory_bytes, (512ull << 20) + 8192);
}

typedef struct UnitCase {
    char unit[16];
    uint64_t bytes;
} UnitCase;

ParameterizedTestParameters(xml, memory_units)
{
    static UnitCase cases[] = {
        { "", 3072 },
        { "unit='b'", 3 },
        { "unit='KB'", 3000 },
        { "unit='KiB'", 3072 },
        { "unit='M'", 3ull << 20 },
        { "unit='MB'", 3000000 },
        { "unit='GiB'", 3ull << 30 },
        { "unit='TiB'", 3ull << 40 },
    };

    return cr_make_param_array(UnitCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(UnitCase *c, xml, memory_units)
{
    g_autofree char *xml = g_strdup_printf("<domain><name>a</name><uuid>b"
                                           "</uuid><memory %s>3</memory>"
                                           "</domain>",
                                           c->unit);
    g_autoptr(VirtGuestInfo) info = virt_guest_info_parse(xml, NULL);

    cr_assert_eq(info->memory_bytes, c->bytes, "%s", c->unit);
}

typedef struct BadXml {
    char xml[96];
} BadXml;

ParameterizedTestParameters(xml, refused)
{
    static BadXml cases[] = {
        { "" },
        { "not xml" },
        { "<domain>" },
        { "<domain></guest>" },
        { "<domain/>" },
        { "<domain><name>a</name></domain>" },
        { "<network><name>a</name><uuid>b</uuid></network>" },
        { "<x><domain><name>a</name><uuid>b</uuid></domain></x>" },
        { "<domain><name>&bogus;</name><uuid>b</uuid></domain>" },
    };

    return cr_make_param_array(BadXml, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadXml *c, xml, refused)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(virt_guest_info_parse(c->xml, &error), "%s", c->xml);
    cr_assert(g_error_matches(error, VIRT_ERROR, VIRT_ERROR_XML));
}

/* Cut anywhere, it is refused or, once all of it is there, understood. */
Test(xml, cut_short_is_refused)
{
    g_autofree char *xml = data_file("kvm-guest.xml");
    size_t end = strstr(xml, "</domain>") - xml + strlen("</domain>");

    for (size_t length = 0; length < end; length++) {
        g_autofree char *part = g_strndup(xml, length);

        cr_assert_null(virt_guest_info_parse(part, NULL), "%zu bytes", length);
    }
}

/* What post-copy is ruled out by. */
Test(xml, host_devices_and_huge_pages)
{
    static const struct {
        const char *inside;
        bool host_devices;
        uint64_t hugepage_bytes;
    } cases[] = {
        { "", false, 0 },
        { "<memoryBacking><hugepages/></memoryBacking>", false, 0 },
        { "<memoryBacking><hugepages><page size='2048' unit='KiB'/>"
          "<page size='1' unit='G'/></hugepages></memoryBacking>",
          false, 1ull << 30 },
        { "<devices><hostdev mode='subsystem' type='pci'/></devices>", true,
          0 },
        { "<devices><interface type='hostdev'/></devices>", true, 0 },
        { "<devices><interface type='bridge'/></devices>", false, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<domain type='kvm'><name>a</name><uuid>u</uuid>%s</domain>",
            cases[i].inside);
        g_autoptr(VirtGuestInfo) info = virt_guest_info_parse(xml, NULL);

        cr_assert_not_null(info);
        cr_assert_eq(info->host_devices, cases[i].host_devices, "%s", xml);
        cr_assert_eq(info->hugepage_bytes, cases[i].hugepage_bytes, "%s", xml);
    }
}

typedef struct LimitCase {
    char xml[72];
    bool limited;
} LimitCase;

ParameterizedTestParameters(xml, memory_limit)
{
    static LimitCase cases[] = {
        { "", false },
        { "<memtune><soft_limit>9</soft_limit></memtune>", false },
        { "<memtune><hard_limit unit='KiB'>999</hard_limit></memtune>", true },
    };

    return cr_make_param_array(LimitCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(LimitCase *c, xml, memory_limit)
{
    g_autofree char *xml = g_strdup_printf("<domain><name>a</name><uuid>b"
                                           "</uuid><memory>3</memory>%s"
                                           "</domain>",
                                           c->xml);
    g_autoptr(VirtGuestInfo) info = virt_guest_info_parse(xml, NULL);

    cr_assert_not_null(info);
    cr_assert_eq(info->memory_limit, c->limited, "%s", c->xml);
}
