# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# holder.sh STATE NODE - runs inside fresh namespaces, prepares them, stays
#
# Started by node_start() as `unshare --net --mount --uts bash holder.sh`. It
# becomes a sleep that keeps the namespaces; its death is theirs.
set -eu

state=$1
node=$2
dir=$state/nodes/$node

mount --bind "$dir/run" /run
mount --bind "$dir/etc-hosts" /etc/hosts
hostname "$node"

# The old sysfs shows the machine's interfaces, a new one those in here. The
# cgroup file systems below it go too: libvirt is told to use none.
umount --recursive --lazy /sys
mount -t sysfs sysfs /sys

case $node in
host*)
    for path in etc/libvirt var/lib/libvirt var/log/libvirt \
        var/cache/libvirt; do
        mkdir -p "$dir/$path"
        mount --bind "$dir/$path" "/$path"
    done
    ;;
esac

ip link set lo up
# somebody may have called `down` in the meantime
cmp -s "$state/testbed" <(cut -d ' ' -f 1 /run/vmferry-testbed)
echo ready >"$dir/ready"
exec -a "vmferry-testbed $node" sleep infinity
