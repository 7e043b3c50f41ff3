// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing
import Torch
import Training

/// A finished run can be made longer; nothing else of it can be changed.
@Suite struct LongerRunTests {
  @Test func stepsMayGrow() throws {
    let tiny = try TinyRun()
    #expect(try tiny.train("train.steps=4").run().step == 4)
    #expect(try tiny.train("train.steps=6").run().step == 6)
    let stored = try RunSettings(file: tiny.folder + "/out/run.yaml")
    #expect(stored.train.length == .steps(6))
    let lines = String(decoding: try tiny.bytes("out/metrics.jsonl"), as: UTF8.self)
    #expect(lines.contains("\"step\":6"))
    #expect(lines.contains("\"valid/mae\""))
    for overrides in [["train.steps=5"], ["train.steps=8", "train.batch=2"], ["train.steps=null", "train.epochs=9"]] {
      #expect(throws: InputError.self, "\(overrides)") {
        _ = try TrainRun(RunArtifacts(tiny.settings(overrides)), command: "", terminal: quiet).run()
      }
    }
  }

  @Test func aLengthThatIsSetTakesThePlaceOfTheOther() throws {
    let tiny = try TinyRun()
    #expect(try tiny.settings().train.length == .steps(12))
    #expect(try tiny.settings("train.epochs=2").train.length == .epochs(2))
    #expect(throws: InputError.self) { try tiny.settings("train.epochs=2", "train.steps=3") }
  }

  @Test func aDeviceThatIsNotThereIsSaidBeforeAnythingIsWritten() throws {
    let tiny = try TinyRun()
    let error = #expect(throws: InputError.self) { try tiny.train("train.device=cuda:7").run() }
    #expect(error?.place == "key train.device")
    #expect(!fileExists(tiny.folder + "/out/run.yaml"))
    #expect(try tiny.settings("train.device=auto").train.device == .cpu || error?.found.contains("cuda:7") == true)
  }
}
