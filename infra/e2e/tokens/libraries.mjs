// Three libraries that sign and verify tokens with a shared secret, two for Node and one for
// Python. Each gets the secret as a text, and accepts only HS256.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SignJWT, UnsecuredJWT, errors, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';

import { HUNG_MS, start, tools } from '../support.mjs';

const ACCEPTED = 'HS256';
const NONE = 'none';
const EXPIRED = ['TokenExpiredError', 'ERR_JWT_EXPIRED', 'ExpiredSignatureError'];

/**
 * Each has `sign`, which returns a token with exactly these claims; without a secret, its algorithm
 * is `none`. Each has `verify`, which returns the claims, or the error of a refusal and whether the
 * token has expired.
 */
export function startLibraries() {
  return { jsonwebtoken: ofJsonwebtoken, jose: ofJose, PyJWT: startPyJwt() };
}

const ofJsonwebtoken = {
  sign: async (claims, secret, algorithm = ACCEPTED) => jsonwebtoken.sign(claims, secret, {
    algorithm: secret === undefined ? NONE : algorithm,
    // By default the library adds an `iat`, and this option removes an existing one.
    noTimestamp: !('iat' in claims),
  }),
  // For claims that are no JSON, the library throws JavaScript's own error.
  verify: (token, secret, audience) => verdict([jsonwebtoken.JsonWebTokenError, SyntaxError], 'name', async () =>
    jsonwebtoken.verify(token, secret, { algorithms: [ACCEPTED], audience })),
};

const ofJose = {
  sign: async (claims, secret, alg = ACCEPTED) => (secret === undefined
    ? new UnsecuredJWT(claims).encode()
    : new SignJWT(claims).setProtectedHeader({ alg }).sign(Buffer.from(secret))),
  verify: (token, secret, audience) => verdict([errors.JOSEError], 'code', async () =>
    (await jwtVerify(token, Buffer.from(secret), { algorithms: [ACCEPTED], audience })).payload),
};

/** Any error other than the library's refusals is a fault of the test. */
async function verdict(refusals, name, verify) {
  try {
    return { claims: await verify() };
  } catch (error) {
    if (!refusals.some((kind) => error instanceof kind)) throw error;
    return refused(error[name]);
  }
}

function refused(refusal) {
  return { refusal, expired: EXPIRED.includes(refusal) };
}

function startPyJwt() {
  const script = fileURLToPath(new URL('../pyjwt_lines.py', import.meta.url));
  const python = start('PyJWT', join(tools, 'bin', 'python'), [script], {
    env: { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1' }, stdio: ['pipe', 'pipe', 'pipe'],
  });
  let asked = 0;
  const ask = async (question) => {
    const number = asked;
    asked += 1;
    python.stdin.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await python.line((_, index) => index === number, HUNG_MS));
  };
  return {
    sign: async (claims, secret, algorithm = ACCEPTED) =>
      (await ask({ secret: secret ?? '', claims, algorithm: secret === undefined ? NONE : algorithm })).token,
    verify: async (token, secret, audience) => {
      const answer = await ask({ secret, token, audience });
      return answer.refusal ? refused(answer.refusal) : { claims: answer.claims };
    },
  };
}
