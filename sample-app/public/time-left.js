// Counts down to the end of the session. Without this file, the page says when it ends, and the form still works.
const bar = document.querySelector('.time-left');
const left = bar.querySelector('[data-left]');
const notice = bar.querySelector('.notice');
const form = bar.querySelector('form');

/** Seconds before the end from which on it shows. */
const SOON = 120;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let endsAt;
let isOver = false;

setTimeLeft(Number(bar.dataset.seconds));
setInterval(show, 1_000);
// Another tab may have gone on meanwhile.
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void ask('GET'));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void ask('POST');
});

function setTimeLeft(seconds) {
  endsAt = Date.now() + seconds * 1_000;
  notice.textContent = '';
  show();
}

function show() {
  if (isOver) return;
  const seconds = Math.max(0, Math.round((endsAt - Date.now()) / 1_000));
  left.textContent = ` · ${inWords(seconds)} left`;
  bar.classList.toggle('soon', seconds <= SOON);
  if (seconds <= SOON && notice.textContent === '') notice.textContent = 'You will be signed out soon.';
  if (seconds === 0) void ask('GET');
}

function inWords(seconds) {
  if (seconds >= 2 * DAY) return `${Math.round(seconds / DAY)} days`;
  if (seconds >= HOUR) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  return `${Math.floor(seconds / MINUTE)}:${String(seconds % MINUTE).padStart(2, '0')}`;
}

/** Asks how long the session lasts: with POST, it is renewed. */
async function ask(method) {
  const response = await fetch('/time-left', { method, headers: { accept: 'application/json' } }).catch(() => null);
  if (response?.ok) {
    const { secondsLeft } = await response.json();
    if (secondsLeft > 0) setTimeLeft(secondsLeft);
  } else if (response?.status === 401) {
    isOver = true;
    bar.classList.add('soon');
    bar.querySelector('p').hidden = true;
    form.hidden = true;
    notice.replaceChildren('You are signed out. ', signInLink());
  }
}

function signInLink() {
  const link = document.createElement('a');
  link.href = `/login?${new URLSearchParams({ next: location.pathname + location.search })}`;
  link.textContent = 'Sign in again';
  return link;
}
