// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Recipes
import Reports

struct NewLMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new-lm",
    abstract: "Make a small language model to train from nothing: randomly initialised weights, bytes as tokens.",
    discussion: "The folder is read by dist2 and transformers, and by dist2 new-vlm: docs/vision.md.")
  @Option(name: [.short, .long], help: "The folder to make.", completion: .directory) var output: String
  @Option(help: "Width of the hidden states. Default: \(NewLanguageModel().width).", transform: whole(1...65_536))
  var width = NewLanguageModel().width
  @Option(help: "Layers. Default: \(NewLanguageModel().layers).", transform: whole(1...1000)) var layers =
    NewLanguageModel().layers
  @Option(help: "Attention heads. Default: \(NewLanguageModel().heads).", transform: whole(1...1024)) var heads =
    NewLanguageModel().heads
  @Option(help: "Longest sequence in bytes, images' tokens included.", transform: whole(1...16_777_216)) var context =
    NewLanguageModel().contextLength
  @Option(help: "Words that are read as one token each, comma separated; all else is bytes.") var words: String?
  @Option(help: "Seed of the weights. Default: 0.", transform: whole(OptionRange.seed)) var seed: UInt64 = 0
  @Flag(help: "Replace the folder if it is there and holds a model.") var force = false

  func run() throws {
    var model = NewLanguageModel(width: width, layers: layers, heads: heads, contextLength: context, seed: seed)
    // Behind a space, as they stand in a sentence, and without one.
    model.words = words.map { $0.split(separator: ",").flatMap { [" \($0)", "\($0)"] } } ?? []
    print("\(output): \(try model.write(to: output, replacing: force)) parameters")
  }
}
