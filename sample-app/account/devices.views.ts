import type { Session, SessionDevice } from 'nestjs-mikro-session';
import { time, timeText } from '../views/dates.js';
import { html, type Html } from '../views/html.js';
import { page } from '../views/page.js';
import { describeUserAgent } from './user-agent.js';

export function devicesPage(session: Session, devices: readonly SessionDevice[]): string {
  return page(
    'My devices',
    session,
    html`<section>
      <h1>My devices</h1>
      <p>You are signed in here:</p>
      <ul class="devices">
        ${devices.map((device) => deviceItem(device, device.id === session.id))}
      </ul>
      ${
        devices.length > 1 &&
        html`<form method="post" action="/devices/sign-out-others">
          <button class="danger">Sign out everywhere else</button>
        </form>`
      }
    </section>`,
  );
}

function deviceItem(
  { id, ip, userAgent, createdAt, authenticatedAt, lastAccessAt }: SessionDevice,
  isPresent: boolean,
): Html {
  const name = describeUserAgent(userAgent);
  const address = ip ?? 'Unknown address';
  const signedIn = authenticatedAt ?? createdAt;
  return html`<li class="panel device">
    <div>
      <h2 title="${userAgent}">${name} ${isPresent && html`<span class="tag">This device</span>`}</h2>
      <p class="muted">${address} · signed in ${time(signedIn)} · last seen ${time(lastAccessAt)}</p>
    </div>
    ${
      !isPresent &&
      html`<form method="post" action="/devices/${id}/sign-out">
        <button class="quiet" aria-label="Sign out there: ${name}, ${address}, signed in ${timeText(signedIn)}">
          Sign out there
        </button>
      </form>`
    }
  </li>`;
}
