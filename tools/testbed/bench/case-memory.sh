# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# case-memory.sh - a guest that writes its memory leaves beside four TCP flows
#
# The same `virsh migrate --live --p2p' with and without vmferryd. What the
# policy leaves the flows is the link's root rate less the migration's mean
# guarantee; what they got is counted where they arrive, and taken as frames.
# Beside bytes and guarantee stands the time from the daemon's first sign of the
# migration to its end: libvirt's own begins seconds before, with the QEMU at the
# other end, when there is nothing to send or to guarantee.
# shellcheck disable=SC2034,SC2154

ways_memory="plain enforce"
about_memory="a guest that writes memory, four TCP flows beside it, 50 Mbit/s"

run_memory() {
    local cross since guarantee

    tb up --hosts 2 --wire 50mbit
    guest vm --memory 512 --workload memory --workload-args rate=800,set=64
    [ "$1" = plain ] || daemon_start 50mbit
    tb cross start --flows 4
    migrated vm --p2p
    since=$(calc 'a + 2' a="$BEGAN")
    cross=$(cross_between "$since" "$ENDED")
    tb cross report >"$logs/cross.json"
    figure flows_mbit "$(calc 'c * 8 / 1e6' c="$cross")"
    [ "$1" = enforce ] && [ "$MIGRATED" = completed ] || return 0
    await 5 "its record is written" record_ended vm
    guarantee=$(guaranteed vm)
    figure session_s "$(record vm '.cost.wall_ms / 1000')"
    figure libvirt_s "$(record vm '.outcome.total_ms / 1000')"
    figure bytes "$(record vm .outcome.bytes)"
    figure iterations "$(record vm .outcome.iterations)"
    figure guarantee_bytes_s "${guarantee%.*}"
    figure of_guaranteed_time "$(record vm \
        ".cost.wall_ms / 1000 / (.outcome.bytes / $guarantee)")"
    figure flows_share_percent "$(calc \
        '100 * c * frame / (0.97 * 6.25e6 - g)' c="$cross" frame="$FRAME" \
        g="$guarantee")"
}
