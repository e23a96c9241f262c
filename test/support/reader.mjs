// A second process: reads rows of sessions by a connection of its own, and answers what it finds.
import pg from 'pg';

const client = new pg.Client({ connectionString: process.argv[2] });
await client.connect();
process.on('message', ({ number, id }) => {
  client.query('select data from sessions where id = $1', [id], (error, result) => {
    if (error) throw error;
    process.send({ number, data: result.rows[0]?.data ?? null });
  });
});
process.on('disconnect', () => void client.end());
process.send({ number: 0 });
