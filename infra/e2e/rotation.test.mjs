// The signing keys in Secrets Manager are rotated and revoked while people are logged in, at `latchkey serve` and at
// the functions on the Lambda runtime alike. LATCHKEY_ROTATION=long is the campaign with 10,000 live tokens.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startWorld } from './lambda.mjs';
import { get } from './requests.mjs';
import { runCampaign } from './rotation/campaign.mjs';
import { keysOf } from './rotation/keys.mjs';
import { publishedFor, report } from './rotation/report.mjs';
import { revoke } from './rotation/revocation.mjs';
import { STEPS, rotations } from './rotation/stages.mjs';
import { FORMS, ringAgeMs } from './rotation/times.mjs';
import { WAYS, openTraffic } from './rotation/traffic.mjs';
import { startSecretsManager } from './secrets.mjs';
import { decodeJwt, stopAll } from './support.mjs';

const FUNCTIONS = ['login', 'refresh', 'verify', 'well-known', 'rotate-keys'];
const ID = 'latchkey/signing-keys';
/** As good as no value. */
const EMPTY = '{"keys":[]}';
const chosen = process.env.LATCHKEY_ROTATION || 'short';
const form = FORMS[chosen];
assert.ok(form, `LATCHKEY_ROTATION is ${Object.keys(FORMS).join(' or ')}, not ${chosen}`);

after(stopAll);

/** Everything, with a key set in a secret. */
async function start(functions, times) {
  const secrets = await startSecretsManager();
  const chosenOnes = { SIGNING_KEYS_SECRET_ID: ID, TOKEN_PROFILE: 'access', LOG_LEVEL: 'error' };
  const variables = { ...secrets.env, ...times, ...chosenOnes };
  await secrets.create(ID);
  await keysOf(variables).do('generate');
  return { secrets, variables, ask: await startWorld(functions, { variables, secrets }) };
}

describe('the keys of everybody', () => {
  let world;

  before(async () => {
    world = await start(FUNCTIONS, form.variables);
  });

  after(stopAll);

  describe('the four steps, whatever comes of them, leave a set in force that works', () => stepByStep(() => world));
  describe(`rotations under traffic, in the ${chosen} form`, () => underTraffic(() => world));
});

// --- The four steps

function stepByStep(world) {
  const id = 'latchkey/steps';
  const keys = () => keysOf({ ...world().variables, SIGNING_KEYS_SECRET_ID: id });
  let secret, first;

  before(async () => {
    const { secrets, ask } = world();
    await secrets.create(id, EMPTY);
    await keys().do('generate');
    secret = rotations(secrets, id, (event) => ask.invoke('rotate-keys', event));
    first = await inForce();
  });

  /** The version in force, with its value; there is one, and only one, and it signs. */
  async function inForce() {
    const { AWSCURRENT, AWSPREVIOUS = [], AWSPENDING = [] } = await secret.labelled();
    assert.equal(AWSCURRENT?.length, 1, 'one version is in force');
    assert.ok(AWSPREVIOUS.length <= 1 && AWSPENDING.length <= 1);
    assert.notEqual(AWSPREVIOUS[0], AWSCURRENT[0]);
    const states = (await keys().list()).map(({ state }) => state);
    assert.equal(states.filter((state) => state === 'signing').length, 1, states.join());
    assert.equal(states.filter((state) => state === 'next').length, 1, states.join());
    return { version: AWSCURRENT[0], text: await value(AWSCURRENT[0]), pending: AWSPENDING[0] };
  }

  async function value(VersionId) {
    return (await world().secrets.read(id, { VersionId })).SecretString;
  }

  async function refused(step, token, cause) {
    const answer = await secret.step(step, token);
    assert.equal(answer.status, 500, `${step} is taken`);
    assert.match(answer.cause, cause);
  }

  async function taken(step, token) {
    const { status, cause } = await secret.step(step, token);
    assert.equal(status, 200, `${step}: ${cause}`);
  }

  test('with a token of no version', async () => {
    for (const step of STEPS) await refused(step, crypto.randomUUID(), /no version of this token/);
    assert.deepEqual(await inForce(), first);
  });

  test('out of order, repeated, beside those of another token, and once more after the last', async () => {
    const token = await secret.begin();
    for (const step of ['testSecret', 'finishSecret']) await refused(step, token, /createSecret comes first/);
    await taken('setSecret', token);
    assert.deepEqual(await inForce(), { ...first, pending: token });

    await taken('createSecret', token);
    const made = await value(token);
    await taken('createSecret', token);
    for (const step of STEPS) await refused(step, crypto.randomUUID(), /no version of this token/);
    // There is nothing to do for the one that is in force.
    for (const step of STEPS) await taken(step, first.version);
    for (const step of ['testSecret', 'setSecret', 'createSecret', 'testSecret']) await taken(step, token);
    assert.equal(await value(token), made, 'the pending keys were made once');
    assert.deepEqual(await inForce(), { ...first, pending: token });

    await taken('finishSecret', token);
    const second = { version: token, text: made, pending: token };
    assert.deepEqual(await inForce(), second);
    for (const step of [...STEPS, 'finishSecret', 'createSecret']) await taken(step, token);
    assert.deepEqual(await inForce(), second);
    // The one that was in force before does not come back.
    for (const step of STEPS) await refused(step, first.version, /not pending/);
    assert.deepEqual(await inForce(), second);
    assert.deepEqual((await secret.labelled()).AWSPREVIOUS, [first.version]);
  });

  test('overtaken by another rotation, and by a revocation', async () => {
    for (const overtake of [
      () => keys().do('rotate'),
      async () => keys().do('revoke', (await keys().list()).find(({ state }) => state === 'signing').kid),
    ]) {
      const token = await secret.begin();
      await taken('createSecret', token);
      await overtake();
      const meanwhile = await inForce();
      assert.equal(meanwhile.pending, token);
      await taken('setSecret', token);
      await refused('finishSecret', token, /given up, rotate again: .*meanwhile/);
      assert.deepEqual(await inForce(), { ...meanwhile, pending: undefined });
      for (const step of STEPS) await refused(step, token, /not pending/);
      assert.deepEqual(await inForce(), { ...meanwhile, pending: undefined });
      const next = await secret.rotate();
      assert.equal((await inForce()).version, next, 'the next rotation goes through');
    }
  });
}

// --- Rotations under traffic

function underTraffic(world) {
  let record;

  before(async () => {
    const { ask, secrets, variables } = world();
    record = await runCampaign(form, { ask, secrets, id: ID, variables });
  });

  after(() => {
    if (record) console.log(`\n${report(record).join('\n')}\n`);
  });

  const checked = (what) => WAYS.map((way) => record.ledger.counted(way, what));
  const allRight = (what) => {
    for (const [right, all] of checked(what)) assert.equal(right, all, `${what}: ${record.ledger.explain()}`);
  };
  const unseen = (tokens, seen) => tokens.filter((entry) => !seen(entry)).length;
  const hasBeen = (what) => (entry) => WAYS.every((way) => entry.seen[`${way} ${what}`]);

  test('no login, no refresh and no look at the key set fails', () => {
    assert.deepEqual(record.failures.slice(0, 10), [], `${record.failures.length} failures`);
  });

  test(`there are ${form.liveMin} live tokens at every moment until the last rotated key signs`, () => {
    assert.ok(record.live.least >= form.liveMin, `once there were only ${record.live.least}`);
  });

  test('no token is refused in its life, and each has been looked at', () => {
    allRight('live');
    const { kid } = record.revocation;
    const others = record.ledger.tokens.filter((entry) => entry.kid !== kid);
    assert.equal(unseen(others, ({ seen }) => seen['serve live'] || seen['url live']), 0, 'tokens nobody looked at');
    const [[, serve], [, url]] = checked('live');
    assert.ok(serve + url >= 2 * form.liveMin, `${serve} and ${url} looks`);
  });

  test('an expired token of a key that is not retired is refused as that', () => {
    allRight('expired');
    for (const [, all] of checked('expired')) assert.ok(all > form.liveMin / 4, `only ${all} looks`);
  });

  test('after the end of a superseded key each of its tokens is refused everywhere, and has expired', () => {
    allRight('retired');
    // Each overlaps the next one, and no token of it lives longer.
    const { rotations: rotated, bootstrap } = record;
    const expected = rotated.map(({ signsAt }, index) => ({
      kid: index === 0 ? bootstrap.kid : rotated[index - 1].kid,
      retiredAt: signsAt + form.variables.KEYS_OVERLAP_SECONDS * 1000,
    }));
    assert.deepEqual(record.retired, expected);
    for (const { kid, retiredAt } of expected) {
      const tokens = record.ledger.ofKey(kid);
      assert.ok(tokens.length > 0, `${kid} signed nothing`);
      const longest = Math.max(...tokens.map(({ expiresAt }) => expiresAt)) + form.variables.CLOCK_SKEW_SECONDS * 1000;
      assert.ok(longest <= retiredAt, `a token of ${kid} would live on for ${longest - retiredAt} ms`);
      assert.equal(unseen(tokens, hasBeen('retired')), 0, `of ${tokens.length} tokens of ${kid}`);
    }
  });

  test('after a revocation each token of the key is refused everywhere, those that would live on too', () => {
    allRight('revoked');
    const { kid, until } = record.revocation;
    const tokens = record.ledger.ofKey(kid);
    allRight('revoked and expired');
    const everywhere = (entry) => hasBeen('revoked')(entry) || hasBeen('revoked and expired')(entry);
    assert.equal(unseen(tokens, everywhere), 0, `of ${tokens.length} tokens`);
    const outlived = tokens.filter(({ expiresAt }) => expiresAt > until + 10_000);
    assert.ok(outlived.length >= 20, `only ${outlived.length} tokens outlived the key`);
  });

  test('what a thief signs with a key is taken until its end and nowhere after it', () => {
    const { thefts, retired, revocation } = record;
    const tries = (kid, verdict) => WAYS.map((way) => ({ kid, way, verdict }));
    assert.deepEqual(thefts, [
      ...tries(revocation.kid, 'taken'),
      ...[revocation, ...retired].flatMap(({ kid }) => tries(kid, 'token_invalid')),
    ]);
  });

  test('a revocation is everywhere in time, and the next key signs then', () => {
    const { seconds, limitSeconds, kid, heir } = record.revocation;
    for (const [what, value] of Object.entries(seconds)) assert.ok(value <= limitSeconds, `${what} after ${value} s`);
    assert.equal(record.rotations.at(-1).kid, kid);
    assert.equal(record.keys.find(({ state }) => state === 'signing').kid, heir);
  });

  test('a key signs nothing until it has been published everywhere for as long as others may keep the key set', () => {
    const least = form.variables.JWKS_MAX_AGE_SECONDS * 1000;
    const signed = record.keys.filter(({ kid }) => kid !== record.bootstrap.kid && record.ledger.ofKey(kid).length > 0);
    assert.deepEqual(signed.map(({ kid }) => kid), [...record.rotations.map(({ kid }) => kid), record.revocation.heir]);
    for (const { kid } of signed) {
      const lead = publishedFor(record.published, kid, record.ledger.ofKey(kid));
      assert.ok(lead >= least, `${kid} was published for ${lead} ms`);
    }
    for (const way of WAYS) assert.deepEqual([...record.published[way].ages], [`public, max-age=${least / 1000}`]);
  });

  test('a key signs from its time on, and not beyond that of the next', () => {
    const keys = record.keys.filter(({ not_before }) => not_before !== null);
    for (const [index, { kid, not_before }] of keys.entries()) {
      const end = kid === record.revocation.kid ? record.revocation.until : keys[index + 1]?.not_before ?? Infinity;
      const stray = record.ledger.ofKey(kid).filter(({ sentAt, gotAt }) => gotAt < not_before || sentAt > end);
      assert.deepEqual(stray.map(({ way, sentAt }) => `${way} ${sentAt}`), [], `tokens of ${kid}`);
    }
  });

  test('a key is published until its end and no longer', () => {
    for (const way of WAYS) {
      const last = (kid) => record.published[way].last.get(kid);
      for (const { kid, retiredAt } of record.retired) {
        const early = retiredAt - last(kid);
        const earlyMax = 2 * record.published[way].gapMs;
        assert.ok(0 < early && early <= earlyMax, `${way} published ${kid} until ${early} ms before its end`);
      }
      assert.ok(last(record.revocation.heir) > record.retired.at(-1).retiredAt, `${way} was not watched to the end`);
      assert.ok(last(record.revocation.kid) <= record.revocation.until, `${way} published the revoked key again`);
    }
  });

  test('sessions from before the first rotation go on after the last', () => {
    const { all, back, failures } = record.kept;
    assert.deepEqual({ back, failures }, { back: all, failures: [] });
  });
}

// --- The default times

const skip = chosen === 'long' ? false : 'LATCHKEY_ROTATION=long only: it takes a minute';

describe('with the default times', { skip }, () => {
  const DEFAULTS = {};
  const SECONDS_MAX = 60;
  const PACE_MS = 250;
  let world, traffic;

  before(async () => {
    world = await start(['login', 'verify', 'well-known'], DEFAULTS);
    traffic = openTraffic(world.ask);
  });

  after(async () => {
    await traffic?.stop();
    await stopAll();
  });

  test(`a revocation is everywhere within ${SECONDS_MAX} s, also where nobody asked meanwhile`, async (t) => {
    const { account, session: { access_token: token } } = await traffic.newAccount();
    for (const way of WAYS) {
      await traffic.login(way, account);
      assert.equal(await traffic.verdict(token, way), 'taken');
    }
    const published = async (way) => {
      const { body } = await traffic.succeed(way, 'well-known', get('/.well-known/jwks.json'));
      return body.keys.map(({ kid: each }) => each);
    };
    const { kid } = decodeJwt(token).header;
    // This function is left alone from here on, until its keys are as old as they may get.
    assert.ok((await published('url')).includes(kid));
    const signer = async (way) => decodeJwt((await traffic.login(way, account)).access_token).header.kid;
    const fresh = Date.now();

    const revocation = await revoke({
      keys: keysOf(world.variables),
      times: DEFAULTS,
      paceMs: PACE_MS,
      looks: ({ heir }) => [
        ...WAYS.flatMap((way) => [
          [`${way}: its tokens are refused`, async () => await traffic.verdict(token, way) === 'token_invalid'],
          [`${way}: a login is signed by the next`, async () => await signer(way) === heir],
        ]),
        ['serve: it is not published', async () => !(await published('serve')).includes(kid)],
        ['url, left alone: it is not published', async () => {
          await sleep(Math.max(0, fresh + ringAgeMs(DEFAULTS) - Date.now()));
          return !(await published('url')).includes(kid) && Date.now();
        }],
      ],
    });
    assert.equal(revocation.kid, kid);
    for (const [what, value] of Object.entries(revocation.seconds)) {
      t.diagnostic(`${what} after ${value.toFixed(1)} s`);
      assert.ok(value <= SECONDS_MAX, `${what} after ${value} s`);
    }
    assert.deepEqual(traffic.failures, []);
  });
});
