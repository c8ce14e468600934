"""Makes a random world and a list for it, with the right verdict of every row.

    generate.py FOLDER [--seed N] [--rows N] [--domains N] [--servers N]

Writes into FOLDER records.zone and mx.tsv (an addition for tests/world/run -w), list.csv, and
expected.tsv: a line for each data row with its reasons (any of them is right, separated by |),
the address as it should be read, and the row it duplicates. The same seed gives the same bytes.
Servers sit on 198.18.16.0/20; nobody listens on 198.18.15.0/24.
"""

import argparse
import os
import random

UNKNOWN = [
    "550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <{rcpt}>... User unknown",
    "550 No such user here",
    "550 Unrouteable address",
    "550 5.1.1 The email account that you tried to reach does not exist.",
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\\n"
    "550 5.1.1 double-checking the recipient's email address.",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "550 5.4.1 Recipient address rejected: Access denied. [{name}]",
    "550 5.7.1 No such user!",
    "553 5.3.0 <{rcpt}>... No such user here",
    "550 Requested action not taken: mailbox unavailable",
    "554 5.1.1 <{rcpt}>: mailbox does not exist",
    "550 5.1.1 User does not exist - <{rcpt}>",
    "550 Mailbox not found",
    "511 5.1.1 sorry, no mailbox here by that name",
    "550 {rcpt} unknown user account",
]
FULL = [
    "452 4.2.2 <{rcpt}>: The recipient's inbox is out of storage space",
    "552 5.2.2 <{rcpt}>: user is over quota",
    "552 5.2.2 Mailbox full",
    "550 5.2.2 <{rcpt}>: mailbox is full",
    "422 4.2.2 Mailbox quota exceeded",
]
DISABLED = [
    "550 5.2.1 <{rcpt}>: The mailbox is disabled",
    "550 5.2.1 The email account that you tried to reach is inactive",
    "554 5.2.1 This account has been suspended",
    "550 5.7.1 Recipient account is locked and does not receive mail",
]
BLOCKED = [
    "550 5.7.1 Service unavailable; Client host [{ip}] blocked using zen.spamhaus.org",
    "554 5.7.1 <unknown[{ip}]>: Client host rejected: Access denied",
    "550 5.7.1 <{sender}>: Sender address rejected: not allowed here",
    "554 Your IP {ip} has a poor reputation",
    "550 5.7.25 Client host rejected: cannot find your hostname, [{ip}]",
    "450 4.7.1 Too many connections from your network, slow down",
    "550 5.7.1 <{helo}>: Helo command rejected: Host not found",
]
GREY = [
    "450 4.2.0 <{rcpt}>: Recipient address rejected: Greylisted, see http://postgrey.example/",
    "451 4.7.1 Greylisting in action, please come back later",
    "450 4.7.1 Try again in 300 seconds",
]
NOT_SERVED = [
    "554 5.7.1 <{rcpt}>: Relay access denied",
    "550 relay not permitted",
    "550 5.7.1 We do not relay for {domain}",
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
]
TEMPORARY = [
    "451 4.3.0 Temporary lookup failure",
    "452 4.3.1 Insufficient system storage",
    "451 4.3.2 System not accepting messages right now",
]
FIRST = "anna ben carla david elif frank grace hugo ines jan kaya liam mia noah olga pavel".split()
LAST = "adler brun costa dahl evans fuchs gallo haas ito jansen kovac lind meyer novak".split()
UNROUTABLE = ["10.1.2.3", "127.0.0.1", "192.168.7.7", "172.20.1.1", "169.254.9.9", "100.64.3.3",
              "192.0.2.7", "0.0.0.0", "224.1.1.1"]


class Server:
    """One scripted server: its settings, and what a probe can learn there."""

    def __init__(self, dice, number):
        self.name = "mx%d.hosting%d.example" % (number, dice.randrange(1000))
        self.address = "198.18.%d.%d" % (16 + number // 250, 1 + number % 250)
        self.kinds = {"live": "accepted", "dead": "no_such_mailbox", "full": "mailbox_full",
                      "off": "mailbox_disabled"}
        self.served = None
        self.settings = [
            "reply.unknown=" + dice.choice(UNKNOWN), "reply.full=" + dice.choice(FULL),
            "reply.disabled=" + dice.choice(DISABLED), "reply.relay=" + dice.choice(NOT_SERVED),
            "pipelining=%d" % (dice.random() < 0.75), "punish_unasked=1",
            "punish_early=%d" % (dice.random() < 0.3), "delay_ms=%d" % dice.choice([0, 0, 5, 30]),
        ]
        self.add_limits(dice)
        self.add_temper(dice)

    def add_limits(self, dice):
        if dice.random() < 0.25:
            self.settings.append("hard_errors=%d" % dice.choice([3, 5, 10, 20]))
        if dice.random() < 0.2:
            self.settings.append("max_rcpt=%d" % dice.choice([1, 2, 5, 10]))
        if dice.random() < 0.1:
            self.settings.append("session_rcpt=%d" % dice.choice([3, 10, 25]))
        way = dice.random()
        if way < 0.15:
            self.settings.append("tls=" + dice.choice(["offer", "require"]))
        elif way < 0.23:  # no EHLO, no STARTTLS
            self.settings.append("helo_only=1")
        if dice.random() < 0.1:
            self.settings += ["banner_gap_ms=150", "reply.banner=220 {name} ESMTP\\nready"]
        if dice.random() < 0.2:
            self.settings.append("smtputf8=1")

    def add_temper(self, dice):
        temper = dice.random()
        if temper < 0.10:
            self.settings += ["others=live"]
            self.kinds = {kind: "catch_all" for kind in self.kinds}
            self.kinds.update(full="mailbox_full|catch_all", off="mailbox_disabled")
        elif temper < 0.20:
            self.settings += ["greylist_ms=%d" % dice.randrange(200, 700),
                              "greylist_all=%d" % dice.randrange(2),
                              "reply.grey=" + dice.choice(GREY)]
        elif temper < 0.28:
            text = dice.choice(BLOCKED)
            stage = "rcpt" if "{sender}" in text else dice.choice(["banner", "mail", "rcpt"])
            self.settings.append("fault=%s reply %s" % (stage, text))
            self.kinds = {kind: "blocked|server_error" for kind in self.kinds}
        elif temper < 0.31:
            self.settings.append("fault=rcpt reply " + dice.choice(TEMPORARY))
            self.kinds = {kind: "server_error" for kind in self.kinds}
        elif temper < 0.33:
            self.settings.append("fault=%s close" % dice.choice(["banner", "mail"]))
            self.kinds = {kind: "server_error|connect_failed|timeout" for kind in self.kinds}
        elif temper < 0.35:
            self.settings.append("fault=%s silent" % dice.choice(["banner", "rcpt"]))
            self.kinds = {kind: "timeout" for kind in self.kinds}
        elif temper < 0.38:
            self.served = []
            self.kinds = {kind: "domain_not_served" for kind in self.kinds}
        elif temper < 0.41:  # the first sessions, or each after a while, are sent away
            self.settings.append(dice.choice([
                "fault=banner/1/2 bye 421 4.3.2 Service not available, come back later",
                "fault=rcpt/%d bye 421 4.3.2 Service shutting down" % dice.randrange(4, 9),
                "fault=rcpt/%d close" % dice.randrange(4, 9)]))
        elif temper < 0.46:  # has enough of us in the middle of a session
            self.settings.append("fault=rcpt/%d reply %s" % (dice.randrange(2, 9),
                                                             dice.choice(BLOCKED)))
            self.kinds = {kind: "%s|unproven|blocked|server_error|greylisted" % reason
                          for kind, reason in self.kinds.items()}
        elif temper < 0.48:
            self.settings += ["greylist_tries=1", "reply.grey=" + dice.choice(GREY)]

    def line(self):
        settings = list(self.settings)
        if self.served is not None:
            settings.append("served=nobody.example")
        rules = ["prefix.live=live", "prefix.full=full", "prefix.off=disabled",
                 "prefix.dead=unknown"]
        if "others=live" in settings:
            rules.pop()
        return "\t".join(["server", self.address, "name=" + self.name] + rules + settings) + "\n"


class Domain:
    """A domain: its records, and either its server or the one verdict DNS gives all of it."""

    def __init__(self, dice, number, servers):
        tld = dice.choice(["example", "mailworld", "mailworld", "example"])
        self.name = "%s%d.%s" % (dice.choice(LAST), number, tld)
        self.server, self.verdict, self.records = None, None, ""
        self.behind_a_dead_one = False
        kind = dice.random()
        if kind < 0.03:
            self.verdict = "no_such_domain"
        elif kind < 0.05:
            self.verdict, self.records = "no_mail_server", "%s. TXT x\n" % self.name
        elif kind < 0.07:
            self.verdict, self.records = "null_mx", "%s. MX 0 .\n" % self.name
        elif kind < 0.09:
            self.verdict = "unroutable_mx"
            self.records = "%s. MX 10 mx.%s.\nmx.%s. A %s\n" % (
                self.name, self.name, self.name, dice.choice(UNROUTABLE))
        elif kind < 0.11:
            self.verdict = "connect_failed"
            self.records = "%s. MX 10 mx.%s.\nmx.%s. A 198.18.15.%d\n" % (
                self.name, self.name, self.name, dice.randrange(1, 250))
        else:
            self.server = dice.choice(servers)
            self.records = self.routes(dice)

    def routes(self, dice):
        way = dice.random()
        mx = "%s. MX 10 %s.\n" % (self.name, self.server.name)
        if way < 0.08:  # the best one is down
            self.behind_a_dead_one = True
            return "%s. MX 5 down.%s.\ndown.%s. A 198.18.15.%d\n%s" % (
                self.name, self.name, self.name, dice.randrange(1, 250), mx)
        if way < 0.12:  # the best one is nothing
            return "%s. MX 5 mx.of-no-address.example.\n%s" % (self.name, mx)
        if way < 0.16:  # no MX at all
            return "%s. A %s\n" % (self.name, self.server.address)
        if way < 0.20:  # one of its addresses is dead
            return "%s. MX 10 mx.%s.\n%s" % (self.name, self.name, "".join(
                "mx.%s. A %s\n" % (self.name, address)
                for address in ("198.18.15.%d" % dice.randrange(1, 250), self.server.address)))
        if way < 0.24:  # an address of IPv6 where nobody listens
            return "%s. MX 10 mx.%s.\nmx.%s. AAAA 2001:2::dead\nmx.%s. A %s\n" % (
                self.name, self.name, self.name, self.name, self.server.address)
        if way < 0.28:  # through an alias
            return "%s. MX 10 mx.%s.\nmx.%s. CNAME %s.\n" % (
                self.name, self.name, self.name, self.server.name)
        return mx


def make_address(dice, domain, number):
    """A local part whose beginning tells the server what it is, and the reasons that are right."""
    kind = dice.choices(["live", "dead", "full", "off"], [70, 22, 4, 4])[0]
    local = "%s.%s.%s%d" % (kind, dice.choice(FIRST), dice.choice(LAST), number)
    reasons = domain.verdict or domain.server.kinds[kind]
    if domain.behind_a_dead_one:  # the yes of a backup that says yes to all is no proof
        reasons = reasons.replace("catch_all", "catch_all|unproven")
        # nor does its no speak for the one that is down
        reasons = reasons.replace("domain_not_served", "connect_failed")
    return local, reasons


def spell(dice, local, domain):
    """The same address as people type it, and as it reads."""
    email = "%s@%s" % (local, domain)
    way = dice.random()
    if way < 0.06:
        return "%s@%s" % (local, domain.upper()), email
    if way < 0.09:
        return " %s " % email, email
    if way < 0.10:
        return "mailto:" + email, email
    if way < 0.11:
        return "Someone <%s>" % email, email
    return email, email


def quote(dice, cell):
    if any(c in cell for c in ',"\n') or dice.random() < 0.1:
        return '"%s"' % cell.replace('"', '""')
    return cell


def make_rows(dice, domains, count):
    """Cells and expectations: reasons, the address as read, the row it duplicates."""
    seen = []
    for number in range(1, count + 1):
        way = dice.random()
        if way < 0.02:
            cell = dice.choice(["no at sign", "", "a@@b.example", "two@x.example;three@x.example",
                                ".dot@x.example", "x@-.example", "spaces in@x.example"])
            yield cell, "invalid_syntax", None, None
        elif way < 0.07 and seen:
            first, local, domain, reasons = dice.choice(seen)
            cell, email = spell(dice, local, domain)
            yield cell, reasons, email, first
        else:
            domain = dice.choice(domains)
            local, reasons = make_address(dice, domain, number)
            seen.append((number, local, domain.name, reasons))
            cell, email = spell(dice, local, domain.name)
            yield cell, reasons, email, ""


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--domains", type=int, default=150)
    parser.add_argument("--servers", type=int, default=60)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    os.makedirs(options.folder, exist_ok=True)

    servers = [Server(dice, i) for i in range(options.servers)]
    domains = [Domain(dice, i, servers) for i in range(options.domains)]
    write(options.folder, "mx.tsv", "".join(s.line() for s in servers))
    write(options.folder, "records.zone",
          "".join("%s. A %s\n" % (s.name, s.address) for s in servers)
          + "".join(d.records for d in domains))

    lines, expected = ["name,email,city,note\r\n"], []
    for cell, reasons, email, duplicate_of in make_rows(dice, domains, options.rows):
        cells = [dice.choice(FIRST), cell, dice.choice(["Köln", "Łódź", 'the "old" town', "Rome"]),
                 dice.choice(["", "", "a, b", "two\nlines", " spaced "])]
        lines.append(",".join(quote(dice, c) for c in cells) + "\r\n")
        expected.append("%s\t%s\t%s\n" % (reasons, email or "",
                                          "" if duplicate_of is None else duplicate_of))
    write(options.folder, "list.csv", "".join(lines))
    write(options.folder, "expected.tsv", "".join(expected))


if __name__ == "__main__":
    main()
