// SPDX-License-Identifier: Apache-2.0
import Foundation
import Torch

/// Inputs of a loss by name: `hidden`, `weight`, and perhaps `bias` and `contrast`.
typealias LossInputs = [String: Tensor]

/// What came of a loss: its value, its loss terms, and gradients by name.
struct LossOutcome {
  var total: Tensor
  var sums: Tensor
  var gradients: LossInputs

  /// Computes a loss of fresh leaves and their gradients under an upstream gradient.
  init(_ inputs: LossInputs, upstream: Float = 1, _ loss: (LossInputs) -> (total: Tensor, sums: Tensor)) {
    let leaves = inputs.mapValues { $0.detach().clone().requiresGrad(true) }
    let value = loss(leaves)
    value.total.backward(Tensor(scalar: upstream).to(value.total.dtype))
    (total, sums) = (value.total.detach(), value.sums.detach())
    gradients = leaves.mapValues { $0.grad ?? $0.zerosLike() }
  }

  init(total: Tensor, sums: Tensor, gradients: LossInputs) {
    (self.total, self.sums, self.gradients) = (total, sums, gradients)
  }

  /// The largest relative error of value, loss terms or any gradient; of gradients by their norms, since single entries
  /// of a long matrix product in float32 carry rounding of their own.
  func error(from expected: LossOutcome) -> Double {
    let byNorm = gradients.map { name, found in
      let found = found.to(.float64), exact = expected.gradients[name]?.to(.float64) ?? found.zerosLike()
      let error = (found - exact).norm().item() / Swift.max(exact.norm().item(), 1e-30)
      return error.isNaN ? .infinity : error
    }
    return (byNorm + [relativeError(total, expected.total), relativeError(sums, expected.sums)]).max()!
  }
}

extension FusedLoss {
  /// By the kernels, from hidden states.
  func fused(_ inputs: LossInputs) -> (total: Tensor, sums: Tensor) {
    let value = self(
      hidden: inputs["hidden"]!, weight: inputs["weight"]!, bias: inputs["bias"], contrast: inputs["contrast"])
    return (value.total, value.sums)
  }

  /// From the formulas: whole logits, ordinary operations, in the inputs' own type.
  func composed(_ inputs: LossInputs) -> (total: Tensor, sums: Tensor) {
    let logits = inputs["hidden"]!.linear(inputs["weight"]!, inputs["bias"])
    let others = inputs["contrast"].map { $0.linear(inputs["weight"]!, inputs["bias"]) }
    return composed(logits: logits, contrast: others)
  }

  func composed(logits: Tensor, contrast: Tensor?) -> (total: Tensor, sums: Tensor) {
    let smooth = logits.crossEntropy(Tensor(labels), reduction: .sum, labelSmoothing: labelSmoothing)
    var total = smooth * crossEntropyScale, sums = [smooth * crossEntropyScale]
    for term in terms {
      let sum = (term.divergences(logits, contrast) * Tensor(term.weights).to(logits.dtype)).sum()
      sums.append(sum)
      total = total + sum * term.coefficient
    }
    return (total, .stack(sums))
  }
}

extension CandidateTerm {
  fileprivate func divergences(_ logits: Tensor, _ contrast: Tensor?) -> Tensor {
    let own = logits.indexSelect(0, Tensor(logitRows))
    var among = [own.indexSelect(1, Tensor(candidates))], all = [own]
    if !contrastiveTokens.isEmpty {
      let from = contrastiveRows.isEmpty ? own : contrast!.indexSelect(0, Tensor(contrastiveRows))
      let contrastive = from.gather(1, Tensor(contrastiveTokens).unsqueeze(1))
      among.append(contrastive)
      all.append(contrastive)
    }
    let z = Tensor.cat(among, 1), logQ = z.logSoftmax(1), type = logits.dtype
    let (p, logP) = chosenTargets.map { $0.to(type) }.pair
    let divergence = isReversed ? (logQ.exp() * (logQ - logP)).sum(1) : (p * (logP - logQ)).sum(1)
    return overVocabulary ? divergence + Tensor.cat(all, 1).logSumExp(1) - z.logSumExp(1) : divergence
  }

  /// p and log p at each position, float64.
  private var chosenTargets: [Tensor] {
    let index = Tensor(targets)
    switch table {
    case .rows(let p, let logP): return [p.indexSelect(0, index), logP.indexSelect(0, index)]
    case .vectors(let vectors, let sharpness):
      let e = vectors.to(.float64), x = e.indexSelect(0, index)
      let squares = (x.unsqueeze(1) - e.unsqueeze(0)).square().sum(2)
      let logP = (-squares * Tensor(sharpness).indexSelect(0, index).unsqueeze(1)).logSoftmax(1)
      return [logP.exp(), logP]
    }
  }
}

extension [Tensor] {
  fileprivate var pair: (Tensor, Tensor) { (self[0], self[1]) }
}

/// Random problems.
struct LossProblem {
  enum Contrastive: CaseIterable { case none, shared, contrast }

  var rows: Int, width: Int, vocabulary: Int
  var hasBias = true

  /// Inputs in float32.
  var inputs: LossInputs {
    var made = [
      "hidden": samples(rows, width, seed: 1),
      "weight": samples(vocabulary, width, seed: 2, scale: 2 / Double(width).squareRoot()),
      "contrast": samples(3, width, seed: 4),
    ]
    if hasBias { made["bias"] = samples(vocabulary, seed: 3) }
    return made
  }

  func labels(seed: UInt64 = 5) -> [Int64] {
    Tensor.randint(0, vocabulary, [rows], generator: Generator(seed: seed)).array()
  }

  /// A term at some rows, with random candidates, weights and targets.
  func term(
    at metric: [Int], candidates count: Int, overVocabulary: Bool = false, isReversed: Bool = false,
    contrastive: Contrastive = .none, coefficient: Double = 0.3, seed: UInt64 = 6
  ) -> CandidateTerm {
    let n = metric.count, generator = Generator(seed: seed)
    func pick(_ limit: Int, _ count: Int) -> [Int64] {
      Tensor.randint(0, limit, [count], generator: generator).array()
    }
    let p = (Tensor.randn([4, count + (contrastive == .none ? 0 : 1)], dtype: .float64, generator: generator) * 2.0)
      .softmax(1)
    return CandidateTerm(
      coefficient: coefficient, candidates: count == vocabulary ? (0..<count).map(Int64.init) : pick(vocabulary, count),
      overVocabulary: overVocabulary, isReversed: isReversed, logitRows: metric.map(Int64.init),
      weights: Tensor.rand([n], dtype: .float64, generator: generator).array(), targets: pick(4, n),
      table: .rows(p: p, logP: p.log()), contrastiveTokens: contrastive == .none ? [] : pick(vocabulary, n),
      contrastiveRows: contrastive == .contrast ? pick(3, n) : [])
  }

  /// A term over a code book of all tokens, whose targets come of vectors.
  func codes(at metric: [Int], dimensions: Int, overVocabulary: Bool = false, isReversed: Bool = false) -> CandidateTerm
  {
    let generator = Generator(seed: 8), n = metric.count
    return CandidateTerm(
      coefficient: 0.3, candidates: Array(0..<Int64(vocabulary)), overVocabulary: overVocabulary,
      isReversed: isReversed,
      logitRows: metric.map(Int64.init), weights: Tensor.rand([n], dtype: .float64, generator: generator).array(),
      targets: Tensor.randint(0, vocabulary, [n], generator: generator).array(),
      table: .vectors(
        samples(vocabulary, dimensions, seed: 9).to(.float32),
        sharpness: (0..<vocabulary).map { 0.2 + Double($0 % 5) }))
  }

  /// Error of the kernels in float32 against the formulas in float64.
  func error(of loss: FusedLoss, upstream: Float = 1) -> Double {
    let expected = LossOutcome(inputs.mapValues { $0.to(.float64) }, upstream: upstream, loss.composed)
    return LossOutcome(inputs, upstream: upstream, loss.fused).error(from: expected)
  }
}

/// Tests/Fixtures/kernels/loss.json
struct LossFixture: Decodable {
  struct Term: Decodable {
    var coefficient: Double, candidates: [Int64], overVocabulary: Bool, isReversed: Bool
    var rows: [Int64], weights: [Double], targets: [Int64], p: KernelFixture.Table
    var contrastiveTokens: [Int64], contrastiveRows: [Int64]
  }
  var inputs: [String: KernelFixture.Table], gradients: [String: KernelFixture.Table]
  var labels: [Int64], scale: Double, smoothing: Double, terms: [Term], total: Double, sums: [Double]

  static func load() throws -> [String: LossFixture] {
    let data = try Data(contentsOf: KernelFixture.folder.appendingPathComponent("loss.json"))
    return try JSONDecoder().decode([String: LossFixture].self, from: data)
  }

  var loss: FusedLoss {
    FusedLoss(
      labels: labels, crossEntropyScale: scale, labelSmoothing: smoothing,
      terms: terms.map {
        CandidateTerm(
          coefficient: $0.coefficient, candidates: $0.candidates, overVocabulary: $0.overVocabulary,
          isReversed: $0.isReversed, logitRows: $0.rows, weights: $0.weights, targets: $0.targets,
          table: .rows(p: $0.p.tensor, logP: $0.p.tensor.log()), contrastiveTokens: $0.contrastiveTokens,
          contrastiveRows: $0.contrastiveRows)
      })
  }

  var expected: LossOutcome {
    LossOutcome(
      total: Tensor(scalar: total), sums: Tensor(sums), gradients: gradients.mapValues(\.tensor))
  }
}
