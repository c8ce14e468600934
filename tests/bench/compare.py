#!/usr/bin/python3
"""compare.py ROUNDS 'OURS' 'ANCHOR' ['LESS']: runs the shell commands in turn, ROUNDS times each
after one warm-up round (but for fewer than two), and prints, as lines of shell assignments, the
medians of CPU seconds (user and system), wall seconds and peak memory in KiB of the first two, and
the medians of the ratios round by round (less_cpu, less_wall: what LESS takes is taken off OURS).
These machines are shared and noisy: only the ratios mean something. SPEND names spend.c's program."""
import os
import statistics
import subprocess
import sys


def measure(command):
    done = subprocess.run([os.environ["SPEND"], "1", "/bin/sh", "-c", "exec " + command],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"compare.py: exit status {done.returncode} of: {command}")
    return dict(zip(("cpu", "wall", "kib"), map(float, done.stdout.split())))


def main():
    rounds = int(sys.argv[1])
    pairs = []
    for number in range(rounds + 1):
        pair = [measure(command) for command in sys.argv[2:5]]
        if number or rounds < 2:
            pairs.append(pair)
    for index, who in enumerate(("ours", "anchor")):
        for figure in ("cpu", "wall", "kib"):
            print(f"{who}_{figure}={statistics.median(pair[index][figure] for pair in pairs):f}")
    for figure in ("cpu", "wall"):
        ratio = statistics.median(pair[0][figure] / max(pair[1][figure], 1e-6) for pair in pairs)
        print(f"ratio_{figure}={ratio:f}")
        if len(sys.argv) > 4:
            less = statistics.median((pair[0][figure] - pair[2][figure]) /
                                     max(pair[1][figure], 1e-6) for pair in pairs)
            print(f"less_{figure}={less:f}")


main()
