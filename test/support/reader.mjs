// A second process: reads rows of sessions by connections of its own, and answers what it finds.
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.argv[2], max: 4 });
process.on('message', ({ number, id }) => {
  pool.query('select data from sessions where id = $1', [id], (error, result) => {
    if (error) throw error;
    process.send({ number, data: result.rows[0]?.data ?? null });
  });
});
process.on('disconnect', () => void pool.end());
process.send({ number: 0 });
