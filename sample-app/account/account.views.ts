import type { Session } from 'nestjs-mikro-session';
import { time } from '../views/dates.js';
import { html, type Html } from '../views/html.js';
import { nameOf, page } from '../views/page.js';
import { DEMO_ACCOUNTS, STAFF } from './users.js';

export function loginPage(session: Session, next: string): string {
  return page(
    'Sign in',
    session,
    html`<section class="panel narrow">
      <h1>Sign in</h1>
      <form method="post" action="/login" class="stack">
        <input type="hidden" name="next" value="${next}" />
        <label>Name <input name="user" autocomplete="username" required autofocus /></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
        <label class="check"><input name="remember" type="checkbox" value="yes" /> Remember me for 30 days</label>
        <button>Sign in</button>
      </form>
      <div class="hint">
        <p>Try one of these:</p>
        <ul>
          ${DEMO_ACCOUNTS.map(demoAccount)}
        </ul>
      </div>
    </section>`,
  );
}

function demoAccount({ id, password, roles }: (typeof DEMO_ACCOUNTS)[number]): Html {
  return html`<li>
    <code>${id}</code> with <code>${password}</code>: ${roles.join(', ')};
    ${roles.includes(STAFF) ? 'may see the page Staff' : 'may not'}
  </li>`;
}

/** What the sign-in page is for a user who is signed in. */
export function signedInPage(session: Session, next: string): string {
  return page(
    'Signed in',
    session,
    html`<section class="panel narrow">
      <h1>You are signed in</h1>
      <p>You are signed in as ${nameOf(session)}. Sign out first to sign in as another user.</p>
      <p><a class="button" href="${next}">Go on</a></p>
    </section>`,
  );
}

export function profilePage(session: Session): string {
  const { avatar } = session;
  return page(
    'Profile',
    session,
    html`<section class="panel narrow">
      <h1>${nameOf(session)}</h1>
      <dl>
        <dt>Name to sign in with</dt>
        <dd>${avatar.identity}</dd>
        <dt>Roles</dt>
        <dd>${avatar.roles.map((role) => html`<span class="tag">${role}</span> `)}</dd>
        <dt>Signed in until, if you stay away</dt>
        <dd>${time(session.expiresAt)}</dd>
      </dl>
      <p><a href="/devices">Where am I signed in?</a></p>
    </section>`,
  );
}
