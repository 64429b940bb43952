/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lock-holder.h - does a daemon live? Asked from outside, without its lock
 *
 * Trying to take the lock would tell too, but a daemon that starts at that very
 * moment would find it taken and give up. The kernel lists who holds which lock
 * in /proc/locks, and that disturbs nobody.
 */
#ifndef DAEMON_LOCK_HOLDER_H
#define DAEMON_LOCK_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#define DAEMON_LOCK_NAME "vmferryd.lock"

/**
 * lock_holder_parse() - Who holds a lock, out of /proc/locks; pure
 * @locks: Its text
 * @inode: Of the locked file
 * @claimed_pid: That the file names
 *
 * Return: whether that process holds an exclusive flock() on that file
 */
bool lock_holder_parse(const char *locks, uint64_t inode, int64_t claimed_pid);

/**
 * lock_holder() - The daemon that lives
 * @run_dir: Where its lock file is
 * @pid: Set if there is one
 */
bool lock_holder(const char *run_dir, int64_t *pid);

#endif
