// SPDX-License-Identifier: Apache-2.0
/// Runs one template once.
final class Interpreter {
  private(set) var output = Text()
  /// Line of the statement that runs.
  var line = 1
  /// Ranges of the output in bytes that `{% generation %}` wrote, as transformers counts them.
  private(set) var generations: [Range<Int>] = []
  let clock: Clock
  let names: [String: Int]

  private let limits: JinjaLimits
  private var left: Int
  private var depth = 0
  private var captures = 0
  private var generationCount: Int32 = 0
  /// Objects that may hold one another in a ring; emptied at the end.
  private var namespaces: [Namespace] = [], scopes: [Scope] = [], loops: [Loop] = []

  /// - Parameter budget: steps that may be taken.
  init(names: [String: Int], limits: JinjaLimits, budget: Int, clock: Clock) {
    (self.names, self.limits, self.left, self.clock) = (names, limits, budget, clock)
  }

  func run(_ nodes: [Node], _ variables: [Int: Value]) throws(Fault) {
    defer {
      for namespace in namespaces { namespace.names = [] }
      for scope in scopes { scope.clear() }
      for loop in loops { loop.clear() }
    }
    let globals = Scope(parent: nil)
    for name in Functions.names { if let id = names[name] { globals[id] = .function(name) } }
    for (id, value) in variables { globals[id] = value }
    _ = try run(nodes, Scope(parent: globals))
  }

  // MARK: Bounds

  /// Counts work: a step is about a tenth of a microsecond, or eight bytes.
  @inline(__always) func spend(_ steps: Int = 1) throws(Fault) {
    left -= steps
    if left < 0 { throw exhausted }
  }

  private var exhausted: Fault {
    Fault(expected: "a template that ends in \(limits.steps) steps and more for long conversations", found: "more")
  }

  /// Counts the making of a text, before it is made.
  func spend(bytes: Int) throws(Fault) { try spend(bytes / 8 + 1) }

  /// Counts going through a value once, if it is a text.
  func spend(on value: Value) throws(Fault) {
    if case .string(let text) = value { try spend(bytes: text.bytes.count) }
  }

  func enter() throws(Fault) {
    depth += 1
    guard depth <= limits.depth else {
      throw Fault(expected: "calls and blocks at most \(limits.depth) deep", found: "more")
    }
  }

  func leave() { depth -= 1 }

  func keep(_ namespace: Namespace) { namespaces.append(namespace) }
  func keep(_ loop: Loop) { if !loop.isKept { loops.append(loop); loop.isKept = true } }
  func keep(_ scope: Scope) { if !scope.isKept { scopes.append(scope); scope.isKept = true } }

  // MARK: Output

  func write(_ text: Text) throws(Fault) {
    try spend(bytes: text.bytes.count)
    guard output.bytes.count + text.bytes.count <= limits.output else {
      throw Fault(expected: "at most \(limits.output) bytes of text", found: "more")
    }
    output.append(text)
  }

  /// What `body` writes, apart from the output.
  func capture(_ body: () throws(Fault) -> Void) throws(Fault) -> Text {
    let outer = output
    output = Text()
    captures += 1
    try body()
    captures -= 1
    defer { output = outer }
    return output
  }

  func generation(_ nodes: [Node], _ scope: Scope) throws(Fault) {
    let start = output.bytes.count
    var text = try capture { () throws(Fault) in _ = try run(nodes, Scope(parent: scope)) }
    if captures == 0 {
      generations.append(start..<start + text.bytes.count)
    } else {
      // Where it will stand is not known yet; the text itself remembers.
      text.mark(generation: generationCount)
      generationCount += 1
    }
    try write(text)
  }
}

/// Names of a block, and those around it.
final class Scope {
  private var values: [(id: Int, value: Value)] = []
  let parent: Scope?
  /// Whether a macro goes on using it.
  var isKept = false

  init(parent: Scope?) { self.parent = parent }

  func clear() { values = [] }

  /// A name of this scope alone when set, of those around as well when read.
  subscript(id: Int) -> Value? {
    get {
      var scope: Scope? = self
      while let current = scope {
        for entry in current.values where entry.id == id { return entry.value }
        scope = current.parent
      }
      return nil
    }
    set {
      guard let newValue else { return }
      if let index = values.firstIndex(where: { $0.id == id }) {
        values[index].value = newValue
      } else {
        values.append((id, newValue))
      }
    }
  }
}
