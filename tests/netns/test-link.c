/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From an address to the interface by which it is reached.
 */
#include <criterion/criterion.h>
#include <net/if.h>
#include <string.h>

#include "netns.h"
#include "tc/link-devices.h"

#define MBIT 125000u

static Link
resolved(const char *address, const char *device)
{
    g_autoptr(GError) error = NULL;
    Link link;

    cr_assert(link_resolve(address, device, 50 * MBIT, &link, &error), "%s",
              error ? error->message : "");
    return link;
}

static void
refused(const char *address, const char *device, uint64_t rate_bytes_s,
        int code, const char *says)
{
    g_autoptr(GError) error = NULL;
    Link link = { .ifindex = 77 };

    cr_assert(!link_resolve(address, device, rate_bytes_s, &link, &error), "%s",
              address);
    cr_assert(g_error_matches(error, LINK_ERROR, code), "%s", error->message);
    cr_assert_not_null(strstr(error->message, says), "%s", error->message);
    cr_assert_eq(link.ifindex, 77, "untouched on failure");
}

Test(link, plain_routes)
{
    Link link;

    netns_enter();
    link = resolved(FAR4, NULL);
    cr_assert_str_eq(link.device, "near0");
    cr_assert_eq(link.ifindex, (int)if_nametoindex("near0"));
    cr_assert_str_eq(link.source, NEAR4);
    cr_assert_str_eq(link.destination, FAR4);
    cr_assert_str_eq(link.chain, FAR4 " -> near0");
    cr_assert(link.rate_declared);
    cr_assert_eq(link.rate_bytes_s, 50 * MBIT);

    link = resolved(FAR6, NULL);
    cr_assert_str_eq(link.device, "near0");
    cr_assert_str_eq(link.source, NEAR6);

    link = resolved("::ffff:" FAR4, NULL);
    cr_assert_str_eq(link.destination, FAR4);

    netns_sh("ip route add 10.50.0.0/16 via " FAR4);
    link = resolved("10.50.1.1", NULL);
    cr_assert_str_eq(link.device, "near0");
}

Test(link, refusals)
{
    netns_enter();
    refused("127.0.0.1", NULL, MBIT, LINK_ERROR_ROUTE, "this host itself");
    refused("::1", NULL, MBIT, LINK_ERROR_ROUTE, "this host itself");
    refused(NEAR4, NULL, MBIT, LINK_ERROR_ROUTE, "this host itself");
    refused("10.99.0.1", NULL, MBIT, LINK_ERROR_ROUTE, "no route");
    refused("no.such.name.invalid", NULL, MBIT, LINK_ERROR_ADDRESS,
            "--migrateuri");
    refused("", NULL, MBIT, LINK_ERROR_ADDRESS, "--migrateuri");
    refused(FAR4, "nosuch0", MBIT, LINK_ERROR_DEVICE, "nosuch0");
    refused(FAR4, "lo", MBIT, LINK_ERROR_DEVICE, "loopback");
    /* a veth says 10 Gbit/s whatever lies behind */
    refused(FAR4, NULL, 0, LINK_ERROR_RATE, "--link near0=RATE");
    netns_sh("ip route add blackhole 10.60.0.0/16");
    refused("10.60.0.1", NULL, MBIT, LINK_ERROR_ROUTE, "10.60.0.1");
    refused("224.0.0.5", NULL, MBIT, LINK_ERROR_ROUTE, "224.0.0.5");
}

/* Who only looks may do without the speed. */
Test(link, found_without_a_speed)
{
    g_autoptr(GError) error = NULL;
    Link link;

    netns_enter();
    cr_assert(link_find(FAR4, NULL, 0, &link, &error), "%s",
              error ? error->message : "");
    cr_expect_str_eq(link.device, "near0");
    cr_expect_eq(link.rate_bytes_s, 0);
    cr_expect(!link_find("127.0.0.1", NULL, 0, &link, NULL));
}

/* near0 becomes a port of br0, which takes its address. */
static void
make_bridge(const char *more)
{
    netns_enter();
    netns_sh("ip link add name br0 type bridge && "
             "ip addr flush dev near0 && "
             "ip link set dev near0 master br0 && "
             "ip addr add " NEAR4 "/24 dev br0 && ip link set dev br0 up && "
             "%s",
             more);
}

Test(link, bridge_with_one_uplink_and_taps)
{
    Link link;

    make_bridge("ip tuntap add dev vnet0 mode tap && "
                "ip link set dev vnet0 master br0");
    link = resolved(FAR4, NULL);
    cr_assert_str_eq(link.device, "near0");
    cr_assert_str_eq(link.chain, FAR4 " -> br0 -> near0");
}

Test(link, bridge_with_two_uplinks)
{
    Link link;

    make_bridge("ip link add name other0 type veth peer name other1 && "
                "ip link set dev other0 master br0 && "
                "ip link set dev other0 up && ip link set dev other1 up");
    refused(FAR4, NULL, MBIT, LINK_ERROR_DEVICE, "--link");
    link = resolved(FAR4, "near0");
    cr_assert_str_eq(link.device, "near0");
    /* once the bridge has heard of the next hop, it knows the port */
    netns_far("exec 3<>/dev/null; ip neigh flush dev far0");
    netns_sh("i=0; until bridge fdb show br br0 dev near0 | "
             "grep -v permanent | grep -q . && ip neigh show " FAR4
             " dev br0 | grep -q REACHABLE; do "
             "bash -c ': < /dev/tcp/" FAR4 "/9' 2>/dev/null; "
             "i=$((i+1)); [ $i -lt 100 ] || exit 1; done");
    link = resolved(FAR4, NULL);
    cr_assert_str_eq(link.device, "near0");
    cr_assert_str_eq(link.chain, FAR4 " -> br0 -> near0");
    /* behind a gateway it is the gateway's port that counts */
    netns_sh("ip route add 10.50.0.0/16 via " FAR4);
    link = resolved("10.50.1.1", NULL);
    cr_assert_str_eq(link.device, "near0");
}

/* Only hardware is believed, and what is made of hardware alone. */
Test(link, speeds)
{
    static const Device list[] = {
        { .name = "veth0", .ifindex = 1, .kind = "veth" },
        { .name = "bond0", .ifindex = 2, .kind = "bond" },
        { .name = "veth1", .ifindex = 3, .kind = "veth", .master = 2 },
        { .name = "loop0", .ifindex = 4, .kind = "vlan", .lower = 4 },
        { .name = "empty0", .ifindex = 5, .kind = "bond" },
        { .name = "lo", .ifindex = 6, .loopback = true },
        { .name = "nosuch0", .ifindex = 7 },
    };
    g_autoptr(GArray) devices = g_array_new(FALSE, TRUE, sizeof(Device));

    g_array_append_vals(devices, list, G_N_ELEMENTS(list));
    for (size_t i = 0; i < G_N_ELEMENTS(list); i++) {
        cr_assert_eq(link_device_bytes_s(devices, &list[i]), 0, "%s",
                     list[i].name);
    }
}

Test(link, counters)
{
    g_autoptr(GError) error = NULL;
    uint64_t before, after;
    Link link;

    netns_enter();
    link = resolved(FAR4, NULL);
    cr_assert(link_tx_bytes(&link, &before, &error));
    netns_fetch_s(8000, 100000);
    cr_assert(link_tx_bytes(&link, &after, &error));
    cr_assert_gt(after, before + 100000);
    cr_assert(link_check_rate(&link, before, after, 10, &error));
    cr_assert(!link_check_rate(&link, before, after, 0.001, &error));
    link.ifindex = 999;
    g_clear_error(&error);
    cr_assert(!link_tx_bytes(&link, &after, &error));
}
