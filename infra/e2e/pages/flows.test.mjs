// The flows by mail, with the real server and its outbox, in a browser. Before the person comes, a
// scanner opens each link, runs the page and presses everything, three times.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { assertSession, exchange, HUNG_MS, json, serve, stopAll } from '../support.mjs';
import { launch, newPage, shows } from './browser.mjs';

const PASSWORD = 'correct horse battery';
const NEXT = 'violet tractor 47 umbrella';
const LAST = 'purple kettle 12 mountain';
/** The passes of the scanner over each link, and its rounds over the buttons of a page. */
const PASSES = 3;
const ROUNDS = 3;
/** The wait for a button of a page that the browser has left, in milliseconds. */
const LEFT_MS = 2_000;

let app, browser, server;
/** The lines of the outbox that a test has read. */
const read = new Set();

before(async () => {
  app = await anApp();
  const env = {
    VERIFY_EMAIL: 'send', EMAIL_SIGN_IN: 'existing', EMAIL_SIGN_IN_LINK: 'true', APP_URLS: `${app.origin},myapp://`,
  };
  [server, browser] = await Promise.all([serve([], { env }), launch()]);
});

after(async () => {
  await browser?.close();
  app?.server.close();
  await stopAll();
});

/** The app that people go on to, with the URL of each visit. */
async function anApp() {
  const visits = [];
  const server = createServer((request, response) => {
    visits.push(request.url);
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><h1>The app</h1>');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, visits, origin: `http://127.0.0.1:${server.address().port}` };
}

async function post(path, body, session) {
  const headers = session ? { authorization: `Bearer ${session.access_token}` } : {};
  return exchange(server.origin + path, json('POST', body, headers));
}

async function succeed(path, body, session) {
  const answer = await post(path, body, session);
  assert.ok([200, 201].includes(answer.status), `${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function refused(path, body, status, code) {
  const answer = await post(path, body);
  assert.deepEqual([answer.status, answer.body.code], [status, code], path);
}

/** The code and the link of the next mail of this kind, from the terminal of the server. */
async function mail(to, kind) {
  const start = `Mail to ${to} (${kind})`;
  const line = await server.line((each) => each.startsWith(start) && !read.has(each), HUNG_MS);
  read.add(line);
  return { code: line.match(/code (\d{6})/)?.[1], link: line.match(/http:\S+#\S+/)?.[0] };
}

/** Does what programs do that look through mails. Returns the number of buttons that it pressed. */
async function scan(link) {
  let pressed = 0;
  for (let pass = 0; pass < PASSES; pass += 1) {
    for (const method of ['HEAD', 'GET', 'OPTIONS']) {
      await (await fetch(link, { method })).arrayBuffer();
    }
    const seen = await newPage(browser);
    await seen.page.goto(link);
    await seen.page.waitForLoadState('networkidle');
    for (let round = 0; round < ROUNDS; round += 1) pressed += await pressAll(seen.page);
    await seen.context.close();
  }
  return pressed;
}

async function pressAll(page) {
  let pressed = 0;
  for (const button of await page.locator('button, a, input, form').all()) {
    if (!await button.isVisible()) continue;
    // The button of a login leads on to the app, and nothing is left to press.
    const kind = await button.evaluate((element) => element.tagName, null, { timeout: LEFT_MS }).catch(() => null);
    if (kind === null) break;
    if (kind === 'FORM') await button.evaluate((element) => element.requestSubmit());
    else if (kind === 'INPUT') await button.press('Enter');
    else await button.click();
    await page.waitForLoadState('networkidle');
    pressed += 1;
  }
  return pressed;
}

/** Opens a link as the person does, fills in the field, sends it, and waits for the last heading. */
async function person(link, heading, { field, value, done, before: step = async () => {} }) {
  const seen = await newPage(browser);
  await seen.page.goto(link);
  await shows(seen.page, heading);
  await step(seen.page);
  await seen.page.locator(`#${field}`).fill(value);
  await seen.page.locator('#send').click();
  await shows(seen.page, done);
  assert.deepEqual(seen.refused, []);
  await seen.context.close();
}

async function signUp(email) {
  const session = assertSession(await succeed('/create-account', { email, password: PASSWORD, name: 'James' }));
  return { session, first: await mail(email, 'code_verify') };
}

test('whoever forgot the password reads the code off the terminal and is logged in', async () => {
  const email = 'code@yopmail.com';
  await signUp(email);
  const { challenge } = await succeed('/password/forgot', { email });
  const { code } = await mail(email, 'code_reset');
  const session = await succeed('/password/reset', { challenge, code, new_password: NEXT });
  assert.equal(assertSession(session).user.email_verified, true);
  await refused('/login', { email, password: PASSWORD }, 401, 'invalid_credentials');
  await succeed('/login', { email, password: NEXT });
});

test('a new password is set by the person and not by the scanner', async () => {
  const email = 'reset@yopmail.com';
  await signUp(email);
  await succeed('/password/forgot', { email });
  const { link } = await mail(email, 'code_reset');
  assert.ok(await scan(link) >= 3 * PASSES);
  await succeed('/login', { email, password: PASSWORD });
  const [heading, done] = ['Choose a new password', 'Your new password is set'];
  await person(link, heading, { field: 'password', value: NEXT, done });
  await refused('/login', { email, password: PASSWORD }, 401, 'invalid_credentials');
  await succeed('/login', { email, password: NEXT });
  await mail(email, 'password_changed');
  const seen = await newPage(browser);
  await seen.page.goto(link);
  await shows(seen.page, 'This link was used already');
  await seen.context.close();
});

test('an address is confirmed by the person and not by the scanner', async () => {
  const email = 'verify@yopmail.com';
  const { first: { link } } = await signUp(email);
  assert.ok(await scan(link) >= 3 * PASSES);
  assert.equal((await succeed('/login', { email, password: PASSWORD })).user.email_verified, false);
  const [heading, done] = ['Confirm your address', 'Your address is confirmed'];
  await person(link, heading, { field: 'password', value: PASSWORD, done });
  assert.equal((await succeed('/login', { email, password: PASSWORD })).user.email_verified, true);
});

test('an account that somebody else made is deleted by the owner of the address and not by the scanner', async () => {
  const email = 'disown@yopmail.com';
  const { first: { link } } = await signUp(email);
  await scan(link);
  await succeed('/login', { email, password: PASSWORD });
  await person(link, 'Confirm your address', {
    field: 'email',
    value: email,
    done: 'Thank you for telling us',
    before: async (page) => {
      await page.locator('#not-me').click();
      await shows(page, 'This account is not yours?');
    },
  });
  await refused('/login', { email, password: PASSWORD }, 401, 'invalid_credentials');
});

test('an address is changed and taken back by the person and not by the scanner', async () => {
  const [email, other] = ['former@yopmail.com', 'latter@yopmail.com'];
  const { session } = await signUp(email);
  await succeed('/me/email', { new_email: other, password: PASSWORD }, session);
  const { link } = await mail(other, 'code_change');
  assert.ok(await scan(link) >= 3 * PASSES);
  await succeed('/login', { email, password: PASSWORD });
  const changed = { field: 'password', value: PASSWORD, done: 'Your account has the new address' };
  await person(link, 'Confirm your new address', changed);
  await refused('/login', { email, password: PASSWORD }, 401, 'invalid_credentials');
  await succeed('/login', { email: other, password: PASSWORD });

  const { link: back } = await mail(email, 'email_changed');
  assert.ok(await scan(back) >= 2 * PASSES);
  await succeed('/login', { email: other, password: PASSWORD });
  await person(back, 'Take the change back', { field: 'email', value: email, done: 'Your address is back' });
  await refused('/login', { email: other, password: PASSWORD }, 401, 'invalid_credentials');
  await refused('/login', { email, password: PASSWORD }, 401, 'invalid_credentials');
  await mail(other, 'access_revoked');
  const { link: reset } = await mail(email, 'code_reset');
  await scan(reset);
  const [heading, done] = ['Choose a new password', 'Your new password is set'];
  await person(reset, heading, { field: 'password', value: LAST, done });
  await succeed('/login', { email, password: LAST });
});

/** The code that the page of a link hands to the app, where the person presses the button. */
async function goesOn(link) {
  const seen = await newPage(browser);
  await seen.page.goto(link);
  await shows(seen.page, 'Log in');
  await seen.page.locator('#send').click();
  await seen.page.waitForURL(`${app.origin}/login?**`);
  assert.deepEqual(seen.refused, []);
  const url = new URL(seen.page.url());
  await seen.context.close();
  return { code: url.searchParams.get('code'), step: url.searchParams.get('step'), hash: url.hash };
}

test('a link logs in the app that asked, and no scanner', async () => {
  const email = 'link@yopmail.com';
  await signUp(email);
  const { challenge } = await succeed('/login/email', { email, continue_url: `${app.origin}/login?step=2#/home` });
  const { code: typed, link } = await mail(email, 'code_sign_in');
  assert.ok(await scan(link) >= PASSES);
  // The scanner came to the app with codes, and has nothing to exchange them with.
  const codes = app.visits.map((url) => new URL(url, app.origin).searchParams.get('code')).filter(Boolean);
  assert.ok(codes.length >= PASSES, JSON.stringify(app.visits));
  for (const code of codes) await refused('/login/email/complete', { challenge: code, code }, 401, 'code_invalid');
  const { code, step, hash } = await goesOn(link);
  assert.deepEqual([step, hash], ['2', '#/home']);
  const session = assertSession(await succeed('/login/email/complete', { challenge, code }));
  assert.equal(session.user.email, email);
  await refused('/login/email/complete', { challenge, code: typed }, 401, 'code_invalid');
  const seen = await newPage(browser);
  await seen.page.goto(link);
  await shows(seen.page, 'This link was used already');
  await seen.context.close();
});

test('after the scanner the code of the mail is as good as its link', async () => {
  const email = 'typed@yopmail.com';
  await signUp(email);
  const { challenge } = await succeed('/login/email', { email, continue_url: `${app.origin}/login` });
  const { code, link } = await mail(email, 'code_sign_in');
  await scan(link);
  assertSession(await succeed('/login/email/complete', { challenge, code }));
});

test('a page leads back to the app that asked, whatever was added to its link on the way', async () => {
  const email = 'onwards@yopmail.com';
  await signUp(email);
  await refused('/password/forgot', { email, continue_url: 'https://evil.example/' }, 400, 'invalid_request');
  await succeed('/password/forgot', { email, continue_url: 'myapp://login' });
  const { link } = await mail(email, 'code_reset');
  const seen = await newPage(browser);
  await seen.page.goto(link.replace('#', '?continue_url=https://evil.example/#'));
  await shows(seen.page, 'Choose a new password');
  await seen.page.locator('#password').fill(NEXT);
  await seen.page.locator('#send').click();
  await shows(seen.page, 'Your new password is set');
  assert.equal(await seen.page.getByRole('link', { name: 'Back to Latchkey' }).getAttribute('href'), 'myapp://login');
  assert.deepEqual(seen.refused, []);
  await seen.context.close();
});
