// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// Preset `emo` in float64 against `matches.json`, written by `Tests/Fixtures/sequences/make.py`.
@Suite struct EMOTests {
  private struct File: Decodable {
    struct Case: Decodable {
      var balance: String
      var loss: Double
      var gradient_hidden, gradient_head: [[Double]]
    }
    var hidden, head, cosine: [[Double]]
    var labels: [Int32]
    var cases: [Case]
  }

  private static let file = SequenceFixtures.read("matches", as: File.self)

  private func tensor(_ rows: [[Double]]) -> Tensor { Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]) }

  private func objective(_ distance: some Distance, _ balance: Objective.Balance) throws -> Objective {
    let distanceLoss = try DistanceLoss(
      .all(Self.file.head.count), target: TargetDistribution(distance, temperature: 1), name: "emo")
    return try Objective(.emo, distanceLosses: [distanceLoss], alpha: 1, balance: balance)
  }

  private var supervision: Supervision {
    Supervision(logitRows: Self.file.labels.indices.map(Int32.init), labels: Self.file.labels)
  }

  /// Loss and gradients by hidden states and head.
  private func outcome(_ objective: Objective, _ dtype: DType) -> (value: LossValue, gradients: [Tensor]) {
    let hidden = tensor(Self.file.hidden).to(dtype).requiresGrad(true)
    let head = tensor(Self.file.head).to(dtype).requiresGrad(true)
    let value = objective(
      hidden: hidden, head: OutputHead(weight: head), supervision: supervision,
      denominators: objective.denominators(of: [supervision]))
    return (value, gradients(of: [value.total], withRespectTo: [hidden, head]).map { $0! })
  }

  /// The authors halve the sum of both losses where the distance is brought to the size of the cross entropy; here the
  /// cross entropy has the weight 1 that it has everywhere.
  @Test(arguments: [DType.float64, .float32]) func balancesEqualTheirFormulas(_ dtype: DType) throws {
    let exact = try TableDistance(
      Self.file.cosine.enumerated().map { x, row in
        row.enumerated().map { v, cosine in v == x ? 0 : 1 - cosine }
      })
    let tolerance = dtype == .float64 ? 1e-9 : 1e-5
    for (balance, factor) in [(Objective.Balance.distance, 2.0), (.crossEntropy, 1)] {
      let expected = try #require(Self.file.cases.first { $0.balance == balance.rawValue })
      let (value, gradients) = outcome(try objective(exact, balance), dtype)
      #expect(value.lossTerms.map(\.name) == ["ce", "emo"])
      #expect(abs(value.total.item() - factor * expected.loss) < tolerance * 10, "\(balance)")
      for (found, expected) in zip(gradients, [expected.gradient_hidden, expected.gradient_head]) {
        #expect(difference(found.to(.float64), tensor(expected) * factor) < tolerance, "\(balance)")
      }
    }
  }

  /// Without a balance the gradient is that of the expected distance; EMO's own value is larger by p(x), held constant.
  @Test func theTermIsAnExpectedDistance() throws {
    let expected = try #require(Self.file.cases.first { $0.balance == "none" })
    let cosine = try CosineDistance(CodeBook(tensor(Self.file.head)))
    let hidden = tensor(Self.file.hidden).requiresGrad(true), head = tensor(Self.file.head).requiresGrad(true)
    func total(_ objective: Objective) -> LossValue {
      objective(
        hidden: hidden, head: OutputHead(weight: head), supervision: supervision,
        denominators: objective.denominators(of: [supervision]))
    }
    let whole = total(try objective(cosine, .fixed)), entropy = total(.crossEntropy)
    let labels = Tensor(Self.file.labels.map(Int64.init))
    let certain = hidden.mm(head.transpose(0, 1)).softmax(1).gather(1, labels.unsqueeze(1)).mean().item()
    // Code books are of single precision.
    #expect(abs(whole.lossTerms[1].value.item() + certain - expected.loss) < 1e-6)
    let found = gradients(of: [whole.total - entropy.total], withRespectTo: [hidden, head])
    #expect(difference(try #require(found[0]), tensor(expected.gradient_hidden)) < 1e-6)
    #expect(difference(try #require(found[1]), tensor(expected.gradient_head)) < 1e-6)
  }

  /// Vocabularies of more than a table's candidates: the same by one product with the vectors, also in pieces.
  @Test func largeVocabulariesNeedNoTable() throws {
    let count = ResolvedTarget.largestTable + 52, embeddings = Samples.logits(count, 5, seed: 4)
    let distanceLoss = try DistanceLoss(
      .all(count), target: TargetDistribution(CosineDistance(CodeBook(embeddings)), temperature: 1), name: "emo")
    let labels: [Int32] = [7, 2099, 0, 7, 1500]
    let supervision = Supervision(logitRows: labels.indices.map(Int32.init), labels: labels)
    let hidden = Samples.logits(labels.count, 5, seed: 5).requiresGrad(true)
    let weight = Samples.logits(count, 5, seed: 6, scale: 1)
    func value(_ objective: Objective) -> LossValue {
      objective(
        hidden: hidden, head: OutputHead(weight: weight), supervision: supervision,
        denominators: objective.denominators(of: [supervision]))
    }
    let units = embeddings / embeddings.square().sum(1, keepDim: true).sqrt()
    let own = units.indexSelect(0, Tensor(labels.map(Int64.init)))
    let p = hidden.mm(weight.transpose(0, 1)).softmax(1)
    let expected = (p * (1 - own.mm(units.transpose(0, 1)))).sum(1).mean()
    let fixed = try Objective(.emo, distanceLosses: [distanceLoss], alpha: 1, balance: .fixed)
    let found = value(fixed)
    #expect(abs(found.lossTerms[1].value.item() - expected.item()) < 1e-6)
    let slope = gradients(of: [found.total - value(.crossEntropy).total], withRespectTo: [hidden])[0]
    #expect(difference(try #require(slope), try #require(gradients(of: [expected], withRespectTo: [hidden])[0])) < 1e-6)
    for balance in Objective.Balance.allCases {
      var objective = fixed
      objective.balance = balance
      let whole = value(objective), pieces = RowsAtOnce.$number.withValue(2) { value(objective) }
      #expect(abs(whole.total.item() - pieces.total.item()) < 1e-9, "\(balance)")
      let all = gradients(of: [whole.total], withRespectTo: [hidden])[0]
      let parts = gradients(of: [pieces.total], withRespectTo: [hidden])[0]
      #expect(difference(try #require(all), try #require(parts)) < 1e-9, "\(balance)")
    }
    #expect(throws: ObjectiveError.self) {
      try DistanceLoss(
        .all(count), target: distanceLoss.target, softmax: .vocabulary, divergence: .expectedDistance)
    }
  }
}
