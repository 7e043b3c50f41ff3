// SPDX-License-Identifier: Apache-2.0
import Files

/// Pattern of Split and Replace: a string, a known word expression, or any other regular expression.
enum TextPattern: Sendable {
  case literal([UInt8])
  case words(WordScanner)
  case regex(RegexProgram)

  /// Reads `{"String": …}` or `{"Regex": …}`.
  init(_ json: JSONReader) throws(InputError) {
    if let text = try json.ifPresent("String") {
      let bytes = Array(try text.string().utf8)
      guard !bytes.isEmpty, bytes.count <= Self.longestLiteral else {
        throw text.error(expected: "a string of 1 to \(Self.longestLiteral) bytes")
      }
      self = .literal(bytes)
      return
    }
    let expression = try json.at("Regex")
    let pattern = try expression.string()
    if let scanner = WordScanner(pattern: pattern) {
      self = .words(scanner)
      return
    }
    do {
      self = .regex(try RegexProgram(pattern))
    } catch {
      throw expression.error(
        expected: "an expression of classes, groups, alternatives, repetitions, lookahead and anchors",
        found: "\(error.reason) in \(pattern.prefix(200))")
    }
  }

  /// Visits the matches in order; none overlaps another, and none is empty where another has just ended.
  func forEachMatch(in bytes: UTF8Bytes, _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
    switch self {
    case .literal(let text):
      var position = range.lowerBound
      while let start = Self.find(text, in: bytes, position..<range.upperBound) {
        position = start + text.count
        body(start..<position)
      }
    case .words(let scanner):
      var words: [Split] = []
      scanner.words(in: bytes, range, &words)
      for word in words { body(word.range) }
    case .regex(let program):
      var position = range.lowerBound
      var last = -1
      var matcher = RegexMatcher(program, bytes, range)
      while let match = matcher.firstMatch(from: position) {
        if !match.isEmpty || match.lowerBound != last { body(match) }
        last = match.upperBound
        position = match.upperBound
        if match.isEmpty {
          if position >= range.upperBound { return }
          position += bytes.scalar(at: position).length
        }
      }
    }
  }

  private static func find(_ text: [UInt8], in bytes: UTF8Bytes, _ range: Range<Int>) -> Int? {
    let first = text[0]
    var position = range.lowerBound
    while position + text.count <= range.upperBound {
      if bytes[position] == first, bytes[position..<position + text.count].elementsEqual(text) { return position }
      position += 1
    }
    return nil
  }

  /// Bytes of a string to look for at most.
  private static let longestLiteral = 256
}

/// Treatment of the matches when text is cut at them; `the-final--countdown` cut at `-`:
enum SplitBehavior: String, CaseIterable, Sendable {
  /// `the` `final` `countdown`
  case removed = "Removed"
  /// `the` `-` `final` `-` `-` `countdown`
  case isolated = "Isolated"
  /// `the-` `final-` `-` `countdown`
  case mergedWithPrevious = "MergedWithPrevious"
  /// `the` `-final` `-` `-countdown`
  case mergedWithNext = "MergedWithNext"
  /// `the` `-` `final` `--` `countdown`
  case contiguous = "Contiguous"

  init(_ json: JSONReader) throws(InputError) {
    guard let behavior = Self(rawValue: try json.string()) else {
      throw json.error(expected: "one of " + Self.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self = behavior
  }
}

/// Cuts one part of a text at matches, which are told in order.
struct Cutter {
  private let behavior: SplitBehavior
  private let inverted: Bool
  private let range: Range<Int>
  private var position: Int
  private var pieces: [(range: Range<Int>, isMatch: Bool)] = []

  /// - Parameter inverted: whether what lies between the matches is to be treated as the match.
  init(_ behavior: SplitBehavior, inverted: Bool = false, _ range: Range<Int>) {
    self.behavior = behavior
    self.inverted = inverted
    self.range = range
    position = range.lowerBound
  }

  mutating func match(_ match: Range<Int>) {
    if position < match.lowerBound { pieces.append((position..<match.lowerBound, inverted)) }
    pieces.append((match, !inverted))
    position = match.upperBound
  }

  /// Appends the parts, once all matches have been told.
  mutating func finish(_ result: inout [Split]) {
    if position < range.upperBound { pieces.append((position..<range.upperBound, inverted)) }
    var parts: [Range<Int>] = []
    var previous = false  // whether the piece before was a match
    switch behavior {
    case .removed: parts = pieces.lazy.filter { !$0.isMatch }.map(\.range)
    case .isolated: parts = pieces.map(\.range)
    case .contiguous:
      for (range, isMatch) in pieces {
        join(isMatch == previous, range, &parts)
        previous = isMatch
      }
    case .mergedWithPrevious:
      for (range, isMatch) in pieces {
        join(isMatch && !previous, range, &parts)
        previous = isMatch
      }
    case .mergedWithNext:
      for (range, isMatch) in pieces.reversed() {
        join(isMatch && !previous, range, &parts)
        previous = isMatch
      }
      parts.reverse()
    }
    for part in parts where !part.isEmpty { result.append(Split(part)) }
  }

  private func join(_ condition: Bool, _ range: Range<Int>, _ parts: inout [Range<Int>]) {
    if condition, let last = parts.last {
      parts[parts.count - 1] = min(last.lowerBound, range.lowerBound)..<max(last.upperBound, range.upperBound)
    } else {
      parts.append(range)
    }
  }
}
