/** The list's tables, and the statements on them. */
import pg from 'pg';
import { startingItems } from '../../store.ts';
import { endOf } from './connection.ts';

const version = 1;
const lock = 0x4d43504d; // 'MCPM': the advisory lock under which one node makes the tables

/**
 * `list` has one row, which whoever adds an item holds till it is there. So ids come in the order in
 * which items do, nobody counts past the bound, and what another program adds or removes counts, too.
 */
const tables = `
  CREATE SCHEMA IF NOT EXISTS mcp_mount;
  CREATE TABLE list (version integer NOT NULL, size integer NOT NULL);
  CREATE TABLE items (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    quantity integer NOT NULL,
    purchased boolean NOT NULL
  );
  INSERT INTO list VALUES (${version}, 0);

  CREATE FUNCTION items_changed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP <> 'UPDATE' THEN
      UPDATE mcp_mount.list SET size = size + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
    END IF;
    PERFORM pg_notify('mcp_mount', coalesce(current_setting('mcp_mount.writer', true), ''));
    RETURN NULL;
  END $$;
  CREATE TRIGGER items_changed AFTER INSERT OR UPDATE OR DELETE ON items
    FOR EACH ROW EXECUTE FUNCTION items_changed();`;

/** Each a name under which a connection keeps its plan, and at most one write, so that it is one transaction. */
export const statements = {
  list: { name: 'list', text: 'SELECT * FROM items ORDER BY id' },
  get: { name: 'get', text: 'SELECT * FROM items WHERE id = $1' },
  add: {
    name: 'add',
    text: `WITH room AS (SELECT FROM list WHERE size < $4::integer FOR UPDATE)
      INSERT INTO items (name, quantity, purchased)
      SELECT $1::text, $2::integer, $3::boolean FROM room RETURNING *`,
  },
  update: {
    name: 'update',
    text: `UPDATE items SET name = coalesce($2, name), quantity = coalesce($3, quantity),
      purchased = coalesce($4, purchased) WHERE id = $1 RETURNING *`,
  },
  remove: { name: 'remove', text: 'DELETE FROM items WHERE id = $1 RETURNING *' },
};

/** Makes the tables where there are none, by whichever node comes first. */
export async function setUp(config: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(config);
  client.on('error', () => {}); // what it was asked rejects as well
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [lock]);
    await createOrRecognize(client);
    await client.query('COMMIT');
  } finally {
    await endOf(client); // which rolls back what was not committed
  }
}

async function createOrRecognize(client: pg.Client): Promise<void> {
  const found = await client.query("SELECT to_regclass('mcp_mount.list') IS NOT NULL AS known");
  if (!found.rows[0].known) return create(client);
  const { rows } = await client.query('SELECT version FROM list');
  if (rows[0]?.version !== version)
    throw new Error(`it has version ${rows[0]?.version} of the list's tables, and not ${version}`);
}

async function create(client: pg.Client): Promise<void> {
  await client.query(tables);
  const insert = 'INSERT INTO items (name, quantity, purchased) VALUES ($1, $2, $3)';
  for (const { name, quantity, purchased } of startingItems)
    await client.query(insert, [name, quantity, purchased]);
}
