#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# traffic-read.sh VMFERRY-TRAFFIC - how fast a captured file is counted
#
# Four million frames between 2000 guests (some 400 MB, all in memory) are
# counted by vmferry-traffic, exact, with a table that is too small, and
# sampled, and read by tcpdump, which here only counts them, and prints them; in
# turn, three rounds, the best of each. The goal is a million packets a second
# on one core; exits 1 if it is missed.
set -eu
traffic=$1
frames=4000000
goal=1000000

command -v tcpdump >/dev/null || {
    echo "SKIPPED: there is no tcpdump"
    exit 77
}
folder=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$folder"' EXIT
file=$folder/frames.pcap guests=$folder/guests

python3 - "$frames" "$file" "$guests" <<'END'
import random
import struct
import sys

n, path, guests = int(sys.argv[1]), sys.argv[2], sys.argv[3]
chance = random.Random(1)
with open(guests, "w", encoding="utf-8") as out:
    for i in range(1, 2001):
        out.write(f"52:54:00:00:{i >> 8:02x}:{i & 255:02x}=vm{i}\n")


def frame():
    # a few talk a lot, many little; one in ten is outside
    a = min(int(chance.paretovariate(.5)), 2200)
    b = chance.randrange(1, 2200)
    size = chance.choice((66, 66, 590, 1514))
    head = b"RT\0\0" + struct.pack(">H", b) + b"RT\0\0" + struct.pack(">H", a)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size - 14, 0, 0, 64, 6, 0,
                     struct.pack(">BBH", 10, a >> 8, a),
                     struct.pack(">BBH", 10, b >> 8, b))
    return size, (head + b"\x08\0" + ip + bytes(94))[:min(size, 96)]


frames = [frame() for _ in range(200000)]
with open(path, "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 96, 1))
    for start in range(0, n, 10000):
        block = []
        for i in range(start, start + 10000):
            size, data = frames[chance.randrange(200000)]
            block.append(struct.pack("<IIII", 1700000000 + i // 1000000,
                                     i % 1000000, len(data), size) + data)
        out.write(b"".join(block))
END

declare -A best
# measure NAME COMMAND...: best user and system time, in ms
measure() {
    local name=$1 took
    shift
    TIMEFORMAT='%U %S'
    took=$({ time "$@" >"$folder/out" 2>"$folder/err"; } 2>&1) || {
        echo "$name failed: $(cat "$folder/err")"
        exit 1
    }
    took=$(awk '{ printf "%d", ($1 + $2) * 1000 + .5 }' <<<"$took")
    if [ -z "${best[$name]-}" ] || [ "$took" -lt "${best[$name]}" ]; then
        best[$name]=$took
    fi
}

for _ in 1 2 3; do
    measure exact "$traffic" read --json -g "$guests" "$file"
    measure "1000 pairs" "$traffic" read --json --pairs 1000 -g "$guests" "$file"
    measure "1 in 16" "$traffic" read --json --sample 16 -g "$guests" "$file"
    measure "tcpdump --count" tcpdump --count -r "$file"
    measure "tcpdump -n" tcpdump -n -r "$file"
    ! command -v capinfos >/dev/null || measure capinfos capinfos "$file"
done
status=0
for name in exact "1000 pairs" "1 in 16" "tcpdump --count" "tcpdump -n" capinfos; do
    [ -n "${best[$name]-}" ] || continue
    rate=$((frames * 1000 / (best[$name] + (best[$name] == 0))))
    printf '%-16s %6d ms of one core, %9d packets/s\n' "$name" "${best[$name]}" "$rate"
    case $name in
    exact | "1000 pairs" | "1 in 16") [ $rate -ge $goal ] || status=1 ;;
    esac
done
[ $status -eq 0 ] || echo "the goal of $goal packets/s is missed"
exit $status
