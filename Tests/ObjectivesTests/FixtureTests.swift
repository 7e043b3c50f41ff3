// SPDX-License-Identifier: Apache-2.0
import Objectives
import TestSupport
import Testing
import Torch

/// Every preset, softmax domain, direction, place rule, contrast mode, temperature and distance, against PyTorch.
@Suite struct FixtureTests {
  @Test(arguments: Fixtures.shared.cases)
  func valuesAndGradientsEqualPyTorch(example: Fixtures.Case) throws {
    let (inputs, function) = try Fixtures.shared.loss(example)
    let leaves = inputs.map { $0.value.requiresGrad(true) }
    let loss = function(leaves)
    #expect(abs(loss.total.item() - example.total) < 1e-12)
    #expect(largestDifference(loss.lossTerms.map { $0.value.item() }, example.lossTerms) < 1e-12)
    #expect(loss.lossTerms.allSatisfy { !$0.value.requiresGrad })
    let computed = gradients(of: [loss.total], withRespectTo: leaves)
    for (input, gradient) in zip(inputs, computed) {
      let values = gradient?.array(of: Double.self) ?? [Double](repeating: 0, count: input.value.count)
      let expected = example.gradients[input.name] ?? values.map { _ in 0 }
      #expect(largestDifference(values, expected) < 1e-12, "\(input.name)")
    }
  }

  @Test(arguments: Fixtures.shared.cases)
  func gradientsEqualFiniteDifferences(example: Fixtures.Case) throws {
    let (inputs, function) = try Fixtures.shared.loss(example)
    #expect(checkGradients(of: { function($0).total }, at: inputs.map(\.value)) == [])
  }

  /// The weighted loss terms are the total.
  @Test(arguments: Fixtures.shared.cases)
  func lossTermsAddUp(example: Fixtures.Case) throws {
    let (inputs, function) = try Fixtures.shared.loss(example)
    let loss = function(inputs.map(\.value))
    let sum = loss.lossTerms.reduce(0) { $0 + $1.weight * $1.value.item() }
    #expect(abs(sum - loss.total.item()) < 1e-12)
    #expect(loss.lossTerms.map(\.name) == (try Fixtures.shared.objective(example)).names)
  }
}
