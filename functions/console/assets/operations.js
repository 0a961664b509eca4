// Reads the description of the API (OpenAPI 3.1).

const METHODS = ["get", "post", "put", "patch", "delete"];

/** A schema or parameter, with the reference in its place followed. @returns {any} */
export function resolved(/** @type {any} */ part, /** @type {any} */ document) {
  if (!part?.$ref) return part;
  return part.$ref.replace(/^#\//, "").split("/").reduce((/** @type {any} */ at, /** @type {string} */ key) => at?.[key], document);
}

/** Every operation, in the order of the document. @returns {any[]} */
export function operations(/** @type {any} */ document) {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) => METHODS.filter((method) => method in item).map((method) => {
    const operation = item[method];
    return {
      id: operation.operationId, path, method: method.toUpperCase(), summary: operation.summary ?? operation.operationId,
      description: operation.description ?? "", tags: operation.tags ?? [],
      parameters: (operation.parameters ?? []).map((/** @type {any} */ one) => resolved(one, document)),
      body: resolved(operation.requestBody, document)?.content?.["application/json"]?.schema ?? null,
      responses: operation.responses ?? {}, security: operation.security ?? document.security ?? [],
    };
  }));
}
