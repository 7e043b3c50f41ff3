// SPDX-License-Identifier: Apache-2.0
import CTorch
import Foundation

/// Error of libtorch in its own words, without its C++ stack; where memory ran out, in ours.
public struct TorchError: Error, Sendable, CustomStringConvertible {
  /// The message.
  public let description: String
  /// Whether there was not enough memory.
  public let isMemory: Bool

  /// An error with a message of ours.
  public init(_ description: String) { (self.description, isMemory) = (description, false) }

  /// An error with torch's message.
  init(torch message: String) {
    isMemory = Self.memoryWords.contains { message.contains($0) }
    description =
      isMemory
      ? "not enough memory: \(Self.wanted(message)). Take a smaller model, batch (train.microBatch, evaluate.tokenBudget) "
        + "or length (data.maxLength), or free memory."
      : message
  }

  /// The message of the last failed call on this thread.
  @usableFromInline static func last() -> TorchError { TorchError(torch: String(cString: ct_last_error())) }

  /// Reports the last failed call to the innermost `withTorchErrors`, or stops the process if there is none.
  @usableFromInline static func raise() { raise(String(cString: ct_last_error())) }

  /// Reports a failure in words of ours in the same way.
  @usableFromInline static func raise(_ message: String) {
    if !ct_scope_record(message) { fatalError("torch: " + message) }
  }

  private static let memoryWords = [
    "out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "Storage size calculation overflowed",
    "integer multiplication overflow",
  ]

  /// How much was asked for, as far as the message says.
  private static func wanted(_ message: String) -> String {
    guard let start = message.range(of: "tried to allocate ")?.upperBound else {
      return "more was asked for than there can be"
    }
    let rest = message[start...].prefix { $0.isNumber || $0.isLetter || $0 == " " || $0 == "." }
    let bytes = Double(rest.prefix { $0.isNumber }) ?? 0
    guard rest.contains("bytes"), bytes > 0 else {
      return "\(rest.split(separator: ".").first ?? "more") could not be had"
    }
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var (value, unit) = (bytes, 0)
    while value >= 1024, unit + 1 < units.count { (value, unit) = (value / 1024, unit + 1) }
    return "\((value * 10).rounded() / 10) \(units[unit]) more could not be had"
  }
}

/// Runs `body` and throws the first error of any tensor operation in it.
///
/// After a failure the remaining operations of `body` give stand-ins: tensors without values, ``Tensor/handle`` nil, of
/// shape `[1, 1, 1, 1]`. So nothing may be concluded from a tensor's shape or values before the scope has been left,
/// other than by ``Tensor/values(of:)``, which throws, and ``torchPrecondition(_:_:)``, which then lets everything
/// pass.
///
/// The scope belongs to the current thread: never suspend (`await`) inside it.
public func withTorchErrors<R>(_ body: () throws -> R) throws -> R {
  ct_scope_enter()
  let result = Result(catching: body)
  if ct_scope_leave() { throw TorchError.last() }
  return try result.get()
}

/// A precondition on tensors' shapes or values: what they say means nothing once an operation has failed, whose message
/// the surrounding ``withTorchErrors(_:)`` will throw.
public func torchPrecondition(_ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String) {
  if !ct_scope_failed(), !condition() { preconditionFailure(message()) }
}

extension Torch {
  /// Whether an operation of the surrounding ``withTorchErrors(_:)`` has failed.
  public static var hasFailed: Bool { ct_scope_failed() }

  /// For tests: runs `body`, in which the call into libtorch after `calls` others fails.
  ///
  /// - Returns: whether there were so many.
  package static func failing(after calls: Int, _ body: () throws -> Void) rethrows -> Bool {
    ct_fail_after(Int64(calls))
    defer { ct_fail_after(-1) }
    try body()
    return ct_calls_until_failure() < 0
  }
}
