/* SPDX-License-Identifier: MIT */
/* One view, drawn again when somebody says so, at most once a frame. */
import { render } from '../vendor/lit-html/lit-html.js';

let view = null;
let root = null;
let wanted = false;

export function start(viewFunction, element) {
  view = viewFunction;
  root = element;
  draw();
}

function draw() {
  wanted = false;
  render(view(), root);
}

export function update() {
  if (wanted || !view) return;
  wanted = true;
  queueMicrotask(draw);
}
