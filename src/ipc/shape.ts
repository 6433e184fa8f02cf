import type * as v from "valibot";

/** What a value must be like: a schema of valibot. */
export type Shape = v.GenericSchema;
