// What an application gives SessionModule.forRoot(), in a file of its own for the command line.
import { passportSession } from 'nestjs-mikro-session';

const table = process.env.OLD_TABLE;

export default {
  idleTimeout: '1h',
  encryption: { keys: ['a'.repeat(64)] },
  adopt: {
    secret: process.env.OLD_SECRET,
    ...(table && {
      table,
      toSession: (old) => {
        if (old.passport?.user === 'broken') throw new TypeError('no such user');
        return passportSession(old);
      },
    }),
  },
};
