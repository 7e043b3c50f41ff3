// SPDX-License-Identifier: Apache-2.0
/// Which methods values have. Those that change a list or a dictionary are none, as in transformers' sandbox.
enum Methods {
  private static let string: Set<String> = [
    "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "index", "isalnum",
    "isalpha", "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join",
    "ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
    "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper",
    "zfill",
  ]
  private static let dict: Set<String> = ["copy", "get", "items", "keys", "values"]
  private static let list: Set<String> = ["copy", "count", "index"]
  private static let tuple: Set<String> = ["count", "index"]

  /// The method of a value, if it has one of that name.
  static func find(_ name: Text, of value: Value) -> Value? {
    let names =
      switch value {
      case .string: string
      case .dict: dict
      case .list: list
      case .tuple, .range: tuple
      default: Set<String>()
      }
    guard !names.isEmpty, names.contains(name.string) else { return nil }
    return .method(Method(value, name.string))
  }
}

extension Interpreter {
  func call(_ method: Method, _ arguments: Arguments) throws(Fault) -> Value {
    switch method.receiver {
    case .string(let text): return try stringMethod(method.name, text, arguments)
    case .dict(let table): return try dictMethod(method.name, table, arguments)
    case .loop(let loop): return try loop.call(method.name, arguments, self)
    default: return try listMethod(method.name, method.receiver, arguments)
    }
  }

  private func dictMethod(_ name: String, _ table: Table, _ arguments: Arguments) throws(Fault) -> Value {
    if name == "get" {
      guard arguments.named.isEmpty else { throw Fault(expected: "arguments of get without names", found: "names") }
      let values = try arguments.bind(name, ["key", "default"], required: 1)
      try spend(on: values[0]!)
      return try table.value(under: values[0]!) ?? values[1] ?? .none
    }
    _ = try arguments.bind(name, [])
    try spend(table.count * 4)
    switch name {
    case "items": return .view(.items, try Items(try table.pairs()))
    case "keys": return .view(.keys, try Items(table.keys))
    case "values": return .view(.values, try Items(table.values))
    default: return .dict(table)
    }
  }

  private func listMethod(_ name: String, _ list: Value, _ arguments: Arguments) throws(Fault) -> Value {
    if name == "copy" {
      _ = try arguments.bind(name, [])
      return list
    }
    let wanted = try arguments.bind(name, ["value"], required: 1)[0]!
    var count = 0
    for (index, value) in try elements(of: list).enumerated() where try equal(value, wanted) {
      if name == "index" { return .int(index) }
      count += 1
    }
    if name == "index" { throw Fault(expected: "an element of the list", found: wanted.kind) }
    return .int(count)
  }

  // MARK: Search

  /// Where a part of a text begins, in bytes; nil if it is not there.
  ///
  /// - Parameter range: the bytes to look in.
  func find(_ part: Text, in text: Text, _ range: Range<Int>? = nil, last: Bool = false) throws(Fault) -> Int? {
    let range = range ?? 0..<text.bytes.count, count = part.bytes.count
    guard count <= range.count else { return nil }
    guard let first = part.bytes.first else { return last ? range.upperBound : range.lowerBound }
    var work = 0
    for step in 0...(range.count - count) {
      let start = last ? range.upperBound - count - step : range.lowerBound + step
      work += 1
      if text.bytes[start] == first {
        var length = 1
        while length < count, text.bytes[start + length] == part.bytes[length] { length += 1 }
        if length == count {
          try spend(work / 64)
          return start
        }
        work += length
      }
      if work > 1 << 12 {
        try spend(work / 64)
        work = 0
      }
    }
    try spend(work / 64)
    return nil
  }

  /// The parts of a text between a separator.
  ///
  /// - Parameter most: how many separators count; negative: all.
  func split(_ text: Text, _ separator: Text, most: Int, fromEnd: Bool = false) throws(Fault) -> [Text] {
    guard !separator.isEmpty else { throw Fault(expected: "a separator", found: "an empty string") }
    try spend(bytes: text.bytes.count)
    var parts: [Text] = [], rest = 0..<text.bytes.count
    while most < 0 || parts.count < most, let place = try find(separator, in: text, rest, last: fromEnd) {
      try spend(4)
      let after = place + separator.bytes.count
      parts.append(text.slice(fromEnd ? after..<rest.upperBound : rest.lowerBound..<place))
      rest = fromEnd ? rest.lowerBound..<place : after..<rest.upperBound
    }
    parts.append(text.slice(rest))
    return fromEnd ? parts.reversed() : parts
  }

  /// The words of a text between white space.
  func words(_ text: Text, most: Int = -1, fromEnd: Bool = false) throws(Fault) -> [Text] {
    try spend(bytes: text.bytes.count)
    let bytes = text.bytes
    var words: [Text] = []
    var start = WhiteSpace.end(bytes, from: 0), end = WhiteSpace.start(bytes, before: bytes.count, from: start)
    while start < end {
      try spend(4)
      if most >= 0, words.count >= most {
        // What is left is one word, spaces and all.
        words.append(text.slice(fromEnd ? 0..<end : start..<bytes.count))
        break
      }
      if fromEnd {
        var place = end
        while place > start, WhiteSpace.start(bytes, before: place, from: start) == place {
          place = before(place, bytes)
        }
        words.append(text.slice(place..<end))
        end = WhiteSpace.start(bytes, before: place, from: start)
      } else {
        var place = start
        while place < end, WhiteSpace.length(bytes, at: place) == 0 { place += 1 }
        words.append(text.slice(start..<place))
        start = WhiteSpace.end(bytes, from: place)
      }
    }
    return fromEnd ? words.reversed() : words
  }

  private func before(_ position: Int, _ bytes: [UInt8]) -> Int {
    var place = position - 1
    while place > 0, bytes[place] & 0xC0 == 0x80 { place -= 1 }
    return place
  }

  func replace(_ text: Text, _ old: Text, _ new: Text, most: Int) throws(Fault) -> Text {
    if old.isEmpty { return try interleave(text, new, most: most) }
    let parts = try split(text, old, most: most)
    guard parts.count > 1 else { return text }
    try spend(bytes: new.bytes.count * (parts.count - 1))
    return joined(parts, new, isMarkup: text.isMarkup)
  }

  /// Python puts the new text around every scalar where the old one is empty.
  private func interleave(_ text: Text, _ new: Text, most: Int) throws(Fault) -> Text {
    try spend(8 * text.bytes.count)
    let scalars = text.scalars, count = most < 0 ? scalars.count + 1 : min(most, scalars.count + 1)
    try spend(bytes: new.bytes.count * count)
    var result = Text()
    for index in 0...scalars.count {
      if index < count { result.append(new) }
      if index < scalars.count { result.append(text.slice(scalars[index].range)) }
    }
    result.isMarkup = text.isMarkup
    return result
  }

  private func joined(_ parts: [Text], _ separator: Text, isMarkup: Bool) -> Text {
    var result = Text()
    for (index, part) in parts.enumerated() {
      if index > 0 { result.append(separator) }
      result.append(part)
    }
    result.isMarkup = isMarkup
    return result
  }

  func join(_ parts: [Text], _ separator: Text) throws(Fault) -> Text {
    var size = 0
    for part in parts { size += part.bytes.count + separator.bytes.count }
    try spend(bytes: size)
    return joined(parts, separator, isMarkup: false)
  }
}
