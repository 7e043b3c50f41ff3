// SPDX-License-Identifier: Apache-2.0
extension Interpreter {
  /// Filters that make a text of a text; nil for another name.
  func textFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(Fault) -> Text? {
    func bind(_ parameters: String..., required: Int = 0) throws(Fault) -> [Value?] {
      try arguments.bind("filter \(name)", parameters, required: required)
    }
    switch name {
    case "trim": return try stripped(try string(value), try bind("chars")[0])
    case "upper", "lower", "capitalize":
      _ = try bind()
      let text = try string(value)
      try spend(bytes: 4 * text.bytes.count)
      return TextCase.changed(name, text)
    case "title":
      _ = try bind()
      return try titled(try string(value))
    case "replace":
      let values = try bind("old", "new", "count", required: 2)
      let most = values[2].map { $0.isNone ? .int(-1) : $0 }
      return try replace(
        try string(value).withoutMarkup, try string(values[0]!), try string(values[1]!), most: try whole(most) ?? -1)
    case "indent": return try indented(try string(value), try bind("width", "first", "blank"))
    case "center": return try padded(try string(value), try whole(try bind("width")[0]) ?? 80, nil, "center")
    case "truncate": return try truncated(try string(value), try bind("length", "killwords", "end", "leeway"))
    case "format":
      guard arguments.named.isEmpty || arguments.positional.isEmpty else {
        throw Fault(expected: "values or names for a format", found: "both")
      }
      if !arguments.named.isEmpty {
        return try formatted(try string(value), .dict(try Table(arguments.named.map { (.text($0.name), $0.value) })))
      }
      return try formatted(try string(value), .tuple(try Items(arguments.positional)))
    case "urlencode":
      _ = try bind()
      return try urlEncoded(value)
    default: return nil
    }
  }

  /// Each word with a capital; words begin after spaces, hyphens and opening brackets.
  private func titled(_ text: Text) throws(Fault) -> Text {
    try spend(bytes: 4 * text.bytes.count)
    var isInWord = false
    return text.mapped { scalar, _ in
      let isBreak = "-({[<".unicodeScalars.contains(scalar) || WhiteSpace.length(Array(String(scalar).utf8), at: 0) > 0
      defer { isInWord = !isBreak }
      if isBreak { return nil }
      let new = isInWord ? scalar.properties.lowercaseMapping : scalar.properties.uppercaseMapping
      return new.unicodeScalars.elementsEqual(CollectionOfOne(scalar)) ? nil : new
    }
  }

  private func indented(_ text: Text, _ options: [Value?]) throws(Fault) -> Text {
    var indent = Text("    ")
    if case .string(let text)? = options[0] {
      indent = text
    } else if let width = try whole(options[0]) {
      guard width <= 1000 else { throw Fault(expected: "an indent of at most 1000", found: "\(width)") }
      indent = Text(String(repeating: " ", count: max(0, width)))
    }
    var text = text
    try spend(8 * text.bytes.count)
    text.append("\n")  // A line break at the end is kept, as Jinja does it.
    var lines: [Text] = [], start = 0
    for (scalar, range) in text.scalars where TextCase.isLineBreak(scalar) {
      if scalar == "\n", range.lowerBound > 0, text.bytes[range.lowerBound - 1] == 13, start == range.lowerBound {
        start = range.upperBound
        continue
      }
      lines.append(text.slice(start..<range.lowerBound))
      start = range.upperBound
    }
    try spend(bytes: text.bytes.count + lines.count * indent.bytes.count)
    var result = Text()
    for (index, line) in lines.enumerated() {
      if index > 0 { result.append("\n") }
      if index == 0 ? options[1]?.isTrue == true : options[2]?.isTrue == true || !line.isEmpty { result.append(indent) }
      result.append(line)
    }
    return result
  }

  private func truncated(_ text: Text, _ options: [Value?]) throws(Fault) -> Text {
    let length = try whole(options[0]) ?? 255, leeway = try whole(options[3]) ?? 5
    let end = try options[2].map { value throws(Fault) in try string(value) } ?? Text("...")
    let count = text.scalarCount, endCount = end.scalarCount
    guard length >= endCount, leeway >= 0 else {
      throw Fault(
        expected: "a length of at least \(endCount) and a leeway of at least 0", found: "\(length), \(leeway)")
    }
    if count - length <= leeway { return text }
    var kept = text.slice(0..<text.offset(ofScalar: length - endCount))
    if options[1]?.isTrue != true, let space = kept.bytes.lastIndex(of: 0x20) { kept = kept.slice(0..<space) }
    return try joined(kept, end)
  }

  private func urlEncoded(_ value: Value) throws(Fault) -> Text {
    func quoted(_ value: Value, _ safe: String) throws(Fault) -> Text {
      let text = try string(value)
      try spend(bytes: 4 * text.bytes.count)
      return text.withoutMarkup.mapped { scalar, _ in
        if scalar.isASCII, scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) { return nil }
        if "_.-~".unicodeScalars.contains(scalar) || safe.unicodeScalars.contains(scalar) { return nil }
        return String(scalar).utf8.map { "%" + (($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true)) }
          .joined()
      }
    }
    if case .string = value { return try quoted(value, "/") }
    var pairs: [(Value, Value)] = []
    switch value {
    case .dict(let table): pairs = table.members.map { ($0.key, $0.value) }
    case .list, .tuple, .view, .iterator, .range, .undefined:
      for pair in try elements(of: value) {
        let parts = try elements(of: pair)
        guard parts.count == 2 else { throw Fault(expected: "pairs", found: "\(parts.count) values") }
        pairs.append((parts[0], parts[1]))
      }
    default: return try quoted(value, "/")
    }
    var parts: [Text] = []
    for (key, value) in pairs {
      // A query has + for spaces, and no slash.
      let key = try quoted(key, " "), value = try quoted(value, " ")
      parts.append(try replace(try join([key, value], Text("=")), Text(" "), Text("+"), most: -1))
    }
    return try join(parts, Text("&"))
  }
}
