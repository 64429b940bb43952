# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# nodes.sh - hosts, client and switch as namespaces
#
# A node is a network, mount and UTS namespace, kept alive by a holder process
# (a sleep) and by nothing else: no name in /run/netns, no mount outside, no
# interface in the machine's own network namespace. When the processes are
# gone the kernel takes the rest away.
#
# In its mount namespace every node has a /run of its own with the testbed's
# token in it. So /proc/PID/root/run/vmferry-testbed says of any process of
# the machine whether it lives in this testbed: that is how `down` finds them
# all, also those that a killed `up` left behind.

# node_pid NODE: process id of the holder
node_pid() {
    local pid

    [ -f "$STATE/nodes/$1/pid" ] || return 1
    pid=$(<"$STATE/nodes/$1/pid")
    node_has "$1" "$pid" || return 1
    echo "$pid"
}

# node_has NODE PID: whether this process lives in that node
node_has() {
    local mark=

    { read -r mark <"/proc/$2/root/run/vmferry-testbed"; } 2>/dev/null || true
    [ "$mark" = "$TOKEN $1" ]
}

# node_enter NODE COMMAND...: become that command there. nsenter does not
# fork, so signals and exit status are the command's own.
node_enter() {
    local node=$1 pid

    shift
    pid=$(node_pid "$node") || die "$node is not running: \`vmferry-testbed" \
        "down' and \`up' make it anew"
    exec nsenter --target "$pid" --net --mount --uts --wdns="$PWD" -- "$@"
}

# node_exec NODE COMMAND...: run it there and come back
node_exec() {
    (node_enter "$@")
}

# node_processes: process ids of everything in this testbed, one a line
node_processes() {
    local dir mark

    for dir in /proc/[0-9]*; do
        [ "$dir/ns/mnt" -ef /proc/self/ns/mnt ] && continue
        mark=
        { read -r mark <"$dir/root/run/vmferry-testbed"; } 2>/dev/null || true
        if [ "${mark%% *}" = "$TOKEN" ]; then
            echo "${dir#/proc/}"
        fi
    done
}

# node_start NODE: makes the namespaces and their mounts
node_start() {
    local node=$1 dir=$STATE/nodes/$1 answer="" fd

    mkdir -p "$dir/run/lock" "$dir/run/user"
    echo "$TOKEN $node" >"$dir/run/vmferry-testbed"
    {
        echo "127.0.0.1 localhost"
        echo "::1 localhost ip6-localhost"
        hosts_file
    } >"$dir/etc-hosts"
    mkfifo "$dir/ready"
    exec {fd}<>"$dir/ready"
    setsid unshare --net --mount --uts \
        bash "$TESTBED_LIB/holder.sh" "$STATE" "$node" \
        </dev/null >"$dir/holder.log" 2>&1 9>&- {fd}>&- &
    echo $! >"$dir/pid"
    # its end is no news to whoever ends it
    disown $!
    read -r -t 20 -u "$fd" answer || true
    exec {fd}>&-
    rm -f "$dir/ready"
    [ "$answer" = ready ] ||
        die "$node did not start: $(tail -n 3 "$dir/holder.log")"
}

# nodes_kill: ends every process of the testbed and waits until they are gone
nodes_kill() {
    local pids _

    for _ in {1..100}; do
        pids=$(node_processes)
        [ -n "$pids" ] || return 0
        # shellcheck disable=SC2086 # a list of numbers
        kill -KILL $pids 2>/dev/null || true
        sleep 0.05
    done
    die "these processes do not end: ${pids//$'\n'/ }"
}
