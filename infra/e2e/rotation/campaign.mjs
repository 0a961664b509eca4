// Rotations and a revocation under traffic, from the first token to the last refusal.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { decodeJwt } from '../support.mjs';
import { keysOf } from './keys.mjs';
import { openLedger } from './ledger.mjs';
import { inParallel, several, sleepUntil } from './parallel.mjs';
import { revoke } from './revocation.mjs';
import { rotations } from './stages.mjs';
import { leadMs } from './times.mjs';
import { thief } from './thief.mjs';
import { WAYS, openTraffic, watchKeys } from './traffic.mjs';

const FILL_MS_MAX = 180_000;
/** From the moment from which on a key signs until some tokens of it are there. */
const SETTLE_MS = 1_000;
/** For how long after the last key began to sign there are as many tokens as before. */
const HOLD_MS = 5_000;
/** How long before its expiry a token is looked at. */
const LAST_MS = 3_000;
const SAMPLE_MS = 500;
/** How many more than enough there are at first. */
const MARGIN = 1.05;
const PACE_MS = 50;
/** For how long a key is not seen among the published ones until it is gone. */
const GONE_MS = 500;
const PER_SECOND = { login: 2, refresh: 5, afterwards: 10 };
/** Of the live tokens, one in so many is looked at by the functions too when all are. */
const EVERY = 4;
/** Of the key that signs when it is revoked. */
const REVOKED_MIN = 20;

const elsewhere = { serve: 'url', url: 'serve' };

/** `ask` is what `startWorld` gives, and `id` the secret with the signing keys, in which nothing was rotated yet. */
export async function runCampaign(form, { ask, secrets, id, variables }) {
  const { variables: times } = form;
  const traffic = openTraffic(ask);
  const ledger = openLedger(traffic.verdict, times.CLOCK_SKEW_SECONDS * 1000);
  const world = { form, times, traffic, ledger, keys: keysOf(variables), published: watchKeys(traffic) };
  const { rotate } = rotations(secrets, id, (event) => ask.invoke('rotate-keys', event));
  const rotateBy = { function: rotate, tool: () => world.keys.do('rotate') };
  const { published } = world;
  const record = { ledger, published, failures: traffic.failures, made: traffic.made, beganAt: Date.now() };
  try {
    [record.bootstrap] = await learn(world);
    const crowd = await gather(world);
    const flow = startFlow(world, crowd);
    record.live = await fill(world, flow);
    record.rotations = await rotateAll(world, rotateBy);
    record.live.holds = false;
    flow.mintsPerSecond = PER_SECOND.afterwards;
    const steal = thief((await secrets.read(id, { VersionStage: 'AWSCURRENT' })).SecretString, ledger, traffic);
    await steal((await learn(world)).find(({ state }) => state === 'signing').kid);
    record.revocation = await revokeSigner(world, crowd, flow);
    await steal(record.revocation.kid);
    record.retired = await seeRetirements(world, steal);
    record.thefts = steal.tries;
    await traffic.stop();
    record.kept = await comeBack(ask, crowd.kept);
    record.keys = await learn(world);
    record.endedAt = Date.now();
    return record;
  } catch (error) {
    const failed = `${traffic.failures.length} requests failed, such as ${JSON.stringify(traffic.failures.slice(0, 3))}`;
    throw new Error(`${error.message}; ${failed}; ${ledger.explain()}`, { cause: error });
  } finally {
    await traffic.stop();
  }
}

/** The keys as they are; what is said of their end is entered. */
async function learn({ keys, ledger }) {
  const found = await keys.list();
  for (const { kid, retired_at } of found) ledger.key(kid).retiredAt = retired_at ?? undefined;
  return found;
}

/** Accounts, sessions for either way that are refreshed all the time, and sessions that rest until the end. */
async function gather({ form, traffic }) {
  const made = await several(form.sessions, () => traffic.newAccount());
  const accounts = made.map(({ account }) => account);
  const someone = (n) => accounts[n % accounts.length];
  return {
    someone,
    pools: {
      serve: made.map(({ session }) => session),
      url: await several(4, (n) => traffic.login('url', someone(n))),
    },
    kept: await several(form.kept, (n) => traffic.login(WAYS[n % 2], someone(n))),
  };
}

/**
 * Starts what goes on until the end. Every token is looked at at once where it was not made, and before and after its
 * expiry.
 */
function startFlow({ form, times, traffic, ledger }, { someone, pools }) {
  const flow = {
    mintsPerSecond: form.mintsPerSecond,
    async enter(way, made) {
      const session = await made;
      if (!session) return undefined;
      await ledger.check(ledger.enter(session.access_token, way, session.sentAt, session.gotAt), elsewhere[way]);
      return session;
    },
    login: (way, n) => flow.enter(way, traffic.login(way, someone(n))),
    async refresh(way) {
      const session = pools[way].shift();
      const next = await flow.enter(way, traffic.refresh(way, session));
      pools[way].push(next ?? session);
      return next;
    },
  };
  const perMinter = () => flow.mintsPerSecond / form.minters;
  for (let n = 0; n < form.minters; n += 1) traffic.keep(perMinter, () => flow.refresh('serve'));
  traffic.keep(() => PER_SECOND.refresh, () => flow.refresh('url'));
  for (const way of WAYS) {
    let turn = 0;
    traffic.keep(() => PER_SECOND.login, () => flow.login(way, turn++));
  }
  lookAtExpiry(traffic, ledger, -LAST_MS);
  lookAtExpiry(traffic, ledger, times.CLOCK_SKEW_SECONDS * 1000);
  return flow;
}

/** Looks at every token so long after its expiry, at either way in turn. */
function lookAtExpiry(traffic, ledger, offset) {
  let next = 0;
  const look = async () => {
    const entry = ledger.tokens[next];
    const wait = entry ? entry.expiresAt + offset - Date.now() : PACE_MS;
    if (wait > 0) {
      await sleep(Math.min(wait, PACE_MS));
      return;
    }
    next += 1;
    await ledger.check(entry, WAYS[next % 2]);
  };
  for (let n = 0; n < 3; n += 1) traffic.keep(() => 1000, look);
}

/**
 * Waits until there are enough live tokens, and counts them from then on; they must be enough as long as it `holds`.
 */
async function fill({ form, traffic, ledger }, flow) {
  const began = Date.now();
  while (ledger.liveCount() < form.liveMin * MARGIN) {
    assert.ok(Date.now() - began < FILL_MS_MAX, `only ${ledger.liveCount()} live tokens`);
    await sleep(PACE_MS);
  }
  flow.mintsPerSecond = form.heldPerSecond;
  const live = { holds: true, least: Infinity, most: 0, seconds: (Date.now() - began) / 1000 };
  traffic.keep(() => 1000 / SAMPLE_MS, () => {
    const count = ledger.liveCount();
    live.most = Math.max(live.most, count);
    if (live.holds) live.least = Math.min(live.least, count);
  });
  return live;
}

/** Rotates as the form says, and looks at all live tokens wherever there is the time. */
async function rotateAll(world, rotateBy) {
  const { form, times, ledger } = world;
  const done = [];
  for (const [index, [by, seconds]] of form.rotations.entries()) {
    const beganAt = Math.max(Date.now(), (done.at(-1)?.beganAt ?? 0) + seconds * 1000);
    await sleepUntil(beganAt);
    await rotateBy[by]();
    const [due] = (await learn(world)).slice(-2);
    done.push({ by, beganAt, kid: due.kid, signsAt: due.not_before });
    const [, pause = Infinity] = form.rotations[index + 1] ?? [];
    if (pause * 1000 < leadMs(times)) continue;
    await sleepUntil(due.not_before + SETTLE_MS);
    await lookAtAll(ledger);
  }
  await sleepUntil(done.at(-1).signsAt + HOLD_MS);
  return done;
}

async function lookAtAll(ledger) {
  const live = ledger.live();
  await Promise.all([
    inParallel(8, live, (entry) => ledger.check(entry, 'serve')),
    inParallel(4, live.filter((_, index) => index % EVERY === 0), (entry) => ledger.check(entry, 'url')),
  ]);
}

/** Looks at every token of a key at either way. */
function lookAtKey(ledger, kid) {
  return Promise.all(WAYS.map((way) => inParallel(6, ledger.ofKey(kid), (entry) => ledger.check(entry, way))));
}

/** Ends the key that signs, in the middle of everything. */
async function revokeSigner(world, { someone }, flow) {
  const { ledger, published } = world;
  const { kid } = (await learn(world)).find(({ state }) => state === 'signing');
  const live = ledger.live().filter((entry) => entry.kid === kid);
  assert.ok(live.length >= REVOKED_MIN, `only ${live.length} live tokens of the key that signs`);
  const probe = live.at(-1);
  const signer = (session) => session && decodeJwt(session.access_token).header.kid;

  const revocation = await revoke({
    ...world,
    begins: (from) => { ledger.key(kid).revokedFrom = from; },
    ends: (until) => { ledger.key(kid).revokedUntil = until; },
    looks: ({ heir }) => WAYS.flatMap((way) => [
      [`${way}: its tokens are refused`, async () => await ledger.check(probe, way) === 'token_invalid'],
      [`${way}: it is not published`, () => {
        const { last, askedAt } = published[way];
        // By answers, and not because there was none.
        return askedAt - last.get(kid) > GONE_MS && last.get(kid);
      }],
      [`${way}: a login is signed by the next`, async () => signer(await flow.login(way, 0)) === heir],
      [`${way}: a refresh is signed by the next`, async () => signer(await flow.refresh(way)) === heir],
    ]),
  });
  await learn(world);
  await lookAtKey(ledger, kid);
  return { ...revocation, live: live.length };
}

/**
 * Waits for the end of each key that was superseded, and looks at all its tokens then, and at one that a thief makes.
 */
async function seeRetirements(world, steal) {
  const superseded = (await learn(world)).filter(({ state }) => ['superseded', 'retired'].includes(state));
  for (const { kid, retired_at } of superseded) {
    // On a slow machine that is past.
    await sleepUntil(retired_at);
    await lookAtKey(world.ledger, kid);
    await steal(kid);
  }
  return superseded.map(({ kid, retired_at }) => ({ kid, retiredAt: retired_at }));
}

/** Refreshes the sessions that rested, where they were made, and what comes of them elsewhere. */
async function comeBack(ask, sessions) {
  const traffic = openTraffic(ask);
  const back = await several(sessions.length, async (n) => {
    const way = sessions[n].way;
    const next = await traffic.refresh(way, sessions[n]);
    return next && traffic.refresh(elsewhere[way], next);
  });
  await traffic.stop();
  return { all: sessions.length, back: back.filter(Boolean).length, failures: traffic.failures };
}
