// SPDX-License-Identifier: Apache-2.0
import Files

/// Content of a checkpoint's `state.json`: where the run stands, apart from tensors.
///
/// Random numbers need no more than this: the order of examples, their contrastive examples, and what is random inside
/// the model are functions of seed and step.
struct TrainingState: Hashable {
  /// Changes when an older dist2 could not go on from the checkpoint: 2 where the optimizer's state is in parts.
  static let versions = 1...2

  /// Optimizer steps done: the position in data and schedule.
  var step: Int
  /// Steps of the run, the schedule's length.
  var steps: Int
  /// The order of the data.
  var plan: BatchPlan
  /// `TrainingOptions.seed`
  var seed: UInt64
  /// The best validation so far.
  var best: BestStep?
  /// Loss of every validation.
  var validations: [Double] = []
  /// ``StoredWeights/frozen``
  var frozen: String?
  /// ``TrainingTask/identity``
  var identity: String?
  /// Processes that have written their part of the optimizer's state; nil where it is whole.
  var parts: Int?

  var json: JSON {
    let place = plan.place(ofStep: step)
    return [
      "version": .int(parts == nil ? 1 : 2), "step": .int(step), "steps": .int(steps), "seed": .string("\(seed)"),
      "data": [
        "epoch": .int(place.epoch), "examplesOfEpoch": .int(place.range.lowerBound), "count": .int(plan.count),
        "batch": .int(plan.batch), "shuffled": .bool(plan.isShuffled), "seed": .string("\(plan.seed)"),
      ],
      "best": best.map { ["step": .int($0.step), "loss": .double($0.loss)] } ?? .null,
      "validations": .array(validations.map { $0.isFinite ? .double($0) : .null }),
      "frozen": frozen.map(JSON.string) ?? .null, "identity": identity.map(JSON.string) ?? .null,
      "parts": parts.map { .int($0) } ?? .null,
    ]
  }

  init(
    step: Int, steps: Int, plan: BatchPlan, seed: UInt64, best: BestStep?, validations: [Double], frozen: String?,
    identity: String?, parts: Int?
  ) {
    self.step = step
    self.steps = steps
    self.plan = plan
    self.seed = seed
    self.best = best
    (self.validations, self.frozen, self.identity, self.parts) = (validations, frozen, identity, parts)
  }

  init(_ path: String) throws {
    let state = try JSONReader(file: path, limit: 1 << 20)
    let version = try state.at("version")
    guard Self.versions.contains(try version.int()) else {
      throw version.error(
        expected: "1 or 2", remedy: "Go on with the version of dist2 that wrote the checkpoint.")
    }
    step = try state.at("step").number(from: 0)
    steps = try state.at("steps").number(from: 0)
    seed = try state.at("seed").seed()
    let data = try state.at("data")
    plan = BatchPlan(
      count: try data.at("count").number(from: 1), batch: try data.at("batch").number(from: 1),
      seed: try data.at("seed").seed(), shuffled: try data.bool(at: "shuffled"))
    best = try state.ifPresent("best").map { best in
      BestStep(step: try best.at("step").number(from: 0), loss: try best.double(at: "loss"))
    }
    validations =
      try state.ifPresent("validations")?.elements().map { try $0.value == .null ? .infinity : $0.double() } ?? []
    frozen = try state.ifPresent("frozen")?.string()
    identity = try state.ifPresent("identity")?.string()
    parts = try state.ifPresent("parts")?.number(from: 1)
  }
}

extension JSONReader {
  fileprivate func number(from low: Int) throws -> Int {
    let value = try int()
    guard value >= low else { throw error(expected: "a number from \(low) on") }
    return value
  }

  /// Seeds have 64 bits, more than some readers of JSON numbers keep, hence a string.
  fileprivate func seed() throws -> UInt64 {
    guard let value = UInt64(try string()) else { throw error(expected: "a seed") }
    return value
  }
}
