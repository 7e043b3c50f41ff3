// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import Torch

/// Objectives against other models, by TRL's GKD and by formulas; see `Tests/Fixtures/sequences/make.py`.
@Suite struct DistillationTests {
  struct Fixture: Decodable {
    struct Model: Decodable { var hidden, head: [[Double]] }
    struct Case: Decodable {
      var objective: String
      var beta, beta2, temperature, coefficient, sft, rejected, gamma, constant: Double?
      var direction: DistanceLoss.Direction?
      var mixture: [String: Double]?
      var loss: Double
      var gradient_hidden, gradient_head: [[Double]]
    }
    var hidden, head: [[Double]]
    var labels: [Int32]
    var documents: [[Int]]
    var models: [String: Model]
    var cases: [Case]
  }

  private static let fixture: Fixture = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/sequences/distillation.json")
    return try! JSONDecoder().decode(Fixture.self, from: Data(contentsOf: file))
  }()

  private func tensor(_ rows: [[Double]]) -> Tensor { Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]) }

  private func objective(_ example: Fixture.Case) throws -> DistillationObjective {
    let preset = try #require(DistillationPreset(rawValue: example.objective))
    return try DistillationObjective(
      preset,
      DistillationParameters(
        beta: preset == .alignDistil ? 0.1 : example.beta, strength: example.coefficient ?? example.beta2 ?? 0.025,
        temperature: example.temperature ?? 1, gamma: example.gamma,
        crossEntropy: preset == .adpaKL ? 0 : example.sft, rejected: example.rejected ?? 1,
        direction: example.direction ?? .reverse))
  }

  @Test func valuesAndGradientsEqualTRLAndFormulas() throws {
    let all = Self.fixture
    let order = [0, 2, 1, 3].map { all.documents[$0] }, rows = order.flatMap { Array($0[0]..<$0[1]) }
    let taken = Tensor(rows.map(Int64.init))
    let ends = order.reduce(into: [0]) { $0.append($0.last! + $1[1] - $1[0]) }
    let supervision = Supervision(
      logitRows: rows.map(Int32.init), labels: rows.map { all.labels[$0] },
      documents: zip(ends, ends.dropFirst()).map { DocumentTarget(tokens: $0..<$1) },
      groups: [0..<2, 2..<4].map { DocumentGroup(documents: $0, worth: .preference) })
    func states(_ name: String) throws -> ReferenceStates {
      let model = try #require(all.models[name])
      return ReferenceStates(
        hidden: tensor(model.hidden).indexSelect(0, taken), head: OutputHead(weight: tensor(model.head)))
    }
    let referenceModels = [
      "reference": try states("reference"), "dpo": try states("dpo"), "reverse": try states("reverse"),
      "teacher": try states("dpo"), "conditional": try states("reference"), "unconditional": try states("dpo"),
    ]
    for example in all.cases {
      let objective = try objective(example)
      #expect(Set(objective.referenceModels).isSubset(of: referenceModels.keys))
      let hidden = tensor(all.hidden).requiresGrad(true), head = tensor(all.head).requiresGrad(true)
      let loss = objective.loss(
        of: hidden.indexSelect(0, taken), head: OutputHead(weight: head), referenceModels: referenceModels,
        supervision: supervision, denominators: objective.denominators(of: [supervision]))
      let scale = max(1, abs(example.loss))
      #expect(
        abs(loss.total.item() + (example.constant ?? 0) - example.loss) < 1e-10 * scale, "\(example.objective)")
      let found = gradients(of: [loss.total], withRespectTo: [hidden, head])
      for (own, theirs) in zip(found, [example.gradient_hidden, example.gradient_head]) {
        #expect(difference(try #require(own), tensor(theirs)) < 1e-10 * scale, "\(example.objective)")
      }
    }
    #expect(all.cases.count == 11)
  }

  @Test func numbersThatCannotBeAreRefused() {
    #expect(throws: ObjectiveError.self) { try DistillationObjective(.gkd, DistillationParameters(beta: 1.5)) }
    #expect(throws: ObjectiveError.self) {
      try DistillationObjective(.alignDistil, DistillationParameters(strength: 0))
    }
  }
}
