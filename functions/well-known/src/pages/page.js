(() => {
  'use strict';

  // The token is in the fragment, which no browser sends. It leaves the address, and so the
  // history, before anything else happens.
  let token = taken();
  let about = null;
  let view = null;

  // Each page: the purposes of its links, the field that a person fills in, and its endpoint. A
  // program that opens links and presses buttons fills in nothing.
  const PAGES = {
    reset: { purposes: ['reset', 'invite'], field: 'new_password', to: 'reset' },
    verify: { purposes: ['verify'], field: 'password', to: 'verify' },
    email: { purposes: ['change'], field: 'password', to: 'email', words: 'email_page' },
    undo: { purposes: ['undo'], field: 'email', to: 'undo' },
    'sign-in': { purposes: ['sign_in'], field: null, to: 'sign-in', words: 'sign_in' },
  };
  const DISOWN = { field: 'email', to: 'disown', words: 'disown' };
  const STATES = ['link_invalid', 'link_expired', 'link_used'];

  const id = (name) => document.getElementById(name);
  const page = PAGES[document.documentElement.dataset.page];
  const language = [...(navigator.languages || []), navigator.language || '']
    .map((tag) => tag.toLowerCase().split('-')[0]).find((tag) => tag in TEXTS) || 'en';
  const texts = TEXTS[language];

  function taken() {
    const text = location.hash.slice(1);
    if (text) history.replaceState(null, '', location.pathname);
    return text;
  }

  function fill(text, values = {}) {
    const all = { app: (about && about.app) || texts.the_app, n: (about && about.password_min_length) || 8, ...values };
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in all ? all[name] : whole));
  }

  function say(name, text) {
    id(name).textContent = text;
    id(name).hidden = text === '';
  }

  // Shows a heading and a text. Everything else is hidden until it is shown again.
  function show(heading, text) {
    for (const name of ['form', 'onwards', 'retry', 'not-me']) id(name).hidden = true;
    say('heading', fill(heading));
    say('text', fill(text));
    document.title = id('heading').textContent;
    id('page').hidden = false;
    id('heading').focus();
  }

  function showForm(next, words) {
    view = { ...next, words: texts[words] };
    show(view.words.heading, view.words.lead);
    const isEmail = view.field === 'email';
    id('email-field').hidden = !isEmail;
    id('password-field').hidden = isEmail || view.field === null;
    const isNew = view.field === 'new_password';
    id('password').autocomplete = isNew ? 'new-password' : 'current-password';
    say('password-label', isNew ? texts.new_password : texts.password);
    say('rules', isNew ? fill(texts.rules) : '');
    say('email-label', texts.email);
    say('send', view.words.button);
    mistake('');
    setShown(false);
    id('form').hidden = false;
    id('not-me').hidden = view.to !== 'verify';
  }

  function showState(name) {
    show(texts[name].heading, texts[name].text);
  }

  function showDone(answer) {
    show(view.words.done_heading, view.words.done);
    const url = answer.continue_url || '';
    // The service keeps the list of apps. A script is no app in any case.
    if (url && !/^\s*(javascript|data|vbscript|blob):/i.test(url)) {
      id('back').href = url;
      say('back', fill(texts.back));
      id('onwards').hidden = false;
      if (view.to === 'sign-in') location.replace(url);
    } else {
      say('text', `${id('text').textContent} ${fill(texts.close)}`);
    }
    token = '';
  }

  // The element stays in the page without a text, so that a screen reader hears of a new one.
  function mistake(text) {
    id('mistake').textContent = text;
    const input = id(view.field === 'email' ? 'email' : 'password');
    if (text === '') input.removeAttribute('aria-invalid');
    else { input.setAttribute('aria-invalid', 'true'); input.focus(); }
  }

  async function call(path, body) {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, ...body }),
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
    });
    const answer = await response.json();
    return { ok: response.ok, answer, wait: Number(response.headers.get('retry-after')) || 60 };
  }

  async function open() {
    about = null;
    if (token === '') return showState('missing');
    const found = await call('inspect', {}).catch(() => null);
    if (found && STATES.includes(found.answer.code)) return showState(found.answer.code);
    if (!found || !found.ok) { showState('unavailable'); id('retry').hidden = false; return undefined; }
    about = found.answer;
    if (!page.purposes.includes(about.purpose)) return showState('link_invalid');
    if (about.used) return showState('link_used');
    const words = about.purpose === 'invite' ? 'invite' : page.words || page.to;
    return showForm(page, words);
  }

  function filledIn() {
    if (view.field === null) return {};
    const input = id(view.field === 'email' ? 'email' : 'password');
    const value = view.field === 'email' ? input.value.trim() : input.value;
    if (value === '') { mistake(texts.errors.fill_in); return null; }
    if (view.field === 'email' && !/^[^@\s]+@[^@\s]+$/.test(value)) {
      mistake(texts.errors.fill_in_email);
      return null;
    }
    return { [view.field]: value };
  }

  async function send(event) {
    event.preventDefault();
    if (id('send').getAttribute('aria-disabled') === 'true') return;
    const body = filledIn();
    if (body === null) return;
    mistake('');
    id('send').setAttribute('aria-disabled', 'true');
    say('send', texts.busy);
    const result = await call(view.to, body).catch(() => null);
    id('send').removeAttribute('aria-disabled');
    say('send', view.words.button);
    if (result && result.ok) { id('form').reset(); return showDone(result.answer); }
    return refused(result);
  }

  function refused(result) {
    const code = result ? result.answer.code : 'failed';
    if (STATES.includes(code)) { id('form').reset(); return showState(code); }
    const fields = (result && result.answer.fields) || [];
    const known = [...fields.map((field) => field.code), code, 'failed'].find((name) => name in texts.errors);
    const minutes = Math.ceil((result ? result.wait : 60) / 60);
    return mistake(fill(texts.errors[known], { minutes }));
  }

  function setShown(isShown) {
    id('password').type = isShown ? 'text' : 'password';
    say('show', isShown ? texts.hide : texts.show);
    id('show').setAttribute('aria-label', isShown ? texts.hide_password : texts.show_password);
  }

  document.documentElement.lang = language;
  id('form').addEventListener('submit', send);
  id('show').addEventListener('click', () => setShown(id('password').type === 'password'));
  say('not-me', texts.not_me);
  id('not-me').addEventListener('click', () => showForm(DISOWN, 'disown'));
  id('not-me').hidden = true;
  say('retry', texts.retry);
  id('retry').hidden = true;
  id('retry').addEventListener('click', open);
  // Another link that is opened in the same tab changes the fragment alone.
  addEventListener('hashchange', () => { token = taken() || token; open(); });
  addEventListener('pagehide', () => id('form').reset());
  open();
})();
