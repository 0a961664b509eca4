// The console in a real browser: a walk of a builder, the keyboard alone, no JavaScript, and texts
// that look like markup.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';

import { launch } from './pages/browser.mjs';
import * as pages from './pages/console.mjs';
import { post } from './requests.mjs';
import { ask, decodeJwt, serve, stopAll, succeed } from './support.mjs';

const PASSWORD = 'violet tractor 47 umbrella';
const MARKUP = '<img src=x onerror="document.title=1">';

let browser, server;

before(async () => {
  [server, browser] = await Promise.all([serve(), launch()]);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

const open = (path, options) => pages.open(browser, server.origin, path, options);

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

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

  test('sees the operation of the address in the list, and its form below', async () => {
    const { page, wrong } = await open('/#/try/jwks', { viewport: { width: 320, height: 800 } });
    const boxes = await page.evaluate(() => ['.long', '.long [aria-current]', 'h2.big'].map((of) => document.querySelector(of).getBoundingClientRect().toJSON()));
    const [list, current, form] = boxes;
    assert.ok(current.top >= list.top && current.bottom <= list.bottom, JSON.stringify(boxes));
    assert.ok(form.bottom < 800, 'the form begins on the first screen');
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
