// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN
import Training

/// Twenty shuffled steps of two micro-batches each.
private func options(dtype: DType? = nil) -> TrainingOptions {
  TrainingOptions(length: .steps(20), schedule: Schedule(.cosine, warmUp: .ratio(0.1)), dtype: dtype, seed: 11)
}

@discardableResult
private func train(
  _ model: Toy, _ checkpoints: Checkpoints? = nil, dtype: DType? = nil, stopAfter: Int = .max, validated: Bool = false,
  _ observe: (TrainingEvent) throws -> Void = { _ in }
) throws -> FinishMetrics {
  let trainer = Trainer(model, try toyObjective(), toyRule, options: options(dtype: dtype))
  trainer.shouldStop = { trainer.progress.step >= stopAfter }
  return try trainer.fit(
    toyBatches(microBatch: 2, seed: 7),
    validation: validated ? Validation(toyBatches(), stepsBetween: 4) : nil, checkpoints: checkpoints, observe)
}

@Suite struct CheckpointTests {
  let folder: TemporaryFolder
  var run: String { folder.path + "/checkpoints" }
  init() throws { folder = try TemporaryFolder() }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: run).sorted() }

  @Test(arguments: [(DType.float32, nil), (.float32, DType.bfloat16), (.float64, nil)], [1, 10, 13])
  func resumedEqualsUninterruptedBitForBit(_ dtypes: (model: DType, training: DType?), stop: Int) throws {
    let whole = try Toy(dtype: dtypes.model), first = try Toy(dtype: dtypes.model),
      second = try Toy(dtype: dtypes.model)
    let expected = try train(whole, dtype: dtypes.training, validated: true)
    let stopped = try train(
      first, Checkpoints(run, stepsBetween: 4), dtype: dtypes.training, stopAfter: stop, validated: true)
    #expect(stopped.reason == .stopped)
    #expect(stopped.step == stop)
    var started = -1
    let resumed = try train(second, Checkpoints(run, stepsBetween: 4), dtype: dtypes.training, validated: true) {
      if case .started(let start) = $0 { started = start.step }
    }
    #expect(started == stop)
    #expect(resumed.losses == expected.losses)
    #expect(resumed.best == expected.best)
    #expect(weights(of: second) == weights(of: whole))
  }

  @Test func theLatestAndTheBestAreKept() throws {
    let checkpoints = try Checkpoints(run, stepsBetween: 3, keepLast: 2)
    var written: [Int] = [], best: Int?
    try train(Toy(), checkpoints, validated: true) { event in
      switch event {
      case .checkpoint(let metrics):
        written.append(metrics.step)
        #expect(metrics.path == checkpoints.path(ofStep: metrics.step))
      case .validation(let metrics): best = metrics.isBest ? metrics.step : best
      default: break
      }
    }
    // Every third step, every best validation (each fourth step at most), and the end.
    #expect(Set(written).isSuperset(of: [3, 6, 9, 12, 15, 18, 20]))
    let kept = Set([18, 20, try #require(best)])
    #expect(try Set(checkpoints.steps()) == kept)
    #expect(try names() == kept.sorted { "\($0)" < "\($1)" }.map { "step-\($0)" })
  }

  @Test func aCheckpointIsAFolderOthersCanLoad() throws {
    let model = try Toy(dtype: .float32)
    let checkpoints = try Checkpoints(run) { folder in try AtomicFile.write("{}".utf8, to: folder + "/config.json") }
    try train(model, checkpoints)
    let path = checkpoints.path(ofStep: 20)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        == ["config.json", "model.safetensors", "state.json", "training.safetensors"])
    let loaded = try Toy(dtype: .float32)
    try loaded.load(from: CheckpointWeights(folder: path))
    #expect(weights(of: loaded) == weights(of: model))
    let state = try JSONReader(file: path + "/state.json")
    #expect(try state.int(at: "step") == 20)
    #expect(try state.at("data").int(at: "epoch") == 5)
    #expect(try state.at("data").int(at: "examplesOfEpoch") == 0)
  }

  /// What something outside cut off or scratched is passed over, and said.
  @Test(arguments: ["model.safetensors", "training.safetensors", "state.json"], [true, false])
  func aDamagedCheckpointIsPassedOver(name: String, removed: Bool) throws {
    let expected = try train(Toy())
    try train(Toy(), Checkpoints(run, stepsBetween: 5), stopAfter: 10)
    let file = run + "/step-10/" + name
    if removed {
      try FileManager.default.removeItem(atPath: file)
    } else {
      try Data(Data(contentsOf: URL(fileURLWithPath: file)).dropLast(5)).write(to: URL(fileURLWithPath: file))
    }
    var start: StartMetrics?
    let resumed = try train(Toy(), Checkpoints(run, stepsBetween: 5)) {
      if case .started(let metrics) = $0 { start = metrics }
    }
    #expect(start?.step == 5)
    #expect(start?.damagedCheckpoints.count == 1)
    #expect(start?.damagedCheckpoints.first?.contains("step-10/" + name) == true)
    #expect(resumed.losses == expected.losses)
    #expect(try names() == ["step-15", "step-20"])
  }

  /// A step that is not that of the folder is no reason to reserve memory for as many losses.
  @Test(arguments: [9, 1_000_000_000, 1_000_000_000_000])
  func aStepThatIsNotTheFoldersIsPassedOver(step: Int) throws {
    try train(Toy(), Checkpoints(run, stepsBetween: 5), stopAfter: 10)
    let path = run + "/step-10/state.json"
    guard case .object(var state) = try JSONReader(file: path).value else { throw CancellationError() }
    state["step"] = .int(step)
    try AtomicFile.write(.object(state), to: path)
    var start: StartMetrics?
    let resumed = try train(Toy(), Checkpoints(run, stepsBetween: 5)) {
      if case .started(let metrics) = $0 { start = metrics }
    }
    #expect(start?.step == 5)
    #expect(start?.damagedCheckpoints.first?.contains("key step") == true)
    #expect(try resumed.losses == train(Toy()).losses)
    guard step > 20 else { return }
    // Nor with a name that fits.
    try FileManager.default.moveItem(atPath: run + "/step-20", toPath: run + "/step-\(step)")
    guard case .object(var last) = try JSONReader(file: run + "/step-\(step)/state.json").value else { return }
    last["step"] = .int(step)
    try AtomicFile.write(.object(last), to: run + "/step-\(step)/state.json")
    try train(Toy(), Checkpoints(run, stepsBetween: 5)) {
      if case .started(let metrics) = $0 { start = metrics }
    }
    #expect(start?.step == 15)
    #expect(start?.damagedCheckpoints.first?.contains("tensor losses") == true)
  }

  @Test func aFolderWithNothingWholeIsRefused() throws {
    try train(Toy(), Checkpoints(run), stopAfter: 2)
    try FileManager.default.removeItem(atPath: run + "/step-2/state.json")
    let error = #expect(throws: InputError.self) { try train(Toy(), Checkpoints(run)) }
    #expect(error?.path == run)
    #expect(error?.found.contains("state.json") == true)
  }

  @Test func anotherRunsCheckpointIsRefused() throws {
    try train(Toy(), Checkpoints(run), stopAfter: 2)
    func error(_ body: (Checkpoints) throws -> Void) throws -> String {
      "\(try #require(#expect(throws: InputError.self) { try body(Checkpoints(run)) }))"
    }
    let source = try toyBatches(seed: 7)
    func fit(_ model: Toy, _ rule: any OptimizerRule, _ options: TrainingOptions, _ source: any BatchSource) throws
      -> (Checkpoints) throws -> Void
    { { try Trainer(model, toyObjective(), rule, options: options).fit(source, checkpoints: $0) } }
    let otherOrder = try error(fit(Toy(), toyRule, options(), toyBatches(seed: 8)))
    #expect(otherOrder.contains("one with data seed 7, now 8. Restore these settings"))
    var seeded = options()
    seeded.seed = 12
    #expect(try error(fit(Toy(), toyRule, seeded, source)).contains("one with seed 11, now 12"))
    let otherType = try error(fit(Toy(dtype: .float32), toyRule, options(), source))
    #expect(otherType.contains("tensor embedding: expected F32 [16, 12], found F64 [16, 12]"))
    let frozen = try Toy()
    frozen.unfreeze()
    frozen.$bias.isTrainable = false
    #expect(
      try error(fit(frozen, toyRule, options(), source))
        .contains("one with weights in model.safetensors, now in trained.safetensors"))
    // Nothing was lost by trying.
    #expect(try train(Toy(), Checkpoints(run)).losses == train(Toy()).losses)
  }

  @Test func aUsedFolderIsRefusedUnlessTheRunGoesOn() throws {
    try train(Toy(), Checkpoints(run), stopAfter: 2)
    let error = #expect(throws: InputError.self) { try train(Toy(), Checkpoints(run, resumes: false)) }
    #expect(error?.found == "step-2 of another run")
  }

  @Test func twoRunsCannotShareAFolder() throws {
    let first = try Checkpoints(run)
    let error = #expect(throws: InputError.self) { try Checkpoints(run) }
    #expect(error?.path == run)
    #expect(try first.steps().isEmpty)
  }

  /// A kill in the middle of writing leaves a folder under a name of our own. Whatever else is there is the user's.
  @Test func whatAKilledRunLeftHalfDoneIsClearedAway() async throws {
    for name in ["step-3.partial", "step-4.removed", "notes", "step-05"] {
      try FileManager.default.createDirectory(atPath: run + "/" + name, withIntermediateDirectories: true)
    }
    await #expect(processExitsWith: .signal(SIGKILL)) { [run = run as String] in
      let checkpoints = try Checkpoints(run) { _ in kill(getpid(), SIGKILL) }
      try train(Toy(), checkpoints, stopAfter: 1)
    }
    #expect(try names().count == 5)
    try FileManager.default.createDirectory(atPath: run + "/step-5", withIntermediateDirectories: true)
    let checkpoints = try Checkpoints(run)
    #expect(try names() == ["notes", "step-05", "step-3.partial", "step-4.removed", "step-5"])
    #expect(try checkpoints.steps() == [5])
  }

  /// A kill between the new checkpoint and the removal of the old one leaves one too many.
  @Test func whatIsTooManyIsDroppedOnResuming() throws {
    try train(Toy(), Checkpoints(run, stepsBetween: 2, keepLast: 9), stopAfter: 8)
    #expect(try Checkpoints(run).steps() == [2, 4, 6, 8])
    let kept = try Checkpoints(run, keepLast: 2)
    try train(Toy(), kept) { event in
      guard case .started = event else { return }
      let steps = try kept.steps()
      #expect(steps == [6, 8])
    }
  }

  @Test func aPlaceThatCannotBeWrittenToIsRefusedBeforeTheFirstStep() throws {
    try Data("a file".utf8).write(to: URL(fileURLWithPath: run))
    let error = #expect(throws: InputError.self) { try Checkpoints(run) }
    #expect(error?.path == run)
  }
}
