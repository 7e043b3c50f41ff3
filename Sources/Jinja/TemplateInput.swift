// SPDX-License-Identifier: Apache-2.0
import Files

/// Makes values of what a template is given, and counts the strings of messages.
struct TemplateInput {
  /// A string of a message.
  struct Leaf {
    let message: Int
    let path: String
    let bytes: [UInt8]
  }

  private(set) var leaves: [Leaf] = []
  /// Bytes of all strings.
  private(set) var size = 0
  private static let reasoning = ["reasoning_content", "thinking", "reasoning"]

  mutating func messages(_ messages: [JSON]) throws(Fault) -> [Value] {
    var values: [Value] = []
    for (index, message) in messages.enumerated() {
      guard case .object(let object) = message else {
        throw Fault(expected: "messages that are objects", found: "message \(index): \(message.summary)")
      }
      var members: [(key: Value, value: Value)] = []
      for (key, value) in object.members {
        if case .null = value { continue }
        members.append((.text(key), try self.value(value, index, key)))
      }
      values.append(.dict(try aliased(try Table(members))))
    }
    return values
  }

  /// With what was thought under the names that templates read.
  private func aliased(_ message: Table) throws(Fault) -> Table {
    guard let thought = Self.reasoning.lazy.compactMap({ message.value(Text($0)) }).first else { return message }
    var members = message.members
    if message.value(Text("thinking")) == nil { members.insert((.text("thinking"), thought), at: 0) }
    return try Table(members + [(.text("reasoning_content"), thought)])
  }

  /// A value of no message.
  mutating func value(_ json: JSON) throws(Fault) -> Value { try value(json, nil, "") }

  private mutating func value(_ json: JSON, _ message: Int?, _ path: @autoclosure () -> String) throws(Fault) -> Value {
    switch json {
    case .null: return .none
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .double(let value): return .double(value)
    case .string(let string):
      size += string.utf8.count
      guard let message else { return .text(string) }
      let text = Text(string, leaf: Int32(clamping: leaves.count))
      leaves.append(Leaf(message: message, path: path(), bytes: text.bytes))
      return .string(text)
    case .array(let elements):
      var values: [Value] = []
      size += 8 * elements.count
      for (index, element) in elements.enumerated() {
        values.append(try value(element, message, message == nil ? "" : "\(path())[\(index)]"))
      }
      return .list(try Items(values))
    case .object(let object):
      var members: [(key: Value, value: Value)] = []
      size += 16 * object.count
      for (key, element) in object.members {
        members.append((.text(key), try value(element, message, message == nil ? "" : "\(path()).\(key)")))
      }
      return .dict(try Table(members))
    }
  }
}
