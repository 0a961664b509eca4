// Reads a token in the page. Nothing is sent.

import { m, t } from "./strings.js";

const CUSTOM_TOKEN_AUDIENCE = "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";
const ID_TOKEN_ISSUER = "https://securetoken.google.com/";
/** A text that is nothing but the name of a variable, as builders write it. */
const PLACEHOLDER = /^(<[\w .-]*>|\{\{[^{}]*\}\}|\[[\w .-]*\]|\$[\w.-]*\$)$/;
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/**
 * The token within a text that was pasted, and words for everything that was taken off.
 * @returns {{token: string, takenOff: string[]}}
 */
export function cleaned(/** @type {string} */ pasted) {
  /** @type {string[]} */ const takenOff = [];
  let text = pasted;
  const take = (/** @type {string} */ name, /** @type {string} */ rest) => {
    if (rest === text) return;
    takenOff.push(name);
    text = rest;
  };
  take(m("characters that nobody sees"), text.replace(INVISIBLE, ""));
  text = text.trim();
  if (PLACEHOLDER.test(text)) return { token: text, takenOff };
  take(m("the session object around it"), ofObject(text));
  for (let before = ""; before !== text;) {
    before = text;
    take(m("the header's name"), text.replace(/^(authorization\s*:\s*|[a-z_]*token\s*[=:]\s*)/i, ""));
    take(m("the word Bearer"), text.replace(/^bearer\s+/i, ""));
    take(m("quotation marks"), text.replace(/^(b?["'`“”‘’«<({\\]+)|(["'`“”‘’»>)}\\]+)$/g, ""));
    take(m("a comma or semicolon"), text.replace(/[,;]+$/, ""));
    text = text.trim();
  }
  take(m("line breaks"), text.replace(/\s*[\r\n]+\s*/g, ""));
  return { token: text, takenOff: [...new Set(takenOff)] };
}

/** The token of an answer of this service, or the text itself. */
function ofObject(/** @type {string} */ text) {
  if (!text.startsWith("{")) return text;
  try {
    const body = JSON.parse(text);
    const found = [body.jwt_token, body.access_token, body.token, body.refresh_token].find((token) => typeof token === "string" && token);
    return found ?? text;
  } catch {
    return text;
  }
}

/** @typedef {{header: any, payload: any, parts: string[]}} Decoded */

/**
 * The parts of a token, or a sentence about what the text is instead.
 * @returns {Decoded | {instead: string, text?: string, advice: string}}
 */
export function decoded(/** @type {string} */ token) {
  const parts = token.split(".");
  if (token === "") return { instead: m("Nothing was pasted yet."), advice: "" };
  if (/^(null|undefined|None|nil|\[object Object\])$/.test(token)) {
    return { instead: m("The text {0} is what programs write for a variable that is not set."), text: token, advice: m("Look where your app reads the token: there was none at that moment, usually because nobody was logged in yet.") };
  }
  if (PLACEHOLDER.test(token)) {
    return { instead: m("This is the name of a variable that was not filled in."), advice: m("In FlutterFlow the variable of the call must have the same name. In Bubble, initialize the call with a value.") };
  }
  if (/^[A-Za-z0-9_-]{43}$/.test(token)) {
    return { instead: m("This looks like a refresh token of Latchkey: 43 characters without a dot."), advice: m("It is for /refresh and /logout alone. Where a token is wanted, send jwt_token or access_token.") };
  }
  if (/^ya29\./.test(token)) return { instead: m("This is an access token of Google."), advice: m("It opens Google's APIs. Send the result of getIdToken() of the Firebase SDK.") };
  if (/^1\/\/|^AMf-/.test(token)) return { instead: m("This looks like a refresh token of Google or Firebase."), advice: m("Send the result of getIdToken() of the Firebase SDK.") };
  if (parts.length === 5) return { instead: m("This token has five parts: it is encrypted (JWE)."), advice: m("Only the service that made it can read it.") };
  if (parts.length > 5 || /\.[A-Za-z0-9_-]*eyJ/.test(parts.slice(2).join("."))) return { instead: m("There are two tokens in this text."), advice: m("Paste one of them.") };
  if (parts.length === 2) return { instead: m("This token was cut off: it has two parts, and three are needed."), advice: m("Copy all of it. Some consoles shorten long texts.") };
  if (parts.length !== 3) return { instead: m("This is no token of the form header.payload.signature."), advice: "" };
  if (/\s/.test(token)) return { instead: m("There is a blank inside the token."), advice: m("Copy it again. A form may have replaced a character by a blank.") };
  try {
    const [header, payload] = parts.slice(0, 2).map((part) => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes(part))));
    if (!isObject(header) || !isObject(payload)) throw new Error();
    return { header, payload, parts };
  } catch {
    return { instead: m("A part of this token cannot be read."), advice: m("It was changed or cut off. Copy it again.") };
  }
}

const isObject = (/** @type {any} */ value) => value !== null && typeof value === "object" && !Array.isArray(value);

function bytes(/** @type {string} */ part) {
  if (!/^[A-Za-z0-9_-]*$/.test(part)) throw new Error();
  return Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

/** The kinds of tokens, with a word for each and what to do with it. */
export const KINDS = {
  access_token: [m("An access token of Latchkey"), m("Your own servers and this service accept it: Authorization: Bearer …")],
  firebase_id_token: [m("A Firebase ID token"), m("The result of getIdToken(). It tells your backend who the user is.")],
  firebase_custom_token: [m("A Firebase custom token"), m("It is for signInWithCustomToken() alone. A backend wants the ID token that getIdToken() gives after that.")],
  firebase_legacy_custom_token: [m("A Firebase custom token of the old form"), m("Firebase has not accepted it since 2016 in its new SDKs.")],
  firebase_session_cookie: [m("A Firebase session cookie"), m("It is verified with verifySessionCookie(). Send the result of getIdToken() instead.")],
  firebase_app_check: [m("A token of Firebase App Check"), m("It vouches for an app and for no user. Send the result of getIdToken().")],
  service_account: [m("A token of a Google service account"), m("It opens Google's APIs, and tells nothing about a user of your app.")],
  supabase: [m("A token of Supabase"), m("This service did not make it.")],
  cognito: [m("A token of Amazon Cognito"), m("This service did not make it.")],
  google: [m("A token of Google's own sign-in"), m("Sign in to Firebase with it, and send the result of getIdToken().")],
  apple: [m("A token of Sign in with Apple"), m("Sign in to Firebase with it, and send the result of getIdToken().")],
  auth0: [m("A token of Auth0"), m("This service did not make it.")],
  microsoft: [m("A token of Microsoft"), m("This service did not make it.")],
  shared_secret: [m("A token signed with a shared secret"), m("As Bubble's JWT plugins make it. Whoever knows the secret can make such tokens.")],
  unknown: [m("A token of an unknown kind"), m("Its issuer is not one that this page knows.")],
};

/** The kind that a token is meant to be. A wrong claim does not hide the kind. @returns {keyof typeof KINDS} */
export function kindOf(/** @type {any} */ header, /** @type {any} */ payload) {
  const text = (/** @type {any} */ value) => typeof value === "string" ? value : "";
  const [issuer, algorithm] = [text(payload.iss), text(header.alg)];
  const isHmac = /^HS\d+$/.test(algorithm);
  const host = (issuer.split("://")[1] ?? issuer).split("/")[0];
  if (isHmac && "d" in payload && "v" in payload) return "firebase_legacy_custom_token";
  if (text(payload.aud) === CUSTOM_TOKEN_AUDIENCE || (issuer.endsWith(".gserviceaccount.com") && "uid" in payload)) return "firebase_custom_token";
  if (issuer.startsWith(ID_TOKEN_ISSUER)) return "firebase_id_token";
  if (issuer.startsWith("https://session.firebase.google.com/")) return "firebase_session_cookie";
  if (text(header.typ).toLowerCase() === "at+jwt") return "access_token";
  if (issuer.endsWith(".gserviceaccount.com")) return "service_account";
  if (host === "firebaseappcheck.googleapis.com") return "firebase_app_check";
  if (host === "accounts.google.com") return "google";
  if (host === "appleid.apple.com") return "apple";
  if (host === "login.microsoftonline.com" || host === "sts.windows.net") return "microsoft";
  if (host.endsWith(".auth0.com")) return "auth0";
  if (host.startsWith("cognito-idp.")) return "cognito";
  if (issuer === "supabase" || issuer.endsWith("/auth/v1")) return "supabase";
  if (isHmac) return "shared_secret";
  if (issuer.includes("securetoken.google.com") || isObject(payload.firebase)) return "firebase_id_token";
  return "unknown";
}

/** Claims in plain words. */
export const CLAIMS = {
  iss: m("the issuer: who made the token"), aud: m("the audience: whom the token is for"), sub: m("the user's id"),
  user_id: m("the user's id again"), uid: m("the user's id, which becomes the Firebase uid"),
  exp: m("the expiry"), iat: m("the time when it was made"), nbf: m("not good before this time"),
  auth_time: m("the time of the sign-in"), email: m("the user's e-mail address"),
  email_verified: m("whether the address is known to belong to the user"), name: m("the user's name"),
  firebase: m("what Firebase tells about the sign-in"), jti: m("the id of this token"), sid: m("the id of the session"),
  role_id: m("the user's role in your app"), claims: m("claims of your own, which Firebase copies"), kid: m("the id of the key that signed it"),
  alg: m("the way of signing"), typ: m("the type of the token"),
};

/** The claims that are times, in seconds. */
export const TIMES = ["exp", "iat", "nbf", "auth_time"];

/**
 * What can be said against a token without its signature. The first is the one to mend first.
 * @returns {{rule: string, text: string}[]}
 */
export function problems(/** @type {Decoded} */ token, /** @type {string} */ project, /** @type {number} */ now) {
  const { header, payload, parts } = token;
  const kind = kindOf(header, payload);
  const found = [];
  const add = (/** @type {string} */ rule, /** @type {string} */ text) => found.push({ rule, text });
  if (kind === "firebase_custom_token") add("custom_token", t("It is a custom token. Where a token of a user is wanted, it is refused: pass it to signInWithCustomToken(), and send the result of getIdToken()."));
  if (parts[2] === "") add("unsigned", t("It has no signature. The Auth emulator makes such tokens, and nobody else accepts them."));
  if (kind === "firebase_id_token") {
    if (parts[2] !== "" && header.alg !== "RS256") add("wrong_algorithm", t("Its header says {0}, and an ID token is signed with RS256.", JSON.stringify(header.alg)));
    if (project && payload.aud !== project) add("wrong_project", t("It is for the project {0}, and this deployment is for {1}.", JSON.stringify(payload.aud), JSON.stringify(project)));
    if (payload.iss !== ID_TOKEN_ISSUER + payload.aud) add("wrong_issuer", t("Its issuer is not that of its project."));
    if (typeof payload.sub !== "string" || payload.sub === "") add("wrong_sub", t("It has no sub, which is the user's id."));
  }
  for (const name of TIMES) {
    const value = payload[name];
    if (value === undefined) continue;
    if (typeof value !== "number") add("wrong_time", t("{0} is no number.", name));
    else if (value > 100_000_000_000) add("wrong_time", t("{0} is in milliseconds, and seconds are expected.", name));
    else if (name !== "exp" && value > now + 60) add("clock_ahead", t("{0} is in the future.", name));
  }
  if (payload.exp === undefined) add("no_expiry", t("It has no expiry."));
  else if (typeof payload.exp === "number" && payload.exp <= now) add("expired", t("Its time is over."));
  return found;
}
