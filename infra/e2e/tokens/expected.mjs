// The differences between our code and firebase-admin, with reasons. Any other difference is a
// fault of one of the two.

/**
 * Tokens that the SDK accepts and we refuse: by `auth/argument-error`, unless another code is
 * given.
 */
export const STRICTER = [
  {
    what: 'no exp',
    cases: /^exp: missing$/,
    reason: 'A token without an end would be good for ever, and Google\'s rules require exp. The SDK does not.',
  },
  {
    what: 'fractions',
    cases: /^(exp|iat|auth_time|nbf): a (fraction|whole number with .*)$/,
    reason: 'Times are whole seconds, as Firebase writes them. The SDK accepts any JSON number.',
  },
  {
    what: 'exp is no date',
    cases: /^exp: (in milliseconds|the first second of year 10000|the largest .*|beyond 64 bits|a googol)$/,
    reason: 'An exp after the year 9999 is a mistake, such as milliseconds. The SDK treats it as a far future.',
  },
  {
    what: 'iat or auth_time is no time',
    cases: new RegExp([
      '^(iat|auth_time): (missing|null|an array of it|an empty array|an object|a truth value|false|empty text)$',
      '^(iat|auth_time): (text of digits|a date as text)$',
    ].join('|')),
    reason: 'Google\'s rules require iat and auth_time in the past, so they must be numbers. The SDK checks neither.',
  },
  {
    what: 'iat or auth_time ahead',
    cases: /^(iat|auth_time): (in a minute|in a year|a fraction, to come|the next second)$/,
    reason: 'Google\'s rules require iat and auth_time in the past. The SDK checks neither.',
  },
  {
    what: 'iat, auth_time or nbf is no date',
    cases: new RegExp([
      '^(iat|auth_time|nbf): less than zero',
      '^(iat|auth_time): (in milliseconds|beyond 64 bits|the first second of year 10000)$',
    ].join('|')),
    reason: 'A time before 1970 or after the year 9999 is a mistake. The SDK compares it all the same.',
  },
  {
    what: 'a tenant',
    cases: /^shape: a tenant$/,
    code: 'auth/mismatching-tenant-id',
    reason: 'This deployment has no tenant, and one uid may be two people in two tenants. The SDK accepts all tenants.',
  },
  {
    what: 'no sub',
    cases: /^event: no sub/,
    reason: 'An ID token belongs to a user. The SDK accepts the tokens of two blocking functions without a sub.',
  },
  {
    what: 'kid that names nothing',
    cases: /^kid: (null|empty text|zero|false)$/,
    reason: 'A kid that names nothing counts as missing. The SDK then tries all keys.',
  },
  {
    what: 'kid that is no text',
    cases: /^kid: an array of it$|^kid as signed: a number$/,
    reason: 'A kid is text (RFC 7515 section 4.1.4). JavaScript turns an array or a number into text.',
  },
  {
    what: 'short key',
    cases: /^kid as signed: by the key of 1024 bits$/,
    reason: 'RS256 needs a key of 2048 bits or more (RFC 7518 section 3.3); the SDK accepts any published key.',
  },
  {
    what: 'crit',
    cases: /^header: crit/,
    reason: 'An unknown critical extension must be refused (RFC 7515 section 4.1.11). The SDK ignores crit.',
  },
  {
    what: 'loose base64url',
    cases: /^base64url: (loose bits|a letter too many in the (payload|header)$)/,
    reason: 'The same bytes have one text (RFC 4648 section 3.5). Node\'s decoder accepts several.',
  },
  {
    what: 'not UTF-8',
    cases: /^UTF-8/,
    reason: 'JSON is UTF-8 (RFC 8259 section 8.1). Node\'s decoder replaces bytes that are not.',
  },
  {
    what: 'half a surrogate',
    cases: /^JSON of the (payload|header): half a pair|^JSON of the payload: the other half/,
    reason: 'Half a pair of surrogates is no character, and parsers differ on it (RFC 8259 section 8.2).',
  },
  {
    what: 'NUL',
    cases: /^JSON of the (payload|header): an escaped NUL|^sub: with a NUL$/,
    reason: 'NUL ends a text in many programs, so the HTTP contract accepts none anywhere.',
  },
  {
    what: 'exp beyond all',
    cases: /^exp: more than any number$/,
    reason: 'An exp beyond all doubles is no date. JavaScript reads it as infinity.',
  },
  {
    what: 'JSON in JSON text',
    cases: /^payload is: it as text$/,
    reason: 'The payload is a JSON object (RFC 7519 section 7.2). The SDK also reads JSON inside JSON text.',
  },
  {
    what: 'claim twice',
    cases: /^twice: (?!.*(last wrong|last past|one name at two depths|two names that)).*$/,
    reason: 'RFC 7519 section 4 allows the refusal of a claim that is given twice. The SDK uses the last.',
  },
  {
    what: 'header twice',
    cases: /^twice in the header: (?!.*the last (wrong|a stranger))/,
    reason: 'RFC 7515 section 4 allows the refusal of a parameter that is given twice. The SDK uses the last.',
  },
  {
    what: 'depth',
    cases: /^depth( in the header)?: (?!(10|31) ).*(arrays|objects)$/,
    reason: 'The HTTP contract bounds the depth of JSON to 32 levels, wherever it comes from.',
  },
  {
    what: 'body size',
    cases: /^size: (one more than a body can hold|20 KiB|100 KiB)$/,
    code: 'payload_too_large',
    reason: 'The HTTP contract bounds a body to 16 KiB.',
  },
  {
    what: 'size',
    cases: /^size in a header: (16 KiB and one|20 KiB)$/,
    reason: 'A token has 16 KiB at most, in a header as in a body.',
  },
];

/**
 * Good tokens with something around them that no token has, or in lines. We take it off and judge
 * the token. The SDK refuses the text.
 */
export const TAKEN_OFF = [
  /^around: (a (space|line feed|no-break space|zero-width space|byte order mark|tab|comma)|CR LF|quotes|single quotes|angle)/,
  /^around: (Bearer|JWT) before$/,
  /^base64url: a line feed in the signature$/,
  /^not text: an object of a good token$/,
];

/** Tokens that both refuse, with different codes. */
export const CODES = [
  {
    cases: /^exp: (less than zero( by far)?|a fraction of a day ago|less than any number)$/,
    sdk: 'auth/id-token-expired',
    ours: 'auth/argument-error',
    reason: 'An exp that is no date is no expiry.',
  },
  {
    cases: /^expired: with(out)? a (time of issue|sign-in)/,
    sdk: 'auth/id-token-expired',
    ours: 'auth/argument-error',
    reason: 'Expiry is checked last, so that only a token that was good is called expired.',
  },
  {
    cases: /^expired: with an empty kid$/,
    sdk: 'auth/id-token-expired',
    ours: 'auth/argument-error',
    reason: 'The SDK tries all keys for an empty kid, so it reaches the check of the expiry.',
  },
  {
    cases: /^twice: exp, the last past$/,
    sdk: 'auth/id-token-expired',
    ours: 'auth/argument-error',
    reason: 'The SDK uses the last of two.',
  },
  {
    cases: /^kind: a forged access token of this service$/,
    sdk: 'auth/argument-error',
    ours: 'token_invalid',
    reason: 'A token that claims to be the service\'s own is refused with the code of own tokens.',
  },
  {
    cases: /^kind: an access token of this service$/,
    sdk: 'auth/argument-error',
    ours: '200 access_token',
    reason: 'The token is good, but not as an ID token.',
  },
  {
    cases: /^(base64url: a NUL|around: (a NUL|half a surrogate))/,
    sdk: 'auth/argument-error',
    ours: 'invalid_request',
    reason: 'The request itself cannot be read.',
  },
  {
    cases: /^size of what is no token: 20 KiB$/,
    sdk: 'auth/argument-error',
    ours: 'payload_too_large',
    reason: 'The HTTP contract bounds a body to 16 KiB.',
  },
  {
    cases: /^not text: null$/,
    sdk: 'auth/argument-error',
    ours: 'token_missing',
    reason: 'Builders send null for an unset value.',
  },
  {
    cases: /^kind: a legacy custom token whose data are (null|text)$|^payload is: null$/,
    sdk: 'TypeError',
    ours: 'auth/argument-error',
    reason: 'The SDK reads members of a value that is no object.',
  },
  {
    cases: new RegExp([
      '^bytes of the payload',
      '^base64url: the payload in (base64 twice|hex)$',
      '^after signing: payload and signature swapped$',
      '^depth: 5000 arrays without an end$',
      // All payloads that are no JSON, except for numbers that are too large.
      '^JSON of the payload: (an? (vertical|no-break|NUL|tab|line|name|comma|comment|bracket|escape that))',
      '^JSON of the payload: (a number (?!beyond)|NaN|Infinity|undefined|True|two commas|no |half an|single|only)',
      '^JSON of the payload: (text|another)',
    ].join('|')),
    sdk: 'SyntaxError',
    ours: 'auth/argument-error',
    reason: 'With typ JWT the SDK does not catch the error of the JSON parser.',
  },
];

/** The words of refusals that people meet. */
export const MESSAGES = [
  { cases: /^aud: another project$/, says: [/"acme-login-staging"/, /"acme-login"/, /environment/] },
  { cases: /^iss and aud: of another project$/, says: [/"acme-staging"/, /"acme-login"/, /environment/] },
  { cases: /^iss: (another project|missing|over http)$/, says: [/iss/, /"https:.*securetoken.*\/acme-login"/] },
  { cases: /^sub: (missing|empty text|of 129 letters)$/, says: [/sub/, /128/] },
  { cases: /^kind: an? (expired )?custom token/, says: [/custom token/, /ID token/, /signInWithCustomToken/] },
  { cases: /^kind: an unsigned custom token$/, says: [/no signature/, /emulator/] },
  { cases: /^kind: a legacy custom token( with a kid)?$/, says: [/legacy/, /custom token/, /ID token/] },
  { cases: /^kind: a legacy custom token signed by RSA$/, says: [/no kid/] },
  { cases: /^kind: a session cookie$/, says: [/session cookie/, /ID token/] },
  { cases: /^kind: a Google ID token/, says: [/Google/, /ID token/, /getIdToken/] },
  { cases: /^kind: a Supabase/, says: [/Supabase/, /ID token/] },
  { cases: /^kind: a Cognito/, says: [/Cognito/, /ID token/] },
  { cases: /^kind: a shared-secret token$/, says: [/shared secret/, /ID token/] },
  { cases: /^kind: an opaque refresh token$/, says: [/refresh token/] },
  { cases: /^kind: an encrypted token$/, says: [/encrypted/] },
  { cases: /^kind: a certificate$/, says: [/certificate/] },
  { cases: /^kid: (missing|null|empty text)$/, says: [/no kid/] },
  { cases: /^kid: an unknown one$/, says: [/kid/, /not among/] },
  { cases: /^alg: "(none|HS256|rs256)"$/, says: [/RS256/] },
  { cases: /^unsigned: alg none$/, says: [/no signature/, /emulator/] },
  { cases: /^header: crit of exp$/, says: [/critical/] },
  { cases: /^signature: last bit flipped$/, says: [/signature is wrong/] },
  { cases: /^exp: (missing|in milliseconds|text of digits)$/, says: [/exp/, /whole number of seconds/] },
  { cases: /^iat: (in a minute|the next second)$/, says: [/iat/, /future/, /clock/] },
  { cases: /^auth_time: (in a minute|the next second)$/, says: [/auth_time/, /future/, /clock/] },
  { cases: /^nbf: (in a minute|the next second)$/, says: [/nbf/, /future/, /clock/] },
  { cases: /^exp: (a minute ago|this very second)$/, says: [/expired/, /getIdToken/] },
  { cases: /^twice: aud, the first wrong$/, says: [/twice/] },
  { cases: /^base64url: the payload padded$/, says: [/padding/] },
  { cases: /^base64url: the payload in the plain alphabet$/, says: [/base64url/] },
  { cases: /^base64url: a space in the signature$/, says: [/white space/] },
  { cases: /^not text: an array of a good token$/, says: [/a list/] },
  { cases: /^parts: encoded dots between$/, says: [/percent-encoded/] },
  { cases: /^parts: the whole twice$/, says: [/two tokens/] },
  { cases: /^parts: two$/, says: [/three parts/] },
];
