// An OpenID provider, by the npm package oidc-provider, and a browser that signs in there.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

/** The page of the app, to which the provider redirects with a code. Nobody opens it. */
const CALLBACK = 'https://app.example/callback';
const REDIRECTS_MAX = 12;

/**
 * Starts a provider with these accounts, by their ids. The client `app-rs` gets ID tokens by RS256,
 * and `app-es` by ES256.
 */
export async function startProvider(accounts) {
  const server = http.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const client = (client_id, id_token_signed_response_alg) => ({
    client_id, id_token_signed_response_alg, redirect_uris: [CALLBACK], response_types: ['code'],
    grant_types: ['authorization_code'], token_endpoint_auth_method: 'none',
  });
  const provider = new Provider(issuer, {
    clients: [client('app-rs', 'RS256'), client('app-es', 'ES256')],
    jwks: { keys: [await key('RS256', 'rs'), await key('ES256', 'es')] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // The claims stand in the ID token itself, as at Google.
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
  });
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url.startsWith('/interaction/')) return interact(provider, request, response);
    return answer(request, response);
  });
  const close = () => { server.close(); server.closeAllConnections(); };
  return { issuer, jwks: `${issuer}/jwks`, close, signIn: (asked) => signIn(issuer, asked) };
}

async function key(alg, kid) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...await exportJWK(privateKey), alg, kid, use: 'sig' };
}

/** Logs in as the account of `login_hint`, and agrees to whatever is asked. */
async function interact(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: params.login_hint } });
  }
  const found = grantId && await provider.Grant.find(grantId);
  const grant = found ?? new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope('openid email profile');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

/** Signs in by the code flow with PKCE (RFC 7636), as an app does. Returns the ID token. */
async function signIn(issuer, { client, account, nonce }) {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const query = new URLSearchParams({
    client_id: client, response_type: 'code', scope: 'openid email profile', redirect_uri: CALLBACK,
    code_challenge: challenge, code_challenge_method: 'S256', login_hint: account, ...nonce && { nonce },
  });
  const code = await follow(`${issuer}/auth?${query}`);
  const form = new URLSearchParams({
    grant_type: 'authorization_code', code, client_id: client, redirect_uri: CALLBACK, code_verifier: verifier,
  });
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body: form });
  const body = await answer.json();
  if (!answer.ok) throw new Error(JSON.stringify(body));
  return body.id_token;
}

/** Follows redirects with cookies, as a browser does, up to the page of the app. Returns its code. */
async function follow(start) {
  const cookies = new Map();
  for (let url = new URL(start), count = 0; count < REDIRECTS_MAX; count += 1) {
    if (url.href.startsWith(CALLBACK)) return url.searchParams.get('code');
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    const next = answer.headers.get('location');
    if (!next) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
    url = new URL(next, url);
  }
  throw new Error('the redirects do not end');
}
