import type { SessionModuleOptions } from 'nestjs-mikro-session';

/** The environment variable that has the {@link ApplicationSettings}, as JSON. */
export const SETTINGS = 'FAULTS_APPLICATION';

export interface ApplicationSettings {
  readonly port: number;
  readonly url: string;
  /** Its connections' `application_name`. */
  readonly name: string;
  /** How many connections MikroORM's pool has. */
  readonly pool: number;
  readonly options: SessionModuleOptions;
}

/** What the process tells the one that started it. */
export type Report =
  | { readonly isListening: true }
  | { readonly unhandled: string }
  | { readonly uncaught: string }
  /** What was answered with 500. */
  | { readonly failure: string };

/** What a request saw of its session. */
export interface State {
  readonly id: string;
  readonly userId: string | null;
  /** The number that was written last. */
  readonly last?: number;
  /** What was incremented. */
  readonly count?: number;
}
