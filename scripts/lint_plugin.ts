/**
 * Lint rules for what no type checker sees. Each ends with the reason for the ban, so that whoever meets it can judge
 * whether the reason holds for the case at hand; if it does not, `deno-lint-ignore` takes it away, with a reason of its own:
 *
 *     // deno-lint-ignore buri/function-length -- a flat switch over message types
 */

/** Folders of src/ whose code takes time, randomness and bytes from outside. */
export const PURE_FOLDERS: readonly string[] = ["base", "protocol", "crypto", "session", "nat"];

/** Where raw memory may be touched: the bindings and the tests of the bindings. */
const POINTER_FOLDERS = ["src/ffi", "tests/ffi"];

const MAX_FILE_LINES = 450;
const MAX_FUNCTION_LINES = 60;

const POINTER_API = /^(?:dlopen|Unsafe\w+)$/;
const AMBIENT_CALLS: Record<string, RegExp> = {
  Date: /^now$/,
  Math: /^random$/,
  performance: /^(?:now|timeOrigin|mark|measure)$/,
  crypto: /^(?:getRandomValues|randomUUID|subtle)$/,
};
const AMBIENT_GLOBALS = /^(?:setTimeout|setInterval|setImmediate)$/;
const RANDOM_IMPORTS = /^(?:random\w*|getRandomValues|generateKey\w*|generatePrime\w*|webcrypto)$/;

const AMBIENT_HINT =
  "Take a Clock or a Random as a parameter: a seeded simulation must be able to repeat every decision.";

type Context = Deno.lint.RuleContext;
type Visitor = Deno.lint.LintVisitor;

/** Whether `filename`, absolute or relative to the root, lies in `folder` of this project. */
function isIn(filename: string, folder: string): boolean {
  return `/${filename.replaceAll("\\", "/")}`.includes(`/${folder}/`);
}

function isPure(filename: string): boolean {
  return PURE_FOLDERS.some((folder) => isIn(filename, `src/${folder}`));
}

/** The name of the global that an expression denotes, `globalThis.name` included; null for anything else. */
function globalName(node: Deno.lint.Node): string | null {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "MemberExpression") return null;
  return node.object.type === "Identifier" && node.object.name === "globalThis" ? memberName(node) : null;
}

/** The property that `a.b` or `a["b"]` names; null when it is computed at run time. */
function memberName(node: Deno.lint.MemberExpression): string | null {
  if (!node.computed) return node.property.type === "Identifier" ? node.property.name : null;
  return node.property.type === "Literal" && typeof node.property.value === "string" ? node.property.value : null;
}

/** Deno.dlopen and the Unsafe* classes belong to the bindings. */
const noPointers: Deno.lint.Rule = {
  create(context: Context): Visitor {
    if (POINTER_FOLDERS.some((folder) => isIn(context.filename, folder))) return {};
    const hint = "Call a typed function of src/ffi: a wrong pointer crashes or corrupts the process without an error.";
    return {
      MemberExpression(node) {
        const name = memberName(node);
        if (globalName(node.object) !== "Deno" || (name !== null && !POINTER_API.test(name))) return;
        context.report({ node, message: `Deno.${name ?? "[…]"} outside src/ffi`, hint });
      },
      VariableDeclarator(node) {
        if (node.id.type !== "ObjectPattern" || !node.init || globalName(node.init) !== "Deno") return;
        context.report({ node, message: "Deno taken apart outside src/ffi", hint });
      },
    };
  },
};

/** No ambient time, timers or randomness where decisions are made. */
const noAmbientInput: Deno.lint.Rule = {
  create(context: Context): Visitor {
    if (!isPure(context.filename)) return {};
    const report = (node: Deno.lint.Node, what: string) =>
      context.report({ node, message: `${what} in a pure folder`, hint: AMBIENT_HINT });
    return {
      MemberExpression(node) {
        const [object, member] = [globalName(node.object), memberName(node)];
        if (object !== null && member !== null && AMBIENT_CALLS[object]?.test(member)) {
          report(node, `${object}.${member}`);
        }
        const name = globalName(node);
        if (name !== null && AMBIENT_GLOBALS.test(name)) report(node, name);
      },
      NewExpression(node) {
        if (globalName(node.callee) === "Date" && node.arguments.length === 0) report(node, "new Date()");
      },
      CallExpression(node) {
        const name = globalName(node.callee);
        if (name === "Date") report(node, "Date()");
        if (node.callee.type === "Identifier" && AMBIENT_GLOBALS.test(node.callee.name)) report(node, node.callee.name);
      },
      ImportDeclaration(node) {
        for (const name of ambientImports(node)) report(node, `${name} of ${node.source.value}`);
      },
    };
  },
};

/** What an import brings in that draws randomness or time by itself. */
function ambientImports(node: Deno.lint.ImportDeclaration): string[] {
  const source = node.source.value;
  if (/^(?:node:)?timers(?:\/promises)?$/.test(source)) return ["everything"];
  if (!/^(?:node:)?crypto$/.test(source)) return [];
  return node.specifiers.flatMap((specifier) => {
    if (specifier.type !== "ImportSpecifier") return ["the whole"];
    const name = specifier.imported.type === "Identifier" ? specifier.imported.name : specifier.imported.value;
    return RANDOM_IMPORTS.test(name) ? [name] : [];
  });
}

/** A long file has more than one topic. */
const fileLength: Deno.lint.Rule = {
  create(context: Context): Visitor {
    return {
      Program(node) {
        const lines = countLines(context.sourceCode.text.trimEnd());
        if (lines <= MAX_FILE_LINES) return;
        context.report({
          node,
          message: `${lines} lines; at most ${MAX_FILE_LINES} make a file`,
          hint: "Split it by topic: the file that holds everything is the one nobody can change.",
        });
      },
    };
  },
};

/** A long function has more than one idea. */
const functionLength: Deno.lint.Rule = {
  create(context: Context): Visitor {
    const check = (node: Deno.lint.Node) => {
      const lines = countLines(context.sourceCode.getText(node));
      if (lines <= MAX_FUNCTION_LINES) return;
      context.report({
        node,
        message: `${lines} lines; at most ${MAX_FUNCTION_LINES} make a function`,
        hint: "Name its parts as functions of their own, so that each can be read and tested alone.",
      });
    };
    return { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check };
  },
};

function countLines(text: string): number {
  return text.split("\n").length;
}

/** An ignored rule without a reason is a rule switched off for good. */
const ignoreReason: Deno.lint.Rule = {
  create(context: Context): Visitor {
    return {
      "Program:exit"() {
        for (const comment of context.sourceCode.getAllComments()) {
          if (!/^\s*deno-(?:lint|fmt)-ignore\b/.test(comment.value) || /\s--\s+\S/.test(comment.value)) continue;
          context.report({
            range: comment.range,
            message: "an ignore comment without a reason",
            hint: "End it with ` -- ` and why the rule does not hold here.",
          });
        }
      },
    };
  },
};

/** The plugin that deno.json names. */
const plugin: Deno.lint.Plugin = {
  name: "buri",
  rules: {
    "no-pointers": noPointers,
    "no-ambient-input": noAmbientInput,
    "file-length": fileLength,
    "function-length": functionLength,
    "ignore-reason": ignoreReason,
  },
};
export default plugin;
