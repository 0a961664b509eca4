// The users page of the console in a real browser. Accounts are found, made, changed and deleted,
// by pointer and by keyboard. Texts that look like markup are in every field.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';

import { launch } from './pages/browser.mjs';
import * as pages from './pages/console.mjs';
import { post } from './requests.mjs';
import { ask, serve, stopAll, succeed } from './support.mjs';

const KEY = "an admin key of 32 characters or more";
const PASSWORD = 'violet tractor 47 umbrella';
const MARKUP = '<img src=x onerror="document.title=1">';

let browser, server;

before(async () => {
  server = await serve([], { env: { ADMIN_KEY: `anna:${KEY}`, RATE_LIMITS: 'off' } });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await stopAll();
});

const open = (path, options) => pages.open(browser, server.origin, path, options);

/** Opens the page, and exchanges the key. */
async function unlocked(path = '/#/users', options = {}) {
  const opened = await open(path, options);
  await opened.page.getByLabel('Admin key').fill(KEY);
  await opened.page.getByRole('button', { name: 'Unlock' }).click();
  await opened.page.getByText(/Unlocked with the key anna/).waitFor();
  return opened;
}

const admin = (method, path, data) => ask(server, {
  path, method, headers: { 'X-Admin-Key': KEY, 'Content-Type': 'application/json' }, body: data && JSON.stringify(data),
});

async function made(email, more = {}) {
  const { status, body } = await admin('POST', '/admin/users', { email, password: PASSWORD, ...more });
  assert.equal(status, 201, JSON.stringify(body));
  return body.user;
}

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

describe('each view of the users', () => {
  for (const [colorScheme, width] of [['light', 1280], ['dark', 320]]) {
    test(`is accessible and whole, ${colorScheme}, ${width} px`, async () => {
      const user = await made(`view-${width}@example.com`, { name: MARKUP, metadata: { note: 'x'.repeat(300) } });
      await succeed(server, post('/login', { email: user.email, password: PASSWORD }));
      const options = { viewport: { width, height: 800 }, colorScheme };
      const look = async (page, wrong, name) => {
        assert.deepEqual(await pages.violations(page), [], name);
        assert.deepEqual(wrong, [], name);
        assert.equal(await pages.beyond(page), 0, `${name} scrolls sideways`);
      };
      const { page, wrong } = await open('/#/users', options);
      await look(page, wrong, 'locked');
      await page.context().close();
      for (const [name, path, heading] of [['list', '/#/users', 'Users'], ['new', '/#/users/new', 'New account'], ['one', `/#/users/${user.id}`, user.email]]) {
        const { page, wrong } = await unlocked(path, options);
        await page.getByRole('heading', { level: 1, name: heading }).waitFor();
        await look(page, wrong, name);
        if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/users-${name}-${colorScheme}.png`, fullPage: true });
        await page.context().close();
      }
    });
  }
});

describe('an admin', () => {
  test('shows no account with a wrong key, and leaves no key behind', async () => {
    const { page, requests, wrong } = await open('/#/users');
    await page.getByLabel('Admin key').fill('a wrong key of 32 characters or more');
    await page.getByRole('button', { name: 'Unlock' }).click();
    await page.getByText('401.').waitFor();
    assert.equal(await page.getByLabel('Admin key').inputValue(), '');
    await page.getByLabel('Admin key').fill(KEY);
    await page.keyboard.press('Enter');
    await page.getByText(/Unlocked with the key anna/).waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
    const left = await page.evaluate(async () => JSON.stringify([
      { ...localStorage }, { ...sessionStorage }, await indexedDB.databases(), document.cookie, document.documentElement.outerHTML, location.href,
    ]));
    assert.ok(!left.includes(KEY) && !left.includes('eyJ'), 'a secret is left');
    const withKey = requests.filter((request) => request.headers()['x-admin-key'] === KEY);
    assert.deepEqual(withKey.map((request) => new URL(request.url()).pathname), ['/admin/token']);
    await page.getByRole('button', { name: 'Lock now' }).click();
    await page.getByLabel('Admin key').waitFor();
    await page.reload();
    await page.getByLabel('Admin key').waitFor();
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('makes an account, sees a mistake beside its field, changes it, and copies the call', async () => {
    const { page, wrong } = await unlocked('/#/users/new');
    await page.getByLabel('E-mail').fill('nothing');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.locator('.wrong:not([hidden])').first().waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'email');
    await page.getByLabel('E-mail').fill('made@example.com');
    await page.getByLabel('Name', { exact: true }).fill('Ann');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { level: 1, name: 'made@example.com' }).waitFor();
    await succeed(server, post('/login', { email: 'made@example.com', password: PASSWORD }));

    await page.getByLabel('Role', { exact: true }).fill('7');
    await page.getByLabel('Metadata', { exact: true }).fill('{"plan": "pro"}');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.note.good', { hasText: 'Saved.' }).waitFor();
    const { body } = await admin('GET', '/admin/users?email=made@example.com');
    assert.deepEqual([body.users[0].role_id, body.users[0].metadata, body.users[0].name], [7, { plan: 'pro' }, 'Ann']);
    await page.locator('.done summary').click();
    await page.locator('.done').getByRole('button', { name: /Copy/ }).first().click();
    const line = await copied(page);
    assert.ok(line.includes('YOUR_KEY') && !line.includes(KEY) && !line.includes('eyJ'), line);
    const { stdout } = spawnSync('bash', ['-c', line.replace('YOUR_KEY', KEY)], { encoding: 'utf8' });
    assert.equal(JSON.parse(stdout).code, 'version_conflict', 'the version that was shown is not the newest any more');

    await page.getByLabel('Role', { exact: true }).fill('many');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.wrong:not([hidden])').first().waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'role_id');
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('ends sessions, disables, enables, verifies, and deletes by typing the address', async () => {
    const user = await made('state@example.com');
    const login = () => ask(server, post('/login', { email: user.email, password: PASSWORD }));
    const session = (await login()).body;
    const { page, wrong } = await unlocked(`/#/users/${user.id}`);
    await page.getByRole('button', { name: /^End the session of/ }).click();
    await page.locator('.note.good', { hasText: 'The session has ended.' }).waitFor();
    assert.equal((await ask(server, post('/refresh', { refresh_token: session.refresh_token }))).status, 401);
    await login();
    await page.reload();
    await page.getByLabel('Admin key').fill(KEY);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'End all sessions' }).click();
    await page.locator('.note.good', { hasText: 'Every session has ended.' }).waitFor();
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.locator('.note.good', { hasText: 'is disabled' }).waitFor();
    assert.equal((await login()).body.code, 'account_disabled');
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.locator('.note.good', { hasText: 'may log in again' }).waitFor();
    await page.getByRole('button', { name: 'Verify, and keep the password' }).click();
    await page.locator('.note.good', { hasText: 'is verified' }).waitFor();
    assert.equal((await login()).status, 200);

    const remove = page.getByRole('button', { name: 'Delete for ever' });
    assert.equal(await remove.isDisabled(), true);
    await page.getByLabel(/Type the e-mail address/).fill('state@example.co');
    assert.equal(await remove.isDisabled(), true);
    await page.getByLabel(/Type the e-mail address/).fill(user.email);
    await remove.click();
    await page.getByRole('heading', { level: 1, name: 'Deleted' }).waitFor();
    assert.equal((await admin('GET', `/admin/users/${user.id}`)).status, 404);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('invites somebody, who chooses a password, and then sends a reset or hands a link over', async () => {
    const email = 'invited@yopmail.com';
    const mailed = (kind) => server.line((line) => line.startsWith(`Mail to ${email} (${kind})`), 20_000);
    const { page, wrong } = await unlocked('/#/users/new');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Mail an invitation').check();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { level: 1, name: email }).waitFor();
    await mailed('invite');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await page.locator('.note.good', { hasText: 'is on its way' }).waitFor();
    await page.getByRole('button', { name: 'Make a link to hand over' }).click();
    await page.locator('.note.warn', { hasText: 'owner of the account' }).waitFor();
    assert.deepEqual(await pages.violations(page), []);
    const link = await page.getByRole('region', { name: 'the link' }).textContent();

    const person = await browser.newContext().then((context) => context.newPage());
    await person.goto(link);
    await person.getByRole('heading', { name: 'Accept the invitation' }).waitFor();
    await person.locator('#password').fill(PASSWORD);
    await person.locator('#send').click();
    await person.getByRole('heading', { name: 'Your account is ready' }).waitFor();
    await person.context().close();
    await succeed(server, post('/login', { email, password: PASSWORD }));

    await page.reload();
    await page.getByLabel('Admin key').fill(KEY);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Send reset' }).click();
    await page.locator('.note.good', { hasText: 'is on its way' }).waitFor();
    assert.match(await mailed('code_reset'), /code \d{6}/);
    assert.equal(await page.getByRole('button', { name: 'Invite', exact: true }).count(), 0);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('finds by a prefix, by the exact address, and goes through pages and back', async () => {
    for (let number = 0; number < 55; number++) await made(`paged-${String(number).padStart(2, '0')}@example.com`, { password: undefined });
    const { page, wrong } = await unlocked();
    const find = async (by, text) => {
      await page.getByLabel('Find by').selectOption({ label: by });
      await page.getByLabel('Text').fill(text);
      await page.getByRole('button', { name: 'Find' }).click();
    };
    await find('E-mail address begins with', 'paged-');
    await page.getByRole('link', { name: 'paged-49@example.com' }).waitFor();
    assert.equal(await page.locator('tbody tr').count(), 50);
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByRole('link', { name: 'paged-54@example.com' }).waitFor();
    assert.equal(await page.locator('tbody tr').count(), 5);
    assert.equal(await page.getByRole('button', { name: 'Next page' }).isDisabled(), true);
    await page.getByRole('button', { name: 'Previous page' }).click();
    await page.getByRole('link', { name: 'paged-00@example.com' }).waitFor();
    await find('E-mail address', 'paged-31@example.com');
    await page.getByRole('link', { name: 'paged-31@example.com' }).click();
    await page.getByRole('heading', { level: 1, name: 'paged-31@example.com' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'paged-31@example.com' }).waitFor();
    await find('E-mail address', 'nobody@example.com');
    await page.getByText('No account is like this.').waitFor();
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test('works by the keyboard alone', async () => {
    const user = await made('keys@example.com');
    const { page } = await open('/#/users');
    const reach = async (matches) => {
      for (let presses = 0; presses < 120; presses++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(`(${matches})(document.activeElement)`)) return;
      }
      assert.fail(`the keyboard does not reach ${matches}`);
    };
    await reach((element) => element.type === 'password');
    await page.keyboard.type(KEY);
    await page.keyboard.press('Enter');
    await page.getByText(/Unlocked with the key anna/).waitFor();
    await reach((element) => element.textContent === 'keys@example.com');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: user.email }).waitFor();
    await reach((element) => element.textContent === 'Disable');
    await page.keyboard.press('Enter');
    await page.locator('.note.good', { hasText: 'is disabled' }).waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
    await page.context().close();
  });

  test('is locked out after a quarter of an hour without a call, and no other page is disturbed', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${server.origin}/#/users`, { waitUntil: 'networkidle' });
    const unlock = async () => {
      await page.getByLabel('Admin key').fill(KEY);
      await page.keyboard.press('Enter');
      await page.getByText(/Unlocked with the key anna/).waitFor();
    };
    await unlock();
    await page.clock.fastForward('14:00');
    await page.getByText(/Unlocked with the key anna/).waitFor();
    await page.clock.fastForward('01:01');
    await page.getByLabel('Admin key').waitFor();
    assert.equal(await page.locator('tbody').count(), 0);
    await unlock();
    await page.getByRole('link', { name: 'Token doctor' }).click();
    await page.getByRole('heading', { level: 1, name: /token refused/ }).waitFor();
    await page.clock.fastForward('16:00');
    await page.getByRole('heading', { level: 1, name: /token refused/ }).waitFor();
    assert.equal(await page.getByLabel('Admin key').count(), 0);
    await context.close();
  });

  test('sees markup as text, in every field that a person can set', async () => {
    const user = await made('markup@example.com', { name: MARKUP, metadata: { [MARKUP]: MARKUP }, private_metadata: { note: MARKUP }, claims: { note: MARKUP } });
    const { page, wrong } = await unlocked();
    await page.getByText(MARKUP).first().waitFor();
    assert.equal(await page.locator('main img').count(), 0);
    await page.getByRole('link', { name: 'markup@example.com' }).click();
    await page.getByRole('heading', { level: 1, name: user.email }).waitFor();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), MARKUP);
    for (const label of ['Metadata', 'Private metadata', 'Claims']) {
      assert.ok((await page.getByLabel(label, { exact: true }).inputValue()).includes('onerror'), label);
    }
    assert.equal(await page.locator('main img').count(), 0);
    assert.notEqual(await page.title(), '1');
    await page.goto(`${server.origin}/#/users/${encodeURIComponent(MARKUP)}`);
    await page.getByText('404.').waitFor();
    assert.equal(await page.locator('main img').count(), 0);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });
});

test('without a key in the configuration the page says what to set', async () => {
  const other = await serve();
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${other.origin}/#/users`, { waitUntil: 'networkidle' });
  await page.getByLabel('Admin key').fill(KEY);
  await page.keyboard.press('Enter');
  await page.getByText(/ADMIN_KEY_SECRET_ID/).waitFor();
  await context.close();
});
