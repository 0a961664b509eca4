// The languages of the console. Each has every text, and no English is left where the page speaks
// for itself. The guides and the messages of the service are English, and are marked so.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';

import * as acorn from 'acorn';

import { launch } from './pages/browser.mjs';
import { beyond, measured, open as openPage, violations } from './pages/console.mjs';
import { post } from './requests.mjs';
import { ask, serve, stopAll, succeed } from './support.mjs';

const ASSETS = new URL('../../functions/console/assets/', import.meta.url);
const CODES = ['es', 'pt-BR'];
const KEY = 'an admin key of 32 characters or more';
const PASSWORD = 'violet tractor 47 umbrella';
/** The functions whose first argument is a text. */
const MARKS = ['t', 'm', 'parts'];
/** A letter that no English text has. */
const STRANGE = 'ж';
/** Words that `Intl` writes for times in Spanish. */
const TIMES = /\b(hace|dentro|de|segundos?|minutos?|horas?|días?|ene|feb|mar|abr|may|jun|jul|ago|sept?|oct|nov|dic)\b/g;

let browser, server;

before(async () => {
  [server, browser] = await Promise.all([serve([], { env: { ADMIN_KEY: `anna:${KEY}`, RATE_LIMITS: 'off' } }), launch()]);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

const open = (path, options) => openPage(browser, server.origin, path, options);
const asset = (name) => readFileSync(new URL(name, ASSETS), 'utf8');
const tableOf = async (code) => (await import(new URL(`${code}.js`, ASSETS))).default;

/** Every node of a syntax tree. */
function* nodes(node) {
  if (!node || typeof node !== 'object') return;
  if (typeof node.type === 'string') yield node;
  for (const child of Object.values(node)) yield* nodes(child);
}

/** The English texts of the page. */
function texts() {
  const found = new Set([...asset('index.html').matchAll(/data-t>([^<]+)</g)].map(([, text]) => text));
  const modules = readdirSync(ASSETS).filter((name) => name.endsWith('.js') && !CODES.includes(name.replace('.js', '')));
  for (const name of modules) {
    for (const { type, callee, arguments: [first] = [] } of nodes(acorn.parse(asset(name), { ecmaVersion: 'latest', sourceType: 'module' }))) {
      if (type !== 'CallExpression' || !MARKS.includes(callee.name)) continue;
      if (first.type === 'Literal') found.add(first.value);
      // A text that was marked elsewhere is in a variable.
      else assert.ok(callee.name === 't' && first.type !== 'TemplateLiteral', `${name}: a text for ${callee.name} is no literal`);
    }
  }
  return [...found].sort();
}

test('each language has every text of the page, with its places for values', async () => {
  const expected = texts();
  assert.ok(expected.length > 400, `${expected.length} texts`);
  const places = (text) => [...text.matchAll(/\{\d\}/g)].map(String).sort();
  for (const code of CODES) {
    const table = await tableOf(code);
    assert.deepEqual(Object.keys(table).sort(), expected, code);
    for (const [english, text] of Object.entries(table)) assert.deepEqual(places(text), places(english), `${code}: ${english}`);
  }
});

test('English loads no table, and each other language one of its own', async () => {
  for (const [locale, heading] of [['en', 'The login of your app lives here'], ['ja', 'The login of your app lives here'],
    ['es-MX', 'Aquí vive el inicio de sesión de su app'], ['pt-BR', 'O login do seu app mora aqui']]) {
    const { page, wrong, requests } = await open('/', { locale, viewport: { width: 320, height: 800 } });
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    const tables = requests.filter((request) => /\/(es|pt-BR)\.js$/.test(request.url()));
    const isEnglish = heading.startsWith('The');
    assert.equal(tables.length, isEnglish ? 0 : 1, locale);
    assert.equal(await page.evaluate(() => document.documentElement.lang), isEnglish ? 'en' : locale.replace('es-MX', 'es'));
    assert.deepEqual((await measured(page)).moved, [], locale);
    assert.equal(await beyond(page), 0, `${locale} scrolls sideways`);
    assert.deepEqual(await violations(page), [], locale);
    assert.equal(await page.locator('#untranslated').innerText() === '', isEnglish);
    assert.deepEqual(wrong, []);
    await page.context().close();
  }
});

test('a language is chosen and given back, and the line of the expiry stays as it is', async () => {
  const { page, wrong } = await open('/#/token');
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const read = () => page.fill('textarea', `${part({ alg: 'RS256' })}.${part({ iss: 'https://securetoken.google.com/p', aud: 'p', sub: 'u', exp: 1779894000 })}.c2ln`);
  await page.getByLabel('Language').selectOption({ label: 'Português (Brasil)' });
  await page.getByRole('heading', { level: 1, name: 'Por que o meu token foi recusado?' }).waitFor();
  assert.equal(await page.title(), 'Por que o meu token foi recusado? · Latchkey');
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Idioma');
  await read();
  await page.getByRole('heading', { name: 'Um token de ID do Firebase' }).waitFor();
  assert.match(await page.locator('.big').innerText(), /^Expires: 2026-05-27 15:00:00 UTC — \d+ days ago$/);
  assert.match(await page.locator('dl.rows').innerText(), /há \d+ dias\s+27 de mai/);
  await page.getByLabel('Idioma').selectOption({ label: 'English' });
  await page.getByRole('heading', { level: 1, name: 'Why was my token refused?' }).waitFor();
  await page.getByRole('link', { name: 'Skip to the content' }).waitFor({ state: 'attached' });
  assert.deepEqual(wrong, []);
  await page.context().close();
});

/** What the page says outside of texts of the service, in the words of a language of one letter. */
async function englishLeft(page, operations) {
  const said = await page.evaluate(() => {
    const isOfService = (element) => element.closest('code, pre, textarea, noscript, .method, .tree, [lang]:not(html)');
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (!isOfService(walker.currentNode.parentElement)) found.push(walker.currentNode.data);
    for (const element of document.querySelectorAll('[aria-label]')) if (!isOfService(element)) found.push(element.getAttribute('aria-label'));
    return [...found, document.title];
  });
  // Names of products, headers and paths, values of accounts, and times are no English.
  const names = /\b(UTC|Latchkey|OpenAPI|FlutterFlow|Bubble|WeWeb|Adalo|Softr|Retool|Zapier|Make|n8n|Bearer|Authorization|jwt|example|anna|James)\b/g;
  const ofOperation = new RegExp(`(?<=${STRANGE} )(${operations.join('|')})$`);
  const left = said.map((text) => text.trim().replace(ofOperation, '').replaceAll(/\S+@\S+|\S*[:/$_][^\s]*|\b[\w-]*\d[\w-]*\b|\b[A-Z][a-z]+(-[A-Z][a-z]+)+\b/g, '').replaceAll(names, '').replaceAll(TIMES, ''));
  return said.filter((_, index) => /[A-Za-z]{2}/.test(left[index]) && !/^[a-z_]+$/.test(said[index].trim()));
}

test('no English is left where the page speaks for itself', async () => {
  const strange = Object.fromEntries(texts().map((text) => [text, text.replaceAll(/[A-Za-z]/g, STRANGE)]));
  const user = { email: 'james@example.com', password: PASSWORD, name: 'James' };
  const { uid } = await succeed(server, post('/create-account', user));
  const { page, wrong } = await open('/', { locale: 'en' });
  await page.route('**/es.js', (route) => route.fulfill({ contentType: 'text/javascript', body: `export default ${JSON.stringify(strange)};` }));
  await page.getByLabel('Language').selectOption('es');
  await page.locator('h1', { hasText: STRANGE }).waitFor();
  const go = async (hash) => {
    await page.evaluate((to) => { location.hash = to; }, hash);
    await page.locator(`nav a[aria-current="page"][href="#/${hash.split('/')[1]}"]`).waitFor();
  };
  const document = (await ask(server, { path: '/openapi.json' })).body;
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId)).filter(Boolean);
  const clean = async (where) => assert.deepEqual(await englishLeft(page, operations), [], where);
  await clean('start');

  await go('#/try/login');
  await page.getByRole('textbox', { name: 'email' }).fill(user.email);
  for (const password of ['wrong', PASSWORD]) {
    await page.getByRole('textbox', { name: 'password' }).fill(password);
    await page.locator('button[type="submit"]').click();
    await page.locator('strong', { hasText: password === PASSWORD ? /^200/ : /^401/ }).waitFor();
    await clean(`the answer to ${password}`);
  }
  await page.locator('.tray summary').click();
  await clean('the tray');
  await go('#/builders/bubble');
  await page.getByRole('textbox', { name: 'email' }).fill(user.email);
  await page.getByRole('textbox', { name: 'password' }).fill(PASSWORD);
  await page.locator('.check button.main').click();
  await page.locator('.check li').first().waitFor();
  await clean('the guide');
  await go('#/outbox');
  await clean('the outbox');
  await go('#/reference');
  await clean('the endpoints');
  await go('#/reference/errors');
  await page.locator('section.target').first().waitFor();
  await clean('the codes');

  await go('#/token');
  const { access_token } = (await ask(server, post('/login', user))).body;
  for (const pasted of ['{{token}}', `Bearer "${access_token}"`, `${access_token}x`]) {
    await page.fill('textarea', pasted);
    await page.locator('main button.main').click();
    await page.locator('main .actions + div .note').last().waitFor();
    // The line of the expiry is the same in every language.
    await page.locator('p.big').evaluateAll((all) => all.forEach((line) => line.remove()));
    await clean(`the token ${pasted.slice(0, 12)}`);
  }
  await go('#/users');
  await clean('the lock');
  await page.locator('main input').fill(KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: user.email }).waitFor();
  await clean('the users');
  await go('#/users/new');
  await page.locator('input[name="email"]').waitFor();
  await clean('a new account');
  await go(`#/users/${uid}`);
  await page.getByRole('heading', { level: 1, name: user.email }).waitFor();
  await clean('an account');
  assert.deepEqual(wrong, []);
  await page.context().close();
});
