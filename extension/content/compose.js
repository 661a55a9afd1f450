/* SPDX-License-Identifier: MIT */
/*
 * The switch beside each compose window's Send button, and the memory of how it
 * stood: Gmail takes the window away before it sends. Finds things by what they
 * are, never by words of a language.
 */
(globalThis.mailtrackContent ??= {}).compose = (() => {
  'use strict';
  const { worker } = globalThis.mailtrackContent;
  const EDITOR = '[g_editable="true"][contenteditable]';
  const BAR = '.IZ .Up';
  const SEND = '.IZ .Up div > div[role="button"]:not(.Uo):not([aria-haspopup])';
  const CLIMB = 30;
  /* longer than Gmail waits for an undo */
  const SEEN_WITHIN = 40000;
  const MEMORY = 200;
  const drafts = new Map();       /* root -> {on, button, id, subject, touched} */
  let onMissed = () => {};
  const past = [];                /* the same of windows that are gone */
  let config = { configured: false, on: true, problem: '' };

  /* The compose window an editor is in: a dialog, or, for a reply, the smallest
   * thing around it that has its bar or its draft's field. */
  function rootOf(editor) {
    const dialog = editor.closest('div[role="dialog"]');
    if (dialog) return dialog;
    let root = editor.parentElement;
    for (let n = 0; root && n < CLIMB; n++, root = root.parentElement) {
      if (root.querySelectorAll(EDITOR).length > 1) return null;
      if (root.querySelector(`${BAR}, input[name="draft"]`)) return root;
    }
    return null;
  }

  const value = (root, name) =>
    root.querySelector(`input[name="${name}"]`)?.value ?? '';

  /* Another window may be the one that sends it. */
  function share({ touched, id, on }) {
    if (touched && id) worker.ask('switched', { id, on });
  }

  /* What tells this window from others when its mail is sent. */
  function note(root, draft) {
    const id = /msg-[a-z]+:[\w-]+/.exec(value(root, 'draft'))?.[0];
    if (id && id !== draft.id) {
      draft.id = id;
      share(draft);
    }
    draft.subject = value(root, 'subjectbox') || draft.subject;
  }

  const noteAll = () => drafts.forEach((draft, root) => note(root, draft));

  function show(draft) {
    const { button, on } = draft;
    const { configured, problem } = config;
    button.classList.toggle('mailtrack-on', on && configured);
    button.classList.toggle('mailtrack-warn', Boolean(problem) || !configured);
    button.setAttribute('aria-pressed', String(on));
    button.textContent = !configured ? 'Set up Mailtrack'
      : on ? (problem ? '⚠ Tracked?' : '✓ Tracked') : 'Not tracked';
    button.title = !configured ? 'Mailtrack does not know its server yet.'
      : problem ? `Mailtrack: ${problem}`
        : on ? 'Mailtrack: this mail will be tracked. Click to leave it alone.'
          : 'Mailtrack: this mail will be left alone. Click to track it.';
  }

  function press(event, draft) {
    event.preventDefault();
    event.stopPropagation();
    if (!config.configured) {
      worker.ask('options');
      return;
    }
    draft.on = !draft.on;
    draft.touched = true;
    share(draft);
    show(draft);
  }

  function add(root) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'mailtrack-switch';
    const draft = { on: config.on, button, id: '', subject: '', touched: false };
    button.addEventListener('click', (event) => press(event, draft));
    /* without a bar we know, it stands below: visible all the same */
    (root.querySelector(BAR) ?? root).append(button);
    drafts.set(root, draft);
    note(root, draft);
    show(draft);
  }

  function scan() {
    for (const [root, draft] of drafts) {
      if (root.isConnected && root.querySelector(EDITOR)) {
        if (!draft.button.isConnected) {
          (root.querySelector(BAR) ?? root).append(draft.button);
        }
        note(root, draft);
      } else {
        drafts.delete(root);
        draft.button.remove();
        past.unshift(draft);
        past.length = Math.min(past.length, MEMORY);
      }
    }
    for (const editor of document.querySelectorAll(EDITOR)) {
      const root = rootOf(editor);
      if (root && !drafts.has(root)) add(root);
    }
  }

  /* -- sent, and the request never seen -------------------------------------- */

  const isSendKey = (event) => event.type === 'keydown' && event.key === 'Enter' &&
    (event.ctrlKey || event.metaKey);
  const isSendClick = (event) => event.type === 'click' &&
    event.target.closest?.(SEND);

  /* A click or a key may send: the fields are read before Gmail acts on it. */
  function acted(event) {
    noteAll();
    if (!isSendKey(event) && !isSendClick(event)) return;
    const [root, draft] = [...drafts].find(([one]) => one.contains(event.target)) ?? [];
    if (!draft?.on || !config.configured || draft.due) return;
    draft.due = setTimeout(() => {
      draft.due = 0;
      if (!root.isConnected) onMissed();
    }, SEEN_WITHIN);
  }
  for (const type of ['mousedown', 'click', 'keydown']) {
    document.addEventListener(type, acted, true);
  }

  /* The request of a mail has been seen: this window's, or, when its draft has
   * no name yet, that of any which waits. */
  function seen({ id }) {
    const all = [...drafts.values(), ...past].filter((draft) => draft.due);
    const draft = all.find((one) => one.id === id) ?? all.find((one) => !one.id);
    if (draft) {
      clearTimeout(draft.due);
      draft.due = 0;
    }
  }

  /*
   * How did the switch of this mail stand? By the draft's id; else by subject,
   * and if any window that may be meant says no, the answer is no. Undefined:
   * nobody has touched one here.
   */
  function wants({ id, subject }) {
    noteAll();
    const all = [...drafts.values(), ...past];
    const exact = all.find((draft) => draft.id === id);
    if (exact?.touched) return exact.on;
    const unnamed = all.filter((draft) => !draft.id && draft.touched &&
      draft.subject === subject);
    return unnamed.length ? unnamed.every((draft) => draft.on) : undefined;
  }

  function configure(now) {
    const before = config.on;
    config = now;
    for (const draft of drafts.values()) {
      if (!draft.touched && before !== now.on) draft.on = now.on;
      show(draft);
    }
  }

  return { configure, scan, seen, wants,
    set onMissed(listener) { onMissed = listener; } };
})();
