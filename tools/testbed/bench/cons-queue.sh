# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# cons-queue.sh - the same evacuation through vmferryd's queue at the source
#
# Each move is announced to it by its control socket, waits until it is admitted,
# and gets a reservation.
# shellcheck disable=SC2034,SC2154

about_cons_queue="four guests leave a host through its vmferryd's queue"

run_cons_queue() {
    evacuate_up
    daemon_start "$EVACUATE_WIRE" '[control]' "socket=$logs/vmferryd.socket"
    evacuate_measured '[reach host1]' "vmferryd=$logs/vmferryd.socket"
    goal "moves that vmferryd was told and admitted" \
        "$(grep -c 'vmferryd: session .* may begin' "$logs/daemon.log")" == 4
    goal "moves that it recorded as the manager's" "$(jq -s '[.[] |
        select(.outcome.status == "completed")] | length' \
        "$logs"/records/2*.json)" == 4
    goal "moves that it did not steer" \
        "$(grep -c 'does not steer' "$logs/notes" || true)" == 0
}
