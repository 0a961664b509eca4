// The client libraries of Supabase, unchanged, against /auth/v1: JavaScript and Python.
//
// REFRESHES=500 is the long form of the test of a bad line.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createClient } from '@supabase/supabase-js';

import { HUNG_MS, serve, start, stopAll, tools, within } from '../support.mjs';

const REFRESHES = Number(process.env.REFRESHES ?? 25);
const PASSWORD = 'violet "tractor" 47 \\ umbrella é';
const NEXT_PASSWORD = 'amber tractor 48 umbrella';
const SHARE_OF_FAULTS = 0.3;

let server, people = 0;

before(async () => {
  server = await serve([], { env: { TOKEN_PROFILE: 'access', RATE_LIMITS: 'off' } });
});
after(stopAll);

/** The storage of a browser, which the tabs of one origin share. */
function storage() {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => { kept.set(key, value); },
    removeItem: (key) => { kept.delete(key); },
  };
}

/** Realtime is another service of Supabase, and Node 20 has no socket for it. */
class NoSocket {}

/** A client of an app, as a page makes it. */
function client(kept = storage(), send = fetch) {
  const auth = { storage: kept, persistSession: true, autoRefreshToken: false, detectSessionInUrl: false };
  return createClient(server.origin, 'any text', { auth, global: { fetch: send }, realtime: { transport: NoSocket } }).auth;
}

/** The data of an answer that must be no refusal. */
function good({ data, error }) {
  assert.equal(error, null);
  return data;
}

function refused({ error }, status, code) {
  assert.deepEqual([error?.status, error?.code], [status, code], String(error));
}

async function newcomer(auth) {
  people += 1;
  const email = `person-${people}@yopmail.com`;
  const { session } = good(await auth.signUp({ email, password: PASSWORD, options: { data: { full_name: 'James' } } }));
  assert.ok(session.access_token, 'a session');
  return email;
}

test('supabase-js signs up, in and out, reads and changes the user, and verifies the token itself', async () => {
  const auth = client();
  const email = await newcomer(auth);
  refused(await auth.signUp({ email, password: PASSWORD }), 422, 'user_already_exists');
  refused(await auth.signUp({ email: 'weak@yopmail.com', password: 'short' }), 422, 'weak_password');
  refused(await auth.signInWithPassword({ email, password: 'wrong' }), 400, 'invalid_credentials');
  const { session, user } = good(await auth.signInWithPassword({ email, password: PASSWORD }));
  assert.deepEqual([user.email, user.user_metadata.full_name], [email, 'James']);
  assert.ok(Math.abs(session.expires_at - Date.now() / 1000 - 3600) < 60, String(session.expires_at));
  assert.equal(good(await auth.getUser()).user.id, user.id);
  const { claims } = good(await auth.getClaims());
  assert.deepEqual([claims.sub, claims.email], [user.id, email]);
  assert.equal(good(await auth.updateUser({ data: { plan: 'pro' } })).user.user_metadata.plan, 'pro');
  good(await auth.signOut());
  refused(await auth.getUser(), 400, undefined);
});

test('a new password ends the other sessions, and the client goes on with its own', async () => {
  const [own, other] = [client(), client()];
  const email = await newcomer(own);
  good(await other.signInWithPassword({ email, password: PASSWORD }));
  refused(await own.updateUser({ password: NEXT_PASSWORD }), 400, 'reauthentication_needed');
  good(await own.updateUser({ password: NEXT_PASSWORD, current_password: PASSWORD }));
  good(await own.getUser());
  good(await own.refreshSession());
  refused(await other.refreshSession(), 400, 'refresh_token_not_found');
});

test('a logout ends one session, all others or all', async () => {
  const [one, two, three] = [client(), client(), client()];
  const email = await newcomer(one);
  for (const auth of [two, three]) good(await auth.signInWithPassword({ email, password: PASSWORD }));
  good(await two.signOut({ scope: 'local' }));
  for (const auth of [one, three]) good(await auth.getUser());
  good(await one.signOut({ scope: 'others' }));
  good(await one.refreshSession());
  refused(await three.refreshSession(), 400, 'refresh_token_not_found');
  good(await three.signInWithPassword({ email, password: PASSWORD }));
  good(await one.signOut({ scope: 'global' }));
  refused(await three.refreshSession(), 400, 'refresh_token_not_found');
});

/**
 * A line on which some refreshes are answered 503 before they arrive, and of some the answer is
 * lost after they arrived. The faults come in a fixed order.
 */
function badLine(counts) {
  let number = 0;
  return async (url, options) => {
    if (!String(url).includes('grant_type=refresh_token')) return fetch(url, options);
    number += 1;
    const draw = (number * 0.618033988749895) % 1;
    if (draw < SHARE_OF_FAULTS / 2) {
      counts.refused += 1;
      return new Response('{"code":"unexpected_failure"}', { status: 503 });
    }
    const answer = await fetch(url, options);
    if (draw < SHARE_OF_FAULTS) {
      counts.lost += 1;
      await answer.arrayBuffer();
      throw new TypeError('fetch failed');
    }
    return answer;
  };
}

test(`two tabs refresh ${REFRESHES} times on a bad line and lose no session`, { timeout: 20 * 60_000 }, async (context) => {
  const counts = { refused: 0, lost: 0 };
  const [kept, send] = [storage(), badLine(counts)];
  const tabs = [client(kept, send), client(kept, send)];
  await newcomer(tabs[0]);
  let refreshed = 0;
  let lost = 0;
  while (refreshed < REFRESHES) {
    // Both tabs wake up at once, with the same token.
    const answers = await Promise.all(tabs.map((tab) => tab.refreshSession()));
    refreshed += answers.filter(({ error }) => error === null).length;
    for (const tab of tabs) lost += good(await tab.getSession()).session === null ? 1 : 0;
    assert.equal(lost, 0, JSON.stringify(answers.map(({ error }) => String(error))));
  }
  for (const tab of tabs) good(await tab.getUser());
  assert.ok(counts.refused > 0 && counts.lost > 0, JSON.stringify(counts));
  context.diagnostic(`${refreshed} refreshes, ${counts.refused} times 503, ${counts.lost} lost answers, ${lost} lost sessions`);
});

test('the client for Python does the same', async () => {
  const program = fileURLToPath(new URL('supabase_client.py', import.meta.url));
  const child = start('supabase-auth', `${tools}/bin/python`, [program, server.origin, PASSWORD, NEXT_PASSWORD]);
  assert.equal(await within(HUNG_MS, child.exited, child.tail), 0, child.tail());
  assert.equal(child.lines.at(-1), 'done', child.tail());
});
