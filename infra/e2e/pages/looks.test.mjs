// The hosted pages in a browser, one by one: accessibility, languages, the policy, and the token of
// the link. The answers of the service are written here. The flows are in flows.test.mjs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { serve, stopAll } from '../support.mjs';
import { launch, looksGood, newPage, shows } from './browser.mjs';

const TOKEN = 'T'.repeat(43);
const ABOUT = { app: 'Giant Shop', used: false, expires_at: '2030-01-01T00:00:00Z', password_min_length: 10 };
/** The purpose of each page's link, the field that a person fills in, and the headings. */
const PAGES = {
  reset: ['reset', 'password', 'Choose a new password', 'Your new password is set'],
  verify: ['verify', 'password', 'Confirm your address', 'Your address is confirmed'],
  email: ['change', 'password', 'Confirm your new address', 'Your account has the new address'],
  undo: ['undo', 'email', 'Take the change back', 'Your address is back'],
  'sign-in': ['sign_in', null, 'Log in', 'Log in'],
};
const TYPED = { password: 'violet tractor 47', email: 'james@yopmail.com' };
const HEADINGS = {
  de: 'Neues Passwort wählen', 'pt-BR': 'Escolha uma nova senha', 'fr-CA': 'Choisissez un nouveau mot de passe',
  'es-419': 'Elija una nueva contraseña', en: 'Choose a new password', ja: 'Choose a new password',
};

let browser, server;

before(async () => {
  [server, browser] = await Promise.all([serve(), launch()]);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

/**
 * Opens a page by its link. `answers` has the answer to each POST by the last part of its path. An
 * answer is a status and a body. Without an answer the connection breaks.
 */
async function open(name, answers, options) {
  const seen = await newPage(browser, options);
  await seen.page.route('**/pages/*', (route) => {
    const answer = answers[route.request().url().split('/').pop()];
    if (route.request().method() === 'GET') return route.continue();
    return answer ? route.fulfill({ status: answer[0], json: answer[1], headers: answer[2] }) : route.abort();
  });
  await seen.page.goto(`${server.origin}/pages/${name}#${TOKEN}`);
  return seen;
}

const about = (purpose, more) => [200, { ...ABOUT, purpose, ...more }];

async function end({ context, refused }) {
  assert.deepEqual(refused, [], 'the policy refused something');
  await context.close();
}

for (const [name, [purpose, field, heading, done]] of Object.entries(PAGES)) {
  test(`${name} is good to use in each theme and width, from the link to the end`, async () => {
    const answers = { inspect: about(purpose), [name]: [200, { continue_url: name === 'sign-in' ? '' : 'https://app.example/' }] };
    const seen = await open(name, answers);
    await shows(seen.page, heading);
    await looksGood(seen.page, name);
    if (field) await seen.page.locator(`#${field}`).fill(TYPED[field]);
    await seen.page.locator('#send').click();
    await seen.page.locator('#form').waitFor({ state: 'hidden' });
    await shows(seen.page, done);
    await looksGood(seen.page, `${name}-done`);
    if (name !== 'sign-in') {
      const button = seen.page.getByRole('link', { name: 'Back to Giant Shop' });
      assert.equal(await button.getAttribute('href'), 'https://app.example/');
    }
    await end(seen);
  });
}

test('the token leaves the address, the history and every header at once', async () => {
  const seen = await open('reset', { inspect: about('reset'), reset: [200, { continue_url: '' }] });
  await shows(seen.page, 'Choose a new password');
  assert.equal(seen.page.url(), `${server.origin}/pages/reset`);
  assert.equal(await seen.page.evaluate('location.hash + history.length + document.referrer'), '2');
  await seen.page.locator('#password').fill(TYPED.password);
  await seen.page.keyboard.press('Enter');
  await shows(seen.page, 'Your new password is set');
  await seen.page.reload();
  await shows(seen.page, 'Open the link in the mail');
  const { requests } = seen;
  assert.ok(requests.length >= 4, JSON.stringify(requests));
  for (const { method, url, headers, body } of requests) {
    // The browser's own record of the address that was opened is the only one with a fragment.
    const [sent] = url.split('#');
    assert.ok(!sent.includes(TOKEN) && !JSON.stringify(headers).includes(TOKEN), `${method} ${url}`);
    assert.equal(headers.referer, undefined, `${method} ${url}`);
    assert.equal(body.includes(TOKEN), method === 'POST', `${method} ${url}`);
  }
  await end(seen);
});

test('another link in the same tab is another visit', async () => {
  const seen = await open('reset', { inspect: about('reset') });
  await shows(seen.page, 'Choose a new password');
  await seen.page.evaluate('location.hash = "another"');
  await seen.page.waitForFunction('location.hash === ""');
  await seen.page.waitForFunction('!document.getElementById("form").hidden');
  const tokens = seen.requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body).token);
  assert.deepEqual(tokens, [TOKEN, 'another']);
  await end(seen);
});

test('the rules are told before the password, which can be shown and is then sent as typed', async () => {
  const seen = await open('reset', { inspect: about('reset'), reset: [200, { continue_url: '' }] });
  const { page } = seen;
  await shows(page, 'Choose a new password');
  assert.match(await page.locator('#rules').innerText(), /^At least 10 characters\./);
  const password = page.getByLabel('New password', { exact: true });
  assert.equal(await password.getAttribute('autocomplete'), 'new-password');
  await password.fill(' pass "word" <é> ');
  await page.getByRole('button', { name: 'Show the password' }).click();
  assert.equal(await password.getAttribute('type'), 'text');
  await page.getByRole('button', { name: 'Hide the password' }).click();
  assert.equal(await password.getAttribute('type'), 'password');
  await page.locator('#send').click();
  await shows(page, 'Your new password is set');
  assert.match(await page.locator('#text').innerText(), /You can close this page and go back to Giant Shop\.$/);
  assert.deepEqual(JSON.parse(seen.requests.at(-1).body), { token: TOKEN, new_password: ' pass "word" <é> ' });
  assert.equal(await password.inputValue(), '');
  await end(seen);
});

describe('a mistake is told in its place, and the person can try again:', () => {
  const weak = (code) => [400, { code: 'weak_password', fields: [{ field: 'new_password', code }] }];
  for (const [name, answer, sentence] of [
    ['reset', weak('password_too_short'), /at least 10 characters/],
    ['reset', weak('password_too_common'), /too easy to guess/],
    ['reset', weak('a_rule_of_another_release'), /too easy to guess/],
    ['verify', [401, { code: 'invalid_credentials' }], /password is wrong/],
    ['verify', [429, { code: 'too_many_attempts' }, { 'retry-after': '121' }], /in 3 min/],
    ['reset', [403, { code: 'account_disabled' }], /the people of Giant Shop/],
    ['email', [409, { code: 'email_taken' }], /Another account has this address/],
    ['undo', [400, { code: 'invalid_request', fields: [{ field: 'email', code: 'email_mismatch' }] }], /not the address/],
    ['verify', [500, { code: 'internal_error' }], /did not work/],
    ['verify', undefined, /did not work/],
  ]) {
    const [purpose, field, heading, done] = PAGES[name];
    test(`${name}, ${answer ? JSON.stringify(answer) : 'no answer'}`, async () => {
      const answers = { inspect: about(purpose), [name]: answer };
      const seen = await open(name, answers);
      await shows(seen.page, heading);
      await seen.page.locator(`#${field}`).fill(TYPED[field]);
      await seen.page.locator('#send').click();
      await seen.page.getByRole('alert').filter({ hasText: sentence }).waitFor();
      assert.equal(await seen.page.evaluate('document.activeElement.id'), field);
      assert.equal(await seen.page.locator(`#${field}`).getAttribute('aria-invalid'), 'true');
      assert.equal(await seen.page.locator(`#${field}`).inputValue(), TYPED[field], 'nobody types it again');
      answers[name] = [200, { continue_url: '' }];
      await seen.page.locator('#send').click();
      await shows(seen.page, done);
      await end(seen);
    });
  }
});

describe('a link that cannot be used says why:', () => {
  for (const [name, inspect, heading] of [
    ['reset', [401, { code: 'link_invalid' }], 'This link is not complete'],
    ['reset', [401, { code: 'link_expired' }], 'This link is too old'],
    ['reset', [401, { code: 'link_used' }], 'This link was used already'],
    ['reset', about('reset', { used: true }), 'This link was used already'],
    ['reset', about('undo'), 'This link is not complete'],
    ['undo', about('reset'), 'This link is not complete'],
  ]) {
    test(`${name}, ${JSON.stringify(inspect)}`, async () => {
      const seen = await open(name, { inspect });
      await shows(seen.page, heading);
      assert.equal(await seen.page.locator('form:visible, button:visible, a:visible').count(), 0);
      await end(seen);
    });
  }

  test('one that ends while the page is open', async () => {
    const seen = await open('reset', { inspect: about('reset'), reset: [401, { code: 'link_expired' }] });
    await shows(seen.page, 'Choose a new password');
    await seen.page.locator('#password').fill(TYPED.password);
    await seen.page.locator('#send').click();
    await shows(seen.page, 'This link is too old');
    await looksGood(seen.page, 'expired');
    await end(seen);
  });

  test('no answer, until there is one', async () => {
    const answers = {};
    const seen = await open('reset', answers);
    await shows(seen.page, 'The page cannot reach the service');
    await looksGood(seen.page, 'unavailable');
    answers.inspect = about('reset');
    await seen.page.getByRole('button', { name: 'Try again' }).click();
    await shows(seen.page, 'Choose a new password');
    await end(seen);
  });
});

test('a mistake and the end of somebody else\'s account are good to use', async () => {
  const seen = await open('verify', { inspect: about('verify'), disown: [200, { disowned: true }] });
  const { page } = seen;
  await shows(page, 'Confirm your address');
  await page.locator('#send').click();
  await page.getByRole('alert').filter({ hasText: 'Fill in this field.' }).waitFor();
  await looksGood(page, 'mistake');
  await page.getByRole('button', { name: 'I did not make this account' }).click();
  await shows(page, 'This account is not yours?');
  await looksGood(page, 'disown');
  await page.locator('#send').click();
  await page.locator('#email').fill('james');
  await page.locator('#send').click();
  await page.getByRole('alert').filter({ hasText: 'Type a whole e-mail address.' }).waitFor();
  const sent = () => seen.requests.filter(({ url }) => url.endsWith('/disown'));
  assert.deepEqual(sent(), []);
  await page.locator('#email').fill(` ${TYPED.email} `);
  await page.locator('#send').click();
  await shows(page, 'Thank you for telling us');
  assert.deepEqual(JSON.parse(sent()[0].body), { token: TOKEN, email: TYPED.email });
  await end(seen);
});

test('an invitation has its own words on the page for a password', async () => {
  const seen = await open('reset', { inspect: about('invite') });
  await shows(seen.page, 'Accept the invitation');
  await end(seen);
});

test('a sign-in goes on to the app by itself, and to no script', async () => {
  for (const [url, goes] of [[`${server.origin}/health`, true], ['javascript:document.title="x"', false]]) {
    const seen = await open('sign-in', { inspect: about('sign_in'), 'sign-in': [200, { continue_url: url }] });
    await seen.page.locator('#send').click();
    if (goes) await seen.page.waitForURL(url);
    else await seen.page.getByText('You can close this page').waitFor();
    await end(seen);
  }
});

test('each language of a browser has its words, and any other browser has English', async () => {
  for (const [locale, heading] of Object.entries(HEADINGS)) {
    const seen = await open('reset', { inspect: about('reset') }, { locale });
    await shows(seen.page, heading);
    const lang = await seen.page.evaluate('document.documentElement.lang');
    assert.equal(lang, locale === 'ja' ? 'en' : locale.split('-')[0]);
    assert.equal(await seen.page.title(), heading);
    await end(seen);
  }
});

test('without JavaScript the page tells to use the code, and is good to read', async () => {
  const seen = await open('reset', {}, { javaScriptEnabled: false });
  await shows(seen.page, 'Choose a new password');
  for (const word of ['type the code', 'den Code', 'le code', 'el código', 'o código']) {
    assert.ok((await seen.page.locator('main:visible').innerText()).includes(word), word);
  }
  assert.equal(seen.requests.length, 1);
  // The rules are checked by a script. So a browser with scripts gets the same elements.
  const html = (await seen.page.content()).replaceAll(/<\/?noscript>|<script>.*<\/script>/gs, '');
  await end(seen);
  const copy = await newPage(browser);
  await copy.page.setContent(html);
  await shows(copy.page, 'Choose a new password');
  await looksGood(copy.page, 'no-script');
  await end(copy);
});

test('the browser runs no other script and shows the page in no frame', async () => {
  const seen = await open('reset', { inspect: about('reset') });
  await shows(seen.page, 'Choose a new password');
  await seen.page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'document.title = "run"';
    document.body.append(script);
    new Image().src = 'https://elsewhere.example/x';
  });
  assert.equal(await seen.page.title(), 'Choose a new password');
  assert.equal(seen.refused.length, 2, `${seen.refused}`);
  await seen.context.close();

  const outside = await newPage(browser);
  await outside.page.goto(`${server.origin}/health`);
  await outside.page.evaluate(() => {
    document.body.innerHTML = '<iframe src="/health"></iframe><iframe src="/pages/reset"></iframe>';
    const frames = [...document.querySelectorAll('iframe')];
    return Promise.all(frames.map((frame) => new Promise((loaded) => { frame.onload = loaded; })));
  });
  const shown = outside.page.mainFrame().childFrames().map((frame) => frame.url());
  assert.deepEqual(shown, [`${server.origin}/health`, 'chrome-error://chromewebdata/']);
  await outside.context.close();
});
