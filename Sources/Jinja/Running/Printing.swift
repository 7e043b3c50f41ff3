// SPDX-License-Identifier: Apache-2.0
// Python's str and repr.
extension Interpreter {
  /// `str(value)`, as a template prints it.
  func string(_ value: Value) throws(Fault) -> Text {
    switch value {
    case .string(let text): return text
    case .undefined: return Text()
    default: return try repr(value)
    }
  }

  /// `repr(value)`
  func repr(_ value: Value) throws(Fault) -> Text {
    var text = Text()
    try write(value, to: &text)
    return text
  }

  private func write(_ value: Value, to text: inout Text) throws(Fault) {
    try spend()
    try enter()
    defer { leave() }
    switch value {
    case .undefined: text.append("Undefined")
    case .none: text.append("None")
    case .bool(let value): text.append(value ? "True" : "False")
    case .int(let value): text.append("\(value)")
    case .double(let value): text.append(Self.repr(value))
    case .string(let string):
      if string.isMarkup { text.append("Markup(") }
      try writeQuoted(string, to: &text)
      if string.isMarkup { text.append(")") }
    case .list(let items): try write(items.values, "[", "]", to: &text)
    case .tuple(let items): try write(items.values, "(", items.values.count == 1 ? ",)" : ")", to: &text)
    case .dict(let table): try write(table.members, to: &text)
    case .view(let kind, let items):
      text.append(kind.rawValue + "(")
      try write(items.values, "[", "]", to: &text)
      text.append(")")
    case .range(let range):
      text.append("range(\(range.start), \(range.stop)" + (range.step == 1 ? ")" : ", \(range.step))"))
    case .namespace(let namespace):
      text.append("<Namespace ")
      try write(namespace.names.map { (.text($0.name), $0.value) }, to: &text)
      text.append(">")
    case .loop(let loop): text.append("<LoopContext \(loop.index + 1)/\(try loop.length(self))>")
    case .macro(let macro): text.append("<Macro '\(macro.node.name)'>")
    case .iterator: text.append("<generator object>")
    case .method(let method): text.append("<method \(method.name)>")
    case .function(let name): text.append("<function \(name)>")
    }
  }

  private func write(_ values: [Value], _ open: String, _ close: String, to text: inout Text) throws(Fault) {
    text.append(open)
    for (index, value) in values.enumerated() {
      if index > 0 { text.append(", ") }
      try write(value, to: &text)
    }
    text.append(close)
  }

  private func write(_ members: [(key: Value, value: Value)], to text: inout Text) throws(Fault) {
    text.append("{")
    for (index, member) in members.enumerated() {
      if index > 0 { text.append(", ") }
      try write(member.key, to: &text)
      text.append(": ")
      try write(member.value, to: &text)
    }
    text.append("}")
  }

  private func writeQuoted(_ string: Text, to text: inout Text) throws(Fault) {
    try spend(bytes: 4 * string.bytes.count)
    let single = UInt8(ascii: "'"), double = UInt8(ascii: "\"")
    let quote: Unicode.Scalar = string.bytes.contains(single) && !string.bytes.contains(double) ? "\"" : "'"
    text.append(String(quote))
    text.append(string.withoutMarkup.mapped { scalar, _ in Self.escape(scalar, quote) })
    text.append(String(quote))
  }

  private static func escape(_ scalar: Unicode.Scalar, _ quote: Unicode.Scalar) -> String? {
    switch scalar {
    case quote, "\\": return "\\\(scalar)"
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    case " "..."~": return nil
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      let value = scalar.value
      return value < 0x100 ? "\\x" + hex(value, 2) : value < 0x10000 ? "\\u" + hex(value, 4) : "\\U" + hex(value, 8)
    default: return nil
    }
  }

  static func hex(_ value: UInt32, _ count: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
  }

  /// The shortest digits that read back as the number, as Python sets them.
  static func repr(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    // Swift has the same digits, and its own rule for when an exponent is written.
    let parts = value.magnitude.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = String(mantissa[0]), fraction = mantissa.count > 1 && mantissa[1] != "0" ? String(mantissa[1]) : ""
    var digits = whole + fraction, point = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    let zeros = digits.prefix { $0 == "0" }.count
    if zeros < digits.count {
      digits.removeFirst(zeros)
      point -= zeros
    } else {
      (digits, point) = ("0", 1)
    }
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    let sign = value.sign == .minus ? "-" : ""
    if point > 16 || point < -3 {
      let exponent = point - 1, size = String(abs(exponent))
      let rest = digits.dropFirst()
      return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "e" + (exponent < 0 ? "-" : "+")
        + (size.count < 2 ? "0" : "") + size
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }
}

extension Text {
  var withoutMarkup: Text {
    var text = self
    text.isMarkup = false
    return text
  }
}
