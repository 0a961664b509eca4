// Verifies the same ID tokens with firebase-admin and with our code. We may refuse a token that
// firebase-admin accepts, for a reason that is written down. We never accept a token that it
// refuses, except for a good one with something around it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';

import { exchange, json, nextSecond, serve, stopAll } from './support.mjs';
import { idTokenCases } from './tokens/cases.mjs';
import { certificate, makeServiceAccount, publish } from './tokens/certificates.mjs';
import { CODES, MESSAGES, STRICTER, TAKEN_OFF } from './tokens/expected.mjs';
import { ourJudge, sdkJudge, verification } from './tokens/judges.mjs';
import { PROJECT, keys, withClaims } from './tokens/minting.mjs';
import { about, tally } from './tokens/tally.mjs';

const TOKENS_MIN = 300;
const PATH = '/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com';
/** The number of attempts for a case that both must judge within one second. */
const ATTEMPTS_MAX = 60;
/** The longest time between making a token and judging it, where the clock matters. */
const MARGIN_SECONDS = 20;
const SKEW_SECONDS = 60;

// If this is set, firebase-admin accepts unsigned tokens.
delete process.env.FIREBASE_AUTH_EMULATOR_HOST;

const world = {};
const all = idTokenCases(world);
const score = tally(STRICTER);
let published, publishedToo, server, skewed, judges;

before(async () => {
  const { stranger, ...known } = keys;
  const document = Object.fromEntries(Object.values(known).map((key) => [key.kid, certificate(key, known.first)]));
  [published, publishedToo] = [await publish(document, PATH), await publish(document, PATH)];
  const account = JSON.stringify(makeServiceAccount(PROJECT));
  const env = { FIREBASE_PROJECT_ID: PROJECT, FIREBASE_SERVICE_ACCOUNT: account };
  // The SDK allows no skew.
  server = await serve([], { env: { ...env, FIREBASE_CERTS_URL: published.url, CLOCK_SKEW_SECONDS: '0' } });
  skewed = await serve([], { env: { ...env, FIREBASE_CERTS_URL: publishedToo.url } });

  const auth = getAuth(initializeApp({ projectId: PROJECT }));
  judges = { sdk: sdkJudge(auth, published.url), ours: ourJudge(server) };
  world.trap = published.origin;
  world.own = await newSession();
});

after(async () => {
  await stopAll();
  published?.close();
  publishedToo?.close();
});

async function newSession() {
  const account = { email: 'james@yopmail.com', password: 'violet tractor 47 umbrella' };
  const { status, body } = await exchange(`${server.origin}/create-account`, json('POST', account));
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

// --- The cases themselves

test(`there are more than ${TOKENS_MIN} tokens, no two of them alike`, () => {
  const now = seconds();
  const made = all.map((each) => JSON.stringify(each.make(now)));
  assert.ok(all.length >= TOKENS_MIN, `${all.length}`);
  assert.deepEqual(repeated(made), []);
  assert.deepEqual(repeated(all.map(({ name }) => name)), []);
});

test('some token shows each difference that is written down, and no token shows two', () => {
  for (const list of [STRICTER, CODES, MESSAGES]) {
    const stale = list.filter((entry) => !all.some(({ name }) => entry.cases.test(name)));
    assert.deepEqual(stale, []);
  }
  const twice = all.filter(({ name }) => [...STRICTER, ...CODES].filter((entry) => entry.cases.test(name)).length > 1);
  assert.deepEqual(twice, []);
});

function repeated(values) {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

// --- Judgement

describe('firebase-admin and latchkey judge alike', () => {
  for (const [group, rows] of Map.groupBy(all, ({ name }) => name.split(':')[0])) {
    test(`${group} (${rows.length})`, async () => {
      const found = [];
      for (const row of rows) found.push(...faults(row.name, await judge(row)));
      assert.equal(found.join('\n'), '');
    });
  }
});

/**
 * Both verdicts on one token. If its time matters to the second, both come within the second of its
 * making.
 */
async function judge({ name, make, exact, bearer }) {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (exact) await nextSecond();
    const now = seconds();
    const token = make(now);
    const [sdk, ours] = await Promise.all([judges.sdk(token), judges.ours(token, { bearer })]);
    if (!exact || seconds() === now) return { sdk, ours };
  }
  assert.fail(`${name}: the second turned over ${ATTEMPTS_MAX} times`);
}

/** The faults in the two verdicts on the case of this name, one line each. */
function faults(name, { sdk, ours }) {
  const takenOff = TAKEN_OFF.some((cases) => cases.test(name));
  const verdicts = compare(sdk, ours, { stricter: about(name, STRICTER), codes: about(name, CODES), takenOff });
  const unsaid = (about(name, MESSAGES)?.says ?? []).filter((words) => !words.test(ours.message));
  const found = [...verdicts, ...unsaid.map((words) => `we do not say ${words}`)];
  const said = `firebase-admin: ${sdk.code || 'yes'}, we: ${ours.code}, ${ours.message}`;
  return found.map((fault) => `${name}: ${fault}; ${said}`);
}

function compare(sdk, ours, { stricter, takenOff, codes = { sdk: sdk.code, ours: sdk.code } }) {
  if (takenOff && !ours.accepted) return ['we do not take off what stands around the token'];
  if (ours.accepted && !sdk.accepted) return takenOff ? [] : ['WE ARE MORE LENIENT'];
  if (sdk.accepted && !ours.accepted) {
    if (!stricter) return ['we are stricter, and it is not written why'];
    score.stricter(stricter);
    return ours.code === (stricter.code ?? 'auth/argument-error') ? [] : ['we are stricter, but by another code'];
  }
  score.agreed(sdk.accepted);
  if (stricter) return ['we are no stricter, though it is written that we are'];
  if (sdk.accepted) return readOtherwise(sdk, ours);
  return codes.sdk === sdk.code && codes.ours === ours.code ? [] : ['refused by another code than expected'];
}

function readOtherwise(sdk, ours) {
  const { actual, expected } = verification(sdk, ours);
  try {
    assert.deepEqual(actual, expected);
    return [];
  } catch ({ message }) {
    return [`both accept it, but read it differently: ${message}`];
  }
}

test('no key is fetched from a URL in a token, and few keys for unknown kids', () => {
  const fetched = published.requests.filter(({ agent }) => agent.startsWith('latchkey/'));
  assert.deepEqual(published.requests.filter(({ path }) => path !== PATH), []);
  // One fetch at first, and one a minute for unknown kids.
  const minutes = (Date.now() - fetched[0].time) / 60_000;
  assert.ok(fetched.length <= 2 + minutes, `${fetched.length} fetches in ${minutes} minutes`);
});

// --- Clocks that differ

/**
 * Offsets from now, and the claim that a deployment with a minute of skew refuses, if it refuses
 * any.
 */
const SKEWS = {
  'expired just now': [{ exp: -1 }, ''],
  'expired for most of the skew': [{ exp: MARGIN_SECONDS - SKEW_SECONDS }, ''],
  'expired for the whole skew': [{ exp: -SKEW_SECONDS }, 'expired'],
  'expired for more than the skew': [{ exp: -SKEW_SECONDS - MARGIN_SECONDS }, 'expired'],
  'issued a moment ahead': [{ iat: MARGIN_SECONDS }, ''],
  'issued ahead by most of the skew': [{ iat: SKEW_SECONDS - MARGIN_SECONDS }, ''],
  'issued ahead by more than the skew': [{ iat: SKEW_SECONDS + MARGIN_SECONDS }, 'iat'],
  'signed in ahead by most of the skew': [{ auth_time: SKEW_SECONDS - MARGIN_SECONDS }, ''],
  'signed in ahead by more than the skew': [{ auth_time: SKEW_SECONDS + MARGIN_SECONDS }, 'auth_time'],
  'begins ahead by most of the skew': [{ nbf: SKEW_SECONDS - MARGIN_SECONDS }, ''],
  'begins ahead by more than the skew': [{ nbf: SKEW_SECONDS + MARGIN_SECONDS }, 'nbf'],
  'of a clock that is ahead in all': [{ iat: 40, auth_time: 40, nbf: 40, exp: 3640 }, ''],
  'of a clock that is behind in all': [{ iat: -3640, auth_time: -3640, nbf: -3640, exp: -40 }, ''],
};

test('a deployment allows a minute of skew on every time', async (t) => {
  const verdict = ourJudge(skewed);
  for (const [what, [offsets, wrong]] of Object.entries(SKEWS)) {
    await t.test(what, async () => {
      const now = seconds();
      const times = Object.fromEntries(Object.entries(offsets).map(([claim, offset]) => [claim, now + offset]));
      const { accepted, code, message, body } = await verdict(withClaims(now, times));
      assert.equal(accepted, wrong === '', `${code}: ${message}`);
      if (accepted) return assert.equal(body.expires_in === 0, body.claims.exp <= now);
      assert.equal(code, wrong === 'expired' ? 'auth/id-token-expired' : 'auth/argument-error');
      assert.match(message, new RegExp(wrong));
    });
  }
});

after(() => console.log(score.line('ID tokens')));

function seconds() {
  return Math.floor(Date.now() / 1000);
}
