/** The thread behind {@linkcode Capture}. @module */
import { NetworkNamespace } from "../ffi/network_namespace_linux.ts";
import { PacketSocket } from "../ffi/packet_socket_linux.ts";
import type { CaptureAnswer, CaptureOrder, CaptureReport } from "./capture.ts";

/** How soon a wish to stop is noticed. */
const STOP_CHECK_MS = 50;

const worker = self as unknown as {
  postMessage(answer: CaptureAnswer): void;
  onmessage: (event: MessageEvent<CaptureOrder>) => void;
};

worker.onmessage = ({ data }) => {
  try {
    using socket = openSocket(data.namespacePath);
    worker.postMessage({ is: "ready" });
    worker.postMessage({ is: "ended", report: capture(socket, data) });
  } catch (error) {
    worker.postMessage({ is: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
};

function openSocket(namespacePath: string): PacketSocket {
  using namespace = NetworkNamespace.open(namespacePath);
  return namespace.run(() => new PacketSocket());
}

function capture(socket: PacketSocket, { texts, stop }: CaptureOrder): CaptureReport {
  const report: CaptureReport = { frameCount: 0, lostCount: 0, byteCount: 0, found: {} };
  for (const text of texts) report.found[text] = 0;
  const decoder = new TextDecoder("latin1");
  for (;;) {
    const isLast = Atomics.load(stop, 0) === 1;
    const frame = socket.receive(isLast ? 0 : STOP_CHECK_MS);
    if (frame === null) {
      if (!isLast) continue;
      report.lostCount = socket.statistics().lostCount;
      return report;
    }
    report.frameCount++;
    report.byteCount += frame.length;
    const content = decoder.decode(frame);
    for (const text of texts) if (content.includes(text)) report.found[text]!++;
  }
}
