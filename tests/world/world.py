"""Writes the private world into a folder: root.zone, nsd.conf, unbound.conf, mx.tsv.

    world.py FOLDER [ADDITION...]

The standard world has one scripted server for each line of personalities.tsv, the records of
special.zone and the domains of the real mail servers. An ADDITION is a folder with records.zone
(records for the root zone) and mx.tsv (lines for the scripted servers), made by whoever needs a
larger world.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NSD_ADDRESS = "198.18.0.54"
UNBOUND_ADDRESS = "198.18.0.53"
PREFIXES = ["prefix.live=live", "prefix.full=full", "prefix.disabled=disabled"]

ZONE_HEAD = """$ORIGIN .
$TTL 300
@ SOA ns.world.mailworld. hostmaster.mailworld. 1 3600 900 86400 30
@ NS ns.world.mailworld.
ns.world.mailworld. A 198.18.0.54
probe.sender.mailworld. A 198.18.0.25
probe.sender.mailworld. MX 10 probe.sender.mailworld.
"""

NSD_CONF = """server:
  ip-address: {address}
  server-count: 1
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "{folder}"
  xfrdir: "{folder}"
  xfrdfile: "{folder}/nsd.xfrd"
  zonelistfile: "{folder}/nsd.zonelist"
  logfile: "{folder}/nsd.log"
  rrl-ratelimit: 0
  refuse-any: no
  tcp-count: 500
  receive-buffer-size: 4194304
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root.zone"
zone:
  name: "servfail.example"
  zonefile: "there-is-no-such-file.zone"
zone:
  name: "dnssec-failed.org"
  zonefile: "there-is-no-such-file.zone"
zone:
  name: "rhybar.cz"
  zonefile: "there-is-no-such-file.zone"
zone:
  name: "kegelverein-altdorf.example"
  zonefile: "there-is-no-such-file.zone"
"""

UNBOUND_CONF = """server:
  interface: {address}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  logfile: "{folder}/unbound.log"
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  outgoing-range: 900
  num-queries-per-thread: 450
  module-config: "iterator"
  access-control: 198.18.0.0/15 allow
  do-not-query-localhost: no
  do-ip6: no
  qname-minimisation: no
  unblock-lan-zones: yes
  local-zone: "test." nodefault
  local-zone: "invalid." nodefault
  local-zone: "refused.example." refuse
  local-zone: "silent.example." deny
remote-control:
  control-enable: no
stub-zone:
  name: "."
  stub-addr: {nsd}
# Nobody listens there, has a route there, answers there.
stub-zone:
  name: "deadserver.example."
  stub-addr: 198.18.0.98
stub-zone:
  name: "unreachable.example."
  stub-addr: 198.19.255.1
stub-zone:
  name: "slowdeath.example."
  stub-addr: 198.18.0.99
"""


def read_tsv(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                yield line.split("\t")


def personalities():
    """Name -> settings, in the order of the file."""
    return {row[0]: [s for s in row[1:] if s] for row in read_tsv("personalities.tsv")}


def server_line(address, name, settings):
    return "\t".join(["server", address, "name=" + name] + PREFIXES + settings) + "\n"


def standard_world():
    """Returns the records of the zone and the lines of the scripted servers."""
    records, servers = [], []
    for number, (name, settings) in enumerate(personalities().items(), 1):
        address = "198.18.1.%d" % number
        host = "mx.%s.example" % name
        records.append("%s.example. MX 10 %s.\n%s. A %s\n" % (name, host, host, address))
        servers.append(server_line(address, host, settings))
    return records, servers


def generate(text):
    """BIND's $GENERATE FROM-TO LINE, which NSD does not know."""
    lines = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$GENERATE "):
            _, numbers, template = line.split(" ", 2)
            first, last = numbers.split("-")
            lines += [template.replace("$", str(i)) for i in range(int(first), int(last) + 1)]
        else:
            lines.append(line)
    return "".join(lines)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    folder, additions = sys.argv[1], sys.argv[2:]
    records, servers = standard_world()
    records.append(generate(read(os.path.join(HERE, "special.zone"))))
    servers.append(server_line("198.18.2.1", "mx.special.example", ["prefix.info=live"]))
    servers.append(server_line("198.18.2.5", "mx.port.example", ["port=2526"]))
    if "WORLD_NO_IPV6" not in os.environ:
        servers.append(server_line("2001:2::25", "mx6.special.example", []))
    for addition in additions:
        records.append(read(os.path.join(addition, "records.zone")))
        servers.append(read(os.path.join(addition, "mx.tsv")))

    files = {
        "root.zone": ZONE_HEAD + "".join(records),
        "mx.tsv": "control\t2500\n" + "".join(servers),
        "nsd.conf": NSD_CONF.format(address=NSD_ADDRESS, folder=folder),
        "unbound.conf": UNBOUND_CONF.format(
            address=UNBOUND_ADDRESS, nsd=NSD_ADDRESS, folder=folder
        ),
    }
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
