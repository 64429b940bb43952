# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# libvirt.sh - each host's own libvirtd
#
# Monolithic libvirtd with --listen, so that both qemu:///system inside and
# qemu+tcp://10.77.0.I/system from anywhere in the testbed work. No cgroups,
# no security driver, no virtlogd: a host is a namespace, not a machine.

# host_uuid I: differs between hosts and testbeds, or libvirt takes a
# migration for one to itself
host_uuid() {
    local hash

    hash=$(echo "$TOKEN host$1" | sha256sum)
    echo "${hash:0:8}-${hash:8:4}-4${hash:13:3}-a${hash:17:3}-${hash:20:12}"
}

# libvirt_configure I: writes the host's /etc/libvirt
libvirt_configure() {
    local etc=$STATE/nodes/host$1/etc/libvirt

    cat >"$etc/libvirtd.conf" <<END
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "$(host_uuid "$1")"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
END
    cat >"$etc/qemu.conf" <<'END'
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
END
}

# libvirt_answers I: whether a client gets through by both ways
libvirt_answers() {
    node_exec "host$1" virsh -q -c qemu:///system uri &&
        node_exec "host$1" virsh -q -c "qemu+tcp://10.77.0.$1/system" uri
} >/dev/null 2>&1

# libvirt_pid I
libvirt_pid() {
    local pid file=$STATE/nodes/host$1/run/libvirtd.pid

    [ -f "$file" ] || return 1
    pid=$(<"$file")
    node_has "host$1" "$pid" || return 1
    echo "$pid"
}

# What libvirt finds out about an emulator takes it seconds, on every new host
# again, and at the far end of the first migration. It is kept in the cache from
# one testbed to the next; libvirt itself checks whether it still holds, by the
# times of QEMU and libvirt and by the processor. Whoever puts another QEMU in
# its place on one host sets VMFERRY_CAPABILITIES=fresh.

# capabilities_bring I: to a host that has none
capabilities_bring() {
    local there=$STATE/nodes/host$1/var/cache/libvirt/qemu/capabilities

    if [ -d "$CACHE/capabilities" ] && [ ! -d "$there" ] &&
        [ "${VMFERRY_CAPABILITIES:-}" != fresh ]; then
        mkdir -p "$there"
        find "$CACHE/capabilities" -name '*.xml' -exec cp -t "$there" {} +
    fi
}

# capabilities_keep I: what it has and the cache has not
capabilities_keep() {
    local file kept

    [ "${VMFERRY_CAPABILITIES:-}" != fresh ] || return 0
    for file in "$STATE/nodes/host$1/var/cache/libvirt/qemu/capabilities"/*.xml
    do
        kept=$CACHE/capabilities/${file##*/}
        if [ -s "$file" ] && ! cmp -s "$file" "$kept"; then
            mkdir -p "$CACHE/capabilities"
            cp "$file" "$kept.$$"
            mv "$kept.$$" "$kept"
        fi
    done
}

# libvirt_start I: does nothing if it runs
libvirt_start() {
    local log=$STATE/nodes/host$1/var/log/libvirt/libvirtd.log

    if libvirt_pid "$1" >/dev/null; then
        return 0
    fi
    rm -f "$STATE/nodes/host$1/run/libvirtd.pid"
    capabilities_bring "$1"
    node_exec "host$1" env -i PATH="$PATH" LC_ALL=C HOME=/root \
        libvirtd --daemon --listen --pid-file /run/libvirtd.pid \
        </dev/null >"$log.start" 2>&1 9>&- ||
        die "libvirtd of host$1 did not start: $(tail -n 3 "$log.start")"
}

# libvirt_wait I: until it answers
libvirt_wait() {
    local log=$STATE/nodes/host$1/var/log/libvirt/libvirtd.log

    wait_until 60 libvirt_answers "$1" ||
        die "libvirtd of host$1 does not answer:" \
            "$(cat "$log.start" "$log" 2>/dev/null | tail -n 3)"
}

# libvirt_stop I [SIGNAL]: its guests go on
libvirt_stop() {
    local pid

    pid=$(libvirt_pid "$1") || return 0
    kill "-${2:-TERM}" "$pid"
    wait_until 20 libvirt_gone "$1" ||
        die "libvirtd of host$1 (process $pid) does not end"
}

libvirt_gone() {
    ! libvirt_pid "$1" >/dev/null
}
