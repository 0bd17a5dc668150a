'use strict';
/*
 * Browsers that are not Chromium, by the words of their own makers: WebKitGTK by WebDriver
 * (W3C), Firefox by Marionette, the same commands on a plain socket.  No package of npm is needed.
 */
const fs = require('fs');
const net = require('net');
const path = require('path');
const { spawn } = require('child_process');

const PATIENCE_MS = 300000;	// of a machine that has other work
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const children = [];

function start(program, args, env, log) {
	const out = fs.openSync(log, 'a');
	const child = spawn(program, args, { stdio: ['ignore', out, out], env: { ...process.env, ...env } });
	fs.closeSync(out);
	child.on('error', () => {});	// it is missing, which the caller looked at
	children.push(child);
	return child;
}
async function until(what, f) {
	for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(50)) {
		const r = await f();
		if (r)
			return r;
	}
	throw new Error(`waited in vain: ${what}`);
}
const freePort = () => new Promise((ready) => {
	const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => ready(port)); });
});

// --- the two lines to a browser: (command, parameters) => its answer ----------------------

// [method, path] of the commands that are used; $ is the session, names in braces are parameters
const ROUTES = {
	Navigate: ['POST', 'url'], GetCurrentURL: ['GET', 'url'], Refresh: ['POST', 'refresh'], 
	FindElement: ['POST', 'element'], ElementClick: ['POST', 'element/{id}/click'], ElementSendKeys: ['POST', 'element/{id}/value'],
	ExecuteScript: ['POST', 'execute/sync'],
	SetWindowRect: ['POST', 'window/rect'], SetTimeouts: ['POST', 'timeouts'],
	DeleteSession: ['DELETE', ''],
};
function webDriver(base, session) {
	return async (command, params = {}) => {
		const [method, route] = ROUTES[command];
		const url = `${base}/session/${session}/${route.replace('{id}', params.id)}`.replace(/\/$/, '');
		const res = await fetch(url, { method, ...(method === 'POST' ? { body: JSON.stringify(params) } : {}) });
		const { value } = await res.json();
		if (!res.ok)
			throw new Error(`${command}: ${value.error}: ${value.message}`);
		return value;
	};
}
// frames "LENGTH:[0, id, name, parameters]", answers "LENGTH:[1, id, error, result]"
function marionette(port) {
	return new Promise((ready, failed) => {
		const s = net.connect(port, '127.0.0.1'), waiting = new Map();
		let id = 0, bytes = Buffer.alloc(0);
		const command = (name, params = {}) => new Promise((ok, bad) => {
			const frame = JSON.stringify([0, ++id, name.includes(':') ? name : `WebDriver:${name}`, params]);
			waiting.set(id, { name, ok, bad });
			s.write(`${Buffer.byteLength(frame)}:${frame}`);
		});
		s.on('error', failed);
		s.on('close', () => { for (const w of waiting.values()) w.bad(new Error(`${w.name}: the browser has ended`)); });
		s.on('data', (chunk) => {
			bytes = Buffer.concat([bytes, chunk]);
			for (let at; (at = bytes.indexOf(':')) > 0 && bytes.length > at + Number(bytes.subarray(0, at));) {
				const end = at + 1 + Number(bytes.subarray(0, at)), frame = JSON.parse(bytes.subarray(at + 1, end));
				bytes = bytes.subarray(end);
				if (!Array.isArray(frame)) {	// its greeting
					ready(command);
					continue;
				}
				const [, n, error, result] = frame, w = waiting.get(n);
				waiting.delete(n);
				error ? w.bad(new Error(`${w.name}: ${error.error}: ${error.message}`)) : w.ok(result && 'value' in result ? result.value : result);
			}
		});
	});
}

async function firefox(dir, locale, more) {
	const port = await freePort(), profile = path.join(dir, 'profile');
	fs.mkdirSync(profile, { recursive: true });
	const prefs = { 'marionette.port': port, 'intl.accept_languages': locale, 'intl.locale.requested': locale, 'browser.shell.checkDefaultBrowser': false, 'datareporting.policy.dataSubmissionEnabled': false,
		'app.update.enabled': false, 'browser.startup.homepage_override.mstone': 'ignore', 'toolkit.telemetry.enabled': false, 'network.captive-portal-service.enabled': false,
		'network.connectivity-service.enabled': false, 'extensions.update.enabled': false, 'browser.startup.page': 0, ...more };
	fs.writeFileSync(path.join(profile, 'user.js'), Object.entries(prefs).map(([k, v]) => `user_pref(${JSON.stringify(k)}, ${JSON.stringify(v)});\n`).join(''));
	const child = start('firefox-esr', ['--headless', '--no-remote', '--marionette', '--profile', profile, 'about:blank'], { HOME: dir, MOZ_HEADLESS_WIDTH: '1400', MOZ_HEADLESS_HEIGHT: '1000' }, path.join(dir, 'firefox.log'));
	const command = await until('firefox answers', () => (child.exitCode !== null ? Promise.reject(new Error(`firefox-esr has ended: ${fs.readFileSync(path.join(dir, 'firefox.log'), 'utf8').slice(-300)}`)) : marionette(port).catch(() => null)));
	await command('NewSession', { capabilities: { alwaysMatch: { unhandledPromptBehavior: 'ignore' } } });
	return { command, child };
}
const MINI = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/libexec'].flatMap((d) => [`${d}/webkit2gtk-4.1/MiniBrowser`, `${d}/webkit2gtk-4.0/MiniBrowser`]);
async function webkit(dir, locale) {
	const port = await freePort(), display = await xvfb(dir);
	const lang = `${locale.replace('-', '_')}.UTF-8`;
	// what it paints with the machine's graphics it would paint nowhere
	const env = { HOME: dir, DISPLAY: display, LANGUAGE: locale, LANG: lang, LC_ALL: lang, LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1', WEBKIT_DISABLE_DMABUF_RENDERER: '1', NO_AT_BRIDGE: '1', GDK_BACKEND: 'x11', XDG_RUNTIME_DIR: dir };
	const child = start('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], env, path.join(dir, 'webkit.log'));
	const base = `http://127.0.0.1:${port}`, binary = MINI.find((f) => fs.existsSync(f));
	await until('WebKitWebDriver answers', () => fetch(`${base}/status`).catch(() => null));
	const res = await fetch(`${base}/session`, { method: 'POST', body: JSON.stringify({ capabilities: { alwaysMatch: { unhandledPromptBehavior: 'ignore', 'webkitgtk:browserOptions': { binary, args: ['--automation'] } } } }) });
	const { value } = await res.json();
	if (!res.ok)
		throw new Error(`WebKitWebDriver: ${value.error}: ${value.message}; ${fs.readFileSync(path.join(dir, 'webkit.log'), 'utf8').slice(-300)}`);
	return { command: webDriver(base, value.sessionId), child };
}
// a screen that is nowhere; the server chooses its number and says it
function xvfb(dir) {
	return new Promise((ready, failed) => {
		const child = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1600x1200x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', fs.openSync(path.join(dir, 'xvfb.log'), 'a')] });
		children.push(child);
		child.on('error', failed);
		child.on('exit', () => failed(new Error('Xvfb has ended')));
		child.stdout.on('data', (n) => ready(`:${String(n).trim()}`));
	});
}

// --- what a test says -------------------------------------------------------------------

async function open(engine, dir, locale = 'en-US', more = {}) {
	fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
	const { command } = await { firefox, webkit }[engine](dir, locale, more);
	await command('SetTimeouts', { script: PATIENCE_MS, pageLoad: PATIENCE_MS, implicit: 0 });
	const run = (f, ...args) => command('ExecuteScript', { script: `return (${f}).apply(null, arguments)`, args });
	const find = async (css) => (await until(`${engine}: ${css}`, () => command('FindElement', { using: 'css selector', value: css }).catch(() => null)))[ELEMENT];
	return {
		engine, command, run, find,
		go: (url) => command('Navigate', { url }),
		url: () => command('GetCurrentURL'),
		// until f(...args), run in the page, says so
		wait: (what, f, ...args) => until(`${engine}: ${what}`, () => run(f, ...args)),
		click: async (css) => command('ElementClick', { id: await find(css) }),
		type: async (css, text) => command('ElementSendKeys', { id: await find(css), text }),
		size: (width, height) => command('SetWindowRect', { width, height }),
		close: async () => { await command(engine === 'firefox' ? 'Marionette:Quit' : 'DeleteSession', engine === 'firefox' ? { flags: ['eForceQuit'] } : {}).catch(() => {}); },
	};
}
// what was started ends with the test, and before its folder goes
async function end() {
	for (const c of children.splice(0).reverse()) {
		if (c.exitCode === null && c.signalCode === null) {
			c.kill('SIGTERM');
			await Promise.race([new Promise((r) => { c.once('exit', r); }), sleep(5000).then(() => c.kill('SIGKILL'))]);
		}
	}
}
module.exports = { open, end };
