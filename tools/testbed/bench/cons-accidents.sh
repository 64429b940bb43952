# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# cons-accidents.sh - what happens to hosts while a plan is carried out
#
#   full      at the second move the destination has no memory free any more
#   restart   the source's libvirtd is restarted while it migrates
#   killed    the destination's libvirtd is killed while it receives
#   cut       the destination's cable is pulled while it receives
#
# Three guests leave a host for the other one in each. The plan has to end by
# itself, finished or with the reason; every guest runs on one host and has lived
# through it; and once the accident is over, the next evacuation gets the rest
# away. CONS_ACCIDENTS names some of them only.
# shellcheck disable=SC2034,SC2154

about_cons_accidents="a destination full, daemons killed, a cable pulled"

# accident_WHAT FROM TO: it happens; after_WHAT: it is over
accident_full() {
    sed 's/^\(MemFree\|MemAvailable\|Buffers\|Cached\):.*/\1: 20480 kB/' \
        /proc/meminfo >"$logs/meminfo"
    tb exec "$2" mount --bind "$logs/meminfo" /proc/meminfo
}
after_full() { tb exec "$2" umount /proc/meminfo; }
accident_restart() { tb libvirtd "$1" restart; }
after_restart() { :; }
accident_killed() { tb libvirtd "$2" kill; }
after_killed() { tb libvirtd "$2" start; }
accident_cut() { tb exec switch ip link set "s$2" down; }
after_cut() { tb exec switch ip link set "s$2" up; }

# accident_sent HOST: bytes that its cable has carried
accident_sent() {
    tb exec switch tc -j -s qdisc show dev "u$1" | jq '.[0].bytes'
}

# accident_sending HOST BYTES: more than those and 20 MB, so a move is half over
accident_sending() { (($(accident_sent "$1") > $2 + 20000000)); }

# accident_count: how often each guest runs, "1 vm1"
accident_count() {
    local host

    for host in 1 2; do
        tb virsh $host list --state-running --name | grep vm || true
    done | sort | uniq -c
}

# accident WHAT FROM TO
accident() {
    local manager status=0 again=0 began counted sent

    echo "--- $1, host$2 to host$3" >>"$logs/notes"
    alive "$logs/before"
    sent=$(accident_sent "$2")
    cons evacuate "host$2" --json >"$logs/events-now" 2>>"$logs/notes" &
    manager=$!
    await 40 "$1: a move sends" accident_sending "$2" "$sent"
    "accident_$1" "$2" "$3"
    began=$(now)
    await 120 "$1: the plan ends by itself" accident_over "$manager"
    wait "$manager" || status=$?
    figure "$1_ended_after_s" "$(calc 'b - a' a="$began" b="$(now)")"
    figure "$1_status" "$status"
    figure "$1_moved" "$(jq -s '[.[] | select(.event == "step" and
        .data.state == "done")] | length' "$logs/events-now")"
    cat "$logs/events-now" >>"$logs/events"
    why=$(journal '[.[] | select(.what == "stopped")] | last | .why // ""')
    echo "stopped: $why" >>"$logs/notes"
    "after_$1" "$2" "$3"
    await 40 "$1: three guests run" accident_settled
    counted=$(accident_count)
    alive "$logs/after"
    goal "$1: guests that lived through it" \
        "$(lived "$logs/before" "$logs/after")" == 3
    goal "$1: guests that run once" \
        "$(awk '$1 == 1' <<<"$counted" | wc -l)" == 3
    goal "$1: finished, or stopped with the reason" \
        "$([ "$status" = 0 ] || [ -n "$why" ] && echo yes)" == yes
    cons evacuate "host$2" >>"$logs/notes" 2>&1 || again=$?
    cons release "host$2" >>"$logs/notes" 2>&1
    goal "$1: the next one gets the rest away" "$again" == 0
    goal "$1: guests left on host$2" \
        "$(tb virsh "$2" list --name | grep -c vm || true)" == 0
}

accident_over() { ! kill -0 "$1"; }

# accident_settled: each of the three runs, and only once
accident_settled() {
    [ "$(accident_count | awk '$1 == 1' | wc -l)" = 3 ]
}

run_cons_accidents() {
    local name what from=1 to=2 why=''

    tb up --hosts 2 --wire 100mbit
    cons_boot_three
    tb virsh 2 domcapabilities >"$logs/domcapabilities"
    cons_configure patience=10s '[network]' link=100mbit '[budget]' \
        cool-down=0s no-return=0s moves-per-hour=0
    for name in 1 2; do
        cons_host $name cores=4 memory=1GiB
    done
    cons status >"$logs/status"
    for what in ${CONS_ACCIDENTS:-full restart killed cut}; do
        accident "$what" $from $to
        name=$from from=$to to=$name
    done
}
