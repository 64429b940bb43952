/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leaving.c - what keeps a guest on its host, by its XML and by the test driver
 *
 * Descriptions are put together here: a frame, and the devices of the case.
 */
#include "virt/leaving.h"

#include "test-virt.h"

typedef struct LeavingCase {
    char what[48];
    char devices[420];
    int kind;      /* of the one obstacle; -1: none */
    char says[48]; /* it, or the one caution */
    unsigned cautions;
    bool copies, unsafe;
} LeavingCase;

static VirtStorage
storage_by_path(const char *path, gpointer user)
{
    return g_str_has_prefix(path, "/nfs/")     ? VIRT_STORAGE_SHARED
           : g_str_has_prefix(path, "/local/") ? VIRT_STORAGE_LOCAL
                                               : VIRT_STORAGE_UNKNOWN;
}

static char *
describe(const char *rest, const char *devices)
{
    return g_strdup_printf("<domain type='kvm'><name>a</name>%s<devices>"
                           "%s</devices></domain>",
                           rest, devices);
}

#define PCI                                                                    \
    "<source><address domain='0x0000' bus='0x3b' slot='0x10' "                 \
    "function='0x2'/></source>"
#define DISK(type, source, rest)                                               \
    "<disk type='" type "' device='disk'><source " source "/>"                 \
    "<target dev='vdb'/>" rest "</disk>"

ParameterizedTestParameters(leaving, device)
{
    static LeavingCase cases[] = {
        { "nothing", "", -1, "" },
        { "PCI", "<hostdev mode='subsystem' type='pci'>" PCI "</hostdev>",
          VIRT_OBSTACLE_DEVICE, "0000:3b:10.2" },
        { "USB by its numbers",
          "<hostdev mode='subsystem' type='usb'><source><vendor id='0x046d'/>"
          "<product id='0xc52b'/></source></hostdev>",
          VIRT_OBSTACLE_DEVICE, "0x046d:0xc52b" },
        { "USB that may be missing",
          "<hostdev mode='subsystem' type='usb'><source startupPolicy="
          "'optional'><vendor id='0x1'/><product id='0x2'/></source></hostdev>",
          -1, "0x1:0x2", 1 },
        { "mediated",
          "<hostdev mode='subsystem' type='mdev'><source><address uuid="
          "'c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>",
          VIRT_OBSTACLE_DEVICE, "c2177883" },
        { "half a PCI device", "<hostdev mode='subsystem' type='pci'/>",
          VIRT_OBSTACLE_DEVICE, "pci device ?" },
        { "one of a team",
          "<hostdev mode='subsystem' type='pci'>" PCI
          "<teaming type='transient' persistent='ua-1'/></hostdev>",
          -1, "" },
        { "interface of the host",
          "<interface type='hostdev'><mac address='52:54:00:01:02:03'/>" PCI
          "</interface>",
          VIRT_OBSTACLE_DEVICE, "52:54:00:01:02:03" },
        { "interface of a team",
          "<interface type='hostdev'>" PCI
          "<teaming type='transient' persistent='ua-1'/></interface>",
          -1, "" },
        { "persistent one of the team",
          "<interface type='bridge'><teaming type='persistent'/></interface>",
          -1, "" },
        { "vDPA", "<interface type='vdpa'/>", VIRT_OBSTACLE_DEVICE, "vdpa" },
        { "local file", DISK("file", "file='/local/a.img'", ""),
          VIRT_OBSTACLE_DISK, "'/local/a.img'" },
        { "shared file", DISK("file", "file='/nfs/a.img'", ""), -1, "" },
        { "a file of which nothing is known",
          DISK("file", "file='/x/a.img'", ""), -1, "'/x/a.img'", 1 },
        { "a block device", DISK("block", "dev='/dev/sdb'", ""), -1,
          "'/dev/sdb'", 1 },
        { "local file that is copied", DISK("file", "file='/local/a'", ""), -1,
          "", 0, true },
        { "local file, never mind", DISK("file", "file='/local/a'", ""), -1, "",
          0, false, true },
        { "image of a CD",
          "<disk type='file' device='cdrom'><source file='/local/d.iso'/>"
          "<target dev='sda'/><readonly/></disk>",
          -1, "/local/d.iso", 1 },
        { "empty drive",
          "<disk type='file' device='cdrom'><target dev='sda'/></disk>", -1,
          "" },
        { "over the network",
          "<disk type='network'><source protocol='rbd' name='p/i'>"
          "<host name='m'/></source><target dev='vda'/></disk>",
          -1, "" },
        { "backing chain is not the disk",
          DISK("file", "file='/nfs/a.img'",
               "<backingStore type='file'><source file='/local/b'/>"
               "</backingStore>"),
          -1, "" },
        { "NVMe",
          "<disk type='nvme'><source type='pci' managed='yes' namespace='1'>"
          "<address domain='0' bus='1' slot='0' function='0'/></source>"
          "<target dev='vda'/></disk>",
          VIRT_OBSTACLE_DEVICE, "vda is an NVMe" },
        { "thrown away in the end",
          DISK("file", "file='/nfs/a'", "<transient/>"), VIRT_OBSTACLE_DISK,
          "transient" },
        { "a block job",
          DISK("file", "file='/nfs/a'", "<mirror type='file' job='copy'/>"),
          VIRT_OBSTACLE_BUSY, "block job" },
        { "no type at all", "<disk><source file='/local/a'/></disk>", -1,
          "'/local/a'", 1 },
        { "virtiofs",
          "<filesystem type='mount'><driver type='virtiofs'/>"
          "<source dir='/srv'/></filesystem>",
          VIRT_OBSTACLE_DEVICE, "'/srv'" },
        { "9p", "<filesystem type='mount'><source dir='/srv'/></filesystem>",
          -1, "'/srv'", 1 },
        { "memory of others", "<shmem name='s'/>", VIRT_OBSTACLE_DEVICE,
          "'s'" },
        { "its own", "<shmem name='s' role='master'/>", -1, "" },
        { "the host's TPM",
          "<tpm model='tpm-tis'><backend type='passthrough'>"
          "<device path='/dev/tpm0'/></backend></tpm>",
          VIRT_OBSTACLE_DEVICE, "TPM" },
        { "a TPM of its own", "<tpm><backend type='emulator'/></tpm>", -1, "" },
    };

    return cr_make_param_array(LeavingCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(LeavingCase *c, leaving, device)
{
    g_autofree char *xml = describe("", c->devices);
    g_autoptr(GError) error = NULL;
    VirtLeavingSpec spec = { .copies_disks = c->copies,
                             .unsafe = c->unsafe,
                             .storage_of = storage_by_path };
    g_autoptr(VirtLeaving) leaving = virt_leaving_parse(xml, &spec, &error);
    const char *text = "";

    cr_assert_not_null(leaving, "%s: %s", c->what, error ? error->message : "");
    cr_assert_eq(leaving->obstacles->len, c->kind >= 0 ? 1 : 0, "%s: %u",
                 c->what, leaving->obstacles->len);
    cr_assert_eq(leaving->cautions->len, c->cautions, "%s: %u cautions",
                 c->what, leaving->cautions->len);
    if (c->kind >= 0) {
        const VirtObstacle *found = leaving->obstacles->pdata[0];

        cr_assert_eq((int)found->kind, c->kind, "%s: %s", c->what,
                     virt_obstacle_name(found->kind));
        text = found->text;
    } else if (c->cautions > 0) {
        text = leaving->cautions->pdata[0];
    }
    cr_assert_not_null(strstr(text, c->says), "%s: %s", c->what, text);
}

Test(leaving, all_obstacles_are_told)
{
    g_autofree char *xml =
        describe("", "<hostdev type='pci'>" PCI
                     "</hostdev>" DISK("file", "file='/local/a'",
                                       "") "<tpm><backend type="
                                           "'passthrough'/></tpm>");
    VirtLeavingSpec spec = { .storage_of = storage_by_path };
    g_autoptr(VirtLeaving) leaving = virt_leaving_parse(xml, &spec, NULL);

    cr_assert_not_null(leaving);
    cr_assert_eq(leaving->obstacles->len, 3);
}

Test(leaving, invariant_tsc_needs_a_frequency)
{
    static const char cpu[] =
        "<cpu mode='custom'><model fallback='forbid'>Skylake-Client</model>"
        "<feature policy='require' name='invtsc'/></cpu>";
    VirtLeavingSpec spec = { 0 };
    g_autofree char *without = describe(cpu, "");
    g_autofree char *rest = g_strconcat(
        cpu, "<clock><timer name='tsc' frequency='2500000000'/></clock>", NULL);
    g_autofree char *with = describe(rest, "");
    g_autoptr(VirtLeaving) stays = virt_leaving_parse(without, &spec, NULL);
    g_autoptr(VirtLeaving) leaves = virt_leaving_parse(with, &spec, NULL);

    cr_assert_eq(stays->obstacles->len, 1);
    cr_assert_eq(((VirtObstacle *)stays->obstacles->pdata[0])->kind,
                 VIRT_OBSTACLE_CONFIG);
    cr_assert_eq(leaves->obstacles->len, 0);
    /* and the CPU is handed on as it stands */
    cr_assert_str_eq(leaves->cpu,
                     "<cpu mode='custom'><model fallback='forbid'>"
                     "Skylake-Client</model><feature policy='require' "
                     "name='invtsc'></feature></cpu>");
}

Test(leaving, huge_pages_are_noticed)
{
    VirtLeavingSpec spec = { 0 };
    g_autofree char *xml = describe("<memoryBacking><hugepages><page size="
                                    "'2048' unit='KiB'/></hugepages>"
                                    "</memoryBacking>",
                                    "");
    g_autoptr(VirtLeaving) leaving = virt_leaving_parse(xml, &spec, NULL);

    cr_assert(leaving->hugepages);
    cr_assert_eq(leaving->hugepage_kib, 2048);
    cr_assert_null(leaving->cpu);
}

typedef struct BadXml {
    char text[48];
    char says[24];
} BadXml;

ParameterizedTestParameters(leaving, malformed)
{
    static BadXml cases[] = {
        { "", "empty" },
        { "<domain>", "still open" },
        { "<domain></cpu>", "closed" },
        { "<guest/>", "no <domain>" },
        { "domain", "must begin with" },
        { "<domain><devices><disk></domain>", "closed" },
    };

    return cr_make_param_array(BadXml, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadXml *c, leaving, malformed)
{
    VirtLeavingSpec spec = { 0 };
    g_autoptr(GError) error = NULL;
    VirtLeaving *leaving = virt_leaving_parse(c->text, &spec, &error);

    cr_assert_null(leaving);
    cr_assert(g_error_matches(error, VIRT_ERROR, VIRT_ERROR_XML), "%s",
              c->text);
    cr_assert_not_null(strstr(error->message, c->says), "%s: %s", c->text,
                       error->message);
}

Test(leaving, names_of_obstacles)
{
    cr_assert_str_eq(virt_obstacle_name(VIRT_OBSTACLE_DISK), "disk");
    cr_assert_str_eq(virt_obstacle_name(VIRT_N_OBSTACLES), "?");
}

/* --- by libvirt's test driver --- */

Test(leaving, active_guests_and_their_autostart)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    g_autoptr(GError) error = NULL;
    VirtLeavingSpec spec = { 0 };
    g_auto(GStrv) active = NULL;
    g_autoptr(VirtLeaving) before = NULL, after = NULL;
    Answer answer = { 0 };
    unsigned stopped = 7;

    active = virt_host_active_now(host, &stopped, &error);
    cr_assert_null(error);
    cr_assert_eq(g_strv_length(active), 1);
    cr_assert_str_eq(active[0], virt_guest_info(guest)->uuid);
    cr_assert_eq(stopped, 0);

    before = virt_guest_leaving_now(guest, &spec, &error);
    cr_assert_not_null(before);
    cr_assert_not(before->autostart);
    virt_host_set_autostart(host, active[0], on_done, &answer);
    cr_assert_not(answer.done, "called back from inside the call");
    until(&answer.done);
    cr_assert_null(answer.error, "%s",
                   answer.error ? answer.error->message : "");
    after = virt_guest_leaving_now(guest, &spec, &error);
    cr_assert(after->autostart);
}

Test(leaving, autostart_of_nobody)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    Answer answer = { 0 };

    virt_host_set_autostart(host, "00000000-1111-2222-3333-444444444444",
                            on_done, &answer);
    until(&answer.done);
    cr_assert_not_null(answer.error);
    cr_assert_not_null(strstr(answer.error->message, "virsh autostart"));
    g_clear_error(&answer.error);
}
