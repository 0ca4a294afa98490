/** The documented reason of a failed call. */

import { Code, ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { ErrorReason } from "./contract.js";

const DOMAIN = "sluicegate";

/** One field of the request and what is wrong with it. */
export interface FieldViolation {
  /** Path of the field, for example `fields.LastName`. */
  readonly field: string;
  /** What is wrong and what would be right. */
  readonly description: string;
}

/**
 * Why a call failed, read from the details of a ConnectError, which is its `cause`.
 *
 * Branch on `reason`; messages are for people and change.
 */
export class SluicegateError extends Error {
  override readonly name = "SluicegateError";
  /** The gRPC code. */
  readonly code: Code;
  /** The reason; UNSPECIFIED if this client is older than the reason. */
  readonly reason: ErrorReason;
  /** The reason as it was sent, for example `RECORD_NOT_FOUND`. */
  readonly reasonName: string;
  /** The facts documented under the reason. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields at fault. */
  readonly violations: readonly FieldViolation[];
  /** When a repeat is worth trying, in milliseconds from the answer; undefined when the service named no time. */
  readonly retryAfterMs: number | undefined;

  private constructor(error: ConnectError, reasonName: string, metadata: Readonly<Record<string, string>>) {
    super(`${reasonName}: ${error.rawMessage}`, { cause: error });
    this.code = error.code;
    this.reasonName = reasonName;
    this.reason = reasonOf(reasonName);
    this.metadata = metadata;
    this.violations = error
      .findDetails(BadRequestSchema)
      .flatMap((detail) => detail.fieldViolations.map(({ field, description }) => ({ field, description })));
    this.retryAfterMs = retryAfterMs(error);
  }

  /**
   * What the service says about a failure.
   *
   * @returns undefined if the failure did not come from the service: a lost connection, a proxy's answer, a bug.
   */
  static from(failure: unknown): SluicegateError | undefined {
    if (!(failure instanceof ConnectError)) {
      return undefined;
    }
    const info = failure.findDetails(ErrorInfoSchema).find((detail) => detail.domain === DOMAIN);
    return info && new SluicegateError(failure, info.reason, info.metadata);
  }
}

/** How long the service asks to wait before a repeat, in milliseconds; undefined when it does not say. */
export function retryAfterMs(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && durationMs(delay);
}

function reasonOf(name: string): ErrorReason {
  const reason: unknown = Object.hasOwn(ErrorReason, name) ? ErrorReason[name as keyof typeof ErrorReason] : undefined;
  // The compiled enum also maps numbers to names, so `Object.hasOwn` alone would let "7" through.
  return typeof reason === "number" ? reason : ErrorReason.UNSPECIFIED;
}
