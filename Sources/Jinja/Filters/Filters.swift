// SPDX-License-Identifier: Apache-2.0
extension Interpreter {
  static let filters: Set<String> = [
    "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape", "first",
    "float", "forceescape", "format", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower",
    "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "slice",
    "sort", "string", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
  ]

  /// `value | name(…)`
  func filter(_ name: String, _ value: Value, _ arguments: Arguments) throws(Fault) -> Value {
    guard Self.filters.contains(name) else { throw Fault(expected: "a filter", found: "\"\(name)\"") }
    try spend(on: value)
    func bind(_ parameters: String..., required: Int = 0) throws(Fault) -> [Value?] {
      try arguments.bind("filter \(name)", parameters, required: required)
    }
    switch name {
    case "default", "d":
      let values = try bind("default_value", "boolean")
      return value.isUndefined || values[1]?.isTrue == true && !value.isTrue ? values[0] ?? .text("") : value
    case "tojson": return try json(value, try bind("ensure_ascii", "indent", "separators", "sort_keys"))
    case "string":
      _ = try bind()
      return .string(try string(value))
    case "safe":
      _ = try bind()
      var text = try string(value)
      text.isMarkup = true
      return .string(text)
    case "escape", "e":
      _ = try bind()
      return .string(try string(value).escaped)
    case "forceescape":
      _ = try bind()
      return .string(try string(value).withoutMarkup.escaped)
    case "length", "count":
      _ = try bind()
      return .int(try length(of: value))
    case "abs":
      _ = try bind()
      if case .double(let number) = value { return .double(number.magnitude) }
      guard let number = value.integer, number != .min else { throw .type("a number", value) }
      return .int(abs(number))
    case "int": return try int(value, try bind("default", "base"))
    case "float": return try float(value, try bind("default")[0] ?? .double(0))
    case "round": return try round(value, try bind("precision", "method"))
    case "attr":
      let key = try text(try bind("name", required: 1)[0]!)
      if case .undefined(let message) = value { throw Fault(expected: "a value with attributes", found: message) }
      // Unlike `value.name`, no key of a dictionary.
      if case .dict = value {
        return Methods.find(key, of: value) ?? .undefined("'dict object' has no attribute '\(key.string)'")
      }
      return try attribute(key, of: value)
    default:
      if let result = try textFilter(name, value, arguments) { return .string(result) }
      return try sequenceFilter(name, value, arguments)
    }
  }

  private func length(of value: Value) throws(Fault) -> Int {
    switch value {
    case .undefined: return 0
    case .string(let text):
      try spend(bytes: text.bytes.count)
      return text.scalarCount
    case .list(let items), .tuple(let items), .view(_, let items): return items.values.count
    case .dict(let table): return table.count
    case .range(let range): return range.count
    case .loop(let loop): return try loop.length(self)
    default: throw .type("a value that has a length", value)
    }
  }

  private func json(_ value: Value, _ options: [Value?]) throws(Fault) -> Value {
    var printer = JSONPrinter(self)
    printer.asciiOnly = options[0]?.isTrue ?? false
    if let indent = options[1], !indent.isNone {
      if case .string(let text) = indent {
        printer.indent = text
      } else {
        let count = max(0, try whole(indent) ?? 0)
        guard count <= 1000 else { throw Fault(expected: "an indent of at most 1000", found: "\(count)") }
        printer.indent = Text(String(repeating: " ", count: count))
      }
      printer.itemSeparator = Text(",")
    }
    if let separators = options[2], !separators.isNone {
      let texts = try elements(of: separators)
      guard texts.count == 2 else { throw Fault(expected: "two separators", found: "\(texts.count)") }
      (printer.itemSeparator, printer.keySeparator) = (try text(texts[0]), try text(texts[1]))
    }
    printer.sortsKeys = options[3]?.isTrue ?? false
    try printer.write(value)
    return .string(printer.text)
  }

  // MARK: Numbers

  private func int(_ value: Value, _ options: [Value?]) throws(Fault) -> Value {
    let standard = options[0] ?? .int(0)
    if let number = value.integer { return .int(number) }
    if case .double(let number) = value {
      // Python has larger ones.
      guard number.isFinite else { return standard }
      guard number.magnitude < 9.2e18 else { throw Fault(expected: "whole numbers of 64 bits", found: "\(number)") }
      return .int(Int(number))  // bounded: just tested
    }
    guard case .string(let text) = value else {
      if case .undefined(let message) = value { throw Fault(expected: "a number", found: message) }
      return standard
    }
    let words = try stripped(text, nil).string.replacing("_", with: ""), base = try whole(options[1]) ?? 10
    guard base == 0 || 2...36 ~= base else { return standard }
    var digits = words[...], radix = base
    let sign = digits.first == "-" || digits.first == "+" ? String(digits.removeFirst()) : ""
    let prefixes = ["0x": 16, "0o": 8, "0b": 2]
    if let found = prefixes[digits.prefix(2).lowercased()], base == 0 || base == found {
      digits = digits.dropFirst(2)
      radix = found
    }
    let isNumber = digits.first.map { $0 != "-" && $0 != "+" } ?? false
    if isNumber, let number = Int(sign + digits, radix: radix == 0 ? 10 : radix) { return .int(number) }
    guard let number = Self.number(words), number.isFinite, number.magnitude < 9.2e18 else { return standard }
    return .int(Int(number))  // bounded: just tested
  }

  private func float(_ value: Value, _ standard: Value) throws(Fault) -> Value {
    if let number = value.number { return .double(number) }
    if case .undefined(let message) = value { throw Fault(expected: "a number", found: message) }
    guard case .string(let text) = value, let number = Self.number(try stripped(text, nil).string) else {
      return standard
    }
    return .double(number)
  }

  /// What Python's `float` makes of a text.
  private static func number(_ text: String) -> Double? {
    let lowered = text.lowercased().drop { $0 == "-" || $0 == "+" }
    if ["inf", "infinity", "nan"].contains(String(lowered)) { return Double(text) }
    guard text.utf8.allSatisfy({ "0123456789+-._eE".utf8.contains($0) }) else { return nil }
    return Double(text.replacing("_", with: ""))
  }

  private func round(_ value: Value, _ options: [Value?]) throws(Fault) -> Value {
    guard let number = value.number else { throw .type("a number", value) }
    let precision = try whole(options[0]) ?? 0
    let method = try options[1].map { value throws(Fault) in try text(value).string } ?? "common"
    if method == "common" {
      // A whole number stays one, as Python's round leaves it.
      if let whole = value.integer, precision >= 0 { return .int(whole) }
      let result = Self.rounded(number, precision)
      return value.integer == nil ? .double(result) : .int(Int(exactly: result) ?? 0)
    }
    guard method == "ceil" || method == "floor" else {
      throw Fault(expected: "a method of common, ceil or floor", found: "\"\(method)\"")
    }
    let factor = try real(10, "**", Double(precision)), scaled = number * factor
    return .double((method == "ceil" ? scaled.rounded(.up) : scaled.rounded(.down)) / factor)
  }
}
