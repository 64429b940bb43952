/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory-host.c - one host, read by a worker
 *
 * Counters of all its guests come in one call, descriptions in one each. What
 * libvirt cannot tell stays untold; only a host that cannot be connected to, or
 * does not list its guests, has not answered.
 *
 * Rates are differences against the reading before. A counter that went back,
 * for the guest was started anew or came from elsewhere, gives none.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "virt/inventory-priv.h"

/* Guests whose writing a reading has counted. */
#define MOST_BEGUN 4

/* --- the values --- */

static void
seen_guest_free(gpointer data)
{
    VirtSeenGuest *guest = data;

    g_free(guest->uuid);
    g_free(guest->name);
    g_ptr_array_unref(guest->nics);
    g_ptr_array_unref(guest->disks);
    g_free(guest->stays);
    g_free(guest->stays_kind);
    g_free(guest->metadata);
    g_free(guest->place);
    g_free(guest);
}

VirtSeenHost *
virt_seen_host_new(const char *uri, const char *why)
{
    VirtSeenHost *host = g_new0(VirtSeenHost, 1);

    host->uri = g_strdup(uri);
    host->why = g_strdup(why);
    host->pages = g_array_new(FALSE, FALSE, sizeof(VirtSeenPages));
    host->networks = g_ptr_array_new_with_free_func(g_free);
    host->guests = g_ptr_array_new_with_free_func(seen_guest_free);
    return host;
}

void
virt_seen_host_free(gpointer data)
{
    VirtSeenHost *host = data;

    if (!host) {
        return;
    }
    g_free(host->uri);
    g_free(host->why);
    g_free(host->host_name);
    g_free(host->arch);
    g_free(host->cpu_model);
    g_array_unref(host->pages);
    g_ptr_array_unref(host->networks);
    g_ptr_array_unref(host->guests);
    g_free(host);
}

bool
seen_has(const GPtrArray *texts, const char *text)
{
    for (guint i = 0; i < texts->len; i++) {
        if (!strcmp(texts->pdata[i], text)) {
            return true;
        }
    }
    return false;
}

/* --- connecting --- */

bool
seen_host_connect(SeenLink *link, GError **error)
{
    if (link->connection && virConnectIsAlive(link->connection) != 1) {
        virConnectClose(link->connection);
        link->connection = NULL;
        g_clear_pointer(&link->capabilities, g_free);
    }
    if (link->connection) {
        return true;
    }
    link->connection = virt_connect(link->uri, 0);
    if (!link->connection) {
        virt_error_take(error, NULL, VIRT_ERROR_CONNECT,
                        "connecting to libvirt at '%s' (is the daemon there "
                        "running, and reachable from here?)",
                        link->uri);
        return false;
    }
    return true;
}

/* --- the host itself --- */

static Known
rate(Known now, Known before, int64_t at_us, int64_t before_us)
{
    if (!now.known || !before.known || now.value < before.value ||
        at_us <= before_us) {
        return unknown();
    }
    return known((now.value - before.value) * 1e6 /
                 (double)(at_us - before_us));
}

static Known
host_cpu_s(virConnectPtr connection)
{
    int n = 0;
    double busy_ns = 0;
    bool any = false;

    if (virNodeGetCPUStats(connection, VIR_NODE_CPU_STATS_ALL_CPUS, NULL, &n,
                           0) < 0 ||
        n <= 0) {
        return unknown();
    }
    g_autofree virNodeCPUStats *stats = g_new0(virNodeCPUStats, n);
    if (virNodeGetCPUStats(connection, VIR_NODE_CPU_STATS_ALL_CPUS, stats, &n,
                           0) < 0) {
        return unknown();
    }
    for (int i = 0; i < n; i++) {
        if (!strcmp(stats[i].field, VIR_NODE_CPU_STATS_USER) ||
            !strcmp(stats[i].field, VIR_NODE_CPU_STATS_KERNEL)) {
            busy_ns += (double)stats[i].value;
            any = true;
        }
    }
    return any ? known(busy_ns / 1e9) : unknown();
}

/* Over all NUMA cells; cells that are not there end it. */
static void
read_pages(virConnectPtr connection, VirtSeenHost *host)
{
    for (guint i = 0; i < host->pages->len; i++) {
        VirtSeenPages *pages = &g_array_index(host->pages, VirtSeenPages, i);
        unsigned sizes[] = { (unsigned)(pages->page_bytes / 1024) };
        unsigned long long counts[1] = { 0 };

        for (int cell = 0; cell < 64; cell++) {
            if (virNodeGetFreePages(connection, 1, sizes, cell, 1, counts, 0) <
                0) {
                break;
            }
            pages->n_free += counts[0];
        }
    }
}

bool
seen_networks(virConnectPtr connection, GPtrArray *networks)
{
    virNetworkPtr *nets = NULL;
    virInterfacePtr *interfaces = NULL;
    int n = virConnectListAllNetworks(connection, &nets,
                                      VIR_CONNECT_LIST_NETWORKS_ACTIVE);

    for (int i = 0; i < n; i++) {
        g_ptr_array_add(networks, g_strdup_printf("network %s",
                                                  virNetworkGetName(nets[i])));
        virNetworkFree(nets[i]);
    }
    free(nets);
    n = virConnectListAllInterfaces(connection, &interfaces,
                                    VIR_CONNECT_LIST_INTERFACES_ACTIVE);
    for (int i = 0; i < n; i++) {
        const char *name = virInterfaceGetName(interfaces[i]);

        g_ptr_array_add(networks, g_strdup_printf("bridge %s", name));
        g_ptr_array_add(networks, g_strdup_printf("device %s", name));
        virInterfaceFree(interfaces[i]);
    }
    free(interfaces);
    virResetLastError();
    return n >= 0;
}

static void
read_host(SeenLink *link, VirtSeenHost *host)
{
    virNodeInfo info;
    Known cpu_s;

    if (!link->capabilities) {
        char *xml = virConnectGetCapabilities(link->connection);

        link->capabilities = g_strdup(xml);
        free(xml);
    }
    if (link->capabilities) {
        seen_host_xml(link->capabilities, host);
    }
    if (virNodeGetInfo(link->connection, &info) == 0) {
        host->cpus = info.cpus;
        host->memory_bytes = (uint64_t)info.memory * 1024;
        if (!host->cpu_model) {
            host->cpu_model = g_strndup(info.model, sizeof(info.model));
        }
    }
    virt_free_memory(link->connection, NULL, &host->free_bytes);
    read_pages(link->connection, host);
    host->networks_known = seen_networks(link->connection, host->networks);
    cpu_s = host_cpu_s(link->connection);
    host->at_us = clock_mono_us();
    host->cpu_cores =
        rate(cpu_s, link->host.cpu_s, host->at_us, link->host.at_us);
    link->host = (SeenBefore){ .at_us = host->at_us, .cpu_s = cpu_s };
}

/* --- its guests --- */

/* Sums over net.N.NAME; what has no such counter is left out. */
static Known
net_sum(virTypedParameterPtr params, int n, const char *name)
{
    unsigned count = 0;
    unsigned long long value;
    double sum = 0;
    bool any = false;

    if (virTypedParamsGetUInt(params, n, "net.count", &count) != 1) {
        return unknown();
    }
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *key = g_strdup_printf("net.%u.%s", i, name);

        if (virTypedParamsGetULLong(params, n, key, &value) == 1) {
            sum += (double)value;
            any = true;
        }
    }
    return any ? known(sum) : unknown();
}

static void
count_writes(SeenLink *link, virDomainStatsRecordPtr record,
             const SeenBefore *before, SeenBefore *now, VirtSeenGuest *guest)
{
    int window_s;

    if (before) {
        now->window_s = before->window_s;
        now->window_us = before->window_us;
        now->counted_us = before->counted_us;
        now->short_bytes = before->short_bytes;
        now->long_bytes = before->long_bytes;
    }
    if (link->count_every_us == 0 || link->cannot_count) {
        return;
    }
    seen_writes_read(record->params, record->nparams, now->at_us, now);
    guest->short_written_bytes = now->short_bytes;
    guest->long_written_bytes = now->long_bytes;
    window_s = seen_writes_next(now, link->count_every_us, now->at_us);
    if (window_s > 0 && !guest->job && guest->state == VIRT_STATE_RUNNING &&
        link->n_begun < MOST_BEGUN) {
        link->n_begun++;
        link->cannot_count =
            !seen_writes_begin(record->dom, window_s, now->at_us, now);
    }
    link->n_counted += now->window_s != 0;
}

static void
read_counters(SeenLink *link, GHashTable *kept, virDomainStatsRecordPtr record,
              VirtSeenGuest *guest)
{
    virTypedParameterPtr params = record->params;
    int n = record->nparams;
    const SeenBefore *before = g_hash_table_lookup(link->guests, guest->uuid);
    SeenBefore *now = g_new0(SeenBefore, 1);
    unsigned long long value;
    virDomainInfo info;

    now->at_us = clock_mono_us();
    if (virTypedParamsGetULLong(params, n, "cpu.time", &value) == 1) {
        now->cpu_s = known((double)value / 1e9);
    } else if (virDomainGetInfo(record->dom, &info) == 0) {
        now->cpu_s = known((double)info.cpuTime / 1e9);
    }
    now->sent_bytes = net_sum(params, n, "tx.bytes");
    now->received_bytes = net_sum(params, n, "rx.bytes");
    if (before) {
        guest->cpu_cores =
            rate(now->cpu_s, before->cpu_s, now->at_us, before->at_us);
        guest->sent_bytes_s = rate(now->sent_bytes, before->sent_bytes,
                                   now->at_us, before->at_us);
        guest->received_bytes_s =
            rate(now->received_bytes, before->received_bytes, now->at_us,
                 before->at_us);
    }
    if (virTypedParamsGetULLong(params, n, "balloon.current", &value) == 1) {
        guest->balloon_bytes = value * 1024;
    }
    if (guest->hugepage_bytes == 0 &&
        virTypedParamsGetULLong(params, n, "balloon.rss", &value) == 1) {
        guest->resident_bytes = value * 1024;
    }
    count_writes(link, record, before, now, guest);
    g_hash_table_replace(kept, g_strdup(guest->uuid), now);
}

static void
read_obstacles(virDomainPtr domain, const char *xml, bool local,
               VirtSeenGuest *guest)
{
    VirtLeavingSpec spec = { .storage_of = local ? virt_storage_of : NULL };
    g_autoptr(VirtLeaving) leaving = virt_leaving_parse(xml, &spec, NULL);
    int flag = 0, snapshots;

    if (leaving && leaving->obstacles->len > 0) {
        const VirtObstacle *first = leaving->obstacles->pdata[0];

        guest->stays = g_strdup(first->text);
        guest->stays_kind = g_strdup(virt_obstacle_name(first->kind));
    }
    snapshots = virDomainSnapshotNum(domain, 0);
    if (!guest->stays && snapshots > 0) {
        guest->stays = g_strdup_printf("it has %d snapshot%s, with which "
                                       "libvirt does not migrate",
                                       snapshots, snapshots == 1 ? "" : "s");
        guest->stays_kind =
            g_strdup(virt_obstacle_name(VIRT_OBSTACLE_SNAPSHOTS));
    }
    guest->autostart = virDomainGetAutostart(domain, &flag) == 0 && flag;
    guest->persistent = virDomainIsPersistent(domain) == 1;
    guest->job = virt_has_job(domain);
}

/* NULL: it ended meanwhile. */
static VirtSeenGuest *
read_guest(virDomainPtr domain, bool local)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    g_autoptr(VirtGuestInfo) info =
        xml ? virt_guest_info_parse(xml, NULL) : NULL;
    VirtSeenGuest *guest;
    char *metadata;

    if (!info) {
        free(xml);
        return NULL;
    }
    guest = g_new0(VirtSeenGuest, 1);
    guest->nics = g_ptr_array_new_with_free_func(seen_nic_free);
    guest->disks = g_ptr_array_new_with_free_func(g_free);
    guest->uuid = g_strdup(info->uuid);
    guest->name = g_strdup(info->name);
    guest->vcpus = info->vcpus;
    guest->memory_bytes = info->memory_bytes;
    guest->balloon_bytes = info->memory_bytes;
    guest->hugepage_bytes = info->hugepage_bytes;
    guest->state = virt_state_of(domain);
    seen_guest_xml(xml, guest->nics, guest->disks, NULL);
    read_obstacles(domain, xml, local, guest);
    free(xml);
    metadata = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                    VIRT_GUEST_METADATA, 0);
    guest->metadata = g_strdup(metadata);
    free(metadata);
    metadata = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                    VIRT_PLACE_METADATA, 0);
    guest->place = g_strdup(metadata);
    free(metadata);
    return guest;
}

static int
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(VirtSeenGuest *const *)a)->name,
                  (*(VirtSeenGuest *const *)b)->name);
}

static void
note_networks(VirtSeenHost *host, const VirtSeenGuest *guest)
{
    for (guint i = 0; i < guest->nics->len; i++) {
        const VirtSeenNic *nic = guest->nics->pdata[i];

        if (nic->network && !seen_has(host->networks, nic->network)) {
            g_ptr_array_add(host->networks, g_strdup(nic->network));
        }
    }
}

static int
get_stats(SeenLink *link, unsigned more, virDomainStatsRecordPtr **records)
{
    return virConnectGetAllDomainStats(
        link->connection,
        VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL |
            VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_INTERFACE | more,
        records,
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
            VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
}

static bool
read_guests(SeenLink *link, VirtSeenHost *host, GError **error)
{
    virDomainStatsRecordPtr *records = NULL;
    GHashTable *kept =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    int n = -1, stopped;

    if (link->n_counted > 0) {
        n = get_stats(link, VIR_DOMAIN_STATS_DIRTYRATE, &records);
        link->cannot_count = n < 0;
    }
    if (n < 0) {
        n = get_stats(link, 0, &records);
    }
    link->n_begun = link->n_counted = 0;
    if (n < 0) {
        g_hash_table_unref(kept);
        virt_error_take(error, link->connection, VIRT_ERROR_FAILED,
                        "listing the guests of '%s'", link->uri);
        return false;
    }
    for (int i = 0; i < n; i++) {
        VirtSeenGuest *guest =
            read_guest(records[i]->dom, host->local == VIRT_LOCAL_YES);

        if (guest) {
            read_counters(link, kept, records[i], guest);
            note_networks(host, guest);
            g_ptr_array_add(host->guests, guest);
        }
    }
    virDomainStatsRecordListFree(records);
    g_hash_table_unref(link->guests);
    link->guests = kept;
    g_ptr_array_sort(host->guests, by_name);
    stopped = virConnectNumOfDefinedDomains(link->connection);
    host->n_stopped = stopped > 0 ? (unsigned)stopped : 0;
    virResetLastError();
    return true;
}

VirtSeenHost *
seen_host_read(SeenLink *link)
{
    int64_t begun_us = clock_mono_us();
    VirtSeenHost *host = virt_seen_host_new(link->uri, NULL);
    g_autoptr(GError) error = NULL;

    if (seen_host_connect(link, &error)) {
        char *name = virConnectGetHostname(link->connection);

        host->host_name = g_strdup(name);
        free(name);
        host->local = virt_local(link->uri);
        read_host(link, host);
        host->answered = read_guests(link, host, &error);
    }
    if (error) {
        VirtSeenHost *empty = virt_seen_host_new(link->uri, error->message);

        virt_seen_host_free(host);
        host = empty;
    }
    host->took_s = (double)(clock_mono_us() - begun_us) / 1e6;
    return host;
}
