// SPDX-License-Identifier: Apache-2.0
/// What goes wrong in a template; its place is added where it is known.
struct Fault: Error {
  var expected: String
  var found: String
  var remedy = ""
  /// Nil: that of the statement that runs.
  var line: Int?
}

extension Fault {
  /// A value that an operation cannot take, in Python's words.
  static func type(_ expected: String, _ found: Value) -> Fault { Fault(expected: expected, found: found.kind) }
}
