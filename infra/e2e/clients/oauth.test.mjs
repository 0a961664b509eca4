// Two clients of OAuth 2.0, of other makers, log in, refresh, read the account and revoke.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as oauth from 'oauth4webapi';

import { get, post } from '../requests.mjs';
import { ask, HUNG_MS, serve, start, stopAll, succeed, tools, within } from '../support.mjs';

const API_KEY = 'an API key that only this test knows: a+b/c=';
// Authlib sends no letter beyond ASCII as a public client.
const ACCOUNT = { email: 'james@yopmail.com', password: 'violet "tractor" 47 \\ umbrella', name: 'James' };
// The server of the test has no certificate.
const PLAIN = { [oauth.allowInsecureRequests]: true };
const CLIENT = { client_id: 'an app' };

let server, uid, as;

before(async () => {
  server = await serve([], { env: { TOKEN_PROFILE: 'access', API_KEY } });
  ({ uid } = await succeed(server, post('/create-account', ACCOUNT)));
});
after(stopAll);

/** The statuses of /me for these access tokens. */
function me(...tokens) {
  const call = (token) => ask(server, get('/me', { authorization: `Bearer ${token}` }));
  return Promise.all(tokens.map(async (token) => (await call(token)).status));
}

test('the discovery document leads oauth4webapi to the endpoints', async () => {
  const issuer = new URL(server.origin);
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, PLAIN));
  assert.equal(as.token_endpoint, `${server.origin}/oauth/token`);
});

async function byPassword(secret, password = ACCOUNT.password) {
  const fields = new URLSearchParams({ username: ACCOUNT.email, password });
  const answer = await oauth.genericTokenEndpointRequest(as, CLIENT, secret, 'password', fields, PLAIN);
  return oauth.processGenericTokenEndpointResponse(as, CLIENT, answer);
}

for (const [name, secret] of [
  ['a public client', oauth.None()],
  ['a client with a key in its header', oauth.ClientSecretBasic(API_KEY)],
  ['a client with a key in its body', oauth.ClientSecretPost(API_KEY)],
]) {
  test(`oauth4webapi logs in, refreshes, reads the account and revokes as ${name}`, async () => {
    const granted = await byPassword(secret);
    assert.deepEqual(
      { ...granted, access_token: 0, refresh_token: 0, jwt_token: 0, expires_at: 0, refresh_expires_at: 0 },
      {
        access_token: 0, token_type: 'bearer', expires_in: 3600, refresh_token: 0, scope: '', jwt_token: 0, uid,
        expires_at: 0, refresh_expires_at: 0,
      },
    );
    const answer = await oauth.refreshTokenGrantRequest(as, CLIENT, secret, granted.refresh_token, PLAIN);
    const renewed = await oauth.processRefreshTokenResponse(as, CLIENT, answer);
    assert.notEqual(renewed.refresh_token, granted.refresh_token);
    assert.deepEqual(await me(granted.access_token, renewed.access_token), [200, 200]);

    const told = await oauth.userInfoRequest(as, CLIENT, renewed.access_token, PLAIN);
    const { name: told_name, email, roles } = await oauth.processUserInfoResponse(as, CLIENT, uid, told);
    assert.deepEqual([told_name, email, roles], ['James', ACCOUNT.email, ['1']]);

    const revoked = await oauth.revocationRequest(as, CLIENT, secret, renewed.refresh_token, PLAIN);
    await oauth.processRevocationResponse(revoked);
    assert.deepEqual(await me(renewed.access_token), [401]);
    const again = await oauth.refreshTokenGrantRequest(as, CLIENT, secret, renewed.refresh_token, PLAIN);
    await assert.rejects(oauth.processRefreshTokenResponse(as, CLIENT, again), { error: 'invalid_grant', status: 400 });
  });
}

test('oauth4webapi reads every refusal by the standard', async () => {
  await assert.rejects(byPassword(oauth.None(), 'wrong'), {
    error: 'invalid_grant', status: 400, error_description: 'Email or password is incorrect.',
  });
  // A refusal with a challenge is one of the header for this client.
  await assert.rejects(byPassword(oauth.ClientSecretBasic('wrong')), { status: 401 });
  const request = (grant) => oauth.genericTokenEndpointRequest(as, CLIENT, oauth.None(), grant, {}, PLAIN);
  const read = async (grant) => oauth.processGenericTokenEndpointResponse(as, CLIENT, await request(grant));
  await assert.rejects(read('client_credentials'), { error: 'unsupported_grant_type' });
  await assert.rejects(read('password'), { error: 'invalid_request' });
  const stranger = await oauth.userInfoRequest(as, CLIENT, 'eyJhbGciOiJub25lIn0.e30.', PLAIN);
  await assert.rejects(oauth.processUserInfoResponse(as, CLIENT, uid, stranger), (error) => {
    assert.deepEqual([error.status, error.cause[0].parameters.error], [401, 'invalid_token']);
    return true;
  });
});

test('Authlib logs in, refreshes by itself, reads the account and revokes', async () => {
  const program = fileURLToPath(new URL('oauth_client.py', import.meta.url));
  const told = JSON.stringify({ origin: server.origin, api_key: API_KEY, uid, ...ACCOUNT });
  const child = start('Authlib', `${tools}/bin/python`, [program, told]);
  assert.equal(await within(HUNG_MS, child.exited, child.tail), 0, child.tail());
  assert.equal(child.lines.at(-1), 'done', child.tail());
});
