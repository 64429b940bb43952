#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon-back.sh - what vmferryd changed on guests is put back
#
# Whoever is away meanwhile: libvirt, the daemon, the guest. Some 85 s; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/daemon-lib.sh"

# --- stopped while libvirt is away: what it changed the next start puts back ---
export VMFERRY_FAKE_STATE=$WORK/host
limits=('[ladder]' 'allow=guarantee downtime' 'downtime-max=30s'
    '[starter others]' 'allow=guarantee downtime')
# by a port that is none of the usual
export VMFERRY_FAKE_GUESTS="start=0.5,to=10.9.0.2:50123,mib=48,rate=6000,set=9000"
fake_host away
daemon_start enforce "$VMFERRY_FAKE_GUESTS" "${limits[@]}"
wait_for 30 "away: its connection is found by what its process holds and sent" \
    session_is vm1 .port 50123
wait_for 60 "away: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_FAKE_STATE.down"
wait_for 30 "away: libvirt is gone" \
    grep -q 'the connection to libvirt broke' "$LOG"
daemon_stop
rm "$VMFERRY_FAKE_STATE.down"
daemon_start observe "$VMFERRY_FAKE_GUESTS"
wait_for 30 "away: the old one is put back" \
    grep -q 'the maximum downtime is 300 ms again' "$LOG"
kill "${guest[1]}"
daemon_stop

# --- or the same one, when libvirt is back, or the guest can be had ---
fake_host back
daemon_start enforce "$VMFERRY_FAKE_GUESTS" "${limits[@]}"
wait_for 60 "back: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_FAKE_STATE.down"
wait_for 30 "back: libvirt is gone" \
    grep -q 'the connection to libvirt broke' "$LOG"
: >"$VMFERRY_DISABLED"
wait_for 30 "back: switched off, nobody hears it" \
    grep -q 'not put back yet' "$LOG"
rm "$VMFERRY_FAKE_STATE.down"
wait_for 30 "back: with libvirt the old one is back" \
    grep -q '"limit_ms":300}' "$VMFERRY_FAKE_LOG"
rm "$VMFERRY_DISABLED"
kill "${guest[1]}"
daemon_stop
fake_host end
daemon_start enforce "$VMFERRY_FAKE_GUESTS" "${limits[@]}"
wait_for 60 "end: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
daemon_stop
check "end: who stops puts it back first" \
    sh -c "tail -n 1 '$VMFERRY_FAKE_LOG' | grep -q '\"limit_ms\":300}'"
kill "${guest[1]}"
fake_host late
daemon_start enforce "$VMFERRY_FAKE_GUESTS" '[ladder]' \
    'allow=guarantee downtime abort' 'downtime-max=30s' \
    '[starter others]' 'allow=guarantee downtime abort'
wait_for 60 "late: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_FAKE_STATE.refuse"
check "late: it is cancelled" "$VMFERRY" cancel vm1
wait_for 30 "late: it ends, and the limit stays for now" \
    grep -q 'is not put back: .*trying again' "$LOG"
rm "$VMFERRY_FAKE_STATE.refuse"
wait_for 30 "late: it is put back while the daemon runs" \
    grep -q 'the maximum downtime is 300 ms again' "$LOG"
wait "${guest[1]}" 2>/dev/null
daemon_stop
finish
