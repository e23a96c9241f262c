// A test runner for Stryker, over Jest's own parts. What it calls a test is a spec file: it runs those files alone that came by
// a mutant, in one process, until one of them fails. (Stryker's runner for Jest loads every file for every mutant.)
import { globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from 'jest-config';
import JestRunner from 'jest-runner';
import { TestWatcher } from 'jest-watcher';
import { instrumentation } from './instrumented-environment.mjs';

const Runtime = createRequire(import.meta.url)('jest-runtime').default;
/** Stryker's numbers for the outcome of a test. */
const SUCCESS = 0;
const FAILED = 1;

class SpecsRunner {
  #specs;
  /** How long a test may take, in milliseconds: a mutant may have it wait for ever. */
  #testTimeout;
  #globalConfig;
  #context;
  /** How long each spec took when it last passed, in milliseconds. */
  #durations = new Map();
  /** Of each source file, the spec that killed its latest mutant: likely to kill the next one as well. */
  #latestKillers = new Map();

  constructor({ specs, testTimeout = 10_000 }) {
    this.#testTimeout = testTimeout;
    const isLeftOut = (glob) => glob.startsWith('!');
    const exclude = specs.filter(isLeftOut).map((glob) => glob.slice(1));
    this.#specs = globSync(
      specs.filter((glob) => !isLeftOut(glob)),
      { exclude },
    ).toSorted();
  }

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    // What a mutant has left behind must not end the process while another one is tested.
    process.on('unhandledRejection', () => {});
    process.on('uncaughtException', () => {});
    const { globalConfig, projectConfig } = await readConfig(
      { _: [], $0: '', silent: true },
      resolve('jest.config.mjs'),
    );
    const testTimeout = this.#testTimeout;
    this.#globalConfig = { ...globalConfig, testTimeout };
    // This very file's neighbour, not its copy in Stryker's sandbox: they share `instrumentation`.
    const testEnvironment = fileURLToPath(import.meta.resolve('./instrumented-environment.mjs'));
    const config = { ...projectConfig, testEnvironment, testTimeout };
    this.#context = await Runtime.createContext(config, { console, maxWorkers: 1, watch: false, watchman: false });
  }

  async dryRun() {
    const tests = [];
    const mutantCoverage = { static: {}, perTest: {} };
    for (const spec of this.#specs) {
      const context = { currentTestId: spec, mutantCoverage: { static: {}, perTest: {} } };
      const { failure, duration } = await this.#run(spec, context);
      const outcome = failure === null ? { status: SUCCESS } : { status: FAILED, failureMessage: failure };
      tests.push({ id: spec, name: spec, fileName: resolve(spec), timeSpentMs: duration, ...outcome });
      Object.assign(mutantCoverage.perTest, context.mutantCoverage.perTest);
    }
    return { status: 'complete', tests, mutantCoverage };
  }

  async mutantRun({ activeMutant, sandboxFileName, testFilter, hitLimit }) {
    const context = { activeMutant: activeMutant.id, hitLimit, hitCount: hitLimit === undefined ? undefined : 0 };
    const specs = this.#inOrder(testFilter ?? this.#specs, sandboxFileName);
    for (const [index, spec] of specs.entries()) {
      const { failure } = await this.#run(spec, context);
      if (context.hitCount > hitLimit) return { status: 'timeout', reason: `Hit more than ${hitLimit} times` };
      if (failure === null) continue;
      this.#latestKillers.set(sandboxFileName, spec);
      return { status: 'killed', killedBy: [spec], failureMessage: failure, nrOfTests: index + 1 };
    }
    return { status: 'survived', nrOfTests: specs.length };
  }

  #inOrder(specs, source) {
    const cost = (spec) => (spec === this.#latestKillers.get(source) ? 0 : (this.#durations.get(spec) ?? 0));
    return specs.toSorted((one, other) => cost(one) - cost(other));
  }

  /** @returns the first failure, `null` if there is none */
  async #run(spec, context) {
    instrumentation.context = context;
    const runner = new JestRunner(this.#globalConfig, {});
    let failure = `${spec} did not run`;
    runner.on('test-file-success', ([, result]) => (failure = firstFailure(result)));
    runner.on('test-file-failure', ([, error]) => (failure = String(error.stack ?? error.message ?? error)));
    const start = performance.now();
    await runner.runTests([{ context: this.#context, path: resolve(spec) }], new TestWatcher({ isWatchMode: false }), {
      serial: true,
    });
    const duration = performance.now() - start;
    if (failure === null) this.#durations.set(spec, duration);
    return { failure, duration };
  }
}
SpecsRunner.inject = ['options'];

function firstFailure({ testExecError, testFilePath, testResults }) {
  const failed = testResults.find(({ status }) => status === 'failed');
  if (failed) return `${failed.fullName}\n${failed.failureMessages.join('\n')}`;
  return testExecError ? `${relative('.', testFilePath)}\n${testExecError.stack ?? testExecError.message}` : null;
}

const factory = (options) => new SpecsRunner(options);
factory.inject = ['options'];

export const strykerPlugins = [{ kind: 'TestRunner', name: 'specs', factory }];

export const strykerValidationSchema = {
  properties: {
    specs: {
      description: 'Which specs to run, as globs; without those that begin with "!"',
      type: 'array',
      items: { type: 'string' },
    },
    testTimeout: { description: 'How long a test may take, in milliseconds', type: 'number' },
  },
};
