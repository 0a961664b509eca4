// The frame of the page: its pages by the part of the address behind #, its theme, and the tray with
// the session.

import { config, forget, onSession, send, state, failure } from "./api.js";
import { byId, copyButton, fill, h, relative, say } from "./dom.js";

/**
 * A page: its name in the navigation, and the module that draws it. A module is loaded when its page
 * is opened for the first time. A page with a feature is in the navigation of deployments that have it.
 * @type {Record<string, {name: string, feature?: string, load: () => Promise<{draw: (main: HTMLElement, rest: string[]) => any}>}>}
 */
const PAGES = {
  "": { name: "Start", load: () => import("./start.js") },
  try: { name: "Try it", load: () => import("./try.js") },
  builders: { name: "Builders", load: () => import("./builders.js") },
  token: { name: "Token doctor", load: () => import("./token.js") },
  outbox: { name: "Outbox", feature: "outbox_page", load: () => import("./outbox.js") },
  users: { name: "Users", load: () => import("./users.js") },
  reference: { name: "Reference", load: () => import("./reference.js") },
};

/** Ends what a page began, such as its clock. @type {(() => void) | undefined} */
let leave;

/** The page of this address: its name, and the parts behind the name. */
function place() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return parts[0] in PAGES ? parts : [""];
}

async function show() {
  const [name, ...rest] = place();
  const page = PAGES[name];
  leave?.();
  leave = undefined;
  navigation(name);
  const main = byId("main");
  try {
    const { draw } = await page.load();
    fill(main);
    leave = await draw(main, rest) ?? undefined;
  } catch (error) {
    fill(main, h("h1", { tabindex: "-1" }, page.name), h("p", null, failure(error)),
      h("button", { type: "button", onclick: () => location.reload() }, "Try again"));
  }
  const heading = main.querySelector("h1");
  document.title = `${heading?.textContent ?? page.name} · Latchkey`;
  if (shown++ > 0) focusOn(heading, main);
}

let shown = 0;

/** Puts the focus on the heading, so that a screen reader reads on from there. */
function focusOn(/** @type {HTMLElement | null} */ heading, /** @type {HTMLElement} */ main) {
  if (main.querySelector(".found")) return;
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
  scrollTo(0, 0);
}

function navigation(/** @type {string} */ current) {
  const has = (/** @type {string | undefined} */ feature) => !feature || state.config?.features?.[feature];
  const links = Object.entries(PAGES).filter(([, { feature }]) => has(feature)).map(([path, { name }]) =>
    h("li", null, h("a", { href: `#/${path}`, "aria-current": path === current ? "page" : null }, name)));
  fill(byId("nav"), h("ul", null, links));
}

function theme() {
  const select = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Colours" },
    ["Colours: system", "Light", "Dark"].map((name, index) => h("option", { value: ["", "light", "dark"][index] }, name))));
  select.addEventListener("change", () => {
    if (select.value) document.documentElement.dataset.theme = select.value;
    else delete document.documentElement.dataset.theme;
  });
  return select;
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
      say(answer.status === 200 ? done : answer.body?.message ?? `The answer was ${answer.status}.`);
    } catch (error) {
      say(failure(error));
    }
  };
  const end = h("span", null);
  const tick = () => { end.textContent = relative(Date.parse(session.expires_at) / 1000, Date.now() / 1000); };
  tick();
  fill(place, h("details", { class: "tray" },
    h("summary", null, "Logged in as ", h("strong", null, session.user.email || session.user.username || session.uid),
      "; the token expires ", end),
    h("p", { class: "quiet" }, "The session is in the memory of this page. A reload forgets it."),
    h("div", { class: "actions" },
      h("button", { type: "button", onclick: () => act("/refresh", "The session was refreshed.") }, "Refresh"),
      h("button", { type: "button", onclick: () => act("/logout", "The session was ended.") }, "Log out"),
      h("button", { type: "button", onclick: forget }, "Forget it here"),
      copyButton(() => session.jwt_token, "Copy jwt_token"), copyButton(() => session.access_token, "Copy access_token"))));
  clearInterval(ticking);
  ticking = setInterval(tick, 1000);
}

/** @type {ReturnType<typeof setInterval> | undefined} */
let ticking;

onSession.push(tray);
fill(byId("tools"), theme());
addEventListener("hashchange", show);
await show();
config().then((known) => {
  byId("version").textContent = `Latchkey ${known.version}`;
  navigation(place()[0]);
}, () => {});
