// The Firebase Auth emulator, and before it the one rule of production that it lacks.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { decodeJwt, exchange, freePorts, json, scratch, start } from './support.mjs';

export const PROJECT = 'demo-latchkey';
// The emulator compiles its API description at every start. This needs 12 s of processor time, and
// longer on a busy machine.
const EMULATOR_START_MS = 180_000;

/** Starts the Auth emulator. Returns its host and port. */
export async function startEmulator() {
  const [authPort, hub, logging] = await freePorts(3);
  const folder = scratch('emulator');
  const on = (port) => ({ host: '127.0.0.1', port });
  const emulators = { auth: on(authPort), hub: on(hub), logging: on(logging), ui: { enabled: false } };
  writeFileSync(join(folder, 'firebase.json'), JSON.stringify({ emulators }));

  const tool = createRequire(import.meta.url).resolve('firebase-tools/lib/bin/firebase.js');
  const args = [tool, 'emulators:start', '--only', 'auth', '--project', PROJECT, '--config', 'firebase.json'];
  // CI and NO_UPDATE_NOTIFIER keep the emulator from calling home. HOME and TMPDIR keep its files
  // out of the user's folders.
  const env = { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, CI: '1', NO_UPDATE_NOTIFIER: '1' };
  const emulator = start('the Auth emulator', process.execPath, args, { cwd: folder, env });
  await emulator.line((line) => line.includes('All emulators ready'), EMULATOR_START_MS);
  return `127.0.0.1:${authPort}`;
}

/** The user with this id at the emulator, as a server sees it. `undefined` if there is none. */
export async function firebaseUser(emulator, localId) {
  const url = `http://${emulator}/identitytoolkit.googleapis.com/v1/projects/${PROJECT}/accounts:lookup`;
  const lookup = json('POST', { localId: [localId] }, { authorization: 'Bearer owner' });
  const { status, body } = await exchange(url, lookup);
  assert.equal(status, 200, JSON.stringify(body));
  return body.users?.[0];
}

/**
 * A server before the emulator that refuses a refresh token of a sign-in from before `validSince`,
 * as Google's own token endpoint does (https://firebase.google.com/docs/auth/admin/manage-sessions).
 * The emulator gives out fresh ID tokens all the same. Everything else is the emulator's answer.
 */
export async function startRefusingRevoked(emulator) {
  // The emulator's refresh tokens do not say when their user has signed in.
  const signedInAt = new Map();
  const [host, port] = emulator.split(':');
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const refreshToken = new URLSearchParams(body.toString()).get('refresh_token');
    const localId = refreshToken && JSON.parse(Buffer.from(refreshToken, 'base64')).localId;
    const user = localId && await firebaseUser(emulator, localId);
    if (user?.validSince && !user.disabled && signedInAt.get(refreshToken) < Number(user.validSince)) {
      const error = { code: 400, message: 'TOKEN_EXPIRED', status: 'INVALID_ARGUMENT' };
      response.writeHead(400, { 'content-type': 'application/json', 'access-control-allow-origin': '*' });
      response.end(JSON.stringify({ error }));
      return;
    }
    // An answer that is not packed can be read here.
    const headers = { ...request.headers, 'accept-encoding': 'identity', host: emulator };
    const through = http.request({ host, port, path: request.url, method: request.method, headers }, async (answer) => {
      const text = Buffer.concat(await answer.toArray());
      remember(signedInAt, request.url, text);
      const { 'transfer-encoding': _, ...answered } = answer.headers;
      response.writeHead(answer.statusCode, { ...answered, 'content-length': text.length });
      response.end(text);
    });
    through.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${server.address().port}`, close: () => server.closeAllConnections() ?? server.close() };
}

/** Notes the time of the sign-in of each refresh token that an answer holds. */
function remember(signedInAt, url, text) {
  if (!/accounts:signIn|\/v1\/token/.test(url)) return;
  const body = JSON.parse(text);
  const [refreshToken, idToken] = [body.refreshToken ?? body.refresh_token, body.idToken ?? body.id_token];
  if (refreshToken && idToken) signedInAt.set(refreshToken, decodeJwt(idToken).payload.auth_time);
}
