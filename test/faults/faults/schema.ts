import type { Fault } from '../fault.js';

const AWAY = 1_500;

/** The table changes while the application runs. */
export const SCHEMA: readonly Fault[] = [
  {
    name: 'table-missing',
    title: 'the table renamed, and back',
    run: altered('alter table sessions rename to elsewhere', 'alter table elsewhere rename to sessions'),
  },
  {
    name: 'column-missing',
    title: 'a column renamed, and back',
    run: altered(
      'alter table sessions rename column user_agent to elsewhere',
      'alter table sessions rename column elsewhere to user_agent',
    ),
  },
  {
    name: 'column-added',
    title: 'a column added, with a default',
    async run(world) {
      await world.query('alter table sessions add column besides text not null default gen_random_uuid()::text');
    },
  },
  {
    name: 'column-altered',
    title: 'the type of columns altered, and back',
    run: altered(
      'alter table sessions alter column user_id type varchar(200), alter column ip type varchar(99)',
      'alter table sessions alter column user_id type text, alter column ip type text',
    ),
  },
];

/** The table is altered for a while. @param back how it is made as it was */
function altered(there: string, back: string): Fault['run'] {
  return async (world) => {
    await world.query(there);
    await world.during(AWAY);
    await world.query(back);
  };
}
