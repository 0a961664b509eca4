// The schema of a session object, read by ajv: a real object fits, and a changed one does not. The
// Rust tests in shared/src/testing/session_object.rs do the same with another validator.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertSession, exchange, isSession, json, serve, stopAll } from './support.mjs';

let session;

before(async () => {
  const server = await serve();
  const account = { email: 'james@yopmail.com', password: 'correct horse battery' };
  session = (await exchange(`${server.origin}/create-account`, json('POST', account))).body;
});
after(stopAll);

/** Calls `change` with a copy of the session object for each field, the user's included. */
function forEachField(change) {
  for (const path of [[], ['user']]) {
    const fields = Object.keys(path.reduce((object, key) => object[key], session));
    for (const field of fields) {
      const copy = structuredClone(session);
      change(path.reduce((object, key) => object[key], copy), field, copy);
    }
  }
}

test('a real session object fits the schema', () => {
  assertSession(session);
});

test('a missing field is refused', () => {
  forEachField((object, field, copy) => {
    delete object[field];
    assert.equal(isSession(copy), false, `without ${field}`);
  });
});

test('an additional field is refused', () => {
  assert.equal(isSession({ ...session, additional: 'x' }), false);
  assert.equal(isSession({ ...session, user: { ...session.user, additional: 'x' } }), false);
});

test('a field of a wrong type or form is refused', () => {
  for (const value of [null, true, -1, 1.5, '', 'x', [], {}]) {
    forEachField((object, field, copy) => {
      object[field] = value;
      const isRight = {
        name: typeof value === 'string',
        email_verified: value === true,
        username: value === '',
        metadata: JSON.stringify(value) === '{}',
      }[field] ?? false;
      assert.equal(isSession(copy), isRight, `${field}: ${JSON.stringify(value)}`);
    });
  }
});

test('formats are checked', () => {
  assert.equal(isSession({ ...session, expires_at: '2026-02-30T00:00:00Z' }), false);
});
