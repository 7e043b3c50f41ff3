// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing
import Torch

/// Log-probabilities of labels and divergences without logits `[N, V]`, against the plain operators.
@Suite struct RowsOfLogitsTests {
  private let labels: [Int32] = [3, 0, 10, 3, 7, 1, 9]

  private func inputs(_ dtype: DType, bias: Bool) -> [Tensor] {
    let generator = Generator(seed: 4)
    let all = [[7, 5], [11, 5]] + (bias ? [[11]] : [])
    return all.map { Tensor.randn($0, dtype: .float64, generator: generator).to(dtype) }
  }

  private func plain(_ inputs: [Tensor]) -> Tensor {
    let head = OutputHead(weight: inputs[1], bias: inputs.count > 2 ? inputs[2] : nil)
    let index = Tensor(labels.map(Int64.init)).unsqueeze(1)
    return head(inputs[0]).to(inputs[0].dtype == .float64 ? .float64 : .float32).logSoftmax(1).gather(1, index)
      .squeeze(1)
  }

  private func chunked(_ inputs: [Tensor], _ rowsAtOnce: Int) -> Tensor {
    OutputHead(weight: inputs[1], bias: inputs.count > 2 ? inputs[2] : nil)
      .logProbabilities(inputs[0], of: labels, rowsAtOnce: rowsAtOnce)
  }

  @Test(arguments: [1, 3, 7, 128], [false, true]) func equalsPlainOperators(rowsAtOnce: Int, bias: Bool) throws {
    let upstream = Tensor([0.5, -1, 2, 0, 1, 3, -0.25])
    for dtype in [DType.float64, .float32, .bfloat16] {
      let tolerance = dtype == .float64 ? 1e-12 : dtype == .float32 ? 1e-5 : 2e-2
      func run(_ function: ([Tensor]) -> Tensor) -> [Tensor] {
        let leaves = inputs(dtype, bias: bias).map { $0.requiresGrad(true) }
        let values = function(leaves)
        let found = gradients(of: [values], withRespectTo: leaves, seeds: [upstream.to(values.dtype)])
        return [values] + found.map { $0! }
      }
      let expected = run(plain)
      for (own, plain) in zip(run { chunked($0, rowsAtOnce) }, expected) {
        #expect(own.dtype == plain.dtype)
        #expect(difference(own, plain) < tolerance * max(1, plain.to(.float64).abs().max().item()))
      }
    }
  }

  /// Logits that are bounded, as Gemma 2's.
  @Test(arguments: [1, 3, 128]) func boundedHeads(rowsAtOnce: Int) {
    let upstream = Tensor([0.5, -1, 2, 0, 1, 3, -0.25]), index = Tensor(labels.map(Int64.init)).unsqueeze(1)
    func run(_ function: (OutputHead, Tensor) -> Tensor) -> [Tensor] {
      let leaves = inputs(.float64, bias: true).map { $0.requiresGrad(true) }
      let values = function(OutputHead(weight: leaves[1], bias: leaves[2], cap: 1.5), leaves[0])
      return [values] + gradients(of: [values], withRespectTo: leaves, seeds: [upstream]).map { $0! }
    }
    let expected = run { $0($1).logSoftmax(1).gather(1, index).squeeze(1) }
    let found = run { $0.logProbabilities($1, of: labels, rowsAtOnce: rowsAtOnce) }
    for (own, plain) in zip(found, expected) { #expect(difference(own, plain) < 1e-12) }
  }

  @Test func gradientsEqualCentralDifferences() {
    let weights = Tensor([0.5, -1, 2, 0, 1, 3, -0.25])
    #expect(checkGradients(of: { (chunked($0, 2) * weights).sum() }, at: inputs(.float64, bias: true)).isEmpty)
  }

  @Test(arguments: [1, 3, 128], [VocabularyDivergence.forward, .reverse, .jensenShannon(beta: 0.3), .meanOf])
  func divergencesEqualPlainOperators(rowsAtOnce: Int, divergence: VocabularyDivergence) {
    let generator = Generator(seed: 9)
    // The other model is of another width.
    let other = (
      hidden: Tensor.randn([7, 3], dtype: .float64, generator: generator),
      head: OutputHead(weight: .randn([11, 3], dtype: .float64, generator: generator).requiresGrad(true))
    )
    let q = other.head(other.hidden).detach(), logQ = (q * 0.5).logSoftmax(1),
      upstream = Tensor([0.5, -1, 2, 0, 1, 3, -0.25])
    func run(_ function: (OutputHead, Tensor) -> Tensor) -> [Tensor] {
      let leaves = inputs(.float64, bias: true).map { $0.requiresGrad(true) }
      let values = function(OutputHead(weight: leaves[1], bias: leaves[2]), leaves[0])
      return [values] + gradients(of: [values], withRespectTo: leaves, seeds: [upstream]).map { $0! }
    }
    let expected = run { head, hidden in
      let logP = (head(hidden) * 0.5).logSoftmax(1), p = logP.exp()
      switch divergence {
      case .forward: return (logQ.exp() * (logQ - logP)).sum(1)
      case .reverse: return (p * (logP - logQ)).sum(1)
      case .jensenShannon(let beta):
        let logM = (p * (1 - beta) + logQ.exp() * beta).log()
        return ((logQ.exp() * (logQ - logM)).sum(1) * beta) + (p * (logP - logM)).sum(1) * (1 - beta)
      case .meanOf: return (p * q).sum(1)
      }
    }
    let found = run { head, hidden in
      head.divergences(hidden, divergence, temperature: 2, rowsAtOnce: rowsAtOnce) { start, count in
        other.head(other.hidden.narrow(0, start, count))
      }
    }
    for (own, plain) in zip(found, expected) { #expect(difference(own, plain) < 1e-12) }
    #expect(other.head.weight.grad == nil)
  }

  /// A frozen head, as beside adapters, gets no gradient; no rows make no values.
  @Test func whatIsNotTrainedHasNoGradient() {
    let all = inputs(.float32, bias: false), hidden = all[0].requiresGrad(true)
    chunked([hidden, all[1]], 3).sum().backward()
    #expect(hidden.grad != nil)
    #expect(all[1].grad == nil)
    let none = OutputHead(weight: all[1]).logProbabilities(all[0].narrow(0, 0, 0), of: [])
    #expect(none.shape == [0])
  }
}
