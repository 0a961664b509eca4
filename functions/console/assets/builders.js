// The guides for builders, with the address of this service filled in.

import { base, config } from "./api.js";
import { fill, h } from "./dom.js";
import { drawn } from "./markdown.js";

/** The guides, by their file. */
const GUIDES = {
  flutterflow: "FlutterFlow", bubble: "Bubble", weweb: "WeWeb", others: "Adalo, n8n, Make, Zapier",
  tunnel: "An address for your own machine", moving: "Moving from another service",
};

export async function draw(/** @type {HTMLElement} */ main, /** @type {string[]} */ [wanted]) {
  const known = await config().catch(() => null);
  const name = wanted && wanted in GUIDES ? wanted : "flutterflow";
  const place = h("article");
  const list = Object.entries(GUIDES).map(([path, title]) => h("li", null,
    h("a", { href: `#/builders/${path}`, "aria-current": path === name ? "true" : null }, title)));
  const answer = await fetch(`/console/guides/${name}.md`);
  if (!answer.ok) throw new Error(`The guide answered ${answer.status}.`);
  const text = (await answer.text()).replace(/Write your own URL wherever\s`https:\/\/YOUR-URL`\sstands\./, "").replaceAll("https://YOUR-URL", base());
  fill(place, drawn(text, link), name === "flutterflow" && download(), profileNote(known, name));
  fill(main, h("div", { class: "split" }, h("nav", { "aria-label": "Builders" }, h("ul", { class: "list" }, list)), place));
}

/** The address of a link within the guides. Documents for engineers are not served here. */
function link(/** @type {string} */ href) {
  if (/^https?:\/\//.test(href)) return href;
  const guide = href.match(/^([a-z]+)\.md/)?.[1];
  if (guide && guide in GUIDES) return `#/builders/${guide}`;
  return href.includes("api.md") ? "#/reference" : null;
}

function download() {
  return h("p", null, h("a", { class: "button", href: "/flutterflow.json", download: "latchkey-flutterflow.json" }, "Download the file for FlutterFlow"));
}

/** A warning if this deployment does not make the tokens that the guide is about. */
function profileNote(/** @type {any} */ known, /** @type {string} */ name) {
  if (!known || name !== "flutterflow" || known.token_profile === "firebase") return null;
  return h("div", { class: "note warn" }, h("p", null, h("strong", null, "This deployment does not make Firebase tokens. "),
    "Its jwt_token is of another kind, so that FlutterFlow's sign-in with a JWT token refuses it."));
}
