/** Lets everything run that waits for promises only; `setImmediate`-like, so that it needs no real time. */
export async function settle(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round++) await Promise.resolve();
}
