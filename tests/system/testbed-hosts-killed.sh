#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# testbed-hosts-killed.sh - what a fixed guarantee leaves on real hosts when its
# run is interrupted, and when nobody could clean up: nothing
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/testbed-hosts-lib.sh"

hosts_prepare
sed 's/^methods = .*/methods = static-htb/' "$WORK/two.conf" \
    >"$WORK/static.conf"

testbed_up
check "sshd runs on both" ssh_prepare
interrupt "a fixed guarantee" static.conf
nothing_left "... neither that nor anything else is left"
check_equal "... it is no result" 0 "$(runs static)"

# the power fails where experiments are run
experiment static.conf --wire-command "$WORK/set-wire" \
    >"$WORK/killed.log" 2>&1 &
wait_for 180 "once more it migrates" migrates_shaped
kill -KILL "$(pgrep -f "/vmferry-experiment run $WORK/static.conf ")"
check_status "killed, its guarantee is left" 0 htb \
    on 1 tc qdisc show dev mig0
check "what takes hosts out of use" on client \
    "$TEST_SOURCE/tools/testbed/vmferry-hosts" --state "$WORK/state" down
nothing_left "... leaves nothing of it"
finish
