// SPDX-License-Identifier: Apache-2.0
extension Interpreter {
  /// `text.name(…)`
  func stringMethod(_ name: String, _ text: Text, _ arguments: Arguments) throws(Fault) -> Value {
    if name == "format" { return .string(try formatted(text, arguments)) }
    let named = ["split", "rsplit", "splitlines", "expandtabs"].contains(name)
    guard named || arguments.named.isEmpty else {
      throw Fault(expected: "arguments of \(name) without names", found: "\"\(arguments.named[0].name)\"")
    }
    func bind(_ parameters: String..., required: Int = 0) throws(Fault) -> [Value?] {
      try arguments.bind(name, parameters, required: required)
    }
    try spend(bytes: text.bytes.count)
    switch name {
    case "strip", "lstrip", "rstrip":
      return .string(try stripped(text, try bind("chars")[0], left: name != "rstrip", right: name != "lstrip"))
    case "split", "rsplit":
      let values = try bind("sep", "maxsplit"), most = try whole(values[1]) ?? -1, fromEnd = name == "rsplit"
      let parts =
        if let separator = values[0], !separator.isNone {
          try split(text, try self.text(separator), most: most, fromEnd: fromEnd)
        } else {
          try words(text, most: most, fromEnd: fromEnd)
        }
      return .list(try Items(parts.map { .string($0) }))
    case "splitlines":
      return .list(try Items(try lines(text, keepsEnds: try bind("keepends")[0]?.isTrue ?? false).map { .string($0) }))
    case "startswith", "endswith":
      let values = try bind("prefix", "start", "end", required: 1)
      return .bool(try has(text, values[0]!, try range(text, values[1], values[2]), atEnd: name == "endswith"))
    case "removeprefix", "removesuffix":
      let part = try self.text(try bind("prefix", required: 1)[0]!), isEnd = name == "removesuffix"
      guard try has(text, .string(part), 0..<text.bytes.count, atEnd: isEnd), !part.isEmpty else {
        return .string(text)
      }
      let size = text.bytes.count, count = part.bytes.count
      return .string(text.slice(isEnd ? 0..<size - count : count..<size))
    case "replace":
      let values = try bind("old", "new", "count", required: 2)
      let old = try self.text(values[0]!), new = try self.text(values[1]!)
      return .string(
        try replace(text, old, text.isMarkup ? new.escaped : new, most: try whole(values[2]) ?? -1))
    case "find", "index", "rfind", "rindex", "count":
      return .int(try search(name, text, try bind("sub", "start", "end", required: 1)))
    case "partition", "rpartition":
      let separator = try self.text(try bind("sep", required: 1)[0]!), isLast = name == "rpartition"
      let parts = try split(text, separator, most: 1, fromEnd: isLast)
      if parts.count == 2 { return .tuple(try Items([.string(parts[0]), .string(separator), .string(parts[1])])) }
      let empty = Value.string(Text())
      return .tuple(try Items(isLast ? [empty, empty, .string(text)] : [.string(text), empty, empty]))
    case "join":
      var parts: [Text] = []
      for value in try elements(of: try bind("iterable", required: 1)[0]!) {
        let part = try self.text(value)
        parts.append(text.isMarkup ? part.escaped : part)
      }
      var result = try join(parts, text)
      result.isMarkup = text.isMarkup
      return .string(result)
    case "center", "ljust", "rjust":
      let values = try bind("width", "fillchar", required: 1)
      return .string(
        try padded(
          text, try whole(values[0]) ?? 0, try values[1].map { value throws(Fault) in try self.text(value) }, name))
    case "zfill":
      let width = try whole(try bind("width", required: 1)[0]) ?? 0
      let isSigned = text.bytes.first == UInt8(ascii: "-") || text.bytes.first == UInt8(ascii: "+")
      let sign = text.slice(0..<(isSigned ? 1 : 0)), rest = text.slice((isSigned ? 1 : 0)..<text.bytes.count)
      return .string(try joined(sign, try padded(rest, width - (isSigned ? 1 : 0), Text("0"), "rjust")))
    case "expandtabs":
      let size = try whole(try bind("tabsize")[0]) ?? 8
      guard 0...1000 ~= size else { throw Fault(expected: "tabs of 0 to 1000", found: "\(size)") }
      var column = 0
      try spend(bytes: text.bytes.count * size)
      return .string(
        text.mapped { scalar, _ in
          if scalar == "\t" {
            let count = size == 0 ? 0 : size - column % size
            column += count
            return String(repeating: " ", count: count)
          }
          column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
          return nil
        })
    default:
      _ = try bind()
      return TextCase.test(name, text).map { .bool($0) } ?? .string(TextCase.changed(name, text))
    }
  }

  // MARK: Arguments

  /// A string, or an error.
  func text(_ value: Value) throws(Fault) -> Text {
    guard case .string(let text) = value else { throw .type("a string", value) }
    return text
  }

  /// A whole number, or an error; nil for an argument that is not there.
  func whole(_ value: Value?) throws(Fault) -> Int? {
    guard let value else { return nil }
    guard let number = value.integer else { throw .type("a whole number", value) }
    return number
  }

  /// The bytes between two positions in scalars.
  private func range(_ text: Text, _ start: Value?, _ end: Value?) throws(Fault) -> Range<Int>? {
    func place(_ value: Value?, _ standard: Int) throws(Fault) -> Int {
      guard let value, !value.isNone, let index = try whole(value) else { return standard }
      return text.offset(ofScalar: index)
    }
    let lower = try place(start, 0), upper = try place(end, text.bytes.count)
    if case .int(let start)? = start, start > 0, lower == text.bytes.count, start > text.scalarCount { return nil }
    return lower <= upper ? lower..<upper : nil
  }

  // MARK: Parts

  func stripped(_ text: Text, _ characters: Value?, left: Bool = true, right: Bool = true) throws(Fault) -> Text {
    var start = 0, end = text.bytes.count
    if let characters, !characters.isNone {
      try spend(on: .string(text))
      try spend(8 * (try self.text(characters)).bytes.count)
      let set = Set(try self.text(characters).scalars.map(\.scalar)), scalars = text.string.unicodeScalars
      if left { for scalar in scalars { if set.contains(scalar) { start += UTF8.width(scalar) } else { break } } }
      if right {
        for scalar in scalars.reversed() {
          guard end > start, set.contains(scalar) else { break }
          end -= UTF8.width(scalar)
        }
      }
    } else {
      if left { start = WhiteSpace.end(text.bytes, from: 0) }
      if right { end = WhiteSpace.start(text.bytes, before: end, from: start) }
    }
    return text.slice(start..<end)
  }

  private func has(_ text: Text, _ parts: Value, _ range: Range<Int>?, atEnd: Bool) throws(Fault) -> Bool {
    if case .tuple(let items) = parts {
      for item in items.values where try has(text, .string(try self.text(item)), range, atEnd: atEnd) { return true }
      return false
    }
    let part = try self.text(parts).bytes
    guard let range, part.count <= range.count else { return false }
    try spend(bytes: part.count)
    return atEnd ? text.bytes[range].suffix(part.count).elementsEqual(part) : text.bytes[range].starts(with: part)
  }

  private func search(_ name: String, _ text: Text, _ values: [Value?]) throws(Fault) -> Int {
    let part = try self.text(values[0]!), range = try range(text, values[1], values[2])
    if name == "count" {
      guard let range else { return 0 }
      let slice = text.slice(range)
      return part.isEmpty ? slice.scalarCount + 1 : try split(slice, part, most: -1).count - 1
    }
    if let range, let place = try find(part, in: text, range, last: name.hasPrefix("r")) {
      return Text.scalarCount(text.bytes[..<place])
    }
    if name.hasSuffix("index") {
      throw Fault(expected: "a string that holds \(values[0]!.kind)", found: "one that does not")
    }
    return -1
  }

  private func lines(_ text: Text, keepsEnds: Bool) throws(Fault) -> [Text] {
    var lines: [Text] = [], start = 0, end = 0, isReturn = false
    for scalar in text.string.unicodeScalars {
      let width = UTF8.width(scalar)
      if isReturn, scalar == "\n" {
        // The second half of a line break.
        if keepsEnds { lines[lines.count - 1] = text.slice(start - lines.last!.bytes.count..<end + 1) }
        start = end + 1
      } else if TextCase.isLineBreak(scalar) {
        try spend(4)
        lines.append(text.slice(start..<end + (keepsEnds ? width : 0)))
        start = end + width
      }
      isReturn = scalar == "\r"
      end += width
    }
    if start < end { lines.append(text.slice(start..<end)) }
    return lines
  }

  func padded(_ text: Text, _ width: Int, _ fill: Text?, _ side: String) throws(Fault) -> Text {
    let fill = fill ?? Text(" "), count = text.scalarCount
    guard fill.scalarCount == 1 else {
      throw Fault(expected: "one character to fill with", found: "\(fill.scalarCount)")
    }
    guard width > count else { return text }
    let missing = width - count
    // Python's rule for where the odd one goes.
    let left = side == "ljust" ? 0 : side == "rjust" ? missing : missing / 2 + (missing & width & 1)
    try spend(bytes: missing > 1 << 40 ? .max : missing * fill.bytes.count)
    var result = Text()
    for _ in 0..<left { result.append(fill) }
    result.append(text)
    for _ in left..<missing { result.append(fill) }
    result.isMarkup = text.isMarkup
    return result
  }
}
