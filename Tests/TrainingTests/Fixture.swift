// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import Testing
import Torch
import TorchNN
import Training

/// What `Tests/Fixtures/training/make.py` wrote.
enum Fixture {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/training")

  static func json<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
    try JSONDecoder().decode(T.self, from: Data(contentsOf: folder.appending(path: name)))
  }

  static func tensor(_ file: String, _ name: String) throws -> Tensor {
    let stored = try SafetensorsFile(folder.appending(path: file).path)
    return try Tensor(#require(stored[name], "no \(name) in \(file)"), copying: true)
  }

  static func toy(_ name: String) throws -> Tensor { try tensor("toy.safetensors", name) }

  struct ToyRun: Decodable {
    struct Step: Decodable { var loss, ce, dist, norm, learningRate: Double }
    struct Validation: Decodable { var ce, dist: Double }
    var examples: [EncodedExample]
    var steps: [Step]
    var validation: Validation
  }
  static func toyRun() throws -> ToyRun { try json("toy.json") }
}

/// Digits are ids 2 … 11.
func toySpace() throws -> TokenSpace {
  try TokenSpace(name: "digits", unit: .digit, ids: Array(2..<12), values: (0..<10).map(Double.init))
}

/// The fixture's objective: CE + 0.1 · KL to squared-distance targets at τ = 2, weighted by place.
func toyObjective(contrast: Contrast = .none) throws -> Objective {
  .crossEntropy + 0.1
    * (try DistanceLoss(
      toySpace(), target: .init(SquaredDistance(), temperature: .value(2)), place: .number, contrast: contrast))
}

/// The fixture's optimizer.
let toyRule = AdamW(learningRate: 0.01, weightDecay: 0.05, groups: [.vectorsWithoutDecay])

/// The fixture's settings.
let toyOptions = TrainingOptions(
  length: .steps(10), schedule: Schedule(.cosine, warmUp: .steps(2)), gradientNormLimit: 0.9)

/// The fixture's examples in batches of 4, in order unless a seed shuffles them.
func toyBatches(microBatch: Int? = nil, layout: BatchLayout = .padded, seed: UInt64? = nil) throws -> ExampleBatches {
  let examples = try Fixture.toyRun().examples
  return ExampleBatches(
    examples, plan: BatchPlan(count: examples.count, batch: 4, seed: seed ?? 0, shuffled: seed != nil),
    microBatch: microBatch.map(MicroBatch.examples) ?? .wholeStep, layout: layout)
}

/// All bits of a model's weights.
func weights(of model: any TokenModel) -> [String: [Double]] {
  Dictionary(uniqueKeysWithValues: model.parameters().map { ($0.key, $0.tensor.detach().array(of: Double.self)) })
}

/// A value written as JSON and read back.
func roundTrip<T: Codable>(_ value: T) throws -> T {
  try JSONDecoder().decode(T.self, from: JSONEncoder().encode(value))
}

/// A tensor of a checkpoint.
func stored(_ path: String, _ name: String) throws -> Tensor {
  try Tensor(#require(SafetensorsFile(path)[name], "no \(name) in \(path)"), copying: true)
}

func mean(_ values: some Collection<Double>) -> Double { values.reduce(0, +) / Double(values.count) }
