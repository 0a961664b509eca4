// Judges the same ID tokens with Google's own google-auth-library and by `/exchange`, with the same
// certificates. Each difference is written down with its reason.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { OAuth2Client } from 'google-auth-library';

import { exchange, json, nextSecond, serve, stopAll } from './support.mjs';
import { idTokenCases } from './tokens/cases.mjs';
import { certificate, publish } from './tokens/certificates.mjs';
import { LENIENT, STRICTER } from './tokens/google.mjs';
import { GOOGLE, asGoogle, keys } from './tokens/minting.mjs';
import { about, tally } from './tokens/tally.mjs';

const TOKENS_MIN = 300;
const ATTEMPTS_MAX = 60;
/** The statuses of a token that is good, whatever becomes of its account. */
const GOOD = [200, 201, 403, 409];

asGoogle();
const world = { own: { access_token: '', refresh_token: '', jwt_token: '' }, trap: 'http://127.0.0.1:9/' };
const client = new OAuth2Client();
const score = tally(STRICTER);
const seen = new Set();
let lenient = 0;
let published, server, certificates, all;

before(async () => {
  const { stranger, ...known } = keys;
  certificates = Object.fromEntries(Object.values(known).map((key) => [key.kid, certificate(key, known.first)]));
  published = await publish(certificates, '/certs');
  const providers = [{ id: 'google', client_ids: [GOOGLE.audience], jwks: published.url }];
  const env = { IDENTITY_PROVIDERS: JSON.stringify(providers), RATE_LIMITS: 'off', TOKEN_PROFILE: 'access' };
  server = await serve([], { env });
  world.own = await newSession();
});

after(async () => {
  console.log(`${score.line('Google ID tokens')}; ${lenient} accepted by us alone`);
  await stopAll();
  published?.close();
});

async function newSession() {
  const account = { email: 'james@yopmail.com', password: 'violet tractor 47 umbrella' };
  const { status, body } = await exchange(`${server.origin}/create-account`, json('POST', account));
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

all = idTokenCases(world);

async function byGoogle(token) {
  try {
    await client.verifySignedJwtWithCertsAsync(token, certificates, GOOGLE.audience, GOOGLE.issuers);
    return { accepted: true };
  } catch (error) {
    return { accepted: false, message: error.message };
  }
}

async function byUs(token) {
  const offer = json('POST', { provider: 'google', id_token: token });
  const { status, body } = await exchange(`${server.origin}/exchange`, offer, { tail: server.tail });
  assert.ok([...GOOD, 400, 401, 413].includes(status), `status ${status}: ${JSON.stringify(body)}`);
  return { accepted: GOOD.includes(status), message: `${status} ${body.code ?? ''} ${body.message ?? ''}` };
}

async function judge({ name, make, exact }) {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (exact) await nextSecond();
    const now = Math.floor(Date.now() / 1000);
    const token = make(now);
    const [google, ours] = await Promise.all([byGoogle(token), byUs(token)]);
    if (!exact || Math.floor(Date.now() / 1000) === now) return { google, ours };
  }
  return assert.fail(`${name}: the second turned over ${ATTEMPTS_MAX} times`);
}

function faults(name, { google, ours }) {
  const said = `google-auth-library: ${google.message?.slice(0, 80) ?? 'yes'}, we: ${ours.message}`;
  if (google.accepted === ours.accepted) {
    score.agreed(google.accepted);
    return [];
  }
  const entry = ours.accepted ? about(name, LENIENT) : STRICTER.find(({ says }) => says.test(ours.message));
  if (entry) {
    seen.add(entry);
    if (ours.accepted) lenient += 1;
    else score.stricter(entry);
    return [];
  }
  return [`${name}: ${ours.accepted ? 'WE ARE MORE LENIENT' : 'we are stricter, and it is not written why'}; ${said}`];
}

test(`there are more than ${TOKENS_MIN} tokens`, () => assert.ok(all.length >= TOKENS_MIN, `${all.length}`));

describe('google-auth-library and latchkey judge alike', () => {
  for (const [group, rows] of Map.groupBy(all, ({ name }) => name.split(':')[0])) {
    test(`${group} (${rows.length})`, async () => {
      const found = [];
      for (const row of rows) found.push(...faults(row.name, await judge(row)));
      assert.equal(found.join('\n'), '');
    });
  }
});

test('some token shows each difference that is written down', () => {
  assert.deepEqual([...STRICTER, ...LENIENT].filter((entry) => !seen.has(entry)), []);
});
