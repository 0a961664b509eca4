// The words of the page in every language. English stands where it is used, and is the key of the
// other languages. The table of a language is loaded when the language is chosen.

/** A language: its own name, and its table. @type {Record<string, {name: string, load: () => Promise<{default: Record<string, string>}>}>} */
export const LANGUAGES = {
  en: { name: "English", load: async () => ({ default: {} }) },
  es: { name: "Español", load: () => import("./es.js") },
  "pt-BR": { name: "Português (Brasil)", load: () => import("./pt-BR.js") },
};

/** @type {Record<string, string>} */
let table = {};
let current = "en";

/** The code of the language of the page. */
export function language() {
  return current;
}

/** Makes this the language of the page. What is drawn already stays as it is. */
export async function speak(/** @type {string} */ code) {
  table = (await LANGUAGES[code].load()).default;
  current = code;
  document.documentElement.lang = code;
}

/** The first of the languages that a browser asks for and that the page has, or else English. */
export function preferred(/** @type {readonly string[]} */ asked) {
  const of = (/** @type {string} */ tag) => Object.keys(LANGUAGES).find((code) => code === tag || code.split("-")[0] === tag.split("-")[0]);
  return asked.map(of).find(Boolean) ?? "en";
}

/** The text in the language of the page. `{0}` and `{1}` stand for the values. */
export function t(/** @type {string} */ text, /** @type {any[]} */ ...values) {
  return (table[text] ?? text).replace(/\{(\d)\}/g, (_, index) => String(values[Number(index)]));
}

/** The same for values that are elements: the parts of the text, one after another. */
export function parts(/** @type {string} */ text, /** @type {any[]} */ ...values) {
  return (table[text] ?? text).split(/\{(\d)\}/).map((part, index) => index % 2 === 1 ? values[Number(part)] : part);
}

/** Marks a text that `t` translates when it is shown. */
export const m = (/** @type {string} */ text) => text;
