// The frame of the page: its pages by the part of the address behind #, its theme, and the tray with
// the session.

import { config, forget, onSession, send, state, failure } from "./api.js";
import { byId, copyButton, fill, h, relative, say } from "./dom.js";
import { drawStart } from "./start.js";
import { language, LANGUAGES, m, parts, preferred, speak, t } from "./strings.js";

/**
 * A page: its name in the navigation, and the script that draws it. A script is loaded when its page
 * is opened for the first time. The first page is in the script of the frame. A page with a feature is in the navigation of deployments that have it.
 * @type {Record<string, {name: string, feature?: string, load: () => Promise<{draw: (main: HTMLElement, rest: string[]) => any}>}>}
 */
const PAGES = {
  "": { name: m("Start"), load: async () => ({ draw: drawStart }) },
  try: { name: m("Try it"), load: () => import("./try.js") },
  builders: { name: m("Builders"), load: () => import("./builders.js") },
  token: { name: m("Token doctor"), load: () => import("./token.js") },
  outbox: { name: m("Outbox"), feature: "outbox_page", load: () => import("./outbox.js") },
  users: { name: m("Users"), load: () => import("./users.js") },
  reference: { name: m("Reference"), load: () => import("./reference.js") },
};

/** Ends what a page began, such as its clock. @type {(() => void) | undefined} */
let leave;

/** The page of this address: its name, and the parts behind the name. */
function place() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return parts[0] in PAGES ? parts : [""];
}

/** The pages that were opened so far. */
let opened = 0;

/**
 * Draws the page of this address. The page before stays until then, so that nothing jumps. The focus
 * moves if the person went to the page.
 */
async function show(/** @type {boolean} */ movesFocus) {
  const turn = ++opened;
  const [name, ...rest] = place();
  const page = PAGES[name];
  leave?.();
  leave = undefined;
  const view = h("div");
  let end;
  try {
    const { draw } = await page.load();
    end = await draw(view, rest) ?? undefined;
  } catch (error) {
    fill(view, h("h1", null, t(page.name)), h("p", null, failure(error)),
      h("button", { type: "button", onclick: () => location.reload() }, t("Try again")));
  }
  // Another page was opened meanwhile.
  if (turn !== opened) return void end?.();
  leave = end;
  navigation(name);
  fill(byId("main"), view);
  for (const list of view.querySelectorAll(".long")) scrollToCurrent(list);
  const heading = view.querySelector("h1");
  document.title = `${heading?.textContent ?? t(page.name)} · Latchkey`;
  focusOn(view.querySelector(".found"), movesFocus ? heading : null);
}

/** Scrolls a long list to the link of the page that is shown. */
function scrollToCurrent(/** @type {Element} */ list) {
  const current = list.querySelector("[aria-current]");
  if (current) list.scrollTop = current.getBoundingClientRect().top - list.getBoundingClientRect().top;
}

/** Puts the focus on what was looked for, or else on the heading. A screen reader reads on there. */
function focusOn(/** @type {HTMLElement | null} */ found, /** @type {HTMLElement | null} */ heading) {
  if (found) {
    found.scrollIntoView();
    found.focus();
  } else if (heading) {
    heading.setAttribute("tabindex", "-1");
    heading.focus();
    scrollTo(0, 0);
  }
}

function navigation(/** @type {string} */ current) {
  const has = (/** @type {string | undefined} */ feature) => !feature || state.config?.features?.[feature];
  const links = Object.entries(PAGES).filter(([, { feature }]) => has(feature)).map(([path, { name }]) =>
    h("li", null, h("a", { href: `#/${path}`, "aria-current": path === current ? "page" : null }, t(name))));
  fill(byId("nav"), h("ul", null, links));
}

/** A select of the frame. */
function choice(/** @type {string} */ about, /** @type {HTMLElement[]} */ options, /** @type {string} */ value, /** @type {(value: string) => void} */ choose) {
  const select = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": about }, options));
  select.value = value;
  select.addEventListener("change", () => choose(select.value));
  return select;
}

function theme() {
  const names = { "": t("Colours: system"), light: t("Light"), dark: t("Dark") };
  const options = Object.entries(names).map(([value, name]) => h("option", { value }, name));
  const { dataset } = document.documentElement;
  return choice(t("Colours"), options, dataset.theme ?? "", (value) => {
    if (value) dataset.theme = value;
    else delete dataset.theme;
  });
}

function languages() {
  const options = Object.entries(LANGUAGES).map(([value, { name }]) => h("option", { value, lang: value }, name));
  return choice(t("Language"), options, language(), async (value) => {
    await speak(value).catch((error) => say(failure(error)));
    frame();
    byId("tools").querySelector("select")?.focus();
    await show(false);
  });
}

/** The texts around the page. Those of the document are its English, and are kept as keys. */
function frame() {
  for (const one of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-t]"))) {
    one.dataset.t ||= one.textContent ?? "";
    one.textContent = t(one.dataset.t);
  }
  byId("nav").setAttribute("aria-label", t("Pages"));
  byId("untranslated").textContent = language() === "en" ? "" : t("The guides and the messages of the service are in English.");
  fill(byId("tools"), languages(), theme());
  tray();
}

/** The session of the last login. It is in the memory of this page alone. */
function tray() {
  const place = byId("tray");
  const session = state.session;
  if (!session) return void fill(place);
  const act = async (/** @type {string} */ path, /** @type {string} */ done) => {
    try {
      const answer = await send({ method: "POST", path, headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ refresh_token: session.refresh_token }) });
      say(answer.status === 200 ? done : answer.body?.message ?? t("The answer was {0}.", answer.status));
    } catch (error) {
      say(failure(error));
    }
  };
  const end = h("span", null);
  const tick = () => { end.textContent = relative(Date.parse(session.expires_at) / 1000, Date.now() / 1000); };
  tick();
  fill(place, h("details", { class: "tray" },
    h("summary", null, parts("Logged in as {0}; the token expires {1}",
      h("strong", null, session.user.email || session.user.username || session.uid), end)),
    h("p", { class: "quiet" }, t("The session is in the memory of this page. A reload forgets it.")),
    h("div", { class: "actions" },
      h("button", { type: "button", onclick: () => act("/refresh", t("The session was refreshed.")) }, t("Refresh")),
      h("button", { type: "button", onclick: () => act("/logout", t("The session was ended.")) }, t("Log out")),
      h("button", { type: "button", onclick: forget }, t("Forget it here")),
      copyButton(() => session.jwt_token, t("Copy jwt_token")), copyButton(() => session.access_token, t("Copy access_token")))));
  clearInterval(ticking);
  ticking = setInterval(tick, 1000);
}

/** @type {ReturnType<typeof setInterval> | undefined} */
let ticking;

async function begin() {
  const [known] = await Promise.all([config().catch(() => null), speak(preferred(navigator.languages)).catch(() => {})]);
  frame();
  byId("version").textContent = known ? `Latchkey ${known.version}` : "";
  await show(false);
}

onSession.push(tray);
addEventListener("hashchange", () => show(true));
// The other scripts import from this one, so that its end cannot wait for them.
void begin();
