'use strict';
/*
 * Does the page ask for anything that the oldest browsers it promises (README.md, "Daily use") lack?  By the
 * tables of browser-compat-data (MDN): globals, their static members, members of anything, syntax;
 * of the style sheet its properties, values, functions, units, selectors and media features.
 *
 * A member is told by its name alone, so one that shares its name with an older one of another
 * thing is not found; what the page itself names so (or inbox-api.md does) is taken for its own.
 */
const fs = require('fs');
const path = require('path');
const bcd = require('@mdn/browser-compat-data');

// an iPhone 6s and what came after it; the last Chrome and Firefox for Windows 7
const FLOOR = { safari: '15.4', safari_ios: '15.4', firefox: '115', chrome: '109', chrome_android: '109' };
/* Newer, and there is a way without it. */
const WITHOUT = {
	Notification: 'asked for first; an iPhone has title and sound', 'Notification.requestPermission': 'as Notification', 'Notification.permission': 'as Notification', requestPermission: 'as Notification', permission: 'as Notification',
	containing: 'of Segmenter, asked for first; signs are then cut between code points', displayName: 'of a contact card', checkVisibility: 'asked for by ?.', prerendering: 'undefined where no page is loaded beforehand', 'rel=modulepreload': 'a hint',
	'container-type': 'nothing is laid out by it but cqh', 'container-type: size': 'as container-type', 'unit cqh': 'a plain max-height stands before it', 'overflow-y: clip': 'nothing is cut', 'overflow-clip-margin': 'as overflow-y: clip',
	'overflow-anchor': 'the page keeps its place by itself where the browser does not', 'overflow-anchor: none': 'as overflow-anchor', 'mask-image': 'the row ends sharply', 'scrollbar-width': 'a scroll bar is seen', 'scrollbar-width: thin': 'a wider scroll bar', 'scrollbar-width: none': 'a scroll bar is seen',
	'line-clamp': '-webkit-line-clamp stands before it', '@media forced-colors': 'the browser paints its own', 'cursor: pointer': 'fingers have none', 'cursor: default': 'fingers have none', resize: 'fingers do not', 'resize: vertical': 'fingers do not', 'resize: none': 'fingers do not',
	'<textarea autocapitalize>': 'a token is pasted',
};
const SYNTAX = [	// [what, in the code as it is or without its strings, its name in the tables]
	[/\(\?<[=!]/, 'all', 'regular_expressions.lookbehind_assertion'], [/\(\?-?[ims]+(?:-[ims]+)?:/, 'all', 'regular_expressions.modifier'], [/\?\?=/, 'bare', 'operators.nullish_coalescing_assignment'],
	[/\|\|=/, 'bare', 'operators.logical_or_assignment'], [/&&=/, 'bare', 'operators.logical_and_assignment'], [/\bstatic\s*\{/, 'bare', 'classes.static.initialization_blocks'],
	[/\bthis\.#\w/, 'bare', 'classes.private_class_fields'], [/#\w+ in /, 'bare', 'classes.private_class_fields_in'], [/^(?:(?:const|let)\s[^=(]+=\s*)?await\b/m, 'bare', 'operators.await.top_level'],
	[/\bimport\s[^;]*\bwith\s*\{/, 'bare', 'statements.import.import_attributes'], [/\busing\s+\w+\s*=/, 'bare', 'statements.using'], [/\bfor\s+await\b/, 'bare', 'statements.for_await...of'],
];

const number = (v) => { const [a, b = 0] = v.replace('≤', '').split('.').map(Number); return a * 1000 + b; };
const newest = (compat, browser) => [compat.support[browser] || { version_added: false }].flat();
// the browsers of the floor that lack it, with the version that has it
const lacking = (compat) => Object.entries(FLOOR).filter(([browser, floor]) => !newest(compat, browser).some((s) =>
	typeof s.version_added === 'string' && s.version_added !== 'preview' && !s.flags && !s.prefix && !s.alternative_name && number(s.version_added) <= number(floor) &&
	(typeof s.version_removed !== 'string' || number(s.version_removed) > number(floor)))).map(([browser]) => `${browser} ${newest(compat, browser)[0].version_added || 'never'}`);
const entry = (o, dotted) => dotted.split('.').reduce((x, k) => x?.[k], o)?.__compat;

let bad = 0;
const asked = new Set(), used = new Set();
function ask(file, what, compats) {
	const lack = compats.filter(Boolean).map(lacking);
	asked.add(what);
	if (!lack.length || lack.some((l) => l.length === 0))
		return;
	used.add(what);
	if (Object.hasOwn(WITHOUT, what))
		return;
	bad++;
	console.log(`not ok - web/${file}: ${what} comes later than the page's oldest browsers: ${lack[0].join(', ')}`);
}

// --- scripts ------------------------------------------------------------------------------

const { Intl: intl, ...builtins } = bcd.javascript.builtins;
const globals = { ...bcd.api, ...builtins, ...intl, Intl: intl };
const members = new Map();
for (const owner of Object.values(globals))
	for (const [key, m] of Object.entries(owner))
		if (m.__compat && /^[a-z]\w*$/.test(key)) {
			const name = key.replace(/_(static|event)$/, '');
			members.set(name, [...(members.get(name) || []), m.__compat]);
		}
// comments and strings ask for nothing
const uncommented = (s) => s.replace(/\/\*[^]*?\*\//g, '').replace(/(^|[\s;{}])\/\/.*$/gm, '$1');
const bare = (s) => uncommented(s).replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
const names = (s, re) => new Set([...s.matchAll(re)].map((m) => m[1]));

const root = path.join(__dirname, '../..'), files = fs.readdirSync(path.join(root, 'web'));
const read = (file) => fs.readFileSync(path.join(root, 'web', file), 'utf8');
const scripts = files.filter((f) => f.endsWith('.js')).map((f) => [f, uncommented(read(f)), bare(read(f))]);
const api = fs.readFileSync(path.join(root, 'docs/design/inbox-api.md'), 'utf8');
const own = new Set([...names(api, /\b([a-z]\w*)\b/g), ...scripts.flatMap(([, , code]) => [...names(code, /(?<![.\w])([a-z]\w*)\b/g)])]);
for (const [file, all, code] of scripts) {
	for (const [re, where, name] of SYNTAX)
		if (re.test(where === 'all' ? all : code))
			ask(file, name, [entry(bcd.javascript, name)]);
	for (const name of names(code, /(?<![.\w])([A-Z]\w+)\b/g))
		ask(file, name, [Object.hasOwn(globals, name) && globals[name].__compat]);
	for (const name of names(code, /\b([A-Z]\w+\.[a-z]\w*)/g)) {
		const [owner, member] = name.split('.'), o = Object.hasOwn(globals, owner) ? globals[owner] : {};
		ask(file, name, [(o[`${member}_static`] || o[member])?.__compat]);
	}
	for (const name of names(code, /\.([a-z]\w*)\b/g))
		if (!own.has(name))
			ask(file, name, members.get(name) || []);
}

// --- styles and the page itself -------------------------------------------------------------

const { properties, selectors, types, 'at-rules': at } = bcd.css;
const functions = new Map();
(function walk(o, way) {
	for (const [key, v] of Object.entries(o))
		if (key !== '__compat' && v && typeof v === 'object') {
			if (v.__compat)
				functions.set(key, [...(functions.get(key) || []), v.__compat]);
			walk(v, `${way}.${key}`);
		}
})(types, '');
const UNITS = { dvh: 'dynamic', dvw: 'dynamic', svh: 'small', svw: 'small', lvh: 'large', lvw: 'large' };
for (const file of files.filter((f) => f.endsWith('.css'))) {
	const css = read(file).replace(/\/\*[^]*?\*\//g, '');
	for (const [, name, value] of css.matchAll(/[{;\s]([a-z][a-z-]*)\s*:\s*([^;{}]+)(?=[;}])/g)) {
		const p = properties[name];
		ask(file, name, [p?.__compat]);
		for (const word of name === 'font-family' ? [] : value.matchAll(/(?<![\w-])([a-z][a-z-]+)(?![\w(-])/g))	// of fonts there is always a next one
			ask(file, `${name}: ${word[1]}`, [(p?.[word[1]] || p?.[word[1].replace(/-/g, '_')])?.__compat]);
		for (const word of value.matchAll(/(?<![\w-])([a-z][a-z-]+)\(/g))
			ask(file, `${word[1]}()`, functions.get(word[1]) || []);
		for (const word of value.matchAll(/\d(cq[a-z]+|[dsl]v[hw]|[a-z]+)\b/g))
			ask(file, `unit ${word[1]}`, [(UNITS[word[1]] ? types.length[`viewport_percentage_units_${UNITS[word[1]]}`] : word[1].startsWith('cq') ? types.length.container_query_length_units : types.length[word[1]])?.__compat]);
	}
	for (const [, name] of css.matchAll(/::?([a-z-]+)(?=[^;{}]*\{)/g))
		ask(file, `:${name}`, [selectors[name]?.__compat]);
	for (const [, name] of css.matchAll(/@([a-z-]+)/g))
		ask(file, `@${name}`, [at[name]?.__compat]);
	for (const [, name] of css.matchAll(/@media[^{]*?\(([a-z-]+)/g))
		ask(file, `@media ${name}`, [at.media[name.replace(/^m(ax|in)-/, '')]?.__compat]);
	if (/[{;]\s*&|\{[^{}]*\{[^{}]*\{/.test(css.replace(/@media[^{]*\{|@supports[^{]*\{/g, '')))
		ask(file, 'nesting', [selectors.nesting?.__compat]);
}
for (const file of files.filter((f) => f.endsWith('.html'))) {
	const html = read(file), { elements } = bcd.html;
	for (const [, tag, attributes] of html.matchAll(/<([a-z]\w*)([^>]*)>/g)) {
		ask(file, `<${tag}>`, [elements[tag]?.__compat]);
		for (const [, name] of attributes.matchAll(/\s([a-z][a-z-]*)(?==|\s|$)/g))
			ask(file, `<${tag} ${name}>`, [(elements[tag]?.[name] || bcd.html.global_attributes[name])?.__compat]);
		for (const [, rel] of attributes.matchAll(/\srel="([a-z]+)"/g))
			ask(file, `rel=${rel}`, [elements[tag]?.rel?.[rel]?.__compat]);
	}
}
for (const what of Object.keys(WITHOUT).filter((w) => !used.has(w))) {
	bad++;
	console.log(`not ok - tests/e2e/floor.js: nothing of web/ asks for ${what}, which it excuses`);
}
for (const file of ['README.md', 'README.ru.md'])
	for (const [name, browser] of [['Safari', 'safari'], ['Firefox', 'firefox'], ['Chrome', 'chrome']])
		if (!fs.readFileSync(path.join(root, file), 'utf8').includes(`${name} ${FLOOR[browser]}`)) {
			bad++;
			console.log(`not ok - ${file} does not say ${name} ${FLOOR[browser]}`);
		}
const said = Object.entries(FLOOR).map(([b, v]) => `${b} ${v}`).join(', ');
if (!bad)
	console.log(`ok - ${asked.size} names are all in ${said}`);
process.exit(bad ? 1 : 0);
