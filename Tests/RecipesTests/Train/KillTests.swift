// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Recipes
import Testing
import Torch
import Training

/// `kill -9` at fifty random moments: while data are read, inside steps, while samples are taken, while a checkpoint or
/// the report is written.
@Suite struct KillTests {
  private static let overrides = ["train.steps=600", "train.checkpointEvery=2", "train.validateEvery=100"]

  private static func train(_ folder: String, killAfter microseconds: Int? = nil) throws -> FinishMetrics {
    // A number of threads belongs to a thread: other tests may have left another to this one than a process begins
    // with, and sums of several threads are rounded otherwise.
    Torch.threads = 1
    let tiny = try TinyRun(keeping: folder)
    let run = TrainRun(try RunArtifacts(tiny.settings(overrides)), command: "", terminal: quiet)
    if let microseconds {
      // From another thread, so that the moment has nothing to do with what training does meanwhile.
      run.observe = { event in
        guard case .started = event else { return }
        Thread.detachNewThread {
          usleep(UInt32(microseconds))
          kill(getpid(), SIGKILL)
        }
      }
    }
    return try run.run()
  }

  @Test func aRunKilledFiftyTimesEndsWithTheSameBytes() async throws {
    let whole = try TinyRun(), killed = try TinyRun(), folder = killed.folder
    let expected = try Self.train(whole.folder)
    var generator = CounterGenerator(7), kills = 0
    while kills < 50 {
      // Mostly long enough for a few steps; now and then not long enough for one.
      let delay = 1 + generator.next(below: 60_000)
      let result = await #expect(processExitsWith: .failure) { [folder = folder as String, delay = delay as Int] in
        _ = try Self.train(folder, killAfter: delay)
        // Over before the time was: nothing is left to be killed.
        sleep(1)
      }
      guard result != nil else { break }
      kills += 1
    }
    #expect(kills == 50)
    let finish = try Self.train(folder)
    #expect(finish.losses == expected.losses)
    let weights = "out/checkpoints/step-600/model.safetensors"
    #expect(try whole.bytes(weights) == killed.bytes(weights))
    let left = try FileManager.default.contentsOfDirectory(atPath: folder + "/out/checkpoints")
    #expect(
      left.allSatisfy { $0.hasPrefix("step-") && !$0.contains(".") || $0.hasPrefix(".lock") || $0 == "lock" }, "\(left)"
    )
  }
}
