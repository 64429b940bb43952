#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon.sh - vmferryd beside plain `virsh migrate', on one testbed
#
#   observe   vm1 leaves; nothing is changed anywhere, and all is recorded
#   enforce   vm2 (--p2p) and vm3 (not p2p) leave in the same second, beside
#             four flows: whose bytes are in whose class; the daemon is killed
#             and started again in mid-migration, and our tree is taken away by
#             somebody else
#   disabled  the file takes everything off vm4's migration within a second
#   stopped   SIGTERM leaves vm4 plain
#   libvirtd  is killed under vm4's migration; the daemon is there again
#
# Takes some two minutes and a half.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/daemon-lib.sh"

# port_there GUEST: at which its QEMU on host2 was reached
port_there() {
    local pid

    pid=$(tb exec 2 cat "/run/libvirt/qemu/$1.pid")
    tb exec 2 ss -Htnp state established |
        awk -v pid="pid=$pid," 'index($0, pid) {
            sub(".*:", "", $3) # ours; the other end may have any port
            print $3
            exit
        }'
}

testbed_up --hosts 2 --wire 50mbit
configure observe 50mbit
daemon_start
check_status "a second daemon is refused" 1 "process $DAEMON" \
    "$TESTBED" exec 1 "$VMFERRYD" --config "$CONF"
for i in 1 2 3 4; do
    start_guest "vm$i" --host 1 --memory 128 --workload memory \
        --workload-args rate=300,set=8 >"$WORK/guest-$i" 2>&1 &
    starting[i]=$!
done
for i in 1 2 3 4; do
    wait "${starting[i]}" || bail "guest vm$i does not start"
done
clean=$(host_tc 1)

# --- observe ---
virsh_start vm1 --p2p
wait_for 30 "observe: a session is there" session_is vm1 .mode observe
wait_for 30 "observe: it decides" session_says vm1 '.decision != null'
check_same "observe: no tc at all" "$clean" "$(host_tc 1)"
check_equal "observe: and that is said" mode "$(session vm1 .not_in_force)"
check_arrived vm1
check_number "observe: its stream was found, ms" "$(found_ms vm1)" '<' 500
check_number "observe: decisions in the record" \
    "$(record_of vm1 '.decisions | length')" '>=' 2
check_equal "observe: that were carried out" 0 \
    "$(record_of vm1 '[.decisions[] | select(.applied)] | length')"
check_equal "observe: mode in the record" observe \
    "$(record_of vm1 .extra.daemon.mode)"
check_equal "observe: its socket was left alone" null \
    "$(record_of vm1 .extra.unsent_bound)"
check_number "observe: the connection's bytes and QEMU's, per cent" \
    "$(record_of vm1 '.shaping.stream_bytes / .outcome.bytes * 100')" '>=' 95
check_replays observe vm1
check_equal "observe: the track record has it" 1 \
    "$(status_of .track_record.runs)"

# --- enforce: two at once, beside four flows ---
tb cross start --flows 4
configure enforce 50mbit
kill -HUP "$DAEMON"
wait_for 30 "enforce: the configuration is read anew" \
    grep -q 'observe -> enforce' "$LOG"
virsh_start vm2 --p2p
virsh_start vm3
for guest in vm2 vm3; do
    wait_for 30 "enforce: $guest has its share" \
        session_is $guest .not_in_force null
    check_number "enforce: $guest was found, ms" "$(found_ms $guest)" '<' 500
done
check "enforce: our tree is on the link" has_tree 1
for guest in vm2 vm3; do
    check_equal "enforce: $guest's port, by its QEMU on host2" \
        "$(port_there $guest)" "$(session $guest .port)"
done
check "enforce: two ports" [ "$(session vm2 .port)" != "$(session vm3 .port)" ]
daemon_stop KILL
check "enforce: killed, the tree stays" has_tree 1
daemon_start
for guest in vm2 vm3; do
    wait_for 30 "enforce: $guest is taken over" \
        session_is $guest .not_in_force null
done
check_equal "enforce: one lease, two owners, both ours" 2 \
    "$(tb exec 1 "$VMFERRY" tc show --json mig0 |
        jq '[.links[0].owners[] | select(.alive)] | length')"
tb exec 1 tc qdisc del dev mig0 root
wait_for 30 "enforce: a tree that was removed stands again" has_tree 1
check_arrived vm2
check_arrived vm3
wait_for 30 "enforce: nothing is left" has_no_tree 1
for guest in vm2 vm3; do
    wire=$(record_of $guest '.shaping.class_bytes')
    check_number "enforce: $guest's foreign bytes in its class, per cent" \
        "$(record_of $guest '.shaping.foreign_bytes // 0')e2" '<=' "$wire"
    check_equal "enforce: what may wait in $guest's socket was bounded" true \
        "$(record_of $guest .extra.unsent_bound.done)"
    check_number "enforce: $guest's decisions" \
        "$(record_of $guest '.decisions | length')" '>=' 2
done

# --- the switch, the stop ---
virsh_start vm4 --p2p
wait_for 30 "disabled: vm4 has its share" session_is vm4 .not_in_force null
: >"$VMFERRY_DISABLED"
wait_for 1 "disabled: nothing is left within a second" has_no_tree 1
check_equal "disabled: and that is said" mode "$(session vm4 .not_in_force)"
rm "$VMFERRY_DISABLED"
wait_for 30 "disabled: on again" has_tree 1
daemon_stop
check_equal "stopped: exit status" 0 "$status"
check "stopped: nothing is left" has_no_tree 1
check_equal "stopped: record" left "$(record_of vm4 .outcome.status)"

# --- libvirtd under it ---
daemon_start
wait_for 30 "libvirtd: vm4 is adopted in mid-migration" \
    session_is vm4 .mode enforce
tb libvirtd 1 kill
wait_for 30 "libvirtd: its loss is noticed" \
    grep -q 'the connection to libvirt broke' "$LOG"
check "libvirtd: the class stays" has_tree 1
tb libvirtd 1 start
wait_for 30 "libvirtd: connected again" sh -c \
    "[ \$(grep -c 'watching the migrations' '$LOG') = 2 ]"
wait_for 30 "libvirtd: the session has ended" \
    sh -c "grep -q \"guest 'vm4': migration \" '$LOG'"
wait_for 30 "libvirtd: nothing is left" has_no_tree 1
daemon_stop
check_same "the host's traffic control is as it was" "$clean" "$(host_tc 1)"
check_equal "no lease is left" "" \
    "$(host_leases 1 | grep -v '^vmferryd.lock$')"
explain_daemon
finish
