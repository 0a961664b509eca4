// The client library of Supabase in a real browser, on a page of another origin. The browser asks
// for its permission before each call (CORS), keeps the session, and shares it between tabs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { launch, newPage } from '../pages/browser.mjs';
import { serve, stopAll } from '../support.mjs';

const library = readFileSync(createRequire(import.meta.url).resolve('@supabase/supabase-js/dist/umd/supabase.js'), 'utf8');
const PASSWORD = 'violet "tractor" 47 \\ umbrella é';
const NEXT_PASSWORD = 'amber tractor 48 umbrella';

let browser, server, page, origin;

before(async () => {
  page = createServer((request, response) => {
    const isScript = request.url === '/supabase.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? library : '<!doctype html><link rel="icon" href="data:,"><script src="/supabase.js"></script>');
  });
  await new Promise((listening) => page.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${page.address().port}`;
  [server, browser] = await Promise.all([serve([], { env: { TOKEN_PROFILE: 'access', CORS_ALLOWED_ORIGINS: origin } }), launch()]);
});
after(async () => {
  await browser?.close();
  page.close();
  await stopAll();
});

/** A tab with a client, in a profile of its own unless there is one. */
async function open(context, address = origin) {
  const seen = context ? { context, page: await context.newPage() } : await newPage(browser);
  await seen.page.goto(address);
  await seen.page.evaluate((url) => { window.auth = supabase.createClient(url, 'any text').auth; }, server.origin);
  return seen;
}

/** Calls the client in the page. The answer is an object with `data`, and with the `error` as text. */
function call(tab, name, argument) {
  return tab.page.evaluate(async ([called, given]) => {
    const { data, error } = await window.auth[called](given);
    return { data, error: error && `${error.status} ${error.code ?? error.name}` };
  }, [name, argument]);
}

async function good(tab, name, argument) {
  const { data, error } = await call(tab, name, argument);
  assert.equal(error, null, name);
  return data;
}

test('a page of another origin signs up, in and out, changes the user, and verifies the token', async () => {
  const tab = await open();
  const email = 'browser@yopmail.com';
  const { user } = await good(tab, 'signUp', { email, password: PASSWORD, options: { data: { full_name: 'James' } } });
  assert.equal(user.user_metadata.full_name, 'James');
  assert.deepEqual((await call(tab, 'signUp', { email, password: PASSWORD })).error, '422 user_already_exists');
  await good(tab, 'signOut');
  assert.equal((await call(tab, 'signInWithPassword', { email, password: 'wrong' })).error, '400 invalid_credentials');
  await good(tab, 'signInWithPassword', { email, password: PASSWORD });
  assert.equal((await good(tab, 'getUser')).user.id, user.id);
  assert.equal((await good(tab, 'getClaims')).claims.sub, user.id);
  assert.equal((await good(tab, 'updateUser', { data: { plan: 'pro' } })).user.user_metadata.plan, 'pro');
  await good(tab, 'updateUser', { password: NEXT_PASSWORD, current_password: PASSWORD });
  await good(tab, 'refreshSession');
  await tab.page.reload();
  await tab.page.evaluate((url) => { window.auth = supabase.createClient(url, 'any text').auth; }, server.origin);
  assert.equal((await good(tab, 'getUser')).user.id, user.id, 'a reload keeps the session');
  await good(tab, 'signOut');
  assert.equal(await tab.page.evaluate(() => Object.keys(localStorage).length), 0);
  // The browser writes a line for each refusal, and it refused nothing by itself.
  assert.deepEqual(tab.said.filter((line) => /CORS|blocked/i.test(line)), []);
  await tab.context.close();
});

test('two tabs that refresh at once keep their session', async () => {
  const first = await open();
  await good(first, 'signUp', { email: 'tabs@yopmail.com', password: PASSWORD });
  const second = await open(first.context);
  for (let turn = 0; turn < 5; turn++) {
    const answers = await Promise.all([first, second].map((tab) => call(tab, 'refreshSession')));
    // A tab that comes second drops its answer by itself, and goes on with the tokens of the other.
    const errors = answers.map(({ error }) => error).filter((error) => error !== '409 AuthRefreshDiscardedError');
    assert.ok(errors.length > 0 && errors.every((error) => error === null), JSON.stringify(answers));
    for (const tab of [first, second]) assert.notEqual((await good(tab, 'getSession')).session, null);
  }
  for (const tab of [first, second]) await good(tab, 'getUser');
  await good(first, 'signOut');
  // Chromium tells the storage of one tab to the process of another a little later.
  for (let wait = 0; wait < 50 && (await good(second, 'getSession')).session; wait++) await sleep(100);
  assert.equal((await good(second, 'getSession')).session, null, 'the other tab knows');
  await first.context.close();
});

test('a page of an origin that is not listed gets no answer', async () => {
  const stranger = await open(undefined, origin.replace('127.0.0.1', 'localhost'));
  const { error } = await call(stranger, 'signInWithPassword', { email: 'a@b.de', password: PASSWORD });
  assert.match(error, /AuthRetryableFetchError/);
  assert.ok(stranger.said.some((line) => /blocked by CORS policy: Response to preflight request/.test(line)), stranger.said.join('\n'));
  await stranger.context.close();
});
