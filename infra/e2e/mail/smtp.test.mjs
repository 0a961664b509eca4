// The way of mails by SMTP, against aiosmtpd: TLS of both kinds, an account, refusals, and a server
// that hangs after the data. The server reads each mail with Python's own parser.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePorts, HUNG_MS, runLatchkey, scratch, start, stopAll, tools } from '../support.mjs';

/** An address of this machine that is not its own loopback, which needs no TLS. */
const HOST = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
const LOOPBACK = '127.0.0.1';
const ACCOUNT = ['latchkey', 'hunter2/#@: %'];
const KINDS = [
  'code_sign_in', 'code_verify', 'code_reset', 'code_change', 'invite', 'password_changed', 'email_changed',
  'address_already_used', 'access_revoked', 'code_link', 'identity_linked',
];

after(stopAll);

async function smtp(options) {
  const [port] = await freePorts(1);
  const folder = scratch('smtp');
  const told = { host: LOOPBACK, port, security: 'none', folder, ...options };
  const server = start('aiosmtpd', join(tools, 'bin', 'python'), [new URL('smtp.py', import.meta.url).pathname, JSON.stringify(told)]);
  await server.line((line) => line.includes('listens'), HUNG_MS);
  /** The mails that the server got. Waits for this number of them, and for a moment if it is 0. */
  const mails = async (count) => {
    if (count === 0) await sleep(200);
    else await server.line(() => server.lines.length > count, HUNG_MS);
    return server.lines.slice(1).map((line) => JSON.parse(line));
  };
  return { ...told, mails, certificate: join(folder, 'certificate.pem') };
}

/** Sends a mail of each kind. Returns the outcome of each by its kind. */
function sendAll(url, env = {}) {
  const key = join(scratch('key'), 'proof-key');
  writeFileSync(key, 'the key of codes and links, for this test alone');
  const mail = {
    MAIL: 'smtp', MAIL_FROM: 'Herbs <login@herbs.example>', APP_NAME: 'Herbs', PUBLIC_URL: 'https://login.herbs.example',
    PROOF_KEY_FILE: key,
  };
  const { status, stdout, stderr } = runLatchkey(['mail', 'test', 'James@yopmail.com'], { env: { ...mail, SMTP_URL: url, ...env } });
  const outcomes = Object.fromEntries(stdout.trim().split('\n').map((line) => line.split(/: (.*)/).slice(0, 2)));
  assert.ok(!`${stdout}${stderr}`.includes('hunter2'), 'the password is told');
  return { status, outcomes, stderr };
}

function url(scheme, { host, port }, [name, password] = ACCOUNT) {
  return `${scheme}://${encodeURIComponent(name)}:${encodeURIComponent(password)}@${host}:${port}`;
}

function assertAllSent({ status, outcomes, stderr }, mails) {
  assert.deepEqual([status, outcomes], [0, Object.fromEntries(KINDS.map((kind) => [kind, 'sent']))], stderr);
  assert.equal(mails.length, KINDS.length);
  for (const { from, to, mail } of mails) {
    assert.deepEqual([from, to], ['login@herbs.example', ['James@yopmail.com']]);
    assert.deepEqual([mail.type, mail.parts, mail.defects], ['multipart/alternative', ['text/plain', 'text/html'], []]);
    assert.ok(mail.longest_line <= 998, `${mail.longest_line} bytes in a line (RFC 5322, section 2.1.1)`);
    assert.deepEqual([mail.headers['auto-submitted'], mail.headers['list-unsubscribe']], ['auto-generated', undefined]);
    const codes = (text) => text.match(/\b\d{6}\b/g) ?? [];
    assert.deepEqual(codes(mail.text).slice(0, 1), codes(mail.html.replace(/<style>.*?<\/style>/gs, '').replace(/#[0-9a-f]{6}/g, '')).slice(0, 1));
  }
}

for (const [security, scheme] of [['starttls', 'smtp'], ['tls', 'smtps']]) {
  test(`every kind of mail goes by ${security} with an account`, { skip: !HOST && 'there is no address but loopback' }, async () => {
    const server = await smtp({ host: HOST, security, account: ACCOUNT });
    const sent = sendAll(url(scheme, server), { SSL_CERT_FILE: server.certificate });
    const mails = await server.mails(KINDS.length);
    assertAllSent(sent, mails);
    for (const { tls, login } of mails) assert.deepEqual([tls, login], [true, ACCOUNT[0]]);
  });

  test(`a wrong password by ${security} keeps the mails waiting`, { skip: !HOST }, async () => {
    const server = await smtp({ host: HOST, security, account: ACCOUNT });
    const { status, outcomes } = sendAll(url(scheme, server, ['latchkey', 'wrong']), { SSL_CERT_FILE: server.certificate });
    assert.deepEqual([status, outcomes.code_reset], [1, 'not sent: smtp_535_account']);
    assert.deepEqual(await server.mails(0), []);
  });

  test(`nothing goes by ${security} to a server whose certificate nobody vouches for`, { skip: !HOST }, async () => {
    const server = await smtp({ host: HOST, security, account: ACCOUNT });
    const { status, outcomes } = sendAll(url(scheme, server));
    assert.equal(status, 1);
    assert.match(outcomes.code_reset, /^not sent: (TLS with the server fails|the server cannot be reached)/);
    assert.deepEqual(await server.mails(0), []);
  });
}

test('nothing goes without TLS to a server on another machine', { skip: !HOST }, async () => {
  const server = await smtp({ host: HOST });
  const { status, outcomes } = sendAll(`smtp://${HOST}:${server.port}`);
  assert.deepEqual([status, outcomes.code_reset], [1, 'not sent: the server offers no TLS']);
  assert.deepEqual(await server.mails(0), []);
});

test('a server on this machine needs neither TLS nor an account', async () => {
  const server = await smtp({});
  const sent = sendAll(`smtp://${LOOPBACK}:${server.port}`);
  assertAllSent(sent, await server.mails(KINDS.length));
});

for (const [refusal, outcome] of [
  ['421 4.3.2 too busy', 'not sent: smtp_421'],
  ['450 4.2.0 come back', 'not sent: smtp_450'],
  ['550 5.1.1 nobody here has this name', 'not sent: smtp_550'],
]) {
  test(`a refusal with ${refusal.slice(0, 3)} is told by its code alone`, async () => {
    const server = await smtp({ refusal });
    const { status, outcomes } = sendAll(`smtp://${LOOPBACK}:${server.port}`);
    assert.deepEqual([status, outcomes], [1, Object.fromEntries(KINDS.map((kind) => [kind, outcome]))]);
    assert.deepEqual(await server.mails(0), []);
  });
}

test('a server that hangs after the data is given up after half a minute, and the next mail goes', async () => {
  const server = await smtp({ refusal: 'hang' });
  const began = Date.now();
  const { status, outcomes } = sendAll(`smtp://${LOOPBACK}:${server.port}`);
  const seconds = (Date.now() - began) / 1_000;
  const [first, ...others] = KINDS.map((kind) => outcomes[kind]);
  assert.deepEqual([status, first], [1, 'not sent: the server does not come to an end']);
  assert.deepEqual(others, KINDS.slice(1).map(() => 'sent'));
  assert.ok(seconds >= 29 && seconds < HUNG_MS / 1_000, `${seconds} s`);
});
