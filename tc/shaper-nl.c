/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shaper-nl.c - operations and the device list; see shaper-nl.h
 *
 * The messages are built attribute by attribute: libnl 3.7 knows no cls_bpf,
 * and its HTB classes round what we want exact. Linklayer "ethernet" frees us
 * from the rate tables that old tc sends along.
 */
#include "tc/shaper-nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#include "tc/expression.h"

#define RATE2QUANTUM 10 /* never used: every class has its own quantum */

static const char *leaf_kind = "fq_codel";

void
shaper_nl_leaf_kind(const char *kind)
{
    leaf_kind = kind ? kind : "fq_codel";
}

bool
shaper_nl_is_leaf_kind(const char *kind)
{
    return strcmp(kind, leaf_kind) == 0;
}

static void
put(struct nl_msg *message, int type, const void *data, size_t length)
{
    if (nla_put(message, type, (int)length, data) < 0) {
        g_error("netlink: message too long for attribute %d", type);
    }
}

static struct nlattr *
nest(struct nl_msg *message, int type)
{
    struct nlattr *start = nla_nest_start(message, type);

    g_assert(start);
    return start;
}

static struct nl_msg *
tc_message_new(int type, int flags, int ifindex, uint32_t parent,
               uint32_t handle, uint32_t info)
{
    struct tcmsg header = {
        .tcm_family = AF_UNSPEC,
        .tcm_ifindex = ifindex,
        .tcm_parent = parent,
        .tcm_handle = handle,
        .tcm_info = info,
    };

    return kernel_message(type, flags, &header, sizeof(header));
}

static struct nl_msg *
message_root(int ifindex, bool add)
{
    struct tc_htb_glob glob = {
        .version = 3,
        .rate2quantum = RATE2QUANTUM,
        .defcls = SHAPER_MINOR_REST,
    };
    struct nl_msg *message;
    struct nlattr *options;

    message = tc_message_new(add ? RTM_NEWQDISC : RTM_DELQDISC,
                             add ? NLM_F_CREATE | NLM_F_EXCL : 0, ifindex,
                             TC_H_ROOT, SHAPER_MAJOR, 0);
    put(message, TCA_KIND, "htb", sizeof("htb"));
    if (add) {
        options = nest(message, TCA_OPTIONS);
        put(message, TCA_HTB_INIT, &glob, sizeof(glob));
        nla_nest_end(message, options);
    }
    return message;
}

static struct nl_msg *
message_class(int ifindex, const ShaperClass *class_, int flags)
{
    struct tc_htb_opt opt = {
        .rate = { .linklayer = TC_LINKLAYER_ETHERNET,
                  .rate = (uint32_t)MIN(class_->rate_bytes_s, UINT32_MAX) },
        .ceil = { .linklayer = TC_LINKLAYER_ETHERNET,
                  .rate = (uint32_t)MIN(class_->ceil_bytes_s, UINT32_MAX) },
        .buffer = class_->burst_ticks,
        .cbuffer = class_->cburst_ticks,
        .quantum = class_->quantum_bytes,
        .prio = class_->prio,
    };
    struct nl_msg *message = tc_message_new(RTM_NEWTCLASS, flags, ifindex,
                                            class_->parent, class_->id, 0);
    struct nlattr *options;

    put(message, TCA_KIND, "htb", sizeof("htb"));
    options = nest(message, TCA_OPTIONS);
    put(message, TCA_HTB_PARMS, &opt, sizeof(opt));
    if (class_->rate_bytes_s > UINT32_MAX) {
        put(message, TCA_HTB_RATE64, &class_->rate_bytes_s, sizeof(uint64_t));
    }
    if (class_->ceil_bytes_s > UINT32_MAX) {
        put(message, TCA_HTB_CEIL64, &class_->ceil_bytes_s, sizeof(uint64_t));
    }
    nla_nest_end(message, options);
    return message;
}

static struct nl_msg *
message_leaf(int ifindex, const ShaperClass *class_)
{
    struct nl_msg *message = tc_message_new(
        RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, class_->id, 0, 0);

    put(message, TCA_KIND, leaf_kind, strlen(leaf_kind) + 1);
    return message;
}

static bool
put_bpf(struct nl_msg *message, const ShaperFilter *filter, GError **error)
{
    g_autoptr(GArray) program = expression_compile(filter->expression, error);
    uint16_t length;
    struct nlattr *options;

    if (!program) {
        return false;
    }
    length = (uint16_t)program->len;
    put(message, TCA_KIND, "bpf", sizeof("bpf"));
    options = nest(message, TCA_OPTIONS);
    put(message, TCA_BPF_CLASSID, &filter->class_id, sizeof(uint32_t));
    put(message, TCA_BPF_OPS_LEN, &length, sizeof(length));
    put(message, TCA_BPF_OPS, program->data,
        program->len * sizeof(struct sock_filter));
    nla_nest_end(message, options);
    return true;
}

static void
put_u32(struct nl_msg *message, const ShaperFilter *filter)
{
    size_t length =
        sizeof(struct tc_u32_sel) + filter->n_keys * sizeof(struct tc_u32_key);
    g_autofree struct tc_u32_sel *selector = g_malloc0(length);
    struct nlattr *options;

    selector->flags = TC_U32_TERMINAL;
    selector->nkeys = (unsigned char)filter->n_keys;
    for (unsigned i = 0; i < filter->n_keys; i++) {
        selector->keys[i].val = htonl(filter->keys[i].value);
        selector->keys[i].mask = htonl(filter->keys[i].mask);
        selector->keys[i].off = filter->keys[i].offset;
    }
    put(message, TCA_KIND, "u32", sizeof("u32"));
    options = nest(message, TCA_OPTIONS);
    put(message, TCA_U32_CLASSID, &filter->class_id, sizeof(uint32_t));
    put(message, TCA_U32_SEL, selector, length);
    nla_nest_end(message, options);
}

static struct nl_msg *
message_filter(int ifindex, uint32_t root, const ShaperFilter *filter, bool add,
               GError **error)
{
    struct nl_msg *message = tc_message_new(
        add ? RTM_NEWTFILTER : RTM_DELTFILTER,
        add ? NLM_F_CREATE | NLM_F_EXCL : 0, ifindex, root, filter->handle,
        TC_H_MAKE((uint32_t)filter->pref << 16, htons(ETH_P_ALL)));
    bool bpf = filter->classifier == SHAPER_CLASSIFIER_BPF;

    if (!add) {
        put(message, TCA_KIND, bpf ? "bpf" : "u32", sizeof("bpf"));
    } else if (!bpf) {
        put_u32(message, filter);
    } else if (!put_bpf(message, filter, error)) {
        nlmsg_free(message);
        return NULL;
    }
    return message;
}

bool
shaper_nl_apply(KernelSocket *kernel, int ifindex, uint32_t root,
                const ShaperOp *op, GError **error)
{
    struct nl_msg *message = NULL;
    g_autofree char *what = NULL;

    switch (op->kind) {
    case SHAPER_OP_ADD_ROOT:
    case SHAPER_OP_DEL_ROOT:
        message = message_root(ifindex, op->kind == SHAPER_OP_ADD_ROOT);
        break;
    case SHAPER_OP_ADD_CLASS:
        message =
            message_class(ifindex, &op->class_, NLM_F_CREATE | NLM_F_EXCL);
        break;
    case SHAPER_OP_CHANGE_CLASS:
        message = message_class(ifindex, &op->class_, 0);
        break;
    case SHAPER_OP_DEL_CLASS:
        message = tc_message_new(RTM_DELTCLASS, 0, ifindex, op->class_.parent,
                                 op->class_.id, 0);
        break;
    case SHAPER_OP_ADD_LEAF:
        message = message_leaf(ifindex, &op->class_);
        break;
    case SHAPER_OP_ADD_FILTER:
    case SHAPER_OP_DEL_FILTER:
        message = message_filter(ifindex, root, &op->filter,
                                 op->kind == SHAPER_OP_ADD_FILTER, error);
        break;
    case SHAPER_OP_DEL_LIST:
        message = message_filter(ifindex, root, &op->filter, false, error);
        break;
    case SHAPER_N_OPS:
        break;
    }
    if (!message) {
        return false;
    }
    if (!kernel_ask(kernel, message, NULL, NULL, error)) {
        what = shaper_op_describe(op);
        g_prefix_error(error, "%s: ", what);
        return false;
    }
    return true;
}

bool
shaper_nl_permitted(KernelSocket *kernel, GError **error)
{
    g_autoptr(GError) local = NULL;

    /* No interface has index 0, so this can only fail; the question is how. */
    if (kernel_ask(kernel, tc_message_new(RTM_DELTCLASS, 0, 0, 0, 0, 0), NULL,
                   NULL, &local) ||
        !g_error_matches(local, KERNEL_ERROR, EPERM)) {
        return true;
    }
    g_set_error_literal(error, RESERVATION_ERROR, RESERVATION_ERROR_PERMISSION,
                        "shaping a link needs CAP_NET_ADMIN; run as root, or "
                        "use --policy none");
    return false;
}

static bool
device_take(struct nlmsghdr *answer, void *data, GError **error)
{
    GArray *devices = data;
    struct ifinfomsg *header = nlmsg_data(answer);
    struct nlattr *in[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
    Device device = { 0 };

    if (answer->nlmsg_type != RTM_NEWLINK ||
        nlmsg_parse(answer, sizeof(*header), in, IFLA_MAX, NULL) < 0 ||
        !in[IFLA_IFNAME]) {
        return true;
    }
    device.ifindex = header->ifi_index;
    device.loopback = header->ifi_type == ARPHRD_LOOPBACK;
    g_strlcpy(device.name, nla_get_string(in[IFLA_IFNAME]),
              sizeof(device.name));
    if (in[IFLA_MASTER]) {
        device.master = (int)nla_get_u32(in[IFLA_MASTER]);
    }
    if (in[IFLA_LINK]) {
        device.lower = (int)nla_get_u32(in[IFLA_LINK]);
    }
    if (in[IFLA_MTU]) {
        device.mtu = nla_get_u32(in[IFLA_MTU]);
    }
    if (in[IFLA_ADDRESS]) {
        memcpy(device.mac, nla_data(in[IFLA_ADDRESS]),
               (size_t)MIN(nla_len(in[IFLA_ADDRESS]), 6));
    }
    if (in[IFLA_STATS64] &&
        nla_len(in[IFLA_STATS64]) >= (int)(4 * sizeof(uint64_t))) {
        struct rtnl_link_stats64 stats = { 0 };

        memcpy(&stats, nla_data(in[IFLA_STATS64]),
               MIN((size_t)nla_len(in[IFLA_STATS64]), sizeof(stats)));
        device.tx_bytes = stats.tx_bytes;
    }
    if (in[IFLA_LINKINFO] &&
        nla_parse_nested(info, IFLA_INFO_MAX, in[IFLA_LINKINFO], NULL) == 0 &&
        info[IFLA_INFO_KIND]) {
        g_strlcpy(device.kind, nla_get_string(info[IFLA_INFO_KIND]),
                  sizeof(device.kind));
    }
    g_array_append_val(devices, device);
    return true;
}

bool
device_get(KernelSocket *kernel, const char *name, int ifindex, Device *device,
           GError **error)
{
    g_autoptr(GArray) devices = g_array_new(FALSE, TRUE, sizeof(Device));
    struct ifinfomsg header = { .ifi_index = name ? 0 : ifindex };
    struct nl_msg *message;

    if (name && strlen(name) >= sizeof(device->name)) {
        g_set_error(error, KERNEL_ERROR, ENODEV,
                    "'%s' is too long for an interface", name);
        return false;
    }
    message = kernel_message(RTM_GETLINK, 0, &header, sizeof(header));
    if (name) {
        put(message, IFLA_IFNAME, name, strlen(name) + 1);
    }
    if (!kernel_ask(kernel, message, device_take, devices, error)) {
        return false;
    }
    if (devices->len != 1) {
        g_set_error(error, KERNEL_ERROR, ENODEV, "no such interface");
        return false;
    }
    *device = g_array_index(devices, Device, 0);
    return true;
}

GArray *
device_list(KernelSocket *kernel, GError **error)
{
    g_autoptr(GArray) devices = g_array_new(FALSE, TRUE, sizeof(Device));
    struct ifinfomsg header = { 0 };

    if (!kernel_dump(kernel,
                     kernel_message(RTM_GETLINK, 0, &header, sizeof(header)),
                     device_take, devices, error)) {
        return NULL;
    }
    return g_steal_pointer(&devices);
}
