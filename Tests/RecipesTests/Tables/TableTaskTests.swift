// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Reports
import TestSupport
import Testing
import TokenData

@Suite struct TableTaskTests {
  /// Stones of a weight and a cut; prices of three to five digits, some rows twice, some asking the same.
  static func stones(_ count: Int = 200) -> String {
    var text = ",weight,cut,colour,cents,price\n"
    for index in 0..<count {
      let weight = 20 + index * 37 % 150, cut = ["fair", "good, or so", "ideal"][index % 3]
      let price = 400 + weight * weight * (1 + index % 3) / 4
      text += "\(index),\(weight).0471,\(cut.contains(",") ? "\"\(cut)\"" : cut),D,\(price)00,\(price)\n"
    }
    // The first again (its number aside), the second with another price, one without a weight, one without a price.
    text += "900,20.0471,fair,D,50000,500\n901,57.0471,\"good, or so\",D,200,2\n902,,ideal,D,1,1\n903,33.1,ideal,D,,\n"
    return text
  }

  private func task<R>(
    _ text: String, _ options: TableTask.Options = TableTask.Options(target: "price"),
    _ body: (_ task: TableTask, _ folder: String) throws -> R
  ) throws -> R {
    try withTemporaryFolder { folder in
      try text.write(toFile: folder + "/stones.csv", atomically: true, encoding: .utf8)
      return try body(TableTask(DataSource(folder + "/stones.csv"), options, terminal: quiet), folder)
    }
  }

  private func rows(_ path: String) throws -> [[String]] {
    let table = try TableFile(path)
    return try (0..<table.count).map { try table.cells($0) }
  }

  @Test func whatIsWrittenIsARunFileWithItsSplits() throws {
    try task(Self.stones()) { task, folder in
      let path = try task.write(to: folder + "/out", name: "stones", command: "dist2 init stones.csv --target price")
      #expect(path == folder + "/out/stones.yaml")
      let run = try RunSettings(file: path)
      #expect(run.data.train?.path == folder + "/out/train.csv")
      // The row's number, the colour that is always D, and the price in cents say nothing or everything.
      let columns = try #require(run.data.columns)
      #expect(columns.prompt == "weight {weight:.1f}, cut {cut}\nprice: ")
      #expect(columns.completion == "{price:05}")
      var narrow = quiet
      (narrow.isInteractive, narrow.size) = (true, { Terminal.Size(columns: 80, rows: 24) })
      let text = try task.text(narrow).replacing("\n  ", with: " ")
      #expect(text.contains("price: 0"), "\(text)")
      for words in ["numbers the rows", "the same value everywhere", "says the answer itself", "zeros in front"] {
        #expect(text.contains(words), "\(text)")
      }
      #expect(try task.text(narrow).split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
    }
  }

  /// What is set of the run file counts before it is written, however it is set.
  @Test func settingsAreThereBeforeTheFile() throws {
    try task(Self.stones()) { task, folder in
      func settings(_ overrides: String...) throws -> RunSettings {
        try task.settings(in: folder + "/out", name: "stones", overrides: overrides)
      }
      #expect(try settings("model=none").model == "none")
      #expect(throws: InputError.self) { try settings("model=none").requireModelAndDevice() }
      let error = #expect(throws: InputError.self) { try settings("train.lerningRate=1") }
      #expect(error?.description.contains("learningRate") == true, "\(String(describing: error))")
      #expect(!fileExists(folder + "/out"))
      let path = try task.write(to: folder + "/out", name: "stones", command: "c")
      #expect(try settings() == RunSettings(file: path))
    }
  }

  @Test func splitsAreDisjointAndDrawnBySeed() throws {
    try task(Self.stones()) { task, folder in
      _ = try task.write(to: folder + "/a", name: "s", command: "c")
      let splits = try ["train", "valid", "test"].map { try rows("\(folder)/a/\($0).csv") }
      // 150 different weights times cuts at most; what the model reads is rounded.
      let asked = splits.map { Set($0.map { $0.dropLast().joined(separator: "|") }) }
      #expect(asked[0].isDisjoint(with: asked[1]))
      #expect(asked[0].isDisjoint(with: asked[2]))
      #expect(asked[1].isDisjoint(with: asked[2]))
      let all = splits.flatMap { $0 }
      #expect(Set(all).count == all.count)
      #expect(all.count <= 201)
      #expect(splits[1].count >= 10)
      #expect(splits[2].count >= 10)
      // Equal again, and the same files stay; another seed draws others.
      let again = try TableTask(DataSource(folder + "/stones.csv"), TableTask.Options(target: "price"), terminal: quiet)
      _ = try again.write(to: folder + "/a", name: "s", command: "c")
      #expect(try rows(folder + "/a/test.csv") == splits[2])
      let other = try TableTask(
        DataSource(folder + "/stones.csv"), TableTask.Options(target: "price", seed: 1), terminal: quiet)
      _ = try other.write(to: folder + "/b", name: "s", command: "c")
      #expect(try rows(folder + "/b/test.csv") != splits[2])
      #expect(throws: InputError.self) { _ = try other.write(to: folder + "/a", name: "s", command: "c") }
    }
  }

  @Test func decimalsAreThoseWorthAToken() throws {
    var text = "x,y\n"
    for index in 0..<50 { text += "\(index),\(Double(index * index) * 0.0123456 - 7)\n" }
    try task(text, TableTask.Options(target: "y")) { task, folder in
      let run = try RunSettings(file: task.write(to: folder + "/o", name: "r", command: "c"))
      // A two-hundredth of the standard deviation, 9.2, is 0.046: a tenth is coarser, a hundredth is not.
      #expect(run.data.columns?.completion == "{y:.2f}")
      #expect(try task.text(quiet).contains("--decimals"))
      // Filled up with zeros, a sign would take a digit's place.
      #expect(try task.text(quiet).contains("since some are negative"))
    }
    try task(text, TableTask.Options(target: "y", decimals: 0)) { task, folder in
      let run = try RunSettings(file: task.write(to: folder + "/o", name: "r", command: "c"))
      #expect(run.data.columns?.completion == "{y:.0f}")
    }
  }

  @Test func tablesThatCannotBeLearntAreRefused() throws {
    func refuse(_ text: String, _ words: String) throws {
      do {
        try task(text, TableTask.Options(target: "y")) { _, _ in }
        Issue.record("nothing was thrown for \(words)")
      } catch let error as InputError { #expect(error.description.contains(words), "\(error)") }
    }
    let rows = (0..<20).map { "\($0 * 7 % 20),\($0)" }.joined(separator: "\n")
    try refuse("x,Y\n\(rows)\n", "Is Y meant?")
    try refuse("x,y\n" + (0..<20).map { "\($0),word\n" }.joined(), "expected numbers such as 326 or 0.5")
    try refuse("x,y\n" + (0..<20).map { "\($0),\"3,5\"\n" }.joined(), "a point for a decimal comma")
    try refuse("x,y\n" + (0..<20).map { "\($0),7\n" }.joined(), "the same everywhere")
    try refuse("x,y\n" + (0..<20).map { "\($0),\($0 % 2 == 0 ? "0" : "-0")\n" }.joined(), "the same everywhere")
    try refuse("x,y\n" + (0..<20).map { "\($0),\(2 * $0 + 1)\n" }.joined(), "says the answer itself")
    try refuse("x,y\n1,2\n2,3\n3,9\n", "expected ten rows")
    try refuse("x,y\n" + (0..<20).map { "1,\($0)\n" }.joined(), "none that says something")
  }

  /// Keys of JSON may be empty; what prints as nothing is no help.
  @Test func columnsWithoutNamesAreSaid() throws {
    let lines = (0..<40).map { "{\"\": \($0 % 7), \"a\": \($0), \"y\": \($0 * 7 % 20)}" }.joined(separator: "\n")
    try withTemporaryFolder { folder in
      try lines.write(toFile: folder + "/t.jsonl", atomically: true, encoding: .utf8)
      let source = DataSource(folder + "/t.jsonl")
      let task = try TableTask(source, TableTask.Options(target: "y"), terminal: quiet)
      let text = try task.text(quiet)
      #expect(text.contains("Left out (no name): templates need a name: give it one."), "\(text)")
      let error = #expect(throws: InputError.self) {
        try TableTask(source, TableTask.Options(target: "z"), terminal: quiet)
      }
      #expect(error?.found == "(no name), a, y")
    }
  }

  /// One command, from the table to the exported model and the page.
  @Test(.enabled(if: dist2Program != nil, "dist2 is not built")) func oneCommand() throws {
    let lab = try CommandLab()
    try lab.write("stones.csv", Self.stones(60))
    let made = try lab.run("$D init stones.csv --target price --model m")
    #expect(made.code == 0, "\(made.errors)")
    #expect(made.output.contains("Run file: stones/stones.yaml"))
    try removeTree(lab.folder + "/stones")
    let command = "$D train stones.csv --target price --model m --set train.steps=6 --set data.maxLength=64"
    let trained = try lab.run(command, seconds: 120)
    #expect(trained.code == 0, "\(trained.errors)")
    #expect(trained.output.contains("who always says"), "\(trained.output)")
    #expect(fileExists(lab.folder + "/runs/stones/model/model.safetensors"))
    let page = try String(contentsOfFile: lab.folder + "/runs/stones/report.html", encoding: .utf8)
    for words in ["Test", "who always says", "95 % interval"] {
      #expect(page.contains(words), "\(words)")
    }
    let log = try String(contentsOfFile: lab.folder + "/runs/stones/metrics.jsonl", encoding: .utf8)
    #expect(log.contains("\"valid/readable\""))
    // Once more is no harm.
    #expect(try lab.run(command, seconds: 120).code == 0)
    let wrong = try lab.run("$D train stones.csv")
    #expect(wrong.code == 2)
    #expect(wrong.errors.contains("--target"))
  }
}
