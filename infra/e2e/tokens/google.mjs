// The differences between google-auth-library and `/exchange` in judging Google's ID tokens. Any
// other difference is a fault of one of the two.

/** Laxities of the library: tokens that it accepts and we refuse, by the words of our refusal. */
export const STRICTER = [
  {
    what: 'alg',
    says: /algorithm is not one that this provider signs with/,
    reason: 'Google signs by RS256 alone. The library verifies by RS256, and does not read alg.',
  },
  { what: 'typ', says: /typ is not JWT|This is an access token/, reason: 'The library does not read typ.' },
  { what: 'crit', says: /critical header parameters/, reason: 'RFC 7515 section 4.1.11. The library does not read crit.' },
  {
    what: 'kid',
    says: /has no kid in its header|kid is not among the public keys/,
    reason: 'A kid is text and names a key for RS256. The library turns anything into text, and uses short keys.',
  },
  { what: 'sub', says: /sub is not text of 1 to 255 bytes/, reason: 'A token belongs to a user. The library does not read sub.' },
  {
    what: 'azp',
    says: /azp is not the id of an app/,
    reason: 'On Android azp is the app that asked, which may be somebody else\'s. The library does not read azp.',
  },
  {
    what: 'times',
    says: /It must be a whole number of seconds since 1970|nbf is in the future/,
    reason: 'Times are whole seconds, as Google writes them. The library compares whatever JavaScript can, and no nbf.',
  },
  {
    what: 'expiry and age',
    says: /id_token_expired|older than|ten minutes/,
    reason: 'The library allows five minutes of skew, and tokens of any age. Apps exchange a token at once.',
  },
  {
    what: 'keys twice',
    says: /gives a key twice/,
    reason: 'Two readers could read two tokens (RFC 8725 section 2.4). The library takes the last one.',
  },
  {
    what: 'texts',
    says: /NUL character|not valid UTF-8|not valid JSON/,
    reason: 'Broken text is no token. The library replaces broken characters.',
  },
  {
    what: 'base64url',
    says: /is not base64url|plain base64|has padding|has white space|signature is wrong/,
    reason: 'RFC 7515 section 2 has one spelling of each part. The library passes over strange letters.',
  },
  { what: 'depth', says: /nested deeper than 32 levels/, reason: 'A limit of ours. No token of Google comes near.' },
  { what: 'size', says: /payload_too_large/, reason: 'A limit of ours. No token of Google comes near.' },
];

/** Tokens that the library refuses and we accept, by the names of their cases. */
export const LENIENT = [
  {
    what: 'something around it',
    cases: /^(around|not text): /,
    reason: 'People paste tokens with quotes or a word before them, which are taken off. The token itself is good.',
  },
  {
    what: 'a far end',
    cases: /^exp: (in a year|the last second of year 9999)$/,
    reason: 'The library wants an end within a day. Here the time of issue must be in the last ten minutes, whatever '
      + 'the end is.',
  },
];
