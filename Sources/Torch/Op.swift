// SPDX-License-Identifier: Apache-2.0
public import CTorch

/// Anything that can be an argument of an operator.
public protocol OpArgument {
  /// Appends itself to the call's arguments.
  func push(to frame: ct_frame)
}

extension Tensor: OpArgument {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) { ct_push_tensor(frame, handle) }
}
extension Int: OpArgument {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) { ct_push_int(frame, Int64(self)) }
}
extension Double: OpArgument {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) { ct_push_double(frame, self) }
}
extension Bool: OpArgument {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) { ct_push_bool(frame, self) }
}
extension String: OpArgument {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) { ct_push_string(frame, self) }
}
extension DType: OpArgument {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) { ct_push_dtype(frame, rawValue) }
}
extension Device: OpArgument {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) { ct_push_device(frame, type, index) }
}
extension Optional: OpArgument where Wrapped: OpArgument {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) {
    if let self { self.push(to: frame) } else { ct_push_none(frame) }
  }
}

/// Stands for None, or for the schema's default, in an operator's arguments.
public enum Argument: OpArgument {
  case none
  case `default`
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) {
    switch self {
    case .none: ct_push_none(frame)
    case .default: ct_push_default(frame)
    }
  }
}

/// Anything a list argument can be made of.
public protocol OpListElement {
  /// Appends the list to the call's arguments.
  static func push(_ list: [Self], to frame: ct_frame)
}
extension Array: OpArgument where Element: OpListElement {
  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) { Element.push(self, to: frame) }
}
extension Int: OpListElement {
  /// Hands a list to a call of an operator.
  @inlinable public static func push(_ list: [Int], to frame: ct_frame) {
    list.withUnsafeBytes { ct_push_ints(frame, $0.assumingMemoryBound(to: Int64.self).baseAddress, list.count) }
  }
}
extension Double: OpListElement {
  /// Hands a list to a call of an operator.
  @inlinable public static func push(_ list: [Double], to frame: ct_frame) {
    list.withUnsafeBufferPointer { ct_push_doubles(frame, $0.baseAddress, list.count) }
  }
}
extension Bool: OpListElement {
  /// Hands a list to a call of an operator.
  @inlinable public static func push(_ list: [Bool], to frame: ct_frame) {
    list.withUnsafeBufferPointer { ct_push_bools(frame, $0.baseAddress, list.count) }
  }
}
extension Tensor: OpListElement {
  /// Hands a list to a call of an operator.
  @inlinable public static func push(_ list: [Tensor], to frame: ct_frame) {
    withExtendedLifetime(list) { ct_push_tensors(frame, list.map(\.handle), list.count) }
  }
}
extension Optional: OpListElement where Wrapped == Tensor {
  /// Hands a list to a call of an operator.
  @inlinable public static func push(_ list: [Tensor?], to frame: ct_frame) {
    withExtendedLifetime(list) { ct_push_tensors(frame, list.map { $0?.handle }, list.count) }
  }
}

/// A resolved ATen operator: `let relu = Op("aten::relu")`, then `relu(x)`.
///
/// Arguments are positional, in the schema's order; missing trailing ones take the schema's defaults. Resolution
/// happens once, when the value is made, and a name that does not exist stops the process with the name.
public struct Op: @unchecked Sendable {
  @usableFromInline let pointer: ct_op

  /// Finds an operator by name and overload.
  public init(_ name: String, _ overload: String = "") {
    guard let found = ct_op_find(name, overload) else { fatalError("torch: " + String(cString: ct_last_error())) }
    pointer = found
  }

  /// The schema as torch prints it.
  public var schema: String { String(cString: ct_op_schema(pointer)) }

  @inlinable func call<R, each A: OpArgument>(
    _ arguments: (repeat each A), failed: @autoclosure () -> R, take: (ct_frame) -> R
  ) -> R {
    let frame = ct_begin(pointer)
    defer { ct_end(frame) }
    repeat (each arguments).push(to: frame)
    guard ct_call(frame) == 0 else {
      TorchError.raise()
      return failed()
    }
    return take(frame)
  }

  /// Calls an operator that returns one tensor.
  @inlinable public func callAsFunction<each A: OpArgument>(_ arguments: repeat each A) -> Tensor {
    call((repeat each arguments), failed: Tensor(owned: nil)) { Tensor(owned: ct_out_tensor($0, 0)) }
  }

  /// Calls an operator that returns several tensors, or a list of them.
  @inlinable public func many<each A: OpArgument>(_ count: Int, _ arguments: repeat each A) -> [Tensor] {
    call((repeat each arguments), failed: (0..<count).map { _ in Tensor(owned: nil) }) { frame in
      let listed = ct_out_list_count(frame, 0)
      if listed > 0 { return (0..<listed).map { Tensor(owned: ct_out_list_tensor(frame, 0, $0)) } }
      return (0..<ct_out_count(frame)).map { Tensor(owned: ct_out_tensor(frame, $0)) }
    }
  }

  /// Calls an operator for its effect, such as an in-place one.
  @inlinable public func run<each A: OpArgument>(_ arguments: repeat each A) {
    call((repeat each arguments), failed: ()) { _ in }
  }

  /// Calls an operator that returns a whole number.
  @inlinable public func int<each A: OpArgument>(_ arguments: repeat each A) -> Int {
    call((repeat each arguments), failed: 0) { Int(ct_out_int($0, 0)) }
  }

  /// Calls an operator that returns a truth value.
  @inlinable public func bool<each A: OpArgument>(_ arguments: repeat each A) -> Bool {
    call((repeat each arguments), failed: false) { ct_out_bool($0, 0) }
  }
}
