/* SPDX-License-Identifier: MIT */
/* "Probe now": the trip of one probe, shown step by step as it happens. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { api } from './api.js';
import { openDialog } from './dialog.js';
import { icon } from './icons.js';
import { proberNotice } from './prober.js';
import { href } from './router.js';
import { latencyWords, monitorBadge, replyWords } from './route-words.js';
import { sayProblem } from './toast.js';

const EVERY = 300;

async function newest(id) {
  return (await api(`monitors/${id}/probes`, { params: { limit: 1 } })).data[0] ?? null;
}

/* [words, more, done, failed]; the first that is not done is under way. */
function steps(probe) {
  const { sending } = probe ?? {};
  const over = Boolean(probe?.decided_at);
  const refused = probe?.outcome === 'send-failed';
  return [
    ['Asked', nothing, true],
    ['mailprobe takes it up', nothing, Boolean(probe)],
    [refused ? 'Not accepted' : probe?.sent_at ? 'Accepted by the sending server'
      : 'Given to the sending server',
    sending?.reply ? replyWords(sending) : nothing,
    Boolean(probe?.sent_at), refused],
    [probe?.outcome === 'bounced' ? 'It came back'
      : probe?.outcome === 'missing' ? 'Not seen in the mailbox'
        : probe?.outcome === 'blind' ? 'The mailbox cannot be watched'
          : probe?.seen_at ? `Seen in ${probe.folder ?? 'the mailbox'} after ${
            latencyWords(probe.latency_us)}` : 'Seen in the mailbox',
    (probe?.outcome !== 'ok' && probe?.detail) || nothing, Boolean(probe?.seen_at),
    over && !probe.seen_at],
  ];
}

function tripView(state, dialog) {
  const list = steps(state.probe);
  const at = list.findIndex(([, , done, failed]) => !done || failed);
  const over = Boolean(state.probe?.decided_at);
  return html`${proberNotice(state.prober)}
    <ol class="trip" aria-live="polite">${list.map(([words, more, done, failed], n) =>
      html`<li class=${failed ? 'bad' : done ? 'done' : n === at && !over ? 'now' : ''}>
        <span class="step">${icon(failed ? 'close' : done ? 'check' : 'clock')}</span>
        <div>${words}${more === nothing ? nothing
          : html`<small class="faint">${more}</small>`}</div></li>`)}</ol>
    ${over ? html`<p class="trip-end">${monitorBadge(state.probe.outcome)}
        ${state.probe.latency_us !== null ? html`<b>${
          latencyWords(state.probe.latency_us)}</b>` : nothing}</p>
      <footer><a role="button" class="quiet" href=${href('monitor',
        { id: state.id, probe: state.probe.id })} @click=${dialog.close}
        >Show this probe</a><button type="button" @click=${dialog.close}>Done</button>
      </footer>` : html`<p class="faint">You can close this: the probe goes on, and
        its end shows in the history.</p>`}`;
}

export async function probeNow(monitor) {
  const state = { id: monitor.id, probe: null, prober: null };
  let closed = false;
  let before = null;
  try {
    before = await newest(monitor.id);
    state.prober = (await api(`monitors/${monitor.id}/probe-now`,
      { method: 'POST', json: {} })).data.prober;
  } catch (problem) {
    sayProblem(problem);
    return;
  }
  const shown = openDialog(`Probe: ${monitor.name}`, (dialog) => {
    state.dialog = dialog;
    return tripView(state, dialog);
  });
  shown.then(() => { closed = true; });
  while (!closed && !state.probe?.decided_at) {
    await new Promise((resolve) => { setTimeout(resolve, EVERY); });
    try {
      if (state.probe) {
        state.probe = (await api(`monitors/${monitor.id}/probes/${state.probe.id}`)).data;
      } else {
        const probe = await newest(monitor.id);
        if (probe && probe.id !== before?.id) state.probe = probe;
      }
      state.dialog?.draw();
    } catch (problem) {
      if (problem.status === 401 || problem.status === 404) break;
    }
  }
  await shown;
}
