// Every operation with its fields and answers, and every error code.

import { description } from "./api.js";
import { coded, fill, h, inEnglish, said } from "./dom.js";
import { operations, resolved } from "./operations.js";
import { t } from "./strings.js";

export async function draw(/** @type {HTMLElement} */ main, /** @type {string[]} */ [view, wanted]) {
  const isErrors = view === "errors";
  const content = isErrors ? drawErrors(await codes(), wanted) : drawOperations(await description());
  const tabs = [["#/reference", t("Endpoints"), !isErrors], ["#/reference/errors", t("Error codes"), isErrors]];
  fill(main, h("h1", null, isErrors ? t("Error codes") : t("Endpoints")),
    h("p", { class: "tabs" }, tabs.map(([href, name, isCurrent]) => h("a", { href, "aria-current": isCurrent ? "page" : null }, name))),
    content);
}

const drawOperations = (/** @type {any} */ document) => operations(document).map((operation) => drawOperation(operation, document));

/** Every code of an error, from the service itself. */
async function codes() {
  const answer = await fetch("/console/errors.json");
  if (!answer.ok) throw new Error(`The codes answered ${answer.status}.`);
  return (await answer.json()).errors;
}

function drawErrors(/** @type {any[]} */ errors, /** @type {string | undefined} */ wanted) {
  const isKnown = errors.some(({ code }) => code === wanted);
  return [
    wanted && !isKnown && h("div", { class: "note bad" }, h("p", null, t("This service has no code {0}.", wanted))),
    errors.map(({ code, statuses, reason, mender, cure }) => h("section",
      { class: code === wanted ? "target found" : "target", id: code, tabindex: code === wanted ? "-1" : null },
      h("h2", null, h("code", null, code)), h("p", { class: "quiet" }, t("Status {0}", statuses.join(", "))),
      inEnglish(h("p", null, coded(`${reason[0].toUpperCase()}${reason.slice(1)}.`)), h("p", null, coded(cure)), h("p", { class: "quiet" }, `To be mended by ${mender}.`))))];
}

function drawOperation(/** @type {any} */ operation, /** @type {any} */ document) {
  const schema = resolved(operation.body, document);
  const fields = Object.entries(schema?.properties ?? {}).map(([name, raw]) => ({ name, ...resolved(raw, document) }));
  const required = schema?.required ?? [];
  return h("section", { id: operation.id },
    h("h2", { lang: "en" }, operation.summary), h("p", { class: "method" }, `${operation.method} ${operation.path}`),
    operation.description && h("p", { lang: "en" }, coded(operation.description)),
    (fields.length > 0 || operation.parameters.length > 0) && h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Fields of {0}", operation.id) }, h("table", null,
      h("thead", null, h("tr", null, [t("Field"), t("Type"), "", t("Meaning")].map((name) => name ? h("th", { scope: "col" }, name) : h("td")))),
      h("tbody", null,
        operation.parameters.map((/** @type {any} */ one) => row(one.name, `${one.in}, ${resolved(one.schema, document)?.type ?? "string"}`, one.required, one.description)),
        fields.map((one) => row(one.name, [one.type ?? "any"].flat().join(" or "), required.includes(one.name), one.description))))),
    h("p", { class: "quiet" }, t("Answers:"), " ", Object.entries(operation.responses).map(([status, raw], index) => [index > 0 ? "; " : "", h("code", null, status), " ", said(resolved(raw, document)?.description ?? "")])),
    h("p", null, h("a", { href: `#/try/${operation.id}` }, t("Try {0}", operation.id))));
}

const row = (/** @type {string} */ name, /** @type {string} */ type, /** @type {boolean} */ isRequired, /** @type {string} */ meaning) =>
  h("tr", null, h("td", null, h("code", null, name)), h("td", { lang: "en" }, type), h("td", null, isRequired ? t("required") : ""), h("td", { lang: "en" }, coded(meaning)));
