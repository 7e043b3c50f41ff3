// SPDX-License-Identifier: Apache-2.0
/// A regular expression, parsed.
indirect enum RegexNode: Sendable {
  enum Greed: Sendable { case greedy, lazy, possessive }
  enum Anchor: Sendable { case lineStart, lineEnd, textStart, textEnd, wordBoundary, notWordBoundary }

  case set(ScalarSet)
  case sequence([RegexNode])
  case choice([RegexNode])
  case repeated(RegexNode, min: Int, max: Int?, Greed)
  case look(RegexNode, negated: Bool)
  case atomic(RegexNode)
  case anchor(Anchor)

  /// Whether it can match without taking a character.
  var canBeEmpty: Bool {
    switch self {
    case .set: false
    case .sequence(let nodes): nodes.allSatisfy(\.canBeEmpty)
    case .choice(let nodes): nodes.contains(where: \.canBeEmpty)
    case .repeated(let node, let min, _, _): min == 0 || node.canBeEmpty
    case .look, .anchor: true
    case .atomic(let node): node.canBeEmpty
    }
  }
}

/// Parses the part of Oniguruma's syntax that tokenizers use, the rest is refused by name.
struct RegexParser {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var ignoresCase = false
  private var depth = 0

  struct Failure: Error { var reason: String }

  static func parse(_ pattern: String) throws(Failure) -> RegexNode {
    guard pattern.utf8.count <= 20_000 else { throw Failure(reason: "more than 20,000 bytes") }
    var parser = RegexParser(scalars: Array(pattern.unicodeScalars))
    let node = try parser.choice()
    guard parser.position == parser.scalars.count else { throw Failure(reason: "a closing parenthesis too many") }
    return node
  }

  private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func take(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    guard scalars[position...].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  private mutating func one() throws(Failure) -> Unicode.Scalar {
    guard let next else { throw Failure(reason: "more after its end") }
    position += 1
    return next
  }

  // MARK: Structure

  private mutating func choice() throws(Failure) -> RegexNode {
    depth += 1
    defer { depth -= 1 }
    guard depth < 64 else { throw Failure(reason: "parentheses nested deeper than 64") }
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(Failure) -> RegexNode {
    var nodes: [RegexNode] = []
    while let next, next != "|", next != ")" { nodes.append(try quantified(try atom())) }
    return nodes.count == 1 ? nodes[0] : .sequence(nodes)
  }

  private mutating func quantified(_ node: RegexNode) throws(Failure) -> RegexNode {
    var node = node
    var count = 0
    while let (min, max, isInterval) = try quantifier() {
      // Of {n,m}+ Oniguruma makes a repeated repetition, not a possessive one.
      let greed: RegexNode.Greed = take("?") ? .lazy : !isInterval && take("+") ? .possessive : .greedy
      guard !node.canBeEmpty || max != nil else { throw Failure(reason: "repetition of something that may be empty") }
      count += 1
      guard count <= 4 else { throw Failure(reason: "more than four repetitions of one another") }
      node = .repeated(node, min: min, max: max, greed)
    }
    return node
  }

  private mutating func quantifier() throws(Failure) -> (min: Int, max: Int?, isInterval: Bool)? {
    if take("*") { return (0, nil, false) }
    if take("+") { return (1, nil, false) }
    if take("?") { return (0, 1, false) }
    guard next == "{" else { return nil }
    let start = position
    position += 1
    let low = number()
    let hasComma = take(",")
    let high = hasComma ? number() : low
    guard take("}"), low != nil || high != nil else {
      position = start
      return nil
    }
    guard max(low ?? 0, high ?? 0) <= 1000, high ?? .max >= low ?? 0 else {
      throw Failure(reason: "a count above 1000")
    }
    return (low ?? 0, high, true)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let digit = next.flatMap({ Character($0).wholeNumberValue }), value ?? 0 < 1_000_000 {
      value = (value ?? 0) * 10 + digit
      position += 1
    }
    return value
  }

  private mutating func atom() throws(Failure) -> RegexNode {
    let scalar = try one()
    switch scalar {
    case "(": return try group()
    case "[": return .set(try set())
    case ".":
      var newline = ScalarSet(10...10)
      newline.isNegated = true
      return .set(newline)
    case "^": return .anchor(.lineStart)
    case "$": return .anchor(.lineEnd)
    case "*", "+", "?": throw Failure(reason: "\"\(scalar)\" with nothing before it")
    case "\\":
      if take("A") { return .anchor(.textStart) }
      if take("z") { return .anchor(.textEnd) }
      if take("b") { return .anchor(.wordBoundary) }
      if take("B") { return .anchor(.notWordBoundary) }
      return .set(try folded(try escape()))
    default: return .set(try folded(ScalarSet(scalar.value...scalar.value)))
    }
  }

  private mutating func group() throws(Failure) -> RegexNode {
    let outer = ignoresCase
    defer { ignoresCase = outer }
    var wrap: (RegexNode) -> RegexNode = { $0 }
    if take("?=") {
      wrap = { .look($0, negated: false) }
    } else if take("?!") {
      wrap = { .look($0, negated: true) }
    } else if take("?>") {
      wrap = { .atomic($0) }
    } else if take("?i:") {
      ignoresCase = true
    } else if !take("?:"), next == "?" {
      throw Failure(reason: "a group (?\(position + 1 < scalars.count ? String(scalars[position + 1]) : "")…")
    }
    let node = try choice()
    guard take(")") else { throw Failure(reason: "a parenthesis that is not closed") }
    return wrap(node)
  }

  // MARK: Sets

  private mutating func set() throws(Failure) -> ScalarSet {
    depth += 1
    defer { depth -= 1 }
    guard depth < 64 else { throw Failure(reason: "brackets nested deeper than 64") }
    var result = ScalarSet()
    result.isNegated = take("^")
    var isFirst = true
    while true {
      if take("&&") { throw Failure(reason: "an intersection && of sets") }
      if take("[:") { throw Failure(reason: "a POSIX class [:…:]") }
      let scalar = try one()
      if scalar == "]", !isFirst { return result }
      isFirst = false
      if scalar == "[" {
        result.members.append(try set())
        continue
      }
      let low = scalar == "\\" ? try escape() : ScalarSet(scalar.value...scalar.value)
      guard let from = low.single, next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
        result.members.append(try folded(low))
        continue
      }
      position += 1
      let last = try one()
      let high = last == "\\" ? try escape() : ScalarSet(last.value...last.value)
      guard let to = high.single, from <= to else { throw Failure(reason: "a range in brackets that runs backwards") }
      result.members.append(try folded(ScalarSet(from...to)))
    }
  }

  private mutating func escape() throws(Failure) -> ScalarSet {
    let scalar = try one()
    var result = ScalarSet()
    switch scalar {
    case "s", "S": result.hasSpace = true
    case "w", "W": result.hasWord = true
    case "d", "D": result.categories = ScalarClass.mask(named: "Nd")!
    case "p", "P": result = try property()
    case "n": return ScalarSet(10...10)
    case "r": return ScalarSet(13...13)
    case "t": return ScalarSet(9...9)
    case "f": return ScalarSet(12...12)
    case "v": return ScalarSet(11...11)
    case "x", "u": return try code(scalar)
    default:
      guard !Character(scalar).isLetter, !Character(scalar).isNumber else { throw Failure(reason: "\\\(scalar)") }
      return ScalarSet(scalar.value...scalar.value)
    }
    if "SWDP".unicodeScalars.contains(scalar) { result.isNegated.toggle() }
    return result
  }

  private mutating func property() throws(Failure) -> ScalarSet {
    var name = ""
    if take("{") {
      while let next, next != "}" { name.unicodeScalars.append(try one()) }
      guard take("}") else { throw Failure(reason: "\\p{ that is not closed") }
    } else {
      name.unicodeScalars.append(try one())
    }
    var result = ScalarSet()
    result.isNegated = name.first == "^"
    if result.isNegated { name.removeFirst() }
    if name == "Han" {
      result.hasHan = true
    } else if let mask = ScalarClass.mask(named: name) {
      result.categories = mask
    } else {
      throw Failure(reason: "\\p{\(name)}")
    }
    return result
  }

  private mutating func code(_ kind: Unicode.Scalar) throws(Failure) -> ScalarSet {
    let isBraced = kind == "x" && take("{")
    var value: UInt32 = 0
    var count = 0
    while count < (isBraced ? 8 : kind == "x" ? 2 : 4), let digit = next.flatMap({ Character($0).hexDigitValue }) {
      value = value << 4 | UInt32(digit)
      count += 1
      position += 1
    }
    guard count > 0, !isBraced || take("}"), Unicode.Scalar(value) != nil else { throw Failure(reason: "\\\(kind)") }
    return ScalarSet(value...value)
  }

  /// Under `(?i:` a set that holds a letter holds its other case; ſ and K (Kelvin) fold to s and k.
  private func folded(_ set: ScalarSet) throws(Failure) -> ScalarSet {
    guard ignoresCase else { return set }
    guard set.categories == 0, !set.hasWord, set.ranges.allSatisfy({ $0.upperBound < 0x80 }) else {
      throw Failure(reason: "(?i: around more than ASCII")
    }
    var result = set
    for range in set.ranges {
      for letter in range.clamped(to: 0x41...0x7A) where Character(Unicode.Scalar(letter)!).isLetter {
        guard range.contains(letter) else { continue }
        result.ranges.append((letter ^ 0x20)...(letter ^ 0x20))
        if letter | 0x20 == 0x73 { result.ranges.append(0x17F...0x17F) }
        if letter | 0x20 == 0x6B { result.ranges.append(0x212A...0x212A) }
      }
    }
    return result
  }
}
