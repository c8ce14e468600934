"""A greylisting policy service for Postfix, as postgrey is one: the first second of a triplet is
deferred. The time of the first try is the time of a file, so that all processes agree."""

import hashlib
import os
import sys
import time

WAIT_SECONDS = 1.0


def decide(folder, request):
    triplet = "|".join(request.get(k, "") for k in ("client_address", "sender", "recipient"))
    path = os.path.join(folder, hashlib.sha1(triplet.encode()).hexdigest())
    try:
        age = time.time() - os.stat(path).st_mtime
    except FileNotFoundError:
        open(path, "w").close()
        age = 0.0
    if age < WAIT_SECONDS:
        return "DEFER_IF_PERMIT Greylisted, see http://postgrey.schweikert.ch/help/%s.html" % (
            request.get("recipient", "").rpartition("@")[2]
        )
    return "DUNNO"


def main():
    request = {}
    for line in sys.stdin:
        line = line.rstrip("\n")
        if line:
            key, _, value = line.partition("=")
            request[key] = value
            continue
        print("action=%s\n" % decide(sys.argv[1], request), flush=True)
        request = {}


main()
