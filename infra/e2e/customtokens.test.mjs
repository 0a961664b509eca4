// Makes the same custom tokens with firebase-admin and with `latchkey token create`, for one
// service account. We may refuse a token that firebase-admin makes, for a reason that is written
// down. We never make a token that it refuses.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { cert, initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';

import { assertSignedBy, decodeJwt, runLatchkey, scratch, stopAll, timeless } from './support.mjs';
import { makeServiceAccount } from './tokens/certificates.mjs';
import { MESSAGES, STRICTER, customTokenCases } from './tokens/custom.mjs';
import { PROJECT } from './tokens/minting.mjs';
import { about, tally } from './tokens/tally.mjs';

const CASES_MIN = 60;
/**
 * Lines that are no requests. Each needs an answer too, or all later answers would belong to other
 * lines.
 */
const NO_REQUESTS = [
  'nonsense', '[]', 'null', '"text"', '{}', '{"uid":"a","uid":"b"}', '{"uid":"a"} {}', '{"uid":',
];

// If this is set, firebase-admin signs nothing.
delete process.env.FIREBASE_AUTH_EMULATOR_HOST;

const all = customTokenCases();
const account = makeServiceAccount(PROJECT);
const score = tally(STRICTER);
let file, auth, answers;

before(() => {
  file = join(scratch('account'), 'service-account.json');
  writeFileSync(file, JSON.stringify(account));
  auth = getAuth(initializeApp({ credential: cert(file) }));
  answers = create(all.map(({ asked }) => JSON.stringify(asked)));
});

after(stopAll);

test(`there are more than ${CASES_MIN} requests, and each difference that is written down is seen in one`, () => {
  assert.ok(all.length >= CASES_MIN, `${all.length}`);
  assert.equal(new Set(all.map(({ asked }) => JSON.stringify(asked))).size, all.length);
  const stale = [...STRICTER, ...MESSAGES].filter((entry) => !all.some(({ name }) => entry.cases.test(name)));
  assert.deepEqual(stale, []);
});

for (const [group, rows] of Map.groupBy(all, ({ name }) => name.split(':')[0])) {
  test(`firebase-admin and latchkey make the same of: ${group} (${rows.length})`, async () => {
    const found = [];
    for (const row of rows) found.push(...faults(row.name, await fromSdk(row.asked), answers[all.indexOf(row)]));
    assert.equal(found.join('\n'), '');
  });
}

test('every line has one answer, in its order, whatever it is', () => {
  const good = '{"uid":"good"}';
  const found = create(NO_REQUESTS.flatMap((line) => [line, good]));
  assert.deepEqual(found.map(({ ok }) => ok), NO_REQUESTS.flatMap(() => [false, true]));
});

/** Answers of the tool, one for each line. */
function create(lines) {
  const args = ['token', 'create', '--lines', '--key', file];
  const { stdout, stderr } = runLatchkey(args, { input: `${lines.join('\n')}\n` });
  const found = stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(found.length, lines.length, stderr);
  for (const answer of found) {
    assert.deepEqual(Object.keys(answer).sort(), answer.ok ? ['ok', 'token'] : ['error', 'ok']);
    assert.equal(typeof (answer.token ?? answer.error), 'string');
  }
  return found;
}

async function fromSdk({ uid, claims, tenant }) {
  try {
    const maker = tenant === undefined ? auth : auth.tenantManager().authForTenant(tenant);
    return { ok: true, token: await maker.createCustomToken(uid, claims) };
  } catch (error) {
    return { ok: false, error: error.message };
  }
}

/** The faults in the two answers to the case of this name, one line each. */
function faults(name, sdk, ours) {
  const unsaid = (about(name, MESSAGES)?.says ?? []).filter((words) => !words.test(ours.error));
  const found = [...compare(sdk, ours, about(name, STRICTER)), ...unsaid.map((words) => `we do not say ${words}`)];
  return found.map((fault) => `${name}: ${fault}; firebase-admin: ${sdk.error ?? 'made'}, we: ${ours.error ?? 'made'}`);
}

function compare(sdk, ours, stricter) {
  if (ours.ok && !sdk.ok) return ['WE ARE MORE LENIENT'];
  if (sdk.ok && !ours.ok) {
    if (!stricter) return ['we are stricter, and it is not written why'];
    score.stricter(stricter);
    return [];
  }
  score.agreed(sdk.ok);
  if (stricter) return ['we are no stricter, though it is written that we are'];
  return sdk.ok ? different(decodeJwt(sdk.token), ours.token) : [];
}

/** The differences between two tokens: in header, payload without times, life or signature. */
function different(theirs, token) {
  try {
    const { header, payload } = decodeJwt(token);
    assert.deepEqual({ header, ...timeless(payload) }, { header: theirs.header, ...timeless(theirs.payload) });
    assert.equal(payload.exp - payload.iat, theirs.payload.exp - theirs.payload.iat);
    assertSignedBy(token, account.private_key);
    return [];
  } catch ({ message }) {
    return [`both make it, but not the same: ${message}`];
  }
}

after(() => console.log(score.line('custom tokens')));
