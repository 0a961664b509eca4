// Three libraries that sign and verify tokens with a shared secret, two for Node and one for Python. Each is given
// the secret as a text, and takes HS256 alone.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SignJWT, UnsecuredJWT, errors, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';

import { start, tools } from '../support.mjs';

const ANSWER_MS = 30_000;
const ACCEPTED = 'HS256';
const NONE = 'none';
const EXPIRED = ['TokenExpiredError', 'ERR_JWT_EXPIRED', 'ExpiredSignatureError'];

/**
 * Each has `sign`, which gives a token with exactly these claims, and `verify`, which gives the claims, or by which
 * of its errors the token is refused and whether that is because it has expired. Without a secret a token is `none`.
 */
export function startLibraries() {
  return { jsonwebtoken: ofJsonwebtoken, jose: ofJose, PyJWT: startPyJwt() };
}

const ofJsonwebtoken = {
  sign: async (claims, secret, algorithm = ACCEPTED) => jsonwebtoken.sign(claims, secret, {
    algorithm: secret === undefined ? NONE : algorithm,
    // It would add an `iat`, or take away the one that is there.
    noTimestamp: !('iat' in claims),
  }),
  // What it throws at claims that are no JSON is the language's own.
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

/** An error that is none of those by which the library refuses tokens is a fault of the test. */
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
    return JSON.parse(await python.line((_, index) => index === number, ANSWER_MS));
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
