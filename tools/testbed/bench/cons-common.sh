# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# cons-common.sh - what the cases of bench-consolidate share
#
# The manager is on the client's node and reaches all libvirts over the network.
# Its state, log and socket are in $logs. See common.sh for the rest.
# shellcheck disable=SC2154

SERVICE=''
CAPTURE_PERIOD=5 CAPTURE_GUESTS="--connect qemu:///system --guest-macs 52:54:00"

# goal WHAT VALUE OPERATOR LIMIT: numbers, or words with ==
goal() {
    local met=false number='^-?[0-9]+(\.[0-9]+)?$'

    if [ "$3" = == ]; then
        [ "$2" = "$4" ] && met=true
    elif [[ $2 =~ $number ]] && awk -v a="$2" -v b="$4" \
        "BEGIN { exit !(a + 0 $3 b + 0) }"; then
        met=true
    fi
    jq -c -n --arg what "$1" --arg value "$2" --arg operator "$3" \
        --arg limit "$4" --argjson met $met '$ARGS.named' >>"$logs/goals"
}

# cons_configure LINE...: what goes to [service], then other sections
cons_configure() {
    {
        printf '%s\n' '[service]' "state=$logs/state" \
            "socket=$logs/socket" patience=20s sample=1s "$@"
    } >"$logs/consolidate.conf"
}

# cons_host I LINE...: a host of the configuration
cons_host() {
    printf '%s\n' "[host host$1]" "uri=$(uri "$1")" "${@:2}" \
        >>"$logs/consolidate.conf"
}

# cons COMMAND [OPTION...]: on the client's node
cons() {
    tb exec client "$consolidate" "$@" --config "$logs/consolidate.conf"
}

# cons_boot_three: vm1 to vm3 on host 1, small ones that write
cons_boot_three() {
    local name booting=()

    for name in vm1 vm2 vm3; do
        guest $name --memory 128 --persistent --workload memory \
            --workload-args rate=50,set=8 &
        booting+=($!)
    done
    wait "${booting[@]}"
}

# cons_serve MODE: the service; it is ready when it has looked at the hosts
cons_serve() {
    : >"$logs/service.log"
    (exec "$testbed" --quiet exec client "$consolidate" run --mode "$1" \
        --config "$logs/consolidate.conf" >>"$logs/service.log" 2>&1) &
    SERVICE=$!
    HELPERS+=("$SERVICE")
    await 30 "the service answers" cons_answers
    kill -0 "$SERVICE" 2>/dev/null ||
        die "the service has ended: $(tail -n 2 "$logs/service.log")"
}

# cons_answers: the service, and no look of the command's own; or it has ended
cons_answers() {
    [ -S "$logs/socket" ] && cons status || ! kill -0 "$SERVICE"
}

# cons_log WORDS: the service has said so, an extended regular expression
cons_log() { grep -Eq -- "$1" "$logs/service.log"; }

# journal FILTER: jq's, of the journal's lines together
journal() { jq -r -s "$1" "$logs/state/journal"; }

# cons_end_run: the service and the captures come to their own ends first
cons_end_run() {
    local pid

    for pid in "${HELPERS[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    HELPERS=()
    end_run
}

# places: "vm1=host1 vm2=host3", of libvirt and not of the manager
places() {
    # its status is that of the testbed, where a libvirtd may be stopped
    { tb status --json || true; } |
        jq -r '[.guests[] | "\(.name)=\(.host // "-")"] | sort | join(" ")'
}

# alive FILE: boot_id and counter of all guests, to compare with later
alive() {
    local name

    for name in $(places); do
        tb ask "${name%%=*}" |
            jq -r --arg name "${name%%=*}" '"\($name) \(.boot_id) \(.counter)"'
    done >"$1"
}

# lived BEFORE AFTER: how many guests of the one are in the other, and counted on
lived() {
    awk 'NR == FNR { boot[$1] = $2; counter[$1] = $3; next }
        boot[$1] == $2 && $3 + 0 > counter[$1] + 0 { n++ }
        END { print n + 0 }' "$1" "$2"
}

# capture HOST...: vmferry-traffic on the bridge of each, as its unit runs it
capture() {
    local host

    for host in "$@"; do
        # shellcheck disable=SC2086 # words
        (exec "$testbed" --quiet exec "$host" "$traffic" live \
            --interface br0 $CAPTURE_GUESTS --period "$CAPTURE_PERIOD" \
            --history "$logs/traffic-$host.db" >"$logs/traffic-$host.log" 2>&1) &
        HELPERS+=($!)
    done
}

# captured HOST: it has kept a period
captured() {
    [ -n "$("$traffic" history --list "$logs/traffic-$1.db" 2>/dev/null)" ]
}

# two_racks HOST...: these hosts get a switch of their own, behind one cable
two_racks() {
    local host

    tb exec switch ip link add name sw1 type bridge
    tb exec switch ip link set sw1 up
    tb exec switch ip link add name rackA type veth peer name rackB
    tb exec switch ip link set rackA master sw0 up
    tb exec switch ip link set rackB master sw1 up
    for host in "$@"; do
        tb exec switch ip link set "s$host" master sw1
    done
}

# rack_bytes: that have passed that cable, both ways, by the kernel's counters
rack_bytes() {
    tb exec switch ip -j -s link show dev rackA |
        jq '.[0].stats64 | .rx.bytes + .tx.bytes'
}

# rack_rate SECONDS: bytes a second between the racks, for so long
rack_rate() {
    local bytes began

    bytes=$(rack_bytes) began=$(now)
    sleep "$1"
    calc '(b - a) / (t - s)' a="$bytes" b="$(rack_bytes)" s="$began" t="$(now)"
}
