/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link.c - from an address to the interface to shape; see link.h
 *
 *   name -> number         getaddrinfo(), the first one that has a route
 *   number -> interface    the kernel's own answer to "route get"
 *   bridge -> port         the next hop's MAC in the neighbour table, then the
 *                          port behind which the bridge has seen that MAC
 *
 * A bridge that has not talked to the next hop yet knows no such port. If all
 * its ports but one are taps, that one is the uplink; otherwise we ask.
 * Bonds and VLAN devices are shaped themselves, not what they are made of.
 */
#include "tc/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/units.h"
#include "tc/link-devices.h"

G_DEFINE_QUARK(vmferry_link_error, link_error)

#define BYTES_S_PER_MBIT 125000u
#define DEPTH_MAX 4 /* VLAN on bond on ...: deeper is a loop */

typedef struct {
    int family;
    uint8_t bytes[16];
    unsigned length; /* 4 or 16 */
    uint32_t scope;  /* of an IPv6 link-local address: its interface */
} Address;

typedef struct {
    unsigned type; /* RTN_* */
    int ifindex;
    Address next_hop; /* the gateway, or the destination itself */
    Address source;   /* length 0: not told */
} Route;

static bool
address_take(Address *address, const struct sockaddr *from)
{
    memset(address, 0, sizeof(*address));
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;

        address->family = AF_INET;
        address->length = 4;
        memcpy(address->bytes, &in->sin_addr, 4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            address->family = AF_INET;
            address->length = 4;
            memcpy(address->bytes, in6->sin6_addr.s6_addr + 12, 4);
            return true;
        }
        address->family = AF_INET6;
        address->length = 16;
        address->scope = in6->sin6_scope_id;
        memcpy(address->bytes, &in6->sin6_addr, 16);
        return true;
    }
    return false;
}

static void
address_format(const Address *address, char text[46])
{
    text[0] = '\0';
    if (address->length) {
        inet_ntop(address->family, address->bytes, text, 46);
    }
}

static void
put_attribute(struct nl_msg *message, int type, const void *data,
              unsigned length)
{
    if (nla_put(message, type, (int)length, data) < 0) {
        g_error("netlink: message too long");
    }
}

static void
address_from_attribute(Address *address, int family, struct nlattr *attribute)
{
    if (attribute && nla_len(attribute) >= (family == AF_INET ? 4 : 16)) {
        address->family = family;
        address->length = family == AF_INET ? 4 : 16;
        memcpy(address->bytes, nla_data(attribute), address->length);
    }
}

static bool
route_take(struct nlmsghdr *answer, void *data, GError **error)
{
    Route *route = data;
    struct rtmsg *header = nlmsg_data(answer);
    struct nlattr *in[RTA_MAX + 1];

    if (answer->nlmsg_type != RTM_NEWROUTE ||
        nlmsg_parse(answer, sizeof(*header), in, RTA_MAX, NULL) < 0) {
        return true;
    }
    route->type = header->rtm_type;
    if (in[RTA_OIF]) {
        route->ifindex = (int)nla_get_u32(in[RTA_OIF]);
    }
    address_from_attribute(&route->next_hop, header->rtm_family,
                           in[RTA_GATEWAY]);
    address_from_attribute(&route->source, header->rtm_family, in[RTA_PREFSRC]);
    if (in[RTA_VIA] && nla_len(in[RTA_VIA]) >= 2) {
        /* an IPv4 route by an IPv6 gateway */
        struct rtvia *via = nla_data(in[RTA_VIA]);
        unsigned length = (unsigned)nla_len(in[RTA_VIA]) -
                          (unsigned)offsetof(struct rtvia, rtvia_addr);

        if (length == 4 || length == 16) {
            route->next_hop.family = via->rtvia_family;
            route->next_hop.length = length;
            memcpy(route->next_hop.bytes, via->rtvia_addr, length);
        }
    }
    return true;
}

static bool
route_get(KernelSocket *kernel, const Address *address, Route *route,
          GError **error)
{
    struct rtmsg header = {
        .rtm_family = (unsigned char)address->family,
        .rtm_dst_len = (unsigned char)(address->length * 8),
    };
    struct nl_msg *message =
        kernel_message(RTM_GETROUTE, 0, &header, sizeof(header));

    memset(route, 0, sizeof(*route));
    route->next_hop = *address;
    put_attribute(message, RTA_DST, address->bytes, address->length);
    if (address->scope) {
        put_attribute(message, RTA_OIF, &address->scope, sizeof(uint32_t));
    }
    return kernel_ask(kernel, message, route_take, route, error);
}

/* Resolves the name; of several numbers the first with a route is taken. */
static bool
link_route(KernelSocket *kernel, const char *name, Link *link, Route *route,
           GError **error)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    g_autoptr(GError) local = NULL;
    bool found = false;
    int code;

    code = getaddrinfo(name, NULL, &hints, &list);
    if (code) {
        g_set_error(
            error, LINK_ERROR, LINK_ERROR_ADDRESS,
            "data address '%s': %s; give a number with "
            "--migrateuri tcp://ADDRESS",
            name, code == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(code));
        return false;
    }
    for (struct addrinfo *one = list; one && !found; one = one->ai_next) {
        Address address;

        if (!address_take(&address, one->ai_addr)) {
            continue;
        }
        g_clear_error(&local);
        found = route_get(kernel, &address, route, &local);
        if (found) {
            address_format(&address, link->destination);
            address_format(&route->source, link->source);
        }
    }
    freeaddrinfo(list);
    if (!found) {
        g_set_error(error, LINK_ERROR, LINK_ERROR_ROUTE,
                    "no route to the data address '%s': %s; see ip route get "
                    "%s",
                    name, local ? local->message : "no address of it is IP",
                    name);
        return false;
    }
    return true;
}

typedef struct {
    const Address *next_hop;
    int ifindex;
    uint8_t mac[6];
    bool found;
} Neighbour;

static bool
neighbour_take(struct nlmsghdr *answer, void *data, GError **error)
{
    Neighbour *neighbour = data;
    struct ndmsg *header = nlmsg_data(answer);
    struct nlattr *in[NDA_MAX + 1];

    if (answer->nlmsg_type != RTM_NEWNEIGH ||
        nlmsg_parse(answer, sizeof(*header), in, NDA_MAX, NULL) < 0 ||
        header->ndm_ifindex != neighbour->ifindex || !in[NDA_DST] ||
        !in[NDA_LLADDR] || nla_len(in[NDA_LLADDR]) != 6 ||
        header->ndm_state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP) ||
        header->ndm_state == NUD_NONE ||
        nla_len(in[NDA_DST]) != (int)neighbour->next_hop->length ||
        memcmp(nla_data(in[NDA_DST]), neighbour->next_hop->bytes,
               neighbour->next_hop->length) != 0) {
        return true;
    }
    memcpy(neighbour->mac, nla_data(in[NDA_LLADDR]), 6);
    neighbour->found = true;
    return true;
}

typedef struct {
    const uint8_t *mac;
    int bridge;
    int port;
} Forwarding;

static bool
forwarding_take(struct nlmsghdr *answer, void *data, GError **error)
{
    Forwarding *forwarding = data;
    struct ndmsg *header = nlmsg_data(answer);
    struct nlattr *in[NDA_MAX + 1];

    if (answer->nlmsg_type == RTM_NEWNEIGH &&
        nlmsg_parse(answer, sizeof(*header), in, NDA_MAX, NULL) >= 0 &&
        in[NDA_LLADDR] && nla_len(in[NDA_LLADDR]) == 6 &&
        memcmp(nla_data(in[NDA_LLADDR]), forwarding->mac, 6) == 0 &&
        in[NDA_MASTER] &&
        nla_get_u32(in[NDA_MASTER]) == (uint32_t)forwarding->bridge &&
        header->ndm_ifindex != forwarding->bridge &&
        !(header->ndm_state & NUD_PERMANENT)) {
        forwarding->port = header->ndm_ifindex;
    }
    return true;
}

/* The port by which the bridge reaches the next hop, 0: not known. */
static int
bridge_port_seen(KernelSocket *kernel, int bridge, const Address *next_hop)
{
    struct ndmsg header = { .ndm_family = (uint8_t)next_hop->family };
    Neighbour neighbour = { .next_hop = next_hop, .ifindex = bridge };
    Forwarding forwarding = { .mac = neighbour.mac, .bridge = bridge };

    if (!kernel_dump(kernel,
                     kernel_message(RTM_GETNEIGH, 0, &header, sizeof(header)),
                     neighbour_take, &neighbour, NULL) ||
        !neighbour.found) {
        return 0;
    }
    header.ndm_family = AF_BRIDGE;
    if (!kernel_dump(kernel,
                     kernel_message(RTM_GETNEIGH, 0, &header, sizeof(header)),
                     forwarding_take, &forwarding, NULL)) {
        return 0;
    }
    return forwarding.port;
}

/* Its only port that is no guest's, 0: there are several, or none. */
static int
bridge_port_only(GArray *devices, int bridge)
{
    int port = 0;

    for (guint i = 0; i < devices->len; i++) {
        const Device *device = &g_array_index(devices, Device, i);

        if (device->master == bridge && strcmp(device->kind, "tun") != 0 &&
            !g_str_has_prefix(device->name, "vnet")) {
            if (port) {
                return 0;
            }
            port = device->ifindex;
        }
    }
    return port;
}

static const Device *
devices_find(GArray *devices, int ifindex)
{
    for (guint i = 0; i < devices->len; i++) {
        const Device *device = &g_array_index(devices, Device, i);

        if (device->ifindex == ifindex) {
            return device;
        }
    }
    return NULL;
}

/* The kernel's figure, 0 if it has none. */
static uint64_t
ethtool_bytes_s(const char *device)
{
    struct ethtool_cmd settings = { .cmd = ETHTOOL_GSET };
    struct ifreq request = { .ifr_data = (char *)&settings };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint32_t mbit_s = 0;

    if (fd < 0) {
        return 0;
    }
    g_strlcpy(request.ifr_name, device, sizeof(request.ifr_name));
    if (ioctl(fd, SIOCETHTOOL, &request) == 0) {
        mbit_s = ethtool_cmd_speed(&settings);
    }
    close(fd);
    /* "unknown" is -1, and old drivers say it with 16 bits */
    return mbit_s == UINT32_MAX || mbit_s == UINT16_MAX
               ? 0
               : (uint64_t)mbit_s * BYTES_S_PER_MBIT;
}

/* Hardware is believed; a bond or VLAN if all it is made of is. */
static bool
device_speed_counts(GArray *devices, const Device *device, int depth)
{
    bool members = false;

    if (depth > DEPTH_MAX || device->loopback) {
        return false;
    }
    if (device->kind[0] == '\0') {
        return true;
    }
    if (strcmp(device->kind, "vlan") == 0) {
        const Device *lower = devices_find(devices, device->lower);

        return lower && device_speed_counts(devices, lower, depth + 1);
    }
    if (strcmp(device->kind, "bond") == 0 ||
        strcmp(device->kind, "team") == 0) {
        for (guint i = 0; i < devices->len; i++) {
            const Device *member = &g_array_index(devices, Device, i);

            if (member->master == device->ifindex) {
                if (!device_speed_counts(devices, member, depth + 1)) {
                    return false;
                }
                members = true;
            }
        }
    }
    return members;
}

uint64_t
link_device_bytes_s(GArray *devices, const Device *device)
{
    return device_speed_counts(devices, device, 0)
               ? ethtool_bytes_s(device->name)
               : 0;
}

static void
chain_add(Link *link, const char *name)
{
    size_t used = strlen(link->chain);

    g_snprintf(link->chain + used, sizeof(link->chain) - used, "%s%s",
               used ? " -> " : "", name);
}

static bool
link_choose(KernelSocket *kernel, GArray *devices, const char *named,
            const Route *route, Link *link, GError **error)
{
    const Device *device = devices_find(devices, route->ifindex);
    int port;

    if (route->type == RTN_LOCAL || (device && device->loopback)) {
        g_set_error(error, LINK_ERROR, LINK_ERROR_ROUTE,
                    "%s is this host itself; give the destination's address "
                    "with --migrateuri tcp://ADDRESS",
                    link->destination);
        return false;
    }
    if (route->type != RTN_UNICAST || !device) {
        g_set_error(error, LINK_ERROR, LINK_ERROR_ROUTE,
                    "no migration can reach %s by its route (type %u)",
                    link->destination, route->type);
        return false;
    }

    chain_add(link, link->destination);
    if (named) {
        device = NULL;
        for (guint i = 0; i < devices->len && !device; i++) {
            if (strcmp(g_array_index(devices, Device, i).name, named) == 0) {
                device = &g_array_index(devices, Device, i);
            }
        }
        if (!device || device->loopback) {
            g_set_error(error, LINK_ERROR, LINK_ERROR_DEVICE,
                        device ? "'%s' is the loopback device and leads "
                                 "nowhere"
                               : "there is no interface '%s' here; see ip "
                                 "link",
                        named);
            return false;
        }
    } else if (strcmp(device->kind, "bridge") == 0) {
        chain_add(link, device->name);
        port = bridge_port_seen(kernel, device->ifindex, &route->next_hop);
        if (!port) {
            port = bridge_port_only(devices, device->ifindex);
        }
        if (!port || !devices_find(devices, port)) {
            g_set_error(error, LINK_ERROR, LINK_ERROR_DEVICE,
                        "%s is reached by bridge %s, but by which of its "
                        "ports is not known yet; name it with --link "
                        "DEV=RATE, or ping the destination once",
                        link->destination, device->name);
            return false;
        }
        device = devices_find(devices, port);
    } else if (strcmp(device->kind, "openvswitch") == 0) {
        g_set_error(error, LINK_ERROR, LINK_ERROR_DEVICE,
                    "%s is reached by %s of Open vSwitch; name its uplink "
                    "with --link DEV=RATE",
                    link->destination, device->name);
        return false;
    }

    chain_add(link, device->name);
    g_strlcpy(link->device, device->name, sizeof(link->device));
    link->ifindex = device->ifindex;
    memcpy(link->mac, device->mac, sizeof(link->mac));
    return true;
}

/* @kind: of the interface that was chosen, for a message */
static bool
link_look(const char *address, const char *device, uint64_t rate_bytes_s,
          Link *link, char kind[16], GError **error)
{
    g_autoptr(KernelSocket) kernel = kernel_open(NETLINK_ROUTE, error);
    g_autoptr(GArray) devices = NULL;
    const Device *chosen;
    Link found = { 0 };
    Route route;

    if (!kernel || !link_route(kernel, address, &found, &route, error)) {
        return false;
    }
    devices = device_list(kernel, error);
    if (!devices ||
        !link_choose(kernel, devices, device, &route, &found, error)) {
        return false;
    }
    chosen = devices_find(devices, found.ifindex);
    found.rate_declared = rate_bytes_s != 0;
    found.rate_bytes_s =
        rate_bytes_s ? rate_bytes_s : link_device_bytes_s(devices, chosen);
    g_strlcpy(kind, chosen->kind, 16);
    *link = found;
    return true;
}

bool
link_find(const char *address, const char *device, uint64_t rate_bytes_s,
          Link *link, GError **error)
{
    char kind[16];

    return link_look(address, device, rate_bytes_s, link, kind, error);
}

bool
link_resolve(const char *address, const char *device, uint64_t rate_bytes_s,
             Link *link, GError **error)
{
    Link found;
    char kind[16];

    if (!link_look(address, device, rate_bytes_s, &found, kind, error)) {
        return false;
    }
    if (!found.rate_bytes_s) {
        g_set_error(error, LINK_ERROR, LINK_ERROR_RATE,
                    "the speed of %s (%s) is not known: %s; declare it with "
                    "--link %s=RATE, for example --link %s=1gbit",
                    found.device, found.chain,
                    kind[0] ? kind : "the driver does not say", found.device,
                    found.device);
        return false;
    }
    *link = found;
    return true;
}

uint64_t
link_speed(const char *device)
{
    g_autoptr(KernelSocket) kernel = kernel_open(NETLINK_ROUTE, NULL);
    g_autoptr(GArray) devices = kernel ? device_list(kernel, NULL) : NULL;

    for (guint i = 0; devices && i < devices->len; i++) {
        const Device *one = &g_array_index(devices, Device, i);

        if (strcmp(one->name, device) == 0) {
            return link_device_bytes_s(devices, one);
        }
    }
    return 0;
}

bool
link_tx_bytes(const Link *link, uint64_t *bytes, GError **error)
{
    g_autoptr(KernelSocket) kernel = kernel_open(NETLINK_ROUTE, error);
    Device device;

    if (!kernel) {
        return false;
    }
    if (!device_get(kernel, NULL, link->ifindex, &device, error)) {
        g_prefix_error(error, "reading the counters of %s: ", link->device);
        return false;
    }
    *bytes = device.tx_bytes;
    return true;
}

bool
link_check_rate(const Link *link, uint64_t before_bytes, uint64_t after_bytes,
                double seconds, GError **error)
{
    double used_bytes_s;

    /* counters that went back tell nothing: the device was made anew */
    if (!(seconds > 0) || after_bytes < before_bytes) {
        return true;
    }
    used_bytes_s = (double)(after_bytes - before_bytes) / seconds;
    if (used_bytes_s > (double)link->rate_bytes_s * LINK_CHECK_SLACK) {
        g_autofree char *used = units_format_rate(used_bytes_s);
        g_autofree char *rate = units_format_rate((double)link->rate_bytes_s);

        g_set_error(error, LINK_ERROR, LINK_ERROR_RATE,
                    "%s sends %s at this moment, more than the %s that it is "
                    "said to carry; declare the true rate with --link "
                    "%s=RATE (mind the unit)",
                    link->device, used, rate, link->device);
        return false;
    }
    return true;
}
