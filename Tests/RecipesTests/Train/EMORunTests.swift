// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Recipes
import Testing
import TokenModels
import Torch
import TorchNN
import Training

/// `objective: { preset: emo }` from a run file.
@Suite struct EMORunTests {
  private static let yaml = """
    model: model
    data: { train: train.jsonl }
    objective: { preset: emo }
    train: { steps: 6, batch: 4, learningRate: 0.01, samples: 0 }
    """

  /// Every learnt token has a distance, by the embeddings that the model's files hold.
  @Test func everyLearntTokenIsCompared() throws {
    let tiny = try TinyRun(yaml: Self.yaml), artifacts = try tiny.artifacts(), objective = artifacts.objective
    #expect(objective.names == ["ce", "emo"] && objective.balance == .distance)
    #expect(objective.terms.map(\.weight) == [1] && objective.terms[0].metric == nil)
    let model = try loadModel(folder: tiny.folder + "/model"), space = objective.terms[0].distanceLoss.space
    #expect(space.count == model.head.weight.size(0))
    let cosine = try #require(objective.terms[0].distanceLoss.target.distance as? CosineDistance)
    #expect(cosine.codeBook.values == model.head.weight.to(.float32).array(of: Float.self))
    let batch = try #require(
      try artifacts.batches(artifacts.dataset(tiny.folder + "/train.jsonl"), shuffled: false).batches(ofStep: 0).first)
    #expect(batch.supervision.metrics.isEmpty && !batch.supervision.labels.isEmpty)
    let denominators = objective.denominators(of: [batch.supervision])
    #expect(denominators.weights == [denominators.supervised])
  }

  @Test(arguments: Objective.Balance.allCases) func itTrains(_ balance: Objective.Balance) throws {
    let tiny = try TinyRun(yaml: Self.yaml)
    _ = try tiny.train("objective.balance=\(balance.rawValue)").run()
    let log = String(decoding: try tiny.bytes("out/metrics.jsonl"), as: UTF8.self)
    #expect(log.contains("emo"))
    #expect(!log.lowercased().contains("nan"))
  }

  @Test func whatItCannotReadIsRefused() throws {
    let tiny = try TinyRun(yaml: Self.yaml)
    let error = #expect(throws: InputError.self) { try tiny.artifacts("train.fromScratch=true") }
    #expect(error?.place == "key objective.preset" && error?.remedy.contains("sft") == true)
    let unread = #expect(throws: InputError.self) {
      try tiny.settings("objective.preset=dist", "objective.balance=fixed")
    }
    #expect(unread?.place.contains("balance") == true)
  }

  /// A comparison changes presets: numbers of the one before do not stay.
  @Test func choosingAnotherPresetTakesItsNumbers() throws {
    var settings = ObjectiveSettings(preset: .emo)
    settings.preset = .dist
    #expect(settings.parameters.balance == nil)
    settings.preset = .listwise
    #expect(settings.temperature == .value(1))
    settings.temperature = .value(3)
    settings.preset = .emo
    #expect(settings.parameters.balance == .distance && settings.temperature == .value(3))
  }
}
