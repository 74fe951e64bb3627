#!/usr/bin/env python3
"""Prints the benches' results as Markdown: bench_table.py RESULTS LIBRARY, as tools/bench.sh calls it."""

import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

OURS, SERVER = "licenceaddin", "licenceserver"
# What is measured, by whom of us, beside whom, in which unit, and what the design allows: a test of (ours, peer).
ROWS = [
    ("read an integer property", OURS, "addin1c", "time", "no slower", lambda ours, peer: ours <= peer),
    ("read ErrorCode", OURS, "addin1c", "time", "no slower", lambda ours, peer: ours <= peer),
    ("read a string property", OURS, "addin1c", "time", "no slower", lambda ours, peer: ours <= peer),
    ("call a method", OURS, "addin1c", "time", "no slower", lambda ours, peer: ours <= peer),
    ("find a name", OURS, "addin1c", "time", "no slower", lambda ours, peer: ours <= peer),
    ("create an object", OURS, "addin1c", "time", "within 2×", lambda ours, peer: ours <= 2 * peer),
    ("load and create an object", OURS, "addin1c", "time", "within 2×", lambda ours, peer: ours <= 2 * peer),
    ("open a protected object", OURS, "chacha20poly1305", "rate", "70 % of its speed", lambda ours, peer: peer >= 0.7 * ours),
    ("obtain a licence, cold", OURS, None, "time", "under 10 ms", lambda ours, _: ours < 10e6),
    ("take a seat beside others", OURS, "beside one", "time", "what the first costs", lambda ours, peer: ours <= 1.2 * peer),
    ("heartbeat", SERVER, "bare axum", "rate", "80 % of its requests/s", lambda ours, peer: peer >= 0.8 * ours),
    ("heartbeat, the server's processor time", SERVER, "bare axum", "time", "–", None),
    ("durable grant", SERVER, "one sync of the disk", "rate", "5,000/s where a sync takes 1 ms", lambda ours, peer: ours <= 2e5 * max(1, peer / 1e6)),
]


def folder(name):
    """Criterion's folder of a name."""
    return "".join("_" if letter in '?"/\\*<>:|^' else letter for letter in name)[:64]


def read(run, what, who):
    """The median of one measurement in nanoseconds an element, and bytes an element, if it counts bytes."""
    place = run / folder(what) / folder(who) / "new"
    nanoseconds = json.loads((place / "estimates.json").read_text())["median"]["point_estimate"]
    throughput = json.loads((place / "benchmark.json").read_text())["throughput"] or {}
    return nanoseconds / throughput.get("Elements", 1), throughput.get("Bytes")


def shown(nanoseconds, size, unit):
    if unit == "rate" and size:
        return f"{size / nanoseconds:.2f} GB/s"
    if unit == "rate":
        return f"{1e9 / nanoseconds:,.0f}/s"
    for limit, divisor, name in [(1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")]:
        if nanoseconds < limit:
            return f"{nanoseconds / divisor:.3g} {name}"
    return f"{nanoseconds / 1e9:.2f} s"


def table(results, library):
    runs = sorted(path for path in results.iterdir() if path.is_dir())
    yield "| what | ours | peer | ratio (lowest–highest) | budget | met |"
    yield "|---|---|---|---|---|---|"
    for what, who, beside, unit, budget, judge in ROWS:
        ours = [read(run, what, who) for run in runs]
        size = ours[0][1]
        ours = [nanoseconds for nanoseconds, _ in ours]
        own = statistics.median(ours)
        peer_text, ratio_text, peer = "–", "–", None
        if beside:
            peers = [read(run, what, beside)[0] for run in runs]
            # A rate's ratio is ours to the peer's, so is a time's: more is better in one, less in the other.
            ratios = [(theirs / mine if unit == "rate" else mine / theirs) for mine, theirs in zip(ours, peers)]
            middle = statistics.median(ratios)
            peer = own * middle if unit == "rate" else own / middle
            peer_text = f"{shown(statistics.median(peers), size, unit)} {beside}"
            ratio_text = f"{middle:.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        met = "–" if judge is None else "yes" if judge(own, peer) else "**no**"
        yield f"| {what} | {shown(own, size, unit)} | {peer_text} | {ratio_text} | {budget} | {met} |"
    size = library.stat().st_size
    yield f"| size of the stripped library | {size / 1e6:.2f} MB | – | – | 1.5 MB | {'yes' if size <= 1.5e6 else '**no**'} |"


def first(path, key):
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return "unknown"


def machine(runs):
    memory = int(first("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    system = next((line.partition("=")[2].strip('"') for line in Path("/etc/os-release").read_text().splitlines() if line.startswith("PRETTY_NAME")), "unknown")
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    load = os.getloadavg()[1]
    yield f"- {os.cpu_count()} cores of {first('/proc/cpuinfo', 'model name')}, {memory:.0f} GB of memory"
    yield f"- {system}, Linux {platform.release()}, {rustc}"
    yield f"- medians of {runs} runs; the load of the last five minutes was {load:.1f} processes"


def main():
    results, library = Path(sys.argv[1]), Path(sys.argv[2])
    for line in machine(sum(1 for path in results.iterdir() if path.is_dir())):
        print(line)
    print()
    for line in table(results, library):
        print(line)


main()
