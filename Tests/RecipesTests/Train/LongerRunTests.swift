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

  /// Also before the first of them has taken a step, when there is nothing but what it began with.
  @Test func twoRunsShareNoFolder() throws {
    let tiny = try TinyRun(), out = tiny.folder + "/out"
    let first = try tiny.train("train.steps=2")
    var found = [String]()
    first.observe = { event in
      guard case .started = event else { return }
      for overrides in [["train.steps=2"], ["train.seed=5"]] {
        let second = TrainRun(try RunArtifacts(tiny.settings(overrides)), command: "", terminal: quiet)
        do { _ = try second.run() } catch let error as InputError { found.append("\(error.path): \(error.found)") }
      }
    }
    #expect(try first.run().step == 2)
    #expect(
      found.count == 2 && found.allSatisfy { $0.hasSuffix("/out: that another process is writing it") }, "\(found)")

    try FileManager.default.removeItem(atPath: out)
    try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    let lock = try FileLock(folder: URL(fileURLWithPath: out).resolvingSymlinksInPath().path)
    try "{}".write(toFile: out + "/data.json", atomically: true, encoding: .utf8)
    try "# Written by dist2: every key with what it came to.".write(
      toFile: out + "/run.yaml", atomically: true, encoding: .utf8)
    #expect(throws: InputError.self) { try tiny.train("train.steps=2").run() }
    #expect(fileExists(out + "/run.yaml") && fileExists(out + "/data.json"))
    // Once nobody works there, nothing is lost with it.
    lock.unlock()
    #expect(try tiny.train("train.steps=2").run().step == 2)
  }

  @Test func theFolderMayBeALink() throws {
    let tiny = try TinyRun()
    try FileManager.default.createDirectory(atPath: tiny.folder + "/elsewhere", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: tiny.folder + "/out", withDestinationPath: tiny.folder + "/elsewhere")
    #expect(try tiny.train("train.steps=1").run().step == 1)
    #expect(fileExists(tiny.folder + "/elsewhere/report.html"))
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
