// SPDX-License-Identifier: Apache-2.0
/// Effect of a Jinja template on a conversation of system, user and assistant, in a form in which templates that do
/// the same in other words are equal: white space, quotes, comments, `message.role` for `message['role']`, text in or
/// outside of expressions, and the parts that write tools.
///
/// It is for comparing a template with those known, and errs on the side of taking it for another.
struct JinjaOutline: Sendable, Hashable {
  /// Date that a template writes.
  enum Date: Sendable, Hashable {
    case fixed(String)
    /// `strftime_now("%d %b %Y")`
    case today
  }

  private(set) var nodes: [JinjaNode]
  /// The value of `date_string`, which the nodes leave open; nil if there is none.
  private(set) var date: Date?

  /// Nil for a text with what no known template has.
  init?(_ jinja: String) {
    guard jinja.utf8.count < 1 << 18, let segments = JinjaLexer.segments(of: jinja) else { return nil }
    var parser = JinjaParser(segments)
    guard let found = parser.parse() else { return nil }
    nodes = found
    guard !nodes.changesFacts else { return nil }
    dropUnusedNames()
    for index in nodes.indices {
      guard case .set(let name, let value) = nodes[index], name == "date_string" else { continue }
      if value.count == 1, case .string(let text) = value[0] {
        date = .fixed(text)
      } else if value == [.name("strftime_now"), .other("("), .string("%d %b %Y"), .other(")")] {
        date = .today
      } else {
        return nil
      }
      nodes[index] = .set("date_string", [])
    }
  }

  /// A name that nothing reads does nothing; no template has chains of such names as long as this looks for.
  private mutating func dropUnusedNames() {
    for _ in 0..<16 {
      let used = nodes.names, kept = nodes.droppingNames(except: used)
      guard kept != nodes else { return }
      nodes = kept
    }
  }
}

/// A part of an outline.
enum JinjaNode: Sendable, Hashable {
  case text(String)
  /// An expression that is written.
  case value([JinjaToken])
  case set(String, [JinjaToken])
  case choice([Branch])
  case loop([JinjaToken], [JinjaNode])

  struct Branch: Sendable, Hashable {
    /// Nil for `else`.
    var test: JinjaTest?
    var body: [JinjaNode]
  }
}

extension [JinjaNode] {
  /// Adds a node; text joins text.
  mutating func add(_ node: JinjaNode) {
    if case .text(let new) = node, case .text(let old)? = last {
      self[count - 1] = .text(old + new)
    } else if node != .text("") {
      append(node)
    }
  }

  /// All names that are read.
  var names: Set<String> {
    reduce(into: []) { names, node in
      switch node {
      case .text: break
      case .value(let tokens), .set(_, let tokens): names.formUnion(tokens.names)
      case .choice(let branches):
        for branch in branches { names.formUnion((branch.test?.names ?? []).union(branch.body.names)) }
      case .loop(let head, let body): names.formUnion(body.names.union(head.names))
      }
    }
  }

  /// Whether it gives another value to a name that ``JinjaTest/facts`` tell of.
  var changesFacts: Bool {
    contains { node in
      switch node {
      case .text, .value: false
      case .set(let name, let value):
        JinjaTest.told.contains(name) && !(["tools", "documents"].contains(name) && value == [.name("none")])
      case .choice(let branches): branches.contains { $0.body.changesFacts }
      case .loop(let head, let body):
        head != [.name("message"), .name("in"), .name("messages")]
          && head != [.name("message"), .name("in"), .name("loop_messages")] || body.changesFacts
      }
    }
  }

  func droppingNames(except used: Set<String>) -> [JinjaNode] {
    var kept = [JinjaNode]()
    for node in self {
      switch node {
      case .set(let name, _) where !used.contains(name): break
      case .choice(let branches):
        kept.add(
          .choice(branches.map { JinjaNode.Branch(test: $0.test, body: $0.body.droppingNames(except: used)) }))
      case .loop(let head, let body): kept.add(.loop(head, body.droppingNames(except: used)))
      default: kept.add(node)
      }
    }
    return kept
  }
}
