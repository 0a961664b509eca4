// Draws the guides, which are Markdown. It knows what the guides use: headings, paragraphs, lists,
// tables, quotations, indented code, and in a line: code, bold, italic, links.

import { copyButton, copyLine, h } from "./dom.js";
import { t } from "./strings.js";

/** The elements of a text in Markdown. `link` makes the address of a link, or nothing. */
export function drawn(/** @type {string} */ text, /** @type {(href: string) => string | null} */ link) {
  return blocks(text.split("\n"), link);
}

/** @typedef {(href: string) => string | null} Link */

const BULLET = /^(?:[-*]|\d+\.)\s+/;

/** @returns {HTMLElement[]} */
function blocks(/** @type {string[]} */ lines, /** @type {Link} */ link) {
  /** @type {HTMLElement[]} */ const made = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at];
    /** The lines from here on that belong together. */
    const taken = (/** @type {(line: string, index: number) => boolean} */ belongs) => {
      const first = at;
      while (at < lines.length && belongs(lines[at], at - first)) at++;
      return lines.slice(first, at);
    };
    const heading = line.match(/^(#{1,4}) (.*)/);
    if (line.trim() === "") {
      at++;
    } else if (heading) {
      made.push(h(`h${heading[1].length}`, { id: idOf(heading[2]) }, inline(heading[2], link)));
      at++;
    } else if (line.startsWith("    ")) {
      made.push(code(taken((one) => one.startsWith("    ") || one.trim() === "").map((one) => one.slice(4)).join("\n").trimEnd()));
    } else if (line.startsWith("|")) {
      made.push(table(taken((one) => one.startsWith("|")), link));
    } else if (line.startsWith(">")) {
      const inside = taken((one) => one.startsWith(">")).map((one) => one.replace(/^> ?/, ""));
      made.push(h("blockquote", { class: "note" }, blocks(inside, link)));
    } else if (BULLET.test(line)) {
      const all = taken((one, index) => BULLET.test(one) || one.trim() === "" ? hasMore(lines, at) : one.startsWith("  ") || index === 0);
      made.push(list(all, link));
    } else {
      made.push(h("p", null, inline(taken((one, index) => index === 0 || isPlain(one)).join(" "), link)));
    }
  }
  return made;
}

/** Whether the list goes on at this line: it is a bullet, or a blank line before more of the list. */
function hasMore(/** @type {string[]} */ lines, /** @type {number} */ at) {
  if (lines[at].trim() !== "") return true;
  const next = lines.slice(at).find((line) => line.trim() !== "") ?? "";
  return BULLET.test(next) || next.startsWith("  ");
}

const isPlain = (/** @type {string} */ line) => line.trim() !== "" && !/^(#|\||>)/.test(line) && !BULLET.test(line);

function list(/** @type {string[]} */ lines, /** @type {Link} */ link) {
  const isOrdered = /^\d/.test(lines[0]);
  /** @type {string[][]} */ const items = [];
  for (const line of lines) {
    const bullet = line.match(BULLET)?.[0];
    if (bullet) items.push([line.slice(bullet.length)]);
    else items.at(-1)?.push(line.replace(isOrdered ? /^ {1,3}/ : /^ {1,2}/, ""));
  }
  return h(isOrdered ? "ol" : "ul", { class: isOrdered ? "steps" : null }, items.map((item) => {
    const inside = blocks(item, link);
    return h("li", null, inside.length === 1 && inside[0].tagName === "P" ? [...inside[0].childNodes] : inside);
  }));
}

function table(/** @type {string[]} */ lines, /** @type {Link} */ link) {
  const cells = (/** @type {string} */ line) => line.replace(/^\||\|\s*$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  const [head, , ...rows] = lines;
  const names = cells(head);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": names.filter(Boolean).join(", ") || t("Table") }, h("table", null,
    h("thead", null, h("tr", null, names.map((name) => name ? h("th", { scope: "col" }, inline(name, link)) : h("td")))),
    h("tbody", null, rows.map((row) => h("tr", null, cells(row).map((cell) => h("td", null, inline(cell, link, true))))))));
}

/** Code with its copy button. */
function code(/** @type {string} */ text) {
  if (!text.includes("\n")) return copyLine(text, t("code"));
  return h("div", { class: "copy" }, h("pre", { tabindex: "0", role: "region", "aria-label": t("code") }, text), copyButton(text));
}

/** The parts of a line. */
function inline(/** @type {string} */ text, /** @type {Link} */ link, copies = false) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^\]]+\]\([^)]+\))/).map((part) => {
    if (part.startsWith("`")) {
      const value = part.slice(1, -1);
      const isWorth = copies && (value.includes("://") || value.includes("{") || value.startsWith("$."));
      return isWorth ? [h("code", null, value), " ", copyButton(value, t("Copy"), value)] : h("code", null, value);
    }
    if (part.startsWith("**")) return h("strong", null, inline(part.slice(2, -2), link));
    if (part.startsWith("*") && part.length > 2) return h("em", null, inline(part.slice(1, -1), link));
    const [, label, href] = part.match(/^\[([^\]]+)\]\(([^)]+)\)$/) ?? [];
    if (!label) return part;
    const address = link(href);
    return address ? h("a", { href: address }, inline(label, link)) : inline(label, link);
  });
}

const idOf = (/** @type {string} */ heading) => heading.toLowerCase().replace(/[^\w\s-]/g, "").trim().replaceAll(/\s+/g, "-");
