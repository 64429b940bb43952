# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# stats.sh - figures out of what a run has left: flows, requests, records
# shellcheck disable=SC2034,SC2154

# Of a full frame's 1514 bytes, which tc counts, TCP's payload is 1448.
readonly FRAME=1.04558

# cross_between SINCE UNTIL: payload in bytes/s that the cross flows got in the
# whole seconds between
cross_between() {
    tb cross report | jq -r --argjson a "$1" --argjson b "$2" '
        [.samples[] | select(.at - 1 >= $a and .at <= $b) | .bytes_s] |
        if length > 0 then add / length else "" end'
}

# answers FILE SINCE UNTIL: of what bench/asker wrote, "BYTES_S P50_MS P99_MS
# REQUESTS". Requests are taken by when they were due, bytes by when they came;
# one that was never answered took until the end of the record.
answers() {
    awk -v since="$2" -v until="$3" '
        $1 >= since && $1 <= until { print "due", ($2 - $1) * 1000 }
        $2 >= since && $2 <= until { bytes += $3 }
        END { print "bytes", bytes / (until - since) }' "$1" |
        sort -k 1,1 -k 2,2n | awk '
        $1 == "bytes" { bytes = $2 }
        $1 == "due" { ms[++n] = $2 }
        function at(part,    i) {
            i = int(part * n + 0.999999)
            return n ? ms[i < 1 ? 1 : i] : 0
        }
        END { printf "%.0f %.1f %.1f %d\n", bytes, at(0.5), at(0.99), n }'
}

# guaranteed GUEST: mean guarantee of its record's points, bytes/s
guaranteed() {
    record "$1" '[.points[].reserved_bytes_s // empty | select(. > 0)] |
        if length > 0 then add / length else "" end'
}
