// SPDX-License-Identifier: Apache-2.0
extension Interpreter {
  /// Filters over lists and the like.
  func sequenceFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(Fault) -> Value {
    func bind(_ parameters: String..., required: Int = 0) throws(Fault) -> [Value?] {
      try arguments.bind("filter \(name)", parameters, required: required)
    }
    switch name {
    case "list":
      _ = try bind()
      return .list(try Items(try elements(of: value)))
    case "items":
      _ = try bind()
      if value.isUndefined { return .iterator(try ValueIterator([])) }
      guard case .dict(let table) = value else { throw .type("a dictionary to take items of", value) }
      try spend(4 * table.count)
      return .iterator(try ValueIterator(try table.pairs()))
    case "first":
      _ = try bind()
      if case .iterator(let iterator) = value { return iterator.next() ?? Self.empty("first") }
      if case .string(let text) = value { return text.scalar(at: 0).map { .string($0) } ?? Self.empty("first") }
      return try elements(of: value).first ?? Self.empty("first")
    case "last":
      _ = try bind()
      if case .iterator = value { throw .type("a value that has a last element", value) }
      if case .string(let text) = value { return text.scalar(at: -1).map { .string($0) } ?? Self.empty("last") }
      return try elements(of: value).last ?? Self.empty("last")
    case "reverse":
      _ = try bind()
      if case .string = value { return try slice([.none, .none, .int(-1)], of: value) }
      let values = Array(try elements(of: value).reversed())
      // Python reverses only what has an order of its own; a copy of the rest is reversed.
      if case .iterator = value { return .list(try Items(values)) }
      return .iterator(try ValueIterator(values))
    case "join":
      let options = try bind("d", "attribute")
      var parts: [Text] = []
      for value in try elements(of: value) { parts.append(try string(try picked(value, options[1]))) }
      return .string(try join(parts, try options[0].map { value throws(Fault) in try string(value) } ?? Text()))
    case "map": return .iterator(try ValueIterator(try mapped(try elements(of: value), arguments)))
    case "select", "reject", "selectattr", "rejectattr":
      return .iterator(try ValueIterator(try selected(name, value, arguments)))
    case "sort": return try sort(value, try bind("reverse", "case_sensitive", "attribute"))
    case "dictsort": return try dictSort(value, try bind("case_sensitive", "by", "reverse"))
    case "unique":
      let options = try bind("case_sensitive", "attribute")
      var seen: Set<Key> = [], kept: [Value] = []
      for value in try elements(of: value) {
        let key = try Key(try folded(try picked(value, options[1]), options[0]))
        if seen.insert(key).inserted { kept.append(value) }
      }
      return .iterator(try ValueIterator(kept))
    case "min", "max":
      let options = try bind("case_sensitive", "attribute")
      var best: (value: Value, key: Value)?
      for value in try elements(of: value) {
        let key = try folded(try picked(value, options[1]), options[0])
        guard let old = best else {
          best = (value, key)
          continue
        }
        if let order = try order(key, old.key), name == "min" ? order < 0 : order > 0 { best = (value, key) }
      }
      return best?.value ?? .undefined("No aggregated item, sequence was empty.")
    case "sum":
      let options = try bind("attribute", "start")
      var total = options[1] ?? .int(0)
      for value in try elements(of: value) {
        let part = try picked(value, options[0])
        if case .string = part { throw .type("numbers to add", part) }
        total = try calculate(total, "+", part)
      }
      return total
    case "groupby": return try grouped(value, try bind("attribute", "default", "case_sensitive", required: 1))
    case "batch":
      let options = try bind("linecount", "fill_with", required: 1)
      return try batches(try elements(of: value), try whole(options[0])!, options[1])
    case "slice":
      let options = try bind("slices", "fill_with", required: 1)
      return try columns(try elements(of: value), try whole(options[0])!, options[1])
    default:  // wordcount
      _ = try bind()
      let text = try string(value)
      try spend(bytes: text.bytes.count)
      var count = 0, isInWord = false
      for scalar in text.string.unicodeScalars {
        let isWord = scalar == "_" || TextCase.test("isalnum", Text(String(scalar))) == true
        if isWord, !isInWord { count += 1 }
        isInWord = isWord
      }
      return .int(count)
    }
  }

  private static func empty(_ which: String) -> Value { .undefined("No \(which) item, sequence was empty.") }

  // MARK: Elements

  /// What `attribute` names in a value: keys and numbers with points between.
  func picked(_ value: Value, _ attribute: Value?, standard: Value? = nil) throws(Fault) -> Value {
    guard let attribute, !attribute.isNone else { return value }
    guard case .string(let path) = attribute else { return try item(attribute, of: value) }
    var result = value
    for part in try split(path, Text("."), most: -1) {
      let isNumber = TextCase.test("isdigit", part) == true
      result = try item(isNumber ? Int(part.string).map { .int($0) } ?? .string(part) : .string(part), of: result)
      if let standard, result.isUndefined { result = standard }
    }
    return result
  }

  func folded(_ value: Value, _ isCaseSensitive: Value?) throws(Fault) -> Value {
    try spend(on: value)
    guard isCaseSensitive?.isTrue != true, case .string(let text) = value else { return value }
    return .string(TextCase.lowered(text))
  }

  private func mapped(_ values: [Value], _ arguments: Arguments) throws(Fault) -> [Value] {
    var arguments = arguments, results: [Value] = []
    if arguments.positional.isEmpty, let attribute = arguments.take("attribute") {
      let standard = arguments.take("default")
      if let name = arguments.named.first?.name {
        throw Fault(expected: "attribute and default for map", found: "\"\(name)\"")
      }
      for value in values {
        results.append(try picked(value, attribute, standard: standard.flatMap { $0.isNone ? nil : $0 }))
      }
      return results
    }
    guard let first = arguments.positional.first else {
      throw Fault(expected: "a filter or an attribute for map", found: "none")
    }
    arguments.positional.removeFirst()
    let name = try text(first).string
    for value in values {
      try spend()
      results.append(try filter(name, value, arguments))
    }
    return results
  }

  private func selected(_ name: String, _ value: Value, _ arguments: Arguments) throws(Fault) -> [Value] {
    guard value.isTrue else { return [] }
    var arguments = arguments, attribute: Value?, kept: [Value] = []
    if name.hasSuffix("attr") {
      guard let first = arguments.positional.first else {
        throw Fault(expected: "an attribute for \(name)", found: "none")
      }
      attribute = first
      arguments.positional.removeFirst()
    }
    var test: String?
    if let first = arguments.positional.first {
      test = try text(first).string
      arguments.positional.removeFirst()
    }
    for value in try elements(of: value) {
      try spend()
      let picked = try picked(value, attribute)
      let holds = try test.map { test throws(Fault) in try self.test(test, picked, arguments) } ?? picked.isTrue
      if holds == name.hasPrefix("select") { kept.append(value) }
    }
    return kept
  }

  // MARK: Parts

  /// Lists of so many elements.
  private func batches(_ values: [Value], _ count: Int, _ fill: Value?) throws(Fault) -> Value {
    guard count > 0 else { throw Fault(expected: "batches of 1 and more", found: "\(count)") }
    var rows: [Value] = []
    for start in stride(from: 0, to: values.count, by: min(count, max(values.count, 1))) {
      var row = Array(values[start..<min(start + min(count, values.count), values.count)])
      if let fill, !fill.isNone, row.count < count {
        try spend(count)
        row += [Value](repeating: fill, count: count - row.count)
      }
      rows.append(.list(try Items(row)))
    }
    return .iterator(try ValueIterator(rows))
  }

  /// So many lists, the first of them longer by one where it does not come out even.
  private func columns(_ values: [Value], _ count: Int, _ fill: Value?) throws(Fault) -> Value {
    guard count > 0 else { throw Fault(expected: "slices of 1 and more", found: "\(count)") }
    try spend(count)
    let (size, longer) = values.count.quotientAndRemainder(dividingBy: count)
    var rows: [Value] = [], start = 0
    for index in 0..<count {
      let end = start + size + (index < longer ? 1 : 0)
      var row = Array(values[start..<end])
      if let fill, !fill.isNone, index >= longer { row.append(fill) }
      rows.append(.list(try Items(row)))
      start = end
    }
    return .iterator(try ValueIterator(rows))
  }
}
