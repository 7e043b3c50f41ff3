import CTorch

/// What libtorch refused, in its own words, without its C++ stack.
public struct TorchError: Error, Sendable, CustomStringConvertible {
  /// Torch's message.
  public let description: String

  /// An error with a message of ours.
  public init(_ description: String) { self.description = description }

  /// The message of the last failed call on this thread.
  @usableFromInline static func last() -> TorchError { TorchError(String(cString: ct_last_error())) }

  /// Reports the last failed call to the innermost `withTorchErrors`, or stops the process if there is none.
  @usableFromInline static func raise() {
    let message = String(cString: ct_last_error())
    if !ct_scope_record(message) { fatalError("torch: " + message) }
  }
}

/// Runs `body` and throws the first error of any tensor operation in it.
///
/// After a failure the remaining operations of `body` do nothing until it ends. The scope belongs to the current
/// thread: never suspend (`await`) inside it.
public func withTorchErrors<R>(_ body: () throws -> R) throws -> R {
  ct_scope_enter()
  let result = Result(catching: body)
  if ct_scope_leave() { throw TorchError.last() }
  return try result.get()
}
