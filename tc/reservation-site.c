/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reservation-site.c - see reservation-site.h
 */
#include "tc/reservation-site.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"

G_DEFINE_QUARK(vmferry_reservation_error, reservation_error)

/* What this kernel has, learnt by trying. */
static ShaperLeaf site_leaf = SHAPER_LEAF_FQ_CODEL;
static ShaperClassifier site_classifier = SHAPER_CLASSIFIER_BPF;

void
site_pretend_no_bpf(bool missing)
{
    site_classifier = missing ? SHAPER_CLASSIFIER_U32 : SHAPER_CLASSIFIER_BPF;
}

Site *
site_new(const char *run_dir, const char *proc_dir, GError **error)
{
    g_autoptr(Site) site = g_new0(Site, 1);

    site->lock = -1;
    site->run_dir = g_strdup(run_dir ? run_dir : LEASE_RUN_DIR);
    site->proc_dir = g_strdup(proc_dir ? proc_dir : "/proc");
    site->kernel = kernel_open(NETLINK_ROUTE, error);
    return site->kernel ? g_steal_pointer(&site) : NULL;
}

void
site_free(Site *site)
{
    if (site) {
        site_unlock(site);
        kernel_close(site->kernel);
        snapshot_free(site->snapshot);
        lease_free(site->lease);
        g_free(site->run_dir);
        g_free(site->proc_dir);
        g_free(site);
    }
}

bool
site_lock(Site *site, GError **error)
{
    g_assert(site->lock < 0);
    site->lock = lease_lock(site->run_dir, error);
    return site->lock >= 0;
}

void
site_unlock(Site *site)
{
    if (site->lock >= 0) {
        close(site->lock);
        site->lock = -1;
    }
}

void
site_error(const Site *site, GError **error)
{
    GError *local;
    int code = RESERVATION_ERROR_KERNEL;

    if (!error || !*error) {
        return;
    }
    local = *error;
    if (local->domain == KERNEL_ERROR) {
        if (local->code == EPERM || local->code == EACCES) {
            code = RESERVATION_ERROR_PERMISSION;
        } else if (local->code == ENODEV || local->code == ENXIO) {
            code = RESERVATION_ERROR_GONE;
        }
    } else if (local->domain == SHAPER_ERROR) {
        code = local->code == SHAPER_ERROR_RATE ? RESERVATION_ERROR_RATE
                                                : RESERVATION_ERROR_EXPRESSION;
    } else {
        return;
    }
    *error = NULL;
    g_set_error(error, RESERVATION_ERROR, code, "shaping %s: %s",
                site->device.name[0] ? site->device.name : "the link",
                local->message);
    g_error_free(local);
}

bool
site_enter(Site *site, int ifindex, SiteDepth depth, GError **error)
{
    bool again = depth == SITE_CLASSES && site->snapshot && !site->outdated &&
                 site->device.ifindex == ifindex;
    /* only under the lock is it changed */
    bool look = depth == SITE_CLASSES && site->lock < 0;

    g_clear_pointer(&site->lease, lease_free);
    if (!device_get(site->kernel, NULL, ifindex, &site->device, error)) {
        site_error(site, error);
        return false;
    }
    if (!lease_key_init(&site->key, site->proc_dir, site->device.name, ifindex,
                        site->device.mac, error) ||
        !(look ? lease_peek : lease_load)(site->run_dir, &site->key,
                                          &site->lease, error)) {
        return false;
    }
    site->filters_known = depth == SITE_ALL;
    if (!again) {
        g_clear_pointer(&site->snapshot, snapshot_free);
        site->snapshot =
            shaper_nl_read(site->kernel, ifindex, site->filters_known, error);
        again = site->snapshot;
        site->outdated = false;
    } else {
        again = shaper_nl_reread(site->kernel, ifindex, site->snapshot, error);
    }
    if (!again) {
        site_error(site, error);
        return false;
    }
    return true;
}

uint32_t
site_major(const Site *site)
{
    return site->lease && site->lease->parent ? TC_H_MAJ(site->lease->parent)
                                              : SHAPER_MAJOR;
}

static bool
snapshot_has_our_root(const Snapshot *snapshot)
{
    return snapshot->root.handle == SHAPER_MAJOR &&
           strcmp(snapshot->root.kind, "htb") == 0;
}

bool
site_is_ours(const Site *site)
{
    if (!site->lease) {
        return false;
    }
    if (!site->lease->parent) {
        return snapshot_has_our_root(site->snapshot);
    }
    return snapshot_class(site->snapshot, site->lease->parent, NULL);
}

bool
site_is_our_class(const Site *site, uint32_t id)
{
    const ShaperClass *class_;

    if (!site_is_ours(site) || TC_H_MAJ(id) != site_major(site)) {
        return false;
    }
    if (!site->lease->parent) {
        return true;
    }
    class_ = snapshot_class(site->snapshot, id, NULL);
    return class_ && class_->parent == site->lease->parent &&
           lease_holds(site->lease, (uint16_t)TC_H_MIN(id));
}

bool
site_owner_alive(const Site *site, const LeaseOwner *owner)
{
    uint64_t start_ticks;

    return lease_process_start(site->proc_dir, owner->pid, &start_ticks) &&
           start_ticks == owner->start_ticks;
}

uint16_t
site_minor(const Site *site, uint16_t first, uint16_t end)
{
    for (uint16_t minor = first; minor < end; minor++) {
        if (!(site->lease && lease_holds(site->lease, minor)) &&
            !snapshot_class(site->snapshot, site_major(site) | minor, NULL)) {
            return minor;
        }
    }
    return 0;
}

/* Guarantees of the administrator's classes beside ours. */
static uint64_t
parent_taken_bytes_s(const Site *site, uint32_t parent)
{
    uint64_t taken = 0;

    for (guint i = 0; i < site->snapshot->classes->len; i++) {
        const ShaperClass *class_ =
            &g_array_index(site->snapshot->classes, ShaperClass, i);

        if (class_->parent == parent && !site_is_our_class(site, class_->id)) {
            taken += class_->rate_bytes_s;
        }
    }
    return taken;
}

/* What the parent class can guarantee and lend, and what we were told the link
 * carries: the smaller counts. */
static void
parent_limits(const Site *site, const ShaperClass *parent, uint64_t *room,
              uint64_t *ceil)
{
    uint64_t taken = parent_taken_bytes_s(site, parent->id);

    *room = parent->rate_bytes_s > taken ? parent->rate_bytes_s - taken : 0;
    *ceil = parent->ceil_bytes_s;
    if (site->lease && site->lease->link_bytes_s) {
        *room = MIN(*room, site->lease->link_bytes_s);
        *ceil = MIN(*ceil, site->lease->link_bytes_s);
    }
}

uint64_t
site_root_bytes_s(const Site *site)
{
    const ShaperClass *parent;
    uint64_t room, ceil;

    if (!site->lease->parent) {
        return shaper_root_bytes_s(site->lease->link_bytes_s);
    }
    parent = snapshot_class(site->snapshot, site->lease->parent, NULL);
    if (!parent) {
        return 0;
    }
    parent_limits(site, parent, &room, &ceil);
    return ceil;
}

static bool
judge_own(const Site *site, GError **error)
{
    const Snapshot *snapshot = site->snapshot;
    const SnapshotQdisc *root = &snapshot->root;

    if (snapshot_has_our_root(snapshot)) {
        if (site->lease && !site->lease->parent) {
            return true;
        }
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN,
                    "%s has a root qdisc 7666:, but no lease in %s says that "
                    "it is ours; if no other controller uses this link, "
                    "remove it with: vmferry tc clear --force %s",
                    site->device.name, site->run_dir, site->device.name);
        return false;
    }
    if (root->handle != 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN,
                    "%s has a root qdisc %s %x: that is not ours and stays "
                    "untouched; %s, or use --policy none",
                    site->device.name, root->kind, root->handle >> 16,
                    strcmp(root->kind, "htb") == 0
                        ? "name a class of it with --parent CLASSID to have "
                          "ours below it"
                        : "remove it (tc qdisc del dev DEV root) if it is not "
                          "needed");
        return false;
    }
    /* Below a root without a handle nobody can hang a qdisc of his own: the
     * kernel finds no parent of that name. So the leaves of an mq or mqprio of
     * handle 0: are the kernel's as well. */
    return true;
}

/* Why ours cannot live below this class, NULL: they can. */
static char *
judge_parent(const Site *site, const ShaperClass *parent,
             const ClassStats *stats)
{
    const Snapshot *snapshot = site->snapshot;
    bool children = false, ours = false;

    for (guint i = 0; i < snapshot->classes->len; i++) {
        uint32_t id = g_array_index(snapshot->classes, ShaperClass, i).id;

        if (g_array_index(snapshot->classes, ShaperClass, i).parent ==
            parent->id) {
            children = true;
            ours |= site_is_our_class(site, id);
        }
    }
    if (!children && (parent->id & 0xffff) == snapshot->root_default) {
        return g_strdup("it is the default class, whose traffic would lose "
                        "its queue");
    }
    if (!children && stats->packets) {
        return g_strdup("it is a leaf that carries traffic, which would lose "
                        "its queue");
    }
    for (guint i = 0; i < snapshot->qdiscs->len; i++) {
        const SnapshotQdisc *leaf =
            &g_array_index(snapshot->qdiscs, SnapshotQdisc, i);

        if (leaf->parent == parent->id) {
            return g_strdup_printf("its own qdisc %s %x: would be lost",
                                   leaf->kind, leaf->handle >> 16);
        }
    }
    for (guint i = 0; i < snapshot->filters->len; i++) {
        const SnapshotFilter *found =
            &g_array_index(snapshot->filters, SnapshotFilter, i);

        if (!found->list &&
            !(ours && site_is_our_class(site, found->filter.class_id)) &&
            found->filter.pref <= SHAPER_PREF_APPLICATION) {
            return g_strdup_printf(
                "a filter at pref %u of the root would see packets before "
                "ours; ours use pref 1 to %d, move yours behind them",
                found->filter.pref, SHAPER_PREF_APPLICATION);
        }
    }
    return NULL;
}

static bool
judge_join(const Site *site, uint32_t id, GError **error)
{
    const Snapshot *snapshot = site->snapshot;
    g_autofree char *text = shaper_id_format(id);
    const ShaperClass *parent;
    const ClassStats *stats;
    g_autofree char *reason = NULL;

    if (TC_H_MAJ(id) == SHAPER_MAJOR) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN,
                    "--parent %s names our own tree; leave it out", text);
        return false;
    }
    parent = snapshot_class(snapshot, id, &stats);
    if (!parent) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN,
                    "%s has no HTB class %s (its root is %s %x:); see tc "
                    "class show dev %s",
                    site->device.name, text,
                    snapshot->root.kind[0] ? snapshot->root.kind : "none",
                    snapshot->root.handle >> 16, site->device.name);
        return false;
    }
    reason = judge_parent(site, parent, stats);
    if (reason) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN,
                    "class %s of %s cannot be a --parent: %s", text,
                    site->device.name, reason);
        return false;
    }
    return true;
}

bool
site_judge(const Site *site, uint32_t parent, GError **error)
{
    if (site->device.loopback) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN,
                    "%s is the loopback device; there is nothing to shape",
                    site->device.name);
        return false;
    }
    return parent ? judge_join(site, parent, error) : judge_own(site, error);
}

ShaperTree *
site_present(const Site *site)
{
    g_autoptr(ShaperTree) tree = shaper_tree_new();
    bool join = site->lease && site->lease->parent;
    uint16_t last = join ? SHAPER_PREF_APPLICATION : SHAPER_PREF_LAST;
    uint32_t foreign = 0; /* bit n: at pref n there are others' filters */

    if (!site_is_ours(site)) {
        return g_steal_pointer(&tree);
    }
    tree->own_root = !join;
    for (guint i = 0; i < site->snapshot->classes->len; i++) {
        const ShaperClass *class_ =
            &g_array_index(site->snapshot->classes, ShaperClass, i);

        if (site_is_our_class(site, class_->id)) {
            g_array_append_val(tree->classes, *class_);
        }
    }
    for (guint i = 0; i < site->snapshot->filters->len; i++) {
        const SnapshotFilter *found =
            &g_array_index(site->snapshot->filters, SnapshotFilter, i);

        if (found->list || found->filter.pref > last) {
            continue;
        }
        if (found->filter.key[0] &&
            site_is_our_class(site, found->filter.class_id)) {
            shaper_filter_copy(tree->filters, &found->filter);
        } else {
            foreign |= 1u << found->filter.pref;
        }
    }
    for (guint i = 0; i < site->snapshot->filters->len; i++) {
        const SnapshotFilter *found =
            &g_array_index(site->snapshot->filters, SnapshotFilter, i);

        if (found->filter.pref <= last && found->protocol == ETH_P_ALL &&
            strcmp(found->kind, "u32") == 0) {
            tree->u32_lists |= 1u << found->filter.pref & ~foreign;
        }
    }
    return g_steal_pointer(&tree);
}

/* Owners that protect the same expression share a class; the largest rate
 * counts. */
static void
want_add_guard(GArray *guards, const LeaseGuard *guard)
{
    ShaperGuard want = {
        .minor = guard->minor,
        .rate_bytes_s = guard->rate_bytes_s,
        .expression = guard->expression,
        .macs = (const char *const *)guard->macs,
    };

    for (guint i = 0; i < guards->len; i++) {
        ShaperGuard *have = &g_array_index(guards, ShaperGuard, i);

        if (have->minor == guard->minor) {
            have->rate_bytes_s = MAX(have->rate_bytes_s, guard->rate_bytes_s);
            return;
        }
    }
    g_array_append_val(guards, want);
}

ShaperTree *
site_wanted(const Site *site, SiteKeep keep, const void *data, GError **error)
{
    g_autoptr(GArray) migrations =
        g_array_new(FALSE, TRUE, sizeof(ShaperMigration));
    g_autoptr(GArray) guards = g_array_new(FALSE, TRUE, sizeof(ShaperGuard));
    ShaperWant want = {
        .link_bytes_s = site->lease->link_bytes_s,
        .frame_bytes = CLAMP(site->device.mtu, 576, 65536) + 14,
        .parent = site->lease->parent,
        .leaf = site_leaf,
        .classifier = site_classifier,
    };

    for (guint i = 0; i < site->lease->owners->len; i++) {
        const LeaseOwner *owner = g_ptr_array_index(site->lease->owners, i);
        ShaperMigration migration = {
            .minor = owner->minor,
            .guarantee_bytes_s = owner->guarantee_bytes_s,
            .ceiling_bytes_s = owner->ceiling_bytes_s,
            .matches = (const StreamMatch *)(void *)owner->matches->data,
            .n_matches = owner->matches->len,
        };

        if (keep && !keep(site, owner, data)) {
            continue;
        }
        g_array_append_val(migrations, migration);
        for (guint j = 0; j < owner->guards->len; j++) {
            const LeaseGuard *guard =
                &g_array_index(owner->guards, LeaseGuard, j);

            if (guard->expression || guard->rate_bytes_s) {
                want_add_guard(guards, guard);
            }
        }
    }
    want.migrations = (const ShaperMigration *)(void *)migrations->data;
    want.n_migrations = migrations->len;
    want.guards = (const ShaperGuard *)(void *)guards->data;
    want.n_guards = guards->len;
    if (want.parent && want.n_migrations) {
        const ShaperClass *parent =
            snapshot_class(site->snapshot, want.parent, NULL);

        if (!parent) {
            g_autofree char *id = shaper_id_format(want.parent);

            g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE,
                        "the parent class %s of %s is gone", id,
                        site->device.name);
            return NULL;
        }
        parent_limits(site, parent, &want.parent_room_bytes_s,
                      &want.link_bytes_s);
    }
    return shaper_tree_build(&want, error);
}

bool
site_reread(Site *site, GError **error)
{
    g_clear_pointer(&site->snapshot, snapshot_free);
    site->snapshot =
        shaper_nl_read(site->kernel, site->device.ifindex, true, error);
    site->filters_known = site->snapshot;
    site->outdated = false;
    return site->snapshot;
}

/* Learns from a refusal what this kernel lacks. True: try again without. */
static bool
site_learn(const ShaperOp *op, const GError *error)
{
    bool missing = g_error_matches(error, KERNEL_ERROR, ENOENT) ||
                   g_error_matches(error, KERNEL_ERROR, EOPNOTSUPP);

    if (missing && op->kind == SHAPER_OP_ADD_LEAF) {
        site_leaf = SHAPER_LEAF_PFIFO;
        return true;
    }
    if (missing && op->kind == SHAPER_OP_ADD_FILTER &&
        op->filter.classifier == SHAPER_CLASSIFIER_BPF) {
        site_classifier = SHAPER_CLASSIFIER_U32;
        return true;
    }
    return false;
}

/* 1: done, 0: learnt something, read and plan again, -1: failed */
static int
site_apply(Site *site, ShaperTree *wanted, GError **error)
{
    g_autoptr(ShaperTree) present = site_present(site);
    g_autoptr(GArray) ops = NULL;
    uint32_t root = site_major(site);

    if (!site->filters_known) {
        g_array_set_size(wanted->filters, 0);
        g_array_set_size(present->filters, 0);
        present->u32_lists = 0;
    }
    ops = shaper_diff(wanted, present);

    for (guint i = 0; i < ops->len; i++) {
        const ShaperOp *op = &g_array_index(ops, ShaperOp, i);
        g_autoptr(GError) local = NULL;

        site->outdated |= op->kind != SHAPER_OP_CHANGE_CLASS;
        if (!shaper_nl_apply(site->kernel, site->device.ifindex, root, op,
                             &local)) {
            if (site_learn(op, local)) {
                return 0;
            }
            g_propagate_error(error, g_steal_pointer(&local));
            return -1;
        }
    }
    return 1;
}

bool
site_settle(Site *site, SiteKeep keep, const void *data,
            void (*adjust)(const Site *site, ShaperTree *wanted),
            GError **error)
{
    int done = 0;

    while (done == 0) {
        g_autoptr(ShaperTree) wanted = site_wanted(site, keep, data, error);

        if (!wanted) {
            site_error(site, error);
            return false;
        }
        if (adjust) {
            adjust(site, wanted);
        }
        done = site_apply(site, wanted, error);
        if (done == 0) {
            done = site_reread(site, error) ? 0 : -1;
        }
    }
    if (done < 0) {
        site_error(site, error);
    }
    return done > 0;
}

typedef struct {
    SiteKeep gone;
    const void *data;
} SiteDrop;

static bool
keep_others(const Site *site, const LeaseOwner *owner, const void *data)
{
    const SiteDrop *drop = data;

    return !drop->gone(site, owner, drop->data);
}

bool
site_drop(Site *site, SiteKeep gone, const void *data, GString *report,
          GError **error)
{
    SiteDrop drop = { gone, data };
    guint n_gone = 0;

    for (guint i = 0; i < site->lease->owners->len; i++) {
        n_gone += gone(site, g_ptr_array_index(site->lease->owners, i), data);
    }
    /* Of a tree that is no longer there nothing needs to be removed. */
    if (n_gone && site_is_ours(site) &&
        !site_settle(site, keep_others, &drop, NULL, error)) {
        return false;
    }
    for (guint i = site->lease->owners->len; i-- > 0;) {
        const LeaseOwner *owner = g_ptr_array_index(site->lease->owners, i);

        if (gone(site, owner, data)) {
            if (report) {
                g_string_append_printf(
                    report,
                    "%s: removed the classes of guest %s (process %" PRId64
                    ")\n",
                    site->device.name, owner->name ? owner->name : "?",
                    owner->pid);
            }
            g_ptr_array_remove_index(site->lease->owners, i);
        }
    }
    if (!lease_store(site->run_dir, site->lease, error)) {
        return false;
    }
    if (n_gone && !site_reread(site, error)) {
        site_error(site, error);
        return false;
    }
    return true;
}
