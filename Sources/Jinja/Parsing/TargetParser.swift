// SPDX-License-Identifier: Apache-2.0
// Names that are set, and parameters of macros.
extension Parser {
  /// - Parameter attributes: whether `namespace.name` may be set.
  mutating func target(attributes: Bool = false) throws(Fault) -> Target {
    var targets: [Target] = [], isTuple = false
    while true {
      if !targets.isEmpty { try expect(.sign(",")) }
      if token == .name("in") || token == .endBlock || token == .sign(")") { break }
      targets.append(try singleTarget(attributes))
      guard token == .sign(",") else { break }
      isTuple = true
    }
    guard let first = targets.first else { throw unexpected("a name") }
    return isTuple ? .tuple(targets) : first
  }

  private mutating func singleTarget(_ attributes: Bool) throws(Fault) -> Target {
    if token == .sign("(") {
      try enter()
      defer { depth -= 1 }
      position += 1
      let target = try target(attributes: attributes)
      try expect(.sign(")"))
      return target
    }
    let name = try name()
    guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
      position -= 1
      throw unexpected("a name that can be set")
    }
    if attributes, token == .sign(".") {
      position += 1
      reads.insert(name)
      return .attribute(of: id(name), name: try self.name())
    }
    return .name(id(name))
  }

  mutating func parameters() throws(Fault) -> [(name: String, id: Int, standard: Expression?)] {
    var parameters: [(name: String, id: Int, standard: Expression?)] = []
    try expect(.sign("("))
    while token != .sign(")") {
      if !parameters.isEmpty { try expect(.sign(",")) }
      let name = try name()
      var standard: Expression?
      if token == .sign("=") {
        position += 1
        standard = try expression()
      } else if parameters.last?.standard != nil {
        throw unexpected("a default value, since the parameter before has one")
      }
      parameters.append((name, id(name), standard))
    }
    position += 1
    return parameters
  }
}
