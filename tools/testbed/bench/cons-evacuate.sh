# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# cons-evacuate.sh - a host of four guests is emptied, against its link's bound
#
# Elsewhere there is room for 1.3 times what the four need: three of them on one
# host, two on another. Two of the guests are to stay apart and two together. The bound is what
# the cable's own queue has sent, frames and all, through that cable's rate: no
# order of migrations that sends as much is faster. The total is from the command
# to its end. First the same is asked for with room for three only.
# shellcheck disable=SC2034,SC2119,SC2120,SC2154

about_cons_evacuate="four guests leave a host, without vmferryd"

readonly EVACUATE_WIRE=100mbit EVACUATE_MIB=256

# evacuate_configure MIB2 MIB3 [LINE...]: hosts 2 and 3 have so much memory
evacuate_configure() {
    cons_configure "${@:3}" '[network]' "link=$EVACUATE_WIRE" \
        '[group apart]' 'members=vm1;vm2' 'apart=host' \
        '[group together]' 'members=vm3;vm4' 'together=host'
    cons_host 1 cores=4 memory=1300MiB
    cons_host 2 cores=4 "memory=${1}MiB"
    cons_host 3 cores=4 "memory=${2}MiB"
}

# evacuate_up: four guests on host 1 that have written to most of their memory
evacuate_up() {
    local name booting=()

    tb up --hosts 3 --wire "$EVACUATE_WIRE"
    for name in vm1 vm2 vm3 vm4; do
        guest $name --memory "$EVACUATE_MIB" --persistent --workload memory \
            --workload-args rate=100,set=96 &
        booting+=($!)
    done
    wait "${booting[@]}"
    # libvirt keeps what its QEMU can; finding it out takes seconds
    tb virsh 2 domcapabilities >"$logs/domcapabilities" &
    tb virsh 3 domcapabilities >"$logs/domcapabilities"
    wait $!
}

# evacuate_sent: bytes of frames that host 1's cable has carried
evacuate_sent() {
    tb exec switch tc -j -s qdisc show dev u1 | jq '.[0].bytes'
}

# evacuate_refused: with room for three
evacuate_refused() {
    local before status=0

    before=$(places)
    evacuate_configure 590 300
    cons evacuate host1 >"$logs/refused" 2>&1 || status=$?
    goal "no room: exit status" "$status" == 1
    goal "no room: it says who cannot leave" \
        "$(grep -c 'cannot leave' "$logs/refused")" '>=' 1
    goal "no room: nobody has moved" "$(places)" == "$before"
    cons release host1 >>"$logs/refused" 2>&1 || true
    rm -rf "$logs/state"
}

# evacuate_measured [LINE...]: and what is to be said of it
evacuate_measured() {
    local began ended sent status=0 name errors=0

    # 4 x 256 MiB and 30 % more, 0.9 of it to be used
    evacuate_configure 890 590 "$@"
    cons status >"$logs/status"
    alive "$logs/before"
    sent=$(evacuate_sent) began=$(now)
    cons evacuate host1 --json >"$logs/events" 2>"$logs/notes" || status=$?
    ended=$(now) sent=$(($(evacuate_sent) - sent))
    alive "$logs/after"
    cons history --json >"$logs/history"
    figure total_s "$(calc 'b - a' a="$began" b="$ended")"
    figure sent_mb "$(calc 'n / 1e6' n="$sent")"
    figure bound_s "$(calc 'n / 12.5e6' n="$sent")"
    figure migrating_s "$(jq '[.[].time_s] | add' "$logs/history")"
    figure downtime_ms "$(jq -r '[.[].downtime_s * 1000 | round] | sort |
        join("/")' "$logs/history")"
    for name in vm1 vm2 vm3 vm4; do
        errors=$((errors + $(tb ask $name check | jq .errors)))
    done
    goal "exit status" "$status" == 0
    goal "guests that lived through it" "$(lived "$logs/before" \
        "$logs/after")" == 4
    goal "pages of theirs that are wrong" "$errors" == 0
    goal "guests on host1" "$(tb virsh 1 list --name | grep -c vm || true)" == 0
    goal "vm1 and vm2 are apart" "$(places | grep -Eo 'vm[12]=host[23]' |
        cut -d = -f 2 | sort -u | wc -l)" == 2
    goal "vm3 and vm4 are together" "$(places | grep -Eo 'vm[34]=host[23]' |
        cut -d = -f 2 | sort -u | wc -l)" == 1
    goal "each move says bytes and downtime" "$(jq '[.[] |
        select(.bytes > 0 and .downtime_s > 0)] | length' \
        "$logs/history")" == 4
    goal "total, of the bound" "$(calc 't / (n / 12.5e6)' n="$sent" \
        t="$(calc 'b - a' a="$began" b="$ended")")" '<=' 1.10
}

run_cons_evacuate() {
    evacuate_up
    evacuate_refused
    evacuate_measured
}
