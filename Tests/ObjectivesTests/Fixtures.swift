// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Objectives
import Torch

/// `objectives.json`, written by `Tests/Fixtures/objectives/make.py`.
struct Fixtures: Decodable {
  struct Space: Decodable {
    var unit: TokenSpace.Unit
    var ids: [Int32]
    var values: [Double]?
    var base: [Double]?
  }

  struct DistanceTerm: Decodable {
    var space: String
    var distance: String
    var temperature: Setting
    var softmax: DistanceLoss.Softmax
    var direction: DistanceLoss.Direction
    var place: PlaceRule
    var contrast: String
    var weight: Double
    var metric: Int
  }

  /// `["perplexity", 3]`
  struct Setting: Decodable {
    var temperature: Temperature
    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      let kind = try list.decode(String.self), number = try list.decode(Double.self)
      temperature =
        switch kind {
        case "perplexity": .perplexity(number)
        case "rowPerplexity": .rowPerplexity(number)
        case "labelSmoothing": .labelSmoothing(number)
        default: .value(number)
        }
    }
  }

  struct Metric: Decodable {
    var logitRow: Int
    var metric: Int
    var candidate: Int
    var place: [Int]
    var contrast: [Double]?
  }

  struct Case: Decodable {
    var name: String
    var distanceLosses: [DistanceTerm]
    var labels: [Int32]
    var metrics: [Metric]
    var labelSmoothing: Double
    var reduction: Objective.Reduction
    var preset: Preset?
    var hidden: Bool
    var denominators: [Double]
    var lossTerms: [Double]
    var total: Double
    var gradients: [String: [Double]]

    /// Contrast targets point into the contrastive passes; a distance loss that shares x's pass ignores that.
    var supervision: Supervision {
      Supervision(
        logitRows: labels.indices.map(Int32.init), labels: labels,
        metrics: metrics.map { metric in
          MetricTarget(
            logitRow: metric.logitRow, metric: metric.metric, candidate: metric.candidate,
            place: PlaceValue(
              rankInNumber: metric.place[0], rankInRun: metric.place[1], exponent: metric.place[2]),
            contrast: metric.contrast.map {
              ContrastTarget(token: Int32($0[0]), difference: $0[1], logitRow: Int($0[2]))
            })
        }, contrastLogitRows: [0, 1, 2, 3])
    }
  }

  var V: Int
  var N: Int
  var NC: Int
  var H: Int
  var spaces: [String: Space]
  var codes: [Double]
  var table: [[Double]]
  var cases: [Case]

  static let shared: Fixtures = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/objectives/objectives.json")
    return try! JSONDecoder().decode(Fixtures.self, from: Data(contentsOf: file))
  }()

  /// The generator's inputs, computed alike.
  static func sequence(_ shape: [Int], seed: Int, scale: Double) -> Tensor {
    let count = shape.reduce(1, *)
    let values = (0..<count).map { k in
      Double(((k + 1) * 7919 + seed * 104_729) % 10007) / 10007 * scale - scale / 2
    }
    return Tensor(values, shape: shape)
  }

  func space(_ name: String) throws -> TokenSpace {
    let space = spaces[name]!
    return try TokenSpace(name: name, unit: space.unit, ids: space.ids, values: space.values, base: space.base)
  }

  func distanceLoss(_ distanceLoss: DistanceTerm) throws -> DistanceLoss {
    let codeBook = try CodeBook(codes.map(Float.init), count: codes.count / 3, dimensions: 3)
    let distance = try DistanceRegistry.make(
      distanceLoss.distance, DistanceParameters(["period": .integer(10), "table": .table(table)], codeBook: codeBook))
    let contrast: Contrast =
      distanceLoss.contrast == "twoPass" ? .twoPass() : distanceLoss.contrast == "shared" ? .shared() : .none
    return try DistanceLoss(
      space(distanceLoss.space),
      target: TargetDistribution(distance, temperature: distanceLoss.temperature.temperature),
      softmax: distanceLoss.softmax, direction: distanceLoss.direction, place: distanceLoss.place, contrast: contrast)
  }

  func objective(_ example: Case) throws -> Objective {
    if let preset = example.preset {
      let digits = try DistanceLoss(
        space("digits"), target: TargetDistribution(.squared, temperature: 2), place: .number, contrast: .twoPass())
      return try Objective(preset, distanceLosses: [digits], reduction: example.reduction)
    }
    var objective = Objective(labelSmoothing: example.labelSmoothing, reduction: example.reduction)
    for distanceLoss in example.distanceLosses {
      objective.add(try self.distanceLoss(distanceLoss), weight: distanceLoss.weight, metric: distanceLoss.metric)
    }
    return objective
  }

  /// The case's inputs by name, and the loss as a function of them.
  func loss(_ example: Case) throws -> (inputs: [(name: String, value: Tensor)], function: ([Tensor]) -> LossValue) {
    let objective = try objective(example), supervision = example.supervision
    let denominators = Denominators(values: example.denominators)
    if example.hidden {
      let inputs = [
        ("hidden", Self.sequence([N, H], seed: 1, scale: 4)),
        ("contrastHidden", Self.sequence([NC, H], seed: 2, scale: 4)),
        ("weight", Self.sequence([V, H], seed: 3, scale: 3)), ("bias", Self.sequence([V], seed: 4, scale: 2)),
      ]
      return (
        inputs,
        {
          objective(
            hidden: $0[0], contrastHidden: $0[1], head: OutputHead(weight: $0[2], bias: $0[3]),
            supervision: supervision,
            denominators: denominators)
        }
      )
    }
    let inputs = [
      ("logits", Self.sequence([N, V], seed: 1, scale: 8)),
      ("contrastLogits", Self.sequence([NC, V], seed: 2, scale: 8)),
    ]
    return (
      inputs,
      { objective(logits: $0[0], contrastLogits: $0[1], supervision: supervision, denominators: denominators) }
    )
  }
}

extension Fixtures.Case: CustomStringConvertible {
  var description: String { name }
}
