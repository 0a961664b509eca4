// Makes tokens of the shared secret with our code and with three libraries, and verifies each with
// all four. Then exchanges the secret while tokens are made and verified.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { bearer, form, get, post } from './requests.mjs';
import { startSecretsManager } from './secrets.mjs';
import { HUNG_MS, ask, decodeJwt, serve, stopAll, succeed, within } from './support.mjs';
import { startLibraries } from './tokens/libraries.mjs';
import { ACCEPTED, REFUSED, SECRET, STRICTER, changed, withOtherClaims } from './tokens/sharedsecret.mjs';

const API_KEY = 'an API key that only these tests know';
const KEY = { 'x-api-key': API_KEY };
const ACCOUNT = { email: 'james@yopmail.com', password: 'violet tractor 47 umbrella', name: 'James' };
const SIGNERS = ['jsonwebtoken', 'jose', 'PyJWT'];
/** The distance between the characters of a token that are changed. */
const STEP = 3;

let libraries, server;

before(async () => {
  libraries = startLibraries();
  // The libraries allow no skew by default.
  const env = { JWT_SHARED_SECRET: SECRET, API_KEY, TOKEN_PROFILE: 'shared_secret', CLOCK_SKEW_SECONDS: '0' };
  server = await serve([], { env });
});

after(stopAll);

function verify(token, where = server) {
  return ask(where, post('/verify', { token }));
}

/** The verdict of every library on the token. */
function judged(token, audience) {
  return Promise.all(SIGNERS.map(async (name) => [name, await libraries[name].verify(token, SECRET, audience)]));
}

async function assertAccepted(token, claims, audience) {
  for (const [library, verdict] of await judged(token, audience)) assert.deepEqual(verdict, { claims }, library);
}

function seconds() {
  return Math.floor(Date.now() / 1000);
}

function date(time) {
  return time === undefined ? '' : new Date(Math.floor(time) * 1000).toISOString().replace('.000Z', 'Z');
}

// --- Our tokens, verified by the libraries

const PAYLOAD = {
  user_id: '1532x88',
  email: 'james@yopmail.com',
  name: 'Zoë 🦊',
  list: [1, 2.5, null, true],
  deep: { er: '' },
  big: 2 ** 53 - 1,
};
const DEFAULT_SECONDS = 3600;
const encoding = {
  'an object': [post('/jwt/encode', { payload: PAYLOAD }, KEY), DEFAULT_SECONDS],
  'a text': [post('/jwt/encode', { payload: JSON.stringify(PAYLOAD) }, KEY), DEFAULT_SECONDS],
  'minutes': [post('/jwt/encode', { payload: PAYLOAD, expires_in_minutes: 5 }, KEY), 300],
  'minutes as text': [post('/jwt/encode', { payload: PAYLOAD, expires_in_minutes: '5' }, KEY), 300],
  'seconds': [post('/jwt/encode', { payload: PAYLOAD, expires_in: 90 }, KEY), 90],
  'a form': [form('/jwt/encode', { payload: JSON.stringify(PAYLOAD) }, KEY), DEFAULT_SECONDS],
  'a form with minutes': [form('/jwt/encode', { payload: JSON.stringify(PAYLOAD), expires_in_minutes: 2 }, KEY), 120],
  'a form with seconds': [form('/jwt/encode', { payload: JSON.stringify(PAYLOAD), expires_in: 45 }, KEY), 45],
};

describe('every library accepts the tokens of /jwt/encode', () => {
  for (const [name, [request, life]] of Object.entries(encoding)) {
    test(name, async () => {
      const earliest = seconds();
      const { token, ...rest } = await succeed(server, request);
      const { header, payload } = decodeJwt(token);
      assert.deepEqual(header, { alg: 'HS256', typ: 'JWT' });
      assert.ok(earliest <= payload.iat && payload.iat <= seconds(), `issued at ${payload.iat}`);
      const claims = { ...PAYLOAD, iat: payload.iat, exp: payload.iat + life };
      assert.deepEqual(payload, claims);
      assert.deepEqual(rest, { expires_in: life, expires_in_unit: 'seconds', expires_at: date(claims.exp), error: '' });
      await assertAccepted(token, claims);
      const { status, body } = await verify(token);
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.claims, claims);
    });
  }

  test('times in the payload are the caller\'s own', async () => {
    const claims = { uid: 'a', iat: seconds() - 60, nbf: seconds() - 30, exp: seconds() + 30 };
    const { token } = await succeed(server, post('/jwt/encode', { payload: claims }, KEY));
    await assertAccepted(token, claims);
  });
});

// --- Tokens of the libraries, verified by us

for (const signer of SIGNERS) {
  describe(`we judge the tokens of ${signer} as every library does`, () => {
    for (const [name, make] of Object.entries(ACCEPTED)) {
      test(`accepted: ${name}`, async () => {
        const now = seconds();
        const [claims, said] = make(now);
        const token = await libraries[signer].sign(claims, SECRET);
        assert.deepEqual(decodeJwt(token).payload, claims);
        await assertAccepted(token, claims);
        const askedAt = seconds();
        const { status, body } = await verify(token);
        const answeredAt = seconds();
        assert.equal(status, 200, JSON.stringify(body));
        const { expires_in, report, ...rest } = body;
        assert.deepEqual(rest, {
          valid: true, kind: 'shared_secret', uid: '', email: '', email_verified: false, name: '', role_id: 0, act: '',
          provider: 'unknown', issued_at: date(claims.iat), expires_at: date(claims.exp),
          revocation_checked: false, claims, ...said,
        });
        if (claims.exp === undefined) {
          assert.deepEqual({ expires_in, report }, { expires_in: 0, report: '' });
        } else {
          const [most, least] = [askedAt, answeredAt].map((time) => Math.floor(claims.exp) - time);
          assert.ok(least <= expires_in && expires_in <= most, `${expires_in} of ${most} s are left`);
          assert.match(report, /^Expires: [-\d]+ [:\d]+ UTC — in \d+ (minute|second|day)s?$/);
        }
      });
    }

    for (const [name, make] of Object.entries(REFUSED)) {
      test(`refused: ${name}`, async () => {
        const { claims, code = 'token_invalid', algorithm, ...how } = make(seconds());
        const secret = 'secret' in how ? how.secret : SECRET;
        const token = await libraries[signer].sign(claims, secret, algorithm);
        const expired = code === 'token_expired';
        for (const [library, verdict] of await judged(token)) {
          assert.equal(verdict.expired, expired, `${library}: ${JSON.stringify(verdict)}`);
        }
        const { status, body, headers } = await verify(token);
        assert.deepEqual({ status, code: body.code }, { status: 401, code }, JSON.stringify(body));
        assert.match(headers['www-authenticate']?.[0] ?? '', /^Bearer error="invalid_token"/);
      });
    }
  });
}

describe('we are stricter, and know where', () => {
  for (const [name, { acceptedBy, code, make }] of Object.entries(STRICTER)) {
    test(`${name}: ${acceptedBy.join(', ')}`, async () => {
      const token = make(seconds());
      const verdicts = await judged(token);
      const accepting = verdicts.filter(([, verdict]) => verdict.claims).map(([library]) => library);
      assert.deepEqual(accepting, acceptedBy, JSON.stringify(verdicts));
      const { status, body } = await verify(token);
      assert.deepEqual({ status, code: body.code }, { status: 401, code }, JSON.stringify(body));
    });
  }
});

// --- Changed tokens

describe('a changed token is refused by all', () => {
  const makers = {
    latchkey: async (payload) => (await succeed(server, post('/jwt/encode', { payload }, KEY))).token,
    ...Object.fromEntries(SIGNERS.map((name) => [name, (claims) => libraries[name].sign(claims, SECRET)])),
  };
  for (const [maker, make] of Object.entries(makers)) {
    test(`made by ${maker}`, async (t) => {
      const claims = { user_id: '1532x88', role: 'user', exp: seconds() + 300 };
      const token = await make(claims);
      const { status } = await verify(token);
      assert.equal(status, 200, 'the unchanged token is accepted');
      const [header, body, signature] = token.split('.');
      const all = [
        ...changed(token, STEP),
        withOtherClaims(token, { ...decodeJwt(token).payload, role: 'admin' }),
        `${header}.${body}.`, `${header}.${body}.${signature.slice(0, -1)}`, `${header}.${body}.${signature}A`,
        `${body}.${header}.${signature}`,
      ];
      assert.ok(all.length > 20, `${all.length} changes`);
      for (const each of all) await assertRefused(each);
      t.diagnostic(`${all.length} changes, each refused by us and by ${SIGNERS.join(', ')}`);
    });
  }

  async function assertRefused(token) {
    for (const [library, verdict] of await judged(token)) assert.ok(verdict.refusal, `${library} accepts ${token}`);
    const { status, body } = await verify(token);
    assert.equal(status, 401, `${JSON.stringify(body)} of ${token}`);
    assert.match(body.code, /^(token_invalid|auth\/argument-error)$/);
  }
});

// --- TOKEN_PROFILE=shared_secret

describe('the jwt_token of a session', () => {
  let session;

  before(async () => {
    session = await succeed(server, post('/create-account', ACCOUNT));
  });

  for (const path of ['/login', '/refresh']) {
    test(`of ${path} is accepted by every library and by /verify`, async () => {
      const asked = path === '/login' ? ACCOUNT : { refresh_token: session.refresh_token };
      const { jwt_token, access_token, uid, ...rest } = await succeed(server, post(path, asked));
      assert.notEqual(jwt_token, access_token);
      const claims = decodeJwt(jwt_token).payload;
      const { sub, email, name, role_id, iss, aud, iat, exp } = claims;
      assert.deepEqual({ sub, user_id: claims.user_id, email, name, role_id }, {
        sub: uid, user_id: uid, email: ACCOUNT.email, name: ACCOUNT.name, role_id: 1,
      });
      assert.deepEqual([iss, aud, exp - iat], [server.origin, server.origin, rest.expires_in]);
      await assertAccepted(jwt_token, claims, server.origin);
      const verified = await succeed(server, post('/verify?check_revoked=true', { token: jwt_token }));
      const { kind, provider } = verified;
      assert.deepEqual({ kind, provider, uid: verified.uid }, { kind: 'shared_secret', provider: 'password', uid });
      assert.deepEqual(verified.claims, claims);
    });
  }

  test('opens nothing of the account', async () => {
    const { jwt_token, access_token } = await succeed(server, post('/login', ACCOUNT));
    assert.equal((await ask(server, get('/me', bearer({ session: { access_token } })))).status, 200);
    for (const request of [
      get('/me', { authorization: `Bearer ${jwt_token}` }),
      post('/me', { name: 'Not James' }, { authorization: `Bearer ${jwt_token}` }, 'PATCH'),
      post('/me', { password: ACCOUNT.password }, { authorization: `Bearer ${jwt_token}` }, 'DELETE'),
    ]) {
      const { status, body } = await ask(server, request);
      assert.equal(status, 401, `${request.method} ${JSON.stringify(body)}`);
    }
    const { user } = await succeed(server, get('/me', { authorization: `Bearer ${access_token}` }));
    assert.equal(user.name, ACCOUNT.name);
  });

  test('ends with its session, if check_revoked is set', async () => {
    const { jwt_token, refresh_token } = await succeed(server, post('/login', ACCOUNT));
    await succeed(server, post('/logout', { refresh_token }));
    assert.equal((await verify(jwt_token)).status, 200);
    const { status, body } = await ask(server, post('/verify?check_revoked=true', { token: jwt_token }));
    assert.deepEqual({ status, code: body.code }, { status: 401, code: 'token_revoked' }, JSON.stringify(body));
  });
});

// --- Another secret

describe('another secret takes the place of the first at two servers', () => {
  const ID = 'latchkey/shared-secret';
  const TTL_SECONDS = 1;
  const OLD = 'the old secret of more than forty characters';
  const NEW = 'the new secret of more than forty characters';
  const PACE_MS = 10;

  let secrets, pair;

  before(async () => {
    secrets = await startSecretsManager();
    await secrets.create(ID, OLD);
    const env = { SHARED_SECRET_ID: ID, API_KEY, KEYS_TTL_SECONDS: TTL_SECONDS, TOKEN_PROFILE: 'access' };
    const started = () => serve([], { env: { ...secrets.env, ...env } });
    pair = await Promise.all([started(), started()]);
  });

  test('and nobody notices before the first is gone', async (t) => {
    const counts = { encoded: 0, verified: 0, byOld: 0, byNew: 0 };
    const rejections = [];
    const stop = new AbortController();
    let good = [await sign(OLD)];

    // Each server accepts the tokens of the other, and both still accept older tokens of another
    // program.
    const traffic = async (maker, verifier) => {
      while (!stop.signal.aborted) {
        const token = await encode(maker);
        const isOld = await isSignedBy(OLD, token);
        counts.encoded += 1;
        counts[isOld ? 'byOld' : 'byNew'] += 1;
        for (const each of [token, ...good]) {
          const { status, body } = await verify(each, verifier);
          counts.verified += 1;
          const isGood = each === token || good.includes(each);
          if (status !== 200 && isGood) rejections.push({ byOld: await isSignedBy(OLD, each), body });
        }
        await sleep(PACE_MS);
      }
    };
    const [first, second] = pair;
    const flowing = Promise.all([traffic(first, second), traffic(second, first)]);
    // Counts, and not times, end each phase, so that a slow machine takes longer and fails nothing.
    const untilSo = async (isSo) => {
      while (!isSo()) await sleep(PACE_MS);
    };
    const enough = (isSo) =>
      within(HUNG_MS, untilSo(isSo), () => `not both secrets signed: ${JSON.stringify(counts)}`);
    try {
      await enough(() => counts.byOld > 10);
      const byNew = await sign(NEW);
      assert.equal((await verify(byNew, first)).status, 401);
      const took = [
        await change(`${OLD}\n${NEW}`, async (each) => (await verify(byNew, each)).status === 200),
        await change(`${NEW}\n${OLD}`, async (each) => isSignedBy(NEW, await encode(each))),
      ];
      // Both make tokens with the new secret while the old secret is still good.
      good.push(byNew);
      await sleep(TTL_SECONDS * 1000);
      await enough(() => counts.byNew > 20);
      const [byOld] = good;
      good = [byNew];
      took.push(await change(NEW, async (each) => (await verify(byOld, each)).status === 401));
      for (const each of pair) {
        const { status, body } = await verify(byOld, each);
        assert.deepEqual({ status, code: body.code }, { status: 401, code: 'token_invalid' }, JSON.stringify(body));
        assert.equal((await verify(byNew, each)).status, 200);
      }
      const seen = took.map((ms) => `${(ms / 1000).toFixed(2)} s`).join(', ');
      t.diagnostic(`${JSON.stringify(counts)}, ${rejections.length} refused; in effect after ${seen}`);
    } finally {
      stop.abort();
      await flowing;
    }
    const some = JSON.stringify(rejections.slice(0, 3));
    assert.equal(rejections.length, 0, `${rejections.length} of ${counts.verified} verifications failed, such as ${some}`);
  });

  function sign(secret) {
    return libraries.jose.sign({ user_id: 'another program', exp: seconds() + 300 }, secret);
  }

  async function isSignedBy(secret, token) {
    return (await libraries.jose.verify(token, secret)).claims !== undefined;
  }

  async function encode(where) {
    return (await succeed(where, post('/jwt/encode', { payload: { user_id: 'new' } }, KEY))).token;
  }

  /** Puts a value in force. Returns the milliseconds until both servers use it. */
  async function change(value, isInEffect) {
    await secrets.put(ID, value);
    const began = Date.now();
    const seen = async (where) => {
      while (!await isInEffect(where)) await sleep(PACE_MS);
    };
    await within(HUNG_MS, Promise.all(pair.map(seen)), () => 'the new value has no effect');
    return Date.now() - began;
  }
});
