# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# network.sh - the switch, the cables and their rate
#
#   host1                 switch                              host2
#   br0 ── mig0 ════ p1 ─ w1 ─ u1 ── s1 ─┐      ┌─ s2 ── u2 ─ w2 ─ p2 ════ mig0
#                                        └ sw0 ─┘
#                                           └─ sc ════ eth0   client
#
# Every cable has a small bridge wN of its own in the switch. The wire's rate
# is a tbf on p (towards the host) and one on u (from the host), so that both
# directions are limited and the host's own mig0 carries no queueing of ours.
# The client's cable is not limited: the hosts' are what is tested.
#
# Hosts are 10.77.0.I and fd77::I, guests 10.77.1.N and fd77::1:N, the client
# is 10.77.0.254 and fd77::fe, all in one segment.

readonly CLIENT_ADDRESS=10.77.0.254

# hosts_file: names of all hosts. The plain name is IPv4 only, so that what a
# migration's URI resolves to is no matter of the resolver's taste
hosts_file() {
    local i

    for ((i = 1; i <= HOSTS; i++)); do
        echo "10.77.0.$i host$i"
        echo "fd77::$i host$i-v6"
    done
    echo "$CLIENT_ADDRESS client"
}

# cross_address NODE: where flows to it go
cross_address() {
    case $1 in
    client) echo "$CLIENT_ADDRESS" ;;
    *) echo "10.77.0.${1#host}" ;;
    esac
}

# bridge_make NODE NAME: a bridge that forwards at once
bridge_make() {
    node_exec "$1" ip link add name "$2" type bridge
    node_exec "$1" ip link set "$2" up
}

# cable_make NODE INTERFACE MAC PORT: from the node to a port of the switch
cable_make() {
    node_exec switch ip link add name "$4" type veth \
        peer name "$2" address "$3" netns "$(node_pid "$1")"
    node_exec switch ip link set "$4" up
}

# address_give NODE INTERFACE IPV4 IPV6: and the way to the guests
address_give() {
    node_exec "$1" ip address add "$3/24" dev "$2"
    node_exec "$1" ip -6 address add "$4/64" dev "$2" nodad
    node_exec "$1" ip link set "$2" up
    node_exec "$1" ip route add 10.77.1.0/24 dev "$2"
}

# network_make: switch, client and hosts
network_make() {
    local i mac

    bridge_make switch sw0
    cable_make client eth0 02:77:00:00:00:fe sc
    node_exec switch ip link set sc master sw0
    address_give client eth0 "$CLIENT_ADDRESS" fd77::fe
    for ((i = 1; i <= HOSTS; i++)); do
        mac=$(printf '02:77:00:00:00:%02x' "$i")
        cable_make "host$i" mig0 "$mac" "p$i"
        bridge_make switch "w$i"
        node_exec switch ip link add name "u$i" type veth peer name "s$i"
        node_exec switch ip link set "p$i" master "w$i"
        node_exec switch ip link set "u$i" master "w$i" up
        node_exec switch ip link set "s$i" master sw0 up

        bridge_make "host$i" br0
        node_exec "host$i" ip link set br0 address "$mac"
        node_exec "host$i" ip link set mig0 master br0 up
        address_give "host$i" br0 "10.77.0.$i" "fd77::$i"
    done
}

# wire_check RATE: fails on a spelling that wire_set would not take
wire_check() {
    local bits

    [ "$1" = unlimited ] && return 0
    bits=$(rate_bits "$1") || return 1
    ((bits >= 100000))
}

# wire_set RATE|unlimited: on all cables, also while they are in use. The
# bucket holds 4 ms, the queue 60 ms: what a switch with small buffers has.
wire_set() {
    local i port bits burst limit

    if [ "$1" != unlimited ]; then
        bits=$(rate_bits "$1")
        burst=$((bits * 4 / 8000))
        burst=$((burst < 10000 ? 10000 : burst))
        limit=$((bits * 60 / 8000))
        limit=$((burst + (limit < 30000 ? 30000 : limit)))
    fi
    for ((i = 1; i <= HOSTS; i++)); do
        for port in "p$i" "u$i"; do
            if [ "$1" = unlimited ]; then
                # no qdisc there: nothing to remove
                node_exec switch tc qdisc delete dev "$port" root \
                    2>/dev/null || true
            else
                node_exec switch tc qdisc replace dev "$port" root tbf \
                    rate "${bits}bit" burst "$burst" limit "$limit"
            fi
        done
    done
    echo "$1" >"$STATE/wire"
}
