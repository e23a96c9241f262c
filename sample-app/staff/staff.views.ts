import type { Session } from 'nestjs-mikro-session';
import { STAFF } from '../account/users.js';
import { html } from '../views/html.js';
import { page } from '../views/page.js';

export function staffPage(session: Session, liveSessions: number): string {
  return page(
    'Staff',
    session,
    html`<section class="panel narrow">
      <h1>Staff</h1>
      <dl>
        <dt>Live sessions</dt>
        <dd>${liveSessions}</dd>
      </dl>
      <p class="muted">Only users with the role <span class="tag">${STAFF}</span> see this page; all others get 403.</p>
    </section>`,
  );
}
