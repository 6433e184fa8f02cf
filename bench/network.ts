/** Two network namespaces and a link between them, for measurements: `a` is 10.99.0.1, `b` is 10.99.0.2. */
export class BenchNetwork {
  readonly #prefix: string;

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Makes both. @throws {Error} without root or iproute2. */
  static async create(): Promise<BenchNetwork> {
    const network = new BenchNetwork(`bench${Deno.pid}`);
    const [a, b] = [network.nameOf("a"), network.nameOf("b")];
    await run("ip", "netns", "add", a);
    await run("ip", "netns", "add", b);
    await run("ip", "link", "add", "veth0", "netns", a, "type", "veth", "peer", "name", "veth0", "netns", b);
    for (const [side, address] of [["a", "10.99.0.1/24"], ["b", "10.99.0.2/24"]] as const) {
      await network.ip(side, "addr", "add", address, "dev", "veth0");
      for (const device of ["lo", "veth0"]) await network.ip(side, "link", "set", device, "up");
    }
    return network;
  }

  /** Name of a side's namespace. */
  nameOf(side: "a" | "b"): string {
    return `${this.#prefix}${side}`;
  }

  /** Runs `ip` with `args` in a namespace. @throws {Error} when it fails */
  ip(side: "a" | "b", ...args: string[]): Promise<string> {
    return run("ip", "-n", this.nameOf(side), ...args);
  }

  /** A command that will run in a namespace. */
  command(side: "a" | "b", program: string, args: string[], options: Deno.CommandOptions = {}): Deno.Command {
    return new Deno.Command("ip", { ...options, args: ["netns", "exec", this.nameOf(side), program, ...args] });
  }

  /** Runs a program in a namespace to its end; what it printed. @throws {Error} when it fails */
  run(side: "a" | "b", program: string, ...args: string[]): Promise<string> {
    return run("ip", "netns", "exec", this.nameOf(side), program, ...args);
  }

  /** Removes both. */
  async remove(): Promise<void> {
    for (const side of ["a", "b"] as const) await run("ip", "netns", "del", this.nameOf(side));
  }
}

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot run ${program} ${args.join(" ")}: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}
