#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# testbed-selftest.sh - the testbed does what docs/testbed.md says
#
# Two hosts, a wire with a rate, a guest, stock `virsh migrate', and nothing
# left afterwards, also when `up' was killed half way. Everything that other
# system tests take for granted is tried here.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# traces STATE: what a testbed could leave on the machine, in one line.
# Processes are found by their mounts, not by the token that `down' itself
# goes by.
traces() {
    all_traces "$1" | tr '\n' ' '
}

all_traces() {
    local dir

    echo "netns: $(ip netns list | sort | tr '\n' ' ')"
    echo "links: $(ip -o link show | awk -F ': ' '{ print $2 }' | sort |
        tr '\n' ' ')"
    echo "mounts: $(cut -d ' ' -f 4,5 /proc/self/mountinfo | sort |
        sha256sum | cut -c 1-8)"
    for dir in /proc/[0-9]*; do
        if grep -qF "$1/" "$dir/mountinfo" 2>/dev/null; then
            echo "process: ${dir#/proc/} $(tr '\0' ' ' <"$dir/cmdline")"
        fi
    done
    [ -e "$1" ] && echo "files: $(find "$1" | head -n 5)"
    return 0
}

# wire_rate OPTION...: bit/s that TCP gets from host 1 to host 2
wire_rate() {
    tb exec 1 iperf3 --json -t 4 -O 1 -c 10.77.0.2 "$@" |
        jq '.end.sum_received.bits_per_second | floor'
}

# wire_measured RATE BITS: payload is 1448 of 1514 bytes at best
wire_measured() {
    check_within "wire $1, host1 to host2" "$(wire_rate)" "$2" 10
    check_within "wire $1, host2 to host1" "$(wire_rate -R)" "$2" 10
}

needs_root
before=$(traces "$VMFERRY_STATE")
testbed_up --hosts 2 --wire 50mbit
check "up again changes nothing" tb up --hosts 2
check_status "up with other hosts is refused" 1 "down. first" tb up --hosts 3

# names, addresses, commands
check "host1 reaches host2's libvirt by address" \
    tb exec 1 virsh -c qemu+tcp://10.77.0.2/system uri
check "host2 reaches host1's libvirt by name" \
    tb exec 2 virsh -c qemu+tcp://host1/system uri
check "the client reaches a host by IPv6" \
    tb exec client virsh -c 'qemu+tcp://[fd77::2]/system' uri
check_equal "exec runs under the host's name" host2 "$(tb exec 2 hostname)"
check_status "exec hands on the exit status" 42 '' tb exec 1 sh -c 'exit 42'
check_status "exec of no host" 2 "hosts 1 to 2" tb exec 3 true
check_equal "host uuids differ" 2 "$(for i in 1 2; do
    tb exec "$i" virsh -c qemu:///system capabilities | grep -m 1 '<uuid>'
done | sort -u | wc -l)"
check_equal "mig0 has no queueing of the testbed" noqueue \
    "$(tb exec 1 tc -j qdisc show dev mig0 | jq -r '.[0].kind')"
check_equal "mig0 is br0's port" br0 \
    "$(tb exec 1 ip -j link show mig0 | jq -r '.[0].master')"

# the wire
tb exec 2 iperf3 --server --daemon
wait_for 30 "iperf3 listens" \
    sh -c "'$TEST_SOURCE/tools/testbed/vmferry-testbed' exec 2 \
        ss -Hltn 'sport = :5201' | grep -q LISTEN"
wire_measured 50mbit 50000000
check "the wire's rate changes" tb wire 20mbit
wire_measured 20mbit 20000000
check_status "a bare number is no rate" 2 "spell it as in tc" tb wire 50
tb wire 50mbit

# cross traffic fills the wire and is recorded
check "cross traffic starts" tb cross start --flows 4 --from 1 --to 2
check_status "only once" 1 "runs already" tb cross start
wait_for 30 "cross traffic is recorded" \
    sh -c "'$TEST_SOURCE/tools/testbed/vmferry-testbed' cross report |
        jq -e '.samples | length >= 4'"
check "cross traffic stops" tb cross stop
check_within "cross traffic fills the wire" \
    "$(tb cross report | jq '[.samples[1:][].bytes_s] | add / length * 8')" \
    50000000 15

# a guest moves
start_guest vm1 --host 1 --memory 256 --workload memory
check_status "a second vm1 is refused" 1 "runs on host1" tb guest vm1
check_equal "vm1 is on host1" host1 "$(guest_place vm1)"
boot=$(guest_value vm1 boot_id)
tb ask vm1 rate=200 >/dev/null
counter=$(guest_value vm1 counter)
check "the balloon's driver reports" sh -c \
    "'$TEST_SOURCE/tools/testbed/vmferry-testbed' virsh 1 dommemstat vm1 |
        grep -q ^unused"
check "virsh migrates vm1" \
    tb virsh 1 migrate --live --p2p vm1 qemu+tcp://10.77.0.2/system
check_equal "vm1 is on host2" host2 "$(guest_place vm1)"
check_equal "it is the same boot" "$boot" "$(guest_value vm1 boot_id)"
check_number "its counter went on" "$(guest_value vm1 counter)" '>' "$counter"
check_equal "its memory is intact" 0 "$(guest_value vm1 errors check)"
check "virsh migrates it back, by name" \
    tb virsh 2 migrate --live --p2p vm1 qemu+tcp://host1/system
check_equal "its memory is still intact" 0 "$(guest_value vm1 errors check)"
check_number "it writes on" "$(guest_value vm1 pages_written)" '>' 0

# libvirtd dies, the guest does not
check "libvirtd is killed" tb libvirtd 1 kill
check "vm1 answers without it" tb ask vm1
check_status "status tells" 1 "not running" tb status
check "libvirtd comes back" tb libvirtd 1 start
check_equal "and knows vm1" host1 "$(guest_place vm1)"

# another testbed beside, killed half way
other=$TEST_BUILD/system/$TEST_NAME.other
"$TEST_SOURCE/tools/testbed/vmferry-testbed" --state "$other" --quiet \
    up --hosts 1 &
pid=$!
wait_for 30 "another testbed starts" test -f "$other/nodes/host1/pid"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
check "what a killed up left is removed" tb --state "$other" down
check_equal "without a trace" '' \
    "$(all_traces "$other" | grep -E '^(process|files)')"

# and one interrupted, which cleans up by itself
"$TEST_SOURCE/tools/testbed/vmferry-testbed" --state "$other" --quiet \
    up --hosts 2 &
pid=$!
wait_for 30 "another testbed starts" test -f "$other/nodes/host1/pid"
kill -TERM "$pid"
wait "$pid"
check_equal "an interrupted up says so" 143 $?
check_equal "and leaves no trace" '' "$(all_traces "$other" |
    grep -E '^(process|files)')"
check "this testbed did not notice" tb ask vm1

check "down" tb down
check_equal "nothing is left" "$before" "$(traces "$VMFERRY_STATE")"
check_status "status of none" 3 "no testbed" tb status
check "down again does nothing" tb down
finish
