// A second process: reads rows of sessions by connections of its own, and answers what it finds, or what is in the way.
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.argv[2], max: 4 });
pool.on('error', () => {});
process.on('message', ({ number, id }) => {
  pool.query('select data from sessions where id = $1', [id], (error, result) => {
    process.send(error ? { number, error: error.message } : { number, data: result.rows[0]?.data ?? null });
  });
});
process.on('disconnect', () => void pool.end());
process.send({ number: 0 });
