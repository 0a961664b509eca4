// What goes on while keys are rotated: people log in, clients refresh, servers verify and look at the published keys,
// at `latchkey serve` and at the functions alike.

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { get, post } from '../requests.mjs';

export const WAYS = ['serve', 'url'];
const POLL_MS = 50;
/** How much of what somebody is late with they still make up for. */
const LATE_MS_MAX = 1_000;
const PASSWORD = 'violet tractor 47 umbrella';

/** Requests on connections that are kept, and what failed. `ask` is what `startWorld` gives. */
export function openTraffic(ask) {
  const agent = new http.Agent({ keepAlive: true });
  const stop = new AbortController();
  const failures = [];
  const flowing = [];
  const made = { accounts: 0, logins: 0, refreshes: 0 };

  async function send(way, fn, request) {
    try {
      return await ask[way](fn, { ...request, agent });
    } catch (error) {
      return { status: 0, body: { code: String(error) } };
    }
  }

  /** The answer, or nothing and an entry among what failed. */
  async function succeed(way, fn, request) {
    const sentAt = Date.now();
    const answer = await send(way, fn, request);
    const { status, body } = answer;
    if (status === 200 || status === 201) return { ...answer, way, sentAt, gotAt: Date.now() };
    failures.push({ way, fn, status, code: body.code, message: body.message });
    return undefined;
  }

  /** A session object, and how it came. */
  async function session(...how) {
    const answer = await succeed(...how);
    return answer && { ...answer.body, way: answer.way, sentAt: answer.sentAt, gotAt: answer.gotAt };
  }

  async function run(perSecond, act) {
    let due = Date.now();
    while (!stop.signal.aborted) {
      await act();
      due = Math.max(due + 1000 / perSecond(), Date.now() - LATE_MS_MAX);
      if (due > Date.now()) await sleep(due - Date.now());
    }
  }

  return {
    failures,
    made,
    succeed,

    /** Does something over and over, so often a second as is right then, until everything stops. */
    keep(perSecond, act) {
      const running = run(perSecond, act);
      running.catch(() => {});
      flowing.push(running);
    },

    /** Waits for whatever is under way; an error in it is this one's. */
    async stop() {
      stop.abort();
      await Promise.all(flowing);
      agent.destroy();
    },

    /** `taken`, or the code of the refusal. */
    async verdict(token, way) {
      const { status, body } = await send(way, 'verify', post('/verify', { token }));
      return status === 200 ? 'taken' : body.code ?? `status ${status}`;
    },

    async newAccount() {
      made.accounts += 1;
      const account = { email: `someone-${made.accounts}@yopmail.com`, password: PASSWORD };
      return { account, session: await session('serve', 'create-account', post('/create-account', account)) };
    },

    async login(way, { email, password }) {
      made.logins += 1;
      return session(way, 'login', post('/login', { email, password }));
    },

    async refresh(way, { refresh_token }) {
      made.refreshes += 1;
      return session(way, 'refresh', post('/refresh', { refresh_token }));
    },
  };
}

/**
 * Looks at the published keys at every way all the time. A key was seen first when an answer with it was there, and
 * last when the last question left that was answered with it.
 */
export function watchKeys(traffic) {
  const watch = (way) => {
    const seen = { polls: 0, gapMs: 0, askedAt: 0, ages: new Set(), first: new Map(), last: new Map() };
    let before = Date.now();
    traffic.keep(() => 1000 / POLL_MS, async () => {
      const answer = await traffic.succeed(way, 'well-known', get('/.well-known/jwks.json'));
      if (!answer) return;
      const { body, headers, sentAt, gotAt } = answer;
      seen.polls += 1;
      seen.askedAt = sentAt;
      seen.gapMs = Math.max(seen.gapMs, gotAt - before);
      before = gotAt;
      seen.ages.add(headers['cache-control']?.[0]);
      for (const { kid } of body.keys) {
        if (!seen.first.has(kid)) seen.first.set(kid, gotAt);
        seen.last.set(kid, sentAt);
      }
    });
    return seen;
  };
  return Object.fromEntries(WAYS.map((way) => [way, watch(way)]));
}
