/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shaper-nl-read.c - reading what is on a link; see shaper-nl.h
 *
 * Dumps are of one moment only as far as the kernel says so: when something
 * changes while one is read it is marked, and we read again.
 */
#include "tc/shaper-nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#define READ_TRIES 10

typedef struct {
    Snapshot *snapshot;
    int ifindex;
} Reading;

void
snapshot_free(Snapshot *snapshot)
{
    if (snapshot) {
        g_array_unref(snapshot->qdiscs);
        g_array_unref(snapshot->classes);
        g_array_unref(snapshot->stats);
        g_array_unref(snapshot->filters);
        g_free(snapshot);
    }
}

static void
snapshot_filter_clear(SnapshotFilter *filter)
{
    shaper_filter_clear(&filter->filter);
}

static Snapshot *
snapshot_new(void)
{
    Snapshot *snapshot = g_new0(Snapshot, 1);

    snapshot->qdiscs = g_array_new(FALSE, TRUE, sizeof(SnapshotQdisc));
    snapshot->classes = g_array_new(FALSE, TRUE, sizeof(ShaperClass));
    snapshot->stats = g_array_new(FALSE, TRUE, sizeof(ClassStats));
    snapshot->filters = g_array_new(FALSE, TRUE, sizeof(SnapshotFilter));
    g_array_set_clear_func(snapshot->filters,
                           (GDestroyNotify)snapshot_filter_clear);
    return snapshot;
}

const ShaperClass *
snapshot_class(const Snapshot *snapshot, uint32_t id, const ClassStats **stats)
{
    for (guint i = 0; i < snapshot->classes->len; i++) {
        const ShaperClass *class_ =
            &g_array_index(snapshot->classes, ShaperClass, i);

        if (class_->id == id) {
            if (stats) {
                *stats = &g_array_index(snapshot->stats, ClassStats, i);
            }
            return class_;
        }
    }
    return NULL;
}

/* Header and attributes of an answer about our link, false: not for us. */
static bool
reading_parse(const Reading *reading, struct nlmsghdr *answer, int type,
              struct tcmsg **header, struct nlattr **in)
{
    if (answer->nlmsg_type != type ||
        nlmsg_parse(answer, sizeof(**header), in, TCA_MAX, NULL) < 0) {
        return false;
    }
    *header = nlmsg_data(answer);
    return (*header)->tcm_ifindex == reading->ifindex && in[TCA_KIND];
}

static bool
qdisc_take(struct nlmsghdr *answer, void *data, GError **error)
{
    Reading *reading = data;
    struct nlattr *in[TCA_MAX + 1], *htb[TCA_HTB_MAX + 1];
    struct tcmsg *header;
    SnapshotQdisc qdisc = { 0 };

    if (!reading_parse(reading, answer, RTM_NEWQDISC, &header, in) ||
        header->tcm_parent == TC_H_INGRESS) {
        return true;
    }
    g_strlcpy(qdisc.kind, nla_get_string(in[TCA_KIND]), sizeof(qdisc.kind));
    qdisc.handle = header->tcm_handle;
    qdisc.parent = header->tcm_parent;
    if (qdisc.parent != TC_H_ROOT) {
        g_array_append_val(reading->snapshot->qdiscs, qdisc);
        return true;
    }
    reading->snapshot->root = qdisc;
    if (strcmp(qdisc.kind, "htb") == 0 && in[TCA_OPTIONS] &&
        nla_parse_nested(htb, TCA_HTB_MAX, in[TCA_OPTIONS], NULL) == 0 &&
        htb[TCA_HTB_INIT] &&
        nla_len(htb[TCA_HTB_INIT]) >= (int)sizeof(struct tc_htb_glob)) {
        struct tc_htb_glob *glob = nla_data(htb[TCA_HTB_INIT]);

        reading->snapshot->root_default = glob->defcls;
    }
    return true;
}

static void
stats_take(struct nlattr *nested, ClassStats *stats)
{
    struct nlattr *in[TCA_STATS_MAX + 1];

    if (nla_parse_nested(in, TCA_STATS_MAX, nested, NULL) < 0) {
        return;
    }
    /* copied, for 64-bit attributes are aligned to 4 only */
    if (in[TCA_STATS_BASIC]) {
        struct gnet_stats_basic basic = { 0 };

        memcpy(&basic, nla_data(in[TCA_STATS_BASIC]),
               MIN((size_t)nla_len(in[TCA_STATS_BASIC]), sizeof(basic)));
        stats->bytes = basic.bytes;
        stats->packets = basic.packets;
    }
    if (in[TCA_STATS_PKT64] &&
        nla_len(in[TCA_STATS_PKT64]) >= (int)sizeof(uint64_t)) {
        memcpy(&stats->packets, nla_data(in[TCA_STATS_PKT64]),
               sizeof(uint64_t));
    }
    if (in[TCA_STATS_QUEUE]) {
        struct gnet_stats_queue queue = { 0 };

        memcpy(&queue, nla_data(in[TCA_STATS_QUEUE]),
               MIN((size_t)nla_len(in[TCA_STATS_QUEUE]), sizeof(queue)));
        stats->drops = queue.drops;
        stats->overlimits = queue.overlimits;
        stats->backlog_bytes = queue.backlog;
    }
}

static bool
class_take(struct nlmsghdr *answer, void *data, GError **error)
{
    Reading *reading = data;
    struct nlattr *in[TCA_MAX + 1], *htb[TCA_HTB_MAX + 1];
    struct tcmsg *header;
    struct tc_htb_opt opt;
    ShaperClass class_ = { 0 };
    ClassStats stats = { 0 };

    if (!reading_parse(reading, answer, RTM_NEWTCLASS, &header, in) ||
        strcmp(nla_get_string(in[TCA_KIND]), "htb") != 0 || !in[TCA_OPTIONS] ||
        nla_parse_nested(htb, TCA_HTB_MAX, in[TCA_OPTIONS], NULL) < 0 ||
        !htb[TCA_HTB_PARMS] || nla_len(htb[TCA_HTB_PARMS]) < (int)sizeof(opt)) {
        return true;
    }
    memcpy(&opt, nla_data(htb[TCA_HTB_PARMS]), sizeof(opt));
    class_.id = header->tcm_handle;
    class_.parent = header->tcm_parent == TC_H_ROOT
                        ? TC_H_MAJ(header->tcm_handle)
                        : header->tcm_parent;
    class_.rate_bytes_s = opt.rate.rate;
    class_.ceil_bytes_s = opt.ceil.rate;
    if (htb[TCA_HTB_RATE64]) {
        memcpy(&class_.rate_bytes_s, nla_data(htb[TCA_HTB_RATE64]),
               sizeof(uint64_t));
    }
    if (htb[TCA_HTB_CEIL64]) {
        memcpy(&class_.ceil_bytes_s, nla_data(htb[TCA_HTB_CEIL64]),
               sizeof(uint64_t));
    }
    class_.burst_ticks = opt.buffer;
    class_.cburst_ticks = opt.cbuffer;
    class_.quantum_bytes = opt.quantum;
    class_.prio = opt.prio;
    class_.inner = opt.level > 0;
    for (guint i = 0; i < reading->snapshot->qdiscs->len; i++) {
        const SnapshotQdisc *qdisc =
            &g_array_index(reading->snapshot->qdiscs, SnapshotQdisc, i);

        if (qdisc->parent == class_.id && shaper_nl_is_leaf_kind(qdisc->kind)) {
            class_.leaf = SHAPER_LEAF_FQ_CODEL;
        }
    }
    if (in[TCA_STATS2]) {
        stats_take(in[TCA_STATS2], &stats);
    }
    g_array_append_val(reading->snapshot->classes, class_);
    g_array_append_val(reading->snapshot->stats, stats);
    return true;
}

static bool
filter_take_u32(struct nlattr *options, ShaperFilter *filter)
{
    struct nlattr *in[TCA_U32_MAX + 1];
    struct tc_u32_sel *sel;

    if (nla_parse_nested(in, TCA_U32_MAX, options, NULL) < 0 ||
        !in[TCA_U32_SEL] || !in[TCA_U32_CLASSID] ||
        nla_len(in[TCA_U32_SEL]) < (int)sizeof(*sel)) {
        return false; /* a hash table, or no class */
    }
    sel = nla_data(in[TCA_U32_SEL]);
    filter->class_id = nla_get_u32(in[TCA_U32_CLASSID]);
    if (sel->nkeys > SHAPER_U32_KEYS_MAX ||
        (size_t)nla_len(in[TCA_U32_SEL]) <
            sizeof(*sel) + sel->nkeys * sizeof(sel->keys[0])) {
        return true; /* not ours: no key */
    }
    for (unsigned i = 0; i < sel->nkeys; i++) {
        filter->keys[i] = (ShaperU32Key){
            .value = ntohl(sel->keys[i].val),
            .mask = ntohl(sel->keys[i].mask),
            .offset = sel->keys[i].off,
        };
    }
    filter->n_keys = sel->nkeys;
    shaper_filter_seal_u32(filter);
    return true;
}

static bool
filter_take(struct nlmsghdr *answer, void *data, GError **error)
{
    Reading *reading = data;
    struct nlattr *in[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];
    struct tcmsg *header;
    SnapshotFilter found = { 0 };

    if (!reading_parse(reading, answer, RTM_NEWTFILTER, &header, in)) {
        return true;
    }
    g_strlcpy(found.kind, nla_get_string(in[TCA_KIND]), sizeof(found.kind));
    found.parent = header->tcm_parent;
    found.filter.pref = (uint16_t)(header->tcm_info >> 16);
    found.filter.handle = header->tcm_handle;
    found.protocol = ntohs((uint16_t)header->tcm_info);
    if (!in[TCA_OPTIONS]) {
        found.list = true; /* announced before its members */
    } else if (strcmp(found.kind, "u32") == 0) {
        found.filter.classifier = SHAPER_CLASSIFIER_U32;
        if (!filter_take_u32(in[TCA_OPTIONS], &found.filter)) {
            found.list = TC_U32_NODE(found.filter.handle) == 0;
        }
    } else if (strcmp(found.kind, "bpf") == 0 &&
               nla_parse_nested(bpf, TCA_BPF_MAX, in[TCA_OPTIONS], NULL) == 0) {
        found.filter.classifier = SHAPER_CLASSIFIER_BPF;
        if (bpf[TCA_BPF_CLASSID]) {
            found.filter.class_id = nla_get_u32(bpf[TCA_BPF_CLASSID]);
        }
        shaper_filter_seal_bpf(&found.filter);
    }
    g_array_append_val(reading->snapshot->filters, found);
    return true;
}

static struct nl_msg *
message_list(int type, int ifindex, uint32_t parent)
{
    struct tcmsg header = { .tcm_ifindex = ifindex, .tcm_parent = parent };

    return kernel_message(type, 0, &header, sizeof(header));
}

/* HTB dumps by hash bucket; the diff wants parents first. */
static void
snapshot_sort(Snapshot *snapshot)
{
    guint sorted = 0, before;

    do {
        before = sorted;
        for (guint i = sorted; i < snapshot->classes->len; i++) {
            ShaperClass *class_ =
                &g_array_index(snapshot->classes, ShaperClass, i);
            bool ready = (class_->parent & 0xffff) == 0;

            for (guint j = 0; j < sorted && !ready; j++) {
                ready = g_array_index(snapshot->classes, ShaperClass, j).id ==
                        class_->parent;
            }
            if (ready) {
                ShaperClass *place =
                    &g_array_index(snapshot->classes, ShaperClass, sorted);
                ClassStats *stats =
                    &g_array_index(snapshot->stats, ClassStats, 0);
                ShaperClass class_swap = *place;
                ClassStats stats_swap = stats[sorted];

                *place = *class_;
                *class_ = class_swap;
                stats[sorted] = stats[i];
                stats[i] = stats_swap;
                sorted++;
            }
        }
    } while (sorted != before);
}

static bool
read_once(KernelSocket *kernel, Reading *reading, bool qdiscs, bool filters,
          GError **error)
{
    Snapshot *snapshot = reading->snapshot;

    if (qdiscs) {
        memset(&snapshot->root, 0, sizeof(snapshot->root));
        g_array_set_size(snapshot->qdiscs, 0);
        if (!kernel_dump(kernel,
                         message_list(RTM_GETQDISC, reading->ifindex, 0),
                         qdisc_take, reading, error)) {
            g_prefix_error(error, "listing qdiscs: ");
            return false;
        }
    }
    g_array_set_size(snapshot->classes, 0);
    g_array_set_size(snapshot->stats, 0);
    if (strcmp(snapshot->root.kind, "htb") == 0 &&
        !kernel_dump(kernel, message_list(RTM_GETTCLASS, reading->ifindex, 0),
                     class_take, reading, error)) {
        g_prefix_error(error, "listing classes: ");
        return false;
    }
    snapshot_sort(snapshot);
    if (filters) {
        g_array_set_size(snapshot->filters, 0);
        if (snapshot->root.handle &&
            !kernel_dump(kernel,
                         message_list(RTM_GETTFILTER, reading->ifindex,
                                      snapshot->root.handle),
                         filter_take, reading, error)) {
            g_prefix_error(error, "listing filters: ");
            return false;
        }
    }
    return true;
}

static bool
read_until_whole(KernelSocket *kernel, Reading *reading, bool qdiscs,
                 bool filters, GError **error)
{
    for (int tries = 0;; tries++) {
        g_autoptr(GError) local = NULL;

        if (read_once(kernel, reading, qdiscs, filters, &local)) {
            return true;
        }
        if (!g_error_matches(local, KERNEL_ERROR, EINTR) ||
            tries == READ_TRIES) {
            g_propagate_error(error, g_steal_pointer(&local));
            return false;
        }
    }
}

Snapshot *
shaper_nl_read(KernelSocket *kernel, int ifindex, bool filters, GError **error)
{
    g_autoptr(Snapshot) snapshot = snapshot_new();
    Reading reading = { snapshot, ifindex };

    if (!read_until_whole(kernel, &reading, true, filters, error)) {
        return NULL;
    }
    return g_steal_pointer(&snapshot);
}

bool
shaper_nl_reread(KernelSocket *kernel, int ifindex, Snapshot *snapshot,
                 GError **error)
{
    Reading reading = { snapshot, ifindex };

    return read_until_whole(kernel, &reading, false, false, error);
}
