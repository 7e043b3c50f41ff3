// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN
import Training

/// What needs a process to itself: kills, limits, the default random generator, memory.
@Suite struct ProcessTests {
  /// Sixty steps with a checkpoint every other.
  private static func train(
    _ folder: String? = nil, dropout: Double = 0, reducer: any Reducer = SingleProcess(), stopAfter: Int = .max,
    onStep: (Int) -> Void = { _ in }
  ) throws -> (losses: [Double], weights: [String: [Double]]) {
    let model = try Toy(dtype: .float32, dropout: dropout)
    let trainer = Trainer(
      model, try toyObjective(), toyRule, options: TrainingOptions(length: .steps(60), schedule: .linear, seed: 5),
      reducer: reducer)
    trainer.shouldStop = { trainer.progress.step >= stopAfter }
    let outcome = try trainer.fit(
      toyBatches(microBatch: 3, seed: 2), checkpoints: try folder.map { try Checkpoints($0, stepsBetween: 2) }
    ) { event in
      if case .step(let metrics) = event { onStep(metrics.step) }
    }
    return (outcome.losses, weights(of: model))
  }

  /// `kill -9` at random moments: between steps, inside them, while a checkpoint is written or an old one removed.
  @Test func killedRunsGoOnBitForBit() async throws {
    let folder = try TemporaryFolder(), run = folder.path + "/checkpoints"
    let kills = [(1, 0), (2, 300), (4, 1_500), (8, 700), (12, 3_000), (16, 100), (21, 5_000), (28, 900)]
    for (step, microseconds) in kills {
      try await #require(processExitsWith: .signal(SIGKILL)) {
        [run = run as String, step = step as Int, delay = microseconds as Int] in
        _ = try Self.train(run) { done in
          // A life before this one may have come further than its kill was meant for.
          guard done >= step else { return }
          // From another thread, so that the moment has nothing to do with what training does meanwhile.
          Thread.detachNewThread {
            usleep(UInt32(delay))
            kill(getpid(), SIGKILL)
          }
        }
        sleep(60)
      }
      // A checkpoint was due at every even step before the killing began.
      let saved = try FileManager.default.contentsOfDirectory(atPath: run)
      #expect(step < 3 || saved.contains { $0.hasPrefix("step-") && !$0.contains(".") })
    }
    let resumed = try Self.train(run), whole = try Self.train()
    #expect(resumed.losses == whole.losses)
    #expect(resumed.weights == whole.weights)
  }

  /// Dropout draws from torch's default generator, whose state is a function of seed and step.
  @Test func resumedEqualsUninterruptedWithDropout() async throws {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let whole = try Self.train(dropout: 0.3)
      #expect(try whole.losses != Self.train().losses)
      _ = try Self.train(folder.path, dropout: 0.3, stopAfter: 13)
      _ = Tensor.randn([100])  // whatever else the process draws
      let resumed = try Self.train(folder.path, dropout: 0.3)
      #expect(resumed.losses == whole.losses)
      #expect(resumed.weights == whole.weights)
    }
  }

  /// Processes that share a step may not drop the same hidden units.
  @Test func dropoutDiffersByProcess() async throws {
    await #expect(processExitsWith: .success) {
      struct Second: Reducer {
        let rank = 1
        func gather(_ values: [Double]) -> [[Double]] { [values] }
        func broadcast(_ tensors: [Tensor]) {}
        func gradients(of parameters: [Tensor], in module: Module) -> any StepGradients {
          AccumulatedGradients(parameters)
        }
      }
      let first = try Self.train(dropout: 0.3).losses, second = try Self.train(dropout: 0.3, reducer: Second()).losses
      #expect(first != second)
      let plain = try Self.train().losses, alone = try Self.train(reducer: Second()).losses
      #expect(plain == alone)
    }
  }

  /// A full disk (here: a limit on the size of files) ends the run with the reason; the last checkpoint stays whole,
  /// nothing half-written is left, and the run goes on from it once there is room.
  @Test func aFullDiskCostsNothingThatWasSaved() async throws {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      _ = try Self.train(folder.path, stopAfter: 6)
      let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      signal(SIGXFSZ, SIG_IGN)
      var old = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
      var limit = rlimit(rlim_cur: 2_000, rlim_max: old.rlim_max)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let error = #expect(throws: InputError.self) { try Self.train(folder.path) }
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
      #expect(error?.path.contains("step-8") == true)
      #expect(error?.remedy.isEmpty == false)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
      #expect(try Self.train(folder.path).losses == Self.train().losses)
    }
  }

  /// Some thousand steps may not grow the process.
  @Test func memoryStaysFlat() async throws {
    await #expect(processExitsWith: .success) {
      Torch.threads = 1
      let model = try Toy(dtype: .float32)
      let trainer = Trainer(
        model, try toyObjective(), toyRule, options: TrainingOptions(length: .steps(4_000), schedule: .constant))
      var early = 0, late = 0
      try trainer.fit(toyBatches(microBatch: 2, seed: 1)) { event in
        guard case .step(let metrics) = event else { return }
        if metrics.step == 1_000 { early = try residentKilobytes() }
        if metrics.step == 4_000 { late = try residentKilobytes() }
      }
      // One 16 x 12 float32 tensor kept per step would be 2,300 kB.
      #expect(late - early < 1_024, "grew by \(late - early) kB over 3,000 steps")
    }
  }
}

private func residentKilobytes() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS") })
  return try #require(Int(line.split(whereSeparator: { !$0.isNumber })[0]))
}
