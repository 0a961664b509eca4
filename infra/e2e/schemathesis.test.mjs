// Schemathesis makes requests from openapi.json, right and wrong ones. It holds the answers against
// the document: status, type, headers and members. A fault of the server fails too.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';

import { exchange, json, scratch, serve, start, stopAll, within } from './support.mjs';

const PROGRAM = join(process.env.LATCHKEY_SCHEMATHESIS ?? '../../.tools/schemathesis', 'bin', 'st');
const CHECKS = [
  'not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance',
  'response_schema_conformance', 'unsupported_method',
];
const API_KEY = 'an API key that only this test knows';
// The same seed makes the same requests. More examples take more time.
const HOW = ['--phases', 'examples,coverage,fuzzing', '--seed', '1', '--max-examples', '8'];
// A GET of these paths is a page for people, which the document of the API leaves out.
const PAGES = '^/pages/';
const RUN_MS = 5 * 60_000;

let server;

before(async () => {
  server = await serve([], {
    env: {
      RATE_LIMITS: 'off', API_KEY, ADMIN_KEY: 'an admin key that nobody has in this test', JWT_SHARED_SECRET: 'a shared secret of more than 32 bytes', LOG_LEVEL: 'warn',
      EMAIL_SIGN_IN: 'existing', EMAIL_SIGN_IN_LINK: 'true', APP_URLS: 'https://app.example',
      IDENTITY_PROVIDERS: '[{"id":"google","client_ids":["an app"]}]',
    },
  });
});
after(stopAll);

/** Runs Schemathesis. Returns the number of requests, all of which were answered as described. */
async function run(args) {
  const declared = CHECKS.filter((check) => check !== 'unsupported_method');
  const pages = await runOnce(['--include-path-regex', PAGES, '--checks', declared.join(','), ...args]);
  return pages + await runOnce(['--exclude-path-regex', PAGES, '--checks', CHECKS.join(','), ...args]);
}

async function runOnce(args) {
  const home = scratch('schemathesis');
  const command = ['run', `${server.origin}/openapi.json`, '--no-color', ...HOW, ...args];
  const child = start('schemathesis', PROGRAM, command, { cwd: home, env: { PATH: process.env.PATH, HOME: home } });
  const code = await within(RUN_MS, child.exited, () => `still running; ${child.tail()}`);
  assert.equal(code, 0, child.tail());
  const counts = child.lines.join('\n').match(/(\d+) generated, (\d+) passed/);
  assert.ok(counts && counts[1] === counts[2], child.tail());
  return Number(counts[1]);
}

test('every operation answers strangers as openapi.json says', async (context) => {
  const requests = await run([]);
  context.diagnostic(`${requests} requests`);
  assert.ok(requests > 300, `only ${requests} requests`);
});

test('every operation answers a person and a server as openapi.json says', async (context) => {
  // The password is none of the examples, so that no request deletes the account or changes it.
  const account = { email: 'james@yopmail.com', password: 'no example of the document' };
  const { body } = await exchange(`${server.origin}/create-account`, json('POST', account));
  const authorization = `Bearer ${body.access_token}`;
  // These three would end the session.
  const kept = ['logout', 'endSession', 'supabaseLogout'].flatMap((id) => ['--exclude-operation-id', id]);
  const requests = await run(['-H', `Authorization: ${authorization}`, '-H', `X-Api-Key: ${API_KEY}`, ...kept]);
  context.diagnostic(`${requests} requests`);
  assert.ok(requests > 300, `only ${requests} requests`);
  const { status } = await exchange(`${server.origin}/me`, { headers: { authorization } });
  assert.equal(status, 200, 'the session lived to the end');
});
