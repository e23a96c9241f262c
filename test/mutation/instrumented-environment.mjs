import { TestEnvironment } from 'jest-environment-node';

/** Where the instrumented code of a spec reads which mutant is active, and counts which ones it comes by. */
export const instrumentation = { context: {} };

/** Node, for specs of instrumented code. After the first failure the rest of a spec is skipped: its mutant is killed. */
export default class InstrumentedEnvironment extends TestEnvironment {
  #hasFailed = false;

  constructor(config, context) {
    super(config, context);
    this.global.__stryker__ = instrumentation.context;
  }

  async handleTestEvent({ name, test }) {
    if (name === 'test_done') this.#hasFailed ||= test.errors.length > 0;
    else if (name === 'test_start' && this.#hasFailed) test.mode = 'skip';
  }
}
