// SPDX-License-Identifier: Apache-2.0
import TaskData
import ArgumentParser
import Recipes
import Reports

struct GroundingDataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grounding",
    abstract: "Referring expressions with boxes as examples: where is the white cup? [261, 10, 374, 83] (section 3.2).",
    discussion: """
      Rows are JSON lines {"image", "sent", "bbox": [x1, y1, x2, y2], "width", "height", "split"}; \
      scripts/convert_refs.py makes them of RefCOCO's, RefCOCO+'s and RefCOCOg's files. With --scenes images of our own \
      are rendered instead: coloured shapes, described by look or by place. Writes SPLIT.jsonl for each split; val is \
      called valid.
      """)
  @Argument(help: "Files of rows.") var rows: [String] = []
  @Option(help: "Folder of the images. Default: that of each file.", completion: .directory) var images: String?
  @OptionGroup var old: OldImageOptions
  @Option(
    help: "Render so many scenes for training, a tenth as many for validation and for tests.",
    transform: whole(OptionRange.lists)) var scenes: Int?
  @Option(help: "Side of a rendered scene in pixels. Default: 224.", transform: whole(64...4096)) var side = 224
  @Option(help: "Seed of the scenes. Default: 0.", transform: whole(OptionRange.seed)) var seed: UInt64 = 0
  @Option(
    help: """
      Question, with {} for the expression. Default: \(GroundingTemplate().question) With --boxes-of: \
      \(NamedBoxes.question)
      """) var question: String?
  @Option(
    help: "Cells of the grid that coordinates count, along either side. Default: 1024.", transform: whole(2...1_048_576)
  )
  var grid = 1024
  @Option(
    help: "Boxes as this Qwen2.5-VL or Qwen3-VL folder's model writes them, in the place of a grid.",
    completion: .directory)
  var boxesOf: String?
  @Flag(help: "Leave out rows that cannot be used, and count them.") var skipBad = false
  @Option(name: .shortAndLong, help: "Folder to write to.", completion: .directory) var output: String

  func validate() throws {
    guard rows.isEmpty == (scenes != nil) else { throw ValidationError("give files of rows, or --scenes, not both") }
    guard question?.contains("{}") ?? true else { throw ValidationError("--question: expected text with {} in it") }
  }

  func run() throws {
    let template =
      try boxesOf.map { GroundingTemplate(try NamedBoxes(model: $0), question: question) }
      ?? GroundingTemplate(side: grid, question: question ?? GroundingTemplate().question)
    let data =
      try scenes.map { GroundingData(try render($0), template) }
      ?? GroundingData(rows, images: images ?? old.folder(), template, skipsBad: skipBad)
    for (path, count) in try data.write(to: output) { print("\(path): \(count) examples") }
    let terminal = Terminal.standardError
    if data.cut > 0 {
      terminal.note("\(data.cut) boxes stuck out of their image and were cut off at its edge")
    }
    if let first = data.skipped.first {
      terminal.note("\(data.skipped.count) rows are left out, the first: \(first)")
    }
  }

  private func render(_ count: Int) throws -> [ReferringRow] {
    let scenes = RenderedScenes(side: side, seed: seed), more = max(1, count / 10)
    let parts = [("train", 0..<count), ("val", count..<count + more), ("test", count + more..<count + 2 * more)]
    return try ProgressBar.run("rendering", total: count + 2 * more, unit: "scene") { bar in
      try parts.flatMap { split, indices in
        try scenes.write(indices, split: split, to: output) { bar.update(completed: indices.lowerBound + $0) }
      }
    }
  }
}
