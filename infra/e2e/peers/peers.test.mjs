// People of other systems move here. Each system makes the accounts and writes the file itself.
// Then the tool imports the file, and everybody logs in with the old password.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { admin, username } from 'better-auth/plugins';
import Database from 'better-sqlite3';

import { PROJECT, startEmulator } from '../emulator.mjs';
import { post } from '../requests.mjs';
import {
  ask, exchange, freePorts, HUNG_MS, json, listening, runLatchkey, scratch, serve, start, stopAll, tools,
} from '../support.mjs';

const PASSWORD = 'violet tractor 47 umbrella';

let server;

before(async () => { server = await serve([], { env: { RATE_LIMITS: 'off' } }); });
after(stopAll);

/** Imports a file twice, and returns the summary of the first time. */
function imported(file, ...options) {
  const run = () => runLatchkey(['users', 'import', file, '--data-dir', server.data, ...options]);
  const { status, stdout, stderr } = run();
  assert.equal(status, 0, stdout + stderr);
  const again = run();
  assert.ok(again.stderr.includes(' 0 created,') || again.stderr.includes(': 0 created,'), again.stderr);
  return stderr;
}

async function assertMoved(email, password, expected) {
  const wrong = await ask(server, post('/login', { email, password: `${password}!` }));
  assert.equal(wrong.status, 401, JSON.stringify(wrong.body));
  const { status, body } = await ask(server, post('/login', { email, password }));
  assert.equal(status, 200, JSON.stringify(body));
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(body.user[key], value, key);
}

test('better-auth: its SQLite file, with its own hashes', async () => {
  const file = join(scratch('better-auth'), 'auth.db');
  const database = new Database(file);
  const options = {
    database, secret: 'a secret of 32 letters and of more', baseURL: 'http://localhost:3000', telemetry: { enabled: false },
    emailAndPassword: { enabled: true }, plugins: [admin(), username()],
  };
  await (await getMigrations(options)).runMigrations();
  const auth = betterAuth(options);
  const ids = {};
  for (const [email, more] of [['ada@better.example', { username: 'ada_l' }], ['bob@better.example', {}], ['eve@better.example', {}]]) {
    const { user } = await auth.api.signUpEmail({ body: { email, password: `${PASSWORD} ${email}`, name: 'Zoë', ...more } });
    ids[email] = user.id;
  }
  const { internalAdapter } = await auth.$context;
  await internalAdapter.updateUser(ids['bob@better.example'], { emailVerified: true });
  await internalAdapter.updateUser(ids['eve@better.example'], { banned: true, banReason: 'spam' });
  database.close();

  assert.match(imported(file), /is the SQLite file of better-auth: 3 accounts/);
  const of = (email) => [email, `${PASSWORD} ${email}`];
  await assertMoved(...of('ada@better.example'), { id: ids['ada@better.example'], username: 'ada_l', name: 'Zoë', email_verified: false });
  await assertMoved(...of('bob@better.example'), { id: ids['bob@better.example'], email_verified: true });
  const banned = await ask(server, post('/login', { email: 'eve@better.example', password: of('eve@better.example')[1] }));
  assert.equal(banned.body.code, 'account_disabled');
});

test('PocketBase: its data.db, with its own hashes', async () => {
  const folder = scratch('pocketbase');
  const [port] = await freePorts(1);
  const program = process.env.POCKETBASE;
  assert.ok(program, 'POCKETBASE names the program: make peers');
  const pocketbase = start('pocketbase', program, ['serve', '--http', `127.0.0.1:${port}`, '--dir', folder], { cwd: folder });
  await listening(port, HUNG_MS, pocketbase);
  const ids = {};
  for (const email of ['ada@pocket.example', 'bob@pocket.example']) {
    const record = { email, password: PASSWORD, passwordConfirm: PASSWORD, name: 'Zoë' };
    const { status, body } = await exchange(`http://127.0.0.1:${port}/api/collections/users/records`, json('POST', record));
    assert.equal(status, 200, JSON.stringify(body));
    ids[email] = body.id;
  }
  // It writes what it has left in its log before it ends.
  process.kill(pocketbase.pid, 'SIGINT');
  await pocketbase.exited;

  assert.match(imported(join(folder, 'data.db')), /is the SQLite file of PocketBase, collection users: 2 accounts/);
  for (const [email, id] of Object.entries(ids)) await assertMoved(email, PASSWORD, { id, name: 'Zoë', email_verified: false });
});

test('Cognito: its list of users, without hashes', async () => {
  const [port] = await freePorts(1);
  const moto = start('moto', join(tools, 'bin', 'moto_server'), ['-p', String(port)], { cwd: scratch('moto') });
  await listening(port, HUNG_MS, moto);
  const call = async (action, body) => {
    const headers = {
      'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `AWSCognitoIdentityProviderService.${action}`,
      authorization: 'AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0',
    };
    const answer = await exchange(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  const { UserPool: { Id: UserPoolId } } = await call('CreateUserPool', { PoolName: 'people' });
  for (const Username of ['ada', 'bob']) {
    const UserAttributes = [{ Name: 'email', Value: `${Username}@cognito.example` }, { Name: 'email_verified', Value: 'true' }, { Name: 'name', Value: 'Zoë' }];
    await call('AdminCreateUser', { UserPoolId, Username, UserAttributes });
  }
  await call('AdminDisableUser', { UserPoolId, Username: 'bob' });
  const file = join(scratch('cognito'), 'cognito.json');
  writeFileSync(file, JSON.stringify(await call('ListUsers', { UserPoolId })));

  assert.match(imported(file), /is one JSON document: 2 accounts/);
  const { stdout } = runLatchkey(['users', 'export', '--data-dir', server.data]);
  const moved = stdout.trim().split('\n').map((line) => JSON.parse(line)).filter(({ email }) => email.endsWith('@cognito.example'));
  const facts = moved.map(({ username, name, email_verified, disabled }) => [username, name, email_verified, disabled]).sort();
  assert.deepEqual(facts, [['ada', 'Zoë', true, false], ['bob', 'Zoë', true, true]]);
  assert.ok(moved.every(({ id, created_at }) => id.length === 36 && Date.now() - Date.parse(created_at) < HUNG_MS));
});

describe('Firebase', () => {
  // The example of github.com/firebase/scrypt.
  const known = {
    password: 'user1password', salt: '42xEC-ixf3L2lw==',
    passwordHash: 'lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==',
  };
  const parameters = {
    signerKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
    saltSeparator: 'Bw==', rounds: 8, memoryCost: 14,
  };
  let exported;

  before(async () => {
    const emulator = await startEmulator();
    const { password, ...hash } = known;
    const users = ['ada', 'bob'].map((name) => ({
      localId: `uid-of-${name}`, email: `${name}@fire.example`, emailVerified: name === 'ada', displayName: 'Zoë', ...hash,
      customAttributes: JSON.stringify({ plan: 'pro', role: 7 }),
    }));
    const upload = json('POST', { hashAlgorithm: 'SCRYPT', ...parameters, users }, { authorization: 'Bearer owner' });
    const { body } = await exchange(`http://${emulator}/identitytoolkit.googleapis.com/v1/projects/${PROJECT}/accounts:batchCreate`, upload);
    assert.deepEqual(body.error ?? [], []);
    exported = await startExportOf(emulator);
  });
  after(() => exported?.close());

  for (const format of ['json', 'csv']) {
    test(`the file of auth:export as ${format}`, async () => {
      const file = await exportedAs(format);
      const config = join(scratch('hash-config'), 'hash-config.txt');
      writeFileSync(config, `hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: ${parameters.signerKey},\n`
        + '  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n');
      const run = runLatchkey(['users', 'import', file, '--hash-config', config, '--data-dir', server.data]);
      assert.equal(run.status, 0, run.stdout + run.stderr);
      assert.match(run.stderr, format === 'json' ? /2 created/ : /0 created, 2 there already/);
      for (const name of ['ada', 'bob']) {
        const expected = { id: `uid-of-${name}`, name: 'Zoë', role_id: 7, email_verified: name === 'ada' };
        await assertMoved(`${name}@fire.example`, known.password, expected);
      }
      const { body } = await ask(server, post('/login', { email: 'ada@fire.example', password: known.password }));
      const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url'));
      assert.equal(claims.plan, 'pro');
    });
  }

  /** Runs `firebase auth:export` as a person who is logged in. */
  async function exportedAs(format) {
    const home = scratch('firebase');
    mkdirSync(join(home, '.config', 'configstore'), { recursive: true });
    writeFileSync(join(home, '.config', 'configstore', 'firebase-tools.json'), JSON.stringify({
      user: { email: 'owner@example.com' },
      tokens: { access_token: 'owner', expires_at: Number.MAX_SAFE_INTEGER, refresh_token: 'none', scopes: ['https://www.googleapis.com/auth/cloud-platform', 'email', 'openid'] },
    }));
    const tool = createRequire(new URL('../support.mjs', import.meta.url)).resolve('firebase-tools/lib/bin/firebase.js');
    const file = join(home, `users.${format}`);
    const origin = `http://127.0.0.1:${exported.address().port}`;
    // It asks for the permissions of the project first, and goes on without an answer.
    const nowhere = { FIREBASE_RESOURCEMANAGER_URL: origin, FIREBASE_GOOGLE_URL: `${origin}/www.googleapis.com` };
    const env = { PATH: process.env.PATH, HOME: home, CI: '1', NO_UPDATE_NOTIFIER: '1', ...nowhere };
    const args = [tool, 'auth:export', file, '--project', PROJECT];
    const child = start('firebase auth:export', process.execPath, args, { cwd: home, env });
    assert.equal(await child.exited, 0, child.tail());
    assert.ok(readFileSync(file, 'utf8').includes('@fire.example'));
    return file;
  }
});

/**
 * A server before the emulator that says of each user which kind of hash it has, as Google's own
 * endpoint does: version 0 is scrypt. Without it `auth:export` leaves the hash out.
 */
function startExportOf(emulator) {
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const headers = { 'content-type': 'application/json', authorization: 'Bearer owner' };
    const { status, body: answer } = await exchange(`http://${emulator}${request.url}`, { method: request.method, headers, body });
    for (const user of answer.users ?? []) user.version = 0;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
