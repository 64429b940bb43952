/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * local.c - is that daemon in our network namespace?
 *
 * Shaping works on the NICs that this process sees, so they had better be the
 * ones of the host that sends. Names do not tell: a host name may resolve to
 * anything, and hosts in namespaces share one machine. What does:
 *
 *  - an address in the URI. If one of our interfaces has it, whoever answers
 *    there answers from inside this network namespace;
 *  - no address: libvirt's unix socket. The kernel names the process that
 *    listens (under systemd, pid 1), and /proc its network namespace.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "virt/virt-priv.h"

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
    if (!a || !b || a->sa_family != b->sa_family) {
        return false;
    }
    if (a->sa_family == AF_INET) {
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    }
    return a->sa_family == AF_INET6 &&
           !memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                   &((const struct sockaddr_in6 *)b)->sin6_addr,
                   sizeof(struct in6_addr));
}

/* All of 127/8 is ours, not only the one address that lo carries. */
static bool
is_loopback(const struct sockaddr *address)
{
    return address->sa_family == AF_INET &&
           ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >>
                   24 ==
               127;
}

static VirtLocal
local_by_address(const char *name)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    struct ifaddrs *ours = NULL;
    VirtLocal local = VIRT_LOCAL_UNKNOWN;

    if (getaddrinfo(name, NULL, &hints, &found) != 0) {
        return VIRT_LOCAL_UNKNOWN;
    }
    if (getifaddrs(&ours) == 0) {
        local = VIRT_LOCAL_NO;
        for (struct addrinfo *a = found; a; a = a->ai_next) {
            if (is_loopback(a->ai_addr)) {
                local = VIRT_LOCAL_YES;
            }
            for (struct ifaddrs *o = ours; o; o = o->ifa_next) {
                if (same_address(a->ai_addr, o->ifa_addr)) {
                    local = VIRT_LOCAL_YES;
                }
            }
        }
        freeifaddrs(ours);
    }
    freeaddrinfo(found);
    return local;
}

static bool
listener_pid(const char *path, pid_t *pid)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct ucred peer;
    socklen_t length = sizeof(peer);
    bool found = false;
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return false;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
        peer.pid > 0) {
        *pid = peer.pid;
        found = true;
    }
    close(fd);
    return found;
}

static VirtLocal
local_by_socket(const char *driver, const char *socket_path)
{
    g_autofree char *modular =
        g_strdup_printf("/run/libvirt/virt%sd-sock", driver);
    const char *candidates[] = { socket_path ? socket_path : modular,
                                 socket_path ? NULL
                                             : "/run/libvirt/libvirt-sock" };
    pid_t pid;

    for (size_t i = 0; i < G_N_ELEMENTS(candidates); i++) {
        g_autofree char *path = NULL;
        struct stat ours, theirs;

        if (!candidates[i] || !listener_pid(candidates[i], &pid)) {
            continue;
        }
        path = g_strdup_printf("/proc/%d/ns/net", (int)pid);
        if (stat("/proc/self/ns/net", &ours) != 0 || stat(path, &theirs) != 0) {
            return VIRT_LOCAL_UNKNOWN;
        }
        return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev
                   ? VIRT_LOCAL_YES
                   : VIRT_LOCAL_NO;
    }
    return VIRT_LOCAL_UNKNOWN;
}

VirtLocal
virt_local(const char *text)
{
    g_autoptr(GUri) uri =
        text ? g_uri_parse(text, G_URI_FLAGS_NONE, NULL) : NULL;
    g_autoptr(GHashTable) query = NULL;
    g_autofree char *driver = NULL;
    const char *host, *plus;

    if (!uri) {
        return VIRT_LOCAL_UNKNOWN;
    }
    plus = strchr(g_uri_get_scheme(uri), '+');
    driver =
        plus ? g_strndup(g_uri_get_scheme(uri), plus - g_uri_get_scheme(uri))
             : g_strdup(g_uri_get_scheme(uri));
    if (!plus && !strcmp(driver, "test")) {
        return VIRT_LOCAL_YES; /* lives in this process */
    }
    host = g_uri_get_host(uri);
    if (host && *host) {
        return local_by_address(host);
    }
    if (!strcmp(g_uri_get_path(uri), "/session")) {
        return VIRT_LOCAL_YES; /* a child of this user's own programs */
    }
    if (g_uri_get_query(uri)) {
        query = g_uri_parse_params(g_uri_get_query(uri), -1, "&",
                                   G_URI_PARAMS_NONE, NULL);
    }
    return local_by_socket(driver,
                           query ? g_hash_table_lookup(query, "socket") : NULL);
}
