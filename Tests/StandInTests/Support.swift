// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN
import Training

private let environment = ProcessInfo.processInfo.environment

/// Suites of these tests run on the device that stands in for a GPU (`native/stand_in.cpp`), or on a GPU itself
/// (`DIST2_GPU=1`, scripts/gpu.sh).
let onGPU = ConditionTrait.enabled(
  if: Torch.hasStandIn || (environment["DIST2_GPU"] != nil && (try? Torch.loadCUDA()) != nil),
  "DIST2_STAND_IN=1 is not set; scripts/test.sh runs these in a process of their own")

/// What a GPU was waited for, where the stand-in counted it; a GPU itself does not.
func expectWaits(_ expected: [String: Int], _ found: [String: Int] = Torch.waits, _ what: String = "") {
  if Torch.hasStandIn { #expect(found == expected, "\(what)") }
}

/// The folder of fixtures; DIST2_FIXTURES where the tests have been carried elsewhere.
let fixtures =
  environment["DIST2_FIXTURES"]
  ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Fixtures").path

/// A small checkpoint on a device, in float32.
func loaded(_ path: String, _ device: Device) throws -> any PretrainedModel {
  Torch.threads = 1
  return try loadModel(folder: fixtures + "/" + path, options: LoadOptions(dtype: .float32, device: device))
}

/// A Llama with adapters on every linear layer.
func adapted(_ device: Device, dropout: Double) throws -> Llama {
  let model = try #require(try loaded("llama/gqa-llama3", device) as? Llama)
  try model.addLoRA(LoRASettings(rank: 4, dropout: dropout, targets: [LoRASettings.allLinear]), seed: 2)
  return model
}

/// A Llama whose table and head have 4,096 elements and more: enough for moments in 8 bits.
func wide(_ device: Device) throws -> Llama {
  Torch.threads = 1
  let file = URL(fileURLWithPath: fixtures + "/llama/gqa-llama3/config.json")
  var config = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
  config["vocab_size"] = 160
  return try withTemporaryFolder { folder in
    let path = folder + "/config.json"
    try JSONSerialization.data(withJSONObject: config).write(to: URL(fileURLWithPath: path))
    let model = try Llama(config: JSONReader(file: path))
    model.initialise(generator: Generator(seed: 4), dtype: .float32, device: .cpu)
    for parameter in model.parameters() { parameter.box.tensor = parameter.tensor.to(device) }
    #expect(model.parameters().contains { $0.tensor.count >= 4096 })
    return model
  }
}

/// The fixture's examples of `Tests/Fixtures/training`: ids below 16, digits 2 … 11.
let sums: [EncodedExample] = {
  struct Run: Decodable { var examples: [EncodedExample] }
  let file = URL(fileURLWithPath: fixtures + "/training/toy.json")
  return try! JSONDecoder().decode(Run.self, from: Data(contentsOf: file)).examples
}()

/// Digits are ids 2 … 11.
let digits = try! TokenSpace(name: "digits", unit: .digit, ids: Array(2..<12), values: (0..<10).map(Double.init))

/// CE + 0.3 · a distance loss over digits.
func digitObjective(
  _ divergence: Divergence = .kullbackLeibler, softmax: DistanceLoss.Softmax = .subset, contrast: Contrast = .none
) throws -> Objective {
  var objective = Objective.crossEntropy
  objective.add(
    try DistanceLoss(
      digits, target: .init(SquaredDistance(), temperature: .value(2)), softmax: softmax, divergence: divergence,
      place: .number, contrast: contrast), weight: 0.3)
  return objective
}

/// The examples in batches of 4, each in micro-batches of 2.
func sumBatches(_ objective: Objective? = nil, layout: BatchLayout = .padded) -> ExampleBatches {
  let sampler = objective?.contrastiveSampler(seed: 1)
  return ExampleBatches(
    sums, plan: BatchPlan(count: sums.count, batch: 4, seed: 3), microBatch: .examples(2), layout: layout,
    contrastiveExample: sampler.map { sampler in
      { sampler.contrastiveExample(of: $0, epoch: $1, index: $2) }
    })
}

/// Losses, norms and final weights of some steps.
struct Trained {
  var losses: [Double] = [], terms: [[Double]] = [], norms: [Double] = []
  var weights: [String: [Double]] = [:]
  /// What a GPU would have been waited for, step by step.
  var waits: [[String: Int]] = []

  init(
    _ model: any TokenModel, _ objective: any TrainingObjective, _ source: any BatchSource,
    _ optimizer: AdamW = AdamW(learningRate: 2e-3, weightDecay: 0.05), steps: Int = 4, dtype: DType? = nil,
    checkpoints: Checkpoints? = nil, stopAfter: Int = .max
  ) throws {
    let options = TrainingOptions(length: .steps(steps), schedule: .constant, gradientNormLimit: 0.5, dtype: dtype)
    let trainer = Trainer(model, objective, optimizer, options: options)
    trainer.shouldStop = { trainer.progress.step >= stopAfter }
    try trainer.fit(source, checkpoints: checkpoints) { event in
      if case .started = event { Torch.forgetWaits() }
      guard case .step(let step) = event else { return }
      waits.append(Torch.waits)
      Torch.forgetWaits()
      terms.append(step.lossTerms.map(\.value))
      norms.append(step.gradientNorm)
    }
    losses = trainer.progress.losses
    for parameter in model.parameters() {
      weights[parameter.key] = parameter.tensor.detach().to(.cpu).array(of: Double.self)
    }
  }

  /// The same numbers, in units of the other's.
  func expectEqual(_ other: Trained, tolerance: Double = 1e-5, _ name: String) {
    #expect(losses.count == other.losses.count && !losses.isEmpty, "\(name)")
    func near(_ a: [Double], _ b: [Double], _ what: String, _ tolerance: Double) {
      let worst = zip(a, b).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
      #expect(worst <= tolerance, "\(name): \(what) differ by \(worst)")
    }
    near(losses, other.losses, "losses", tolerance)
    for (a, b) in zip(terms, other.terms) { near(a, b, "loss terms", tolerance) }
    near(norms, other.norms, "gradient norms", 4 * tolerance)
    #expect(weights.keys == other.weights.keys)
    // AdamW's first steps are signs of gradients: where one is nearly 0 its rounding decides.
    let all = weights.map { zip($1, other.weights[$0] ?? []).map { abs($0 - $1) } }.flatMap { $0 }
    let off = all.count { $0 > 20 * tolerance }
    #expect(off * 200 <= all.count, "\(name): \(off) of \(all.count) weights differ")
  }
}
