// SPDX-License-Identifier: Apache-2.0
// `"…" % values` and `"…".format(values)`.
extension Interpreter {
  private static let widest = 10_000

  /// `text % value`
  func formatted(_ text: Text, _ value: Value) throws(Fault) -> Text {
    try spend(bytes: text.bytes.count)
    var values: ArraySlice<Value> = [value]
    if case .tuple(let items) = value { values = items.values[...] }
    var result = Text(), position = 0
    let bytes = text.bytes
    while let start = bytes[position...].firstIndex(of: UInt8(ascii: "%")) {
      result.append(text.slice(position..<start))
      var place = start + 1, field = FormatField(), argument: Value?
      func next() -> Unicode.Scalar? { place < bytes.count ? Unicode.Scalar(bytes[place]) : nil }
      if next() == "(" {
        guard let end = bytes[place...].firstIndex(of: UInt8(ascii: ")")), case .dict(let table) = value else {
          throw Fault(expected: "a dictionary for %(…)", found: value.kind)
        }
        let name = text.slice(place + 1..<end)
        guard let found = table.value(name) else {
          throw Fault(expected: "a value for %(\(name.string))", found: "none")
        }
        argument = found
        values = []
        place = end + 1
      }
      while let flag = next(), "-+ 0#".unicodeScalars.contains(flag) {
        field.set(flag)
        place += 1
      }
      field.width = try number(bytes, &place) ?? 0
      if next() == "." {
        place += 1
        field.precision = try number(bytes, &place) ?? 0
      }
      guard let letter = next() else { throw Fault(expected: "a letter after %", found: "the end of the string") }
      place += 1
      position = place
      if letter == "%" {
        result.append("%")
        continue
      }
      guard let argument = argument ?? values.popFirst() else {
        throw Fault(expected: "a value for each % of the string", found: "fewer")
      }
      var part = try field.text(argument, letter, self)
      if text.isMarkup { part = part.escaped }
      try spend(bytes: part.bytes.count)
      result.append(part)
    }
    result.append(text.slice(position..<bytes.count))
    result.isMarkup = text.isMarkup
    if !values.isEmpty, case .dict = value { return result }
    guard values.isEmpty else { throw Fault(expected: "a % in the string for each value", found: "more values") }
    return result
  }

  private func number(_ bytes: [UInt8], _ place: inout Int) throws(Fault) -> Int? {
    var number: Int?
    while place < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[place] {
      number = (number ?? 0) * 10 + Int(bytes[place] - UInt8(ascii: "0"))
      place += 1
      guard number! <= Self.widest else { throw Fault(expected: "fields at most \(Self.widest) wide", found: "more") }
    }
    return number
  }

  /// `text.format(…)`, with `{}`, `{0}`, `{name}` and what may follow these but attributes and nested fields.
  func formatted(_ text: Text, _ arguments: Arguments) throws(Fault) -> Text {
    try spend(bytes: text.bytes.count)
    let bytes = text.bytes, open = UInt8(ascii: "{"), close = UInt8(ascii: "}")
    var result = Text(), position = 0, count = 0, isNumbered = false
    while let start = bytes[position...].firstIndex(where: { $0 == open || $0 == close }) {
      result.append(text.slice(position..<start))
      if start + 1 < bytes.count, bytes[start + 1] == bytes[start] {
        result.append(text.slice(start..<start + 1))
        position = start + 2
        continue
      }
      guard bytes[start] == open, let end = bytes[start...].firstIndex(of: close) else {
        throw Fault(expected: "a { for each }", found: "one without")
      }
      position = end + 1
      let parts = text.slice(start + 1..<end).string.split(
        separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      var name = String(parts[0]), isRepr = false
      for conversion in ["!r", "!s"] where name.hasSuffix(conversion) {
        name.removeLast(2)
        isRepr = conversion == "!r"
      }
      if name.isEmpty {
        name = "\(count)"
        count += 1
      } else if Int(name) != nil {
        isNumbered = true
      }
      guard count == 0 || !isNumbered else { throw Fault(expected: "fields with numbers or without", found: "both") }
      let found =
        Int(name).map { arguments.positional.indices.contains($0) ? arguments.positional[$0] : nil }
        ?? arguments.named.first { $0.name == name }?.value
      guard var value = found else { throw Fault(expected: "a value for {\(name)}", found: "none") }
      if isRepr { value = .string(try repr(value)) }
      var part = try formatted(value, parts.count > 1 ? Array(parts[1].unicodeScalars) : [])
      if text.isMarkup { part = part.escaped }
      try spend(bytes: part.bytes.count)
      result.append(part)
    }
    result.append(text.slice(position..<bytes.count))
    result.isMarkup = text.isMarkup
    return result
  }

  /// `[[fill]align][sign][0][width][,][.precision][type]`
  private func formatted(_ value: Value, _ format: [Unicode.Scalar]) throws(Fault) -> Text {
    if format.isEmpty { return try string(value) }
    var rest = format[...], field = FormatField()
    let isText = if case .string = value { true } else { false }
    field.isLeft = isText
    func take(_ letters: String) -> Unicode.Scalar? {
      guard let first = rest.first, letters.unicodeScalars.contains(first) else { return nil }
      return rest.popFirst()
    }
    if rest.count > 1, "<>^".unicodeScalars.contains(rest[rest.startIndex + 1]) {
      field.fill = Text(String(rest.removeFirst()))
    }
    if let align = take("<>^") { (field.isLeft, field.isCentred) = (align == "<", align == "^") }
    if let sign = take("+- ") { field.set(sign == "-" ? "." : sign) }
    if take("0") != nil, !isText { field.fillsZeros = true }
    var bytes = Array(String(String.UnicodeScalarView(rest)).utf8), place = 0
    field.width = try number(bytes, &place) ?? 0
    if place < bytes.count, bytes[place] == UInt8(ascii: ",") {
      field.groups = true
      place += 1
    }
    if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
      place += 1
      field.precision = try number(bytes, &place) ?? 0
    }
    bytes.removeFirst(place)
    let letter = bytes.first.map { Unicode.Scalar($0) } ?? (isText ? "s" : value.integer != nil ? "d" : "g")
    guard bytes.count <= 1, isText == (letter == "s"), !(bytes.isEmpty && value.integer == nil && !isText) else {
      throw Fault(expected: "a format of the value's kind", found: "\"\(String(String.UnicodeScalarView(format)))\"")
    }
    return try field.text(value, letter, self)
  }
}

/// How a value is set in a field.
struct FormatField {
  var width = 0
  var precision: Int?
  var isLeft = false, isCentred = false, fillsZeros = false, groups = false
  var sign = "", fill = Text(" ")
  private var isAlternate = false

  /// One of `-`, `+`, space, `0` and `#`.
  mutating func set(_ flag: Unicode.Scalar) {
    switch flag {
    case "-": isLeft = true
    case "+": sign = "+"
    case " ": sign = sign.isEmpty ? " " : sign
    case "0": fillsZeros = true
    case "#": isAlternate = true
    default: break
    }
  }

  func text(_ value: Value, _ letter: Unicode.Scalar, _ interpreter: Interpreter) throws(Fault) -> Text {
    switch letter {
    case "s", "r", "a":
      var text = letter == "s" ? try interpreter.string(value) : try interpreter.repr(value)
      if let precision { text = text.slice(0..<text.offset(ofScalar: precision)) }
      return try padded(text, interpreter)
    case "d", "i", "u":
      guard let number = value.number, number.magnitude < 9.2e18 else { throw .type("a number for %d", value) }
      let whole = value.integer ?? Int(number)  // bounded: just tested
      return try number_(String(whole.magnitude), whole < 0, interpreter)
    case "x", "X", "o", "b":
      guard let number = value.integer else { throw .type("a whole number for %\(letter)", value) }
      let radix = letter == "o" ? 8 : letter == "b" ? 2 : 16
      let prefix = isAlternate ? "0\(letter)" : ""
      return try number_(
        prefix + String(number.magnitude, radix: radix, uppercase: letter == "X"), number < 0, interpreter)
    case "e", "E", "f", "F", "g", "G", "%":
      guard let number = value.number else { throw .type("a number for %\(letter)", value) }
      let scaled = letter == "%" ? number * 100 : number
      let digits = Interpreter.digits(
        scaled.magnitude, letter == "%" ? "f" : Character(letter), precision: precision ?? 6)
      return try number_(digits + (letter == "%" ? "%" : ""), number.sign == .minus && !number.isNaN, interpreter)
    case "c":
      if case .string(let text) = value, text.scalarCount == 1 { return try padded(text, interpreter) }
      guard let number = value.integer, let scalar = UInt32(exactly: number).flatMap({ Unicode.Scalar($0) }) else {
        throw .type("a character for %c", value)
      }
      return try padded(Text(String(scalar)), interpreter)
    default: throw Fault(expected: "a letter of a format", found: "\"\(letter)\"")
    }
  }

  private func number_(_ digits: String, _ isNegative: Bool, _ interpreter: Interpreter) throws(Fault) -> Text {
    var digits = digits
    let sign = isNegative ? "-" : sign
    if groups {
      let whole = digits.prefix { $0.isNumber }, rest = digits.dropFirst(whole.count)
      let grouped = whole.reversed().enumerated().map { $0 > 0 && $0 % 3 == 0 ? "\($1)," : "\($1)" }.reversed().joined()
      digits = grouped + rest
    }
    if fillsZeros, !isLeft {
      return Text(sign + String(repeating: "0", count: max(0, width - digits.utf8.count - sign.utf8.count)) + digits)
    }
    return try padded(Text(sign + digits), interpreter)
  }

  private func padded(_ text: Text, _ interpreter: Interpreter) throws(Fault) -> Text {
    if isCentred {
      let missing = max(0, width - text.scalarCount)
      let left = try interpreter.padded(text, text.scalarCount + missing / 2, fill, "rjust")
      return try interpreter.padded(left, width, fill, "ljust")
    }
    return try interpreter.padded(text, width, fill, isLeft ? "ljust" : "rjust")
  }
}
