/**
 * A TCP stream for where iperf3 is missing. `serve` listens on port 5201 of an address; `send` and `receive` move bytes to
 * or from there for some seconds and print the bits per second that arrived.
 *
 * Arguments: serve ADDRESS | send ADDRESS SECONDS | receive ADDRESS SECONDS
 */
const PORT = 5201;
const CHUNK_LENGTH = 128 * 1024;

async function count(connection: Deno.Conn): Promise<number> {
  const buffer = new Uint8Array(CHUNK_LENGTH);
  let total = 0;
  for (let read = await connection.read(buffer); read !== null; read = await connection.read(buffer)) total += read;
  return total;
}

async function fill(connection: Deno.Conn, untilMs: number): Promise<void> {
  const chunk = new Uint8Array(CHUNK_LENGTH);
  while (performance.now() < untilMs) await connection.write(chunk);
  await connection.closeWrite();
}

/** One connection: its first two bytes say the direction and for how many seconds. */
async function answer(connection: Deno.Conn): Promise<void> {
  const head = new Uint8Array(2);
  await connection.read(head);
  if (head[0] === 1) await fill(connection, performance.now() + head[1]! * 1000);
  else await connection.write(new TextEncoder().encode(`${await count(connection)}`));
  connection.close();
}

async function measure(address: string, seconds: number, isReceive: boolean): Promise<number> {
  const connection = await Deno.connect({ hostname: address, port: PORT });
  await connection.write(Uint8Array.of(isReceive ? 1 : 0, seconds));
  const startedAt = performance.now();
  let total: number;
  if (isReceive) total = await count(connection);
  else {
    await fill(connection, startedAt + seconds * 1000);
    total = Number(await new Response(connection.readable).text());
  }
  return total * 8000 / (performance.now() - startedAt);
}

const [verb, address = "", seconds] = Deno.args;
if (verb === "serve") {
  for await (const connection of Deno.listen({ hostname: address, port: PORT })) await answer(connection);
} else console.log(await measure(address, Number(seconds), verb === "receive"));
