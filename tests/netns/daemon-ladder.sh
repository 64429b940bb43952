#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon-ladder.sh - migrations that cannot converge, under vmferryd
#
# The downtime limit, the switch, post-copy. Some 55 s; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/daemon-lib.sh"

# --- one that cannot converge ---
daemon_start enforce "$hopeless" '[ladder]' 'allow=guarantee downtime' \
    'downtime-max=4s' '[starter others]' 'allow=guarantee downtime'
wait_for 60 "ladder: it ends" records_are 1
check_equal "ladder: with a longer stop" completed \
    "$(record vm1 .outcome.status)"
check "ladder: which is said" grep -q 'raises the downtime limit' "$LOG"
check_equal "ladder: and in the record, with what became of it" \
    "take downtime true" "$(record vm1 '.extra.ladder |
        map(select(.step == "downtime")) | first |
        "\(.act) \(.step) \(.done)"')"
daemon_stop
daemon_start enforce "start=0.5,to=10.9.0.2:49152,mib=48,rate=6000,set=9000" \
    '[ladder]' 'allow=guarantee downtime' 'downtime-max=30s' \
    '[starter others]' 'allow=guarantee downtime'
wait_for 60 "ladder: a limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_DISABLED"
wait_for 1 "disabled: a guest's limit is its own within a second" \
    grep -q '"limit_ms":300}' "$VMFERRY_FAKE_LOG"
rm "$VMFERRY_DISABLED"
daemon_stop
daemon_start observe "$hopeless,mbit=30" '[ladder]' 'allow=guarantee downtime' \
    'downtime-max=4s' '[starter others]' 'allow=guarantee downtime'
wait_for 30 "observe: what would be done is said" \
    grep -q 'raises the downtime limit.*not carried out' "$LOG"
check_equal "observe: and not done" "" "$(tc qdisc show | grep 'htb 7666:')"
check_equal "observe: on the guest neither" 0 \
    "$(cat "$VMFERRY_FAKE_LOG" 2>/dev/null | grep -c limit_ms)"
daemon_stop

# --- post-copy, where it is allowed ---
export VMFERRY_FAKE_ON_POSTCOPY="tc class show dev near0 >$WORK/at-switch"
export VMFERRY_FAKE_PAUSE=$WORK/pause
: >"$VMFERRY_FAKE_PAUSE"
daemon_start enforce "$hopeless,postcopy=1" '[ladder]' 'allow=post-copy' \
    '[starter others]' 'allow=post-copy'
wait_for 60 "post-copy: it is switched to" \
    grep -q "guest 'vm1': post-copy" "$LOG"
check_number "post-copy: the guarantee before the switch, of 48.5 Mbit/s" \
    "$(sed -n 's/^class htb 7666:1000 .* rate \([0-9]*\)Kbit .*/\1/p' \
        "$WORK/at-switch")" '>=' 46000
wait_for 30 "post-copy: paused, it is said" \
    session_is vm1 .state postcopy-paused
check "post-copy: with the command that continues it" session_is vm1 .recover \
    'virsh -c qemu:///system migrate --live --p2p --postcopy --postcopy-resume vm1 qemu+ssh://10.9.0.2/system'
check_equal "post-copy: and it is an alert" postcopy-paused \
    "$(status_of '.alerts[].alert')"
check_equal "post-copy: that it is paused is warned of once" 1 \
    "$(grep -c 'warning: .*post-copy is paused' "$LOG")"
rm "$VMFERRY_FAKE_PAUSE"
wait_for 30 "post-copy: it goes on" session_is vm1 .state postcopy
wait_for 60 "post-copy: it ends" records_are 1
check_equal "post-copy: as others do" completed "$(record vm1 .outcome.status)"
daemon_stop
export VMFERRY_FAKE_DEVICES="<hostdev mode='subsystem' type='pci'><source>
    <address domain='0' bus='1' slot='0' function='0'/></source></hostdev>"
daemon_start enforce "$hopeless,postcopy=1" '[ladder]' 'allow=post-copy' \
    '[starter others]' 'allow=post-copy'
wait_for 60 "post-copy: not with devices of the host" \
    grep -q 'ruled out: the guest has host devices' "$LOG"
daemon_stop
unset VMFERRY_FAKE_ON_POSTCOPY VMFERRY_FAKE_DEVICES VMFERRY_FAKE_PAUSE
finish
