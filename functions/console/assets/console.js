// The frame of the page: its pages by the part of the address behind #, its theme, and the tray with
// the session.

import { config, forget, onSession, send, state, failure } from "./api.js";
import { byId, copyButton, fill, h, relative, say } from "./dom.js";
import { drawStart } from "./start.js";

/**
 * A page: its name in the navigation, and the script that draws it. A script is loaded when its page
 * is opened for the first time. The first page is in the script of the frame. A page with a feature is in the navigation of deployments that have it.
 * @type {Record<string, {name: string, feature?: string, load: () => Promise<{draw: (main: HTMLElement, rest: string[]) => any}>}>}
 */
const PAGES = {
  "": { name: "Start", load: async () => ({ draw: drawStart }) },
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

/** The pages that were opened so far. */
let opened = 0;

/** Draws the page of this address. The page before stays until then, so that nothing jumps. */
async function show() {
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
    fill(view, h("h1", null, page.name), h("p", null, failure(error)),
      h("button", { type: "button", onclick: () => location.reload() }, "Try again"));
  }
  // Another page was opened meanwhile.
  if (turn !== opened) return void end?.();
  leave = end;
  navigation(name);
  fill(byId("main"), view);
  const heading = view.querySelector("h1");
  document.title = `${heading?.textContent ?? page.name} · Latchkey`;
  focusOn(view.querySelector(".found"), heading, turn);
}

/** Puts the focus on what was looked for, or else on the heading. A screen reader reads on there. */
function focusOn(/** @type {HTMLElement | null} */ found, /** @type {HTMLElement | null} */ heading, /** @type {number} */ turn) {
  if (found) {
    found.scrollIntoView();
    found.focus();
  } else if (turn > 1) {
    heading?.setAttribute("tabindex", "-1");
    heading?.focus();
    scrollTo(0, 0);
  }
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

async function begin() {
  const known = await config().catch(() => null);
  fill(byId("tools"), theme());
  byId("version").textContent = known ? `Latchkey ${known.version}` : "";
  await show();
}

onSession.push(tray);
addEventListener("hashchange", show);
// The other scripts import from this one, so that its end cannot wait for them.
void begin();
