// SPDX-License-Identifier: Apache-2.0
import Experiments
import TaskData
import Files
import Foundation
import Objectives
import Recipes
import Testing
import TokenData

/// Names of files and folders are what they are, whatever characters they hold.
@Suite struct NameTests {
  static let names = [
    "a\"b", "a\\b", "a\nb", "a: b #c", "{a}", "'a'", "~a", "null", "1e5", "é\u{301}名", "%20", "*&!|>",
  ]

  @Test(arguments: names) func modelAndOutput(_ name: String) throws {
    let run = try TinyRun()
    try FileManager.default.moveItem(atPath: run.folder + "/model", toPath: run.folder + "/" + name)
    let choice = try ModelChoice(run.folder + "/" + name)
    #expect(choice.artifacts.modelFolder == run.folder + "/" + name)
    // What is written down is read back as it was.
    let output = "\(run.folder)/\(name) out"
    var settings = try RunSettings(file: run.folder + "/run.yaml")
    (settings.output, settings.model) = (output, run.folder + "/" + name)
    #expect(settings.output == output)
    let again = try RunSettings(yaml: settings.resolved.yaml, path: run.folder + "/run.yaml")
    #expect(again.output == output)
    #expect(again == settings)
  }

  @Test func runsOfExperiments() throws {
    let run = try TinyRun(), output = run.folder + "/a\"b\\c\nd"
    let comparison = try ComparisonExperiment(
      run.settings("data.test=valid.jsonl"), objectives: [.sft, .dist], seeds: [1])
    #expect(try comparison.settings(comparison.compared[0], seed: 1, output: output).output == output)
    var grounding = GroundingExperiment(.tiny)
    grounding.overrides = ["train.batch=4"]
    let planned = grounding.grid.runs[0]
    let settings = try grounding.settings(planned, model: output, data: output + "/x", output: output, examples: 8)
    #expect(settings.output == output)
    #expect(settings.model == output)
    #expect(settings.data.train?.path == output + "/x")
    #expect(settings.train.batch == 4)
    #expect(settings.train.seed == UInt64(planned.seed))
  }

  @Test(arguments: ["../evil", "/tmp/evil", "a/b", ".."]) func splitsStayInTheFolder(_ split: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "split-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try makeFolders(folder + "/out")
    let text = """
      {"image": "x.png", "sent": "it", "bbox": [1, 1, 5, 5], "width": 9, "height": 9, "split": "\(split)"}
      """
    try AtomicFile.write(text.utf8, to: folder + "/rows.jsonl")
    try AtomicFile.write([1], to: folder + "/x.png")
    let error = #expect(throws: InputError.self) {
      try GroundingData([folder + "/rows.jsonl"], images: nil, skipsBad: false)
    }
    #expect(error?.place == "line 1, key split")
    var row = try #require(RenderedScenes(side: 64).write(0..<1, split: "train", to: folder).first)
    row.split = split
    #expect(throws: InputError.self) { try GroundingData([row]).write(to: folder + "/out") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/out").isEmpty)
  }

  /// Both are called valid.jsonl; one must not take the place of the other.
  @Test func valAndValidAreOneFile() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "valid-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let scenes = RenderedScenes(side: 64)
    let rows = try scenes.write(0..<2, split: "val", to: folder) + scenes.write(2..<4, split: "valid", to: folder)
    #expect(try GroundingData(rows).write(to: folder).map(\.count) == [rows.count])
  }

  @Test func commandsAsAShellReadsThem() {
    #expect(CommandLine.quoted("a/b-1.yaml") == "a/b-1.yaml")
    #expect(CommandLine.quoted("--set=x,y") == "--set=x,y")
    #expect(CommandLine.quoted("a b") == "'a b'")
    #expect(CommandLine.quoted("") == "''")
    #expect(CommandLine.quoted("it's \"$x\"") == #"'it'\''s "$x"'"#)
  }
}
