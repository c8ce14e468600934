#!/usr/bin/python3
"""compare.py ROUNDS 'OURS' 'ANCHOR': runs two shell commands in turn, ROUNDS times each after one
warm-up round, and prints as one line of JSON: the medians of CPU seconds (user and system), wall
seconds and peak memory in KiB of both, and the medians of the ratios pair by pair. These machines
are shared and noisy: only the ratios mean something."""
import json
import os
import statistics
import subprocess
import sys
import time


def measure(command):
    started = time.monotonic()
    process = subprocess.Popen(["/bin/sh", "-c", "exec " + command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = status
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"compare.py: exit status {os.waitstatus_to_exitcode(status)} of: {command}")
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "kib": usage.ru_maxrss}


def main():
    rounds = int(sys.argv[1])
    pairs = []
    for number in range(rounds + 1):
        pair = [measure(command) for command in sys.argv[2:4]]
        if number or not rounds:
            pairs.append(pair)
    out = {}
    for index, who in enumerate(("ours", "anchor")):
        for figure in ("cpu", "wall", "kib"):
            out[f"{who}_{figure}"] = statistics.median(pair[index][figure] for pair in pairs)
    for figure in ("cpu", "wall"):
        out[f"ratio_{figure}"] = statistics.median(
            pair[0][figure] / max(pair[1][figure], 1e-6) for pair in pairs)
    print(json.dumps(out))


main()
