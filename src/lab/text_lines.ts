/** Splits text into lines without their ends; a last line without an end counts too. */
export class TextLineStream extends TransformStream<string, string> {
  /** One stream for one text. */
  constructor() {
    let rest = "";
    super({
      transform(chunk, controller) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line);
      },
      flush(controller) {
        if (rest !== "") controller.enqueue(rest);
      },
    });
  }
}
