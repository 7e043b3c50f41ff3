// SPDX-License-Identifier: Apache-2.0
import Files
import Testing
import Torch
import TorchNN

private final class Layer: Module {
  @Child("up") var up: Linear
  @Child("norm") var norm: RMSNorm
  override init() {
    super.init()
    up = Linear(2, 2)
    norm = RMSNorm(2, epsilon: 1e-5)
  }
}

private final class Stack: Module {
  @Child("table") var table: Embedding
  @Children("layers") var layers: [Layer]
  @Child("head") var head: Linear
  override init() {
    super.init()
    table = Embedding(2, 2)
    layers = (0..<12).map { _ in Layer() }
    head = Linear(2, 2, bias: false)
    head.weight = table.weight  // tied
  }
}

@Suite struct ParameterPatternTests {
  @Test(arguments: [
    ("a.b", "a.b", true), ("a.b", "a.b.c", true), ("a.b", "a.bc", false), ("a.b", "a", false),
    ("layers.0-5.*", "layers.5.up.weight", true), ("layers.0-5.*", "layers.6.up.weight", false),
    ("layers.0-5", "layers.0.up.weight", true), ("layers.0-5", "layers.50.up.weight", false),
    ("layers.2-11.up", "layers.11.up.bias", true), ("layers.2-11.up", "layers.1.up.bias", false),
    ("layers.5-0", "layers.3.up", false), ("*.norm", "layers.3.norm.weight", true), ("*norm*", "a.mynorm.b", true),
    ("*", "anything.at.all", true), ("l*.*.up", "layers.3.up.weight", true), ("l*.*.up", "layers.3.down", false),
    ("", "a", false), ("a-b", "a-b.weight", true), ("*a*a*a*a*a*a*a*a*b", String(repeating: "a", count: 500), false),
  ])
  func patternsFit(pattern: String, name: String, fits: Bool) {
    #expect(ParameterPattern(pattern).matches(name) == fits)
  }

  @Test func whatFitsIsFrozenAndTheRestTrained() throws {
    let stack = Stack()
    try stack.freeze(matching: ["layers.0-9", "*.norm"])
    #expect(
      stack.trainableParameters().map(\.key)
        == ["table.weight"] + [10, 11].flatMap { ["layers.\($0).up.weight", "layers.\($0).up.bias"] })
    // What is frozen stays frozen, a tied tensor under all its names.
    try stack.freeze(matching: ["head"])
    #expect(stack.trainableParameters().count == 4)
    #expect(!stack.table.weight.requiresGrad)
  }

  @Test(arguments: [
    (["layer.0"], "layer.0, which fits none", "table, layers, head"),
    (["layers.0.upp"], "layers.0.upp", "layers.0.up"),
    (["layers.20-30.*"], "layers.20-30.*", "layers.{0-11}"), (["table", "nothing"], "nothing", "head"),
    (["*"], "patterns that fit every parameter", "left to train"), ([""], "fits none", "table"),
  ])
  func whatFitsNothingIsRefused(patterns: [String], found: String, expected: String) throws {
    let stack = Stack()
    let error = try #require(#expect(throws: InputError.self) { try stack.freeze(matching: patterns) })
    #expect(error.found.contains(found), "\(error)")
    #expect(error.expected.contains(expected), "\(error)")
    #expect(stack.trainableParameters().isEmpty)
  }
}
