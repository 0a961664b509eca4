// Makes requests, in the form that every client of these tests accepts.

import { json } from './support.mjs';

export function get(path, headers) {
  return { method: 'GET', path, headers };
}

export function post(path, value, headers, method = 'POST') {
  return { path, ...json(method, value, headers) };
}

function text(path, body, headers = {}) {
  return { method: 'POST', path, headers: { 'content-type': 'application/json', ...headers }, body };
}

export function form(path, fields, headers) {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return text(path, String(new URLSearchParams(fields)), { ...headers, ...type });
}

export function bearer({ session }) {
  return { authorization: `Bearer ${session.access_token}` };
}
