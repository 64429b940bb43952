# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# cons-traffic.sh - two chatty pairs, each with a guest in either rack
#
#   rack left                rack right
#   host1: a1 c1             host3: a2 c3
#   host2: b1 c2             host4: b2 c4
#
# a1 and a2 talk, b1 and b2 talk, the others only live. What passes between the
# racks is counted by the kernel on the cable between their switches, with the
# manager's own questions in it.
# shellcheck disable=SC2034,SC2154

about_cons_traffic="chatty pairs in two racks come together, nobody else moves"

run_cons_traffic() {
    local i before after moved=() rate_before rate_after pair name

    tb up --hosts 4 --wire 200mbit
    two_racks 3 4
    # addresses go by the order: a1 .1, a2 .2, b1 .3, b2 .4
    chatty a1 1 2
    chatty a2 3 1
    chatty b1 2 4
    chatty b2 4 3
    for i in 1 2 3 4; do
        tb guest "c$i" --host "$i" --memory 128 --workload idle
    done
    capture 1 2 3 4
    cons_configure "traffic=$logs/traffic-1.db;$logs/traffic-2.db" \
        '[consolidate]' cycle=10s '[network]' link=200mbit \
        '[triggers]' 'far-traffic=every 1min' far-traffic-span=5min \
        overloaded=off
    for i in 1 2 3 4; do
        cons_host "$i" "rack=$([ "$i" -le 2 ] && echo left || echo right)" \
            cores=4 memory=768MiB
    done
    # the other rack's histories come by a command, as they would by ssh
    for i in 3 4; do
        printf '%s\n' "[reach host$i]" "traffic=$traffic history --since \
{since} --period $CAPTURE_PERIOD --json $logs/traffic-$i.db"
    done >>"$logs/consolidate.conf"
    for i in 1 2 3 4; do
        await 30 "host$i has counted" captured "$i"
    done
    alive "$logs/before"
    before=$(places)
    rate_before=$(rack_rate 10)

    BEGAN=$(now)
    cons_serve auto
    await 150 "the plan is over" cons_log '^plan .* is over'
    figure cycle_s "$(calc 'b - a' a="$BEGAN" b="$(now)")"

    rate_after=$(rack_rate 10)
    alive "$logs/after"
    after=$(places)
    for name in $before; do
        [[ " $after " = *" $name "* ]] || moved+=("${name%%=*}")
    done
    figure before "${before// /;}"
    figure after "${after// /;}"
    figure racks_before_bytes_s "$rate_before"
    figure racks_after_bytes_s "$rate_after"
    figure moves "$(journal '[.[] | select(.what == "step" and
        .state == "done")] | length')"
    for pair in a b; do
        goal "the pair $pair is in one rack" "$(rack_of "${pair}1" "$after")" \
            == "$(rack_of "${pair}2" "$after")"
    done
    goal "bytes between racks fall, percent" "$(calc '100 * (1 - b / a)' \
        a="$rate_before" b="$rate_after")" '>=' 80
    goal "guests that moved" "${#moved[@]}" == 2
    goal "moved and not of a pair" \
        "$(printf '%s\n' "${moved[@]}" | grep -c '^c' || true)" == 0
    goal "guests that lived through it" "$(lived "$logs/before" \
        "$logs/after")" == 8
    cons report >"$logs/report.html"
    cons history >"$logs/history.txt"
}

# chatty NAME HOST MATE: MATE is the last number of its address
chatty() {
    tb guest "$1" --host "$2" --memory 128 --workload idle \
        --workload-args "chat=10.77.1.$3:256"
}

# rack_of GUEST PLACES
rack_of() {
    case " $2 " in
    *" $1=host1 "* | *" $1=host2 "*) echo left ;;
    *" $1=host3 "* | *" $1=host4 "*) echo right ;;
    *) echo "nowhere-$1" ;;
    esac
}
