// SPDX-License-Identifier: Apache-2.0
/// The condition of an `if`, as far as its truth can be told of conversations without tools.
indirect enum JinjaTest: Sendable, Hashable {
  case atom([JinjaToken])
  case not(JinjaTest)
  case all([JinjaTest])
  case any([JinjaTest])
  case known(Bool)

  /// Variables that transformers passes to a template for a plain conversation of system, user and assistant.
  static let facts: [[JinjaToken]: Bool] = {
    let told: [(String, Bool)] = [
      ("tools", false), ("tools is none", true), ("tools is defined", true), ("tools is iterable", false),
      ("documents", false), ("documents is none", true), ("documents is defined", true),
      ("custom_tools", false), ("custom_tools is defined", false), ("builtin_tools", false),
      ("builtin_tools is defined", false), ("tools_in_user_message is defined", false),
      ("date_string is defined", false), ("strftime_now is defined", true), ("add_generation_prompt is defined", true),
      ("message['role'] == 'tool'", false), ("message['role'] == 'ipython'", false),
      ("'tool_calls' in message", false), ("message['tool_calls']", false), ("message['tool_calls'] is defined", false),
    ]
    var facts = [[JinjaToken]: Bool]()
    for (text, isTrue) in told {
      if case .output(let tokens)? = JinjaLexer.segments(of: "{{ \(text) }}")?.first { facts[tokens] = isTrue }
    }
    return facts
  }()

  /// Names whose values the facts tell.
  static let told: Set<String> = [
    "tools", "documents", "custom_tools", "builtin_tools", "add_generation_prompt", "message", "strftime_now",
  ]

  /// Nil for what is no condition, or nested deeper than any template's.
  init?(_ tokens: ArraySlice<JinjaToken>, depth: Int = 0) {
    guard !tokens.isEmpty, depth < 16 else { return nil }
    if let parts = tokens.cut(at: .name("or")) {
      guard let tests = Self.tests(parts, depth) else { return nil }
      self = Self.joined(tests, absorbing: true)
    } else if let parts = tokens.cut(at: .name("and")) {
      guard let tests = Self.tests(parts, depth) else { return nil }
      self = Self.joined(tests, absorbing: false)
    } else if tokens.first == .name("not") {
      guard let test = JinjaTest(tokens.dropFirst(), depth: depth + 1) else { return nil }
      self = test.negated
    } else if tokens.first == .other("("), tokens.isOneGroup {
      self.init(tokens.dropFirst().dropLast(), depth: depth + 1)
    } else {
      let (atom, isNegated) = Self.positive(Array(tokens))
      let test: JinjaTest = Self.facts[atom].map { .known($0) } ?? .atom(atom)
      self = isNegated ? test.negated : test
    }
  }

  private var negated: JinjaTest {
    switch self {
    case .known(let isTrue): .known(!isTrue)
    case .not(let test): test
    default: .not(self)
    }
  }

  private static func tests(_ parts: [ArraySlice<JinjaToken>], _ depth: Int) -> [JinjaTest]? {
    let tests = parts.compactMap { JinjaTest($0, depth: depth + 1) }
    return tests.count == parts.count ? tests : nil
  }

  /// - Parameter absorbing: the value of one part that settles all: true of `or`, false of `and`.
  private static func joined(_ tests: [JinjaTest], absorbing: Bool) -> JinjaTest {
    if tests.contains(.known(absorbing)) { return .known(absorbing) }
    let open = tests.filter { $0 != .known(!absorbing) }
    switch open.count {
    case 0: return .known(!absorbing)
    case 1: return open[0]
    default: return absorbing ? .any(open) : .all(open)
    }
  }

  /// `is not`, `not in` and `!=` as the negation of `is`, `in` and `==`.
  private static func positive(_ tokens: [JinjaToken]) -> ([JinjaToken], Bool) {
    var tokens = tokens, depth = 0
    for index in tokens.indices {
      depth += tokens[index].nesting
      guard depth == 0 else { continue }
      if tokens[index] == .other("!=") {
        tokens[index] = .other("==")
        return (tokens, true)
      }
      let next = index + 1 < tokens.count ? tokens[index + 1] : nil
      if tokens[index] == .name("is"), next == .name("not") {
        tokens.remove(at: index + 1)
        return (tokens, true)
      }
      if tokens[index] == .name("not"), next == .name("in") {
        tokens.remove(at: index)
        return (tokens, true)
      }
    }
    return (tokens, false)
  }

  /// All names in it.
  var names: Set<String> {
    switch self {
    case .atom(let tokens): tokens.names
    case .not(let test): test.names
    case .all(let tests), .any(let tests): tests.reduce(into: []) { $0.formUnion($1.names) }
    case .known: []
    }
  }
}

extension JinjaToken {
  /// 1 for an opening bracket, −1 for a closing one.
  var nesting: Int {
    switch self {
    case .other("("), .other("["), .other("{"): 1
    case .other(")"), .other("]"), .other("}"): -1
    default: 0
    }
  }
}

extension Collection<JinjaToken> {
  var names: Set<String> {
    Set(compactMap { if case .name(let name) = $0 { name } else { nil } })
  }
}

extension ArraySlice<JinjaToken> {
  /// The parts between the places outside brackets where one of `separators` stands; nil if there is none.
  func cut(at separators: JinjaToken...) -> [ArraySlice]? {
    var parts = [ArraySlice](), start = startIndex, depth = 0
    for index in indices {
      depth += self[index].nesting
      if depth == 0, separators.contains(self[index]) {
        parts.append(self[start..<index])
        start = index + 1
      }
    }
    return parts.isEmpty ? nil : parts + [self[start...]]
  }

  /// Whether the first bracket closes at the very end.
  var isOneGroup: Bool {
    var depth = 0
    for index in indices {
      depth += self[index].nesting
      if depth == 0 { return index == endIndex - 1 }
    }
    return false
  }
}
