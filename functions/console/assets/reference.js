// Every operation with its fields and answers, and every error code.

import { description } from "./api.js";
import { fill, h } from "./dom.js";
import { operations, resolved } from "./operations.js";

export async function draw(/** @type {HTMLElement} */ main, /** @type {string[]} */ [view, wanted]) {
  const isErrors = view === "errors";
  const content = isErrors ? drawErrors(await codes(), wanted) : drawOperations(await description());
  const tabs = [["#/reference", "Endpoints", !isErrors], ["#/reference/errors", "Error codes", isErrors]];
  fill(main, h("h1", null, isErrors ? "Error codes" : "Endpoints"),
    h("p", null, tabs.map(([href, name, isCurrent]) => [h("a", { href, "aria-current": isCurrent ? "page" : null }, name), "  "])),
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
    wanted && !isKnown && h("div", { class: "note bad" }, h("p", null, `This service has no code ${wanted}.`)),
    errors.map(({ code, statuses, reason, mender, cure }) => h("section",
      { class: code === wanted ? "target found" : "target", id: code, tabindex: code === wanted ? "-1" : null },
      h("h2", null, h("code", null, code)), h("p", { class: "quiet" }, `Status ${statuses.join(" or ")}`),
      h("p", null, `${reason[0].toUpperCase()}${reason.slice(1)}.`), h("p", null, cure), h("p", { class: "quiet" }, `To be mended by ${mender}.`)))];
}

function drawOperation(/** @type {any} */ operation, /** @type {any} */ document) {
  const schema = resolved(operation.body, document);
  const fields = Object.entries(schema?.properties ?? {}).map(([name, raw]) => ({ name, ...resolved(raw, document) }));
  const required = schema?.required ?? [];
  return h("section", { id: operation.id },
    h("h2", null, operation.summary), h("p", { class: "method" }, `${operation.method} ${operation.path}`),
    operation.description && h("p", null, operation.description),
    (fields.length > 0 || operation.parameters.length > 0) && h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Fields of ${operation.id}` }, h("table", null,
      h("thead", null, h("tr", null, ["Field", "Type", "", "Meaning"].map((name) => name ? h("th", { scope: "col" }, name) : h("td")))),
      h("tbody", null,
        operation.parameters.map((/** @type {any} */ one) => row(one.name, `${one.in}, ${resolved(one.schema, document)?.type ?? "string"}`, one.required, one.description)),
        fields.map((one) => row(one.name, [one.type ?? "any"].flat().join(" or "), required.includes(one.name), one.description))))),
    h("p", { class: "quiet" }, "Answers: ", Object.entries(operation.responses).map(([status, raw], index) => [index > 0 ? "; " : "", h("code", null, status), " ", resolved(raw, document)?.description ?? ""])),
    h("p", null, h("a", { href: `#/try/${operation.id}` }, `Try ${operation.id}`)));
}

const row = (/** @type {string} */ name, /** @type {string} */ type, /** @type {boolean} */ isRequired, /** @type {string} */ meaning) =>
  h("tr", null, h("td", null, h("code", null, name)), h("td", null, type), h("td", null, isRequired ? "required" : ""), h("td", null, meaning ?? ""));
