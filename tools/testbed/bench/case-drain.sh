# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# case-drain.sh - four guests leave a host, in three ways: bench-drain's rows
# shellcheck disable=SC2034,SC2154

ways_drain="all"
about_drain="four guests by vmferry drain, by virsh at once and one by one"

run_drain() {
    "$here/bench-drain" --repetitions "$repetition" --out "$work/drains" \
        >"$logs/log" 2>&1 || die "bench-drain: $(tail -n 2 "$logs/log")"
    while read -r name value; do
        figure "$name" "$value"
    done < <(awk -F, -v repetition="$repetition" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["repetition"] == repetition {
            way = $at["way"]
            gsub(/-/, "_", way)
            if (!(way in seen)) {
                seen[way] = 1
                print way "_s", $at["total_s"]
                print way "_looking_s", $at["looking_s"]
                print way "_status", $at["status"]
            }
            sent[way] += $at["bytes"]
            if ($at["downtime_ms"] != "") {
                guest = $at["guest"]
                gsub(/-/, "_", guest)
                print way "_" guest "_ms", $at["downtime_ms"]
                print way "_" guest "_mb", $at["bytes"] / 1e6
            }
        }
        END {
            for (way in sent)
                print way "_mb", sent[way] / 1e6
        }' "$work/drains/drains.csv")
    [ -n "$figures" ] || die "bench-drain left no rows of $repetition"
}
