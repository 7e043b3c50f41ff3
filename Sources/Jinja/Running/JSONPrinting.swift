// SPDX-License-Identifier: Apache-2.0
/// `tojson` as transformers defines it: Python's `json.dumps`, nothing escaped for HTML.
struct JSONPrinter {
  let interpreter: Interpreter
  var asciiOnly = false
  /// What a level is indented by; nil: all on one line.
  var indent: Text?
  var itemSeparator = Text(", "), keySeparator = Text(": ")
  var sortsKeys = false
  private(set) var text = Text()

  init(_ interpreter: Interpreter) { self.interpreter = interpreter }

  mutating func write(_ value: Value, level: Int = 0) throws(Fault) {
    try interpreter.spend()
    try interpreter.enter()
    defer { interpreter.leave() }
    switch value {
    case .none: text.append("null")
    case .bool(let value): text.append(value ? "true" : "false")
    case .int(let value): text.append("\(value)")
    case .double(let value): text.append(Self.number(value))
    case .string(let string): try write(string)
    case .list(let items), .tuple(let items):
      try write(items.values, "[", "]", level) { printer, value throws(Fault) in
        try printer.write(value, level: level + 1)
      }
    case .dict(let table):
      var members: [(key: Text, value: Value)] = []
      for (key, value) in sortsKeys ? try sorted(table) : table.members { members.append((try Self.key(key), value)) }
      try write(members, "{", "}", level) { printer, member throws(Fault) in
        try printer.write(member.key)
        printer.text.append(printer.keySeparator)
        try printer.write(member.value, level: level + 1)
      }
    default: throw .type("a value that JSON has", value)
    }
  }

  private func sorted(_ table: Table) throws(Fault) -> [(key: Value, value: Value)] {
    try interpreter.sorted(table.members) { $0.key }
  }

  private static func number(_ value: Double) -> String {
    value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : Interpreter.repr(value)
  }

  private static func key(_ key: Value) throws(Fault) -> Text {
    switch key {
    case .string(let text): return text
    case .none: return Text("null")
    case .bool(let value): return Text(value ? "true" : "false")
    case .int(let value): return Text("\(value)")
    case .double(let value): return Text(number(value))
    default: throw .type("a key that JSON has", key)
    }
  }

  private mutating func write<T>(
    _ values: [T], _ open: String, _ close: String, _ level: Int,
    _ write: (inout JSONPrinter, T) throws(Fault) -> Void
  ) throws(Fault) {
    text.append(open)
    for (index, value) in values.enumerated() {
      if index > 0 { text.append(itemSeparator) }
      try newline(level + 1)
      try write(&self, value)
    }
    if !values.isEmpty { try newline(level) }
    text.append(close)
  }

  private mutating func newline(_ level: Int) throws(Fault) {
    guard let indent else { return }
    try interpreter.spend(bytes: level * indent.bytes.count)
    text.append("\n")
    for _ in 0..<level { text.append(indent) }
  }

  private mutating func write(_ string: Text) throws(Fault) {
    try interpreter.spend(bytes: 4 * string.bytes.count)
    let asciiOnly = asciiOnly
    text.append("\"")
    text.append(string.withoutMarkup.mapped { scalar, _ in Self.escape(scalar, asciiOnly: asciiOnly) })
    text.append("\"")
  }

  private static func escape(_ scalar: Unicode.Scalar, asciiOnly: Bool) -> String? {
    switch scalar {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    case "\u{8}": return "\\b"
    case "\u{C}": return "\\f"
    case " "..."~": return nil
    case ..." ": return "\\u" + Interpreter.hex(scalar.value, 4)
    default:
      guard asciiOnly else { return nil }
      return UTF16.encode(scalar)!.map { "\\u" + Interpreter.hex(UInt32($0), 4) }.joined()
    }
  }
}
