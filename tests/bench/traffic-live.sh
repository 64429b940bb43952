#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# traffic-live.sh VMFERRY-TRAFFIC BENCH-TRAFFIC-SEND - counting at full rate
#
# Two million frames of 200 bytes through a veth of its own namespace, as fast
# as one core sends them: without anybody looking, counted, counted with a ring
# of 128 MiB, and sampled 1 in 16 by the kernel. Frames counted and dropped have
# to be all that were sent, to the frame; sampled, to five standard deviations.
set -eu
traffic=$1 send=$2
frames=2000000

if [ "${3-}" != inside ]; then
    if [ "$(id -u)" -ne 0 ] || ! unshare -n true 2>/dev/null; then
        echo "SKIPPED: needs root and namespaces"
        exit 77
    fi
    exec unshare -n "$0" "$traffic" "$send" inside
fi
ip link set dev lo up
ip link add near0 type veth peer name far0
ip link set dev near0 up
ip link set dev far0 up
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0

rate() { # SENT US
    echo $(($1 * 1000000 / $2))
}

read -r sent us < <("$send" near0 $frames 200)
printf '%-22s sent %8d packets/s\n' "nobody looks" "$(rate "$sent" "$us")"

# measure NAME OPTION...: counted and dropped, beside what was sent
measure() {
    local name=$1 counted dropped factor begun
    shift
    coproc COUNT { TIMEFORMAT='%U %S'
        { time "$traffic" live -i far0 --filter 'ip proto 253' --json "$@" \
            >"$folder/out"; } 2>&1; }
    # shellcheck disable=SC2153 # coproc makes it
    exec 3<&"${COUNT[0]}"
    read -r -t 30 begun <&3
    case $begun in
    *"counting on"*) ;;
    *) echo "$name: it says '$begun'" && exit 1 ;;
    esac
    read -r sent us < <("$send" near0 $frames 200)
    pkill -INT -P "$COUNT_PID" || kill -INT "$COUNT_PID"
    begun=$(cat <&3)
    wait "$COUNT_PID" || true
    counted=$(jq .total.packets "$folder/out")
    dropped=$(jq '[.sources[].dropped] | add' "$folder/out")
    factor=$(jq .sampled_1_in "$folder/out")
    printf '%-22s sent %8d packets/s, counted %7d, dropped %7d, processor %s s\n' \
        "$name" "$(rate "$sent" "$us")" "$counted" "$dropped" \
        "$(tail -n 1 <<<"$begun" | awk '{ print $1 + $2 }')"
    awk -v n="$sent" -v c="$counted" -v d="$dropped" -v f="$factor" 'BEGIN {
        off = n - c - d * f
        exit !(f == 1 ? off == 0 : off * off <= 25 * n * (f - 1))
    }' || {
        echo "$name: counted and dropped are not what was sent"
        status=1
    }
}
measure "counted"
measure "ring of 128 MiB" --ring 128
measure "1 in 16 by the kernel" --sample 16
exit $status
