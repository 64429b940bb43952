/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reservation-site.h - a link with its lease, looked at and brought in order
 *
 * The inside of reservation.c, shared with clearing and showing. A site is what
 * one call knows: the device, what is on it, who owns what. Everything that
 * changes the kernel goes through site_settle(), which makes the link look like
 * the lease says; so opening, changing, closing and cleaning up after a crash
 * are the same act with another lease.
 */
#ifndef TC_RESERVATION_SITE_H
#define TC_RESERVATION_SITE_H

#include "tc/lease.h"
#include "tc/shaper-nl.h"

typedef struct Site {
    KernelSocket *kernel;
    char *run_dir;
    char *proc_dir;
    int lock; /* descriptor, -1: not held */
    Device device;
    LeaseKey key;
    Snapshot *snapshot;
    bool filters_known; /* or else they are taken to be as they should */
    bool outdated;      /* qdiscs or filters were changed since it was read */
    Lease *lease;       /* NULL: none for this link */
} Site;

void site_free(Site *site);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Site, site_free)

/** site_new() - A socket and the directories, no device yet */
Site *site_new(const char *run_dir, const char *proc_dir, GError **error);

/* How much of a link is read: a changed rate needs no more than the classes,
 * if we were here before. */
typedef enum { SITE_CLASSES, SITE_ALL } SiteDepth;

/** site_enter() - Look at a device: its key, its lease, what is on it */
bool site_enter(Site *site, int ifindex, SiteDepth depth, GError **error);

/** site_reread() - Read all of the link again, the lease stays */
bool site_reread(Site *site, GError **error);

bool site_lock(Site *site, GError **error);
void site_unlock(Site *site);

/** site_judge() - May we have a tree here? Foreign roots are refused by name.
 * @parent: Class to join below, 0: own root */
bool site_judge(const Site *site, uint32_t parent, GError **error);

/** site_is_ours() - Whether the tree of the lease is (still) on the link */
bool site_is_ours(const Site *site);

/** site_is_our_class() - Whether the lease explains this class id */
bool site_is_our_class(const Site *site, uint32_t id);

/** site_major() - Major part of our class ids */
uint32_t site_major(const Site *site);

/** site_root_bytes_s() - What our classes may use together */
uint64_t site_root_bytes_s(const Site *site);

/** site_owner_alive() - Whether the owner's process still runs */
bool site_owner_alive(const Site *site, const LeaseOwner *owner);

/** site_minor() - A free minor number from @first on, 0 if there is none */
uint16_t site_minor(const Site *site, uint16_t first, uint16_t end);

/** site_wanted() - The tree for the owners @keep chooses (NULL: all) */
typedef bool (*SiteKeep)(const Site *site, const LeaseOwner *owner,
                         const void *data);
ShaperTree *site_wanted(const Site *site, SiteKeep keep, const void *data,
                        GError **error);

/** site_present() - What of the snapshot is ours */
ShaperTree *site_present(const Site *site);

/**
 * site_settle() - Make the link look as the lease says for those kept
 * @adjust: Last change to the wanted tree, or NULL
 *
 * Reads the snapshot anew if the kernel turns out to lack a classifier.
 */
bool site_settle(Site *site, SiteKeep keep, const void *data,
                 void (*adjust)(const Site *site, ShaperTree *wanted),
                 GError **error);

/**
 * site_drop() - Settle without some owners, then take them off the lease
 * @gone: Owners for whom it returns true go
 * @report: A line is appended for each, or NULL
 */
bool site_drop(Site *site, SiteKeep gone, const void *data, GString *report,
               GError **error);

/** site_error() - Translate a kernel or shaper error into ours */
void site_error(const Site *site, GError **error);

/* For tests: pretend the kernel lacks cls_bpf, or forget what was learnt. */
void site_pretend_no_bpf(bool missing);

#endif
