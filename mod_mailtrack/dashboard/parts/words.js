/* SPDX-License-Identifier: MIT */
/* What the data means, in words. Nothing here is ever "unread". Pure. */
import { plural, spanWords } from './time.js';

export const STATES = {
  opened: 'Opened',
  unopened: 'No open seen',
  possible: 'Cannot tell',
};

export const STATE_HELP = {
  opened: 'Somebody opened it, as far as a picture can tell.',
  unopened: 'No open seen. It may have been read without loading pictures.',
  possible: 'A mail program loaded the picture by itself. It arrived; ' +
    'whether it was opened nobody can tell.',
};

export const VERDICTS = {
  human: 'A person',
  proxied: 'A person, through a mail service',
  prefetch: 'Loaded ahead',
  scanner: 'Security scanner',
  bot: 'Program',
  self: 'The sender',
};

export const VENDORS = {
  apple: 'Apple', google: 'Google', yahoo: 'Yahoo', microsoft: 'Microsoft',
  proofpoint: 'Proofpoint', mimecast: 'Mimecast', barracuda: 'Barracuda',
};

/* Whose mail system has it, where only that is known. */
export function reachedWords(reached) {
  return reached === 'apple' ? 'reached an Apple Mail inbox'
    : `reached an inbox at ${VENDORS[reached] ?? reached}`;
}

/* "2 opens · 3 automated fetches" */
export function hitWords(track) {
  const parts = [];
  if (track.real_open_count) parts.push(plural(track.real_open_count, 'open'));
  else if (track.reached) parts.push(reachedWords(track.reached));
  else if (track.state === 'possible') parts.push('arrived; opens cannot be told');
  if (track.real_open_count && track.possible_count) {
    parts.push(`${track.possible_count} that may be opens`);
  }
  if (track.automated_count) {
    parts.push(plural(track.automated_count, 'automated fetch',
      'automated fetches'));
  }
  if (track.self_count) parts.push(`${track.self_count} of your own`);
  return parts.join(' · ') || 'not fetched yet';
}

export function delayWords(track) {
  return track.first_open_delay === null ? ''
    : `opened after ${spanWords(track.first_open_delay * 1000)}`;
}

/* What a score of 0 to 100 is made of: [name, of how many, what it says]. */
export const SCORE_PARTS = [
  ['open_rate', 50, 'Open rate', 'how many of the mails are opened'],
  ['recency', 25, 'Recency', 'how lately one was; nothing is left after 90 days'],
  ['consistency', 25, 'Consistency', 'how many of the newest 20 are'],
];

/* "Score 81 of 100: open rate 38 of 50, recency 25 of 25, ..." */
export function scoreWords(score) {
  if (!score) return 'No score: of no mail one can tell whether it was opened';
  const parts = SCORE_PARTS.map(([name, most, words]) =>
    `${words.toLowerCase()} ${Math.round(score[name])} of ${most}`);
  return `Score ${Math.round(score.value)} of 100: ${parts.join(', ')}`;
}

export function personWords(address) {
  return address.name || address.address;
}

/* "Ann Doe, Bob and 3 more" */
export function peopleWords(recipients) {
  const names = recipients.slice(0, 2).map(personWords);
  const more = recipients.length - names.length;
  if (more > 0) return `${names.join(', ')} and ${more} more`;
  return names.join(' and ');
}

export const subjectWords = (subject) => subject || 'No subject';

export function placeWords(hit) {
  return [hit.city, hit.country].filter(Boolean).join(', ');
}
/* Of the newest open; short, as it stands in a list. */
export const lastPlace = (track) => track.last_city || track.last_country || '';

const SYSTEMS = [
  [/iPhone/, 'an iPhone'], [/iPad/, 'an iPad'], [/Android/, 'Android'],
  [/Windows/, 'Windows'], [/Mac OS X|Macintosh/, 'a Mac'],
  [/CrOS/, 'ChromeOS'], [/Linux|X11/, 'Linux'],
];
const PROGRAMS = [
  [/GoogleImageProxy/, "Gmail's image proxy"],
  [/YahooMailProxy/, "Yahoo Mail's image proxy"],
  [/Thunderbird|Betterbird/, 'Thunderbird'],
  [/Outlook-iOS|Outlook-Android/, 'Outlook'],
  [/Microsoft Outlook|MSOffice|ms-office/i, 'Outlook'],
  [/Edg(?:e|A|iOS)?\//, 'Edge'], [/OPR\//, 'Opera'],
  [/SamsungBrowser/, 'Samsung Internet'], [/Vivaldi/, 'Vivaldi'],
  [/Firefox|FxiOS/, 'Firefox'], [/Chrome\/|CriOS/, 'Chrome'],
  [/Safari\//, 'Safari'], [/AppleWebKit/, 'Apple Mail'],
  [/^curl\//i, 'curl'], [/^Wget/i, 'wget'], [/python|aiohttp/i, 'a Python program'],
  [/^Go-http/, 'a Go program'], [/^Java|okhttp/i, 'a Java program'],
  [/bot|crawl|spider|scan/i, 'a robot'],
];

/* "Thunderbird on Linux": the program and device a user agent claims. */
export function deviceWords(agent) {
  if (!agent) return 'a program that does not say its name';
  const program = PROGRAMS.find(([pattern]) => pattern.test(agent))?.[1];
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  if (program?.includes('proxy')) return program;
  if (program && system) return `${program} on ${system}`;
  if (program || system) return program ?? `a program on ${system}`;
  if (/^Mozilla\/5\.0$/.test(agent.trim())) {
    return 'a program that hides its name';
  }
  const [name] = agent.trim().split(/[\s/(;]/);
  return name.length > 40 ? `${name.slice(0, 40)}…` : name || 'a program';
}

/* Gmail's own search for a mail one has sent. */
export function gmailSearch(track) {
  const words = ['in:sent'];
  if (track.recipients[0]) words.push(`to:${track.recipients[0].address}`);
  if (track.subject) words.push(`subject:"${track.subject.replace(/"/g, ' ')}"`);
  return 'https://mail.google.com/mail/u/0/#search/' +
    encodeURIComponent(words.join(' '));
}

export function snippet(track) {
  const url = track.pixel_url.replace(/&/g, '&amp;').replace(/"/g, '&quot;');
  return `<img src="${url}" width="1" height="1" alt="">`;
}
