'use strict';
/*
 * The numbers of the inbox page as one table: usage numbers-table.js FOLDER, with files *.rows
 * that the tests of the page left there (number() of browser.js): KEY <tab> SERVER <tab> GOT.
 */
const fs = require('fs');
const path = require('path');

const SERVERS = ['page alone', 'lighttpd', 'Apache, mod_fcgid', 'Apache, plain CGI'];
const NUMBERS = {
	first_bytes: ['first load: bytes of static files', '≤ 60,000 compressed'],
	first_requests: ['first load: requests for them', '≤ 6'],
	second_bytes: ['second load: bytes of static files', '0'],
	painted: ['list painted after the answer came, ms', '≤ 100'],
	new_ms: ['new message in the list, p95 of 20, ms', '≤ 2,500; plain CGI ≤ 3,500'],
	new_looks: ['looks at the tick file until it is there', '≤ 2'],
	idle_requests: ['requests of an idle tab but for the tick file', '0'],
	idle_bytes: ['bytes a second and idle tab', '≤ 150'],
	tabs_ask: ['50 tabs of one browser: requests', 'as one tab'],
	tabs_statements: ['50 browsers, idle for a minute: statements', '0'],
	tabs_starts: ['… program starts', '0'],
	tabs_cpu: ['… of the web server\'s core, %', '< 2'],
	nodes: ['nodes replaced by an idle poll', '0'],
	voice: ['arrivals through which a voice message of 60 s plays on', '30'],
	focus: ['selection and focus lost by them', '0'],
	thread_nodes: ['message nodes, reading up a thread of 100,000', '≤ 250'],
	kinds: ['messages of every kind, without content', '0'],
	internal: ['internal words on the page, en and ru', '0'],
	drafts: ['drafts lost or shown to another conversation', '0'],
	axe: ['axe-core: 10 views, light and dark, en and ru, desk and phone', '0 violations'],
	keyboard: ['what cannot be reached by keyboard', '0'],
	targets: ['targets on a phone below 44 px', '0'],
	csp: ['hostile texts: scripts run, reports of the CSP', '0'],
	person: ['a new person\'s first answer, with a picture, on a phone, s', '≤ 60'],
	revoked: ['requests answered after a revocation', '0'],
	owner_bytes: ['owner\'s page: one request, bytes', '≤ 30,000'],
};

const dir = process.argv[2], got = new Map();
for (const f of fs.readdirSync(dir).filter((x) => x.endsWith('.rows')).sort())
	for (const line of fs.readFileSync(path.join(dir, f), 'utf8').split('\n').filter(Boolean)) {
		const [key, server, value] = line.split('\t');
		if (!NUMBERS[key] || !SERVERS.includes(server))
			throw new Error(`${f}: no such number: ${line}`);
		got.set(`${key}\t${server}`, value);
	}
const cell = (v) => (/^\d{4,}$/.test(v) ? Number(v).toLocaleString('en-US') : v).replace(/^(\d{4,})(?=,)/, (n) => Number(n).toLocaleString('en-US'));
console.log(`| | must | ${SERVERS.join(' | ')} |\n|---|---|${'---:|'.repeat(SERVERS.length)}`);
for (const [key, [what, must]] of Object.entries(NUMBERS).filter(([k]) => SERVERS.some((s) => got.has(`${k}\t${s}`))))
	console.log(`| ${[what, must, ...SERVERS.map((s) => cell(got.get(`${key}\t${s}`) || ''))].join(' | ')} |`);
