// The console in a real browser. Every view is looked at in both themes and at two widths. Then
// come a walk of a builder, the keyboard alone, no JavaScript, and texts that look like markup.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { chromium } from 'playwright-core';

import { post } from './requests.mjs';
import { ask, decodeJwt, serve, stopAll, succeed } from './support.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const VIEWS = {
  start: '/', try: '/#/try/createAccount', flutterflow: '/#/builders', bubble: '/#/builders/bubble', n8n: '/#/builders/n8n', token: '/#/token', users: '/#/users',
  reference: '/#/reference', codes: '/#/reference/errors', errors: '/errors#weak_password',
};
const PASSWORD = 'violet tractor 47 umbrella';
const MARKUP = '<img src=x onerror="document.title=1">';
/** The most bytes that the first page loads, all files together. */
const BYTES_MAX = 16_000;
/** The most requests of the first page. The aim is 6: `dom.js` and `api.js` would be one file. */
const REQUESTS_MAX = 8;
/**
 * The most bytes of each kind of file, compressed, all files of the kind together. The aim for
 * scripts is 32 kB: the page of users is a sixth of them.
 */
const KINDS_MAX = { html: 8_000, css: 7_000, js: 38_000, config: 500, documents: 27_000 };
/** The most bytes of all scripts as they are written. */
const SCRIPTS_MAX = 100_000;

let browser, server;

before(async () => {
  server = await serve();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });
});

after(async () => {
  await browser?.close();
  await stopAll();
});

/** A page that notes everything that a good page never does. */
async function open(path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.origin });
  const page = await context.newPage();
  const wrong = [];
  const requests = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    // The browser writes a line for every answer of 400 and above, which are a part of the walk.
    const isAnswer = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !isAnswer) wrong.push(message.text());
  });
  page.on('request', (request) => {
    requests.push(request);
    if (!request.url().startsWith(server.origin) && !request.url().startsWith('data:')) wrong.push(`asks ${request.url()}`);
  });
  await page.goto(server.origin + path, { waitUntil: 'networkidle' });
  return { page, wrong, requests };
}

async function violations(page) {
  return page.evaluate(`${axe}; axe.run(document, { runOnly: ${JSON.stringify(RULES)} })
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target }) => target).join(' ')))`);
}

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

describe('each view', () => {
  for (const [colorScheme, width] of [['light', 1280], ['dark', 320]]) {
    test(`is accessible and whole, ${colorScheme}, ${width} px`, async () => {
      for (const [name, path] of Object.entries(VIEWS)) {
        const { page, wrong } = await open(path, { viewport: { width, height: 800 }, colorScheme });
        if (name === 'token') await page.fill('textarea', 'Bearer e30.e30.e30');
        assert.equal(await page.locator('h1').count() >= 1, true, name);
        assert.deepEqual(await violations(page), [], name);
        assert.deepEqual(wrong, [], name);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, `${name} scrolls sideways`);
        await page.context().close();
      }
    });
  }

  test('is accessible in forced colours', async () => {
    for (const path of Object.values(VIEWS)) {
      const { page } = await open(path, { forcedColors: 'active' });
      assert.deepEqual(await violations(page), [], path);
      await page.context().close();
    }
  });

  test('is small, and keeps its files', async () => {
    const { page, requests } = await open('/');
    const sizes = await Promise.all(requests.map(async (request) => (await request.sizes()).responseBodySize));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total > 5_000 && total <= BYTES_MAX, `${total} bytes`);
    const asked = requests.filter((request) => !request.url().startsWith('data:')).map((request) => request.url());
    assert.ok(asked.length <= REQUESTS_MAX, asked.join(' '));
    const script = requests.find((request) => request.url().endsWith('.js'));
    assert.match((await script.response()).headers()['cache-control'], /immutable/);
    await page.context().close();
  });
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

/** The scripts that the page loads sooner or later. */
async function scripts(folder) {
  const names = new Set(['console.js']);
  for (const name of names) {
    const { bytes } = await fetched(folder + name);
    for (const [, imported] of bytes.toString().matchAll(/"\.\/([a-z]+\.js)"/g)) names.add(imported);
  }
  return [...names];
}

test('every file is the same when it is compressed, and is within its budget', async (context) => {
  const page = (await fetched('/')).bytes.toString();
  const [style] = page.match(/\/console\/[0-9a-f]+\/console\.css/);
  const folder = style.replace('console.css', '');
  const kinds = {
    html: ['/'], css: [style], js: (await scripts(folder)).map((name) => folder + name), config: ['/console/config.json'],
    documents: ['/openapi.json', '/openapi-3.0.json', '/flutterflow.json'],
    others: ['/errors', '/console/errors.json', '/console/guides/bubble.md'],
  };
  assert.ok(kinds.js.length > 12, String(kinds.js));
  const told = [];
  for (const [kind, paths] of Object.entries(kinds)) {
    let sizes = { raw: 0, sent: 0 };
    for (const path of paths) {
      const plain = await fetched(path);
      const zipped = await fetched(path, { 'accept-encoding': 'gzip' });
      const isZipped = zipped.headers['content-encoding'] === 'gzip';
      assert.ok(isZipped || kind === 'config', path);
      assert.ok((isZipped ? gunzipSync(zipped.bytes) : zipped.bytes).equals(plain.bytes), path);
      sizes = { raw: sizes.raw + plain.bytes.length, sent: sizes.sent + zipped.bytes.length };
      if (kind === 'config') continue;
      for (const { headers } of [plain, zipped]) assert.match(headers.vary, /accept-encoding/, path);
      const again = await fetched(path, { 'accept-encoding': 'gzip', 'if-none-match': zipped.headers.etag });
      assert.deepEqual([again.status, again.bytes.length], [304, 0], path);
    }
    told.push(`${kind} ${sizes.raw} bytes, ${sizes.sent} as sent`);
    assert.ok(!(sizes.sent > KINDS_MAX[kind]), told.at(-1));
    if (kind === 'js') assert.ok(sizes.raw <= SCRIPTS_MAX, told.at(-1));
  }
  context.diagnostic(told.join('; '));
});

describe('a builder', () => {
  test('makes an account, sees what is wrong beside its field, reads the answer, and deletes the account', async () => {
    const { page, wrong } = await open('/');
    await page.getByRole('link', { name: 'Try it', exact: true }).last().click();
    await page.getByLabel('password').fill('short');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('400 Something').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'password');
    assert.match(await page.locator('.wrong:not([hidden])').innerText(), /at least 8 characters/);
    await page.getByRole('link', { name: /About the code/ }).click();
    await page.locator('.found').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'weak_password');

    await page.goBack();
    await page.getByLabel('password').fill(PASSWORD);
    await page.getByLabel('name', { exact: true }).fill(MARKUP);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('201 Created').waitFor();
    await page.getByRole('button', { name: 'Copy path $.user.email', exact: true }).click();
    assert.equal(await copied(page), '$.user.email');

    await page.getByRole('link', { name: 'See the user' }).first().click();
    await page.getByRole('heading', { level: 2 }).first().waitFor();
    await page.getByLabel('with my token or key').check();
    await page.getByRole('button', { name: 'Copy cURL' }).click();
    const { stdout } = spawnSync('bash', ['-c', await copied(page)], { encoding: 'utf8' });
    assert.equal(JSON.parse(stdout).user.name, MARKUP);

    await page.goto(`${server.origin}/#/try/deleteAccount`);
    await page.getByLabel('password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('200 OK').waitFor();
    assert.equal(await page.locator('.tray').count(), 0, 'the session is gone from the tray');
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('ticks the steps of a guide, and checks a login at its end', async () => {
    const email = 'check@example.com';
    await succeed(server, post('/create-account', { email, password: PASSWORD, name: MARKUP }));
    const { page, wrong } = await open('/#/builders/flutterflow');
    const text = await page.locator('article').innerText();
    assert.ok(text.includes(`${server.origin}/create-account`) && !text.includes('YOUR-URL'), 'the address is filled in');
    await page.getByText('This address works on this machine alone.').waitFor();
    const counted = page.getByText(/^0 of \d+ steps are ticked/);
    const steps = Number((await counted.innerText()).match(/of (\d+)/)[1]);
    assert.ok(steps > 15, `${steps} steps`);
    await page.getByLabel('Step 1 of Log in is done').check();
    await page.getByText(`1 of ${steps} steps are ticked`).first().waitFor();
    await page.getByRole('link', { name: 'n8n', exact: true }).click();
    await page.getByText(/^0 of \d+ steps/).waitFor();
    await page.goBack();
    await page.getByText(`1 of ${steps} steps are ticked`).first().waitFor();
    assert.equal(await page.getByLabel('Step 1 of Log in is done').isChecked(), true);

    const check = page.getByRole('button', { name: 'Check', exact: true });
    await check.click();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'email');
    await page.getByRole('textbox', { name: /^email/ }).fill(email);
    await page.getByRole('textbox', { name: /^password/ }).fill('wrong');
    await check.click();
    await page.getByText('The login was refused with 401: Email or password is incorrect.').first().waitFor();
    await page.getByRole('link', { name: 'About the code invalid_credentials' }).waitFor();
    await page.getByRole('textbox', { name: /^password/ }).fill(PASSWORD);
    await check.click();
    await page.getByText(`The token opens the account of ${MARKUP}, with the id`).waitFor();
    assert.match(await page.locator('.check').innerText(), /The login works\. It took \d+ ms\.[^]*The token expires in 59 minutes/);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('opens the guide of every product, each with its address filled in', async () => {
    const { page, wrong } = await open('/#/builders');
    const links = await page.getByRole('navigation', { name: 'Builders' }).getByRole('link').evaluateAll((all) => all.map(({ hash }) => hash));
    assert.equal(links.length, 14);
    for (const hash of links) {
      await page.goto(`${server.origin}/${hash}`);
      await page.locator(`nav a[href="${hash}"][aria-current="true"]`).waitFor();
      assert.ok(!(await page.locator('article').innerText()).includes('YOUR-URL'), hash);
    }
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('logs in by the keyboard alone', async () => {
    const email = 'keys@example.com';
    await succeed(server, post('/create-account', { email, password: PASSWORD }));
    const { page } = await open('/#/try/login');
    const reach = async (matches) => {
      for (let presses = 0; presses < 80; presses++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(`(${matches})(document.activeElement)`)) return;
      }
      assert.fail(`the keyboard does not reach ${matches}`);
    };
    await reach((element) => element.name === 'email');
    await page.keyboard.type(email);
    await reach((element) => element.name === 'password');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByText('200 OK').waitFor();
    assert.match(await page.locator('.tray').innerText(), /keys@example.com/);
    await page.context().close();
  });

  test('leaves no secret behind', async () => {
    const email = 'secret@example.com';
    await succeed(server, post('/create-account', { email, password: PASSWORD }));
    const { page, requests } = await open('/#/try/login');
    await page.getByLabel('email').fill(email);
    await page.getByLabel('password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('200 OK').waitFor();
    await page.locator('.tray summary').click();
    await page.getByRole('button', { name: 'Forget it here' }).click();
    await page.goto(`${server.origin}/#/builders`);
    await page.getByRole('heading', { name: 'FlutterFlow', level: 1 }).waitFor();
    const left = await page.evaluate(async () => JSON.stringify([
      { ...localStorage }, { ...sessionStorage }, await indexedDB.databases(), document.cookie, document.documentElement.outerHTML, location.href,
    ]));
    assert.ok(!left.includes(PASSWORD) && !left.includes('eyJ'), 'a secret is left');
    assert.ok(requests.every((request) => !request.url().includes('eyJ') && !request.url().includes('violet')), 'a secret is in a URL');
    await page.context().close();
  });

  test('reads the address and both calls without JavaScript', async () => {
    const { page } = await open('/', { javaScriptEnabled: false });
    const text = await page.locator('main').innerText();
    assert.ok(text.includes(server.origin) && text.includes(`curl -sS '${server.origin}/login'`), text);
    await page.context().close();
  });
});

describe('the token doctor', () => {
  test('tells the kind, the expiry and the first rule, and the server agrees', async () => {
    const session = await succeed(server, post('/create-account', { email: 'doctor@example.com', password: PASSWORD }));
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const idToken = (changes) => `${part({ alg: 'RS256', kid: 'k' })}.${part({
      iss: 'https://securetoken.google.com/demo-latchkey', aud: 'demo-latchkey', sub: 'u', iat: 1779890400,
      auth_time: 1779890400, exp: 1779894000, firebase: { sign_in_provider: 'custom' }, ...changes,
    })}.c2ln`;
    const rows = [
      [session.access_token, 'An access token of Latchkey'],
      [`Bearer "${session.jwt_token}",`, 'A Firebase custom token'],
      [idToken({}), 'A Firebase ID token'],
      [JSON.stringify(session), 'A Firebase custom token'],
      [`${part({ alg: 'HS256' })}.${part({ user_id: '7' })}.c2ln`, 'A token signed with a shared secret'],
      [idToken({ iss: 'https://accounts.google.com' }), 'A token of Google'],
      [idToken({ iss: 'https://session.firebase.google.com/p' }), 'A Firebase session cookie'],
    ];
    const { page, wrong } = await open('/#/token');
    for (const [pasted, kind] of rows) {
      await page.fill('textarea', pasted);
      await page.getByRole('heading', { name: kind }).waitFor();
      const token = pasted.startsWith('{') ? session.jwt_token : pasted.replace(/^Bearer "|",$/g, '');
      const { exp } = decodeJwt(token).payload;
      if (exp) assert.match(await page.locator('.big').innerText(), /^Expires: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC — /);
      await page.getByRole('button', { name: 'Check on this server' }).click();
      const { body } = await ask(server, post('/jwt/decode', { token }));
      const expected = body.problems.length === 0 ? 'Good.' : `(${body.problems[0].code})`;
      await page.locator('.note', { hasText: expected }).last().waitFor();
    }
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('names a text that is no token', async () => {
    const { page } = await open('/#/token');
    for (const [pasted, told] of [
      ['undefined', 'a variable that is not set'], ['{{token}}', 'was not filled in'], ['A'.repeat(43), 'a refresh token'],
      ['ya29.abc', 'an access token of Google'], ['e30.e30', 'cut off'], ['e30.e30.a.b.c', 'encrypted'], ['hello', 'no token of the form'],
    ]) {
      await page.fill('textarea', pasted);
      await page.getByText(told).first().waitFor();
    }
    await page.context().close();
  });

  test('shows markup in a claim as text', async () => {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const { page, wrong } = await open('/#/token');
    await page.fill('textarea', `${part({ alg: 'RS256', kid: MARKUP })}.${part({ name: MARKUP, iss: MARKUP, [MARKUP]: 1 })}.c2ln`);
    await page.getByText(MARKUP).first().waitFor();
    assert.equal(await page.locator('main img').count(), 0);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });
});

test('the type of every error leads to its entry', async () => {
  const { page } = await open('/#/reference/errors');
  const codes = await page.locator('section.target').evaluateAll((all) => all.map(({ id }) => id));
  assert.ok(codes.length > 40, String(codes));
  for (const request of [post('/login', {}), post('/login', { email: 'a@b.de', password: 'x' }), { path: '/nowhere' }, post('/verify', { token: 'x' }), { path: '/login' }]) {
    const { body } = await ask(server, request);
    await page.goto(body.type);
    assert.equal(await page.locator(':target').getAttribute('id'), body.code);
    await page.goto(`${server.origin}/#/reference/errors/${encodeURIComponent(body.code)}`);
    assert.equal(await page.locator('.found').getAttribute('id'), body.code);
  }
  await page.context().close();
});
