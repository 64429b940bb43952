#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon-death.sh - vmferryd is killed, and libvirt lost
#
# Some 30 s; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/daemon-lib.sh"

# --- its death, and libvirt's; guests in processes of their own, whose sockets
# tell whose connection is whose ---
export VMFERRY_FAKE_STATE=$WORK/host
rm -rf "$RECORDS"
two="start=0.5,to=10.9.0.2:49152,mib=48,rate=300,set=1000;\
start=0.5,to=10.9.0.2:49153,mib=48,rate=300,set=1000"
export VMFERRY_FAKE_GUESTS=$two
for i in 1 2; do
    fake_guest death $i
done
daemon_start enforce "$two"
RANDOM=7
for ((k = 0; k < 10; k++)); do
    # a moment of the seed's choosing
    sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
    kill -9 "$DAEMON"
    wait "$DAEMON" 2>/dev/null
    daemon_start enforce "$two" >/dev/null
done
for i in 1 2; do
    wait_for 30 "death: after ten, vm$i is in its class" \
        session_is vm$i .not_in_force null
    check "death: and it is its own" session_is vm$i .port $((49151 + i))
done
check_equal "death: two owners, both alive" "true true" \
    "$(jq -r '[.owners[].pid] | map(. == '"$DAEMON"') | join(" ")' \
        "$WORK"/run/tc-*.json)"
: >"$VMFERRY_FAKE_STATE.down"
wait_for 30 "libvirt: its loss is noticed" \
    grep -q 'the connection to libvirt broke' "$LOG"
check "libvirt: the classes stay" sh -c \
    "[ \$(tc class show dev near0 | grep -c '7666:100[01] ') = 2 ]"
# what old connections still say comes late, and is about themselves: the second
# is lost as well, before it has told of the guests
: >"$VMFERRY_FAKE_STATE.slow"
rm "$VMFERRY_FAKE_STATE.down"
wait_for 30 "libvirt: connected again" sh -c \
    "[ \$(grep -c 'watching the migrations' '$LOG') = 2 ]"
: >"$VMFERRY_FAKE_STATE.down"
wait_for 30 "libvirt: and lost again" sh -c \
    "[ \$(grep -c 'the connection to libvirt broke' '$LOG') = 2 ]"
rm "$VMFERRY_FAKE_STATE.down"
wait_for 30 "libvirt: connected once more" sh -c \
    "[ \$(grep -c 'watching the migrations' '$LOG') = 3 ]"
wait_for 30 "libvirt: an answer is late" test -e "$VMFERRY_FAKE_STATE.late"
rm "$VMFERRY_FAKE_STATE.slow"
wait_for 30 "libvirt: the last of it has been said" \
    sh -c "! test -e '$VMFERRY_FAKE_STATE.late'"
sent=$(status_of '.sessions[] | select(.guest == "vm1") | .sent_bytes')
wait_for 30 "libvirt: its sessions listen to the new one" sh -c "
    [ \$('$VMFERRY' status --json | jq '.sessions[] | select(.guest == \"vm1\")
        | .sent_bytes') -gt $sent ]"
wait_for 60 "death: both have ended" sh -c \
    "[ \$(grep -c 'migration completed' '$LOG') = 2 ]"
wait "${guest[1]}" "${guest[2]}"
for i in 1 2; do
    wait_for 30 "death: vm$i's record is written" record vm$i .outcome.status
    check_number "death: what libvirt said of vm$i's end was heard, ms" \
        "$(record vm$i .outcome.total_ms)" '>' 1000
done
check_equal "death: as the guests say" 2 \
    "$(grep -c '"end":"completed"' "$VMFERRY_FAKE_LOG")"
wait_for 30 "death: nothing is left, and it still runs" sh -c \
    "! tc qdisc show | grep -q 'htb 7666:'"
daemon_stop

# --- its death in post-copy ---
export VMFERRY_FAKE_GUESTS="$hopeless,postcopy=1"
export VMFERRY_FAKE_PAUSE=$WORK/pause
: >"$VMFERRY_FAKE_PAUSE" # it lasts until the next one is there
fake_host "death in post-copy"
daemon_start enforce "$VMFERRY_FAKE_GUESTS" '[ladder]' 'allow=post-copy' \
    '[starter others]' 'allow=post-copy'
wait_for 60 "death in post-copy: it is switched to" \
    grep -q "guest 'vm1': post-copy" "$LOG"
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
daemon_start enforce "$VMFERRY_FAKE_GUESTS"
wait_for 30 "death in post-copy: the next one knows" \
    grep -q "guest 'vm1': post-copy: the guest waits" "$LOG"
rm "$VMFERRY_FAKE_PAUSE"
unset VMFERRY_FAKE_PAUSE
wait_for 30 "death in post-copy: it ends" \
    grep -q "guest 'vm1': migration completed" "$LOG"
daemon_stop
finish
