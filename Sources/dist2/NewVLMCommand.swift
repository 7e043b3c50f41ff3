// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Recipes
import Reports
import TokenModels

struct NewVLMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new-vlm",
    abstract:
      "Make a small vision-language model: a randomly initialised vision transformer and projector before a language model.",
    discussion: """
      The folder is a LLaVA folder, read by dist2 and transformers; the tokenizer gets a token <image>. What it sees \
      means nothing to it until it is trained: docs/vision.md.
      """)
  @Argument(
    help: "Folder of a language model of the Llama family, or its name in the cache. Default: the default model.")
  var language: String?
  @Option(name: [.short, .long], help: "The folder to make.", completion: .directory) var output: String
  @Option(help: "Rows, and pixels of a row, of the images it reads. Default: 160.", transform: whole(OptionRange.sides))
  var imageSize = 160
  @Option(help: "Side of the patches that become tokens. Default: 16.", transform: whole(1...8192)) var patchSize = 16
  @Option(help: "Width of the vision transformer. Default: 256.", transform: whole(1...65_536)) var width = 256
  @Option(help: "Its layers. Default: 6.", transform: whole(1...1000)) var layers = 6
  @Option(help: "Its attention heads. Default: 4.", transform: whole(1...1024)) var heads = 4
  @Option(help: "Seed of the randomly initialised weights. Default: 0.", transform: whole(OptionRange.seed)) var seed:
    UInt64 = 0
  @Flag(help: "Replace the folder if it is there and holds a model.") var force = false

  func run() throws {
    // Checked where they are read; what is cut off here is refused there.
    let vision = VisionConfiguration(
      hiddenSize: width, intermediateSize: 4 * min(max(width, 0), 1 << 32), layers: layers, heads: heads,
      imageSize: imageSize,
      patchSize: patchSize)
    let counts = try NewVisionModel(vision: vision, seed: seed)
      .write(language: modelFolder(language), to: output, replacing: force)
    var table = Table(columns: [Table.Column(output), Table.Column("", alignment: .right)])
    table.add(["randomly initialised parameters", .count(counts.randomlyInitialized)])
    table.add(["parameters", .count(counts.all)])
    table.add(["tokens of an image", .count(vision.side * vision.side)])
    print(table.text(style: .plain, terminal: .standardOutput))
  }
}
