// The outbox of a laptop in a real browser: from a forgotten password to the code of its mail, and
// the new password. Pages of other sites try to read it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { launch, looksGood, newPage } from './pages/browser.mjs';
import { post } from './requests.mjs';
import { HUNG_MS, serve, stopAll, succeed } from './support.mjs';

const EMAIL = 'james@yopmail.com';
const PASSWORD = 'correct horse battery';
const NEXT = 'violet tractor 47 umbrella';
const WIDE = { viewport: { width: 1280, height: 800 } };

let browser, server;

before(async () => {
  [server, browser] = await Promise.all([serve(), launch()]);
  await succeed(server, post('/create-account', { email: EMAIL, password: PASSWORD, name: 'James' }));
});

after(async () => {
  await browser?.close();
  await stopAll();
});

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();

/** Opens a page of the console. It may ask nobody but the server. */
async function open(path, options) {
  const seen = await newPage(browser, options);
  await seen.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.origin });
  await seen.page.goto(server.origin + path, { waitUntil: 'networkidle' });
  return seen;
}

async function end({ context, refused, requests }) {
  assert.deepEqual(refused, [], 'the policy refused something');
  const elsewhere = requests.filter(({ url }) => !url.startsWith(server.origin) && !url.startsWith('data:'));
  assert.deepEqual(elsewhere.map(({ url }) => url), []);
  await context.close();
}

test('an outbox without mails leads to the form that makes one', async () => {
  const seen = await open('/outbox', WIDE);
  await heading(seen.page, 'Outbox');
  assert.equal(seen.page.url(), `${server.origin}/#/outbox`);
  await seen.page.getByText('There is no mail yet.').waitFor();
  await looksGood(seen.page, 'outbox-empty');
  await seen.page.getByRole('link', { name: 'Forget a password' }).click();
  await seen.page.getByRole('button', { name: 'Send' }).waitFor();
  await end(seen);
});

test('whoever forgot the password finds the code in the outbox', async () => {
  const { challenge } = await succeed(server, post('/password/forgot', { email: EMAIL }));
  await server.line((line) => line.startsWith(`Mail to ${EMAIL} (code_reset)`), HUNG_MS);
  const seen = await open('/', WIDE);
  await seen.page.getByRole('navigation').getByRole('link', { name: 'Outbox' }).click();
  await heading(seen.page, 'Outbox');
  const row = seen.page.getByRole('row').filter({ hasText: EMAIL });
  const code = await row.locator('code').innerText();
  assert.match(code, /^\d{6}$/);
  await row.getByRole('button', { name: `Copy the code for ${EMAIL}` }).click();
  await seen.page.waitForFunction(async (expected) => await navigator.clipboard.readText() === expected, code);
  // The button says for a moment that it has copied.
  await row.getByText('Copy', { exact: true }).waitFor();
  await looksGood(seen.page, 'outbox-list');
  await row.getByRole('link', { name: `${code} is your code for Latchkey` }).click();
  await heading(seen.page, `${code} is your code for Latchkey`);
  await seen.page.getByText(/never/i).first().waitFor();
  await looksGood(seen.page, 'outbox-mail');
  await succeed(server, post('/password/reset', { challenge, code, new_password: NEXT }));
  await succeed(server, post('/login', { email: EMAIL, password: NEXT }));
  await server.line((line) => line.startsWith(`Mail to ${EMAIL} (password_changed)`), HUNG_MS);
  await seen.page.getByRole('link', { name: 'All mails' }).click();
  await seen.page.getByRole('row').filter({ hasText: 'password' }).first().waitFor();
  assert.equal(await seen.page.getByRole('row').count(), 3, 'a head and two mails');
  await end(seen);
});

test('a mail is shown as people see it, and its link leads to its page', async () => {
  const seen = await open('/outbox', WIDE);
  await seen.page.getByRole('link', { name: /is your code for Latchkey/ }).click();
  const asked = seen.context.waitForEvent('response', (response) => response.url().endsWith('/html'));
  await seen.page.getByRole('link', { name: 'See it as people do' }).click();
  const answer = await asked;
  // No script runs in the sandbox, not even that of a test. So the mail is looked at in a copy.
  assert.match(answer.headers()['content-security-policy'], /^sandbox (?!.*allow-(scripts|same-origin))/);
  const copy = await newPage(browser);
  await copy.page.setContent(await answer.text());
  await copy.page.getByText(/^\d{6}$/).waitFor();
  await copy.context.close();
  const page = seen.context.waitForEvent('page');
  await seen.page.getByRole('link', { name: 'Open its page' }).click();
  const linked = await page;
  await linked.locator('h1:visible', { hasText: 'This link was used already' }).waitFor();
  await end(seen);
});

describe('a page of another site gets nothing of the outbox', () => {
  test('by a request, by an element, and by a frame', async () => {
    const foreign = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>elsewhere</title>');
    });
    await once(foreign.listen(0, '127.0.0.1'), 'listening');
    const port = foreign.address().port;
    // The first is the same site with another port, the second another site.
    for (const origin of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
      const { page, context } = await newPage(browser);
      await page.goto(origin);
      const got = await page.evaluate(async (url) => {
        const reads = ['cors', 'no-cors'].map((mode) => fetch(url, { mode }).then((answer) => answer.text(), () => ''));
        const element = await new Promise((done) => {
          const script = document.createElement('script');
          [script.onload, script.onerror] = [() => done('loaded'), () => done('')];
          script.src = url;
          document.head.append(script);
        });
        const frame = document.createElement('iframe');
        frame.src = `${url}/x/html`;
        document.body.append(frame);
        await new Promise((done) => { frame.onload = done; });
        return [...await Promise.all(reads), element];
      }, `${server.origin}/outbox/mails`);
      assert.deepEqual(got, ['', '', ''], origin);
      assert.ok(!(await page.content()).includes(EMAIL));
      await context.close();
    }
    foreign.close();
  });

  test('by a name that leads to this machine', async () => {
    const rebound = await launch(['--host-resolver-rules=MAP rebound.example 127.0.0.1']);
    const { page } = await newPage(rebound);
    const origin = server.origin.replace('127.0.0.1', 'rebound.example');
    await page.goto(`${origin}/health`);
    const answer = await page.evaluate(async () => {
      const answer = await fetch('/outbox/mails');
      return [answer.status, (await answer.json()).code];
    });
    assert.deepEqual(answer, [403, 'cross_origin']);
    await rebound.close();
  });
});

test('where there is no outbox the page says so, and nothing leads there', async () => {
  const other = await serve([], { env: { MAIL: 'off' } });
  const seen = await newPage(browser);
  await seen.page.goto(`${other.origin}/#/outbox`, { waitUntil: 'networkidle' });
  await heading(seen.page, 'Outbox');
  await seen.page.getByText('There is no outbox here.').waitFor();
  await looksGood(seen.page, 'outbox-none');
  assert.equal(await seen.page.getByRole('navigation').getByRole('link', { name: 'Outbox' }).count(), 0);
  await seen.context.close();
});
