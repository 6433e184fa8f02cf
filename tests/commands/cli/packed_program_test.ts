import assert from "node:assert/strict";
import { UserError } from "../../../src/base/errors.ts";
import { packedEnd, readPackedEnd } from "../../../src/commands/cli/packed_invite.ts";
import { packProgram } from "../../../src/commands/cli/packed_program.ts";
import { ControlError } from "../../../src/ipc/mod.ts";
import { CliWorld } from "../../support/cli_world.ts";
import { FakeEngine } from "../../support/fake_engine.ts";
import { SAMPLE_LINK } from "../../support/fake_invites.ts";
import { sampleNetwork } from "../../support/sample_views.ts";
import { fillDisk, run } from "../../support/small_disk.ts";
import { needs } from "../../support/needs.ts";

const ELF = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, ...Array.from({ length: 3_000 }, (_, n) => n % 251));

function inFolder(body: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = Deno.makeTempDirSync({ prefix: "buri-pack-" });
    try {
      await body(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

const makeLink = () => Promise.resolve(SAMPLE_LINK);

function isUserError(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof UserError && error.exitCode === 1 && pattern.test(error.message);
}

Deno.test("readPackedEnd finds what packedEnd wrote, and nothing in any other file", () => {
  const end = packedEnd(SAMPLE_LINK);
  for (const before of [new Uint8Array(), ELF]) {
    const found = readPackedEnd(Uint8Array.of(...before, ...end));
    assert.deepEqual(found, { link: SAMPLE_LINK, length: end.length });
  }
  for (const other of [new Uint8Array(), ELF, end.subarray(0, -1), Uint8Array.of(...end, 0)]) {
    assert.equal(readPackedEnd(other), null);
  }
});

Deno.test("readPackedEnd refuses an invite that is damaged in any byte", () => {
  const end = packedEnd(SAMPLE_LINK);
  const markAt = end.length - "buri packed 1\n".length;
  for (let at = 0; at < markAt; at++) {
    const damaged = end.slice();
    damaged[at]! ^= 1;
    assert.throws(() => readPackedEnd(damaged), isUserError(/damaged/), `byte ${at}`);
  }
  assert.throws(() => readPackedEnd(end.subarray(5)), isUserError(/damaged/), "cut at its start");
});

Deno.test(
  "packProgram writes program and invite for nobody else to read, and takes a former invite out",
  inFolder(async (folder) => {
    Deno.writeFileSync(`${folder}/buri`, ELF);
    const [first, second] = [`${folder}/first`, `${folder}/second`];
    await packProgram({ base: `${folder}/buri`, out: first, makeLink: () => Promise.resolve(`${SAMPLE_LINK}AAAA`) });
    const length = await packProgram({ base: first, out: second, makeLink });
    const bytes = Deno.readFileSync(second);
    assert.deepEqual(bytes, Uint8Array.of(...ELF, ...packedEnd(SAMPLE_LINK)));
    assert.equal(length, bytes.length);
    assert.equal(Deno.statSync(second).mode! & 0o777, 0o700);
  }),
);

Deno.test(
  "packProgram refuses what is no program or signed, an existing file, and Buri's source, and makes no invite then",
  inFolder(async (folder) => {
    const makeNone = () => Promise.reject(new Error("an invite was made"));
    const pack = (base: string | null, out = `${folder}/out`) => packProgram({ base, out, makeLink: makeNone });
    Deno.writeTextFileSync(`${folder}/text`, "#!/bin/sh\n");
    Deno.writeFileSync(`${folder}/mac`, Uint8Array.of(0xcf, 0xfa, 0xed, 0xfe, 1));
    Deno.writeFileSync(`${folder}/buri`, ELF);
    await assert.rejects(pack(`${folder}/text`), isUserError(/it is no program/));
    await assert.rejects(pack(`${folder}/mac`), isUserError(/macOS/));
    await assert.rejects(pack(`${folder}/none`), isUserError(/Cannot pack/));
    await assert.rejects(pack(null), isUserError(/source/));
    await assert.rejects(pack(`${folder}/buri`, `${folder}/text`), isUserError(/there is such a file already/));
    assert.equal(Deno.readTextFileSync(`${folder}/text`), "#!/bin/sh\n");
  }),
);

Deno.test(
  "packProgram leaves nothing where the invite is refused",
  inFolder(async (folder) => {
    Deno.writeFileSync(`${folder}/buri`, ELF);
    const refuse = () => Promise.reject(new ControlError("networkNotFound"));
    const packing = packProgram({ base: `${folder}/buri`, out: `${folder}/out`, makeLink: refuse });
    await assert.rejects(packing, /network not found/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["buri"]);
  }),
);

Deno.test(
  needs("packProgram on a full disk says so, leaves nothing and makes no invite", "linux", "root"),
  inFolder(async (folder) => {
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder);
    try {
      Deno.writeFileSync(`${folder}/buri`, ELF);
      fillDisk(`${folder}/filler`);
      let made = 0;
      const packing = packProgram({
        base: `${folder}/buri`,
        out: `${folder}/out`,
        makeLink: () => makeLink().finally(() => made++),
      });
      await assert.rejects(packing, isUserError(/Cannot write .*space/));
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).toSorted(), ["buri", "filler"]);
      assert.equal(made, 0);
    } finally {
      run("umount", folder);
    }
  }),
);

Deno.test("pack names the file for the network, and the invite for as many and as long as was asked", async () => {
  const packed: { base: string | null; out: string; link: string }[] = [];
  const packSample = async ({ base, out, makeLink }: Parameters<typeof packProgram>[0]) => {
    packed.push({ base, out, link: await makeLink() });
    return 1_000;
  };
  const engine = new FakeEngine();
  engine.networks.push({ ...sampleNetwork(), id: "LAN: party/2", name: "LAN: party/2" });
  const pack = async (...words: string[]) => {
    const world = new CliWorld({ engine, roles: { packProgram: packSample } });
    assert.equal(await world.run("pack", "LAN: party/2", ...words), 0);
    return world.stdout;
  };
  assert.deepEqual(await pack("--expires", "never", "--uses", "3"), [
    "Packing LAN: party/2 .. ok, buri-LAN-party-2, good for 3",
  ]);
  assert.match(
    (await pack("--base", "b/buri.EXE"))[0]!,
    /^Packing .* \.\. ok, buri-LAN-party-2\.exe, good for 1 until 20/,
  );
  assert.deepEqual(packed.map(({ base, out }) => [base, out]), [
    [null, "buri-LAN-party-2"],
    ["b/buri.EXE", "buri-LAN-party-2.exe"],
  ]);
  const [json] = await pack("--out", "x", "--json", "--expires", "never");
  assert.deepEqual(JSON.parse(json!), { ok: true, file: "x", size: 1_000, uses: 1, expiresAt: null });
});

Deno.test("a packed program without arguments joins by its invite, and with some it is any other", async () => {
  const world = new CliWorld({ engine: new FakeEngine(), packedLink: () => SAMPLE_LINK });
  assert.equal(await world.run(), 0);
  assert.deepEqual(world.stdout, ["Joining by invite .. ok, game night"]);
  assert.equal(await world.run("version"), 0);
  assert.equal(world.stdout.length, 2);
});

Deno.test("a packed program whose invite is damaged says so", async () => {
  const packedLink = () => {
    throw new UserError("Cannot read the invite in this program: it is damaged");
  };
  const world = new CliWorld({ engine: new FakeEngine(), packedLink });
  assert.equal(await world.run(), 1);
  assert.deepEqual(world.stderr, ["Cannot read the invite in this program: it is damaged"]);
});
