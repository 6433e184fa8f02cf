import assert from "node:assert/strict";
import { TaskGroup } from "../../src/base/task_group.ts";

function group() {
  const failures: string[] = [];
  return { failures, tasks: new TaskGroup((error, name) => failures.push(`${name}: ${(error as Error).message}`)) };
}

/** A task that runs until it is told to stop, then throws the signal's reason as most of the platform does. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

Deno.test("TaskGroup.stop waits until every task has ended", async () => {
  const { tasks, failures } = group();
  const ended: string[] = [];
  tasks.spawn("slow", async (signal) => {
    await untilAborted(signal).catch(() => {});
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    ended.push("slow");
  });
  tasks.spawn("quick", () => Promise.resolve());
  await tasks.stop();
  assert.deepEqual(ended, ["slow"]);
  assert.deepEqual(failures, []);
});

Deno.test("TaskGroup reports the first failure only, with the name of its task", async () => {
  const { tasks, failures } = group();
  tasks.spawn("reader", () => Promise.reject(new Error("connection reset")));
  tasks.spawn("writer", () => Promise.reject(new Error("broken pipe")));
  await tasks.stop();
  assert.deepEqual(failures, ["reader: connection reset"]);
});

Deno.test("TaskGroup reports a task that throws before its first await", async () => {
  const { tasks, failures } = group();
  tasks.spawn("eager", () => {
    throw new Error("at once");
  });
  await tasks.stop();
  assert.deepEqual(failures, ["eager: at once"]);
});

Deno.test("TaskGroup takes the abort itself for no failure, but reports another error while stopping", async () => {
  const { tasks, failures } = group();
  tasks.spawn("obedient", untilAborted);
  tasks.spawn("clumsy", async (signal) => {
    await untilAborted(signal).catch(() => {});
    throw new Error("cannot flush");
  });
  await tasks.stop();
  assert.deepEqual(failures, ["clumsy: cannot flush"]);
});

Deno.test("TaskGroup starts nothing after stop", async () => {
  const { tasks } = group();
  await tasks.stop();
  let hasStarted = false;
  tasks.spawn("late", () => {
    hasStarted = true;
    return Promise.resolve();
  });
  await tasks.stop();
  assert.equal(hasStarted, false);
});
