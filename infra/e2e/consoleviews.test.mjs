// Every view of the console in a real browser. Everybody can use it, it fits the screen, it loads
// little, and nothing moves. Its scripts are their modules, joined.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import * as acorn from 'acorn';

import { launch, picture } from './pages/browser.mjs';
import { beyond, measured, open, violations } from './pages/console.mjs';
import { serve, stopAll } from './support.mjs';

const VIEWS = {
  start: '/', try: '/#/try/createAccount', builders: '/#/builders', token: '/#/token', users: '/#/users', outbox: '/#/outbox',
  reference: '/#/reference', codes: '/#/reference/errors', errors: '/errors#weak_password',
};
const THEMES = ['light', 'dark'];
const WIDTHS = [320, 1280];
const HEIGHT = 800;
/** The most bytes that the first page loads, all files together. */
const BYTES_MAX = 12_000;
/** The most requests of a view: the page, the style, two scripts, a document, the settings. */
const REQUESTS_MAX = 6;
/** The most bytes of each kind of file, compressed, all files of the kind together. */
const KINDS_MAX = { html: 8_000, css: 7_000, js: 32_000, es: 10_500, 'pt-BR': 10_500, config: 500, documents: 27_000 };
/** The most bytes of all scripts before they are compressed, without the tables of languages. */
const SCRIPTS_MAX = 100_000;
const MODULES = new URL('../../functions/console/assets/', import.meta.url);

let browser, server;

before(async () => {
  [server, browser] = await Promise.all([serve(), launch()]);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

/** Opens a view in a window that has nothing of the console yet. */
async function load(name, width) {
  const seen = await open(browser, server.origin, VIEWS[name], { viewport: { width, height: HEIGHT } });
  if (name === 'token') await seen.page.fill('textarea', 'Bearer e30.e30.e30');
  return seen;
}

/** The themes and widths, and the colours of a person's own. */
const LOOKS = [...THEMES.flatMap((colorScheme) => WIDTHS.map((width) => ({ colorScheme, width }))), { colorScheme: 'light', width: 320, forcedColors: 'active' }];

/**
 * Fails unless the page is good for everybody in each look. A long list of like sections is looked
 * at by its beginning, and once by more of it.
 */
async function isAccessible(page, name) {
  for (const [index, { colorScheme, width, forcedColors = 'none' }] of LOOKS.entries()) {
    const where = `${name}, ${colorScheme}, ${width} px, forced colours ${forcedColors}`;
    await page.emulateMedia({ colorScheme, forcedColors });
    await page.setViewportSize({ width, height: HEIGHT });
    assert.deepEqual(await violations(page, { exclude: [`section:nth-of-type(n + ${index === 0 ? 30 : 8})`] }), [], where);
    assert.equal(await beyond(page), 0, `${where}: it scrolls sideways`);
    await picture(page, `console-${name}-${forcedColors === 'active' ? 'forced' : colorScheme}-${width}`);
  }
}

for (const name of Object.keys(VIEWS)) {
  test(`${name} is accessible and whole, needs few requests, and moves nothing`, async (context) => {
    for (const width of WIDTHS) {
      const { page, wrong, requests } = await load(name, width);
      const { moved, paintedAfter } = await measured(page);
      assert.deepEqual(moved, [], `${name}, ${width} px`);
      const asked = requests.map((request) => request.url().replace(server.origin, ''));
      assert.ok(asked.length <= REQUESTS_MAX, asked.join(' '));
      context.diagnostic(`${name}, ${width} px: ${asked.length} requests, largest text after ${paintedAfter} ms`);
      assert.ok(await page.locator('h1').count() >= 1, name);
      if (width === WIDTHS[0]) await isAccessible(page, name);
      assert.deepEqual(wrong, [], name);
      await page.context().close();
    }
  });
}

// The frame around the guides is that of the other views. So each guide is looked at once, the
// themes and widths in turn.
test('each guide is accessible and whole', async () => {
  const { page, wrong } = await open(browser, server.origin, '/#/builders');
  const links = await page.getByRole('navigation', { name: 'Builders' }).getByRole('link').evaluateAll((all) => all.map(({ hash }) => hash));
  assert.equal(links.length, 14);
  for (const [index, hash] of links.entries()) {
    await page.emulateMedia({ colorScheme: THEMES[index % 2] });
    await page.setViewportSize({ width: WIDTHS[(index >> 1) % 2], height: HEIGHT });
    await page.goto(`${server.origin}/${hash}`);
    await page.locator(`nav a[href="${hash}"][aria-current="true"]`).waitFor();
    assert.deepEqual(await violations(page, 'article'), [], hash);
    assert.equal(await beyond(page), 0, `${hash} scrolls sideways`);
    await picture(page, `guide-${hash.split('/').pop()}`);
  }
  assert.deepEqual(wrong, []);
  await page.context().close();
});

test('the first page is small, and its files are kept', async (context) => {
  const { page, requests } = await open(browser, server.origin, '/');
  const sizes = await Promise.all(requests.map(async (request) => (await request.sizes()).responseBodySize));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  context.diagnostic(`the first page loads ${total} bytes`);
  assert.ok(total > 5_000 && total <= BYTES_MAX, `${total} bytes`);
  const script = requests.find((request) => request.url().endsWith('.js'));
  assert.match((await script.response()).headers()['cache-control'], /immutable/);
  await page.context().close();
});

/** The bytes of an answer as they are sent. */
function fetched(path, headers) {
  return new Promise((done, fail) => {
    http.get(server.origin + path, { headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => done({ status: response.statusCode, headers: response.headers, bytes: Buffer.concat(parts) }));
    }).on('error', fail);
  });
}

/** The text of each script that the page loads sooner or later, by its path. */
async function scripts() {
  const folder = (await fetched('/')).bytes.toString().match(/\/console\/[0-9a-f]+\//)[0];
  const texts = new Map([[`${folder}console.js`, '']]);
  for (const path of texts.keys()) {
    const text = (await fetched(path)).bytes.toString();
    texts.set(path, text);
    for (const [, imported] of text.matchAll(/"\.\/([a-zA-Z-]+\.js)"/g)) {
      if (!texts.has(folder + imported)) texts.set(folder + imported, '');
    }
  }
  return texts;
}

test('every file is the same when it is compressed, and is within its budget', async (context) => {
  const page = (await fetched('/')).bytes.toString();
  const loaded = [...(await scripts()).keys()];
  const isTable = (path) => /\/(es|pt-BR)\.js$/.test(path);
  const kinds = {
    html: ['/'], css: page.match(/\/console\/[0-9a-f]+\/console\.css/), js: loaded.filter((path) => !isTable(path)),
    // A person loads the table of one language at most, and in English none.
    ...Object.fromEntries(['es', 'pt-BR'].map((code) => [code, loaded.filter((path) => path.endsWith(`/${code}.js`))])), config: ['/console/config.json'],
    documents: ['/openapi.json', '/openapi-3.0.json', '/flutterflow.json'],
    others: ['/errors', '/console/errors.json', '/console/guides/bubble.md'],
  };
  assert.ok(kinds.js.length >= 7, String(kinds.js));
  for (const [kind, paths] of Object.entries(kinds)) {
    const sizes = await Promise.all(paths.map((path) => size(path, kind === 'config')));
    const [raw, sent] = [0, 1].map((index) => sizes.reduce((sum, pair) => sum + pair[index], 0));
    const told = `${kind} ${raw} bytes, ${sent} as sent`;
    context.diagnostic(told);
    assert.ok(!(sent > KINDS_MAX[kind]), told);
    if (kind === 'js') assert.ok(raw <= SCRIPTS_MAX, told);
  }
});

/** The bytes of a file: as it is, and as it is sent. The settings are neither compressed nor kept. */
async function size(path, isSettings) {
  const plain = await fetched(path);
  const zipped = await fetched(path, { 'accept-encoding': 'gzip' });
  const isZipped = zipped.headers['content-encoding'] === 'gzip';
  assert.ok(isZipped !== isSettings, path);
  assert.ok((isZipped ? gunzipSync(zipped.bytes) : zipped.bytes).equals(plain.bytes), path);
  if (!isSettings) {
    for (const { headers } of [plain, zipped]) assert.match(headers.vary, /accept-encoding/, path);
    const again = await fetched(path, { 'accept-encoding': 'gzip', 'if-none-match': zipped.headers.etag });
    assert.deepEqual([again.status, again.bytes.length], [304, 0], path);
  }
  return [plain.bytes.length, zipped.bytes.length];
}

/** The tokens of a script without its imports, each with its value. */
function tokens(text) {
  const { body } = acorn.parse(text, { ecmaVersion: 'latest', sourceType: 'module' });
  const imports = body.filter(({ type }) => type === 'ImportDeclaration');
  const all = [...acorn.tokenizer(text, { ecmaVersion: 'latest', sourceType: 'module' })];
  const own = all.filter(({ start }) => !imports.some((one) => start >= one.start && start < one.end));
  return own.map(({ type, value }) => JSON.stringify([type.label, value instanceof RegExp ? String(value) : value?.pattern ?? value]));
}

// Only comments, white space and imports may be missing.
test('each script has the tokens of its modules', async () => {
  const modules = new Map(readdirSync(MODULES).filter((name) => name.endsWith('.js'))
    .map((name) => [name, tokens(readFileSync(new URL(name, MODULES), 'utf8'))]));
  const seen = new Set();
  for (const [path, text] of await scripts()) {
    let rest = tokens(text).join('\n');
    assert.ok(rest.length > 100, path);
    for (let before = ''; rest !== before && rest;) {
      before = rest;
      const [name, of] = [...modules].find(([, all]) => rest === all.join('\n') || rest.startsWith(`${all.join('\n')}\n`)) ?? [];
      if (!name) break;
      seen.add(name);
      rest = rest.slice(of.join('\n').length + 1);
    }
    assert.equal(rest, '', `${path} has more than its modules`);
  }
  assert.deepEqual([...seen].sort(), [...modules.keys()].sort());
});
