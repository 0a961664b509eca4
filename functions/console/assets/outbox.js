// The mails of a laptop, for whoever sits at it. The server shows them to pages of this machine alone.

import { config, failure, send } from "./api.js";
import { coded, copyButton, fill, h, note, said, say } from "./dom.js";
import { language, parts, t } from "./strings.js";

/** @typedef {{id: string, at: string, to: string, subject: string, code: string, link: string, text?: string}} Mail */

const PATH = "/outbox/mails";

const get = (/** @type {string} */ path) => send({ method: "GET", path, headers: {}, body: null });

export async function draw(/** @type {HTMLElement} */ main, /** @type {string[]} */ rest) {
  const known = await config();
  if (!known.features.outbox_page) return absent(main);
  return rest[0] ? one(main, rest[0]) : list(main);
}

/** What a deployment says that has no such page. */
function absent(/** @type {HTMLElement} */ main) {
  fill(main, h("h1", null, t("Outbox")),
    note("warn", t("There is no outbox here."), parts("It is a page of a laptop: the server listens on its own machine alone, without a proxy, and {0} is {1}.",
      h("code", null, "MAIL"), h("code", null, "outbox"))));
}

/** What a refusal says. */
const refusal = (/** @type {{status: number, body: any}} */ { status, body }) =>
  note("bad", `${status}.`, body?.message ? said(body.message) : t("There is no answer."), body?.detail ? h("span", { class: "quiet", lang: "en" }, " ", coded(body.detail)) : null);

/** The time of a mail, in the person's own time zone. */
const time = (/** @type {string} */ at) => h("time", { datetime: at }, at ? new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at)) : "");

async function list(/** @type {HTMLElement} */ main) {
  const found = h("div");
  const show = async () => {
    try {
      const answer = await get(PATH);
      fill(found, answer.status === 200 ? table(answer.body) : refusal(answer));
      say(answer.status === 200 ? t("{0} mails", answer.body.mails.length) : t("Refused."));
    } catch (error) {
      fill(found, note("bad", t("No answer."), failure(error)));
    }
  };
  fill(main, h("h1", null, t("Outbox")),
    h("p", null, t("Nobody gets these mails: this server keeps them in files. On a deployment the people of the addresses get them.")),
    h("div", { class: "actions" }, h("button", { type: "button", class: "main", onclick: show }, t("Look again"))), found);
  await show();
}

/** The mails, newest first. */
function table(/** @type {{folder: string, mails: Mail[]}} */ { folder, mails }) {
  const row = (/** @type {Mail} */ mail) => h("tr", null,
    h("td", null, h("a", { href: `#/outbox/${mail.id}` }, mail.subject)), h("td", null, mail.to),
    h("td", null, mail.code && [h("code", { class: "big" }, mail.code), " ", copyButton(mail.code, t("Copy"), t("the code for {0}", mail.to))]),
    h("td", null, time(mail.at)));
  const names = [t("Subject"), t("To"), t("Code"), t("Time")].map((name) => h("th", { scope: "col" }, name));
  return [mails.length === 0 ? h("p", null, parts("There is no mail yet. {0} to see one.", h("a", { href: "#/try/forgotPassword" }, t("Forget a password"))))
    : h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Mails") },
      h("table", null, h("thead", null, h("tr", null, names)), h("tbody", null, mails.map(row)))),
  h("p", { class: "quiet" }, parts("The files are in {0}.", h("code", null, folder)))];
}

async function one(/** @type {HTMLElement} */ main, /** @type {string} */ id) {
  const path = `${PATH}/${encodeURIComponent(id)}`;
  const answer = await get(path);
  const back = h("p", null, h("a", { href: "#/outbox" }, t("All mails")));
  if (answer.status !== 200) return void fill(main, h("h1", null, t("Outbox")), back, refusal(answer));
  /** @type {Mail} */
  const mail = answer.body;
  const row = (/** @type {string} */ name, /** @type {any} */ value) => [h("dt", null, name), h("dd", null, value)];
  fill(main, h("h1", null, mail.subject), back,
    h("dl", { class: "rows" }, row(t("To"), mail.to), row(t("Time"), time(mail.at)),
      mail.code && row(t("Code"), [h("code", { class: "big" }, mail.code), " ", copyButton(mail.code, t("Copy"), t("the code"))]),
      mail.link && row(t("Link"), [h("a", { href: mail.link, target: "_blank", rel: "noopener noreferrer" }, t("Open its page")), " ", copyButton(mail.link, t("Copy"), t("the link"))])),
    h("p", null, h("a", { class: "button", href: `${path}/html`, target: "_blank", rel: "noopener noreferrer" }, t("See it as people do"))),
    h("h2", null, t("Its text")),
    h("div", { class: "mail" }, mail.text ?? ""));
}
