// SPDX-License-Identifier: Apache-2.0
/// A statement or text of a template.
indirect enum Node: Sendable {
  case text(Text)
  case output(Expression, line: Int)
  case set(Target, Expression, line: Int)
  case setBlock(Target, filters: [Postfix], [Node], line: Int)
  case choice([Branch], otherwise: [Node])
  case loop(LoopNode)
  case with([(target: Target, value: Expression)], [Node], line: Int)
  case macro(MacroNode)
  /// `{% call(…) f(…) %}`: its body is `caller`.
  case call(MacroNode, Expression, line: Int)
  case filter([Postfix], [Node], line: Int)
  case generation([Node])
  case stop
  case skip

  struct Branch: Sendable {
    let test: Expression
    let body: [Node]
    let line: Int
  }
}

/// `{% for target in values if test recursive %} body {% else %} otherwise {% endfor %}`
final class LoopNode: Sendable {
  let target: Target
  let values: Expression
  let test: Expression?
  let isRecursive: Bool
  let body: [Node]
  let otherwise: [Node]
  let line: Int

  init(
    _ target: Target, _ values: Expression, test: Expression?, isRecursive: Bool, body: [Node], otherwise: [Node],
    line: Int
  ) {
    (self.target, self.values, self.test, self.isRecursive) = (target, values, test, isRecursive)
    (self.body, self.otherwise, self.line) = (body, otherwise, line)
  }
}

/// `{% macro name(parameters) %} body {% endmacro %}`
final class MacroNode: Sendable {
  let name: String
  let id: Int
  let parameters: [(name: String, id: Int, standard: Expression?)]
  let body: [Node]
  /// The special names that its body reads, which says what calls it takes.
  let readsCaller: Bool, readsPositional: Bool, readsNamed: Bool

  init(
    _ name: String, _ id: Int, _ parameters: [(name: String, id: Int, standard: Expression?)], _ body: [Node],
    reads: Set<String>
  ) {
    (self.name, self.id, self.parameters, self.body) = (name, id, parameters, body)
    readsCaller = reads.contains("caller")
    readsPositional = reads.contains("varargs")
    readsNamed = reads.contains("kwargs")
  }
}

/// What can be set.
indirect enum Target: Sendable {
  case name(Int)
  case attribute(of: Int, name: String)
  case tuple([Target])
}

/// An expression. Chains of operators of one rank are one node, so that depth is that of brackets.
indirect enum Expression: Sendable {
  case literal(Literal)
  case name(Int, String)
  case list([Expression])
  case tuple([Expression])
  case dict([(key: Expression, value: Expression)])
  case chain(Expression, [Postfix])
  case arithmetic(Expression, [(sign: String, value: Expression)])
  case compare(Expression, [(sign: String, value: Expression)])
  case concat([Expression])
  case and([Expression])
  case or([Expression])
  case not(Expression)
  case sign(isMinus: Bool, Expression)
  case choice(test: Expression, Expression, otherwise: Expression?)
}

enum Literal: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(Text)
}

/// What may follow a value.
enum Postfix: Sendable {
  case attribute(Text)
  case item(Expression)
  case slice(Expression?, Expression?, Expression?)
  case call(Call, line: Int)
  case filter(String, Call, line: Int)
  case test(String, Call, isNegated: Bool, line: Int)
}

/// Arguments of a call.
struct Call: Sendable {
  var positional: [Expression] = []
  var named: [(name: String, value: Expression)] = []
  /// After `*` and `**`.
  var list: Expression?
  var dict: Expression?
}
