/** Lets asynchronous pieces of work happen one after another, in the order in which they were handed in. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when all work handed in before has ended, however it ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
