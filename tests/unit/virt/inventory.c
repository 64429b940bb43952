/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory.c - many hosts at once: those that answer, that refuse, that hang
 */
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test-virt.h"
#include "virt/inventory-priv.h"

#define OTHER_UUID "6695eb01-f6a4-8304-79aa-97f2502e1900"
#define TEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

typedef struct Seen {
    bool done;
    unsigned times;
    const GPtrArray *hosts;
} Seen;

static void
on_read(const GPtrArray *hosts, gpointer user)
{
    Seen *seen = user;

    seen->hosts = hosts;
    seen->done = true;
    seen->times++;
}

static const VirtSeenHost *
host_at(const Seen *seen, guint i)
{
    return seen->hosts->pdata[i];
}

static void
read_again(VirtInventory *inventory, Seen *seen)
{
    seen->done = false;
    cr_assert(virt_inventory_read(inventory, on_read, seen));
    cr_assert_not(seen->done, "called back from inside the call");
    until(&seen->done);
}

Test(inventory, tells_a_host_and_its_guests)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    const char *const uris[] = { TEST_URI, NULL };
    g_autoptr(VirtInventory) inventory =
        virt_inventory_new(pool, uris, 2, 10000);
    Seen seen = { 0 };
    const VirtSeenHost *host;
    const VirtSeenGuest *guest;

    read_again(inventory, &seen);
    cr_assert_eq(seen.hosts->len, 1);
    host = host_at(&seen, 0);
    cr_assert(host->answered, "%s", host->why ? host->why : "");
    cr_assert_str_eq(host->uri, TEST_URI);
    cr_assert_gt(host->cpus, 0);
    cr_assert_gt(host->memory_bytes, 0);
    cr_assert_eq(host->local, VIRT_LOCAL_YES);
    cr_assert(seen_has(host->networks, "network default"));
    cr_assert_eq(host->guests->len, 1);
    guest = host->guests->pdata[0];
    cr_assert_str_eq(guest->name, "test");
    cr_assert_str_eq(guest->uuid, TEST_UUID);
    cr_assert_eq(guest->state, VIRT_STATE_RUNNING);
    cr_assert_eq(guest->vcpus, 2);
    cr_assert_gt(guest->memory_bytes, 0);
    cr_assert(guest->persistent);
    cr_assert_not(guest->cpu_cores.known, "there was no reading before");
    /* a second one has something to compare with */
    read_again(inventory, &seen);
    guest = host_at(&seen, 0)->guests->pdata[0];
    cr_assert(guest->cpu_cores.known);
    cr_assert_geq(guest->cpu_cores.value, 0);
}

Test(inventory, asks_once_at_a_time)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    const char *const uris[] = { TEST_URI, NULL };
    g_autoptr(VirtInventory) inventory =
        virt_inventory_new(pool, uris, 1, 10000);
    Seen seen = { 0 };

    cr_assert(virt_inventory_read(inventory, on_read, &seen));
    cr_assert_not(virt_inventory_read(inventory, on_read, &seen));
    until(&seen.done);
    cr_assert_eq(seen.times, 1);
}

/* Takes connections into its backlog, and never says a word. */
static int
listen_silently(unsigned *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t length = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

Test(inventory, a_host_that_hangs_or_refuses_keeps_nobody_waiting)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    unsigned port;
    int fd = listen_silently(&port);
    g_autofree char *silent =
        g_strdup_printf("qemu+tcp://127.0.0.1:%u/system", port);
    const char *const uris[] = { silent, "qemu+tcp://127.0.0.1:1/system",
                                 TEST_URI, NULL };
    /* one worker: were it not replaced, the last host would never answer */
    VirtInventory *inventory = virt_inventory_new(pool, uris, 1, 400);
    Seen seen = { 0 };

    read_again(inventory, &seen);
    cr_assert_eq(seen.hosts->len, 3);
    cr_assert_not(host_at(&seen, 0)->answered);
    cr_assert(strstr(host_at(&seen, 0)->why, "did not answer within 0.4 s"),
              "%s", host_at(&seen, 0)->why);
    cr_assert_not(host_at(&seen, 1)->answered);
    cr_assert(strstr(host_at(&seen, 1)->why, "127.0.0.1:1"), "%s",
              host_at(&seen, 1)->why);
    cr_assert(host_at(&seen, 2)->answered);
    /* and again, without asking the one that still hangs */
    read_again(inventory, &seen);
    cr_assert_not(host_at(&seen, 0)->answered);
    cr_assert(host_at(&seen, 2)->answered);
    virt_inventory_free(inventory);
    close(fd);
}

typedef struct Checked {
    bool done;
    bool arrived, gone;
    GPtrArray *obstacles;
    char *error;
} Checked;

static void
on_checked(const VirtMoveCheck *check, const GError *error, gpointer user)
{
    Checked *checked = user;

    checked->done = true;
    checked->error = error ? g_strdup(error->message) : NULL;
    if (check) {
        checked->arrived = check->arrived;
        checked->gone = check->gone;
        checked->obstacles = g_ptr_array_new_with_free_func(g_free);
        for (guint i = 0; i < check->obstacles->len; i++) {
            g_ptr_array_add(checked->obstacles,
                            g_strdup(check->obstacles->pdata[i]));
        }
    }
}

static void
checked_clear(Checked *checked)
{
    g_clear_pointer(&checked->obstacles, g_ptr_array_unref);
    g_clear_pointer(&checked->error, g_free);
}

static bool
says(const Checked *checked, const char *part)
{
    for (guint i = 0; i < checked->obstacles->len; i++) {
        if (strstr(checked->obstacles->pdata[i], part)) {
            return true;
        }
    }
    return false;
}

Test(inventory, a_move_is_checked_on_both_hosts)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autofree char *dir = g_dir_make_tmp("inventory-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "node.xml", NULL);
    g_autofree char *other = g_strdup_printf("test://%s", file);
    const char *const uris[] = { TEST_URI, other, NULL };
    g_autoptr(VirtInventory) inventory =
        virt_inventory_new(pool, uris, 2, 10000);
    Checked checked = { 0 }, unknown_guest = { 0 }, nonsense = { 0 };

    cr_assert(g_file_set_contents(
        file,
        "<node><domain type='test'><name>test</name>"
        "<uuid>" OTHER_UUID "</uuid>"
        "<memory unit='KiB'>1024</memory><os><type>hvm</type></os>"
        "</domain></node>",
        -1, NULL));
    virt_inventory_check(inventory, OTHER_UUID, other, TEST_URI, 1ull << 60,
                         on_checked, &checked);
    until(&checked.done);
    cr_assert_null(checked.error, "%s", checked.error);
    cr_assert_not(checked.gone);
    cr_assert(says(&checked, "another guest of that name"));
    cr_assert(says(&checked, "MiB of memory free"));
    virt_inventory_check(inventory, "6695eb01-f6a4-8304-79aa-97f2502e1999",
                         TEST_URI, other, 0, on_checked, &unknown_guest);
    until(&unknown_guest.done);
    cr_assert(unknown_guest.gone);
    virt_inventory_check(inventory, TEST_UUID, TEST_URI, TEST_URI, 0,
                         on_checked, &nonsense);
    cr_assert_not(nonsense.done, "called back from inside the call");
    until(&nonsense.done);
    cr_assert_not_null(nonsense.error);
    checked_clear(&checked);
    checked_clear(&unknown_guest);
    checked_clear(&nonsense);
    g_unlink(file);
    g_rmdir(dir);
}

Test(inventory, nics_and_disks_of_a_description)
{
    g_autoptr(GPtrArray) nics = g_ptr_array_new_with_free_func(seen_nic_free);
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func(g_free);
    static const char xml[] =
        "<domain><devices>"
        "<disk type='file' device='disk'><source file='/a'>"
        "<backingStore><source file='/base'/></backingStore></source></disk>"
        "<disk type='file' device='cdrom'><source file='/cd'/></disk>"
        "<disk type='block'><source dev='/dev/b'/><readonly/></disk>"
        "<disk type='network'><source protocol='rbd' name='x'/></disk>"
        "<interface type='network'><mac address='52:54:00:00:00:01'/>"
        "<source network='lan' bridge='virbr0'/></interface>"
        "<interface type='bridge'><source bridge='br0'/></interface>"
        "<interface type='user'/>"
        "</devices></domain>";
    const VirtSeenNic *nic;

    cr_assert(seen_guest_xml(xml, nics, disks, NULL));
    cr_assert_eq(disks->len, 1);
    cr_assert_str_eq(disks->pdata[0], "/a");
    cr_assert_eq(nics->len, 3);
    nic = nics->pdata[0];
    cr_assert_str_eq(nic->network, "network lan");
    cr_assert_str_eq(nic->mac, "52:54:00:00:00:01");
    nic = nics->pdata[1];
    cr_assert_str_eq(nic->network, "bridge br0");
    nic = nics->pdata[2];
    cr_assert_null(nic->network);
}

Test(inventory, descriptions_that_are_none_are_refused)
{
    static const char *const texts[] = { "", "<domain>", "<network/>",
                                         "<domain></network>" };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GPtrArray) nics =
            g_ptr_array_new_with_free_func(seen_nic_free);
        g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;

        cr_assert_not(seen_guest_xml(texts[i], nics, disks, &error));
        cr_assert_not_null(error);
    }
}
