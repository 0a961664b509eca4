// A model of FlutterFlow's importer of OpenAPI documents, and of the calls that its apps make.
//
// FlutterFlow publishes no description of its importer. The rules below were read from the Dart
// code of apps that imported documents which everybody knows. calibration.mjs has those facts.

/** The group of calls that an import makes. */
export function imported(document) {
  const calls = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
      .map(([method, operation]) => call(document, path, item, method.toUpperCase(), operation)));
  return { name: document.info.title, baseUrl: document.servers?.[0]?.url ?? '', calls };
}

function call(document, path, item, method, operation) {
  // Parameters of the path get lost beside those of the operation.
  const parameters = operation.parameters ?? item.parameters ?? [];
  const made = { headers: {}, query: {}, variables: {} };
  for (const parameter of parameters) addParameter(made, parameter, method);
  for (const name of schemes(document, operation)) addScheme(made, name, document.components.securitySchemes[name]);
  const url = path.replaceAll(/\{([^}]+)\}/g, '[$1]');
  return { name: operation.operationId ?? operation.summary ?? `${path} ${method}`, method, url, ...made, ...body(document, method, operation) };
}

function addParameter(made, { in: place, name, schema }, method) {
  made.variables[name] = variableType(schema);
  if (place === 'header') made.headers[name] = `[${name}]`;
  // The query of a request with a body gets a variable that stands nowhere.
  if (place === 'query' && ['GET', 'DELETE'].includes(method)) made.query[name] = `[${name}]`;
}

function variableType(schema) {
  if (schema?.type === 'array') return 'List<String>';
  return { integer: 'int', number: 'double', boolean: 'bool' }[schema?.type] ?? 'String';
}

/** The security schemes of an operation: its own, or else those of the document. */
function schemes(document, operation) {
  const requirements = operation.security ?? document.security ?? [];
  return requirements.flatMap((requirement) => Object.keys(requirement));
}

function addScheme(made, name, scheme) {
  const value = { bearer: `Bearer [${name}]`, basic: `Basic [${name}]` }[scheme.scheme];
  if (scheme.type === 'http' && value) made.headers.Authorization = value;
  else if (scheme.type === 'apiKey' && scheme.in === 'header') made.headers[scheme.name] = `[${name}]`;
  else return;
  made.variables[name] = 'String';
}

function body(document, method, operation) {
  if (['GET', 'DELETE'].includes(method)) return {};
  const content = operation.requestBody?.content ?? {};
  if (content['application/json']) return { bodyType: 'JSON', body: literal(document, content['application/json'].schema) };
  if (content['multipart/form-data']) return { bodyType: 'Multipart', body: null };
  return { bodyType: 'JSON', body: null };
}

/** The text of a JSON body. No variable is made of any part of a body. */
function literal(document, schema) {
  const found = resolved(document, schema);
  if (found.allOf) return null;
  if (found.type === 'string') return '""';
  return JSON.stringify(value(document, found), null, 2);
}

function value(document, schema) {
  const found = resolved(document, schema);
  if (found.example !== undefined) return found.example;
  if (found.enum) return found.enum[0];
  if (found.type === 'object' || found.properties) {
    return Object.fromEntries(Object.entries(found.properties ?? {}).map(([key, of]) => [key, value(document, of)]));
  }
  if (found.type === 'array') return [value(document, found.items)];
  return { integer: 0, number: 0, boolean: false }[found.type] ?? '';
}

function resolved(document, schema) {
  if (!schema.$ref) return schema;
  const parts = schema.$ref.split('/').slice(1);
  return resolved(document, parts.reduce((object, part) => object[part], document));
}

/** The names in a body that refer to variables, which a builder has to add. */
export function missingVariables(call) {
  const named = [...(call.body ?? '').matchAll(/<([A-Za-z_]+)>/g)].map(([, name]) => name);
  return named.filter((name) => !(name in call.variables));
}

/**
 * The request that the app sends. `escapes` is the setting of the call that escapes variables in
 * the body. Older calls write them as they are.
 */
export function request(group, call, values, { escapes = true } = {}) {
  const of = (name) => values[name] ?? '';
  const filled = (text) => text.replaceAll(/\[([A-Za-z_-]+)\]/g, (_, name) => of(name));
  const query = new URLSearchParams(Object.entries(call.query).map(([key, text]) => [key, filled(text)])).toString();
  const headers = Object.fromEntries(Object.entries(call.headers).map(([key, text]) => [key, filled(text)]));
  const written = (name) => (escapes ? escaped(of(name)) : of(name));
  const body = call.body?.replaceAll(/<([A-Za-z_]+)>/g, (_, name) => written(name));
  if (body !== undefined) headers['content-type'] = 'application/json';
  return { url: group.baseUrl + filled(call.url) + (query && `?${query}`), method: call.method, headers, body };
}

/** What FlutterFlow's `escapeStringForJson` does. */
function escaped(text) {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}
