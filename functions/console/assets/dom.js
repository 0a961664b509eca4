// Builds elements. Text is only ever set as text, so that nothing that a person or a token says can
// become markup.

import { language, m, t } from "./strings.js";

/**
 * Makes an element. A property that begins with `on` is a listener, and all others are attributes.
 * `false`, `null` and `undefined` leave an attribute or a child out.
 * @param {string} tag
 * @param {Record<string, any> | null} [properties]
 * @param {...any} children
 * @returns {HTMLElement}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Marks elements whose text comes from the service. It is English in every language of the page. */
export function inEnglish(/** @type {HTMLElement[]} */ ...elements) {
  for (const element of elements) element.lang = "en";
  return elements;
}

/** The parts of a text of the service. Whatever stands between backquotes is code. */
export const coded = (/** @type {any} */ text) =>
  String(text ?? "").split("`").map((part, index) => index % 2 === 1 ? h("code", null, part) : part);

/** A text of the service within another text. */
export const said = (/** @type {any} */ text) => h("span", { lang: "en" }, coded(text));

/** Replaces everything inside an element. */
export function fill(/** @type {Element} */ element, /** @type {any[]} */ ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The element with this id, which the page has. */
export function byId(/** @type {string} */ id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element ${id}.`);
  return element;
}

/** Says something to screen readers. */
export function say(/** @type {string} */ text) {
  byId("live").textContent = text;
}

/** A button that copies a text. The text may be made at the moment of the click. */
export function copyButton(/** @type {string | (() => string)} */ text, label = t("Copy"), /** @type {string} */ about = "") {
  const button = h("button", { type: "button", class: "small", "aria-label": about ? `${label} ${about}` : null }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      button.textContent = t("Copied");
      say(t("Copied"));
    } catch {
      button.textContent = t("Not allowed");
      say(t("The browser does not allow to copy. Select the text instead."));
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

/** A line of code with its copy button. */
export function copyLine(/** @type {string} */ text, /** @type {string} */ about, wraps = false) {
  return h("div", { class: wraps ? "copy wrap" : "copy" },
    h("code", { tabindex: "0", role: "region", "aria-label": about }, text), copyButton(text, t("Copy"), about));
}

/** A note with a first word in bold. `kind` is good, bad or warn. */
export function note(/** @type {string} */ kind, /** @type {string} */ first, /** @type {any[]} */ ...rest) {
  return h("div", { class: `note ${kind}` }, h("p", null, h("strong", null, first), " ", ...rest));
}

let fields = 0;

/**
 * An input with its label, its help text and a place for what is wrong with it.
 * @param {{label: string, name?: string, type?: string, value?: string, hint?: string, required?: boolean,
 *   autocomplete?: string, inputmode?: string, rows?: boolean, lang?: string, min?: string, max?: string}} of
 */
export function field(of) {
  const id = `field-${++fields}`;
  const isPassword = of.type === "password";
  const input = /** @type {HTMLInputElement} */ (h(of.rows ? "textarea" : "input", {
    id, name: of.name, type: of.rows ? null : of.type ?? "text", required: of.required,
    autocomplete: of.autocomplete ?? "off", inputmode: of.inputmode, spellcheck: "false", autocapitalize: "none",
    "aria-describedby": `${id}-hint ${id}-wrong`,
  }));
  input.value = of.value ?? "";
  const wrong = h("p", { id: `${id}-wrong`, class: "wrong", hidden: true });
  const show = isPassword && h("button", { type: "button", "aria-pressed": "false" }, t("Show"));
  if (show) show.addEventListener("click", () => {
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    show.setAttribute("aria-pressed", String(!isShown));
    show.textContent = t(isShown ? m("Show") : m("Hide"));
  });
  const element = h("div", { class: "field" },
    h("label", { for: id }, of.label, of.required ? h("span", { class: "quiet" }, " ", t("(required)")) : null),
    show ? h("div", { class: "beside" }, input, show) : input,
    h("p", { id: `${id}-hint`, class: "hint", hidden: !of.hint, lang: of.lang }, coded(of.hint)), wrong);
  return {
    element, input,
    /** Tells what is wrong with the value. An empty text takes that back. */
    tell(/** @type {string} */ text) {
      wrong.textContent = text;
      wrong.hidden = !text;
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };
}

/** A span of time: a number, and its unit. @returns {[number, Intl.RelativeTimeFormatUnit]} */
function span(/** @type {number} */ seconds) {
  const whole = Math.floor(Math.abs(seconds));
  return whole >= 172800 ? [Math.floor(whole / 86400), "day"]
    : whole >= 7200 ? [Math.floor(whole / 3600), "hour"]
    : whole >= 120 ? [Math.floor(whole / 60), "minute"] : [whole, "second"];
}

/** A time relative to now in English, such as `47 minutes ago` or `in 13 minutes`. */
export function relativeInEnglish(/** @type {number} */ seconds, /** @type {number} */ now) {
  const [count, unit] = span(seconds - now);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds <= now ? `${words} ago` : `in ${words}`;
}

/** A time relative to now in the language of the page. */
export function relative(/** @type {number} */ seconds, /** @type {number} */ now) {
  const [count, unit] = span(seconds - now);
  return new Intl.RelativeTimeFormat(language()).format(seconds <= now ? -count : count, unit);
}

/** A time as `2026-05-27 15:00:00 UTC`. */
export function utc(/** @type {number} */ seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
